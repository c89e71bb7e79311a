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

static gradc_status sgd_many_cpu(const struct launch_many *m, struct failure *f)
{
    (void)f;
    return update_many_cpu(m, update_loops()->sgd, 0);
}

static gradc_status sgd_momentum_cpu(const struct launch *l, struct failure *f)
{
    (void)f;
    return update_cpu(l, update_loops()->sgd_momentum, 0);
}

static gradc_status sgd_momentum_many_cpu(const struct launch_many *m, struct failure *f)
{
    (void)f;
    return update_many_cpu(m, update_loops()->sgd_momentum, 0);
}

/* ---- OpenCL ---- */

static const struct update_kernel plain = {"sgd", ""}, with_momentum = {"sgd", "-DMOMENTUM"};

static gradc_status sgd_opencl(const struct launch *l, struct failure *f)
{
    return update_opencl(l, &plain, f);
}

static gradc_status sgd_many_opencl(const struct launch_many *m, struct failure *f)
{
    return update_many_opencl(m, &plain, f);
}

static const struct op_many sgd_many = {update_many_scratch, update_many_table, sgd_many_cpu, sgd_many_opencl};

static gradc_status sgd_momentum_opencl(const struct launch *l, struct failure *f)
{
    return update_opencl(l, &with_momentum, f);
}

static gradc_status sgd_momentum_many_opencl(const struct launch_many *m, struct failure *f)
{
    return update_many_opencl(m, &with_momentum, f);
}

static const struct op_many sgd_momentum_many = {update_many_scratch, update_many_table,
                                                 sgd_momentum_many_cpu, sgd_momentum_many_opencl};

/* in: p, g */
const struct op op_sgd = {
    .name = "sgd",
    .nin = 2,
    .writes = 1u << 0,
    .shape = update_shape,
    .cpu = sgd_cpu,
    .opencl = sgd_opencl,
    .many = &sgd_many,
};

/* in: p, g, v */
const struct op op_sgd_momentum = {
    .name = "sgd_momentum",
    .nin = 3,
    .writes = 1u << 0 | 1u << 2,
    .shape = update_shape,
    .cpu = sgd_momentum_cpu,
    .opencl = sgd_momentum_opencl,
    .many = &sgd_momentum_many,
};
