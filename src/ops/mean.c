/* mean.c - the mean over axes: the sum divided by the number of elements; NaN over none.  f32, f64. */
#include "ops/reduce.h"

#include <math.h>

/* ints: REDUCE_*. */
static gradc_status mean_shape(struct record *r)
{
    gradc_dtype dtype = r->in[0]->dtype;

    if (!dtype_is_float(dtype))
        return record_fail(r, GRADC_E_DTYPE, "x is %s, not f32 or f64", gradc_dtype_name(dtype));
    r->out[0].dtype = dtype;
    return reduce_shape(r);
}

/* The number of elements, NaN for none: dividing by it is then the answer. */
static double mean_count(const struct layout *x, int64_t mask)
{
    double count = 1;

    for (int i = 0; i < x->ndim; i++)
        if (mask >> i & 1)
            count *= (double)x->shape[i];
    return count > 0 ? count : (double)NAN;
}

static gradc_status mean_cpu(const struct launch *l, struct failure *f)
{
    return reduce_cpu(l, REDUCE_SUM, mean_count(&l->in[0].layout, l->ints[REDUCE_MASK]), f);
}

static gradc_status mean_opencl(const struct launch *l, struct failure *f)
{
    return reduce_opencl(l, REDUCE_SUM, mean_count(&l->in[0].layout, l->ints[REDUCE_MASK]), f);
}

/* dx = dz / n, repeated over the axes (over nothing: dx is empty). */
static void mean_gradient(struct gradient *d)
{
    const struct layout *x = &tensor_of(d->x[0])->layout;
    int64_t mask = d->ints[REDUCE_MASK];
    double count = mean_count(x, mask);
    gradc_tensor *dz = count > 0 ? gradc_mul_scalar(d->dz[0], 1 / count) : d->dz[0];

    d->dx[0] = gradc_expand(reduce_keepdim(dz, x, mask), x->ndim, x->shape);
}

const struct op op_mean = {.name = "mean",
                           .nin = 1,
                           .nout = 1,
                           .shape = mean_shape,
                           .workspace = reduce_workspace,
                           .cpu = mean_cpu,
                           .opencl = mean_opencl,
                           .gradient = mean_gradient};

gradc_tensor *gradc_mean(gradc_tensor *x, int naxes, const int *axes, int keepdim)
{
    return reduce_record(&op_mean, x, naxes, axes, keepdim);
}
