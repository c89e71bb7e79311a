/* clip_grad.cl - a gradient scaled down by the norm of all; the formula is in src/ops/clip_grad.c. */
#define TENSORS 3
#define NUMBERS 1
#define IS_UPDATE 0
#include "update.cl"

static inline void update(__global stored *z, __global stored *g, __global stored *norm, index_t i, real most)
{
    real share = most / (((__global const real *)norm)[0] + R(1e-6));
    STORE(z, i, LOAD(g, i) * (share > R(1) ? R(1) : share));
}
