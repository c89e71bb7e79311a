/* logsumexp.c - m + ln sum e^(x - m) over axes, m the maximum, in two folds; -inf over nothing.  Of floats. */
#include "ops/ops.h"
#include "ops/reduce.h"
#include "ops/wide_gradient.h"

/* ints: REDUCE_*. */
static gradc_status logsumexp_shape(struct record *r)
{
    gradc_dtype dtype = r->in[0]->dtype;

    if (!dtype_is_float(dtype))
        return record_fail(r, GRADC_E_DTYPE, "x is %s, no float", gradc_dtype_name(dtype));
    r->out[0].dtype = dtype;
    return reduce_shape(r);
}

/* An infinite maximum is no shift: x - m would be NaN where both are infinite. */
static const struct fold logsumexp_max = {.kind = REDUCE_MAX, .finish = REDUCE_FINITE, .stage = REDUCE_FIRST};
static const struct fold logsumexp_sum = {.kind = REDUCE_EXPS, .finish = REDUCE_LOG, .stage = REDUCE_SECOND};

static gradc_status logsumexp_cpu(const struct launch *l, struct failure *f)
{
    gradc_status status = reduce_cpu(l, &logsumexp_max, f);

    return status == GRADC_OK ? reduce_cpu(l, &logsumexp_sum, f) : status;
}

static gradc_status logsumexp_opencl(const struct launch *l, struct failure *f)
{
    gradc_status status = reduce_opencl(l, &logsumexp_max, f);

    return status == GRADC_OK ? reduce_opencl(l, &logsumexp_sum, f) : status;
}

/* dx = dz e^(x - z). */
static void logsumexp_composed(struct gradient *d)
{
    const struct layout *x = &tensor_of(d->x[0])->layout;
    int64_t mask = d->ints[REDUCE_MASK];
    gradc_tensor *apart = gradc_sub(d->x[0], reduce_keepdim(d->z[0], x, mask));

    d->dx[0] = gradc_mul(reduce_keepdim(d->dz[0], x, mask), gradc_exp(apart));
}

static void logsumexp_gradient(struct gradient *d)
{
    wide_gradient(d, &op_logsumexp, logsumexp_composed);
}

const struct op op_logsumexp = {.name = "logsumexp",
                                .nin = 1,
                                .nout = 1,
                                .flags = OP_HALF | OP_SINGLE,
                                .keeps = KEEP_IN(0) | KEEP_OUT(0),
                                .shape = logsumexp_shape,
                                .workspace = reduce_workspace_two,
                                .cpu = logsumexp_cpu,
                                .opencl = logsumexp_opencl,
                                .gradient = logsumexp_gradient};

gradc_tensor *gradc_logsumexp(gradc_tensor *x, int naxes, const int *axes, int keepdim)
{
    return reduce_record(&op_logsumexp, x, naxes, axes, keepdim);
}
