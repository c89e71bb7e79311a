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

gradc_status opencl_tune(struct device *d, double seconds, tune_progress *progress, void *payload,
                         struct failure *f);

/* Looks for the tile of p's class, where that is wanted, nobody knows it, and its form takes one (first_use.c): before
 * p is prepared. */
struct gemm_form;
struct conv_form;
void opencl_first_use_of_gemm(struct device *d, const struct gemm *p, const struct gemm_form *form);
void opencl_first_use_of_conv(struct device *d, const struct conv *p, const struct conv_form *form);

/* ---- Forms: ways to compute a product or a convolution, none of them empty ----
 * Which one is taken is a function of shapes, dtype, "math", the device and what it was tuned to (tuning.h).  The
 * members are as above. */

enum {
    FORM_TILED = 1,     /* cut by opencl_tiling_for: a tuning store may name the tile and the splits */
    FORM_NEEDS_TEST = 2 /* taken only where opencl_trusts it: compared once with the plain form (trial.h) */
};

struct gemm_form {
    const char *name; /* below FORM_NAME bytes */
    int (*applies)(const struct device *d, const struct gemm *p);
    size_t (*workspace)(struct device *d, const struct gemm *p);
    gradc_status (*run)(struct device *d, const struct gemm *p, struct place workspace, int prepare,
                        struct failure *f);
    int flags;
};

struct conv_form {
    const char *name;
    int (*applies)(const struct device *d, const struct conv *p);
    int (*pays)(const struct device *d, const struct conv *p); /* where it applies: in front of those behind it in the
                                                                 * list; NULL: always */
    size_t (*workspace)(struct device *d, const struct conv *p);
    gradc_status (*run)(struct device *d, const struct conv *p, int prepare, struct failure *f);
    int flags;
};

/* The lists, ended by NULL: without tuning the first that applies, and pays, is taken; one of each always does. */
extern const struct gemm_form *const gemm_forms[];
extern const struct conv_form *const conv_forms[];

/* Whether it applies, and is trusted where it needs that. */
int gemm_may_run(struct device *d, const struct gemm *p, const struct gemm_form *form);
int conv_may_run(struct device *d, const struct conv *p, const struct conv_form *form);

extern const struct gemm_form gemm_skinny;
extern const struct gemm_form gemm_tiled;
extern const struct conv_form conv_direct;
extern const struct conv_form conv_form_winograd; /* conv_winograd is the CPU's */
extern const struct conv_form conv_form_fused;    /* the same without what goes through memory */
extern const struct conv_form conv_form_depthwise;

/* ---- Sums (flow_sums.c) ---- */

/* z[n] = the sum of parts [splits,n], in their order. */
gradc_status opencl_add_parts(struct device *d, const struct view *parts, const struct view *z, int64_t n,
                              int64_t splits, int prepare, struct failure *f);

/* db[out] = the sum of dz over batch and pixels. */

size_t opencl_flow_sums_workspace(const struct device *d, const struct conv *p);
gradc_status opencl_flow_sums(struct device *d, const struct conv *p, struct place workspace, int prepare,
                              struct failure *f);

/* ---- Shared by the forms (tiling.c) ---- */

/* What a work-group makes of the result, in elements, what one of its items does, and the slices in local memory at
 * once: the options of opencl/tile.cl. */
struct tile {
    int32_t m, n, k, item_m, item_n, buffers;
};

enum { TILES = 24 };

extern const struct tile opencl_tiles[TILES];

/* The local memory that a tile takes at most, in bytes; whether the device has room for it, and a use. */
int64_t opencl_tile_bytes(int tile, gradc_dtype dtype);
int opencl_tile_fits(const struct device *d, int tile, gradc_dtype dtype);

/* How a product is cut up. */
struct tiling {
    const struct tile *tile;
    int64_t across, down; /* tiles */
    int64_t splits, chunk;
};

/* With this tile, and as many splits as make `enough` groups of it. */
struct tiling opencl_cut(const struct tile *tile, int64_t enough, int64_t m, int64_t n, int64_t depth,
                         int64_t count);

/* For an m x n result with `depth` products in each element, `count` times.  The depth is split into parts of
 * `chunk` where the result alone would not keep the device busy.  A function of the arguments and of the
 * device's kind, local memory and number of units; `choice` (NULL: none) is what the device was tuned to. */
struct choice;
struct tiling opencl_tiling_for(const struct device *d, const struct choice *choice, gradc_dtype dtype,
                                int64_t m, int64_t n, int64_t depth, int64_t count);

/* The most promising tiles and splits for a product of size m, n, depth, count, the best first; returns how many, at
 * most `limit`. */
int opencl_tilings(const struct device *d, gradc_dtype dtype, const int64_t size[4], struct choice *out,
                   int limit);

/* The most promising tiles in place of that of `own`, with its splits and its chunk, so that the bits are the same; the
 * best first; returns how many, at most `limit`. */
int opencl_tiles_for(const struct device *d, gradc_dtype dtype, const int64_t size[4],
                     const struct tiling *own, int *out, int limit);

/* The options of a kernel over tiles, to which others may be added, and a group's items. */
enum { PRODUCT_OPTIONS = 160 };
void opencl_tile_options(const struct tile *tile, char options[PRODUCT_OPTIONS], size_t local[2]);

/* The same memory for kernel_tensor, without a shape: k->wide stays as it is. */
struct view opencl_flat(const struct view *v);

/* prepare or launch. */
gradc_status opencl_submit(struct device *d, const struct kernel_call *k, int prepare, struct failure *f);

#endif
