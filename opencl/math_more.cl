/* math_more.cl - round, floor, ceil, erf, log1p, expm1, pow and fmod of `real`, for OpenCL C and for C as math.cl is,
 * which must stand before it.
 *
 * Errors: erf, log1p and expm1 below 2 ulp, pow below 1 ulp, the others none.  fmod alone has a branch and a loop. */

#if defined(REAL_IS_F32) || defined(REAL_IS_F64)

#ifdef REAL_IS_F64
#define ROUND_LIMIT 0x1p+52
#define TINY 0x1p-60
#define EXPM1_LEAST -40.0
#define ERF_NEAR 1.0
#define ERF_MOST 6.0
#define POW_LIMIT 0x1p+65
#define TWO_THIRDS_HIGH 0x1.5555555555555p-1
#define TWO_THIRDS_LOW 0x1.5555555555555p-55
#define IMPLICIT_ONE 0x0010000000000000ul
#define FMOD_STEP 11u
#define FMOD_NEAR 0x1p+48
#define FMOD_RAISE 0x1p-50
#define FMOD_LEAST 0x1p-800
#define FMOD_MOST 0x1p+1000
#define LEAST_OF_1 0x1p-52
#else
#define ROUND_LIMIT 0x1p+23f
#define TINY 0x1p-30f
#define EXPM1_LEAST -40.0f
#define ERF_NEAR 0.85f
#define ERF_MOST 4.0f
#define POW_LIMIT 0x1p+33f
#define TWO_THIRDS_HIGH 0x1.555556p-1f
#define TWO_THIRDS_LOW -0x1.555556p-26f
#define IMPLICIT_ONE 0x00800000u
#define FMOD_STEP 8u
#define FMOD_NEAR 0x1p+19f
#define FMOD_RAISE 0x1p-21f
#define FMOD_LEAST 0x1p-70f
#define FMOD_MOST 0x1p+120f
#define LEAST_OF_1 0x1p-23f
#endif

#define SIGN_OF(x) (MATH_BITS(x) & MATH_SIGN)
#define SIZE_OF(x) MATH_REAL(MATH_BITS(x) & ~MATH_SIGN)

/* ---- Whole numbers ---- */

/* To the nearest, to the even one of two; beyond the limit every number is whole. */
MATH_INLINE real MATH(round)(real x)
{
    real a = SIZE_OF(x);
    real whole = MATH_REAL(MATH_BITS((a + ROUND_LIMIT) - ROUND_LIMIT) | SIGN_OF(x));
    return a < ROUND_LIMIT ? whole : x;
}

MATH_INLINE real MATH(floor)(real x)
{
    real z = MATH(round)(x);
    return z > x ? z - MATH_1 : z;
}

MATH_INLINE real MATH(ceil)(real x)
{
    real z = MATH(round)(x);
    z = z < x ? z + MATH_1 : z;
    return MATH_REAL(MATH_BITS(z) | SIGN_OF(x));
}

/* ---- expm1, log1p ---- */

/* 2^n (e^r - 1) + (2^n - 1), by halves, since 2^n may be past the largest number. */
MATH_INLINE real MATH(expm1)(real x)
{
    real t = x > EXP_MOST ? EXP_MOST : x;
    t = t < EXPM1_LEAST ? EXPM1_LEAST : t;
    real n = t * LOG2_E + MATH_SHIFTER;
    real half_power = MATH_REAL((MATH_BITS(n) - MATH_SHIFTER_BITS + (MATH_BIAS - 1u)) << MATH_MANTISSA);
    n = n - MATH_SHIFTER;
    real whole = t - n * LN2_HIGH, part = n * LN2_LOW;
    real r = whole - part, rest = (whole - r) - part;
    real y = half_power * (r + (r * r * EXP_POLY(r) + rest)) + (half_power - MATH_HALF);
    return SIZE_OF(x) < TINY ? x : y + y;
}

/* log(1 + x) = log(u) + c / u, where u + c is 1 + x exactly; near 0 it is the series itself. */
MATH_INLINE real MATH(log1p)(real x)
{
    real u = MATH_1 + x, v = u - MATH_1;
    real c = ((MATH_1 - (u - v)) + (x - v)) / u;
    math_bits b = MATH_BITS(u) + (MATH_ONE - MATH_ROOT_HALF);
    real k = MATH_REAL(MATH_SHIFTER_BITS + (b >> MATH_MANTISSA) - MATH_BIAS) - MATH_SHIFTER;
    real f = MATH_REAL((b & MATH_FRACTION) + MATH_ROOT_HALF) - MATH_1;
    f = k == 0 ? x : f;
    c = k == 0 ? 0 : c;
    real y = f - (MATH_HALF * f * f - (MATH(log_tail)(f) + (k * LN2_LOW + c))) + k * LN2_HIGH;
    y = x < MATH_INF ? y : x; /* inf, NaN */
    y = SIZE_OF(x) < TINY ? x : y;
    y = x < -MATH_1 ? MATH_NAN : y;
    return x == -MATH_1 ? -MATH_INF : y;
}

/* ---- erf ---- */

/* erf x = x + x erf_near(x^2) near 0, and 1 - e^-erf_far(|x|) farther out. */
#ifdef REAL_IS_F64
MATH_INLINE real MATH(erf_near)(real w)
{
    real p = 0x1.fc19bdc3b7198p-27 + w * (-0x1.4550eceb7ccd8p-30 + w * 0x1.2652c8fca9346p-34);
    p = 0x1.b9ed945f47261p-20 + w * (-0x1.5f8f733d97cbdp-23 + w * p);
    p = 0x1.f9a3344336d6ep-14 + w * (-0x1.f4d320275fe1dp-17 + w * p);
    p = 0x1.565bcd1272efdp-8 + w * (-0x1.c02db49342343p-11 + w * p);
    p = 0x1.ce2f21a043613p-4 + w * (-0x1.b82ce312ab27fp-6 + w * p);
    p = 0x1.06eba8214db69p-3 + w * (-0x1.812746b0379fdp-2 + w * p);
    return p;
}
#else
MATH_INLINE real MATH(erf_near)(real w)
{
    real p = 0x1.ce2514p-4f + w * (-0x1.b7310ep-6f + w * (0x1.4b5944p-8f + w * -0x1.4c5e86p-11f));
    p = 0x1.06eba8p-3f + w * (-0x1.812724p-2f + w * p);
    return p;
}
#endif

#ifdef REAL_IS_F64
MATH_INLINE real MATH(erf_far)(real a)
{
    real p = 0x1.ceef46593c8f5p-33 + a * (-0x1.3a234a494b3e0p-37 + a * 0x1.91aa13e800e98p-43);
    p = 0x1.148be9efe2a50p-25 + a * (-0x1.ab2cabea29c76p-29 + a * p);
    p = 0x1.8a851997aa8bbp-20 + a * (-0x1.0a6f73dc2d66ep-22 + a * p);
    p = 0x1.975acb2255944p-16 + a * (-0x1.c746a6886613ap-18 + a * p);
    p = 0x1.d0a81e210273bp-14 + a * (-0x1.0fa084ac6e734p-14 + a * p);
    p = -0x1.21993ec6f9cc6p-11 + a * (-0x1.713105d503b67p-16 + a * p);
    p = -0x1.a84683e05979ap-13 + a * (0x1.b7156cf51bb62p-10 + a * p);
    p = 0x1.a4f30246474cbp-4 + a * (-0x1.3964d196c8ea7p-6 + a * p);
    p = 0x1.20dd70cbe7928p+0 + a * (0x1.45f3272837094p-1 + a * p);
    p = 0x1.dde2b3f9982d8p-26 + a * p;
    return p;
}
#else
MATH_INLINE real MATH(erf_far)(real a)
{
    real p = 0x1.ac204ap-4f + a * (-0x1.70ecfcp-6f + a * (0x1.989a42p-9f + a * -0x1.ab06fep-13f));
    p = 0x1.b7ed28p-14f + a * (0x1.20c880p+0f + a * (0x1.45e634p-1f + a * p));
    return p;
}
#endif

MATH_INLINE real MATH(erf)(real x)
{
    real a = SIZE_OF(x);
    real t = a > ERF_MOST ? ERF_MOST : a;
    real outer = MATH_1 - MATH(exp)(-MATH(erf_far)(t));
    real inner = t + t * MATH(erf_near)(t * t);
    return MATH_REAL(MATH_BITS(a < ERF_NEAR ? inner : outer) | SIGN_OF(x));
}

/* ---- pow: log and product as sums of two numbers ---- */

/* log((1 + s) / (1 - s)) = 2 s + s^3 (2/3 + s^2 log_series(s^2)). */
#ifdef REAL_IS_F64
MATH_INLINE real MATH(log_series)(real w)
{
    real p = 0x1.112062cf6b6b1p-3 + w * (0x1.de3f6ad734552p-4 + w * 0x1.eab5598514a70p-4);
    p = 0x1.745d18283ef9cp-3 + w * (0x1.3b1365192ef10p-3 + w * p);
    p = 0x1.2492492492f46p-2 + w * (0x1.c71c71c598829p-3 + w * p);
    p = 0x1.9999999999996p-2 + w * p;
    return p;
}
#else
MATH_INLINE real MATH(log_series)(real w)
{
    real p = 0x1.9999fep-2f + w * (0x1.245336p-2f + w * 0x1.df8232p-3f);
    return p;
}
#endif

/* ln a = the result + *rest, for a > 0, finite. */
MATH_INLINE real MATH(log_sum)(real a, real *rest)
{
    real t = a < MATH_LEAST ? a * MATH_UP : a;
    math_bits drop = a < MATH_LEAST ? MATH_UP_LOG2 : 0u;
    math_bits b = MATH_BITS(t) + (MATH_ONE - MATH_ROOT_HALF);
    real k = MATH_REAL(MATH_SHIFTER_BITS + (b >> MATH_MANTISSA) - MATH_BIAS - drop) - MATH_SHIFTER;
    real f = MATH_REAL((b & MATH_FRACTION) + MATH_ROOT_HALF) - MATH_1;
    real d = MATH_2 + f, d_low = f - (d - MATH_2);
    real e, w_low, v_low, u_low;
    real s = f / d, p = MATH(product)(s, d, &e);
    real s_low = (((f - p) - e) - s * d_low) / d;
    real w = MATH(product)(s, s, &w_low);
    w_low = w_low + MATH_2 * s * s_low;
    real more = w * MATH(log_series)(w), c = TWO_THIRDS_HIGH + more;
    real c_low = ((TWO_THIRDS_HIGH - c) + more) + TWO_THIRDS_LOW;
    real v = MATH(product)(w, c, &v_low);
    v_low = v_low + (w * c_low + w_low * c);
    real u = MATH(product)(s, v, &u_low);
    u_low = u_low + (s * v_low + s_low * v);
    s = s + s;
    real y = s + u;
    real y_low = ((s - y) + u) + (MATH_2 * s_low + u_low);
    real base = k * LN2_HIGH, sum = base + y;
    y_low = ((base - sum) + y) + (y_low + k * LN2_LOW);
    y = sum + y_low;
    *rest = (sum - y) + y_low;
    return y;
}

/* e^(x + rest), x finite. */
MATH_INLINE real MATH(exp_sum)(real x, real rest)
{
    real t = x > EXP_MOST ? EXP_MOST : x;
    t = t < EXP_LEAST ? EXP_LEAST : t;
    rest = t == x ? rest : 0;
    real n = t * LOG2_E + MATH_SHIFTER;
    math_bits e = MATH_BITS(n) - MATH_SHIFTER_BITS + 2 * MATH_BIAS;
    math_bits half_e = e >> 1;
    n = n - MATH_SHIFTER;
    real whole = t - n * LN2_HIGH, part = n * LN2_LOW - rest;
    real r = whole - part, left = (whole - r) - part;
    real y = MATH_1 + (r + (r * r * EXP_POLY(r) + (left + r * left)));
    return y * MATH_REAL(half_e << MATH_MANTISSA) * MATH_REAL((e - half_e) << MATH_MANTISSA);
}

/* |x|^y = e^(y ln |x|).  y is bounded where every |x| but 1 is 0 or inf already.  The special cases are C's. */
MATH_INLINE real MATH(pow)(real x, real y)
{
    real a = SIZE_OF(x), b = SIZE_OF(y);
    real t = y > POW_LIMIT ? POW_LIMIT : y;
    t = t < -POW_LIMIT ? -POW_LIMIT : t;
    real low, p_low;
    real l = MATH(log_sum)(a, &low);
    real p = MATH(product)(t, l, &p_low);
    real z = MATH(exp_sum)(p, p_low + t * low);
    real edge = (a == 0) == (y < 0) ? MATH_INF : 0;
    z = ((a == 0) | (a == MATH_INF)) ? edge : z;
    real b_half = b * MATH_HALF;
    int whole = (b >= ROUND_LIMIT) | (MATH(round)(b) == b);
    int even = (b_half >= ROUND_LIMIT) | (MATH(round)(b_half) == b_half);
    z = MATH_REAL(MATH_BITS(z) | ((whole & !even) ? SIGN_OF(x) : 0u));
    z = ((x < 0) & (a < MATH_INF) & !whole) ? MATH_NAN : z;
    z = ((x != x) | (y != y)) ? MATH_NAN : z;
    return ((x == MATH_1) | (y == 0)) ? MATH_1 : z;
}

/* ---- fmod ---- */

/* Of any finite x and any y but 0: the mantissas are whole numbers, x's, times two for each step between the
 * exponents, modulo y's. */
MATH_INLINE real MATH(fmod_far)(real x, real y)
{
    math_bits a = MATH_BITS(x) & ~MATH_SIGN, b = MATH_BITS(y) & ~MATH_SIGN;
    math_bits a_exponent = a >> MATH_MANTISSA, b_exponent = b >> MATH_MANTISSA;
    math_bits r = (a & MATH_FRACTION) | (a_exponent != 0 ? IMPLICIT_ONE : 0u);
    math_bits m = (b & MATH_FRACTION) | (b_exponent != 0 ? IMPLICIT_ONE : 0u);
    a_exponent = a_exponent != 0 ? a_exponent : 1u;
    b_exponent = b_exponent != 0 ? b_exponent : 1u;
    if (a < b)
        return x;
    r = r % m;
    for (math_bits left = a_exponent - b_exponent; left > 0 && r != 0;) {
        math_bits step = left < FMOD_STEP ? left : FMOD_STEP;
        r = (r << step) % m;
        left -= step;
    }
    real z = (real)r * LEAST_OF_1 * MATH_REAL(b_exponent << MATH_MANTISSA);
    return MATH_REAL(MATH_BITS(z) | SIGN_OF(x));
}

/* |x| - q |y| is exact where the quotient is small and nothing over- or underflows.  The quotient is raised by more
 * than its error, so q is right or one too large. */
MATH_INLINE real MATH(fmod)(real x, real y)
{
    real a = SIZE_OF(x), b = SIZE_OF(y), quotient = a / b;
    if ((quotient < FMOD_NEAR) & (b > FMOD_LEAST) & (b < FMOD_MOST) & (a < FMOD_MOST)) {
        real low, p = MATH(product)(MATH(floor)(quotient + quotient * FMOD_RAISE), b, &low);
        real r = (a - p) - low;
        return MATH_REAL(MATH_BITS(r < 0 ? r + b : r) | SIGN_OF(x));
    }
    return ((a < MATH_INF) & (b > 0)) ? MATH(fmod_far)(x, y) : MATH_NAN;
}

#undef ROUND_LIMIT
#undef TINY
#undef EXPM1_LEAST
#undef ERF_NEAR
#undef ERF_MOST
#undef POW_LIMIT
#undef TWO_THIRDS_HIGH
#undef TWO_THIRDS_LOW
#undef IMPLICIT_ONE
#undef FMOD_STEP
#undef FMOD_NEAR
#undef FMOD_RAISE
#undef FMOD_LEAST
#undef FMOD_MOST
#undef LEAST_OF_1
#undef SIGN_OF
#undef SIZE_OF

#endif
