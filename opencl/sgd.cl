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
static inline void update(__global real *p, __global real *g, __global real *v, index_t i, real lr, real decay,
                          real momentum, real keep, real nesterov)
{
    real d = decay == R(0) ? g[i] : g[i] + decay * p[i];
    real u = momentum * v[i] + keep * d;
    v[i] = u;
    p[i] -= lr * (nesterov == R(0) ? u : d + nesterov * u);
}
#else
static inline void update(__global real *p, __global real *g, index_t i, real lr, real decay)
{
    real d = decay == R(0) ? g[i] : g[i] + decay * p[i];
    p[i] -= lr * d;
}
#endif
