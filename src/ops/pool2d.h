/* pool2d.h - the shape rules that pools of windows share: what x may be, what windows may be, how many fit.
 * A shape rule calls those that it needs; each returns GRADC_OK, or the status with the error set. */
#ifndef GRADC_POOL2D_H
#define GRADC_POOL2D_H

#include "core/op.h"

/* The first ints of such an op: height and width of each. */
enum { POOL_SIZE, POOL_STRIDE = 2, POOL_PADDING = 4 };

/* Of a size or a stride, and of an image's pixels: kernels add a few of these in 32 bits. */
enum { POOL_MOST = 1 << 28, POOL_PIXELS = 1 << 30 };

gradc_status pool_dtype(struct record *r);         /* x is a float */
gradc_status pool_image(struct record *r);         /* x is [batch,channels,height,width], not too large */
gradc_status pool_numbers(const struct record *r); /* sizes, strides, paddings are in range */

/* z's height and width, for windows that are in range; the rest of its layout is x's. */
gradc_status pool_output(struct record *r);

/* On the CPU, planes of 16-bit floats: each is widened, `run` makes one of the result, which is rounded.  The workspace
 * has room for both of each thread. */
struct pool_planes {
    gradc_dtype dtype;
    int64_t planes, in_size, out_size; /* elements of a plane */
    const void *in;
    void *out;
    char *workspace;
    const struct epilogue *epilogue; /* NULL: none */
    void (*run)(const void *arg, int64_t plane, int thread, const float *in, float *out);
    const void *arg;
};

size_t pool_planes_bytes(const struct device *d, int64_t in_size, int64_t out_size);
void pool_planes_run(struct device *d, const struct pool_planes *p);

#endif
