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

static gradc_status adam_many_cpu(const struct launch_many *m, struct failure *f)
{
    (void)f;
    return update_many_cpu(m, update_loops()->adam, m->one->ints[0] != 0);
}

/* ---- OpenCL ---- */

static const struct update_kernel kernels[] = {{"adam", ""}, {"adam", "-DDECOUPLED"}};

static gradc_status adam_opencl(const struct launch *l, struct failure *f)
{
    return update_opencl(l, &kernels[l->ints[0] != 0], f);
}

static gradc_status adam_many_opencl(const struct launch_many *m, struct failure *f)
{
    return update_many_opencl(m, &kernels[m->one->ints[0] != 0], f);
}

static const struct op_many adam_many = {update_many_scratch, update_many_table, adam_many_cpu, adam_many_opencl};

/* in: p, g, m, v */
const struct op op_adam = {
    .name = "adam",
    .nin = 4,
    .writes = 1u << 0 | 1u << 2 | 1u << 3,
    .shape = update_shape,
    .cpu = adam_cpu,
    .opencl = adam_opencl,
    .many = &adam_many,
};
