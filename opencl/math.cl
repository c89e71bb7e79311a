/* math.cl - exp, log, tanh, sigmoid of `real`, and integer arithmetic that wraps: one text for OpenCL C and for C, so
 * that every device gives the same bits.
 *
 * OpenCL programs take it by  #include "math.cl"  and call m_exp(x) ...; C files take it through src/ops/math.h, which
 * includes it for float and for double.  No branches, no tables, no fma; only +, -, *, / and comparisons, which are
 * correctly rounded everywhere but for OpenCL's f32 division where a device can't (tanh and sigmoid use one).
 * Errors: exp and log below 1 ulp, tanh and sigmoid below 2.6 ulp.  Infinities, NaN and denormal results are right. */

#ifndef MATH /* OpenCL C */

#define MATH(name) m_##name
#define MATH_TABLE __constant
#define MATH_INLINE static inline
#if defined(REAL_IS_F64)
typedef ulong math_bits;
#define MATH_BITS(x) as_ulong(x)
#define MATH_REAL(b) as_double(b)
#define IS_NAN(x) ((x) != (x))
#define U(x) (x)
#elif defined(REAL_IS_F32)
typedef uint math_bits;
#define MATH_MUL_HIGH(a, b) mul_hi(a, b)
#define MATH_BITS(x) as_uint(x)
#define MATH_REAL(b) as_float(b)
#define IS_NAN(x) ((x) != (x))
#define U(x) (x)
#elif defined(REAL_IS_I64)
#define IS_NAN(x) 0
#define U(x) ((ulong)(x)) /* U(x) + U(y), made real again, is x + y without overflow: it wraps */
#else
#define IS_NAN(x) 0
#define U(x) ((uint)(x))
#endif
#define m_sqrt(x) sqrt(x)

#endif

#if defined(REAL_IS_F32) || defined(REAL_IS_F64)

/* Constants.  SHIFTER: adding it rounds to an integer, which then stands in the low bits.  ln 2 = LN2_HIGH + LN2_LOW,
 * n * LN2_HIGH exact for every exponent n.  EXP_POLY: (e^r - 1 - r) / r^2 on +-ln(2)/2, minimax.
 * LOG_TAIL: log(1 + f) - f + f^2 / 2 for 1 + f in sqrt(1/2) .. sqrt(2). */
#ifdef REAL_IS_F64
#define MATH_BIAS 1023u
#define MATH_MANTISSA 52
#define MATH_HIGH_PART 0xfffffffff8000000ul
#define MATH_SIGN 0x8000000000000000ul
#define MATH_FRACTION 0x000ffffffffffffful
#define MATH_ONE 0x3ff0000000000000ul
#define MATH_ROOT_HALF 0x3fe6a09e667f3bcdul
#define MATH_SHIFTER 0x1.8p+52
#define MATH_SHIFTER_BITS 0x4338000000000000ul
#define MATH_NAN MATH_REAL(0x7ff8000000000000ul)
#define MATH_INF MATH_REAL(0x7ff0000000000000ul)
#define MATH_LEAST 0x1p-1022
#define MATH_UP 0x1p+54
#define MATH_UP_LOG2 54u
#define MATH_HALF 0.5
#define MATH_1 1.0
#define MATH_2 2.0
#define EXP_MOST 710.0
#define EXP_LEAST -746.0
#define TANH_MOST 20.0
#define LOG2_E 0x1.71547652b82fep+0
#define LN2_HIGH 0x1.62e42fee00000p-1
#define LN2_LOW 0x1.a39ef35793c76p-33
#define EXP_POLY(r)                                                                                                 \
    (0x1.0p-1 +                                                                                                     \
     (r) * (0x1.5555555555557p-3 +                                                                                  \
            (r) * (0x1.5555555555558p-5 +                                                                           \
                   (r) * (0x1.11111111100dcp-7 +                                                                    \
                          (r) * (0x1.6c16c16c15204p-10 +                                                            \
                                 (r) * (0x1.a01a01abe7d6dp-13 +                                                     \
                                        (r) * (0x1.a01a01acf774dp-16 +                                              \
                                               (r) * (0x1.71de02321309ap-19 +                                       \
                                                      (r) * (0x1.27e4ccd75ea00p-22 +                                \
                                                             (r) * (0x1.af4de882ac168p-26 +                         \
                                                                    (r) * 0x1.1f8b3a76258bap-29))))))))))
#else
#define MATH_BIAS 127u
#define MATH_MANTISSA 23
#define MATH_HIGH_PART 0xfffff000u
#define MATH_SIGN 0x80000000u
#define MATH_FRACTION 0x007fffffu
#define MATH_ONE 0x3f800000u
#define MATH_ROOT_HALF 0x3f3504f3u
#define MATH_SHIFTER 0x1.8p+23f
#define MATH_SHIFTER_BITS 0x4b400000u
#define MATH_NAN MATH_REAL(0x7fc00000u)
#define MATH_INF MATH_REAL(0x7f800000u)
#define MATH_LEAST 0x1p-126f
#define MATH_UP 0x1p+25f
#define MATH_UP_LOG2 25u
#define MATH_HALF 0.5f
#define MATH_1 1.0f
#define MATH_2 2.0f
#define EXP_MOST 89.0f
#define EXP_LEAST -105.0f
#define TANH_MOST 10.0f
#define LOG2_E 0x1.715476p+0f
#define LN2_HIGH 0x1.62e400p-1f
#define LN2_LOW 0x1.7f7d1cp-20f
#define EXP_POLY(r)                                                                 \
    (0x1.0p-1f +                                                                    \
     (r) * (0x1.555556p-3f +                                                        \
            (r) * (0x1.5554eap-5f +                                                 \
                   (r) * (0x1.1110acp-7f + (r) * (0x1.6d4328p-10f + (r) * 0x1.a17e3cp-13f)))))
#endif

/* a * b is the result + *low: Dekker's product, of halves that are cut off by MATH_HIGH_PART. */
MATH_INLINE real MATH(product)(real a, real b, real *low)
{
    real z = a * b;
    real a_high = MATH_REAL(MATH_BITS(a) & MATH_HIGH_PART), a_low = a - a_high;
    real b_high = MATH_REAL(MATH_BITS(b) & MATH_HIGH_PART), b_low = b - b_high;
    *low = ((a_high * b_high - z) + a_high * b_low + a_low * b_high) + a_low * b_low;
    return z;
}

/* e^x = 2^n e^r with n the nearest integer to x / ln 2.  2^n is multiplied in two halves: the second rounds once, so
 * denormal results are right, and e^x past the largest number is inf. */
MATH_INLINE real MATH(exp)(real x)
{
    real t = x > EXP_MOST ? EXP_MOST : x;
    t = t < EXP_LEAST ? EXP_LEAST : t;
    real n = t * LOG2_E + MATH_SHIFTER;
    math_bits e = MATH_BITS(n) - MATH_SHIFTER_BITS + 2 * MATH_BIAS;
    math_bits half_e = e >> 1;
    n = n - MATH_SHIFTER;
    real r = (t - n * LN2_HIGH) - n * LN2_LOW;
    real y = MATH_1 + (r + r * r * EXP_POLY(r));
    return y * MATH_REAL(half_e << MATH_MANTISSA) * MATH_REAL((e - half_e) << MATH_MANTISSA);
}

#ifdef REAL_IS_F64
/* log(1 + f) = 2 atanh(s), s = f / (2 + f), as fdlibm arranges it: f - (f^2/2 - s (f^2/2 + w p(w))), w = s^2. */
MATH_INLINE real MATH(log_tail)(real f)
{
    real s = f / (MATH_2 + f);
    real w = s * s;
    real p = 0x1.99999999951bfp-2 +
             w * (0x1.2492492e0f031p-2 +
                  w * (0x1.c71c62c21b377p-3 +
                       w * (0x1.7462be2afef27p-3 + w * (0x1.39fd3441ed23bp-3 + w * 0x1.2b6627a43c443p-3))));
    return s * (MATH_HALF * f * f + w * (0x1.5555555555558p-1 + w * p));
}
#else
MATH_INLINE real MATH(log_tail)(real f)
{
    real p = -0x1.fb436ap-4f + f * (0x1.e650dcp-4f + f * (-0x1.e2e84ep-4f + f * 0x1.1b4090p-4f));
    p = 0x1.555546p-2f +
        f * (-0x1.ffffeep-3f + f * (0x1.99a546p-3f + f * (-0x1.5562e2p-3f + f * (0x1.2332c0p-3f + f * p))));
    return f * f * f * p;
}
#endif

/* ln x = k ln 2 + ln(1 + f), 1 + f in sqrt(1/2) .. sqrt(2).  Denormal x is scaled up first. */
MATH_INLINE real MATH(log)(real x)
{
    real up = x * MATH_UP;
    real t = x < MATH_LEAST ? up : x;
    math_bits drop = x < MATH_LEAST ? MATH_UP_LOG2 : 0u;
    math_bits b = MATH_BITS(t) + (MATH_ONE - MATH_ROOT_HALF);
    real k = MATH_REAL(MATH_SHIFTER_BITS + (b >> MATH_MANTISSA) - MATH_BIAS - drop) - MATH_SHIFTER;
    real f = MATH_REAL((b & MATH_FRACTION) + MATH_ROOT_HALF) - MATH_1;
    real y = f - (MATH_HALF * f * f - (MATH(log_tail)(f) + k * LN2_LOW)) + k * LN2_HIGH;
    y = x < MATH_INF ? y : x; /* inf, NaN */
    y = x < 0 ? MATH_NAN : y;
    return x == 0 ? -MATH_INF : y;
}

#ifdef REAL_IS_F64
#define TANH_NEAR_0(y, a) (y)
#else
/* tanh a = a + a w p(w), w = a^2, up to 0.625: the quotient below would lose another ulp there. */
MATH_INLINE real MATH(tanh_near_0)(real y, real a)
{
    real w = a * a;
    real p = -0x1.555542p-2f +
             w * (0x1.110982p-3f + w * (-0x1.b87cb0p-5f + w * (0x1.538844p-6f + w * -0x1.7b2f7cp-8f)));
    real near_0 = a + a * (w * p);
    return a < 0.625f ? near_0 : y;
}
#define TANH_NEAR_0(y, a) MATH(tanh_near_0)(y, a)
#endif

/* tanh |x| = t / (t + 2), t = e^2|x| - 1 = 2^n (e^r - 1) + (2^n - 1), which is exact where it matters: at n = 0. */
MATH_INLINE real MATH(tanh)(real x)
{
    math_bits sign = MATH_BITS(x) & MATH_SIGN;
    real a = MATH_REAL(MATH_BITS(x) & ~MATH_SIGN);
    a = a > TANH_MOST ? TANH_MOST : a;
    real b = a + a;
    real n = b * LOG2_E + MATH_SHIFTER;
    real power = MATH_REAL((MATH_BITS(n) - MATH_SHIFTER_BITS + MATH_BIAS) << MATH_MANTISSA);
    n = n - MATH_SHIFTER;
    real r = (b - n * LN2_HIGH) - n * LN2_LOW;
    real t = power * (r + r * r * EXP_POLY(r)) + (power - MATH_1);
    return MATH_REAL(MATH_BITS(TANH_NEAR_0(t / (t + MATH_2), a)) | sign);
}

MATH_INLINE real MATH(sigmoid)(real x)
{
    return MATH_1 / (MATH_1 + MATH(exp)(-x));
}

#undef TANH_NEAR_0

#endif
