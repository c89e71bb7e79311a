/* math_trig.cl - sin and cos of `real`, for OpenCL C and for C as math.cl is, which must stand before it.
 *
 * Every finite argument is reduced by Payne and Hanek's method in integers, so that there is one path, without
 * branches, for all of them: x is an integer times a power of two, and of 2/pi only the bits matter that lie between
 * the multiples of 4 and what rounds away.  Errors: below 0.9 ulp.  Infinities and NaN give NaN; -0 stays. */

#if defined(REAL_IS_F32) || defined(REAL_IS_F64)

#ifdef REAL_IS_F64
#define PI_HALF_HIGH 0x1.921fb54442d18p+0
#define PI_HALF_LOW 0x1.1a62633145c07p-54
#define PI_QUARTER 0x1.921fb54442d18p-1
#else
#define PI_HALF_HIGH 0x1.921fb6p+0f
#define PI_HALF_LOW -0x1.777a5cp-25f
#define PI_QUARTER 0x1.921fb6p-1f
#endif

/* sin r = r + r^3 sin_poly(r^2), cos r = 1 - r^2 / 2 + r^4 cos_poly(r^2), on +-pi/4. */
#ifdef REAL_IS_F64
MATH_INLINE real MATH(sin_poly)(real w)
{
    real p = 0x1.71de355d3dc78p-19 + w * (-0x1.ae5e52ed8cfc9p-26 + w * 0x1.5d8dbd79941b4p-33);
    p = 0x1.111111110f753p-7 + w * (-0x1.a01a019bf05d1p-13 + w * p);
    p = -0x1.5555555555548p-3 + w * p;
    return p;
}
#else
MATH_INLINE real MATH(sin_poly)(real w)
{
    real p = -0x1.555556p-3f + w * (0x1.111166p-7f + w * (-0x1.a04a6ep-13f + w * 0x1.7861d0p-19f));
    return p;
}
#endif

#ifdef REAL_IS_F64
MATH_INLINE real MATH(cos_poly)(real w)
{
    real p = -0x1.27e4f7f1879fdp-22 + w * (0x1.1ee9dbb412cc4p-29 + w * -0x1.8fa66a8b15eadp-37);
    p = -0x1.6c16c16c15016p-10 + w * (0x1.a01a019c8f357p-16 + w * p);
    p = 0x1.555555555554bp-5 + w * p;
    return p;
}
#else
MATH_INLINE real MATH(cos_poly)(real w)
{
    real p = 0x1.55554ap-5f + w * (-0x1.6c0c2cp-10f + w * 0x1.99e9eep-16f);
    return p;
}
#endif

/* (high + low / 2 pi) pi/2, the product of two sums. */
MATH_INLINE real MATH(quarter_turns)(real high, real low, real *rest)
{
    real r = MATH(product)(high, PI_HALF_HIGH, rest);
    *rest = *rest + (high * PI_HALF_LOW + low * PI_HALF_HIGH);
    return r;
}

#ifdef REAL_IS_F64

/* Two zero words and the bits of 2/pi: each entry is a word of 32 bits and its successor. */
MATH_TABLE math_bits MATH(two_over_pi)[38] = {
    0x0000000000000000ul, 0x00000000a2f9836eul, 0xa2f9836e4e441529ul, 0x4e441529fc2757d1ul,
    0xfc2757d1f534ddc0ul, 0xf534ddc0db629599ul, 0xdb6295993c439041ul, 0x3c439041fe5163abul,
    0xfe5163abdebbc561ul, 0xdebbc561b7246e3aul, 0xb7246e3a424dd2e0ul, 0x424dd2e006492eeaul,
    0x06492eea09d1921cul, 0x09d1921cfe1deb1cul, 0xfe1deb1cb129a73eul, 0xb129a73ee88235f5ul,
    0xe88235f52ebb4484ul, 0x2ebb4484e99c7026ul, 0xe99c7026b45f7e41ul, 0xb45f7e413991d639ul,
    0x3991d639835339f4ul, 0x835339f49c845f8bul, 0x9c845f8bbdf9283bul, 0xbdf9283b1ff897fful,
    0x1ff897ffde05980ful, 0xde05980fef2f118bul, 0xef2f118b5a0a6d1ful, 0x5a0a6d1f6d367ecful,
    0x6d367ecf27cb09b7ul, 0x27cb09b74f463f66ul, 0x4f463f669e5fea2dul, 0x9e5fea2d7527bac7ul,
    0x7527bac7ebe5f17bul, 0xebe5f17b3d0739f7ul, 0x3d0739f78a5292eaul, 0x8a5292ea6bfb5fb1ul,
    0x6bfb5fb11f8d5d08ul, 0x1f8d5d0856033046ul,
};

/* 32 bits of 2/pi from a bit on. */
#define PI_BITS(at) ((MATH(two_over_pi)[(at) >> 5] >> (32u - ((at)&31u))) & 0xfffffffful)
#define WORD_LOW(x) ((x)&0xfffffffful)
#define WORD_HIGH(x) ((x) >> 32)
/* A word as real: exact. */
#define WORD_REAL(x) (MATH_REAL(0x4330000000000000ul | (x)) - 0x1p52)

/* a = n pi/2 + the result + *rest, the result in +-pi/4; n modulo 4. */
MATH_INLINE real MATH(reduce)(real a, math_bits *n, real *rest)
{
    math_bits b = MATH_BITS(a), e = b >> 52;
    math_bits at = e > 1013u ? e - 1013u : 0u;
    math_bits m = (b & MATH_FRACTION) | 0x0010000000000000ul;
    math_bits m0 = WORD_LOW(m), m1 = WORD_HIGH(m);
    math_bits p0 = PI_BITS(at), p1 = PI_BITS(at + 32u), p2 = PI_BITS(at + 64u), p3 = PI_BITS(at + 96u);
    math_bits p4 = PI_BITS(at + 128u), p5 = PI_BITS(at + 160u);
    math_bits a1 = m0 * p1, a2 = m0 * p2, a3 = m0 * p3, b2 = m1 * p2, b3 = m1 * p3, b4 = m1 * p4;
    math_bits c3 = WORD_LOW(a3) + WORD_HIGH(m0 * p4) + WORD_LOW(b4) + WORD_HIGH(m1 * p5);
    math_bits c2 = WORD_HIGH(c3) + WORD_LOW(a2) + WORD_HIGH(a3) + WORD_LOW(b3) + WORD_HIGH(b4);
    math_bits c1 = WORD_HIGH(c2) + WORD_LOW(a1) + WORD_HIGH(a2) + WORD_LOW(b2) + WORD_HIGH(b3);
    math_bits c0 = WORD_HIGH(c1) + m0 * p0 + WORD_HIGH(a1) + m1 * p1 + WORD_HIGH(b2) + 0x20000000u;
    real high = (WORD_REAL(c0 & 0x3fffffffu) - 0x1p29) * 0x1p-30, next = WORD_REAL(WORD_LOW(c1)) * 0x1p-62;
    real last = WORD_REAL(WORD_LOW(c2)) * 0x1p-94 + WORD_REAL(WORD_LOW(c3)) * 0x1p-126;
    real f = high + next;
    last = ((high - f) + next) + last;
    high = f + last;
    int small = a < PI_QUARTER;
    real r = MATH(quarter_turns)(high, (f - high) + last, rest);
    *rest = small ? 0.0 : *rest;
    *n = small ? 0u : (c0 >> 30) & 3u;
    return small ? a : r;
}

#undef PI_BITS
#undef WORD_LOW
#undef WORD_HIGH
#undef WORD_REAL

#else

/* A zero word and the bits of 2/pi: 32 of them from each byte on. */
MATH_TABLE math_bits MATH(two_over_pi)[25] = {
    0x00000000u, 0x000000a2u, 0x0000a2f9u, 0x00a2f983u, 0xa2f9836eu, 0xf9836e4eu, 0x836e4e44u, 0x6e4e4415u,
    0x4e441529u, 0x441529fcu, 0x1529fc27u, 0x29fc2757u, 0xfc2757d1u, 0x2757d1f5u, 0x57d1f534u, 0xd1f534ddu,
    0xf534ddc0u, 0x34ddc0dbu, 0xddc0db62u, 0xc0db6295u, 0xdb629599u, 0x6295993cu, 0x95993c43u, 0x993c4390u,
    0x3c439041u,
};

MATH_INLINE real MATH(reduce)(real a, math_bits *n, real *rest)
{
    math_bits b = MATH_BITS(a), e = b >> 23;
    math_bits at = e > 120u ? e - 120u : 0u;
    math_bits m = ((b & MATH_FRACTION) | 0x00800000u) << (at & 7u);
    int byte = (int)(at >> 3);
    math_bits p1 = MATH(two_over_pi)[byte + 4];
    math_bits low = m * p1 + MATH_MUL_HIGH(m, MATH(two_over_pi)[byte + 8]);
    math_bits carry = low < m * p1 ? 1u : 0u;
    math_bits turns = m * MATH(two_over_pi)[byte] + MATH_MUL_HIGH(m, p1) + carry + 0x20000000u;
    real high = (real)((int)((turns & 0x3fffffffu) >> 10) - 0x80000) * 0x1p-20f;
    real next = (real)(int)((turns & 0x3ffu) << 10 | low >> 22) * 0x1p-40f;
    real last = (real)(int)(low & 0x3fffffu) * 0x1p-62f;
    real f = high + next;
    last = ((high - f) + next) + last;
    high = f + last;
    int small = a < PI_QUARTER;
    real r = MATH(quarter_turns)(high, (f - high) + last, rest);
    *rest = small ? 0.0f : *rest;
    *n = small ? 0u : turns >> 30;
    return small ? a : r;
}

#endif

/* sin(a + turns pi/2) with the sign bits of `sign` turned, a the size of x. */
MATH_INLINE real MATH(sin_turned)(real x, math_bits turns, math_bits sign)
{
    real rest;
    math_bits n;
    real r = MATH(reduce)(MATH_REAL(MATH_BITS(x) & ~MATH_SIGN), &n, &rest);
    n = n + turns;
    real w = r * r, h = MATH_HALF * w, one_less = MATH_1 - h;
    real s = r + ((rest - h * rest) + r * w * MATH(sin_poly)(w));
    real c = one_less + (((MATH_1 - one_less) - h) + (w * w * MATH(cos_poly)(w) - r * rest));
    math_bits y = MATH_BITS((n & 1u) != 0 ? c : s) ^ sign ^ ((n & 2u) != 0 ? MATH_SIGN : 0u);
    return x - x == 0 ? MATH_REAL(y) : MATH_NAN;
}

MATH_INLINE real MATH(sin)(real x)
{
    return MATH(sin_turned)(x, 0u, MATH_BITS(x) & MATH_SIGN);
}

MATH_INLINE real MATH(cos)(real x)
{
    return MATH(sin_turned)(x, 1u, 0u);
}

#undef PI_HALF_HIGH
#undef PI_HALF_LOW
#undef PI_QUARTER

#endif
