/* graph.c - the order that nodes must keep, and groups of nodes.
 *
 * A node comes behind the maker of each operand; an update comes behind all that reads or writes what it overwrites,
 * and what reads or writes that afterwards behind it.  Where a node may report bad data, updates stay on their side of
 * it (DESIGN 4), and reports in their order. */
#include "core/plan/graph.h"

#include "base/host.h"

/* ---- The order ---- */

/* While edges are made: the last writer of each root, and a list of its readers since. */
struct edges {
    int32_t *writer; /* by root number; -1: none */
    int64_t *reader; /* by root number: the last entry of its list, or -1 */
    int32_t *who;    /* entries: the node, */
    int64_t *before; /* and the entry before it */
    int64_t count, who_capacity, before_capacity;
    int64_t report, updates; /* the last node that reports, or -1; a list of the updates since, or -1 */
};

static int edge(struct graph *q, int64_t from)
{
    if (host_grow(&q->preds, &q->capacity, q->npreds + 1, sizeof *q->preds))
        return -1;
    q->preds[q->npreds++] = (int32_t)from;
    return 0;
}

static int remember(struct edges *e, int64_t *list, int64_t node)
{
    if (host_grow(&e->who, &e->who_capacity, e->count + 1, sizeof *e->who) ||
        host_grow(&e->before, &e->before_capacity, e->count + 1, sizeof *e->before))
        return -1;
    e->who[e->count] = (int32_t)node;
    e->before[e->count] = *list;
    *list = e->count++;
    return 0;
}

static int edges_from(struct graph *q, const struct edges *e, int64_t list, int64_t k)
{
    for (int64_t i = list; i >= 0; i = e->before[i])
        if (e->who[i] != k && edge(q, e->who[i]))
            return -1;
    return 0;
}

static int operand_edges(struct graph *q, struct edges *e, int64_t k, int i)
{
    const struct node *n = q->nodes[k];
    int32_t root = n->in[i]->root->number;
    q->uses[root]++;
    if (e->writer[root] >= 0 && e->writer[root] != k && edge(q, e->writer[root]))
        return -1;
    if (!node_writes(n->op, i))
        return remember(e, &e->reader[root], k);
    if (edges_from(q, e, e->reader[root], k))
        return -1;
    e->reader[root] = -1;
    e->writer[root] = (int32_t)k;
    return 0;
}

/* Updates and reports among themselves. */
static int report_edges(struct graph *q, struct edges *e, int64_t k)
{
    const struct op *op = q->nodes[k]->op;
    int reports = (op->flags & OP_REPORTS) != 0;
    if ((reports || op->writes) && e->report >= 0 && edge(q, e->report))
        return -1;
    if (reports) {
        if (edges_from(q, e, e->updates, k))
            return -1;
        e->updates = -1;
        e->report = k;
    }
    return op->writes ? remember(e, &e->updates, k) : 0;
}

static int node_edges(struct graph *q, struct edges *e, int64_t k)
{
    const struct node *n = q->nodes[k];
    q->at[k] = q->npreds;
    for (int i = 0; i < n->nin; i++)
        if (operand_edges(q, e, k, i))
            return -1;
    for (int o = 0; o < n->nout; o++) {
        e->writer[n->out[o]->number] = (int32_t)k;
        q->maker[n->out[o]->number] = (int32_t)k;
    }
    return report_edges(q, e, k);
}

static int make_edges(struct graph *q, int64_t nroots)
{
    struct edges e = {.report = -1, .updates = -1};
    e.writer = host_alloc((size_t)(nroots + 1) * sizeof *e.writer);
    e.reader = host_alloc((size_t)(nroots + 1) * sizeof *e.reader);
    int bad = !e.writer || !e.reader;
    for (int64_t i = 0; !bad && i < nroots; i++) {
        e.writer[i] = q->maker[i] = -1;
        e.reader[i] = -1;
    }
    for (int64_t k = 0; !bad && k < q->n; k++)
        bad = node_edges(q, &e, k);
    if (!bad)
        q->at[q->n] = q->npreds;
    host_free(e.writer);
    host_free(e.reader);
    host_free(e.who);
    host_free(e.before);
    return bad ? -1 : 0;
}

int graph_make(struct graph *q, gradc_context *g, int64_t nroots)
{
    *q = (struct graph){.g = g, .n = g->run_nodes.count, .nodes = (struct node **)(void *)g->run_nodes.items};
    size_t n = (size_t)q->n + 1;
    q->at = host_alloc(n * sizeof *q->at);
    q->group = host_alloc(n * sizeof *q->group);
    q->next = host_alloc(n * sizeof *q->next);
    q->last = host_alloc(n * sizeof *q->last);
    q->size = host_alloc(n * sizeof *q->size);
    q->stack = host_alloc(n * sizeof *q->stack);
    q->seen = host_zalloc(n, sizeof *q->seen);
    q->chain = host_alloc(sizeof *q->chain);
    q->maker = host_alloc((size_t)(nroots + 1) * sizeof *q->maker);
    q->uses = host_zalloc((size_t)nroots + 1, sizeof *q->uses);
    if (!q->at || !q->group || !q->next || !q->last || !q->size || !q->stack || !q->seen || !q->maker ||
        !q->uses || !q->chain)
        return -1;
    for (int32_t k = 0; k < q->n; k++) {
        q->group[k] = q->last[k] = k;
        q->next[k] = -1;
        q->size[k] = 1;
    }
    return make_edges(q, nroots);
}

void graph_free(struct graph *q)
{
    host_free(q->at);
    host_free(q->preds);
    host_free(q->group);
    host_free(q->next);
    host_free(q->last);
    host_free(q->size);
    host_free(q->stack);
    host_free(q->seen);
    host_free(q->chain);
    host_free(q->maker);
    host_free(q->uses);
}

/* ---- Groups ---- */

/* Puts the groups in front of group x onto the stack, each once a walk; 1 if `goal` is among them. */
static int push_preds(struct graph *q, int32_t x, int32_t goal, int64_t *count)
{
    for (int32_t k = x; k >= 0; k = q->next[k])
        for (int64_t i = q->at[k]; i < q->at[k + 1]; i++) {
            int32_t p = q->group[q->preds[i]];
            if (p == goal)
                return 1;
            if (q->seen[p] == q->walk)
                continue;
            q->seen[p] = q->walk;
            q->stack[(*count)++] = p;
        }
    return 0;
}

/* Whether a third group lies on a way from group a to group b. */
static int leads_around(struct graph *q, int32_t a, int32_t b)
{
    int64_t count = 0;
    q->walk++;
    q->seen[a] = q->seen[b] = q->walk; /* the direct way is no hindrance */
    (void)push_preds(q, b, -1, &count);
    while (count > 0)
        if (push_preds(q, q->stack[--count], a, &count))
            return 1;
    return 0;
}

int graph_may_join(struct graph *q, int32_t a, int32_t b)
{
    return !leads_around(q, a, b) && !leads_around(q, b, a);
}

void graph_join(struct graph *q, int32_t a, int32_t b)
{
    int32_t first = a < b ? a : b, x = a, y = b, tail = -1, size = q->size[a] + q->size[b];
    while (x >= 0 || y >= 0) {
        int32_t *from = y < 0 || (x >= 0 && x < y) ? &x : &y, k = *from;
        *from = q->next[k];
        q->group[k] = first;
        if (tail >= 0)
            q->next[tail] = k;
        tail = k;
    }
    q->next[tail] = -1;
    q->last[first] = tail;
    q->size[first] = size;
}

int32_t graph_cut(struct graph *q, int32_t group, int32_t count)
{
    int32_t k = group;
    for (int32_t i = 1; i < count; i++)
        k = q->next[k];
    int32_t rest = q->next[k];
    q->next[k] = -1;
    q->last[rest] = q->last[group];
    q->size[rest] = q->size[group] - count;
    q->last[group] = k;
    q->size[group] = count;
    for (int32_t i = rest; i >= 0; i = q->next[i])
        q->group[i] = rest;
    return rest;
}
