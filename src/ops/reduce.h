/* reduce.h - what the reductions over axes share: which axes are walked in which order, how the work is split, and
 * the folds (sum, max, ...) on both devices.
 *
 * The order of additions is a function of the operand's shape and strides alone. */
#ifndef GRADC_REDUCE_H
#define GRADC_REDUCE_H

#include "core/op.h"

/* ints of every reduction.  As recorded by reduce_record: the number of axes (0: all), keepdim, what else the op is
 * told, the axes; the shape rule turns the first into a mask of x's axes and the axes into 0. */
enum { REDUCE_MASK, REDUCE_KEEPDIM, REDUCE_SETTING, REDUCE_AXES, REDUCE_INTS = REDUCE_AXES + GRADC_MAX_NDIM };

/* x's axes in two groups, each without seams and axes of size 1, in row-major order, at least one axis
 * each. */
struct reduction {
    int nkept, nreduced;
    int64_t kept_size[GRADC_MAX_NDIM], kept_stride[GRADC_MAX_NDIM];
    int64_t size[GRADC_MAX_NDIM], stride[GRADC_MAX_NDIM]; /* the reduced axes */
    int64_t outputs, count;                               /* the products of the sizes */
};

struct reduction reduction_of(const struct layout *x, int64_t mask);

/* Where output o's elements begin, and element i of the reduced ones, counted in elements. */
int64_t reduction_kept(const struct reduction *r, int64_t o);
int64_t reduction_element(const struct reduction *r, int64_t i);

/* Checks the axes and sets z's shape (not its dtype). */
gradc_status reduce_shape(struct record *r);

/* Refuses a reduction over nothing: GRADC_E_SHAPE.  After reduce_shape. */
gradc_status reduce_not_empty(struct record *r);

/* Records op over axes as the public functions take them; with a setting, and a number, which becomes reals[0]. */
gradc_tensor *reduce_record(const struct op *op, gradc_tensor *x, int naxes, const int *axes, int keepdim);
gradc_tensor *reduce_record_with(const struct op *op, gradc_tensor *x, int naxes, const int *axes,
                                 int keepdim, int setting, double number);

/* z (or dz) [kept axes] seen with x's axes that are reduced as size 1, for gradients. */
gradc_tensor *reduce_keepdim(gradc_tensor *z, const struct layout *x, int64_t mask);

/* The axes of a mask, for another reduction over the same ones; their number. */
int reduce_axes(int64_t mask, int axes[GRADC_MAX_NDIM]);

/* ---- The folds ----
 * SUM .. ALL fold elements as they are, of any dtype; the others, of floats, fold what they make of each
 * element first.  m: the output's shift; x_0: the first of its elements. */

enum reduce_kind {
    REDUCE_SUM,
    REDUCE_PROD,
    REDUCE_MAX, /* NaN wins */
    REDUCE_MIN, /* NaN wins */
    REDUCE_ANY, /* x != 0, bool */
    REDUCE_ALL,
    REDUCE_APART,   /* sum of x - x_0 */
    REDUCE_SPREAD,  /* sum of (x - x_0 - m)^2 */
    REDUCE_EXPS,    /* sum of e^(x - m) */
    REDUCE_SQUARES, /* sum of x^2 */
    REDUCE_ABS,     /* sum of |x| */
    REDUCE_COUNT,   /* how many x != 0 */
    REDUCE_POWERS,  /* sum of |x|^number */
    REDUCE_MAX_ABS, /* NaN wins */
    REDUCE_MIN_ABS, /* NaN wins */
    REDUCE_KINDS
};

/* What a result z goes through, of floats. */
enum reduce_finish {
    REDUCE_AS_IS,
    REDUCE_DIVIDE, /* z / number */
    REDUCE_ROOT,   /* sqrt(z / number) */
    REDUCE_POWER,  /* z^(1 / number) */
    REDUCE_FINITE, /* z, or 0 where that is infinite */
    REDUCE_LOG     /* m + ln z */
};

/* Some ops take two folds: the first one's results are the second one's shifts. */
enum reduce_stage { REDUCE_ONLY, REDUCE_FIRST, REDUCE_SECOND };

struct fold {
    enum reduce_kind kind;
    enum reduce_finish finish;
    enum reduce_stage stage;
    double number;
};

/* The dtype of the fold of dtype: i64 for sums and products of integers and bool, bool for any and all, else dtype. */
gradc_dtype reduce_result(enum reduce_kind kind, gradc_dtype dtype);

/* How many elements a result is folded from. */
double reduce_count(const struct layout *x, int64_t mask);

/* op->workspace on both devices, of sums, of other ops of one fold, and of two. */
size_t reduce_workspace_sum(const struct launch *l);
size_t reduce_workspace(const struct launch *l);
size_t reduce_workspace_two(const struct launch *l);

gradc_status reduce_cpu(const struct launch *l, const struct fold *fold, struct failure *f);
gradc_status reduce_opencl(const struct launch *l, const struct fold *fold, struct failure *f);

/* What kernels over the axes of r are given: -DAXES, and SIZES and STRIDES of the kept and of the reduced
 * axes. */
int reduce_axes_count(const struct reduction *r);
void reduce_axes_args(struct kernel_call *k, const struct reduction *r);

/* ---- The loops, compiled per instruction set (reduce_isa.c) ----
 * Both fold the reduced elements start .. end-1 (row-major) of r for `width` <= REDUCE_WIDTH outputs,
 * neighbours on the last kept axis; x is the first element of the first, z gets the results in
 * reduce_result's type.  rows: output by output.  columns: side by side. */
struct reduce_map {
    const void *shift; /* width of them, in the type of x; NULL: 0 */
    double number;     /* of REDUCE_POWERS, or of the finish */
};

typedef void reduce_loop(const void *x, const struct reduction *r, int64_t start, int64_t end, int64_t width,
                         const struct reduce_map *map, void *z);

/* Finishes n results. */
typedef void reduce_finisher(enum reduce_finish finish, const struct reduce_map *map, int64_t n, void *z);

enum { REDUCE_WIDTH = 256, REDUCE_DTYPES = GRADC_BOOL + 1 };

struct reduce_loops {
    reduce_loop *rows[REDUCE_KINDS][REDUCE_DTYPES], *columns[REDUCE_KINDS][REDUCE_DTYPES]; /* NULL: not taken */
    reduce_finisher *finish[REDUCE_DTYPES];
};

/* The loop over one output, for this machine; of 16-bit floats only sums have one. */
reduce_loop *reduce_rows(enum reduce_kind kind, gradc_dtype dtype);

#endif
