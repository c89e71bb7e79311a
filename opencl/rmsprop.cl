/* rmsprop.cl - the update of RMSprop; the formulas are in src/ops/rmsprop.c.  HEAVY: with a momentum v; CENTERED: with
 * the mean m of gradients. */
#if defined(HEAVY) && defined(CENTERED)
#define TENSORS 5
#elif defined(HEAVY) || defined(CENTERED)
#define TENSORS 4
#else
#define TENSORS 3
#endif
#define NUMBERS 6
#include "update.cl"

static inline void update(__global real *p, __global real *g, __global real *s,
#ifdef HEAVY
                          __global real *v,
#endif
#ifdef CENTERED
                          __global real *m,
#endif
                          index_t i, real lr, real decay, real alpha, real keep, real eps, real momentum)
{
    real d = decay == R(0) ? g[i] : g[i] + decay * p[i];
    real a = alpha * s[i] + keep * d * d;
    s[i] = a;
#ifdef CENTERED
    real b = alpha * m[i] + keep * d;
    m[i] = b;
    a -= b * b;
    a = a < R(0) ? R(0) : a;
#endif
    real u = d / (sqrt(a) + eps);
#ifdef HEAVY
    u = momentum * v[i] + u;
    v[i] = u;
#endif
    p[i] -= lr * u;
}
