/* backward.c - gradients: the nodes behind a value, walked from the last to the first, each appending its own. */
#include "core/run.h"
#include "core/step.h"
#include "core/tape.h"

#include "base/host.h"

/* A walk: the differentiable nodes that y comes from, in the order of recording. */
struct walk {
    gradc_context *g;
    const char *op;
    struct tensor *y;
    struct list nodes;
    struct list leaves; /* tensors whose flow must be forgotten at the end */
    int all_leaves;     /* backward: every leaf; gradients: the marked targets */
};

/* ---- Which nodes ---- */

static int reach(struct walk *w, const struct tensor *t)
{
    struct node *n = t->maker;
    if (!n || !n->differentiable || n->pass == w->g->pass)
        return 0;
    n->pass = w->g->pass;
    return list_push(&w->g->stack, n);
}

static gradc_status walk_nodes(struct walk *w)
{
    gradc_context *g = w->g;
    int64_t count = 0;
    g->pass++;
    g->stack.count = 0;
    int bad = reach(w, w->y);
    while (!bad && g->stack.count > 0) {
        const struct node *n = g->stack.items[--g->stack.count];
        count++;
        for (int i = 0; i < n->nin && !bad; i++)
            bad = reach(w, n->in[i]);
    }
    for (int64_t i = 0; !bad && count > 0 && i < g->tape.count; i++)
        if (g->tape.nodes[i]->pass == g->pass) {
            bad = list_push(&w->nodes, g->tape.nodes[i]);
            count--;
        }
    return bad ? context_no_memory(g, w->op) : GRADC_OK;
}

/* Where a flow ends: t is a leaf, or was asked for. */
static int is_end(const struct walk *w, const struct tensor *t)
{
    return w->all_leaves ? t->owned && t->wants_grad : t->target;
}

/* Whether anything that is wanted lies behind t. */
static int leads_on(const struct walk *w, const struct tensor *t)
{
    if (is_end(w, t))
        return 1;
    return t->maker && t->maker->relevant;
}

static void mark_relevant(struct walk *w)
{
    for (int64_t k = 0; k < w->nodes.count; k++) {
        struct node *n = w->nodes.items[k];
        for (int i = 0; i < n->nin; i++)
            if (n->in[i]->wants_grad && leads_on(w, n->in[i]))
                n->relevant = 1;
    }
}

/* ---- Whether they can be differentiated ---- */

static gradc_status check_read(struct walk *w, const struct node *n, struct tensor *t, int64_t version)
{
    struct tensor *root = t->root;
    if (root->owned && version != root->version)
        return context_fail(w->g, GRADC_E_GONE,
                            "%s: the gradient of %s reads the tensor %s, which was written since", w->op,
                            n->op->name, SHAPE(&t->layout));
    struct failure f;
    failure_clear(&f);
    if (tensor_stands(t, w->op, &f))
        return context_fail(w->g, f.status, "%s (read by the gradient of %s)", f.text, n->op->name);
    return GRADC_OK;
}

static gradc_status check_node(struct walk *w, const struct node *n)
{
    if (n->op->flags & OP_ONCE)
        return context_fail(w->g, GRADC_E_UNSUPPORTED, "%s: %s can't be differentiated again", w->op,
                            n->op->name);
    for (int i = 0; i < n->nin; i++)
        if (op_keeps(n->op, i) && check_read(w, n, n->in[i], n->versions[i]))
            return w->g->failure.status;
    for (int o = 0; o < n->nout; o++)
        if ((n->op->keeps & KEEP_OUT(o)) && check_read(w, n, n->out[o], 0))
            return w->g->failure.status;
    return GRADC_OK;
}

static gradc_status check_nodes(struct walk *w)
{
    for (int64_t k = 0; k < w->nodes.count; k++) {
        const struct node *n = w->nodes.items[k];
        if (n->relevant && check_node(w, n))
            return w->g->failure.status;
    }
    return GRADC_OK;
}

/* ---- The walk back ---- */

/* Sums dx over the axes along which x was broadcast. */
static gradc_tensor *unbroadcast(gradc_tensor *dx, const struct tensor *x)
{
    const struct layout *from = &tensor_of(dx)->layout, *to = &x->layout;
    int axes[GRADC_MAX_NDIM], n = 0, extra = from->ndim - to->ndim;
    if (layout_same_shape(from, to))
        return dx;
    for (int i = 0; i < from->ndim; i++)
        if (i < extra || (to->shape[i - extra] == 1 && from->shape[i] != 1))
            axes[n++] = i;
    dx = n > 0 ? gradc_sum(dx, n, axes, 1) : dx;
    return gradc_reshape(dx, to->ndim, to->shape);
}

/* dx flows into x. */
static gradc_status flow_into(struct walk *w, struct tensor *x, gradc_tensor *dx)
{
    if (!(dx = unbroadcast(dx, x)))
        return w->g->failure.status;
    if (!x->flow && list_push(&w->leaves, x))
        return context_no_memory(w->g, w->op);
    x->flow = x->flow ? gradc_add(x->flow, dx) : dx;
    return x->flow ? GRADC_OK : w->g->failure.status;
}

enum { FEW = 8 };

struct node_back {
    gradc_tensor *x[FEW], *dx[FEW], *z[OP_OUTPUTS], *dz[OP_OUTPUTS];
    unsigned char wants[FEW];
};

static gradc_status call_gradient(struct walk *w, struct node *n, struct gradient *d)
{
    for (int i = 0; i < n->nin; i++)
        if (!(((gradc_tensor **)(uintptr_t)d->x)[i] = tensor_handle(n->in[i])))
            return w->g->failure.status;
    n->op->gradient(d);
    if (w->g->failure.status)
        return w->g->failure.status;
    for (int i = 0; i < n->nin; i++)
        if (d->wants[i] && d->dx[i] && flow_into(w, n->in[i], d->dx[i]))
            return w->g->failure.status;
    return GRADC_OK;
}

static gradc_status node_back(struct walk *w, struct node *n)
{
    struct node_back few = {0};
    gradc_tensor **x = few.x, **dx = few.dx;
    unsigned char *wants = few.wants;
    void *many = NULL;
    int any = 0;
    for (int o = 0; o < n->nout; o++) {
        few.dz[o] = n->out[o]->flow;
        any |= few.dz[o] != NULL;
        if (!(few.z[o] = tensor_handle(n->out[o])))
            return w->g->failure.status;
    }
    if (!any)
        return GRADC_OK;
    if (n->nin > FEW) {
        if (!(many = host_zalloc((size_t)n->nin, 2 * sizeof(void *) + 1)))
            return context_no_memory(w->g, w->op);
        x = many;
        dx = x + n->nin;
        wants = (unsigned char *)(dx + n->nin);
    }
    for (int i = 0; i < n->nin; i++)
        wants[i] = n->in[i]->wants_grad && leads_on(w, n->in[i]);
    struct gradient d = {w->g, n->nin, n->nout, x, few.z, few.dz, dx, wants, n->ints, n->reals};
    gradc_status status = call_gradient(w, n, &d);
    host_free(many);
    return status;
}

static gradc_status walk_back(struct walk *w, gradc_tensor *dy)
{
    if (flow_into(w, w->y, dy))
        return w->g->failure.status;
    for (int64_t k = w->nodes.count - 1; k >= 0; k--) {
        struct node *n = w->nodes.items[k];
        if (n->relevant && node_back(w, n))
            return w->g->failure.status;
    }
    return GRADC_OK;
}

static gradc_tensor *ones_like(gradc_context *g, const struct tensor *t)
{
    gradc_tensor *one = context_constant(g, t->dtype, 1);
    return one ? gradc_expand(one, t->layout.ndim, t->layout.shape) : NULL;
}

static gradc_status walk_start(struct walk *w)
{
    if (walk_nodes(w))
        return w->g->failure.status;
    mark_relevant(w);
    return check_nodes(w);
}

/* All of the walk, from dy, or from ones.  Nothing flows from a y that wants no gradient: an integer. */
static gradc_status walk(struct walk *w, gradc_tensor *dy)
{
    if (!w->y->wants_grad)
        return GRADC_OK;
    if (walk_start(w) || (!dy && !(dy = ones_like(w->g, w->y))))
        return w->g->failure.status;
    return walk_back(w, dy);
}

/* What was kept for these nodes' gradients need not be kept any longer. */
static void walk_done(struct walk *w)
{
    for (int64_t k = 0; k < w->nodes.count; k++) {
        struct node *n = w->nodes.items[k];
        if (n->relevant)
            node_done(n);
    }
}

static void walk_end(struct walk *w)
{
    for (int64_t i = 0; i < w->leaves.count; i++)
        ((struct tensor *)w->leaves.items[i])->flow = NULL;
    for (int64_t k = 0; k < w->nodes.count; k++)
        ((struct node *)w->nodes.items[k])->relevant = 0;
    host_free(w->leaves.items);
    host_free(w->nodes.items);
}

/* ---- backward ---- */

static int wants_binding(const struct walk *w, const struct tensor *t)
{
    return t->flow && is_end(w, t);
}

/* Two rounds, so that a failure changes no gradient: the sums are recorded first, then all are bound. */
static gradc_status bind_leaves(struct walk *w)
{
    for (int64_t i = 0; i < w->leaves.count; i++) {
        struct tensor *leaf = w->leaves.items[i];
        if (!wants_binding(w, leaf))
            continue;
        struct tensor *s = gradient_stand_in(leaf);
        if (!s)
            return context_no_memory(w->g, w->op);
        if (s->bound && !(leaf->flow = gradc_add(s->handle, leaf->flow)))
            return w->g->failure.status;
        /* A gradient lies as its handle says: row-major. */
        if (!(leaf->flow = gradc_contiguous(leaf->flow)))
            return w->g->failure.status;
    }
    for (int64_t i = 0; i < w->leaves.count; i++) {
        struct tensor *leaf = w->leaves.items[i];
        if (wants_binding(w, leaf))
            gradient_bind(leaf->grad, tensor_value(tensor_of(leaf->flow)));
    }
    return GRADC_OK;
}

void loss_keep(struct tensor *loss)
{
    if (!loss->maker || loss->maker->loss || loss->maker->out[0] != loss)
        return;
    loss->maker->loss = 1;
    tensor_keep(loss);
}

static gradc_status walk_and_bind(struct walk *w)
{
    gradc_context *g = w->g;
    call_begin(g, 0);
    gradc_status status = walk(w, NULL);
    if (!status)
        status = bind_leaves(w);
    if (status)
        call_undo(g);
    else {
        walk_done(w);
        loss_keep(w->y);
    }
    walk_end(w);
    call_end(g);
    return status;
}

/* The loss is kept from here on; if its value was dropped it is computed again first, as what it comes from may not
 * outlive the walk. */
static gradc_status backward(struct walk *w)
{
    tensor_keep(w->y);
    gradc_status status = run_kept(w->y);
    if (!status)
        status = walk_and_bind(w);
    tensor_unkeep(w->y);
    return status;
}

gradc_status gradc_backward(gradc_tensor *h)
{
    gradc_status status;
    struct tensor *loss = context_enter_by(h, "backward", &status);
    if (!loss)
        return status;
    gradc_context *g = loss->g;
    if (layout_numel(&loss->layout) != 1)
        return context_fail(g, GRADC_E_SHAPE, "backward: the loss %s does not have one element",
                            SHAPE(&loss->layout));
    if (!loss->wants_grad)
        return context_fail(g, GRADC_E_ARG, "backward: the loss depends on nothing that wants a gradient");
    struct failure f;
    failure_clear(&f);
    if (tensor_stands(loss, "backward", &f))
        return context_fail(g, f.status, "%s", f.text);
    struct walk w = {.g = g, .op = "backward", .y = loss, .all_leaves = 1};
    status = backward(&w);
    return status || !g->eager ? status : run_pending(g, NULL);
}

/* ---- gradients ---- */

static gradc_status targets_mark(gradc_context *g, int n, gradc_tensor *const *x)
{
    for (int i = 0; i < n; i++) {
        if (!x[i])
            return GRADC_E_ARG;
        struct tensor *t = handle_body(x[i], "gradients");
        if (!t)
            return GRADC_E_CLEARED;
        if (t->g != g)
            return context_fail(g, GRADC_E_ARG, "gradients: x[%d] is of another context", i);
        if (!t->wants_grad)
            return context_fail(g, GRADC_E_ARG, "gradients: x[%d] %s depends on nothing that wants a gradient",
                                i, SHAPE(&t->layout));
        t->target = 1;
    }
    return GRADC_OK;
}

static void targets_unmark(int n, gradc_tensor *const *x)
{
    for (int i = 0; i < n; i++)
        if (x[i] && atomic_load(&x[i]->state) == HANDLE_LIVE)
            x[i]->body->target = 0;
}

/* What flowed into x, as a result of its own: not an alias of a tensor of yours, and no handle given twice. */
static gradc_tensor *result_for(gradc_context *g, const struct tensor *x)
{
    if (!x->flow) {
        gradc_tensor *zero = context_constant(g, x->dtype, 0);
        gradc_tensor *zeros = zero ? gradc_expand(zero, x->layout.ndim, x->layout.shape) : NULL;
        return zeros ? op_record(&op_contiguous, 1, &zeros, NULL) : NULL;
    }
    const struct tensor *flow = tensor_of(x->flow);
    if (flow->root->owned)
        return op_record(&op_contiguous, 1, &x->flow, NULL);
    return gradc_reshape(x->flow, flow->layout.ndim, flow->layout.shape);
}

static gradc_status give_results(gradc_context *g, int n, gradc_tensor *const *x, gradc_tensor **dx)
{
    for (int i = 0; i < n; i++)
        if (!(dx[i] = result_for(g, tensor_of(x[i]))))
            return g->failure.status;
    for (int i = 0; i < n; i++) {
        struct tensor *t = tensor_of(dx[i]);
        t->open = 1;
        tensor_keep(t);
    }
    return GRADC_OK;
}

static gradc_status gradients(struct walk *w, gradc_tensor *dy, int n, gradc_tensor *const *x, gradc_tensor **dx)
{
    gradc_context *g = w->g;
    call_begin(g, g->recording);
    gradc_status status = walk(w, dy);
    if (!status)
        status = give_results(g, n, x, dx);
    if (status) {
        call_undo(g);
        for (int i = 0; i < n; i++)
            dx[i] = NULL;
    } else {
        walk_done(w);
    }
    walk_end(w);
    call_end(g);
    return status;
}

gradc_status gradc_gradients(gradc_tensor *y, gradc_tensor *dy, int n, gradc_tensor *const *x, gradc_tensor **dx)
{
    for (int i = 0; i < n; i++)
        dx[i] = NULL;
    gradc_status status;
    struct tensor *t = context_enter_by(y, "gradients", &status);
    if (!t)
        return status;
    gradc_context *g = t->g;
    if (dy) {
        struct tensor *d = op_operand(dy, "gradients");
        if (!d)
            return GRADC_E_CLEARED;
        if (d->g != g || d->dtype != t->dtype || !layout_same_shape(&d->layout, &t->layout))
            return context_fail(g, GRADC_E_SHAPE, "gradients: dy %s does not match y %s", SHAPE(&d->layout),
                                SHAPE(&t->layout));
    }
    struct failure f;
    failure_clear(&f);
    if (tensor_stands(t, "gradients", &f))
        return context_fail(g, f.status, "%s", f.text);
    struct walk w = {.g = g, .op = "gradients", .y = t};
    if (!(status = targets_mark(g, n, x)))
        status = gradients(&w, dy, n, x, dx);
    targets_unmark(n, x);
    return status || !g->eager ? status : run_pending(g, NULL);
}
