/* sgd.c - gradient descent's updates, plain and with momentum, after PyTorch's torch.optim.SGD. */
#include "ops/update.h"

/* sgd            d = g + DECAY p;  p -= LR d
 * sgd_momentum   d = g + DECAY p;  v = MOMENTUM v + KEEP d;  p -= LR (NESTEROV == 0 ? v : d + NESTEROV v)
 * KEEP is 1 - dampening; the first update is v = d by KEEP 1 on a v of zeros.  A DECAY of 0 does not look at p, so that
 * an infinite parameter makes no NaN there. */

static const struct update plain = UPDATE(sgd, 0, "sgd", {""}),
                           with_momentum = UPDATE(sgd_momentum, 0, "sgd", {"-DMOMENTUM"});

/* in: p, g */
const struct op op_sgd = {
    .name = "sgd",
    .nin = 2,
    .flags = OP_HALF,
    .writes = 1u << 0,
    .shape = update_shape,
    .cpu = update_cpu,
    .opencl = update_opencl,
    .many = &plain.many,
};

/* in: p, g, v */
const struct op op_sgd_momentum = {
    .name = "sgd_momentum",
    .nin = 3,
    .flags = OP_HALF,
    .writes = 1u << 0 | 1u << 2,
    .shape = update_shape,
    .cpu = update_cpu,
    .opencl = update_opencl,
    .many = &with_momentum.many,
};
