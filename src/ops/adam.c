/* adam.c - the update of Adam (arXiv:1412.6980) and AdamW (arXiv:1711.05101), after PyTorch's torch.optim.Adam. */
#include "ops/update.h"

/* ints {decoupled}: 0 (Adam): d = g + DECAY p;  1 (AdamW): p = DECAY p, d = g; then
 *     m = BETA1 m + KEEP1 d;  v = BETA2 v + KEEP2 d d;  p -= STEP m / (sqrt(v) / ROOT + EPS)
 * with the bias corrections from the host: STEP = lr / (1 - beta1^t), ROOT = sqrt(1 - beta2^t). */

/* ---- CPU ---- */

static gradc_status adam_cpu(const struct launch *l, struct failure *f)
{
    (void)f;
    return update_cpu(l, update_loops()->adam, l->ints[0] != 0);
}

/* ---- OpenCL ---- */

static gradc_status adam_opencl(const struct launch *l, struct failure *f)
{
    struct kernel_call k;
    update_kernel(&k, l, "adam", l->ints[0] ? "adamw" : "adam");
    return launch_kernel(l, &k, f);
}

/* in: p, g, m, v */
const struct op op_adam = {
    .name = "adam",
    .nin = 4,
    .writes = 1u << 0 | 1u << 2 | 1u << 3,
    .shape = update_shape,
    .cpu = adam_cpu,
    .opencl = adam_opencl,
};
