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

#define MATH_OF(name, x) _Generic((x), float: name##_f32, double: name##_f64)(x)
#define m_exp(x) MATH_OF(m_exp, x)
#define m_log(x) MATH_OF(m_log, x)
#define m_tanh(x) MATH_OF(m_tanh, x)
#define m_sigmoid(x) MATH_OF(m_sigmoid, x)
#define m_sqrt(x) _Generic((x), float: sqrtf, double: sqrt)(x)

/* Whether x is NaN; an integer never is. */
static inline int nan_f32(float x) { return x != x; }
static inline int nan_f64(double x) { return x != x; }
static inline int nan_i64(int64_t x) { return (void)x, 0; }
static inline int nan_i32(int32_t x) { return (void)x, 0; }
static inline int nan_u8(uint8_t x) { return (void)x, 0; }
#define IS_NAN(x) \
    _Generic((x), float: nan_f32, double: nan_f64, int64_t: nan_i64, int32_t: nan_i32, uint8_t: nan_u8)(x)

/* An integer as unsigned, so that U(x) + U(y), converted back, wraps instead of overflowing; a float as it is. */
static inline float wrap_f32(float x) { return x; }
static inline double wrap_f64(double x) { return x; }
static inline uint64_t wrap_i64(int64_t x) { return (uint64_t)x; }
static inline uint32_t wrap_i32(int32_t x) { return (uint32_t)x; }
static inline uint32_t wrap_u8(uint8_t x) { return x; }
#define U(x) \
    _Generic((x), float: wrap_f32, double: wrap_f64, int64_t: wrap_i64, int32_t: wrap_i32, uint8_t: wrap_u8)(x)

#endif
