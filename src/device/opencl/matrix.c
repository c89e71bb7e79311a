/* matrix.c - what products and convolutions by matrix units share: when they may be taken, tiles, options. */
#include "device/opencl/matrix.h"

#include <stdio.h>

#include "device/opencl/calls.h"

/* By m, then by n: at most 64, more. */
static const struct tile tiles[2][2] = {
    {{.m = 64, .n = 64}, {.m = 64, .n = 128}},
    {{.m = 128, .n = 64}, {.m = 128, .n = 128}},
};

/* What operands are rounded to; NULL: "math" does not allow it, or no unit has the dtype. */
static const char *element(enum math math, gradc_dtype dtype)
{
    if (math == MATH_STRICT)
        return NULL;
    if (dtype == GRADC_F16)
        return "F16";
    if (dtype == GRADC_BF16 || (dtype == GRADC_F32 && math == MATH_BF16))
        return "BF16";
    return dtype == GRADC_F32 && math == MATH_TF32 ? "TF32" : NULL;
}

static int is_amd(const struct device *d)
{
    return d->matrix == MATRIX_AMD || d->matrix == MATRIX_AMD_EMULATED;
}

int matrix_computes(const struct device *d, gradc_dtype dtype)
{
    const char *to = element(d->math, dtype);

    return d->matrix != MATRIX_NONE && to && !(is_amd(d) && strcmp(to, "TF32") == 0);
}

int matrix_pays(int64_t m, int64_t n, int64_t depth)
{
    return m > 16 && n > 16 && depth > 16;
}

/* What goes by registers takes those that the sums of a tile of 128 x 128 need; 16 bits take twice as many.  AMD's unit
 * wants more of them for its operands: larger tiles spill. */
struct tiling matrix_tiling(const struct device *d, gradc_dtype dtype, const int64_t size[4],
                            enum matrix_way a, enum matrix_way b)
{
    const int64_t m = size[0], n = size[1], depth = size[2], count = size[3];
    const int64_t enough = d->info.units > 0 ? d->info.units : 1;
    const int held = (a <= WAY_DEEP) + (b <= WAY_DEEP);
    int rows = m > 64 && !is_amd(d) && (held < 2 || dtype == GRADC_F32);
    int columns = n > 64 && !is_amd(d) && !(rows && held);

    for (;;) {
        const struct tile *tile = &tiles[rows][columns];
        if (over(n, tile->n) * over(m, tile->m) * count >= enough || (rows == 0 && columns == 0))
            return opencl_cut(tile, enough, m, n, depth, count);
        if (columns)
            columns = 0;
        else
            rows = 0;
    }
}

/* A group has less than 48 KiB of local memory: two stages of the largest tile, three of others; two where copies are
 * not asynchronous. */
void matrix_options(const struct device *d, gradc_dtype dtype, const struct tile *tile, enum matrix_way a,
                    enum matrix_way b, char options[PRODUCT_OPTIONS])
{
    static const char *const units[] = {[MATRIX_NVIDIA] = "-DUNIT_MMA",
                                        [MATRIX_AMD] = "-DUNIT_WMMA",
                                        [MATRIX_EMULATED] = "-DUNIT_MMA -DMATRIX_EMULATED",
                                        [MATRIX_AMD_EMULATED] = "-DUNIT_WMMA -DMATRIX_EMULATED"};
    const int stages = tile->m + tile->n > 192 || is_amd(d) ? 2 : 3;

    snprintf(options, PRODUCT_OPTIONS, "-DTILE_M=%d -DTILE_N=%d -DSTAGES=%d -DA_WAY=%d -DB_WAY=%d -DUNIT_%s %s",
             (int)tile->m, (int)tile->n, stages, (int)a, (int)b, element(d->math, dtype), units[d->matrix]);
}

int64_t matrix_vector(gradc_dtype dtype)
{
    return 16 / (int64_t)gradc_dtype_size(dtype);
}

int matrix_aligned(gradc_dtype dtype, const int64_t *counts, int n)
{
    for (int i = 0; i < n; i++)
        if (counts[i] % matrix_vector(dtype) != 0)
            return 0;
    return 1;
}
