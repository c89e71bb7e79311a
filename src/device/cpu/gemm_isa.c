/* gemm_isa.c - the inner loops of tile.h, compiled once per instruction set for f32 and f64.
 * The loops themselves are in gemm_micro.h and gemm_pack.h, written once for a real type R. */
#include "device/cpu/isa.h"
#include "device/cpu/tile.h"
#include "device/cpu/vector.h"

#include <string.h>

/* Rows of C, and taps of a filter's gradient, whose sums stay in registers; the depth of a panel in the first cache. */
#if defined(MANY_REGISTERS)
enum { ROWS = 8, DOT_TAPS = 9, DEPTH_BYTES = 768 };
#else
enum { ROWS = 4, DOT_TAPS = 4, DEPTH_BYTES = 1024 };
#endif

/* Stores past the caches. */
static void fence(void)
{
#if defined(__AVX2__)
    _mm_sfence();
#endif
}

enum { DOT_OUTPUTS = 3 }; /* DOT_TAPS by so many sums stay in registers */

#define R float
#define INTEGER int32_t
#define NAME(name) name##_f32
#define SQUARE(name, vec) TRANSPOSE(name, vec, LANES_F32)
#define FMA FMA_F32
#define SPLAT SPLAT_F32
#define STREAM STREAM_F32
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
#define SQUARE(name, vec) TRANSPOSE(name, vec, LANES_F64)
#define FMA FMA_F64
#define SPLAT SPLAT_F64
#define STREAM STREAM_F64
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
