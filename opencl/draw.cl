/* draw.cl - one random number by its position, for chains: what random.cl's kernels put there.  Element i is made of
 * word i % 4 of Philox counter `counter` + i / 4.  No kernel is defined here. */
#include "math.cl"
#if defined(REAL_IS_F32) || defined(REAL_IS_F64)
#define PHILOX_SQRT(x) sqrt(x)
#include "philox.cl"

static inline uint word_of(struct philox p, index_t i)
{
    int k = (int)i & 3;
    return k == 0 ? p.a : k == 1 ? p.b : k == 2 ? p.c : p.d;
}

static inline struct philox philox_at(index_t i, long seed, long counter)
{
    return philox((ulong)counter + (ulong)(i >> 2), (ulong)seed);
}

/* 0 where the word is below `threshold`, else scale. */
static inline real draw_dropout(index_t i, long seed, long counter, long threshold, real scale)
{
    return word_of(philox_at(i, seed, counter), i) < (uint)threshold ? 0 : scale;
}

#ifdef REAL_IS_F32
/* low + scale * u, u in [0, 1). */
static inline real draw_rand(index_t i, long seed, long counter, real low, real scale)
{
    return low + scale * philox_uniform(word_of(philox_at(i, seed, counter), i));
}

/* Mean 0: a pair of words makes two numbers. */
static inline real draw_randn(index_t i, long seed, long counter, real deviation)
{
    struct philox p = philox_at(i, seed, counter);
    int second = (int)i & 2;
    float r = philox_radius(second ? p.c : p.a), u = philox_uniform(second ? p.d : p.b);
    return deviation * (r * ((int)i & 1 ? philox_sin(u) : philox_cos(u)));
}
#endif
#endif
