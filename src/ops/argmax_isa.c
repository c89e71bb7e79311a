/* argmax_isa.c - the searches of argmax and argmin, compiled per instruction set.  How work is split is in argmax.c. */
#include "base/half.h"
#include "device/cpu/isa.h"
#include "ops/argmax.h"
#include "ops/math.h"

/* Outputs searched side by side; the longest row that is searched so although its elements are neighbours;
 * the elements of a longer one's block. */
enum { LANES = 16, SHORT = 64, BLOCK = 1024 };

#define BETTER(x, y) ((x) > (y))

#define ELEMENT float
#define INDEX int32_t
#define NAME(name) name##_max_f32
#include "ops/argmax_loops.h"

#define ELEMENT double
#define INDEX int64_t
#define NAME(name) name##_max_f64
#include "ops/argmax_loops.h"

#define ELEMENT int64_t
#define INDEX int64_t
#define NAME(name) name##_max_i64
#include "ops/argmax_loops.h"

#define ELEMENT int32_t
#define INDEX int32_t
#define NAME(name) name##_max_i32
#include "ops/argmax_loops.h"

#define ELEMENT uint8_t
#define INDEX int32_t
#define NAME(name) name##_max_u8
#include "ops/argmax_loops.h"

#define ELEMENT uint16_t
#define VALUE float
#define LOAD(x) f16_widen(x)
#define INDEX int32_t
#define NAME(name) name##_max_f16
#include "ops/argmax_loops.h"

#define ELEMENT uint16_t
#define VALUE float
#define LOAD(x) bf16_widen(x)
#define INDEX int32_t
#define NAME(name) name##_max_bf16
#include "ops/argmax_loops.h"

#undef BETTER
#define BETTER(x, y) ((x) < (y))

#define ELEMENT float
#define INDEX int32_t
#define NAME(name) name##_min_f32
#include "ops/argmax_loops.h"

#define ELEMENT double
#define INDEX int64_t
#define NAME(name) name##_min_f64
#include "ops/argmax_loops.h"

#define ELEMENT int64_t
#define INDEX int64_t
#define NAME(name) name##_min_i64
#include "ops/argmax_loops.h"

#define ELEMENT int32_t
#define INDEX int32_t
#define NAME(name) name##_min_i32
#include "ops/argmax_loops.h"

#define ELEMENT uint8_t
#define INDEX int32_t
#define NAME(name) name##_min_u8
#include "ops/argmax_loops.h"

#define ELEMENT uint16_t
#define VALUE float
#define LOAD(x) f16_widen(x)
#define INDEX int32_t
#define NAME(name) name##_min_f16
#include "ops/argmax_loops.h"

#define ELEMENT uint16_t
#define VALUE float
#define LOAD(x) bf16_widen(x)
#define INDEX int32_t
#define NAME(name) name##_min_bf16
#include "ops/argmax_loops.h"

extern const struct argmax_loops ISA_NAME(argmax_loops);

/* clang-format off */
#define NUMBERS(name)                                                                  \
    {                                                                                  \
        [GRADC_F32] = name##_f32, [GRADC_F64] = name##_f64, [GRADC_F16] = name##_f16,  \
        [GRADC_BF16] = name##_bf16, [GRADC_I64] = name##_i64, [GRADC_I32] = name##_i32, \
        [GRADC_U8] = name##_u8                                                         \
    }
/* clang-format on */

const struct argmax_loops ISA_NAME(argmax_loops) = {
    .task = {[ARGMAX] = NUMBERS(task_max), [ARGMIN] = NUMBERS(task_min)},
    .merge = {[ARGMAX] = NUMBERS(merge_max), [ARGMIN] = NUMBERS(merge_min)},
};
