/* gemm_product.h - a matrix product as a kernel takes it, and its calls.  For the forms of products. */
#ifndef GRADC_OPENCL_GEMM_PRODUCT_H
#define GRADC_OPENCL_GEMM_PRODUCT_H

#include "device/opencl/engines.h"

enum { KERNEL_BATCHES = 2 }; /* axes that a kernel takes */

struct gemm_axis {
    int64_t size, a, b, c;
};

struct gemm_product {
    int64_t m, a_row, c_row; /* p's own, or with a batch axis taken in as rows */
    int32_t naxes;           /* of the batch, innermost first, none of size 1; at least KERNEL_BATCHES */
    struct gemm_axis axes[GRADC_MAX_NDIM];
    int64_t count; /* batches in one launch */

    /* What a form adds. */
    struct tiling tiling;
    int wide;                      /* index_t is long */
    const char *source;            /* of the kernel, which has the same name, and gemm.cl's arguments */
    char options[PRODUCT_OPTIONS]; /* of its own */
    size_t local[2];               /* a group's items */
};

/* All but what a form adds. */
struct gemm_product gemm_product_of(const struct gemm *p);

/* Whether an int is too small for some count, or for a distance inside a tile. */
int gemm_product_wide(const struct gemm *p, const struct gemm_product *q);

/* As struct gemm_form has them. */
size_t gemm_product_workspace(const struct gemm *p, const struct gemm_product *q);
gradc_status gemm_product_run(struct device *d, const struct gemm *p, const struct gemm_product *q,
                              struct place workspace, int prepare, struct failure *f);

#endif
