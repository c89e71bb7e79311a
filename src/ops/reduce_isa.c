/* reduce_isa.c - the vector loops of the folds: one row of elements, and columns side by side.  Compiled per
 * instruction set.  How work is split into them is in reduce.c. */
#include "ops/reduce.h"
#include "base/half.h"
#include "device/cpu/isa.h"
#include "ops/math.h"

#include <math.h>

/* The lanes of a fold, and of one of few elements; the elements of a row's block; the rows of a group; LEVELS groups of
 * groups hold 2^40 rows. */
enum { LANES = 32, FEW = 8, BLOCK = 1024, RADIX = 32, LEVELS = 8 };

/* ---- The walk over the reduced elements, run by run along the last axis ---- */

struct walk {
    const struct reduction *r;
    int64_t index[GRADC_MAX_NDIM];
    int64_t at;     /* the element's place */
    int64_t stride; /* of the last axis */
};

static struct walk walk_start(const struct reduction *r, int64_t start)
{
    struct walk w = {.r = r, .stride = r->stride[r->nreduced - 1]};

    for (int i = r->nreduced - 1; start > 0; i--) {
        w.index[i] = start % r->size[i];
        start /= r->size[i];
        w.at += w.index[i] * r->stride[i];
    }
    return w;
}

/* How many elements lie ahead on this run, at most `left` and `most`. */
static int64_t walk_run(const struct walk *w, int64_t left, int64_t most)
{
    int last = w->r->nreduced - 1;
    int64_t n = w->r->size[last] - w->index[last];

    n = n < left ? n : left;
    return n < most ? n : most;
}

/* n elements on, not past the end of the run. */
static void walk_next(struct walk *w, int64_t n)
{
    int i = w->r->nreduced - 1;

    w->index[i] += n;
    w->at += n * w->stride;
    for (; i > 0 && w->index[i] == w->r->size[i]; i--) {
        w->at += w->r->stride[i - 1] - w->index[i] * w->r->stride[i];
        w->index[i] = 0;
        w->index[i - 1]++;
    }
}

/* Narrow rows that follow each other without a gap are folded several at once, as one wide row: how many. */
static int64_t walk_fold(const struct reduction *r, int64_t width)
{
    int dense = r->nreduced == 1 && r->stride[0] == width && r->kept_stride[r->nkept - 1] == 1;

    return dense && width <= REDUCE_WIDTH / 4 ? REDUCE_WIDTH / width : 1;
}

/* ---- The folds ---- */

#define SUM(a, x) ((RESULT)((a) + (x)))
#define PROD(a, x) ((RESULT)((a) * (x)))
#define BOTH(a, x) ((RESULT)((a) & (x)))
#define EITHER(a, x) ((RESULT)((a) | (x)))
/* NaN wins, and stays. */
#define MAX(a, x) ((((x) > (a)) | IS_NAN(x)) ? (x) : (a))
#define MIN(a, x) ((((x) < (a)) | IS_NAN(x)) ? (x) : (a))

/* What is folded of an element: OF(x, o, m, p). */
#define UNUSED(o, m, p) (void)(o), (void)(m), (void)(p)
#define ABS_OF(x) _Generic((x), float : fabsf, double : fabs)(x)
#define AS_IS(x, o, m, p) (UNUSED(o, m, p), (RESULT)(x))
#define NOT_ZERO(x, o, m, p) (UNUSED(o, m, p), (RESULT)((x) != 0))
#define ABS(x, o, m, p) (UNUSED(o, m, p), ABS_OF(x))
#define APART(x, o, m, p) (UNUSED(o, m, p), (x) - (o))
#define SPREAD(x, o, m, p) (UNUSED(o, m, p), ((x) - (o) - (m)) * ((x) - (o) - (m)))
#define SQUARE(x, o, m, p) (UNUSED(o, m, p), (x) * (x))
#define EXP(x, o, m, p) (UNUSED(o, m, p), m_exp((x) - (m)))
#define POWER(x, o, m, p) (UNUSED(o, m, p), m_exp((p)*m_log(ABS_OF(x))))

/* Compilers make no vectors of the maximum of few lanes, where SHORT is 0 therefore. */

#define KIND sum
#define RESULT WIDE
#define FOLD SUM
#define OF AS_IS
#define START 0
#define SHORT 256
#define HALVES
#include "ops/reduce_types.h"

#define KIND prod
#define RESULT WIDE
#define FOLD PROD
#define OF AS_IS
#define START 1
#define SHORT 256
#include "ops/reduce_types.h"

#define KIND max
#define RESULT ELEMENT
#define FOLD MAX
#define OF AS_IS
#define START LOWEST
#define SHORT 0
#include "ops/reduce_types.h"

#define KIND min
#define RESULT ELEMENT
#define FOLD MIN
#define OF AS_IS
#define START HIGHEST
#define SHORT 0
#include "ops/reduce_types.h"

#define KIND any
#define RESULT uint8_t
#define FOLD EITHER
#define OF NOT_ZERO
#define START 0
#define SHORT 0
#include "ops/reduce_types.h"

#define KIND all
#define RESULT uint8_t
#define FOLD BOTH
#define OF NOT_ZERO
#define START 1
#define SHORT 0
#include "ops/reduce_types.h"

#define KIND apart
#define RESULT ELEMENT
#define FOLD SUM
#define OF APART
#define START 0
#define SHORT 256
#define FLOATS_ONLY
#include "ops/reduce_types.h"

#define KIND spread
#define RESULT ELEMENT
#define FOLD SUM
#define OF SPREAD
#define START 0
#define SHORT 256
#define FLOATS_ONLY
#include "ops/reduce_types.h"

#define KIND squares
#define RESULT ELEMENT
#define FOLD SUM
#define OF SQUARE
#define START 0
#define SHORT 256
#define FLOATS_ONLY
#include "ops/reduce_types.h"

#define KIND exps
#define RESULT ELEMENT
#define FOLD SUM
#define OF EXP
#define START 0
#define SHORT 256
#define FLOATS_ONLY
#include "ops/reduce_types.h"

#define KIND abs
#define RESULT ELEMENT
#define FOLD SUM
#define OF ABS
#define START 0
#define SHORT 256
#define FLOATS_ONLY
#include "ops/reduce_types.h"

#define KIND count
#define RESULT ELEMENT
#define FOLD SUM
#define OF NOT_ZERO
#define START 0
#define SHORT 256
#define FLOATS_ONLY
#include "ops/reduce_types.h"

#define KIND powers
#define RESULT ELEMENT
#define FOLD SUM
#define OF POWER
#define START 0
#define SHORT 256
#define FLOATS_ONLY
#include "ops/reduce_types.h"

#define KIND max_abs
#define RESULT ELEMENT
#define FOLD MAX
#define OF ABS
#define START 0
#define SHORT 0
#define FLOATS_ONLY
#include "ops/reduce_types.h"

#define KIND min_abs
#define RESULT ELEMENT
#define FOLD MIN
#define OF ABS
#define START HIGHEST
#define SHORT 0
#define FLOATS_ONLY
#include "ops/reduce_types.h"

#define REAL float
#define NAME(name) name##_f32
#include "ops/reduce_finish.h"

#define REAL double
#define NAME(name) name##_f64
#include "ops/reduce_finish.h"

extern const struct reduce_loops ISA_NAME(reduce_loops);

/* clang-format off */
#define FLOATS(name) [GRADC_F32] = name##_f32, [GRADC_F64] = name##_f64
#define NUMBERS(name) FLOATS(name), [GRADC_I64] = name##_i64, [GRADC_I32] = name##_i32, [GRADC_U8] = name##_u8
#define EVERY(name) NUMBERS(name), [GRADC_BOOL] = name##_u8
#define HALF(name) [GRADC_F16] = name##_f16, [GRADC_BF16] = name##_bf16
#define KINDS(loop)                                  \
    {                                                \
        [REDUCE_SUM] = {EVERY(loop##_sum), HALF(loop##_sum)}, \
        [REDUCE_PROD] = {EVERY(loop##_prod)},        \
        [REDUCE_MAX] = {NUMBERS(loop##_max)},        \
        [REDUCE_MIN] = {NUMBERS(loop##_min)},        \
        [REDUCE_ANY] = {EVERY(loop##_any)},          \
        [REDUCE_ALL] = {EVERY(loop##_all)},          \
        [REDUCE_APART] = {FLOATS(loop##_apart)},     \
        [REDUCE_SPREAD] = {FLOATS(loop##_spread)},   \
        [REDUCE_SQUARES] = {FLOATS(loop##_squares)}, \
        [REDUCE_EXPS] = {FLOATS(loop##_exps)},       \
        [REDUCE_ABS] = {FLOATS(loop##_abs)},         \
        [REDUCE_COUNT] = {FLOATS(loop##_count)},     \
        [REDUCE_POWERS] = {FLOATS(loop##_powers)},   \
        [REDUCE_MAX_ABS] = {FLOATS(loop##_max_abs)}, \
        [REDUCE_MIN_ABS] = {FLOATS(loop##_min_abs)}, \
    }
/* clang-format on */

const struct reduce_loops ISA_NAME(reduce_loops) = {
    .rows = KINDS(rows), .columns = KINDS(columns), .finish = {FLOATS(finish)}};
