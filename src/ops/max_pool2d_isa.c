/* max_pool2d_isa.c - max_pool2d's loops for f32 and f64; compiled once per instruction set. */
#include <math.h>
#include <string.h>

#include "ops/max_pool2d.h"

/* Rows are often short, so a loop's scalar rest would cost more than its vectors: a row is done in whole blocks, of
 * which the last two overlap.  That needs a loop that the compiler does not unroll for the block. */
#if defined(__GNUC__)
#define APART __attribute__((noinline))
#else
#define APART
#endif

/* The block for a row of n: 8, 4, or what there is. */
static int32_t block_of(int32_t n)
{
    int32_t small = n < 4 ? n : 4;
    return n < 8 ? small : 8;
}

#define real float
#define NAME(name) name##_f32
#include "ops/max_pool2d_loops.h"
#undef real
#undef NAME

#define real double
#define NAME(name) name##_f64
#include "ops/max_pool2d_loops.h"
#undef real
#undef NAME

extern const struct pool_table ISA_NAME(pool_table);
const struct pool_table ISA_NAME(pool_table) = {
    .f32 = {forward_f32, backward_f32, gather_f32},
    .f64 = {forward_f64, backward_f64, gather_f64},
};
