/* place.c - where a plan's temporaries lie in the context's arena.
 *
 * One pass over the nodes in their order; a root lives from the node that makes it to the last one that reads it (or a
 * view of it), a workspace for its node alone.  Each takes the first gap that is large enough.  It does not reorder
 * nodes, nor search for the best packing.  An arena is no larger than the device's largest buffer; there are several
 * where one is not enough. */
#include "base/host.h"
#include "core/plan.h"

/* What lies in the arena now, in the order of (arena, offset). */
struct lives {
    struct plan_root **items;
    int64_t count, capacity;
};

/* The first gap of r->bytes in arena `a`: its index among the living, or -1. */
static int64_t gap(const struct lives *live, const struct plan_root *r, int32_t a, size_t largest, size_t *offset)
{
    size_t end = 0;
    int64_t i = 0;
    for (; i < live->count && live->items[i]->arena <= a; i++) {
        if (live->items[i]->arena < a)
            continue;
        if (live->items[i]->offset - end >= r->bytes)
            break;
        end = live->items[i]->offset + live->items[i]->bytes;
    }
    *offset = end;
    return largest - end >= r->bytes && largest >= end ? i : -1;
}

static gradc_status place(gradc_context *g, struct plan *p, struct lives *live, struct plan_root *r,
                          struct failure *f)
{
    size_t largest = (size_t)g->device->info.largest_buffer / 256 * 256;
    if (host_grow(&live->items, &live->capacity, live->count + 1, sizeof *live->items))
        return fail(f, GRADC_E_MEMORY, "no memory on the host");
    for (int32_t a = 0; a < ARENAS && r->bytes <= largest; a++) {
        size_t offset;
        int64_t i = gap(live, r, a, largest, &offset);
        if (i < 0)
            continue;
        for (int64_t k = live->count++; k > i; k--)
            live->items[k] = live->items[k - 1];
        live->items[i] = r;
        r->arena = a;
        r->offset = offset;
        if (a >= p->narenas)
            p->narenas = a + 1;
        if (offset + r->bytes > p->arena[a])
            p->arena[a] = offset + r->bytes;
        return GRADC_OK;
    }
    return fail(f, GRADC_E_MEMORY, "%zu bytes do not fit %d arenas of at most %zu bytes", r->bytes,
                (int)ARENAS, largest);
}

static void end_life(struct lives *live, const struct plan_root *r)
{
    int64_t kept = 0;
    for (int64_t i = 0; i < live->count; i++)
        if (live->items[i] != r)
            live->items[kept++] = live->items[i];
    live->count = kept;
}

/* last[number]: the last node that touches the root. */
static void last_uses(gradc_context *g, int64_t *last)
{
    for (int64_t k = 0; k < g->run_nodes.count; k++) {
        const struct node *n = g->run_nodes.items[k];
        for (int i = 0; i < n->nin; i++)
            last[n->in[i]->root->number] = k;
        for (int o = 0; o < n->nout; o++)
            last[n->out[o]->number] = k;
    }
}

static gradc_status place_node(gradc_context *g, struct plan *p, struct lives *live, int64_t k,
                               const int64_t *last, struct failure *f)
{
    const struct node *n = g->run_nodes.items[k];
    struct plan_root *w = &p->workspaces[k];
    for (int o = 0; o < n->nout; o++) {
        struct plan_root *r = &p->roots[n->out[o]->number];
        if (r->kind == ROOT_ARENA && place(g, p, live, r, f))
            return f->status;
    }
    if (w->bytes && place(g, p, live, w, f))
        return f->status;
    if (w->bytes)
        end_life(live, w);
    for (int i = 0; i < n->nin; i++) {
        int32_t number = n->in[i]->root->number;
        if (last[number] == k && p->roots[number].kind == ROOT_ARENA)
            end_life(live, &p->roots[number]);
    }
    for (int o = 0; o < n->nout; o++)
        if (last[n->out[o]->number] == k && p->roots[n->out[o]->number].kind == ROOT_ARENA)
            end_life(live, &p->roots[n->out[o]->number]);
    return GRADC_OK;
}

gradc_status plan_place(gradc_context *g, struct plan *p, struct failure *f)
{
    struct lives live = {0};
    int64_t *last = host_zalloc((size_t)p->nroots + 1, sizeof *last);
    if (!last)
        return fail(f, GRADC_E_MEMORY, "no memory on the host");
    last_uses(g, last);
    gradc_status status = GRADC_OK;
    for (int64_t k = 0; k < p->nnodes && !status; k++)
        status = place_node(g, p, &live, k, last, f);
    host_free(live.items);
    host_free(last);
    return status;
}
