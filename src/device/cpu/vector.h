/* vector.h - what *_isa.c files with explicit vectors share: an instruction set's vectors, loops that are unrolled, and
 * a square of numbers transposed.
 *
 * VECTOR_BYTES, the lanes of f32 and f64 as literals, MANY_REGISTERS where there are 32; for f32 and f64: x * y + z of
 * vectors (the plain set rounds twice), a number in all lanes, a store past the caches of an aligned vector, and the
 * first lanes of one alone. */
#ifndef GRADC_VECTOR_H
#define GRADC_VECTOR_H

#include <stdint.h>

#if defined(__AVX512F__)
#include <immintrin.h>
#define VECTOR_BYTES 64
#define MANY_REGISTERS
#define LANES_F32 16
#define LANES_F64 8
#define FMA_F32(x, y, z) _mm512_fmadd_ps(x, y, z)
#define FMA_F64(x, y, z) _mm512_fmadd_pd(x, y, z)
#define SPLAT_F32(x) _mm512_set1_ps(x)
#define SPLAT_F64(x) _mm512_set1_pd(x)
#define STREAM_F32(p, x) _mm512_stream_ps(p, x)
#define STREAM_F64(p, x) _mm512_stream_pd(p, x)
#elif defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>
#define VECTOR_BYTES 32
#define LANES_F32 8
#define LANES_F64 4
#define FMA_F32(x, y, z) _mm256_fmadd_ps(x, y, z)
#define FMA_F64(x, y, z) _mm256_fmadd_pd(x, y, z)
#define SPLAT_F32(x) _mm256_set1_ps(x)
#define SPLAT_F64(x) _mm256_set1_pd(x)
#define STREAM_F32(p, x) _mm256_stream_ps(p, x)
#define STREAM_F64(p, x) _mm256_stream_pd(p, x)
#else
#define VECTOR_BYTES 16
#define LANES_F32 4
#define LANES_F64 2
#define STREAM_F32 STORE
#define STREAM_F64 STORE
#if defined(__aarch64__)
#include <arm_neon.h>
#define MANY_REGISTERS
#define FMA_F32(x, y, z) vfmaq_f32(z, x, y)
#define FMA_F64(x, y, z) vfmaq_f64(z, x, y)
#define SPLAT_F32(x) vdupq_n_f32(x)
#define SPLAT_F64(x) vdupq_n_f64(x)
#else
#define FMA_F32(x, y, z) ((x) * (y) + (z))
#define FMA_F64(x, y, z) ((x) * (y) + (z))
#define SPLAT_F32(x) ((x) - (float __attribute__((vector_size(16)))){0})
#define SPLAT_F64(x) ((x) - (double __attribute__((vector_size(16)))){0})
#endif
#endif

/* Accumulators and squares live in registers only where these short loops are unrolled. */
#if defined(__clang__)
#define foreach(i, n) _Pragma("clang loop unroll(full)") for (int i = 0; i < (n); i++)
#else
#define foreach(i, n) _Pragma("GCC unroll 16") for (int i = 0; i < (n); i++)
#endif

/* A vector that is read once and used many times: the compiler would read it at each use. */
#if defined(__AVX2__)
#define IN_REGISTER(v) __asm__("" : "+v"(v))
#elif defined(__aarch64__)
#define IN_REGISTER(v) __asm__("" : "+w"(v))
#else
#define IN_REGISTER(v) ((void)0)
#endif

#define INLINE static inline __attribute__((always_inline))

typedef float vec_f32 __attribute__((vector_size(VECTOR_BYTES)));
typedef double vec_f64 __attribute__((vector_size(VECTOR_BYTES)));

/* As they lie in memory, at any address. */
typedef float loose_f32 __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(float)), may_alias));
typedef double loose_f64 __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(double)), may_alias));

/* ---- Parts of a vector: the first `count` lanes, none to all, the others 0 or left alone ---- */

#if defined(__AVX512F__)
INLINE vec_f32 load_first_f32(const float *p, int64_t count)
{
    return (vec_f32)_mm512_maskz_loadu_ps((__mmask16)((1U << count) - 1), p);
}

INLINE vec_f64 load_first_f64(const double *p, int64_t count)
{
    return (vec_f64)_mm512_maskz_loadu_pd((__mmask8)((1U << count) - 1), p);
}

INLINE void store_first_f32(float *p, int64_t count, vec_f32 x)
{
    _mm512_mask_storeu_ps(p, (__mmask16)((1U << count) - 1), (__m512)x);
}

INLINE void store_first_f64(double *p, int64_t count, vec_f64 x)
{
    _mm512_mask_storeu_pd(p, (__mmask8)((1U << count) - 1), (__m512d)x);
}
#elif defined(__AVX2__)
INLINE vec_f32 load_first_f32(const float *p, int64_t count)
{
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return (vec_f32)_mm256_maskload_ps(p, _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count), lane));
}

INLINE vec_f64 load_first_f64(const double *p, int64_t count)
{
    const __m256i lane = _mm256_setr_epi64x(0, 1, 2, 3);
    return (vec_f64)_mm256_maskload_pd(p, _mm256_cmpgt_epi64(_mm256_set1_epi64x(count), lane));
}

/* In pieces: a masked store takes some processors 40 steps. */
INLINE void store_first_f32(float *p, int64_t count, vec_f32 x)
{
    __m128 part = _mm256_castps256_ps128((__m256)x);
    if (count == LANES_F32) {
        *(loose_f32 *)p = x;
        return;
    }
    if (count & 4) {
        _mm_storeu_ps(p, part);
        part = _mm256_extractf128_ps((__m256)x, 1);
        p += 4;
    }
    if (count & 2) {
        _mm_storel_pi((__m64 *)(void *)p, part);
        part = _mm_movehl_ps(part, part);
        p += 2;
    }
    if (count & 1)
        _mm_store_ss(p, part);
}

INLINE void store_first_f64(double *p, int64_t count, vec_f64 x)
{
    __m128d part = _mm256_castpd256_pd128((__m256d)x);
    if (count == LANES_F64) {
        *(loose_f64 *)p = x;
        return;
    }
    if (count & 2) {
        _mm_storeu_pd(p, part);
        part = _mm256_extractf128_pd((__m256d)x, 1);
        p += 2;
    }
    if (count & 1)
        _mm_store_sd(p, part);
}
#else
#define FIRST_LANES(type, real)                                          \
    INLINE vec_##type load_first_##type(const real *p, int64_t count)    \
    {                                                                    \
        vec_##type x = {0};                                              \
        for (int64_t j = 0; j < count; j++)                              \
            x[j] = p[j];                                                 \
        return x;                                                        \
    }                                                                    \
                                                                         \
    INLINE void store_first_##type(real *p, int64_t count, vec_##type x) \
    {                                                                    \
        for (int64_t j = 0; j < count; j++)                              \
            p[j] = x[j];                                                 \
    }
FIRST_LANES(f32, float)
FIRST_LANES(f64, double)
#undef FIRST_LANES
#endif

/* ---- Squares ----
 * x[i] lane j <-> x[j] lane i: log2(lanes) times the vectors of both halves are zipped together. */

#define ZIP_LOW_2 0, 2
#define ZIP_HIGH_2 1, 3
#define ZIP_LOW_4 0, 4, 1, 5
#define ZIP_HIGH_4 2, 6, 3, 7
#define ZIP_LOW_8 0, 8, 1, 9, 2, 10, 3, 11
#define ZIP_HIGH_8 4, 12, 5, 13, 6, 14, 7, 15
#define ZIP_LOW_16 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define ZIP_HIGH_16 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31

/* Defines  name(vec *x) , x of `lanes`, a literal or a macro of one. */
#define TRANSPOSE(name, vec, lanes) TRANSPOSE_LANES(name, vec, lanes)
#define TRANSPOSE_LANES(name, vec, lanes)                                                           \
    INLINE void name(vec *x)                                                                        \
    {                                                                                               \
        for (int step = 1; step < (lanes); step *= 2) {                                             \
            vec z[lanes];                                                                           \
            foreach (i, (lanes) / 2) {                                                              \
                z[2 * i] = __builtin_shufflevector(x[i], x[i + (lanes) / 2], ZIP_LOW_##lanes);      \
                z[2 * i + 1] = __builtin_shufflevector(x[i], x[i + (lanes) / 2], ZIP_HIGH_##lanes); \
            }                                                                                       \
            foreach (i, lanes)                                                                      \
                x[i] = z[i];                                                                        \
        }                                                                                           \
    }

#endif
