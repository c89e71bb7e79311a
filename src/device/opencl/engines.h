/* engines.h - matrix products and convolutions on OpenCL: what the device's table points to, and what the two share.
 *
 * They make struct kernel_calls for opencl/gemm.cl and opencl/conv.cl; nothing here calls OpenCL. */
#ifndef GRADC_OPENCL_ENGINES_H
#define GRADC_OPENCL_ENGINES_H

#include "device/device.h"

/* As struct device_table says of gemm, gemm_workspace, conv and conv_workspace. */
size_t opencl_gemm_workspace(struct device *d, const struct gemm *p);
gradc_status opencl_gemm(struct device *d, const struct gemm *p, struct place workspace, int prepare, struct failure *f);
size_t opencl_conv_workspace(struct device *d, const struct conv *p);
gradc_status opencl_conv(struct device *d, const struct conv *p, int prepare, struct failure *f);

/* ---- Shared by gemm.c and conv.c ---- */

/* What a work-group makes of the result, in elements, and what one of its items does. */
struct tile {
    int32_t m, n, k, item_m, item_n;
};

/* An m x n result over `depth` products for each element, `count` times: its tile, and how many parts the depth is
 * split into (chunk products each), so that a small result keeps the device busy.  The same for the same device kind
 * and number of units, dtype and shape. */
struct tiling {
    const struct tile *tile;
    int64_t across, down; /* tiles */
    int64_t splits, chunk;
};

struct tiling opencl_tiling(const struct device *d, gradc_dtype dtype, int64_t m, int64_t n, int64_t depth,
                            int64_t count);

/* The options, and the work size of a kernel over `groups` tiles. */
void opencl_tile_options(struct kernel_call *k, const struct tile *tile);
void opencl_tile_groups(struct kernel_call *k, const struct tile *tile, int64_t groups);

/* The same memory for kernel_tensor, without a shape: k->wide stays as it is. */
struct view opencl_flat(const struct view *v);

/* prepare or launch. */
gradc_status opencl_submit(struct device *d, const struct kernel_call *k, int prepare, struct failure *f);

#endif
