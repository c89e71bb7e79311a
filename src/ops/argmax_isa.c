/* argmax_isa.c - the searches of argmax, compiled per instruction set.  How work is split is in argmax.c. */
#include "device/cpu/isa.h"
#include "ops/argmax.h"
#include "ops/math.h"

/* Outputs searched side by side; the longest row that is searched so although its elements are neighbours;
 * the elements of a longer one's block. */
enum { LANES = 16, SHORT = 64, BLOCK = 1024 };

#define ELEMENT float
#define INDEX int32_t
#define NAME(name) name##_f32
#include "ops/argmax_loops.h"

#define ELEMENT double
#define INDEX int64_t
#define NAME(name) name##_f64
#include "ops/argmax_loops.h"

#define ELEMENT int64_t
#define INDEX int64_t
#define NAME(name) name##_i64
#include "ops/argmax_loops.h"

#define ELEMENT int32_t
#define INDEX int32_t
#define NAME(name) name##_i32
#include "ops/argmax_loops.h"

#define ELEMENT uint8_t
#define INDEX int32_t
#define NAME(name) name##_u8
#include "ops/argmax_loops.h"

extern const struct argmax_loops ISA_NAME(argmax_loops);

const struct argmax_loops ISA_NAME(argmax_loops) = {
    .task =
        {
            [GRADC_F32] = task_f32,
            [GRADC_F64] = task_f64,
            [GRADC_I64] = task_i64,
            [GRADC_I32] = task_i32,
            [GRADC_U8] = task_u8,
        },
    .merge =
        {
            [GRADC_F32] = merge_f32,
            [GRADC_F64] = merge_f64,
            [GRADC_I64] = merge_i64,
            [GRADC_I32] = merge_i32,
            [GRADC_U8] = merge_u8,
        },
};
