/* adam.cl - the updates of Adam and AdamW; the formulas are in src/ops/adam.c.
 *
 * n elements without gaps in each tensor, one work-item per element, any work size.  Nothing happens while the device
 * word is set. */

/* Moves m and v by d, and returns how far p goes down. */
static inline real adam_move(__global real *m, __global real *v, index_t i, real d, real step, real beta1, real keep1,
                             real beta2, real keep2, real root, real eps)
{
    real a = beta1 * m[i] + keep1 * d;
    real b = beta2 * v[i] + keep2 * d * d;
    m[i] = a;
    v[i] = b;
    return step * a / (sqrt(b) / root + eps);
}

__kernel void adam(__global const long *word, long n, __global real *p, ulong p0, __global const real *g, ulong g0,
                   __global real *m, ulong m0, __global real *v, ulong v0, real step, real decay, real beta1,
                   real keep1, real beta2, real keep2, real root, real eps)
{
    if (!word_clear(word))
        return;
    p += p0;
    g += g0;
    GRID(i, n)
    {
        real d = decay == R(0) ? g[i] : g[i] + decay * p[i];
        p[i] -= adam_move(m + m0, v + v0, i, d, step, beta1, keep1, beta2, keep2, root, eps);
    }
}

__kernel void adamw(__global const long *word, long n, __global real *p, ulong p0, __global const real *g, ulong g0,
                    __global real *m, ulong m0, __global real *v, ulong v0, real step, real decay, real beta1,
                    real keep1, real beta2, real keep2, real root, real eps)
{
    if (!word_clear(word))
        return;
    p += p0;
    g += g0;
    GRID(i, n)
        p[i] = decay * p[i] - adam_move(m + m0, v + v0, i, g[i], step, beta1, keep1, beta2, keep2, root, eps);
}
