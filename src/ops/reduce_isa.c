/* reduce_isa.c - the vector loops of sum and max: one row of elements, and columns side by side.  Compiled
 * per instruction set.  How work is split into them is in reduce.c. */
#include "ops/reduce.h"
#include "device/cpu/isa.h"

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

#define SUM(a, x) ((a) + (x))
#define MAX(a, x) ((x) > (a) ? (x) : (a))
/* NaN wins, and stays. */
#define MAX_FLOAT(a, x) ((((x) > (a)) | ((x) != (x))) ? (x) : (a))

/* Compilers make no vectors of the maximum of few lanes. */
#define SHORT 256

#define ELEMENT float
#define RESULT float
#define FOLD SUM
#define START 0
#define NAME(name) name##_sum_f32
#include "ops/reduce_loops.h"

#define ELEMENT double
#define RESULT double
#define FOLD SUM
#define START 0
#define NAME(name) name##_sum_f64
#include "ops/reduce_loops.h"

/* Unsigned, so that a sum too large wraps. */
#define ELEMENT int64_t
#define RESULT uint64_t
#define FOLD SUM
#define START 0
#define NAME(name) name##_sum_i64
#include "ops/reduce_loops.h"

#define ELEMENT int32_t
#define RESULT uint64_t
#define FOLD SUM
#define START 0
#define NAME(name) name##_sum_i32
#include "ops/reduce_loops.h"

#define ELEMENT uint8_t
#define RESULT uint64_t
#define FOLD SUM
#define START 0
#define NAME(name) name##_sum_u8
#include "ops/reduce_loops.h"

#undef SHORT
#define SHORT 0

#define ELEMENT float
#define RESULT float
#define FOLD MAX_FLOAT
#define START (-INFINITY)
#define NAME(name) name##_max_f32
#include "ops/reduce_loops.h"

#define ELEMENT double
#define RESULT double
#define FOLD MAX_FLOAT
#define START (-INFINITY)
#define NAME(name) name##_max_f64
#include "ops/reduce_loops.h"

#define ELEMENT int64_t
#define RESULT int64_t
#define FOLD MAX
#define START INT64_MIN
#define NAME(name) name##_max_i64
#include "ops/reduce_loops.h"

#define ELEMENT int32_t
#define RESULT int32_t
#define FOLD MAX
#define START INT32_MIN
#define NAME(name) name##_max_i32
#include "ops/reduce_loops.h"

#define ELEMENT uint8_t
#define RESULT uint8_t
#define FOLD MAX
#define START 0
#define NAME(name) name##_max_u8
#include "ops/reduce_loops.h"

extern const struct reduce_loops ISA_NAME(reduce_loops);

const struct reduce_loops ISA_NAME(reduce_loops) = {
    .rows = {[REDUCE_SUM] =
                 {
                     [GRADC_F32] = rows_sum_f32,
                     [GRADC_F64] = rows_sum_f64,
                     [GRADC_I64] = rows_sum_i64,
                     [GRADC_I32] = rows_sum_i32,
                     [GRADC_U8] = rows_sum_u8,
                     [GRADC_BOOL] = rows_sum_u8,
                 },
             [REDUCE_MAX] =
                 {
                     [GRADC_F32] = rows_max_f32,
                     [GRADC_F64] = rows_max_f64,
                     [GRADC_I64] = rows_max_i64,
                     [GRADC_I32] = rows_max_i32,
                     [GRADC_U8] = rows_max_u8,
                 }},
    .columns = {[REDUCE_SUM] =
                    {
                        [GRADC_F32] = columns_sum_f32,
                        [GRADC_F64] = columns_sum_f64,
                        [GRADC_I64] = columns_sum_i64,
                        [GRADC_I32] = columns_sum_i32,
                        [GRADC_U8] = columns_sum_u8,
                        [GRADC_BOOL] = columns_sum_u8,
                    },
                [REDUCE_MAX] =
                    {
                        [GRADC_F32] = columns_max_f32,
                        [GRADC_F64] = columns_max_f64,
                        [GRADC_I64] = columns_max_i64,
                        [GRADC_I32] = columns_max_i32,
                        [GRADC_U8] = columns_max_u8,
                    }},
};
