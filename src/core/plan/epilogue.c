/* epilogue.c - the pass that lets a chain run inside the kernel of the product, convolution, softmax or norm that it
 * takes up: activation and residual in one go with the sum.
 *
 * An op with OP_EPILOGUE and the first group of elementwise nodes that reads its result become one group, where
 * positions agree, nothing else must run between them, and the chain is short.  The bits are those of two launches.  A
 * group takes up one op, and an op is taken up by one group; it does not look for the better of two. */
#include "core/plan/plan.h"

static int is_maker(const struct graph *q, int32_t k)
{
    const struct node *n = q->nodes[k];
    return (n->op->flags & OP_EPILOGUE) && q->size[k] == 1 && q->group[k] == k &&
           layout_numel(&n->out[0]->layout) > 0;
}

/* Whether all nodes of the group are elementwise, read the first result of `maker` in step and no other of it, and make
 * nothing that it reads. */
static int agrees(const struct graph *q, int32_t group, int32_t maker)
{
    const struct node *m = q->nodes[maker];
    for (int i = 0; i < m->nin; i++)
        if (chain_makes(q, group, m, i))
            return 0;
    for (int32_t k = group; k >= 0; k = q->next[k]) {
        const struct node *n = q->nodes[k];
        if (!n->op->element)
            return 0;
        for (int i = 0; i < n->nin; i++)
            if (chain_makes(q, maker, n, i) && (n->in[i]->root != m->out[0] || !chain_in_step(n, i)))
                return 0;
    }
    return 1;
}

/* The chain may have one output more than the group's own. */
static int fits(const struct graph *q, int32_t group, int32_t maker)
{
    const struct chain *c = q->chain;
    return q->size[group] <= EPILOGUE_STEPS && chain_build(q, group, q->size[group], q->chain) &&
           (c->real == GRADC_BOOL || c->real == q->nodes[maker]->out[0]->dtype) &&
           c->n == layout_numel(&q->nodes[maker]->out[0]->layout) && c->noutputs < CHAIN_OUTPUTS &&
           c->nargs + EPILOGUE_ARGS + 2 <= KERNEL_ARGS;
}

static void join_maker(struct graph *q, int32_t k)
{
    const struct node *n = q->nodes[k];
    for (int i = 0; i < n->nin; i++) {
        int32_t maker = q->maker[n->in[i]->root->number];
        if (maker < 0 || !is_maker(q, maker) || !agrees(q, q->group[k], maker) ||
            !fits(q, q->group[k], maker) || !graph_may_join(q, maker, q->group[k]))
            continue;
        graph_join(q, maker, q->group[k]);
        return;
    }
}

void plan_epilogue(struct graph *q)
{
    for (int32_t k = 0; k < q->n; k++)
        if (q->nodes[k]->op->element && layout_numel(&q->nodes[k]->out[0]->layout) > 0)
            join_maker(q, k);
}
