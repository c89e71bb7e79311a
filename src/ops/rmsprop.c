/* rmsprop.c - the update of RMSprop (Hinton, 2012), after PyTorch's torch.optim.RMSprop. */
#include "ops/update.h"

/* ints {centered, heavy}: d = g + DECAY p;  s = ALPHA s + KEEP d d;  a = s
 *     centered: m = ALPHA m + KEEP d,  a = s - m m (0 where rounding makes that negative)
 *     u = d / (sqrt(a) + EPS);  heavy: v = MOMENTUM v + u,  u = v;  p -= LR u
 * in: p, g, s; then v where it is heavy; then m where it is centered. */

static int variant(const struct launch *l)
{
    return (l->ints[0] != 0) | (l->ints[1] != 0) << 1;
}

/* ---- CPU ---- */

static gradc_status rmsprop_cpu(const struct launch *l, struct failure *f)
{
    (void)f;
    return update_cpu(l, update_loops()->rmsprop, variant(l));
}

static gradc_status rmsprop_many_cpu(const struct launch_many *m, struct failure *f)
{
    (void)f;
    return update_many_cpu(m, update_loops()->rmsprop, variant(m->one));
}

/* ---- OpenCL ---- */

static const struct update_kernel kernels[] = {
    {"rmsprop", ""}, {"rmsprop", "-DCENTERED"}, {"rmsprop", "-DHEAVY"}, {"rmsprop", "-DCENTERED -DHEAVY"}};

static gradc_status rmsprop_opencl(const struct launch *l, struct failure *f)
{
    return update_opencl(l, &kernels[variant(l)], f);
}

static gradc_status rmsprop_many_opencl(const struct launch_many *m, struct failure *f)
{
    return update_many_opencl(m, &kernels[variant(m->one)], f);
}

static const struct op_many rmsprop_many = {update_many_scratch, update_many_table, rmsprop_many_cpu,
                                            rmsprop_many_opencl};

const struct op op_rmsprop = {
    .name = "rmsprop",
    .nin = -1,
    .writes = 1u << 0 | 1u << 2 | 1u << 3 | 1u << 4,
    .shape = update_shape,
    .cpu = rmsprop_cpu,
    .opencl = rmsprop_opencl,
    .many = &rmsprop_many,
};
