/* matrix.c - what products and convolutions by matrix units share: when they may be taken, tiles, options. */
#include "device/opencl/matrix.h"

#include <stdio.h>

#include "device/opencl/calls.h"

/* By m, then by n: at most 64, more. */
static const struct tile tiles[2][2] = {
    {{.m = 64, .n = 64}, {.m = 64, .n = 128}},
    {{.m = 128, .n = 64}, {.m = 128, .n = 128}},
};

/* What operands are rounded to. */
enum element { NOTHING, TF32, BF16, F16, F32 };

static const char *const element_options[] = {
    [TF32] = "-DUNIT_TF32", [BF16] = "-DUNIT_BF16", [F16] = "-DUNIT_F16", [F32] = "-DUNIT_F32"};

/* What the units are to their kernels.  The registers that the sums of large tiles leave are for operands that go by
 * registers: how many such operands there may be, 0 to 2, in tiles of 128 rows (for f32, and for 16 bits, which take
 * twice as many), in tiles of 128 columns, and in those of both; below 0: no such tiles. */
struct unit {
    const char *options;
    int tf32, f32;    /* beside bf16 and f16 */
    int asynchronous; /* copies to local memory */
    int tall[2], wide, both;
};

#define NVIDIA 1, 0, 1, {2, 1}, 2, 0
#define AMD 0, 0, 0, {-1, -1}, -1, -1 /* 16 registers for an operand's piece */
#define MFMA \
    0, 1, 0, {2, 2}, 2, -1 /* two groups of two waves must fit into a unit's 64 KiB of local memory */
#define INTEL(tf32) tf32, 0, 0, {2, 2}, 2, 0
#define EMULATED " -DMATRIX_EMULATED -cl-opt-disable"
#define INTEL_OPTIONS "-DUNIT_DPAS -cl-intel-256-GRF-per-thread -DTEAM="

/* Emulations run a few small problems, and optimising them takes most of a test's time. */
static const struct unit units[MATRIX_UNITS] = {
    [MATRIX_NVIDIA] = {"-DUNIT_MMA", NVIDIA},
    [MATRIX_NVIDIA_ROUNDS] = {"-DUNIT_MMA -DUNIT_ROUNDS", NVIDIA},
    [MATRIX_AMD] = {"-DUNIT_WMMA", AMD},
    [MATRIX_MFMA] = {"-DUNIT_MFMA", MFMA},
    [MATRIX_INTEL_8] = {INTEL_OPTIONS "8", INTEL(0)},
    [MATRIX_INTEL_16] = {INTEL_OPTIONS "16", INTEL(0)},
    [MATRIX_INTEL_TF32] = {INTEL_OPTIONS "16", INTEL(1)},
    [MATRIX_EMULATED] = {"-DUNIT_MMA" EMULATED, NVIDIA},
    [MATRIX_AMD_EMULATED] = {"-DUNIT_WMMA" EMULATED, AMD},
    [MATRIX_MFMA_EMULATED] = {"-DUNIT_MFMA" EMULATED, MFMA},
    [MATRIX_INTEL_8_EMULATED] = {"-DUNIT_DPAS -DTEAM=8" EMULATED, INTEL(0)},
    [MATRIX_INTEL_16_EMULATED] = {"-DUNIT_DPAS -DTEAM=16" EMULATED, INTEL(1)},
};

/* NOTHING: "math" does not allow it, or the unit has not the dtype. */
static enum element element_of(const struct device *d, gradc_dtype dtype)
{
    if (d->math == MATH_STRICT || d->matrix == MATRIX_NONE)
        return NOTHING;
    if (dtype == GRADC_F16)
        return F16;
    if (dtype == GRADC_BF16 || (dtype == GRADC_F32 && d->math == MATH_BF16))
        return BF16;
    if (dtype != GRADC_F32)
        return NOTHING;
    if (units[d->matrix].f32)
        return F32;
    return d->math == MATH_TF32 && units[d->matrix].tf32 ? TF32 : NOTHING;
}

int matrix_computes(const struct device *d, gradc_dtype dtype)
{
    return element_of(d, dtype) != NOTHING;
}

int matrix_is_exact(const struct device *d, gradc_dtype dtype)
{
    return element_of(d, dtype) == F32;
}

int matrix_pays(int64_t m, int64_t n, int64_t depth)
{
    return m > 16 && n > 16 && depth > 16;
}

struct tiling matrix_tiling(const struct device *d, gradc_dtype dtype, const int64_t size[4],
                            enum matrix_way a, enum matrix_way b)
{
    const struct unit *unit = &units[d->matrix];
    const int64_t m = size[0], n = size[1], depth = size[2], count = size[3];
    const int64_t enough = d->info.units > 0 ? d->info.units : 1;
    const int held = (a <= WAY_DEEP) + (b <= WAY_DEEP);
    int rows = m > 64 && held <= unit->tall[dtype != GRADC_F32];
    int columns = n > 64 && held <= (rows ? unit->both : unit->wide);

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
    const struct unit *unit = &units[d->matrix];
    const int stages = tile->m + tile->n > 192 || !unit->asynchronous ? 2 : 3;

    snprintf(options, PRODUCT_OPTIONS, "-DTILE_M=%d -DTILE_N=%d -DSTAGES=%d -DA_WAY=%d -DB_WAY=%d %s %s",
             (int)tile->m, (int)tile->n, stages, (int)a, (int)b, element_options[element_of(d, dtype)],
             unit->options);
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
