/* order.c - the pass that puts groups in the order in which they run, and makes them the plan's entries.
 *
 * Of what may run, an update comes first, so that what it reads (a gradient) and what it overwrites die at once; else
 * the group whose first node was recorded first.  It does not look for the order with the least memory. */
#include "core/plan/plan.h"

#include "base/host.h"

/* Which groups wait for how many others, and a heap of those that wait for none. */
struct queue {
    struct graph *q;
    int updates_first;
    int32_t *waits; /* by group: edges into it from groups that have not run */
    int64_t *first; /* by node: where its list of followers begins */
    int32_t *followers, *heap, count;
};

static int comes_before(const struct queue *w, int32_t a, int32_t b)
{
    int x = w->updates_first && w->q->nodes[a]->op->writes, y = w->updates_first && w->q->nodes[b]->op->writes;
    return x != y ? x > y : a < b;
}

static void heap_push(struct queue *w, int32_t x)
{
    int32_t at = w->count++;
    for (; at > 0 && comes_before(w, x, w->heap[(at - 1) / 2]); at = (at - 1) / 2)
        w->heap[at] = w->heap[(at - 1) / 2];
    w->heap[at] = x;
}

static int32_t heap_pop(struct queue *w)
{
    int32_t top = w->heap[0], x = w->heap[--w->count], at = 0;
    for (;;) {
        int32_t child = 2 * at + 1;
        if (child >= w->count)
            break;
        if (child + 1 < w->count && comes_before(w, w->heap[child + 1], w->heap[child]))
            child++;
        if (!comes_before(w, w->heap[child], x))
            break;
        w->heap[at] = w->heap[child];
        at = child;
    }
    w->heap[at] = x;
    return top;
}

/* Edges between groups, turned around. */
static void find_followers(struct queue *w)
{
    const struct graph *q = w->q;
    for (int64_t k = 0; k < q->n; k++)
        for (int64_t i = q->at[k]; i < q->at[k + 1]; i++)
            if (q->group[q->preds[i]] != q->group[k]) {
                w->first[q->preds[i] + 2]++;
                w->waits[q->group[k]]++;
            }
    for (int64_t k = 2; k <= q->n + 1; k++)
        w->first[k] += w->first[k - 1];
    for (int64_t k = 0; k < q->n; k++)
        for (int64_t i = q->at[k]; i < q->at[k + 1]; i++)
            if (q->group[q->preds[i]] != q->group[k])
                w->followers[w->first[q->preds[i] + 1]++] = q->group[k];
}

static void release_followers(struct queue *w, int32_t group)
{
    for (int32_t k = group; k >= 0; k = w->q->next[k])
        for (int64_t i = w->first[k]; i < w->first[k + 1]; i++)
            if (--w->waits[w->followers[i]] == 0)
                heap_push(w, w->followers[i]);
}

static gradc_status add_entry(struct graph *q, struct plan *p, int32_t group, int32_t *members, struct failure *f)
{
    struct plan_entry *e = &p->entries[p->nentries++];
    *e = (struct plan_entry){.first = *members, .count = q->size[group]};
    for (int32_t k = group; k >= 0; k = q->next[k])
        p->members[(*members)++] = k;
    if (e->count == 1 || q->nodes[group]->op->many)
        return GRADC_OK;
    e->chain = host_alloc(sizeof *e->chain);
    if (!e->chain)
        return fail(f, GRADC_E_MEMORY, "no memory on the host");
    (void)chain_build(q, group, e->count, e->chain); /* plan_fuse has seen that it fits */
    return GRADC_OK;
}

static gradc_status run_queue(struct queue *w, struct plan *p, struct failure *f)
{
    int32_t members = 0;
    find_followers(w);
    for (int32_t k = 0; k < w->q->n; k++)
        if (w->q->group[k] == k && w->waits[k] == 0)
            heap_push(w, k);
    while (w->count > 0) {
        int32_t group = heap_pop(w);
        if (add_entry(w->q, p, group, &members, f))
            return f->status;
        release_followers(w, group);
    }
    return GRADC_OK;
}

gradc_status plan_order(struct graph *q, struct plan *p, struct failure *f)
{
    size_t n = (size_t)q->n + 2;
    struct queue w = {.q = q, .updates_first = (q->g->passes & PASS_ORDER) != 0};
    w.waits = host_zalloc(n, sizeof *w.waits);
    w.first = host_zalloc(n, sizeof *w.first);
    w.followers = host_alloc(((size_t)q->npreds + 1) * sizeof *w.followers);
    w.heap = host_alloc(n * sizeof *w.heap);
    gradc_status status = GRADC_OK;
    if (!w.waits || !w.first || !w.followers || !w.heap)
        status = fail(f, GRADC_E_MEMORY, "no memory on the host");
    else
        status = run_queue(&w, p, f);
    host_free(w.waits);
    host_free(w.first);
    host_free(w.followers);
    host_free(w.heap);
    return status;
}
