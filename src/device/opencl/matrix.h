/* matrix.h - matrix units (tensor cores) on OpenCL devices: which a device has, and what the forms over them share
 * (gemm_matrix.c, conv_matrix.c; opencl/matrix_unit.cl). */
#ifndef GRADC_OPENCL_MATRIX_H
#define GRADC_OPENCL_MATRIX_H

#include "device/opencl/engines.h"

/* The values of struct device's matrix. */
enum matrix_unit {
    MATRIX_NONE,
    MATRIX_NVIDIA,        /* compute capability 8.0 or later: tf32, bf16, f16 by PTX */
    MATRIX_NVIDIA_ROUNDS, /* 9.0: an instruction that rounds to tf32, too */
    MATRIX_AMD,           /* gfx11, WMMA: bf16, f16 by the compiler's built-ins */
    MATRIX_MFMA,          /* AMD's gfx908, gfx90a and later: bf16, f16 and, not rounded, f32, likewise */

    /* cl_intel_subgroup_matrix_multiply_accumulate: bf16, f16 in sub-groups of 8 or 16; in 16 tf32, where there is
     * the extension for it */
    MATRIX_INTEL_8,
    MATRIX_INTEL_16,
    MATRIX_INTEL_TF32,

    /* For tests: the same in plain OpenCL C, slowly. */
    MATRIX_EMULATED,
    MATRIX_AMD_EMULATED,
    MATRIX_MFMA_EMULATED,
    MATRIX_INTEL_8_EMULATED,
    MATRIX_INTEL_16_EMULATED, /* with tf32 */
    MATRIX_UNITS
};

/* How an operand gets to local memory, as opencl/matrix_tile.cl numbers it. */
enum matrix_way { WAY_GATHER, WAY_DEEP, WAY_ROWS, WAY_COLUMNS };

enum { MATRIX_GROUP = 128 };

/* Whether the device's unit computes in this dtype, as far as "math" allows it. */
int matrix_computes(const struct device *d, gradc_dtype dtype);

/* Whether it rounds nothing: an f32 is multiplied as it is. */
int matrix_is_exact(const struct device *d, gradc_dtype dtype);

/* Whether a result of m x n with `depth` products in each element is worth the unit: where all are large enough for its
 * tiles not to be mostly padding. */
int matrix_pays(int64_t m, int64_t n, int64_t depth);

/* As opencl_tiling_for, for size m, n, depth, count; the tile's k and items are 0. */
struct tiling matrix_tiling(const struct device *d, gradc_dtype dtype, const int64_t size[4],
                            enum matrix_way a, enum matrix_way b);

/* The options of opencl/matrix_tile.cl. */
void matrix_options(const struct device *d, gradc_dtype dtype, const struct tile *tile, enum matrix_way a,
                    enum matrix_way b, char options[PRODUCT_OPTIONS]);

/* Elements in 16 bytes, and whether all n counts of elements are multiples of that. */
int64_t matrix_vector(gradc_dtype dtype);
int matrix_aligned(gradc_dtype dtype, const int64_t *counts, int n);

extern const struct gemm_form gemm_matrix;
extern const struct conv_form conv_matrix;

#endif
