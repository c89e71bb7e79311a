/* max.c - max and min: the maximum and the minimum over axes; NaN wins.  Floats, i64, i32, u8. */
#include "ops/ops.h"
#include "ops/reduce.h"
#include "ops/wide_gradient.h"

/* ints: REDUCE_*. */
static gradc_status max_shape(struct record *r)
{
    gradc_dtype dtype = r->in[0]->dtype;

    if (!dtype_known(dtype) || dtype == GRADC_BOOL)
        return record_fail(r, GRADC_E_DTYPE, "x is %s, not a number", gradc_dtype_name(dtype));
    if (reduce_shape(r) != GRADC_OK)
        return GRADC_E_ARG;
    r->out[0].dtype = dtype;
    return reduce_not_empty(r);
}

static gradc_status max_cpu(const struct launch *l, struct failure *f)
{
    return reduce_cpu(l, &(struct fold){.kind = REDUCE_MAX}, f);
}

static gradc_status max_opencl(const struct launch *l, struct failure *f)
{
    return reduce_opencl(l, &(struct fold){.kind = REDUCE_MAX}, f);
}

static gradc_status min_cpu(const struct launch *l, struct failure *f)
{
    return reduce_cpu(l, &(struct fold){.kind = REDUCE_MIN}, f);
}

static gradc_status min_opencl(const struct launch *l, struct failure *f)
{
    return reduce_opencl(l, &(struct fold){.kind = REDUCE_MIN}, f);
}

/* dx = dz / ties where x = z, else 0. */
static void ties_gradient(struct gradient *d)
{
    const struct tensor *x = tensor_of(d->x[0]);
    int64_t mask = d->ints[REDUCE_MASK];
    int axes[GRADC_MAX_NDIM], naxes = reduce_axes(mask, axes);
    gradc_tensor *z = reduce_keepdim(d->z[0], &x->layout, mask);
    gradc_tensor *dz = reduce_keepdim(d->dz[0], &x->layout, mask);
    gradc_tensor *ties = gradc_cast(gradc_eq(d->x[0], z), x->dtype);

    d->dx[0] = gradc_mul(ties, gradc_div(dz, naxes ? gradc_sum(ties, naxes, axes, 1) : ties));
}

static void max_gradient(struct gradient *d)
{
    wide_gradient(d, &op_max, ties_gradient);
}

static void min_gradient(struct gradient *d)
{
    wide_gradient(d, &op_min, ties_gradient);
}

const struct op op_max = {.name = "max",
                          .nin = 1,
                          .nout = 1,
                          .flags = OP_PROLOGUE | OP_HALF,
                          .keeps = KEEP_IN(0) | KEEP_OUT(0),
                          .shape = max_shape,
                          .workspace = reduce_workspace,
                          .cpu = max_cpu,
                          .opencl = max_opencl,
                          .gradient = max_gradient};

const struct op op_min = {.name = "min",
                          .nin = 1,
                          .nout = 1,
                          .flags = OP_PROLOGUE | OP_HALF,
                          .keeps = KEEP_IN(0) | KEEP_OUT(0),
                          .shape = max_shape,
                          .workspace = reduce_workspace,
                          .cpu = min_cpu,
                          .opencl = min_opencl,
                          .gradient = min_gradient};

gradc_tensor *gradc_max(gradc_tensor *x, int naxes, const int *axes, int keepdim)
{
    return reduce_record(&op_max, x, naxes, axes, keepdim);
}

gradc_tensor *gradc_min(gradc_tensor *x, int naxes, const int *axes, int keepdim)
{
    return reduce_record(&op_min, x, naxes, axes, keepdim);
}
