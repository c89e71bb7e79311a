/* mean.c - the mean over axes: the sum divided by the number of elements; NaN over none.  Of floats; f16 and bf16 are
 * added up as f32. */
#include "ops/reduce.h"

/* ints: REDUCE_*. */
static gradc_status mean_shape(struct record *r)
{
    gradc_dtype dtype = r->in[0]->dtype;

    if (!dtype_is_float(dtype))
        return record_fail(r, GRADC_E_DTYPE, "x is %s, no float", gradc_dtype_name(dtype));
    r->out[0].dtype = dtype;
    return reduce_shape(r);
}

/* The sum divided by n: over nothing by 0, so that it is NaN. */
static struct fold mean_fold(const struct launch *l)
{
    return (struct fold){.kind = REDUCE_SUM,
                         .finish = REDUCE_DIVIDE,
                         .number = reduce_count(&l->in[0].layout, l->ints[REDUCE_MASK])};
}

static gradc_status mean_cpu(const struct launch *l, struct failure *f)
{
    struct fold fold = mean_fold(l);

    return reduce_cpu(l, &fold, f);
}

static gradc_status mean_opencl(const struct launch *l, struct failure *f)
{
    struct fold fold = mean_fold(l);

    return reduce_opencl(l, &fold, f);
}

/* dx = dz / n, repeated over the axes (over nothing: dx is empty). */
static void mean_gradient(struct gradient *d)
{
    const struct layout *x = &tensor_of(d->x[0])->layout;
    int64_t mask = d->ints[REDUCE_MASK];
    double count = reduce_count(x, mask);
    gradc_tensor *dz = count > 0 ? gradc_mul_scalar(d->dz[0], 1 / count) : d->dz[0];

    d->dx[0] = gradc_expand(reduce_keepdim(dz, x, mask), x->ndim, x->shape);
}

const struct op op_mean = {.name = "mean",
                           .nin = 1,
                           .nout = 1,
                           .flags = OP_PROLOGUE | OP_HALF,
                           .shape = mean_shape,
                           .workspace = reduce_workspace_sum,
                           .cpu = mean_cpu,
                           .opencl = mean_opencl,
                           .gradient = mean_gradient};

gradc_tensor *gradc_mean(gradc_tensor *x, int naxes, const int *axes, int keepdim)
{
    return reduce_record(&op_mean, x, naxes, axes, keepdim);
}
