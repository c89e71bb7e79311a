/* reduce.h - what the reductions over axes (sum, mean, max, argmax) share: which axes are walked in which
 * order, how the work is split, and the two folds (sum, max) on both devices.
 *
 * The order of additions is a function of the operand's shape and strides alone. */
#ifndef GRADC_REDUCE_H
#define GRADC_REDUCE_H

#include "core/op.h"

/* ints of every reduction.  As recorded by reduce_record: the number of axes (0: all), keepdim, the axes; the
 * shape rule turns the first into a mask of x's axes and the axes into 0. */
enum { REDUCE_MASK, REDUCE_KEEPDIM, REDUCE_AXES, REDUCE_INTS = REDUCE_AXES + GRADC_MAX_NDIM };

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

/* Records op over axes as the public functions take them. */
gradc_tensor *reduce_record(const struct op *op, gradc_tensor *x, int naxes, const int *axes, int keepdim);

/* z (or dz) [kept axes] seen with x's axes that are reduced as size 1, for gradients. */
gradc_tensor *reduce_keepdim(gradc_tensor *z, const struct layout *x, int64_t mask);

/* The axes of a mask, for another reduction over the same ones; their number. */
int reduce_axes(int64_t mask, int axes[GRADC_MAX_NDIM]);

/* ---- The folds ---- */

enum reduce_kind { REDUCE_SUM, REDUCE_MAX };

/* The dtype of the fold of dtype: i64 for sums of integers and bool, else dtype. */
gradc_dtype reduce_result(enum reduce_kind kind, gradc_dtype dtype);

/* op->workspace of all folds, on both devices. */
size_t reduce_workspace(const struct launch *l);

/* z = fold(x) / divisor; divisor is not 1 for f32 and f64 only. */
gradc_status reduce_cpu(const struct launch *l, enum reduce_kind kind, double divisor, struct failure *f);
gradc_status reduce_opencl(const struct launch *l, enum reduce_kind kind, double divisor, struct failure *f);

/* What kernels over the axes of r are given: -DAXES, and SIZES and STRIDES of the kept and of the reduced
 * axes. */
int reduce_axes_count(const struct reduction *r);
void reduce_axes_args(struct kernel_call *k, const struct reduction *r);

/* ---- The loops, compiled per instruction set (reduce_isa.c) ----
 * Both fold the reduced elements start .. end-1 (row-major) of r for `width` <= REDUCE_WIDTH outputs,
 * neighbours on the last kept axis; x is the first element of the first, z gets the results in
 * reduce_result's type.  rows: output by output.  columns: side by side. */
typedef void reduce_loop(const void *x, const struct reduction *r, int64_t start, int64_t end, int64_t width,
                         void *z);

enum { REDUCE_WIDTH = 256, REDUCE_DTYPES = GRADC_BOOL + 1 };

struct reduce_loops {
    reduce_loop *rows[2][REDUCE_DTYPES], *columns[2][REDUCE_DTYPES]; /* [kind][dtype], NULL: not taken */
};

/* The loop over one output, for this machine. */
reduce_loop *reduce_rows(enum reduce_kind kind, gradc_dtype dtype);

#endif
