/* adam.cl - the updates of Adam and, DECOUPLED, of AdamW; the formulas are in src/ops/adam.c. */
#define TENSORS 4
#define NUMBERS 8
#include "update.cl"

static inline void update(__global stored *p, __global stored *g, __global stored *m, __global stored *v, index_t i,
                          real step, real decay, real beta1, real keep1, real beta2, real keep2, real root, real eps)
{
#ifdef DECOUPLED
    real d = LOAD(g, i);
#else
    real d = decay == R(0) ? LOAD(g, i) : LOAD(g, i) + decay * LOAD(p, i);
#endif
    real a = beta1 * LOAD(m, i) + keep1 * d;
    real b = beta2 * LOAD(v, i) + keep2 * d * d;
    STORE(m, i, a);
    STORE(v, i, b);
    real down = step * a / (sqrt(b) / root + eps);
#ifdef DECOUPLED
    STORE(p, i, decay * LOAD(p, i) - down);
#else
    STORE(p, i, LOAD(p, i) - down);
#endif
}
