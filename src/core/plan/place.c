/* place.c - where a plan's temporaries lie in the context's arena.
 *
 * One pass over the entries in their order; a root lives from the entry that makes it to the last one that reads it
 * (or a view of it), a workspace for its entry alone.  Each takes the first gap that is large enough.  An elementwise
 * value takes the place of an operand that ends there, where each element is read before it is overwritten.  The pass
 * does not reorder entries, nor search for the best packing.  An arena is no larger than the device's largest buffer;
 * there are several where one is not enough. */
#include "base/host.h"
#include "core/plan/plan.h"

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

const struct node *plan_node(const gradc_context *g, const struct plan *p, const struct plan_entry *e, int32_t m)
{
    return g->run_nodes.items[p->members[e->first + m]];
}

int plan_makes(const gradc_context *g, const struct plan *p, const struct plan_entry *e, const struct tensor *root)
{
    for (int32_t m = 0; m < e->count; m++) {
        const struct node *n = plan_node(g, p, e, m);
        for (int o = 0; o < n->nout; o++)
            if (n->out[o] == root)
                return 1;
    }
    return 0;
}

struct plan_root *plan_value(const struct plan *p, int32_t root, int64_t e, int before)
{
    struct plan_root *found = &p->roots[root];
    for (int64_t k = 0; k < p->nagain && p->again[k].entry <= e - before; k++)
        if (p->again[k].root == root)
            found = &p->again[k].place;
    return found;
}

struct plan_root *plan_operand(const gradc_context *g, const struct plan *p, int64_t e, const struct tensor *root)
{
    return plan_value(p, root->number, e, p->nagain > 0 && !plan_makes(g, p, &p->entries[e], root));
}

void plan_last_uses(gradc_context *g, struct plan *p)
{
    for (int64_t e = 0; e < p->nentries; e++)
        for (int32_t m = 0; m < p->entries[e].count; m++) {
            const struct node *n = plan_node(g, p, &p->entries[e], m);
            for (int i = 0; i < n->nin; i++)
                plan_operand(g, p, e, n->in[i]->root)->last = e;
            for (int o = 0; o < n->nout; o++)
                plan_value(p, n->out[o]->number, e, 0)->last = e;
        }
}

/* ---- In place ---- */

struct placing {
    gradc_context *g;
    struct plan *p;
    struct lives live;
};

/* Whether operand i of node n reads z's elements one by one, each where z's own is. */
static int reads_in_step(const struct node *n, int i, const struct tensor *z)
{
    const struct tensor *t = n->in[i];
    return (n->op->element || (i == 0 && (n->op->flags & OP_IN_STEP))) &&
           tensor_bytes(t) == tensor_bytes(z) && t->dtype == z->dtype && t->layout.offset == 0 &&
           layout_is_contiguous(&t->layout) && layout_numel(&t->layout) == layout_numel(&t->root->layout) &&
           layout_same_shape(&t->layout, &n->out[0]->layout);
}

/* When member m of e runs: another op before the chain that takes it up, and behind the chain that it takes. */
static int32_t turn(const struct plan_entry *e, int32_t m)
{
    if (e->chain && m == e->chain->made)
        return -1;
    return e->chain && m == e->chain->taker ? e->count : m;
}

/* Whether z, made by member `maker` of e, may lie where `root` lies: nothing of e reads root otherwise than in step,
 * nor behind maker. */
static int may_take(const struct placing *s, const struct plan_entry *e, int32_t maker, const struct tensor *root)
{
    const struct node *made = plan_node(s->g, s->p, e, maker);
    for (int32_t m = 0; m < e->count; m++) {
        const struct node *n = plan_node(s->g, s->p, e, m);
        for (int i = 0; i < n->nin; i++)
            if (n->in[i]->root == root && (turn(e, m) > turn(e, maker) || !reads_in_step(n, i, made->out[0])))
                return 0;
    }
    return 1;
}

/* Gives z, the output of member `maker`, the place of an operand that ends with e; 0: there is none. */
static int take_place(struct placing *s, const struct plan_entry *e, int64_t at, int32_t maker,
                      struct plan_root *z)
{
    const struct op *op = plan_node(s->g, s->p, e, maker)->op;
    if (!(op->element || (op->flags & OP_IN_STEP)) || !(s->g->passes & PASS_INPLACE))
        return 0;
    for (int32_t m = 0; m <= maker; m++) {
        const struct node *reader = plan_node(s->g, s->p, e, m);
        for (int i = 0; i < reader->nin; i++) {
            const struct tensor *root = reader->in[i]->root;
            const struct plan_root *x = plan_operand(s->g, s->p, at, root);
            if (x->kind != ROOT_ARENA || x->last != at || !may_take(s, e, maker, root))
                continue;
            for (int64_t k = 0; k < s->live.count; k++)
                if (s->live.items[k] == x) { /* not yet taken by another output */
                    s->live.items[k] = z;
                    z->arena = x->arena;
                    z->offset = x->offset;
                    return 1;
                }
        }
    }
    return 0;
}

/* ---- The walk ---- */

static gradc_status place_outputs(struct placing *s, const struct plan_entry *e, int64_t at, struct failure *f)
{
    for (int32_t m = 0; m < e->count; m++) {
        const struct node *n = plan_node(s->g, s->p, e, m);
        for (int o = 0; o < n->nout; o++) {
            struct plan_root *r = plan_value(s->p, n->out[o]->number, at, 0);
            if (r->kind == ROOT_ARENA && !take_place(s, e, at, m, r) && place(s->g, s->p, &s->live, r, f))
                return f->status;
        }
    }
    return GRADC_OK;
}

static void end_if_last(struct placing *s, struct plan_root *r, int64_t at)
{
    if (r->last == at)
        end_life(&s->live, r);
}

static gradc_status place_entry(struct placing *s, int64_t at, struct failure *f)
{
    struct plan_entry *e = &s->p->entries[at];
    if (place_outputs(s, e, at, f))
        return f->status;
    if (e->workspace.bytes) {
        if (place(s->g, s->p, &s->live, &e->workspace, f))
            return f->status;
        end_life(&s->live, &e->workspace);
    }
    for (int32_t m = 0; m < e->count; m++) {
        const struct node *n = plan_node(s->g, s->p, e, m);
        for (int i = 0; i < n->nin; i++)
            end_if_last(s, plan_operand(s->g, s->p, at, n->in[i]->root), at);
        for (int o = 0; o < n->nout; o++)
            end_if_last(s, plan_value(s->p, n->out[o]->number, at, 0), at);
    }
    return GRADC_OK;
}

gradc_status plan_place(gradc_context *g, struct plan *p, struct failure *f)
{
    struct placing s = {.g = g, .p = p};
    gradc_status status = GRADC_OK;
    plan_last_uses(g, p);
    p->narenas = 0;
    for (int a = 0; a < ARENAS; a++)
        p->arena[a] = 0;
    for (int64_t e = 0; e < p->nentries && !status; e++)
        status = place_entry(&s, e, f);
    host_free(s.live.items);
    return status;
}
