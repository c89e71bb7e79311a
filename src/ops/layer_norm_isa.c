/* layer_norm_isa.c - layer_norm's loops for f32 and f64; compiled once per instruction set. */
#include <math.h>

#include "ops/layer_norm.h"

/* Lanes of a sum; elements that are summed in the type itself before they join a double. */
enum { LANES = 32, FEW = 8, SHORT = 64, BLOCK = 1024 };

#define real float
#define NAME(name) name##_f32
#include "ops/layer_norm_loops.h"
#undef real
#undef NAME

#define real double
#define NAME(name) name##_f64
#include "ops/layer_norm_loops.h"
#undef real
#undef NAME

extern const struct layer_table ISA_NAME(layer_table);
const struct layer_table ISA_NAME(layer_table) = {
    .f32 = {forward_f32, backward_f32},
    .f64 = {forward_f64, backward_f64},
};
