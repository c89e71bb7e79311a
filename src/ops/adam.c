/* adam.c - the update of Adam (arXiv:1412.6980) and AdamW (arXiv:1711.05101), after PyTorch's torch.optim.Adam. */
#include "ops/update.h"

/* ints {decoupled}: 0 (Adam): d = g + DECAY p;  1 (AdamW): p = DECAY p, d = g; then
 *     m = BETA1 m + KEEP1 d;  v = BETA2 v + KEEP2 d d;  p -= STEP m / (sqrt(v) / ROOT + EPS)
 * with the bias corrections from the host: STEP = lr / (1 - beta1^t), ROOT = sqrt(1 - beta2^t). */

static const struct update update = UPDATE(adam, 0, "adam", {"", "-DDECOUPLED"});

/* in: p, g, m, v */
const struct op op_adam = {
    .name = "adam",
    .nin = 4,
    .flags = OP_HALF,
    .writes = 1u << 0 | 1u << 2 | 1u << 3,
    .shape = update_shape,
    .cpu = update_cpu,
    .opencl = update_opencl,
    .many = &update.many,
};
