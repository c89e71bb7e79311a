/* rmsprop.c - the update of RMSprop (Hinton, 2012), after PyTorch's torch.optim.RMSprop. */
#include "ops/update.h"

/* ints {centered, heavy}: d = g + DECAY p;  s = ALPHA s + KEEP d d;  a = s
 *     centered: m = ALPHA m + KEEP d,  a = s - m m (0 where rounding makes that negative)
 *     u = d / (sqrt(a) + EPS);  heavy: v = MOMENTUM v + u,  u = v;  p -= LR u
 * in: p, g, s; then v where it is heavy; then m where it is centered. */

static const struct update update =
    UPDATE(rmsprop, 0, "rmsprop", {"", "-DCENTERED", "-DHEAVY", "-DCENTERED -DHEAVY"});

const struct op op_rmsprop = {
    .name = "rmsprop",
    .nin = -1,
    .flags = OP_HALF,
    .writes = 1u << 0 | 1u << 2 | 1u << 3 | 1u << 4,
    .shape = update_shape,
    .cpu = update_cpu,
    .opencl = update_opencl,
    .many = &update.many,
};
