/* channels_isa.c - the norms' loops for all floats; compiled once per instruction set. */
#include "base/half.h"
#include "ops/channels.h"

/* Lanes of a sum along a run; elements of a block, and rows of a block of columns, that are summed in the type
 * itself before they join a double. */
enum { LANES = 32, BLOCK = 1024, ROWS = 32 };

/* A run of neighbours in a span's range: where it begins in x, and how many. */
struct run {
    int64_t at, n;
};

static inline struct run run_at(const struct norm_span *s, int64_t i, int64_t end)
{
    int64_t row = i / s->inner, left = i - row * s->inner, n = s->inner - left;
    return (struct run){(row * s->all + s->first) * s->inner + left, n < end - i ? n : end - i};
}

static inline int64_t block_end(int64_t from, int64_t to, int64_t block)
{
    return to - from < block ? to : from + block;
}

/* 16-bit floats are widened and rounded element by element. */
#define AS_IT_IS(x) (x)

#define real float
#define stored float
#define GET AS_IT_IS
#define PUT AS_IT_IS
#define NAME(name) name##_f32
#include "ops/channels_loops.h"
#undef stored
#undef GET
#undef PUT
#undef NAME

#define stored uint16_t
#define GET f16_widen
#define PUT f16_narrow
#define NAME(name) name##_f16
#include "ops/channels_loops.h"
#undef GET
#undef PUT
#undef NAME

#define GET bf16_widen
#define PUT bf16_narrow
#define NAME(name) name##_bf16
#include "ops/channels_loops.h"
#undef real
#undef stored
#undef GET
#undef PUT
#undef NAME

#define real double
#define stored double
#define GET AS_IT_IS
#define PUT AS_IT_IS
#define NAME(name) name##_f64
#include "ops/channels_loops.h"
#undef real
#undef stored
#undef GET
#undef PUT
#undef NAME

extern const struct norm_table ISA_NAME(norm_table);
const struct norm_table ISA_NAME(norm_table) = {{
    [GRADC_F32] = {moments_f32, apply_f32, sums_f32, back_f32},
    [GRADC_F64] = {moments_f64, apply_f64, sums_f64, back_f64},
    [GRADC_F16] = {moments_f16, apply_f16, sums_f16, back_f16},
    [GRADC_BF16] = {moments_bf16, apply_bf16, sums_bf16, back_bf16},
}};
