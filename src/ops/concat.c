/* concat.c - tensors one behind the other along an axis, or along a new one: concat and stack; and split, which cuts
 * into views.  A form copies each operand, of any strides, to its place in z. */
#include "ops/ops.h"
#include "ops/strided.h"

/* ---- Shapes ---- */

static gradc_status concat_dtype(struct record *r, int i)
{
    if (r->in[i]->dtype == r->in[0]->dtype)
        return GRADC_OK;
    return record_fail(r, GRADC_E_DTYPE, "x[%d] is %s, x[0] is %s", i, gradc_dtype_name(r->in[i]->dtype),
                       gradc_dtype_name(r->in[0]->dtype));
}

/* ints: the axis. */
static gradc_status concat_shape(struct record *r)
{
    const struct layout *first = &r->in[0]->layout;
    struct layout *z = &r->out[0].layout;
    int axis;

    if (first->ndim == 0)
        return record_fail(r, GRADC_E_SHAPE, "x[0] [] has no axis");
    if ((axis = record_axis(r, r->ints[0], first->ndim)) < 0)
        return GRADC_E_ARG;
    r->ints[0] = axis;
    r->out[0].dtype = r->in[0]->dtype;
    *z = *first;
    for (int i = 1; i < r->nin; i++) {
        const struct layout *x = &r->in[i]->layout;
        struct layout as = *x;

        if (concat_dtype(r, i))
            return GRADC_E_DTYPE;
        as.shape[axis] = first->shape[axis];
        if (!layout_same_shape(&as, first))
            return record_fail(r, GRADC_E_SHAPE, "x[%d] %s does not match x[0] %s along axis %d", i, SHAPE(x),
                               SHAPE(first), axis);
        if (x->shape[axis] > INT64_MAX / 16 - z->shape[axis])
            return record_fail(r, GRADC_E_SHAPE, "x[%d] %s makes the result too long", i, SHAPE(x));
        z->shape[axis] += x->shape[axis];
    }
    return GRADC_OK;
}

/* l with a new axis of size n. */
static void axis_insert(struct layout *l, int axis, int64_t n)
{
    for (int i = l->ndim++; i > axis; i--) {
        l->shape[i] = l->shape[i - 1];
        l->stride[i] = l->stride[i - 1];
    }
    l->shape[axis] = n;
    l->stride[axis] = 0;
}

/* ints: the new axis. */
static gradc_status stack_shape(struct record *r)
{
    const struct layout *first = &r->in[0]->layout;
    int axis;

    if (first->ndim == GRADC_MAX_NDIM)
        return record_fail(r, GRADC_E_SHAPE, "x[0] %s has %d dimensions already", SHAPE(first), GRADC_MAX_NDIM);
    if ((axis = record_axis(r, r->ints[0], first->ndim + 1)) < 0)
        return GRADC_E_ARG;
    r->ints[0] = axis;
    r->out[0].dtype = r->in[0]->dtype;
    for (int i = 1; i < r->nin; i++) {
        if (concat_dtype(r, i))
            return GRADC_E_DTYPE;
        if (!layout_same_shape(&r->in[i]->layout, first))
            return record_fail(r, GRADC_E_SHAPE, "x[%d] %s does not match x[0] %s", i,
                               SHAPE(&r->in[i]->layout), SHAPE(first));
    }
    r->out[0].layout = *first;
    axis_insert(&r->out[0].layout, axis, r->nin);
    return GRADC_OK;
}

/* ---- Forms ---- */

/* Operand i as a part of z, and that part, which begins at *start and moves it on; 0 if there is nothing in it. */
static int part(const struct launch *l, int i, int64_t *start, struct view *x, struct view *z)
{
    int axis = (int)l->ints[0];

    *x = l->in[i];
    *z = l->out[0];
    if (x->layout.ndim < z->layout.ndim)
        axis_insert(&x->layout, axis, 1);
    z->layout.offset += *start * z->layout.stride[axis];
    z->layout.shape[axis] = x->layout.shape[axis];
    *start += x->layout.shape[axis];
    return x->layout.shape[axis] > 0;
}

static gradc_status concat_cpu(const struct launch *l, struct failure *f)
{
    int64_t start = 0;
    struct view x, z;

    (void)f;
    for (int i = 0; i < l->nin; i++)
        if (part(l, i, &start, &x, &z))
            copy_cpu(l->device, &z, &x);
    return GRADC_OK;
}

static gradc_status concat_opencl(const struct launch *l, struct failure *f)
{
    int64_t start = 0;
    struct view x, z;
    gradc_status status = GRADC_OK;

    for (int i = 0; i < l->nin && !status; i++)
        if (part(l, i, &start, &x, &z))
            status = copy_opencl(l, &z, &x, f);
    return status;
}

/* ---- concat and stack ---- */

static void concat_gradient(struct gradient *d)
{
    int axis = (int)d->ints[0];
    int64_t start = 0;

    for (int i = 0; i < d->nin; i++) {
        int64_t stop = start + tensor_of(d->x[i])->layout.shape[axis];

        if (d->wants[i])
            d->dx[i] = gradc_slice(d->dz[0], axis, start, stop, 1);
        start = stop;
    }
}

static void stack_gradient(struct gradient *d)
{
    int axis = (int)d->ints[0];

    for (int i = 0; i < d->nin; i++)
        if (d->wants[i])
            d->dx[i] = gradc_squeeze(gradc_slice(d->dz[0], axis, i, i + 1, 1), axis);
}

const struct op op_concat = {.name = "concat",
                             .nin = -1,
                             .nout = 1,
                             .flags = OP_HALF | OP_WIDEST,
                             .shape = concat_shape,
                             .cpu = concat_cpu,
                             .opencl = concat_opencl,
                             .gradient = concat_gradient};

const struct op op_stack = {.name = "stack",
                            .nin = -1,
                            .nout = 1,
                            .flags = OP_HALF | OP_WIDEST,
                            .shape = stack_shape,
                            .cpu = concat_cpu,
                            .opencl = concat_opencl,
                            .gradient = stack_gradient};

static gradc_tensor *join(const struct op *op, gradc_tensor *const *x, int n, int axis)
{
    const int64_t ints[] = {axis};

    if (n < 1 || !x) {
        fail_thread(GRADC_E_ARG, "%s: no tensors", op->name);
        return NULL;
    }
    return op_record(op, n, x, &(struct attributes){.nints = 1, .ints = ints});
}

gradc_tensor *gradc_concat(gradc_tensor *const *x, int n, int axis)
{
    return join(&op_concat, x, n, axis);
}

gradc_tensor *gradc_stack(gradc_tensor *const *x, int n, int axis)
{
    return join(&op_stack, x, n, axis);
}

/* ---- split ---- */

static gradc_status split_check(const struct tensor *t, int64_t size, int *axis, int n, gradc_tensor *const *out)
{
    const struct layout *x = &t->layout;
    int64_t length, parts;

    if (x->ndim == 0)
        return context_fail(t->g, GRADC_E_SHAPE, "split: x [] has no axis");
    if (*axis < -x->ndim || *axis >= x->ndim)
        return context_fail(t->g, GRADC_E_ARG, "split: axis %d is not in %d..%d", *axis, -x->ndim, x->ndim - 1);
    *axis += *axis < 0 ? x->ndim : 0;
    if (size < 1)
        return context_fail(t->g, GRADC_E_ARG, "split: size %lld is not positive", (long long)size);
    length = x->shape[*axis];
    parts = length ? (length - 1) / size + 1 : 1;
    if (n != parts || !out)
        return context_fail(t->g, GRADC_E_ARG,
                            "split: %s for %d parts, but x %s has %lld of size %lld along axis %d",
                            out ? "room" : "no room", n, SHAPE(x), (long long)parts, (long long)size, *axis);
    return GRADC_OK;
}

gradc_status gradc_split(gradc_tensor *x, int64_t size, int axis, int n, gradc_tensor **out)
{
    const struct tensor *t = op_operand(x, "split");
    gradc_status status;

    for (int i = 0; out && i < n; i++)
        out[i] = NULL;
    if (!t)
        return x ? GRADC_E_CLEARED : GRADC_E_ARG;
    gradc_context *g = t->g;
    if ((status = split_check(t, size, &axis, n, out)) != GRADC_OK)
        return status;
    for (int i = 0; i < n; i++)
        if (!(out[i] = gradc_slice(x, axis, i * size, i < n - 1 ? (i + 1) * size : INT64_MAX, 1))) {
            for (int k = 0; k < i; k++)
                out[k] = NULL;
            return gradc_check(g);
        }
    return GRADC_OK;
}
