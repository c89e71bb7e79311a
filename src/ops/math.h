/* math.h - opencl/math.cl, math_more.cl and math_trig.cl for C: m_exp, m_pow and so on of a float or a double, IS_NAN
 * and U of any element type, all inline, for the loops in *_isa.c files.  It holds no formula of its own.
 *
 * The same bits come out of every instruction set and of OpenCL as long as the file is compiled with
 * -ffp-contract=off; m_sqrt is a vector instruction only with -fno-math-errno. */
#ifndef GRADC_OPS_MATH_H
#define GRADC_OPS_MATH_H

#include <math.h>
#include <stdint.h>

#include "base/bits.h"

/* A loop is made of vector instructions only if all of it is inlined. */
#define MATH_INLINE static inline __attribute__((always_inline))
#define MATH_TABLE static const
#define MATH_MUL_HIGH(a, b) ((uint32_t)((uint64_t)(a) * (b) >> 32))

#define REAL_IS_F32
#define real float
#define math_bits uint32_t
#define MATH(name) m_##name##_f32
#define MATH_BITS(x) bits_of_f32(x)
#define MATH_REAL(b) f32_of_bits(b)
#include "../opencl/math.cl"
#include "../opencl/math_more.cl"
#include "../opencl/math_trig.cl"
#undef REAL_IS_F32
#include "math_end.h"

#define REAL_IS_F64
#define real double
#define math_bits uint64_t
#define MATH(name) m_##name##_f64
#define MATH_BITS(x) bits_of_f64(x)
#define MATH_REAL(b) f64_of_bits(b)
#include "../opencl/math.cl"
#include "../opencl/math_more.cl"
#include "../opencl/math_trig.cl"
#undef REAL_IS_F64
#include "math_end.h"

#undef MATH_INLINE
#undef MATH_TABLE
#undef MATH_MUL_HIGH

/* IS_NAN: whether x is NaN; an integer never is.  U: an integer as unsigned, so that U(x) + U(y), converted back, wraps
 * instead of overflowing; a float as it is. */
#define BY_TYPE(suffix, T, Unsigned, test)    \
    static inline int is_nan_##suffix(T x)    \
    {                                         \
        (void)x;                              \
        return test;                          \
    }                                         \
    static inline Unsigned wrap_##suffix(T x) \
    {                                         \
        return (Unsigned)x;                   \
    }
BY_TYPE(f32, float, float, x != x)
BY_TYPE(f64, double, double, x != x)
BY_TYPE(i64, int64_t, uint64_t, 0)
BY_TYPE(i32, int32_t, uint32_t, 0)
BY_TYPE(u8, uint8_t, uint32_t, 0)
#undef BY_TYPE

/* clang-format off */
#define OF_FLOAT(name, x) _Generic((x), float: name##_f32, double: name##_f64)(x)
#define OF_FLOAT2(name, x, y) _Generic((x), float: name##_f32, double: name##_f64)(x, y)
#define OF_NUMBER(name, x)                                \
    _Generic((x), float: name##_f32, double: name##_f64, \
             int64_t: name##_i64, int32_t: name##_i32, uint8_t: name##_u8)(x)
#define m_sqrt(x) _Generic((x), float: sqrtf, double: sqrt)(x)
/* clang-format on */
#define m_exp(x) OF_FLOAT(m_exp, x)
#define m_log(x) OF_FLOAT(m_log, x)
#define m_tanh(x) OF_FLOAT(m_tanh, x)
#define m_sigmoid(x) OF_FLOAT(m_sigmoid, x)
#define m_round(x) OF_FLOAT(m_round, x)
#define m_floor(x) OF_FLOAT(m_floor, x)
#define m_ceil(x) OF_FLOAT(m_ceil, x)
#define m_expm1(x) OF_FLOAT(m_expm1, x)
#define m_log1p(x) OF_FLOAT(m_log1p, x)
#define m_erf(x) OF_FLOAT(m_erf, x)
#define m_sin(x) OF_FLOAT(m_sin, x)
#define m_cos(x) OF_FLOAT(m_cos, x)
#define m_pow(x, y) OF_FLOAT2(m_pow, x, y)
#define m_fmod(x, y) OF_FLOAT2(m_fmod, x, y)
#define IS_NAN(x) OF_NUMBER(is_nan, x)
#define U(x) OF_NUMBER(wrap, x)

#endif
