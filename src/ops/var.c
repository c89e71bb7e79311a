/* var.c - var and std: the variance over axes, sum (x - mean)^2 / max(0, n - correction), and its square root, in two
 * folds: the mean of x - x_0, then the squares of what is apart from it; x_0, the first element, keeps the digits of
 * numbers that are large beside their variance, and makes that of equal ones 0.  Of floats. */
#include "ops/elementwise.h"
#include "ops/ops.h"
#include "ops/reduce.h"
#include "ops/wide_gradient.h"

/* ints: REDUCE_*; the setting is the correction. */
static gradc_status var_shape(struct record *r)
{
    gradc_dtype dtype = r->in[0]->dtype;

    if (!dtype_is_float(dtype))
        return record_fail(r, GRADC_E_DTYPE, "x is %s, no float", gradc_dtype_name(dtype));
    r->out[0].dtype = dtype;
    return reduce_shape(r);
}

static struct fold var_mean(const struct launch *l)
{
    return (struct fold){.kind = REDUCE_APART,
                         .finish = REDUCE_DIVIDE,
                         .stage = REDUCE_FIRST,
                         .number = reduce_count(&l->in[0].layout, l->ints[REDUCE_MASK])};
}

static struct fold var_squares(const struct launch *l)
{
    double n = reduce_count(&l->in[0].layout, l->ints[REDUCE_MASK]) - (double)l->ints[REDUCE_SETTING];

    return (struct fold){.kind = REDUCE_SPREAD,
                         .finish = l->op == &op_std ? REDUCE_ROOT : REDUCE_DIVIDE,
                         .stage = REDUCE_SECOND,
                         .number = n > 0 ? n : 0};
}

static gradc_status var_cpu(const struct launch *l, struct failure *f)
{
    struct fold mean = var_mean(l), squares = var_squares(l);
    gradc_status status = reduce_cpu(l, &mean, f);

    return status == GRADC_OK ? reduce_cpu(l, &squares, f) : status;
}

static gradc_status var_opencl(const struct launch *l, struct failure *f)
{
    struct fold mean = var_mean(l), squares = var_squares(l);
    gradc_status status = reduce_opencl(l, &mean, f);

    return status == GRADC_OK ? reduce_opencl(l, &squares, f) : status;
}

/* dx = dz * 2 (x - mean) / (n - correction), of the variance. */
static gradc_tensor *var_dx(const struct gradient *d, gradc_tensor *dz)
{
    const struct layout *x = &tensor_of(d->x[0])->layout;
    int64_t mask = d->ints[REDUCE_MASK];
    int axes[GRADC_MAX_NDIM], naxes = reduce_axes(mask, axes);
    double n = reduce_count(x, mask) - (double)d->ints[REDUCE_SETTING];
    gradc_tensor *apart = gradc_sub(d->x[0], gradc_mean(d->x[0], naxes, axes, 1));

    return gradc_mul(gradc_mul_scalar(reduce_keepdim(dz, x, mask), 2 / n), apart);
}

static void var_composed(struct gradient *d)
{
    d->dx[0] = var_dx(d, d->dz[0]);
}

static void var_gradient(struct gradient *d)
{
    wide_gradient(d, &op_var, var_composed);
}

/* The variance gets dz / 2z, and nothing where z = 0. */
static void std_composed(struct gradient *d)
{
    gradc_tensor *z = d->z[0], *dz = d->dz[0], *flat = gradc_eq(z, number(dz, 0));
    gradc_tensor *twice = gradc_where(flat, number(dz, 1), gradc_mul_scalar(z, 2));

    d->dx[0] = var_dx(d, gradc_div(gradc_where(flat, number(dz, 0), dz), twice));
}

static void std_gradient(struct gradient *d)
{
    wide_gradient(d, &op_std, std_composed);
}

const struct op op_var = {.name = "var",
                          .nin = 1,
                          .nout = 1,
                          .flags = OP_HALF | OP_SINGLE,
                          .keeps = KEEP_IN(0),
                          .shape = var_shape,
                          .workspace = reduce_workspace_two,
                          .cpu = var_cpu,
                          .opencl = var_opencl,
                          .gradient = var_gradient};

const struct op op_std = {.name = "std",
                          .nin = 1,
                          .nout = 1,
                          .flags = OP_HALF | OP_SINGLE,
                          .keeps = KEEP_IN(0) | KEEP_OUT(0),
                          .shape = var_shape,
                          .workspace = reduce_workspace_two,
                          .cpu = var_cpu,
                          .opencl = var_opencl,
                          .gradient = std_gradient};

gradc_tensor *gradc_var(gradc_tensor *x, int naxes, const int *axes, int keepdim, int correction)
{
    return reduce_record_with(&op_var, x, naxes, axes, keepdim, correction, 0);
}

gradc_tensor *gradc_std(gradc_tensor *x, int naxes, const int *axes, int keepdim, int correction)
{
    return reduce_record_with(&op_std, x, naxes, axes, keepdim, correction, 0);
}
