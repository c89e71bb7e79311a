/* random.cl - tensors of random numbers: element i is made of word i % 4 of Philox counter `counter` + i / 4.
 * An item makes four elements; grid-stride.  z is contiguous. */
#include "draw.cl"

static inline void store4(__global stored *z, index_t first, long n, real a, real b, real c, real d)
{
    STORE(z, first, a);
    if (first + 1 < n)
        STORE(z, first + 1, b);
    if (first + 2 < n)
        STORE(z, first + 2, c);
    if (first + 3 < n)
        STORE(z, first + 3, d);
}

#ifdef REAL_IS_F32
/* z = low + scale * u, u in [0, 1). */
__kernel void uniform(__global stored *z, ulong z0, long n, long seed, long counter, real low, real scale)
{
    z += z0;
    GRID(i, (n + 3) / 4)
    {
        struct philox p = philox((ulong)counter + (ulong)i, (ulong)seed);
        store4(z, i * 4, n, low + scale * philox_uniform(p.a), low + scale * philox_uniform(p.b),
               low + scale * philox_uniform(p.c), low + scale * philox_uniform(p.d));
    }
}

/* Mean 0. */
__kernel void normal(__global stored *z, ulong z0, long n, long seed, long counter, real deviation)
{
    z += z0;
    GRID(i, (n + 3) / 4)
    {
        struct philox p = philox((ulong)counter + (ulong)i, (ulong)seed);
        float r = philox_radius(p.a), s = philox_radius(p.c);
        float u = philox_uniform(p.b), v = philox_uniform(p.d);
        store4(z, i * 4, n, deviation * (r * philox_cos(u)), deviation * (r * philox_sin(u)),
               deviation * (s * philox_cos(v)), deviation * (s * philox_sin(v)));
    }
}
#endif

/* 0 where the word is below `threshold`, else scale. */
__kernel void mask(__global stored *z, ulong z0, long n, long seed, long counter, long threshold, real scale)
{
    uint least = (uint)threshold;
    z += z0;
    GRID(i, (n + 3) / 4)
    {
        struct philox p = philox((ulong)counter + (ulong)i, (ulong)seed);
        store4(z, i * 4, n, p.a < least ? 0 : scale, p.b < least ? 0 : scale, p.c < least ? 0 : scale,
               p.d < least ? 0 : scale);
    }
}
