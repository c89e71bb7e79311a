/* half.h - 16-bit floats: f16 (IEEE: 5 bits of exponent, 10 of fraction) and bf16 (the upper half of an f32), to f32
 * and back.  To the nearest, ties to even, beyond the range inf, NaN stays NaN.  All without branches, so that loops
 * over them become vector code. */
#ifndef GRADC_HALF_H
#define GRADC_HALF_H

#include <stdint.h>

#include "base/bits.h"

static inline float bf16_widen(uint16_t h)
{
    return f32_of_bits((uint32_t)h << 16);
}

static inline uint16_t bf16_narrow(float x)
{
    const uint32_t bits = bits_of_f32(x), rounded = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
    return (uint16_t)((bits & 0x7fffffffu) > 0x7f800000u ? bits >> 16 | 0x40u : rounded);
}

/* The exponent's bias grows by 112, that of inf and NaN twice; a subnormal number counts steps of 2^-24. */
static inline float f16_widen(uint16_t h)
{
    const uint32_t size = h & 0x7fffu, sign = (uint32_t)(h & 0x8000u) << 16;
    const uint32_t normal = (size << 13) + (size < 0x7c00u ? 112u << 23 : 224u << 23);
    const uint32_t subnormal = bits_of_f32((float)(int32_t)size * 0x1p-24f);
    return f32_of_bits(sign | (size < 0x400u ? subnormal : normal));
}

/* Below 2^-14 the sum with 0.5, whose last place is 2^-24, counts such steps, rounded. */
static inline uint16_t f16_narrow(float x)
{
    const uint32_t bits = bits_of_f32(x), size = bits & 0x7fffffffu, sign = bits >> 16 & 0x8000u;
    const uint32_t subnormal = bits_of_f32(f32_of_bits(size) + 0.5f) - 0x3f000000u;
    uint32_t z = (size - (112u << 23) + 0xfffu + (size >> 13 & 1u)) >> 13;
    z = z > 0x7c00u ? 0x7c00u : z;
    z = size < 0x38800000u ? subnormal : z;
    z = size > 0x7f800000u ? 0x7e00u | (size >> 13 & 0x3ffu) : z;
    return (uint16_t)(sign | z);
}

#endif
