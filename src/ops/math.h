/* math.h - opencl/math.cl for C: m_exp, m_log, m_tanh, m_sigmoid and m_sqrt of a float or a double, IS_NAN and U of
 * any element type, all inline, for the loops in *_isa.c files.  It holds no formula of its own.
 *
 * The same bits come out of every instruction set and of OpenCL as long as the file is compiled with
 * -ffp-contract=off; m_sqrt is a vector instruction only with -fno-math-errno. */
#ifndef GRADC_OPS_MATH_H
#define GRADC_OPS_MATH_H

#include <math.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t bits_of_f32(float x)
{
    uint32_t b;
    memcpy(&b, &x, sizeof b);
    return b;
}

static inline float f32_of_bits(uint32_t b)
{
    float x;
    memcpy(&x, &b, sizeof x);
    return x;
}

static inline uint64_t bits_of_f64(double x)
{
    uint64_t b;
    memcpy(&b, &x, sizeof b);
    return b;
}

static inline double f64_of_bits(uint64_t b)
{
    double x;
    memcpy(&x, &b, sizeof x);
    return x;
}

#define REAL_IS_F32
#define real float
#define math_bits uint32_t
#define MATH(name) m_##name##_f32
#define MATH_BITS(x) bits_of_f32(x)
#define MATH_REAL(b) f32_of_bits(b)
#include "../opencl/math.cl"
#undef REAL_IS_F32
#undef real
#undef math_bits
#undef MATH
#undef MATH_BITS
#undef MATH_REAL

#define REAL_IS_F64
#define real double
#define math_bits uint64_t
#define MATH(name) m_##name##_f64
#define MATH_BITS(x) bits_of_f64(x)
#define MATH_REAL(b) f64_of_bits(b)
#include "../opencl/math.cl"
#undef REAL_IS_F64
#undef real
#undef math_bits
#undef MATH
#undef MATH_BITS
#undef MATH_REAL

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
#define OF_NUMBER(name, x)                                \
    _Generic((x), float: name##_f32, double: name##_f64, \
             int64_t: name##_i64, int32_t: name##_i32, uint8_t: name##_u8)(x)
#define m_sqrt(x) _Generic((x), float: sqrtf, double: sqrt)(x)
/* clang-format on */
#define m_exp(x) OF_FLOAT(m_exp, x)
#define m_log(x) OF_FLOAT(m_log, x)
#define m_tanh(x) OF_FLOAT(m_tanh, x)
#define m_sigmoid(x) OF_FLOAT(m_sigmoid, x)
#define m_log_sigmoid(x) OF_FLOAT(m_log_sigmoid, x)
#define IS_NAN(x) OF_NUMBER(is_nan, x)
#define U(x) OF_NUMBER(wrap, x)

#endif
