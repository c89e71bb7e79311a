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

static inline void update(__global stored *p, __global stored *g, __global stored *s,
#ifdef HEAVY
                          __global stored *v,
#endif
#ifdef CENTERED
                          __global stored *m,
#endif
                          index_t i, real lr, real decay, real alpha, real keep, real eps, real momentum)
{
    real d = decay == R(0) ? LOAD(g, i) : LOAD(g, i) + decay * LOAD(p, i);
    real a = alpha * LOAD(s, i) + keep * d * d;
    STORE(s, i, a);
#ifdef CENTERED
    real b = alpha * LOAD(m, i) + keep * d;
    STORE(m, i, b);
    a -= b * b;
    a = a < R(0) ? R(0) : a;
#endif
    real u = d / (sqrt(a) + eps);
#ifdef HEAVY
    u = momentum * LOAD(v, i) + u;
    STORE(v, i, u);
#endif
    STORE(p, i, LOAD(p, i) - lr * u);
}
