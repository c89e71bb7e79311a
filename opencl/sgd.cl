/* sgd.cl - gradient descent's updates, MOMENTUM: with momentum; the formulas are in src/ops/sgd.c. */
#ifdef MOMENTUM
#define TENSORS 3
#define NUMBERS 5
#else
#define TENSORS 2
#define NUMBERS 2
#endif
#include "update.cl"

#ifdef MOMENTUM
static inline void update(__global stored *p, __global stored *g, __global stored *v, index_t i, real lr, real decay,
                          real momentum, real keep, real nesterov)
{
    real d = decay == R(0) ? LOAD(g, i) : LOAD(g, i) + decay * LOAD(p, i);
    real u = momentum * LOAD(v, i) + keep * d;
    STORE(v, i, u);
    STORE(p, i, LOAD(p, i) - lr * (nesterov == R(0) ? u : d + nesterov * u));
}
#else
static inline void update(__global stored *p, __global stored *g, index_t i, real lr, real decay)
{
    real d = decay == R(0) ? LOAD(g, i) : LOAD(g, i) + decay * LOAD(p, i);
    STORE(p, i, LOAD(p, i) - lr * d);
}
#endif
