/* max_pool2d.h - what max_pool2d.c hands to its loops, which are compiled once per instruction set. */
#ifndef GRADC_MAX_POOL2D_H
#define GRADC_MAX_POOL2D_H

#include "device/cpu/isa.h"

/* Windows over planes [height,width] that give planes [out_height,out_width]. */
struct pool {
    int64_t planes, height, width, out_height, out_width;
    int64_t size_h, size_w, stride_h, stride_w, padding_h, padding_w;
};

/* One dtype's loops over planes without gaps.  An index is the position of a window's maximum in its plane. */
struct pool_loops {
    /* The output rows first .. last-1, counted through all planes. */
    void (*forward)(const struct pool *p, const void *x, void *z, int32_t *index, int64_t first, int64_t last);
    /* The planes first .. last-1 of dx, whatever they held before. */
    void (*backward)(const struct pool *p, const void *dz, const int32_t *index, void *dx, int64_t first,
                     int64_t last);
    /* The planes first .. last-1 of z: z[i] = x[index[i]]. */
    void (*gather)(const struct pool *p, const void *x, const int32_t *index, void *z, int64_t first,
                   int64_t last);
};

struct pool_table {
    struct pool_loops f32, f64;
};

#endif
