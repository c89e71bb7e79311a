/* sum.c - the sum over axes.  f32, f64; f16 and bf16, added up as f32 and rounded at the end;
 * integers and bool into i64, wrapping around. */
#include "ops/reduce.h"

/* ints: REDUCE_*. */
static gradc_status sum_shape(struct record *r)
{
    r->out[0].dtype = reduce_result(REDUCE_SUM, r->in[0]->dtype);
    return reduce_shape(r);
}

static gradc_status sum_cpu(const struct launch *l, struct failure *f)
{
    return reduce_cpu(l, &(struct fold){.kind = REDUCE_SUM}, f);
}

static gradc_status sum_opencl(const struct launch *l, struct failure *f)
{
    return reduce_opencl(l, &(struct fold){.kind = REDUCE_SUM}, f);
}

/* dx = dz, repeated over the axes. */
static void sum_gradient(struct gradient *d)
{
    const struct layout *x = &tensor_of(d->x[0])->layout;

    d->dx[0] = gradc_expand(reduce_keepdim(d->dz[0], x, d->ints[REDUCE_MASK]), x->ndim, x->shape);
}

const struct op op_sum = {.name = "sum",
                          .nin = 1,
                          .nout = 1,
                          .flags = OP_PROLOGUE | OP_HALF | OP_SINGLE,
                          .shape = sum_shape,
                          .workspace = reduce_workspace_sum,
                          .cpu = sum_cpu,
                          .opencl = sum_opencl,
                          .gradient = sum_gradient};

gradc_tensor *gradc_sum(gradc_tensor *x, int naxes, const int *axes, int keepdim)
{
    return reduce_record(&op_sum, x, naxes, axes, keepdim);
}
