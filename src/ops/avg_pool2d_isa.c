/* avg_pool2d_isa.c - avg_pool2d's loops for f32 and f64; compiled once per instruction set. */
#include <string.h>

#include "ops/avg_pool2d.h"

#define real float
#define NAME(name) name##_f32
#include "ops/avg_pool2d_loops.h"
#undef real
#undef NAME

#define real double
#define NAME(name) name##_f64
#include "ops/avg_pool2d_loops.h"
#undef real
#undef NAME

extern const struct avg_table ISA_NAME(avg_table);
const struct avg_table ISA_NAME(avg_table) = {
    .f32 = {forward_f32, backward_f32},
    .f64 = {forward_f64, backward_f64},
};
