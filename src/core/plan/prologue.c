/* prologue.c - the pass that lets a chain run inside the reduction, softmax or norm that reads it, in one go.
 *
 * An op with OP_PROLOGUE and the group of elementwise nodes that makes its operand become one group, where nothing else
 * must run between them.  The operand needs no memory on OpenCL, but where the op reads it again (OP_READS_AGAIN).  The
 * order of the sum, and so the bits, are those of two launches.  A group is taken by the first op that reads it, and by
 * no other; one that takes up a product itself is left alone. */
#include "core/plan/plan.h"

/* Whether all nodes of the group are elementwise, and only the taker's first operand is one of theirs. */
static int agrees(const struct graph *q, int32_t group, const struct node *taker)
{
    for (int32_t k = group; k >= 0; k = q->next[k])
        if (!q->nodes[k]->op->element)
            return 0;
    for (int i = 1; i < taker->nin; i++)
        if (chain_makes(q, group, taker, i))
            return 0;
    return 1;
}

/* Whether the operand is all of its root, each element once. */
static int is_whole(const struct tensor *x)
{
    if (x->layout.offset != 0 || layout_numel(&x->layout) != layout_numel(&x->root->layout))
        return 0;
    for (int axis = 0; axis < x->layout.ndim; axis++)
        if (x->layout.shape[axis] > 1 && x->layout.stride[axis] == 0)
            return 0;
    return 1;
}

/* The operand's value may become inside what was an output: then there is one output less. */
static int fits(const struct graph *q, int32_t group, const struct node *taker)
{
    const struct tensor *x = taker->in[0];
    const struct chain *c = q->chain;
    return q->size[group] < CHAIN_STEPS && chain_build(q, group, q->size[group], q->chain) &&
           c->real == x->dtype && x->root->dtype == x->dtype && is_whole(x) &&
           c->nargs + EPILOGUE_ARGS <= KERNEL_ARGS;
}

static void join_maker(struct graph *q, int32_t k)
{
    const struct node *n = q->nodes[k];
    const int32_t maker = q->maker[n->in[0]->root->number], group = maker < 0 ? -1 : q->group[maker];
    if (group < 0 || q->size[k] != 1 || layout_numel(&n->in[0]->layout) == 0 || !agrees(q, group, n) ||
        !fits(q, group, n) || !graph_may_join(q, group, k))
        return;
    graph_join(q, group, k);
}

void plan_prologue(struct graph *q)
{
    for (int32_t k = 0; k < q->n; k++)
        if ((q->nodes[k]->op->flags & OP_PROLOGUE) && q->group[k] == k)
            join_maker(q, k);
}
