/* layer_norm.h - what layer_norm.c hands to its loops, which are compiled once per instruction set. */
#ifndef GRADC_LAYER_NORM_H
#define GRADC_LAYER_NORM_H

#include "device/cpu/isa.h"

/* Rows of `channels` runs of `inner` numbers each.  Channel c of row r has weight (r % groups) * channels + c. */
struct layer_rows {
    int64_t groups, channels, inner;
    double eps;
    const void *weight, *bias;
};

/* One dtype's loops over rows first .. last-1 of tensors without gaps; mean, invstd: a number a row. */
struct layer_loops {
    void (*forward)(const struct layer_rows *s, const void *x, void *z, void *mean, void *invstd,
                    int64_t first, int64_t last);
    /* sums[0]: the sum of dz, sums[1]: of dz (x - mean) invstd, for all weights, are added to. */
    void (*backward)(const struct layer_rows *s, const void *dz, const void *x, const void *mean,
                     const void *invstd, void *dx, double *const sums[2], int64_t first, int64_t last);
};

struct layer_table {
    struct layer_loops f32, f64;
};

#endif
