/* sgd.cl - gradient descent's updates; the formulas are in src/ops/sgd.c.
 *
 * n elements without gaps in each tensor, one work-item per element, any work size.  Nothing happens while the device
 * word is set. */

__kernel void sgd(__global const long *word, long n, __global real *p, ulong p0, __global const real *g, ulong g0,
                  real lr, real decay)
{
    if (!word_clear(word))
        return;
    p += p0;
    g += g0;
    GRID(i, n)
    {
        real d = decay == R(0) ? g[i] : g[i] + decay * p[i];
        p[i] -= lr * d;
    }
}

__kernel void sgd_momentum(__global const long *word, long n, __global real *p, ulong p0, __global const real *g,
                           ulong g0, __global real *v, ulong v0, real lr, real decay, real momentum, real keep,
                           real nesterov)
{
    if (!word_clear(word))
        return;
    p += p0;
    g += g0;
    v += v0;
    GRID(i, n)
    {
        real d = decay == R(0) ? g[i] : g[i] + decay * p[i];
        real u = momentum * v[i] + keep * d;
        v[i] = u;
        p[i] -= lr * (nesterov == R(0) ? u : d + nesterov * u);
    }
}
