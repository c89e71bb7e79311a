/* naive.h - matrix products and convolutions as loops, in double: the outside judge of the engines. */
#ifndef GRADC_TEST_NAIVE_H
#define GRADC_TEST_NAIVE_H

#include "values.h"

/* As gradc_matmul says: 1-d operands, and batch axes that broadcast. */
struct values naive_matmul(const struct values *x, const struct values *y);

struct naive_conv {
    int stride[2], padding[2], dilation[2], groups; /* height, width */
};

/* The shape of z, or 0 elements where the kernel does not fit: all sizes 0. */
void naive_conv_shape(const struct naive_conv *c, const int64_t *x, const int64_t *w, int64_t *z);

/* Adds to one of the three what the other two make: z += conv(x, w), x += its gradient from z and w, w alike. */
enum naive_part { NAIVE_Z, NAIVE_X, NAIVE_W };
void naive_conv(const struct naive_conv *c, enum naive_part to, struct values *x, struct values *w,
                struct values *z);

/* Tolerances for sums of n products of numbers in [-1, 1). */
double naive_tolerance(gradc_dtype dtype, int64_t n);

#endif
