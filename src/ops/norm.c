/* norm.c - vector norms over axes: (sum |x|^p)^(1/p); how many are not 0 (p 0); the largest and the smallest |x| (p inf
 * and -inf).  Of floats. */
#include <math.h>

#include "ops/elementwise.h"
#include "ops/ops.h"
#include "ops/reduce.h"
#include "ops/wide_gradient.h"

/* reals: p.  ints: REDUCE_*; the setting is the kind of fold, which follows from p. */
static enum reduce_kind norm_kind(double p)
{
    if (isinf(p))
        return p > 0 ? REDUCE_MAX_ABS : REDUCE_MIN_ABS;
    if (p == 0)
        return REDUCE_COUNT;
    if (p == 1)
        return REDUCE_ABS;
    return p == 2 ? REDUCE_SQUARES : REDUCE_POWERS;
}

static gradc_status norm_shape(struct record *r)
{
    gradc_dtype dtype = r->in[0]->dtype;
    double p = r->reals[0];

    if (!dtype_is_float(dtype))
        return record_fail(r, GRADC_E_DTYPE, "x is %s, no float", gradc_dtype_name(dtype));
    if (isnan(p))
        return record_fail(r, GRADC_E_ARG, "p is NaN");
    if (reduce_shape(r) != GRADC_OK)
        return GRADC_E_ARG;
    r->out[0].dtype = dtype;
    return p < 0 || isinf(p) ? reduce_not_empty(r) : GRADC_OK;
}

static struct fold norm_fold(const struct launch *l)
{
    enum reduce_kind kind = (enum reduce_kind)l->ints[REDUCE_SETTING];

    if (kind == REDUCE_SQUARES)
        return (struct fold){.kind = kind, .finish = REDUCE_ROOT, .number = 1};
    if (kind == REDUCE_POWERS)
        return (struct fold){.kind = kind, .finish = REDUCE_POWER, .number = l->reals[0]};
    return (struct fold){.kind = kind};
}

static gradc_status norm_cpu(const struct launch *l, struct failure *f)
{
    struct fold fold = norm_fold(l);

    return reduce_cpu(l, &fold, f);
}

static gradc_status norm_opencl(const struct launch *l, struct failure *f)
{
    struct fold fold = norm_fold(l);

    return reduce_opencl(l, &fold, f);
}

/* ---- The gradient ----
 * Wherever a quotient or a logarithm would have no value at 0, a 1 takes the place of the 0 before it, so that second
 * derivatives are free of NaN too. */

/* x, with 1 for 0. */
static gradc_tensor *norm_not_zero(gradc_tensor *x)
{
    return gradc_where(gradc_eq(x, number(x, 0)), number(x, 1), x);
}

/* dz shared evenly by the elements whose |x| is z. */
static gradc_tensor *norm_ties(gradc_tensor *x, gradc_tensor *z, gradc_tensor *dz, int naxes, const int *axes)
{
    gradc_tensor *ties = gradc_cast(gradc_eq(gradc_abs(x), z), gradc_dtype_of(x));
    gradc_tensor *each = gradc_div(dz, naxes ? gradc_sum(ties, naxes, axes, 1) : ties);

    return gradc_mul(gradc_sign(x), gradc_mul(ties, each));
}

/* sign(x) |x|^(p-1) dz / z^(p-1), 0 where x is 0 or z is. */
static gradc_tensor *norm_powers(gradc_tensor *x, gradc_tensor *z, gradc_tensor *dz, double p)
{
    gradc_tensor *power = gradc_exp(gradc_mul_scalar(gradc_log(norm_not_zero(gradc_abs(x))), p - 1));
    gradc_tensor *whole = gradc_exp(gradc_mul_scalar(gradc_log(norm_not_zero(z)), 1 - p));
    gradc_tensor *share = gradc_where(gradc_eq(z, number(z, 0)), number(z, 0), gradc_mul(dz, whole));

    return gradc_mul(gradc_mul(gradc_sign(x), power), share);
}

static void norm_composed(struct gradient *d)
{
    const struct layout *shape = &tensor_of(d->x[0])->layout;
    int64_t mask = d->ints[REDUCE_MASK];
    int axes[GRADC_MAX_NDIM], naxes = reduce_axes(mask, axes);
    gradc_tensor *x = d->x[0], *dz = reduce_keepdim(d->dz[0], shape, mask);
    gradc_tensor *z = reduce_keepdim(d->z[0], shape, mask), *some;
    double p = d->reals[0];

    if (p == 0)
        return;
    if (p == 1) {
        d->dx[0] = gradc_mul(gradc_sign(x), dz);
    } else if (p == 2) {
        some = gradc_where(gradc_eq(z, number(z, 0)), number(z, 0), dz);
        d->dx[0] = gradc_mul(x, gradc_div(some, norm_not_zero(z)));
    } else if (isinf(p)) {
        d->dx[0] = norm_ties(x, z, dz, naxes, axes);
    } else {
        d->dx[0] = norm_powers(x, z, dz, p);
    }
}

static void norm_gradient(struct gradient *d)
{
    wide_gradient(d, &op_norm, norm_composed);
}

const struct op op_norm = {.name = "norm",
                           .nin = 1,
                           .nout = 1,
                           .flags = OP_PROLOGUE | OP_HALF | OP_SINGLE,
                           .keeps = KEEP_IN(0) | KEEP_OUT(0),
                           .shape = norm_shape,
                           .workspace = reduce_workspace,
                           .cpu = norm_cpu,
                           .opencl = norm_opencl,
                           .gradient = norm_gradient};

gradc_tensor *gradc_norm(gradc_tensor *x, double p, int naxes, const int *axes, int keepdim)
{
    return reduce_record_with(&op_norm, x, naxes, axes, keepdim, (int)norm_kind(p), p);
}
