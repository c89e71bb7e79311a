/* gemm_isa.c - the inner loops of tile.h, compiled once per instruction set for f32 and f64.
 * The loops themselves are in gemm_micro.h and gemm_pack.h, written once for a real type R. */
#include "device/cpu/isa.h"
#include "device/cpu/tile.h"
#include "device/cpu/vector.h"

#include <string.h>

#if defined(__AVX512F__)
enum { VECTOR_BYTES = 64, ROWS = 8, DEPTH_BYTES = 768, DOT_TAPS = 9 };
#elif defined(__AVX2__) && defined(__FMA__)
enum { VECTOR_BYTES = 32, ROWS = 4, DEPTH_BYTES = 1024, DOT_TAPS = 4 };
#else
enum { VECTOR_BYTES = 16, ROWS = 4, DEPTH_BYTES = 1024, DOT_TAPS = 4 };
#endif

/* Stores past the caches. */
static void fence(void)
{
#if defined(__AVX2__)
    _mm_sfence();
#endif
}

enum {
    DOT_OUTPUTS = 3, /* DOT_TAPS by so many sums stay in registers */
    DOT_AHEAD = 512  /* elements that dz is fetched ahead: a few lines of an image */
};

#define R float
#define INTEGER int32_t
#define NAME(name) name##_f32
#if defined(__AVX512F__)
#define SQUARE(name, vec) TRANSPOSE(name, vec, 16)
#define FMA(x, y, z) _mm512_fmadd_ps(x, y, z)
#define SPLAT(x) _mm512_set1_ps(x)
#define STREAM(p, x) _mm512_stream_ps(p, x)
#elif defined(__AVX2__) && defined(__FMA__)
#define SQUARE(name, vec) TRANSPOSE(name, vec, 8)
#define FMA(x, y, z) _mm256_fmadd_ps(x, y, z)
#define SPLAT(x) _mm256_set1_ps(x)
#define STREAM(p, x) _mm256_stream_ps(p, x)
#else
#define SQUARE(name, vec) TRANSPOSE(name, vec, 4)
#define FMA(x, y, z) ((x) * (y) + (z))
#define SPLAT(x) ((x) - (vec_f32){0})
#define STREAM STORE
#endif
#include "device/cpu/gemm_micro.h"
#include "device/cpu/gemm_pack.h"

#undef R
#undef INTEGER
#undef NAME
#undef FMA
#undef SPLAT
#undef STREAM
#undef SQUARE

#define R double
#define INTEGER int64_t
#define NAME(name) name##_f64
#if defined(__AVX512F__)
#define SQUARE(name, vec) TRANSPOSE(name, vec, 8)
#define FMA(x, y, z) _mm512_fmadd_pd(x, y, z)
#define SPLAT(x) _mm512_set1_pd(x)
#define STREAM(p, x) _mm512_stream_pd(p, x)
#elif defined(__AVX2__) && defined(__FMA__)
#define SQUARE(name, vec) TRANSPOSE(name, vec, 4)
#define FMA(x, y, z) _mm256_fmadd_pd(x, y, z)
#define SPLAT(x) _mm256_set1_pd(x)
#define STREAM(p, x) _mm256_stream_pd(p, x)
#else
#define SQUARE(name, vec) TRANSPOSE(name, vec, 2)
#define FMA(x, y, z) ((x) * (y) + (z))
#define SPLAT(x) ((x) - (vec_f64){0})
#define STREAM STORE
#endif
#include "device/cpu/gemm_micro.h"
#include "device/cpu/gemm_pack.h"

extern const struct tile_sets ISA_NAME(tile_sets);

#define SET(type, real)                                                                           \
    {                                                                                             \
        .lanes = VECTOR_BYTES / (int64_t)sizeof(real), .rows = ROWS,                              \
        .depth = DEPTH_BYTES / (int64_t)sizeof(real), .tile = tile_##type, .outer = outer_##type, \
        .fence = fence, .dots = dots_##type, .filter = filter_##type, .stage = stage_##type,      \
        .gemv = gemv_##type, .pack = pack_##type, .panels = panels_##type, .fill = fill_##type,   \
        .sum = sum_##type                                                                         \
    }

const struct tile_sets ISA_NAME(tile_sets) = {.f32 = SET(f32, float), .f64 = SET(f64, double)};
