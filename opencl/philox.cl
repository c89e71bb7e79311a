/* philox.cl - Philox4x32-10 and what becomes of its words: one text for OpenCL C and for C (src/ops/random_isa.c
 * includes it), so that every device draws the same numbers.  No kernel is defined here; math.cl stands before it.
 *
 * Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3 (SC 2011). */
#ifndef PHILOX_HIGH /* OpenCL C */
#define PHILOX_HIGH(a, b) mul_hi((uint)(a), (uint)(b))
#define PHILOX_BITS(x) as_uint(x)
#define PHILOX_FLOAT(x) convert_float(x)
#define LOG_F32(x) m_log(x)
typedef uint philox_word;
typedef ulong philox_long;
#endif

struct philox {
    philox_word a, b, c, d;
};

/* Four 32-bit words for one counter under one key. */
static inline struct philox philox(philox_long counter, philox_long key)
{
    struct philox p = {(philox_word)counter, (philox_word)(counter >> 32), 0, 0};
    philox_word key_a = (philox_word)key, key_b = (philox_word)(key >> 32);
    for (int round = 0; round < 10; round++) {
        philox_word a = PHILOX_HIGH(0xcd9e8d57u, p.c) ^ p.b ^ key_a;
        philox_word c = PHILOX_HIGH(0xd2511f53u, p.a) ^ p.d ^ key_b;
        p.b = 0xcd9e8d57u * p.c;
        p.d = 0xd2511f53u * p.a;
        p.a = a;
        p.c = c;
        key_a += 0x9e3779b9u;
        key_b += 0xbb67ae85u;
    }
    return p;
}

/* Uniform in [0, 1): the upper 24 bits, exact. */
static inline float philox_uniform(philox_word word)
{
    return PHILOX_FLOAT((int)(word >> 8)) * 0x1p-24f;
}

/* Box and Muller: two normal numbers from two words are radius * cosine and radius * sine of a random angle.
 * radius = sqrt(-2 ln u), u in (0, 1]. */
static inline float philox_radius(philox_word word)
{
    float u = PHILOX_FLOAT((int)(word >> 8) + 1) * 0x1p-24f;
    return PHILOX_SQRT(-2.0f * LOG_F32(u));
}

/* cos(2 pi u) and sin(2 pi u), u in [0, 1): t in +-1/8 of a turn is what is left of u beyond a quarter. */
static inline float turn_cos(float t)
{
    float w = t * t;
    return 1.0f + w * (-0x1.3bd3ccp+4f + w * (0x1.03c1eap+6f + w * (-0x1.55cb98p+6f + w * 0x1.db64e4p+5f)));
}

static inline float turn_sin(float t)
{
    float w = t * t;
    float y = 0x1.466bbap+6f + w * (-0x1.32ca84p+6f + w * 0x1.4bc238p+5f);
    return t * (0x1.921fb6p+2f + w * (-0x1.4abbcep+5f + w * y));
}

static inline float philox_cos(float u)
{
    float quarter = u * 4.0f + 0x1.8p+23f;
    philox_word q = PHILOX_BITS(quarter);
    float t = u - (quarter - 0x1.8p+23f) * 0.25f;
    float cosine = turn_cos(t), sine = turn_sin(t);
    float y = q & 1u ? sine : cosine;
    return ((q + 1u) & 2u) ? -y : y;
}

static inline float philox_sin(float u)
{
    float quarter = u * 4.0f + 0x1.8p+23f;
    philox_word q = PHILOX_BITS(quarter);
    float t = u - (quarter - 0x1.8p+23f) * 0.25f;
    float cosine = turn_cos(t), sine = turn_sin(t);
    float y = q & 1u ? cosine : sine;
    return q & 2u ? -y : y;
}
