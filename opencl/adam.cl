/* adam.cl - the updates of Adam and, DECOUPLED, of AdamW; the formulas are in src/ops/adam.c. */
#define TENSORS 4
#define NUMBERS 8
#include "update.cl"

static inline void update(__global real *p, __global real *g, __global real *m, __global real *v, index_t i, real step,
                          real decay, real beta1, real keep1, real beta2, real keep2, real root, real eps)
{
#ifdef DECOUPLED
    real d = g[i];
#else
    real d = decay == R(0) ? g[i] : g[i] + decay * p[i];
#endif
    real a = beta1 * m[i] + keep1 * d;
    real b = beta2 * v[i] + keep2 * d * d;
    m[i] = a;
    v[i] = b;
    real down = step * a / (sqrt(b) / root + eps);
#ifdef DECOUPLED
    p[i] = decay * p[i] - down;
#else
    p[i] -= down;
#endif
}
