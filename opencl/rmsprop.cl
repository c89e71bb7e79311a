/* rmsprop.cl - the update of RMSprop; the formulas are in src/ops/rmsprop.c.  HEAVY: with a momentum v; CENTERED: with
 * the mean m of gradients.
 *
 * n elements without gaps in each tensor, one work-item per element, any work size.  Nothing happens while the device
 * word is set. */

__kernel void rmsprop(__global const long *word, long n, __global real *p, ulong p0, __global const real *g, ulong g0,
                      __global real *s, ulong s0,
#ifdef HEAVY
                      __global real *v, ulong v0,
#endif
#ifdef CENTERED
                      __global real *m, ulong m0,
#endif
                      real lr, real decay, real alpha, real keep, real eps, real momentum)
{
    if (!word_clear(word))
        return;
    p += p0;
    g += g0;
    s += s0;
    GRID(i, n)
    {
        real d = decay == R(0) ? g[i] : g[i] + decay * p[i];
        real a = alpha * s[i] + keep * d * d;
        s[i] = a;
#ifdef CENTERED
        real b = alpha * m[m0 + i] + keep * d;
        m[m0 + i] = b;
        a -= b * b;
        a = a < R(0) ? R(0) : a;
#endif
        real u = d / (sqrt(a) + eps);
#ifdef HEAVY
        u = momentum * v[v0 + i] + u;
        v[v0 + i] = u;
#endif
        p[i] -= lr * u;
    }
}
