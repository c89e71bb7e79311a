/* engines.h - matrix products and convolutions on OpenCL: entries of the device's table, and what both share.
 *
 * They make struct kernel_calls for opencl/NAME.cl; nothing here calls OpenCL. */
#ifndef GRADC_OPENCL_ENGINES_H
#define GRADC_OPENCL_ENGINES_H

#include "device/device.h"

/* As struct device_table says of gemm, gemm_workspace, conv and conv_workspace. */
size_t opencl_gemm_workspace(struct device *d, const struct gemm *p);
gradc_status opencl_gemm(struct device *d, const struct gemm *p, struct place workspace, int prepare,
                         struct failure *f);
size_t opencl_conv_workspace(struct device *d, const struct conv *p);
gradc_status opencl_conv(struct device *d, const struct conv *p, int prepare, struct failure *f);

/* ---- Forms: ways to compute a product or a convolution, none of them empty ----
 * Which one is taken is a function of shapes, dtype, "math" and the device alone.  The members are as above. */

struct gemm_form {
    const char *name;
    int (*applies)(const struct device *d, const struct gemm *p);
    size_t (*workspace)(struct device *d, const struct gemm *p);
    gradc_status (*run)(struct device *d, const struct gemm *p, struct place workspace, int prepare,
                        struct failure *f);
};

struct conv_form {
    const char *name;
    int (*applies)(const struct device *d, const struct conv *p);
    size_t (*workspace)(struct device *d, const struct conv *p);
    gradc_status (*run)(struct device *d, const struct conv *p, int prepare, struct failure *f);
};

extern const struct gemm_form gemm_tiled;
extern const struct conv_form conv_direct;

/* ---- Shared by the forms (tiling.c) ---- */

/* What a work-group makes of the result, in elements, and what one of its items does. */
struct tile {
    int32_t m, n, k, item_m, item_n;
};

/* How a product is cut up. */
struct tiling {
    const struct tile *tile;
    int64_t across, down; /* tiles */
    int64_t splits, chunk;
};

/* For an m x n result with `depth` products in each element, `count` times.  The depth is split into parts of
 * `chunk` where the result alone would not keep the device busy.  A function of the arguments and of the
 * device's kind and number of units. */
struct tiling opencl_tiling(const struct device *d, int64_t m, int64_t n, int64_t depth, int64_t count);

/* The options, and the work size of a kernel over `groups` tiles. */
void opencl_tile_options(struct kernel_call *k, const struct tile *tile);
void opencl_tile_groups(struct kernel_call *k, const struct tile *tile, int64_t groups);

/* What split products are summed in: `real` of the kernels, f32 for 16-bit operands too. */
gradc_dtype opencl_part_dtype(gradc_dtype dtype);

/* The same memory for kernel_tensor, without a shape: k->wide stays as it is. */
struct view opencl_flat(const struct view *v);

/* prepare or launch. */
gradc_status opencl_submit(struct device *d, const struct kernel_call *k, int prepare, struct failure *f);

#endif
