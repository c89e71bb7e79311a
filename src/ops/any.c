/* any.c - any and all: whether an element over axes is not 0, or none is 0.  NaN is not 0.  Any dtype into bool. */
#include "ops/reduce.h"

/* ints: REDUCE_*. */
static gradc_status any_shape(struct record *r)
{
    r->out[0].dtype = GRADC_BOOL;
    return reduce_shape(r);
}

static gradc_status any_cpu(const struct launch *l, struct failure *f)
{
    return reduce_cpu(l, &(struct fold){.kind = REDUCE_ANY}, f);
}

static gradc_status any_opencl(const struct launch *l, struct failure *f)
{
    return reduce_opencl(l, &(struct fold){.kind = REDUCE_ANY}, f);
}

static gradc_status all_cpu(const struct launch *l, struct failure *f)
{
    return reduce_cpu(l, &(struct fold){.kind = REDUCE_ALL}, f);
}

static gradc_status all_opencl(const struct launch *l, struct failure *f)
{
    return reduce_opencl(l, &(struct fold){.kind = REDUCE_ALL}, f);
}

const struct op op_any = {.name = "any",
                          .nin = 1,
                          .nout = 1,
                          .flags = OP_HALF,
                          .shape = any_shape,
                          .workspace = reduce_workspace,
                          .cpu = any_cpu,
                          .opencl = any_opencl};

const struct op op_all = {.name = "all",
                          .nin = 1,
                          .nout = 1,
                          .flags = OP_HALF,
                          .shape = any_shape,
                          .workspace = reduce_workspace,
                          .cpu = all_cpu,
                          .opencl = all_opencl};

gradc_tensor *gradc_any(gradc_tensor *x, int naxes, const int *axes, int keepdim)
{
    return reduce_record(&op_any, x, naxes, axes, keepdim);
}

gradc_tensor *gradc_all(gradc_tensor *x, int naxes, const int *axes, int keepdim)
{
    return reduce_record(&op_all, x, naxes, axes, keepdim);
}
