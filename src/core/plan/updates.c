/* updates.c - the pass that lets the updates of many parameters run in one launch, and what else is done for each
 * gradient (clip_grad).
 *
 * Neighbours in the order of recording join where op, integer attributes, dtype and number of operands are the same and
 * nothing must run between them.  A gradient waits for the others of its launch; so that not all of them wait, a group
 * ends with an eighth of all the parameters' bytes, if that is much: there are at most 8 more groups than kinds. */
#include "core/plan/plan.h"

#include <string.h>

enum { MUCH = 16 << 20, PARTS = 8 };

static int may_run_with_others(const struct node *n)
{
    return n->op->many && !(n->op->flags & OP_LIST) && layout_numel(&n->in[0]->layout) > 0;
}

static int are_alike(const struct node *a, const struct node *b)
{
    return a->op == b->op && a->nin == b->nin && a->nints == b->nints && a->in[0]->dtype == b->in[0]->dtype &&
           memcmp(a->ints, b->ints, (size_t)a->nints * sizeof *a->ints) == 0;
}

/* Whether node k comes right behind one of the group: it overwrites the same parameter again. */
static int follows(const struct graph *q, int32_t group, int32_t k)
{
    for (int64_t i = q->at[k]; i < q->at[k + 1]; i++)
        if (q->group[q->preds[i]] == group)
            return 1;
    return 0;
}

void plan_updates(struct graph *q)
{
    size_t all = 0, waiting = 0;
    int32_t open = -1;
    for (int32_t k = 0; k < q->n; k++)
        if (may_run_with_others(q->nodes[k]))
            all += tensor_bytes(q->nodes[k]->in[0]);
    size_t enough = all / PARTS > MUCH ? all / PARTS : MUCH;
    for (int32_t k = 0; k < q->n; k++) {
        if (!may_run_with_others(q->nodes[k]))
            continue;
        if (open >= 0 && waiting < enough && are_alike(q->nodes[open], q->nodes[k]) && !follows(q, open, k) &&
            graph_may_join(q, open, k)) {
            graph_join(q, open, k);
        } else {
            open = k;
            waiting = 0;
        }
        waiting += tensor_bytes(q->nodes[k]->in[0]);
    }
}
