/* softmax.h - softmax along an axis, its backward ops, and the loops that cross_entropy shares with it. */
#ifndef GRADC_SOFTMAX_H
#define GRADC_SOFTMAX_H

#include "core/op.h"

/* dx = z * (dz - sum(z * dz)), for z = softmax(x) along axis. */
gradc_tensor *softmax_backward(gradc_tensor *dz, gradc_tensor *z, int axis);

/* ---- The loops, compiled per instruction set (softmax_isa.c); all tensors without gaps ---- */

/* What one call computes: the first two from x, the others from dz and z (in that order x and y below). */
enum softmax_kind { SOFTMAX, LOG_SOFTMAX, SOFTMAX_BACKWARD, LOG_SOFTMAX_BACKWARD, SOFTMAX_KINDS };

/* `rows` rows of n. */
typedef void softmax_rows(const void *x, const void *y, void *z, int64_t rows, int64_t n);

/* `width` neighbouring columns of n elements, `stride` apart. */
typedef void softmax_columns(const void *x, const void *y, void *z, int64_t n, int64_t stride, int64_t width);

/* stats[row] = {m, s}: the row's maximum and the sum of e^(x - m). */
typedef void softmax_stats(const void *x, void *stats, int64_t rows, int64_t n);

/* z = scale / s * e^(x - m) for rows of n. */
typedef void softmax_scaled(const void *x, const void *stats, void *z, int64_t rows, int64_t n, double scale);

struct softmax_loops {
    softmax_rows *rows[2][SOFTMAX_KINDS]; /* [f32, f64] */
    softmax_columns *columns[2][SOFTMAX_KINDS];
    softmax_stats *stats[2];
    softmax_scaled *scaled[2];
};

/* Those of this machine. */
const struct softmax_loops *softmax_loops_here(void);

#endif
