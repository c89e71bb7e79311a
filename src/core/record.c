/* record.c - the one road onto the tape: operands checked, shape inferred, node appended. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/host.h"
#include "core/autocast.h"
#include "core/run.h"
#include "core/tape.h"

gradc_status record_fail(const struct record *r, gradc_status status, const char *format, ...)
{
    char text[FAILURE_TEXT];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return context_fail(r->g, status, "%s: %s", r->op->name, text);
}

int record_axis(struct record *r, int64_t axis, int ndim)
{
    if (axis >= -ndim && axis < ndim)
        return (int)(axis < 0 ? axis + ndim : axis);
    record_fail(r, GRADC_E_ARG, "axis %lld is not in %d..%d", (long long)axis, -ndim, ndim - 1);
    return -1;
}

/* ---- Operands ---- */

/* The bodies of live operands of one context; g is found on the way.  GRADC_OK, or the error is set. */
static gradc_status operands(const struct op *op, int n, gradc_tensor *const *in, struct tensor **body,
                             gradc_context **g)
{
    for (int i = 0; i < n; i++) {
        if (!in[i])
            return GRADC_E_ARG;
        if (!(body[i] = handle_body(in[i], op->name)))
            return GRADC_E_CLEARED;
        if (!*g)
            *g = body[i]->g;
        else if (body[i]->g != *g)
            return context_fail(*g, GRADC_E_ARG, "%s: operand %d is of another context", op->name, i + 1);
    }
    return GRADC_OK;
}

/* Stand-ins of gradients become their values; GONE and lost operands are refused. */
static gradc_status operands_stand(gradc_context *g, const struct op *op, int n, struct tensor **body)
{
    for (int i = 0; i < n; i++) {
        struct tensor *t = body[i];
        if (node_writes(op, i)) {
            if (!t->root->owned)
                return context_fail(g, GRADC_E_ARG, "%s: %s is an op's result, which can't be written",
                                    op->name, SHAPE(&t->layout));
            if (i == 0 && op == &op_assign && t->root == t)
                continue; /* a full assign makes a lost tensor valid */
        }
        if (t->root->owned && !t->root->lost && !t->is_gradient)
            continue;
        struct failure f;
        failure_clear(&f);
        if (tensor_stands(t, op->name, &f))
            return context_fail(g, f.status, "%s", f.text);
        body[i] = tensor_value(t);
    }
    return GRADC_OK;
}

/* ---- The node's outputs ---- */

static int wants_gradient(const struct record *r)
{
    if (!r->g->recording || !r->op->gradient)
        return 0;
    for (int i = 0; i < r->nin; i++)
        if (r->in[i]->wants_grad)
            return 1;
    return 0;
}

/* Whatever a shape rule comes to, its bytes must fit an int64_t. */
static gradc_status outputs_fit(const struct record *r)
{
    for (int o = 0; o < r->nout; o++)
        if (layout_numel(&r->out[o].layout) > INT64_MAX / 16)
            return record_fail(r, GRADC_E_SHAPE, "the result %s has too many elements", SHAPE(&r->out[o].layout));
    return GRADC_OK;
}

static int outputs_new(struct node *n, const struct record *r, int wants)
{
    for (int o = 0; o < r->nout; o++) {
        struct layout l = r->out[o].layout;
        struct tensor *t;
        if (r->op->flags & OP_VIEW) {
            t = tensor_view_of(r->in[0]->root, r->out[o].dtype, &l);
        } else {
            layout_contiguous(&l);
            t = tensor_new(r->g, r->out[o].dtype, &l);
        }
        if (!t)
            return -1;
        t->maker = n;
        t->wants_grad = wants && (o == 0 || (r->op->flags & OP_FLOWS)) && dtype_is_float(t->dtype);
        n->out[o] = t;
    }
    return 0;
}

/* Keeps what the gradient will read. */
static void node_save(struct node *n)
{
    n->saved = 1;
    for (int i = 0; i < n->nin; i++)
        if (op_keeps(n->op, i) && !n->in[i]->root->owned)
            tensor_keep(n->in[i]);
    for (int o = 0; o < n->nout; o++)
        if (n->op->keeps & KEEP_OUT(o))
            tensor_keep(n->out[o]);
}

/* The handle of output 0: the caller's, or a temporary one inside a call of ours. */
static gradc_tensor *give(gradc_context *g, struct tensor *t)
{
    gradc_tensor *h = handle_new(g, t);
    if (!h)
        return NULL;
    if (g->depth > 0) {
        if (list_push(&g->temporary, h)) {
            handle_end(h, HANDLE_CLEARED);
            return NULL;
        }
        return h;
    }
    t->open = 1;
    tensor_keep(t);
    return h;
}

/* In eager mode what a call of ours makes must last until it ends. */
static int hold(gradc_context *g, struct node *n)
{
    for (int o = 0; o < n->nout; o++) {
        if (list_push(&g->held, n->out[o]))
            return -1;
        tensor_keep(n->out[o]);
        tensor_ref(n->out[o]);
    }
    return 0;
}

static struct node *append(struct record *r, gradc_tensor **result)
{
    gradc_context *g = r->g;
    struct node *n = tape_reserve(g) ? NULL : node_new(r);
    if (!n)
        return NULL;
    int wants = wants_gradient(r);
    int held = g->eager && g->depth > 0;
    gradc_tensor *h = NULL;
    int bad = outputs_new(n, r, wants) || (r->nout > 0 && !(h = give(g, n->out[0])));
    if (bad || (held && hold(g, n))) {
        node_free(g, n);
        return NULL;
    }
    tape_push(g, n);
    if (wants && g->differentiable) {
        n->differentiable = 1;
        node_save(n);
    } else {
        for (int o = 0; o < n->nout; o++)
            n->out[o]->wants_grad = 0;
    }
    for (int i = 0; i < n->nin; i++) {
        tensor_close(n->in[i]);
        if (node_writes(n->op, i)) {
            n->in[i]->root->version++;
            g->epoch++;
        }
    }
    *result = h;
    return n;
}

/* Runs at once in eager mode, or when too much waits; never inside a step, nor half way through a call of ours. */
static gradc_status run_when_due(gradc_context *g)
{
    if (g->in_step)
        return GRADC_OK;
    if (g->eager || (g->depth == 0 && g->tape.count - g->tape.ran >= g->pending_limit))
        return run_pending(g, NULL);
    return GRADC_OK;
}

/* An op without a form for 16-bit floats neither takes nor makes them; a view only looks at them. */
static gradc_status takes_half(const struct record *r, int outputs)
{
    if (r->op->flags & (OP_HALF | OP_VIEW))
        return GRADC_OK;
    for (int i = 0; i < r->nin; i++)
        if (!outputs && dtype_is_half(r->in[i]->dtype))
            return record_fail(r, GRADC_E_DTYPE, "operand %d is %s, which %s does not take", i + 1,
                               gradc_dtype_name(r->in[i]->dtype), r->op->name);
    for (int o = 0; outputs && o < r->nout; o++)
        if (dtype_is_half(r->out[o].dtype))
            return record_fail(r, GRADC_E_DTYPE, "there is no %s of %s", r->op->name,
                               gradc_dtype_name(r->out[o].dtype));
    return GRADC_OK;
}

static gradc_status record(gradc_context *g, const struct op *op, int nin, struct tensor **in,
                           const struct attributes *a, struct node **node, gradc_tensor **result)
{
    struct record r;
    r.g = g;
    r.op = op;
    r.nin = nin;
    r.in = in;
    r.nout = op->nout;
    r.nints = a ? a->nints : 0;
    r.nreals = a ? a->nreals : 0;
    r.bound[0] = a ? a->bound[0] : 0;
    r.bound[1] = a ? a->bound[1] : 0;
    for (int i = 0; i < r.nints; i++)
        r.ints[i] = a->ints[i];
    for (int i = 0; i < r.nreals; i++)
        r.reals[i] = a->reals[i];
    gradc_status status = takes_half(&r, 0);
    if (status)
        return status;
    status = op->shape(&r);
    if (status)
        return g->failure.status ? status : record_fail(&r, status, "refused");
    if (takes_half(&r, 1))
        return g->failure.status;
    if (outputs_fit(&r))
        return g->failure.status;
    if (!(*node = append(&r, result)))
        return context_no_memory(g, op->name);
    return run_when_due(g);
}

enum { OPERANDS = 16 };

static gradc_status record_operands(gradc_context *g, const struct op *op, int nin, gradc_tensor *const *in,
                                    const struct attributes *a, struct node **node, gradc_tensor **result)
{
    struct tensor *few[OPERANDS], **body = few;
    if (nin > OPERANDS && !(body = host_zalloc((size_t)nin, sizeof *body)))
        return fail_thread(GRADC_E_MEMORY, "%s: no memory on the host", op->name);
    gradc_status status = operands(op, nin, in, body, &g);
    if (!status)
        status = context_enter(g, op->name);
    /* Entering takes up releases: a handle may have ended by that. */
    if (!status && g->releases_taken) {
        g->releases_taken = 0;
        status = operands(op, nin, in, body, &g);
    }
    if (!status)
        status = operands_stand(g, op, nin, body);
    if (!status)
        status = record(g, op, nin, body, a, node, result);
    if (body != few)
        host_free(body);
    return status;
}

gradc_tensor *op_record(const struct op *op, int nin, gradc_tensor *const *in, const struct attributes *a)
{
    struct node *n = NULL;
    gradc_tensor *h = NULL, *cast[AUTOCAST_OPERANDS];
    in = autocast_operands(op, nin, in, cast);
    return record_operands(NULL, op, nin, in, a, &n, &h) ? NULL : h;
}

gradc_tensor *op_record_on(gradc_context *g, const struct op *op, const struct attributes *a)
{
    struct node *n = NULL;
    gradc_tensor *h = NULL;
    if (!g) {
        fail_thread(GRADC_E_ARG, "%s: no context", op->name);
        return NULL;
    }
    return record_operands(g, op, 0, NULL, a, &n, &h) ? NULL : h;
}

gradc_status op_record_all(const struct op *op, int nin, gradc_tensor *const *in, const struct attributes *a,
                           gradc_tensor **out)
{
    struct node *n = NULL;
    for (int o = 0; o < op->nout; o++)
        out[o] = NULL;
    gradc_tensor *h = NULL, *cast[AUTOCAST_OPERANDS];
    in = autocast_operands(op, nin, in, cast);
    gradc_status status = record_operands(NULL, op, nin, in, a, &n, &h);
    if (status)
        return status;
    out[0] = h;
    for (int o = 1; o < op->nout; o++)
        if (!(out[o] = tensor_handle(n->out[o])))
            return GRADC_E_MEMORY;
    return GRADC_OK;
}

/* An update whose source lies in the memory that it overwrites reads a copy. */
static gradc_tensor *apart(const struct op *op, int nin, gradc_tensor *const *in, int i)
{
    const struct tensor *x = in[i] ? in[i]->body : NULL;
    for (int k = 0; x && k < nin; k++)
        if (k != i && node_writes(op, k) && in[k] && in[k]->body && in[k]->body->root == x->root)
            return op_record(&op_contiguous, 1, &in[i], NULL);
    return in[i];
}

gradc_status op_record_assign(const struct op *op, int nin, gradc_tensor *const *in, const struct attributes *a)
{
    struct node *n = NULL;
    gradc_tensor *h = NULL, *safe[OPERANDS] = {NULL};
    if (nin > OPERANDS)
        return fail_thread(GRADC_E_ARG, "%s: more than %d operands", op->name, OPERANDS);
    for (int i = 0; i < nin; i++)
        safe[i] = node_writes(op, i) ? in[i] : apart(op, nin, in, i);
    gradc_status status = record_operands(NULL, op, nin, safe, a, &n, &h);
    /* A NULL operand comes from an earlier failure, or is the caller's own. */
    for (int i = 0; status == GRADC_E_ARG && i < nin; i++)
        if (safe[i] && safe[i]->g && gradc_check(safe[i]->g))
            return gradc_check(safe[i]->g);
    return status;
}
