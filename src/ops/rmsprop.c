/* rmsprop.c - the update of RMSprop (Hinton, 2012), after PyTorch's torch.optim.RMSprop. */
#include "ops/update.h"

/* ints {centered, heavy}: d = g + DECAY p;  s = ALPHA s + KEEP d d;  a = s
 *     centered: m = ALPHA m + KEEP d,  a = s - m m (0 where rounding makes that negative)
 *     u = d / (sqrt(a) + EPS);  heavy: v = MOMENTUM v + u,  u = v;  p -= LR u
 * in: p, g, s; then v where it is heavy; then m where it is centered. */

/* ---- CPU ---- */

static gradc_status rmsprop_cpu(const struct launch *l, struct failure *f)
{
    (void)f;
    return update_cpu(l, update_loops()->rmsprop, (l->ints[0] != 0) | (l->ints[1] != 0) << 1);
}

/* ---- OpenCL ---- */

static gradc_status rmsprop_opencl(const struct launch *l, struct failure *f)
{
    struct kernel_call k;
    update_kernel(&k, l, "rmsprop", "rmsprop");
    if (l->ints[0])
        kernel_option(&k, "-DCENTERED");
    if (l->ints[1])
        kernel_option(&k, "-DHEAVY");
    return launch_kernel(l, &k, f);
}

const struct op op_rmsprop = {
    .name = "rmsprop",
    .nin = -1,
    .writes = 1u << 0 | 1u << 2 | 1u << 3 | 1u << 4,
    .shape = update_shape,
    .cpu = rmsprop_cpu,
    .opencl = rmsprop_opencl,
};
