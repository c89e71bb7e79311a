/* norm_isa.c - the norms' loops for f32 and f64; compiled once per instruction set. */
#include "ops/norm.h"

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

#define real float
#define NAME(name) name##_f32
#include "ops/norm_loops.h"
#undef real
#undef NAME

#define real double
#define NAME(name) name##_f64
#include "ops/norm_loops.h"
#undef real
#undef NAME

extern const struct norm_table ISA_NAME(norm_table);
const struct norm_table ISA_NAME(norm_table) = {
    .f32 = {moments_f32, apply_f32, sums_f32, back_f32},
    .f64 = {moments_f64, apply_f64, sums_f64, back_f64},
};
