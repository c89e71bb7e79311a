/* softmax_isa.c - the vector loops of softmax, log_softmax, their backward ops and cross_entropy.  Compiled
 * per instruction set.  How rows and columns are dealt out is in softmax.c and cross_entropy.c. */
#include "ops/softmax.h"
#include "device/cpu/isa.h"
#include "device/cpu/vector.h"
#include "ops/math.h"

/* Columns taken together, and the terms of one that are added without a cut; the longest row that goes
 * through a tile, and the longest of a backward op, which has less to gain from it; the elements of a longer
 * row that are added without a cut. */
enum { LANES = 16, CUT = 32, SHORT = 64, SHORT_BACKWARD = 16, BLOCK = 1024 };

TRANSPOSE(square_f32, vec_f32, LANES_F32)
TRANSPOSE(square_f64, vec_f64, LANES_F64)

#define REAL float
#define WIDE LANES_F32
#define NAME(name) name##_f32
#include "ops/softmax_loops.h"

#define REAL double
#define WIDE LANES_F64
#define NAME(name) name##_f64
#include "ops/softmax_loops.h"

extern const struct softmax_loops ISA_NAME(softmax_loops);

const struct softmax_loops ISA_NAME(softmax_loops) = {
    .rows = {{rows_softmax_f32, rows_log_softmax_f32, rows_softmax_backward_f32, rows_log_softmax_backward_f32},
             {rows_softmax_f64, rows_log_softmax_f64, rows_softmax_backward_f64, rows_log_softmax_backward_f64}},
    .columns = {{columns_softmax_f32, columns_log_softmax_f32, columns_softmax_backward_f32,
                 columns_log_softmax_backward_f32},
                {columns_softmax_f64, columns_log_softmax_f64, columns_softmax_backward_f64,
                 columns_log_softmax_backward_f64}},
    .stats = {stats_f32, stats_f64},
    .scaled = {scaled_f32, scaled_f64},
};
