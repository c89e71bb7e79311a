/* update_isa.c - the optimisers' loops for f32 and f64; compiled once per instruction set. */
#include <math.h>

#include "ops/update.h"

#define real float
#define m_sqrt sqrtf
#define NAME(name) name##_f32
#include "ops/update_loops.h"
#undef real
#undef m_sqrt
#undef NAME

#define real double
#define m_sqrt sqrt
#define NAME(name) name##_f64
#include "ops/update_loops.h"
#undef real
#undef m_sqrt
#undef NAME

extern const struct update_table ISA_NAME(update_table);
const struct update_table ISA_NAME(update_table) = {
    .sgd = {sgd_f32, sgd_f64},
    .sgd_momentum = {sgd_momentum_f32, sgd_momentum_f64},
    .adam = {adam_f32, adam_f64},
    .rmsprop = {rmsprop_f32, rmsprop_f64},
    .clip_grad = {clip_grad_f32, clip_grad_f64},
};
