/* sgd.c - gradient descent's updates, plain and with momentum, after PyTorch's torch.optim.SGD. */
#include "ops/update.h"

/* sgd            d = g + DECAY p;  p -= LR d
 * sgd_momentum   d = g + DECAY p;  v = MOMENTUM v + KEEP d;  p -= LR (NESTEROV == 0 ? v : d + NESTEROV v)
 * KEEP is 1 - dampening; the first update is v = d by KEEP 1 on a v of zeros.  A DECAY of 0 does not look at p, so that
 * an infinite parameter makes no NaN there. */

/* ---- CPU ---- */

static gradc_status sgd_cpu(const struct launch *l, struct failure *f)
{
    (void)f;
    return update_cpu(l, update_loops()->sgd, 0);
}

static gradc_status sgd_momentum_cpu(const struct launch *l, struct failure *f)
{
    (void)f;
    return update_cpu(l, update_loops()->sgd_momentum, 0);
}

/* ---- OpenCL ---- */

static gradc_status sgd_opencl(const struct launch *l, struct failure *f)
{
    struct kernel_call k;
    update_kernel(&k, l, "sgd", "sgd");
    return launch_kernel(l, &k, f);
}

static gradc_status sgd_momentum_opencl(const struct launch *l, struct failure *f)
{
    struct kernel_call k;
    update_kernel(&k, l, "sgd", "sgd_momentum");
    return launch_kernel(l, &k, f);
}

/* in: p, g */
const struct op op_sgd = {
    .name = "sgd",
    .nin = 2,
    .writes = 1u << 0,
    .shape = update_shape,
    .cpu = sgd_cpu,
    .opencl = sgd_opencl,
};

/* in: p, g, v */
const struct op op_sgd_momentum = {
    .name = "sgd_momentum",
    .nin = 3,
    .writes = 1u << 0 | 1u << 2,
    .shape = update_shape,
    .cpu = sgd_momentum_cpu,
    .opencl = sgd_momentum_opencl,
};
