/* avg_pool2d.h - what avg_pool2d.c hands to its loops, which are compiled once per instruction set. */
#ifndef GRADC_AVG_POOL2D_H
#define GRADC_AVG_POOL2D_H

#include "device/cpu/isa.h"

/* What a window covers along one axis: from .. to-1, counted as `count` elements. */
struct avg_window {
    int32_t from, to, count;
};

/* Windows over planes [height,width] that give planes [out_height,out_width]. */
struct avg_pool {
    int64_t planes, height, width, out_height, out_width;
    const struct avg_window *rows, *columns; /* [out_height], [out_width] */
    int32_t step;        /* the columns' stride where all but those at the ends have one size, else 0 */
    int32_t size;        /* that size */
    int64_t first, last; /* those columns are first .. last-1 */
};

/* One dtype's loops over planes without gaps; `row` is scratch of one row of the larger width. */
struct avg_loops {
    /* The output rows first .. last-1, counted through all planes. */
    void (*forward)(const struct avg_pool *p, const void *x, void *z, void *row, int64_t first, int64_t last);
    /* The planes first .. last-1 of dx, whatever they held before. */
    void (*backward)(const struct avg_pool *p, const void *dz, void *dx, void *row, int64_t first, int64_t last);
};

struct avg_table {
    struct avg_loops f32, f64;
};

#endif
