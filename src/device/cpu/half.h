/* half.h - rows of 16-bit floats to f32 and back, for loops that compute in f32 (base/half.h has single numbers). */
#ifndef GRADC_CPU_HALF_H
#define GRADC_CPU_HALF_H

#include "device/device.h"

/* z[i] = x[i * step]; x is of dtype f16 or bf16. */
void half_widen(gradc_dtype dtype, int64_t n, const void *x, int64_t step, float *z);

/* z[i] = x[i], rounded to dtype, f16 or bf16. */
void half_narrow(gradc_dtype dtype, int64_t n, const float *x, void *z);

/* The same with the results `step` apart. */
void half_scatter(gradc_dtype dtype, int64_t n, const float *x, void *z, int64_t step);

/* Rows and columns of 16-bit numbers, read along the axis where they lie side by side.  The copy has no gaps; its
 * strides are written to to_row and to_column. */
void half_matrix(gradc_dtype dtype, const void *from, int64_t row, int64_t column, int64_t rows,
                 int64_t columns, float *to, int64_t *to_row, int64_t *to_column);

/* set->pack from numbers of dtype, which are widened first where they have 16 bits. */
struct tile_set;
void half_pack(const struct tile_set *set, gradc_dtype dtype, void *to, int64_t pitch, int64_t padded,
               const void *from, int64_t row, int64_t column, int64_t rows, int64_t columns);

struct half_loops {
    void (*widen[2])(int64_t n, const uint16_t *x, int64_t step, float *z); /* f16, bf16 */
    void (*narrow[2])(int64_t n, const float *x, uint16_t *z);
};

#endif
