/* conv_product.h - a convolution as a kernel takes it, a matrix product whose right side is gathered from an image, and
 * its calls.  For the forms of convolutions. */
#ifndef GRADC_OPENCL_CONV_PRODUCT_H
#define GRADC_OPENCL_CONV_PRODUCT_H

#include "device/opencl/engines.h"

/* How a kernel counts columns or depths: n = (outer, i, j), i * width + j below area, lies in the image at
 * outer * image, line y + i * step_y, place x + j * step_x, and in the result (columns) or the left operand
 * (depths) at outer * other + i * width + j. */
struct conv_axis {
    int64_t area, width, image, other, y, x, step_y, step_x;
};

struct conv_product {
    const struct view *a, *image, *c; /* of struct conv */
    int64_t m, n, depth;
    int64_t a_row, a_group, image_group, c_row, c_group;
    int64_t height, width;          /* of the image */
    int64_t total;                  /* elements of the result */
    int strided, deep;              /* the input's gradient with a stride; the weights' gradient */
    struct conv_axis column, along; /* along: of the depth */

    /* What a form adds. */
    struct tiling tiling;
    int wide;                      /* index_t is long */
    const char *source;            /* of the kernel, which has the same name, and conv.cl's arguments */
    char options[PRODUCT_OPTIONS]; /* of its own */
    size_t local[2];               /* a group's items */
};

/* All but what a form adds. */
struct conv_product conv_product_of(const struct conv *p);

/* Whether an int is too small for some element's number, some count or the sum of two coordinates. */
int conv_product_wide(const struct conv *p, const struct conv_product *q);

/* As struct conv_form has them. */
size_t conv_product_workspace(const struct conv *p, const struct conv_product *q);
gradc_status conv_product_run(struct device *d, const struct conv *p, const struct conv_product *q,
                              int prepare, struct failure *f);

#endif
