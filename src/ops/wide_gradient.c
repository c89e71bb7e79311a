/* wide_gradient.c - casts around a gradient. */
#include "ops/wide_gradient.h"

enum { OPERANDS = 8 };

static gradc_tensor *widened(gradc_tensor *x)
{
    return x && dtype_is_half(gradc_dtype_of(x)) ? gradc_cast(x, GRADC_F32) : x;
}

void wide_gradient(struct gradient *d, const struct op *op, void (*gradient)(struct gradient *d))
{
    struct gradient f32 = *d;
    gradc_tensor *x[OPERANDS] = {NULL}, *z[OP_OUTPUTS] = {NULL}, *dz[OP_OUTPUTS] = {NULL};
    int halved = 0;
    for (int i = 0; i < d->nin; i++)
        halved |= dtype_is_half(gradc_dtype_of(d->x[i]));
    if (!halved) {
        gradient(d);
        return;
    }
    for (int i = 0; i < d->nin; i++) /* the others may be GONE */
        x[i] = op->keeps & KEEP_IN(i) ? widened(d->x[i]) : d->x[i];
    for (int o = 0; o < d->nout; o++) {
        z[o] = op->keeps & KEEP_OUT(o) ? widened(d->z[o]) : d->z[o];
        dz[o] = widened(d->dz[o]);
    }
    f32.x = x;
    f32.z = z;
    f32.dz = dz;
    gradient(&f32);
    for (int i = 0; i < d->nin; i++) /* dx is d's own */
        if (d->dx[i] && dtype_is_half(gradc_dtype_of(d->x[i])))
            d->dx[i] = gradc_cast(d->dx[i], gradc_dtype_of(d->x[i]));
}
