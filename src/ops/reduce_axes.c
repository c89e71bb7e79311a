/* reduce_axes.c - what reductions over axes share but their folds (reduce.c): the axes, the shape rule, the record;
 * argmax.c uses them too. */
#include "ops/reduce.h"

/* ---- Axes and shapes ---- */

/* The axes of x in mask (or those not in it), collapsed; returns their number, at least 1. */
static int reduction_group(const struct layout *x, int64_t mask, int64_t *size, int64_t *stride)
{
    struct layout group = {0};

    for (int i = 0; i < x->ndim; i++)
        if (mask >> i & 1) {
            group.shape[group.ndim] = x->shape[i];
            group.stride[group.ndim++] = x->stride[i];
        }
    layout_collapse(1, &group);
    for (int i = 0; i < group.ndim; i++) {
        size[i] = group.shape[i];
        stride[i] = group.stride[i];
    }
    if (group.ndim)
        return group.ndim;
    size[0] = 1;
    stride[0] = 1;
    return 1;
}

struct reduction reduction_of(const struct layout *x, int64_t mask)
{
    struct reduction r = {.outputs = 1, .count = 1};

    r.nkept = reduction_group(x, ~mask, r.kept_size, r.kept_stride);
    r.nreduced = reduction_group(x, mask, r.size, r.stride);
    for (int i = 0; i < r.nkept; i++)
        r.outputs *= r.kept_size[i];
    for (int i = 0; i < r.nreduced; i++)
        r.count *= r.size[i];
    return r;
}

static int64_t reduction_place(int n, const int64_t *size, const int64_t *stride, int64_t i)
{
    int64_t place = 0;

    for (int a = n - 1; a > 0; a--) {
        place += i % size[a] * stride[a];
        i /= size[a];
    }
    return place + i * stride[0];
}

int64_t reduction_kept(const struct reduction *r, int64_t o)
{
    return reduction_place(r->nkept, r->kept_size, r->kept_stride, o);
}

int64_t reduction_element(const struct reduction *r, int64_t i)
{
    return reduction_place(r->nreduced, r->size, r->stride, i);
}

/* The mask of the recorded axes, or -1 with the error.  A 0-d x takes axis 0, as PyTorch has it. */
static int64_t reduce_mask(struct record *r)
{
    int ndim = r->in[0]->layout.ndim;
    int64_t mask = 0;

    if (r->ints[REDUCE_MASK] == 0)
        return (INT64_C(1) << ndim) - 1;
    for (int64_t i = 0; i < r->ints[REDUCE_MASK]; i++) {
        int axis = record_axis(r, r->ints[REDUCE_AXES + i], ndim ? ndim : 1);

        if (axis < 0)
            return -1;
        if (mask >> axis & 1) {
            record_fail(r, GRADC_E_ARG, "axis %d comes twice", axis);
            return -1;
        }
        mask |= INT64_C(1) << axis;
    }
    return ndim ? mask : 0;
}

gradc_status reduce_shape(struct record *r)
{
    const struct layout *x = &r->in[0]->layout;
    struct layout *z = &r->out[0].layout;
    int64_t mask = reduce_mask(r);

    if (mask < 0)
        return GRADC_E_ARG;
    r->ints[REDUCE_MASK] = mask;
    for (int i = REDUCE_AXES; i < REDUCE_INTS; i++)
        r->ints[i] = 0;
    z->ndim = 0;
    for (int i = 0; i < x->ndim; i++) {
        int reduced = (int)(mask >> i & 1);

        if (!reduced || r->ints[REDUCE_KEEPDIM])
            z->shape[z->ndim++] = reduced ? 1 : x->shape[i];
    }
    return GRADC_OK;
}

gradc_status reduce_not_empty(struct record *r)
{
    const struct layout *x = &r->in[0]->layout;

    for (int i = 0; i < x->ndim; i++)
        if (r->ints[REDUCE_MASK] >> i & 1 && x->shape[i] == 0)
            return record_fail(r, GRADC_E_SHAPE, "axis %d of x %s is empty", i, SHAPE(x));
    return GRADC_OK;
}

gradc_tensor *reduce_record(const struct op *op, gradc_tensor *x, int naxes, const int *axes, int keepdim)
{
    return reduce_record_with(op, x, naxes, axes, keepdim, 0, 0);
}

gradc_tensor *reduce_record_with(const struct op *op, gradc_tensor *x, int naxes, const int *axes,
                                 int keepdim, int setting, double number)
{
    struct tensor *t = op_operand(x, op->name);
    int64_t ints[REDUCE_INTS] = {naxes, keepdim != 0, setting};

    if (!t)
        return NULL;
    if (naxes < 0 || naxes > GRADC_MAX_NDIM || (naxes && !axes)) {
        context_fail(t->g, GRADC_E_ARG, "%s: %d axes for x %s", op->name, naxes, SHAPE(&t->layout));
        return NULL;
    }
    for (int i = 0; i < naxes; i++)
        ints[REDUCE_AXES + i] = axes[i];
    return op_record(op, 1, &x,
                     &(struct attributes){.nints = REDUCE_INTS, .ints = ints, .nreals = 1, .reals = &number});
}

gradc_tensor *reduce_keepdim(gradc_tensor *z, const struct layout *x, int64_t mask)
{
    int64_t shape[GRADC_MAX_NDIM];

    for (int i = 0; i < x->ndim; i++)
        shape[i] = mask >> i & 1 ? 1 : x->shape[i];
    return gradc_reshape(z, x->ndim, shape);
}

int reduce_axes(int64_t mask, int axes[GRADC_MAX_NDIM])
{
    int n = 0;

    for (int i = 0; i < GRADC_MAX_NDIM; i++)
        if (mask >> i & 1)
            axes[n++] = i;
    return n;
}

gradc_dtype reduce_result(enum reduce_kind kind, gradc_dtype dtype)
{
    if (kind == REDUCE_ANY || kind == REDUCE_ALL)
        return GRADC_BOOL;
    return kind == REDUCE_MAX || kind == REDUCE_MIN || dtype_is_float(dtype) ? dtype : GRADC_I64;
}

double reduce_count(const struct layout *x, int64_t mask)
{
    double count = 1;

    for (int i = 0; i < x->ndim; i++)
        if (mask >> i & 1)
            count *= (double)x->shape[i];
    return count;
}
