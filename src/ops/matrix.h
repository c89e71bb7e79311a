/* matrix.h - what matmul and linear share: which layouts the gemm engine takes as they lie.  In matmul.c. */
#ifndef GRADC_MATRIX_H
#define GRADC_MATRIX_H

#include "core/op.h"

/* A [rows,cols] matrix's two strides as the gemm engine wants them: one is 1, the other at least the length that the
 * first walks.  Strides of axes of size 1 are free and chosen so.  1, or 0 where the layout needs a copy. */
int matrix_strides(int64_t rows, int64_t cols, int64_t row, int64_t col, int64_t *row_out, int64_t *col_out);

/* The leading axes of l, [..., cols], as one: how many rows, and the stride between them (0 for one).  1, or 0 where
 * they do not walk evenly. */
int matrix_fold(const struct layout *l, int64_t *rows, int64_t *row);

/* t itself if the engine can read its last two axes (folded 1: all its rows as one matrix) in place, else a contiguous
 * copy, recorded.  NULL on failure. */
gradc_tensor *matrix_operand(gradc_tensor *t, const char *op, int folded);

/* t [..., cols] as [rows, cols]: every axis but the last in one; recorded. */
gradc_tensor *matrix_rows(gradc_tensor *t, int64_t cols);

/* 2 m n k for each item of the batch. */
double gemm_flop(const struct gemm *p);

#endif
