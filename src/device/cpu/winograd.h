/* winograd.h - the transforms of Winograd's minimal filtering for 3x3 filters, a set of them for each instruction set.
 *
 * After Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2015): a tile of m x m results takes
 * n x n = (m + 2)^2 products for each pair of channels in place of 9 m^2: 16 for 36 (m 2), 36 for 144 (m 4).  Arrays
 * are of f32 and have `lanes` channels side by side, so a transform works on all of them at once; images of 16 bits are
 * widened when they are gathered, and rounded, once, when they are scattered.  The callers (conv_winograd*.c) split the
 * work; the products between the transforms are tile.h's.
 *
 * Rounding: |error| <= 1e-6 (m 2), 1e-5 (m 4) times (sum |w|) max |x|, the sum over what a result adds, the largest of
 * what its tiles read; for filters' gradients dz takes w's place.  Over 2400 random problems of up to 70 channels it
 * was 4.2e-7 and 5.4e-6, that of the direct forms 1.7e-7 (test/winograd.c).  Results of 16 bits are rounded on top.
 * The results of a tile share its pixels: a NaN or an infinity in one makes all of them NaN, and sums may overflow from
 * pixels of 1e36 on. */
#ifndef GRADC_WINOGRAD_H
#define GRADC_WINOGRAD_H

#include "device/cpu/tile.h"

enum { WINOGRAD_2, WINOGRAD_4, WINOGRAD_SIZES };                     /* m is 2 or 4 */
enum { WINOGRAD_F32, WINOGRAD_F16, WINOGRAD_BF16, WINOGRAD_DTYPES }; /* of images and filters in memory */

/* What becomes what, each a square.  For filters' gradient the flow's tile takes the filter's place. */
enum {
    WINOGRAD_INPUT,  /* n x n pixels -> n x n */
    WINOGRAD_OUTPUT, /* n x n -> m x m results */
    WINOGRAD_FILTER, /* 3 x 3 -> n x n */
    WINOGRAD_FLOW,   /* m x m flows of results -> n x n */
    WINOGRAD_WEIGHT, /* n x n -> 3 x 3 flows of filters */
    WINOGRAD_KINDS
};

/* `count` squares; vector (y, x) of square i lies at y * _row + x * _column + i * _step, in elements. */
struct squares {
    int64_t count;
    const float *from;
    int64_t from_row, from_column, from_step;
    float *to;
    int64_t to_row, to_column, to_step;
};

enum { WINOGRAD_LANES = 16 /* the most of any set */ };

struct winograd_set {
    int64_t lanes;
    void (*transform[WINOGRAD_SIZES][WINOGRAD_KINDS])(const struct squares *s);

    /* to[j * lanes + c] = from[c * plane + j] for c < channels (at most lanes) and j < n; 0 for the other lanes.  Up
     * to lanes - 1 pixels behind the last are overwritten. */
    void (*gather[WINOGRAD_DTYPES])(float *to, const void *from, int64_t plane, int64_t channels, int64_t n);

    /* to[c * plane + j] = from[j * lanes + c] + bias[c], c < channels, j < n; bias may be NULL.  Up to lanes - 1 pixels
     * behind the last are read. */
    void (*scatter[WINOGRAD_DTYPES])(void *to, int64_t plane, const float *from, int64_t channels, int64_t n,
                                     const float *bias);

    /* sum[c] = sum over rows and columns of from[row * pitch + column * lanes + c], added to what is there. */
    void (*add_up)(float *sum, const float *from, int64_t pitch, int64_t rows, int64_t columns);
};

/* The set of this processor. */
const struct winograd_set *winograd_set(void);

#endif
