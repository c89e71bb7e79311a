/* chain.c - a group of elementwise nodes as a chain: its inputs from outside, its steps, the values that leave it.  One
 * of its nodes may be another op, whose result the others take up (epilogue.c), or which takes theirs (prologue.c).
 *
 * A value leaves the chain where it survives the run or a node outside reads it.  Every other value stays in a block
 * of the CPU's first cache, or in a register of a GPU; blocks are given away again behind the last step that reads
 * them.  Limits: CHAIN_* in op.h, and the arguments that a kernel can have. */
#include "core/plan/plan.h"

#include <string.h>

#include "base/host.h"

/* ---- What goes together ---- */

int chain_in_step(const struct node *n, int i)
{
    const struct tensor *t = n->in[i], *root = t->root;
    if (t == root)
        return layout_numel(&t->layout) == layout_numel(&n->out[0]->layout);
    return t->dtype == root->dtype && t->layout.offset == 0 && layout_is_contiguous(&t->layout) &&
           layout_numel(&t->layout) == layout_numel(&root->layout) &&
           layout_numel(&t->layout) == layout_numel(&n->out[0]->layout);
}

int chain_makes(const struct graph *q, int32_t group, const struct node *n, int i)
{
    int32_t maker = q->maker[n->in[i]->root->number];
    return maker >= 0 && q->group[maker] == group;
}

gradc_dtype chain_real(const struct graph *q, int32_t group, int32_t count)
{
    gradc_dtype real = GRADC_BOOL;
    int32_t k = group;
    for (int32_t s = 0; s < count; s++, k = q->next[k]) {
        const struct node *n = q->nodes[k];
        const int nin =
            n->op->element ? n->nin : 0; /* what another op reads, or makes of a chain, is its own affair */
        for (int i = n->op->flags & OP_PROLOGUE ? 0 : -1; i < nin; i++) {
            gradc_dtype dtype = i < 0 ? n->out[0]->dtype : n->in[i]->dtype;
            int cast = i == 0 && (n->op->flags & OP_CASTS);
            if (dtype == GRADC_BOOL || dtype == real || (cast && !chain_makes(q, group, n, i)))
                continue;
            if (real != GRADC_BOOL)
                return -1;
            real = dtype;
        }
    }
    return real;
}

/* ---- Inputs ---- */

struct builder {
    const struct graph *q;
    struct chain *c;
    int32_t args;                                             /* of the kernel so far */
    int32_t input_used[CHAIN_INPUTS], step_used[CHAIN_STEPS]; /* the last step that reads it */
    int32_t inside[CHAIN_STEPS];                              /* how often steps read it */
};

/* Where the elements of t are for a reader of this shape. */
static void locate(const struct tensor *t, const struct layout *shape, struct chain_input *in)
{
    if (layout_numel(&t->layout) == 1)
        return;
    if (layout_same_shape(&t->layout, shape) && layout_is_contiguous(&t->layout)) {
        in->step = 1;
        return;
    }
    struct layout l = layout_expand(&t->layout, shape);
    layout_collapse(1, &l);
    if (l.ndim == 1 && l.stride[0] <= 1) { /* a piece without gaps, or one element for all */
        in->step = l.stride[0];
        return;
    }
    in->axes = l.ndim;
    for (int axis = 0; axis < l.ndim; axis++) {
        in->size[axis] = l.shape[axis];
        in->stride[axis] = l.stride[axis];
    }
}

static int same_input(const struct graph *q, const struct chain_input *x, const struct chain_input *y)
{
    const struct tensor *a = q->nodes[x->node]->in[x->operand], *b = q->nodes[y->node]->in[y->operand];
    return a->root == b->root && a->layout.offset == b->layout.offset && x->dtype == y->dtype &&
           x->axes == y->axes && x->step == y->step && memcmp(x->size, y->size, sizeof x->size) == 0 &&
           memcmp(x->stride, y->stride, sizeof x->stride) == 0;
}

/* The number of the input that is node k's operand i, or -1: there is no room. */
static int32_t input_of(struct builder *b, int32_t k, int32_t i)
{
    struct chain *c = b->c;
    const struct node *n = b->q->nodes[k];
    struct chain_input in = {.node = k, .operand = i, .dtype = n->in[i]->dtype, .slot = -1};
    locate(n->in[i], &n->out[0]->layout, &in);
    for (int32_t x = 0; x < c->ninputs; x++)
        if (same_input(b->q, &c->input[x], &in))
            return x;
    if (c->ninputs == CHAIN_INPUTS)
        return -1;
    c->input[c->ninputs] = in;
    b->args += in.axes ? 1 + 2 * in.axes : 2;
    return c->ninputs++;
}

/* ---- Steps ---- */

static int32_t step_that_makes(const struct chain *c, int32_t node)
{
    int32_t s = c->nsteps - 1;
    while (s >= 0 && c->step[s].node != node)
        s--;
    return s;
}

static int add_step(struct builder *b, int32_t k)
{
    struct chain *c = b->c;
    const struct node *n = b->q->nodes[k];
    struct chain_step *s = &c->step[c->nsteps];
    *s = (struct chain_step){.op = n->op, .node = k, .dtype = n->out[0]->dtype, .output = -1, .slot = -1};
    s->real = c->nreals;
    s->bound = c->nbound;
    if (!n->op->element) {
        c->taken = n->op->flags & OP_PROLOGUE ? step_that_makes(c, b->q->maker[n->in[0]->root->number]) : -1;
        *(c->taken >= 0 ? &c->taker : &c->made) = c->nsteps++;
        b->args += EPILOGUE_ARGS;
        if (c->taken >= 0) {
            b->inside[c->taken]++;
            b->step_used[c->taken] = CHAIN_STEPS; /* to the end */
        }
        return 1;
    }
    s->nin = n->nin;
    for (int32_t i = 0; i < n->nin; i++) {
        int32_t maker = step_that_makes(c, b->q->maker[n->in[i]->root->number]);
        s->in_dtype[i] = n->in[i]->dtype;
        s->in[i] = maker >= 0 ? CHAIN_INPUTS + maker : input_of(b, k, i);
        if (s->in[i] < 0)
            return 0;
        if (maker >= 0) {
            b->step_used[maker] = c->nsteps;
            b->inside[maker]++;
        } else {
            b->input_used[s->in[i]] = c->nsteps;
        }
    }
    c->nreals += n->nreals;
    c->nbound += n->nin == 0 ? OP_BOUND : 0;
    b->args += n->nreals + (n->nin == 0 ? OP_BOUND + 1 : 0);
    c->nsteps++;
    return 1;
}

static int is_read_again(const struct chain *c, int32_t s)
{
    return s == c->taken && (c->step[c->taker].op->flags & OP_READS_AGAIN);
}

static int add_outputs(struct builder *b)
{
    struct chain *c = b->c;
    for (int32_t s = 0; s < c->nsteps; s++) {
        const struct tensor *t = b->q->nodes[c->step[s].node]->out[0];
        if (s == c->taker || (t->root_kept == 0 && b->q->uses[t->number] == b->inside[s] && !is_read_again(c, s)))
            continue;
        if (c->noutputs == CHAIN_OUTPUTS)
            return 0;
        c->step[s].output = c->noutputs;
        c->output[c->noutputs++] = s;
        b->args += 2;
    }
    c->nargs = b->args + 1;
    return c->nargs <= KERNEL_ARGS;
}

/* ---- Blocks ---- */

static int32_t take_slot(unsigned *taken)
{
    for (int32_t slot = 0; slot < CHAIN_SLOTS; slot++)
        if (!(*taken >> slot & 1)) {
            *taken |= 1u << slot;
            return slot;
        }
    return -1;
}

static void free_slots(const struct builder *b, int32_t s, unsigned *taken)
{
    const struct chain *c = b->c;
    for (int32_t x = 0; x < c->ninputs; x++)
        if (c->input[x].slot >= 0 && b->input_used[x] == s)
            *taken &= ~(1u << c->input[x].slot);
    for (int32_t x = 0; x < s; x++)
        if (c->step[x].slot >= 0 && b->step_used[x] == s)
            *taken &= ~(1u << c->step[x].slot);
}

/* Inputs that are gathered are so before the first step. */
static int assign_slots(struct builder *b)
{
    struct chain *c = b->c;
    unsigned taken = 0;
    for (int32_t x = 0; x < c->ninputs; x++)
        if (c->input[x].axes && (c->input[x].slot = take_slot(&taken)) < 0)
            return 0;
    for (int32_t s = 0; s < c->nsteps; s++) {
        if (c->step[s].output < 0 && c->step[s].op->element && s != c->taken &&
            (c->step[s].slot = take_slot(&taken)) < 0)
            return 0;
        free_slots(b, s, &taken);
    }
    return 1;
}

int chain_build(const struct graph *q, int32_t group, int32_t count, struct chain *c)
{
    struct builder b = {.q = q, .c = c};
    *c = (struct chain){.real = chain_real(q, group, count),
                        .made = -1,
                        .taker = -1,
                        .taken = -1,
                        .n = layout_numel(&q->nodes[group]->out[0]->layout)};
    int32_t k = group;
    for (int32_t s = 0; s < count; s++, k = q->next[k])
        if (!add_step(&b, k))
            return 0;
    return add_outputs(&b) && assign_slots(&b);
}

void chain_free(struct chain *c)
{
    if (c)
        host_free(c->text);
    host_free(c);
}
