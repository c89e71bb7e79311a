/* fuse.c - the pass that makes chains of elementwise nodes.
 *
 * In the order of recording each elementwise node joins the groups that make its operands, where positions agree, the
 * group's values have one dtype (and bool), and no other node must run between them.  It joins nothing to what is not
 * elementwise, duplicates no work, and does not look for nodes that merely read the same tensors. */
#include "core/plan/plan.h"

static int is_elementwise(const struct node *n)
{
    return n->op->element && n->nout == 1 && n->nin <= CHAIN_OPERANDS && layout_numel(&n->out[0]->layout) > 0;
}

/* Whether what group a reads of group b, and b of a, lies where it was made. */
static int positions_agree(const struct graph *q, int32_t a, int32_t b)
{
    for (int32_t k = a; k >= 0; k = q->next[k])
        for (int i = 0; i < q->nodes[k]->nin; i++) {
            int32_t maker = q->maker[q->nodes[k]->in[i]->root->number];
            if (maker >= 0 && q->group[maker] == b && !chain_in_step(q->nodes[k], i))
                return 0;
        }
    return 1;
}

static int dtypes_agree(const struct graph *q, int32_t a, int32_t b)
{
    gradc_dtype x = chain_real(q, a, q->size[a]), y = chain_real(q, b, q->size[b]);
    return x == y || x == GRADC_BOOL || y == GRADC_BOOL;
}

static int may_join(struct graph *q, int32_t a, int32_t b)
{
    return a != b && q->size[a] + q->size[b] <= CHAIN_STEPS &&
           layout_numel(&q->nodes[a]->out[0]->layout) == layout_numel(&q->nodes[b]->out[0]->layout) &&
           positions_agree(q, a, b) && positions_agree(q, b, a) && dtypes_agree(q, a, b) &&
           graph_may_join(q, a, b);
}

static void join_makers(struct graph *q, int32_t k)
{
    const struct node *n = q->nodes[k];
    for (int i = 0; i < n->nin; i++) {
        int32_t maker = q->maker[n->in[i]->root->number];
        if (maker >= 0 && is_elementwise(q->nodes[maker]) && may_join(q, q->group[maker], q->group[k]))
            graph_join(q, q->group[maker], q->group[k]);
    }
}

/* Groups that are too large for a chain are cut behind the most nodes that fit. */
static void cut_to_size(struct graph *q)
{
    for (int32_t k = 0; k < q->n; k++) {
        if (q->group[k] != k || q->size[k] == 1)
            continue;
        int32_t fits = q->size[k];
        while (fits > 1 && !chain_build(q, k, fits, q->chain))
            fits--;
        if (fits < q->size[k])
            graph_cut(q, k, fits);
    }
}

void plan_fuse(struct graph *q)
{
    for (int32_t k = 0; k < q->n; k++)
        if (is_elementwise(q->nodes[k]))
            join_makers(q, k);
    cut_to_size(q);
}
