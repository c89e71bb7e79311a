/* conv_axis.h - what the forms of a convolution share; for conv*.c only.
 *
 * No form builds the matrix of patches.  An image's tile is *staged*: copied to planes with a border of zeros, one
 * plane for each channel and each phase of the stride.  Then the pixel of result r under tap t lies at
 * base(r) + offset(t), one addition, and the loops of tile.h read patches where they lie. */
#ifndef GRADC_CONV_AXIS_H
#define GRADC_CONV_AXIS_H

#include "device/cpu/tile.h"

enum { CONV_ALIGN = 256, CONV_TASKS = 4 /* for each thread, where there are several */ };

/* One axis of a correlation: result r (of `results`) is element first + r * spread of the result's axis and reads,
 * for tap t, element low + r * step + shift(t) of a source of `source` elements, where shift(t) = shift + t * turn
 * is 0 or more.  Tap t is the filter's element tap + t * tap_step. */
struct axis {
    int64_t results, first, spread;
    int64_t source, low, step;
    int64_t taps, tap, tap_step, shift, turn;
    int64_t phases, halo; /* of the staged planes: shift(t) = phase + q * step with q <= halo */
    int64_t tile, tiles;  /* results of a tile, and how many tiles there are */
};

/* Fills all but tile and tiles.  Forward and weight gradient; input gradient for the inputs first, first + stride,
 * ... (of `size` in all). */
struct axis axis_forward(int64_t results, int64_t source, int64_t taps, int64_t stride, int64_t padding,
                         int64_t dilation);
struct axis axis_input(int64_t first, int64_t size, int64_t results, int64_t taps, int64_t stride,
                       int64_t padding, int64_t dilation);

/* Whether pixels can be read where they lie: one tap that moves by 1 over one row. */
int conv_is_direct(const struct axis *y, const struct axis *x);

/* The staged planes of a tile: their size, and where things are in them.
 * dense 0: result (r, j) of the tile has base r * pitch + j, where pitch leaves room for the taps beside a row.
 * dense 1: there is a plane for each tap of the x axis, already shifted, so that the results of a tile, which has whole
 * rows, follow each other without a gap: more to stage, but no lanes are idle at the ends of rows. */
struct planes {
    int dense;
    int64_t rows, pitch; /* of a plane */
    int64_t channel;     /* elements between channels */
};
struct planes planes_of(const struct axis *y, const struct axis *x, int64_t lanes, int dense);

/* Offset of tap (ty, tx) in a channel's planes, from a tile's first result. */
int64_t planes_tap(const struct planes *s, const struct axis *y, const struct axis *x, int64_t ty, int64_t tx);

/* Stages `channels` channels of the image at `from` for the tile that begins with result (row, column). */
void planes_stage(const struct planes *s, const struct tile_set *set, const struct axis *y, const struct axis *x,
                  int64_t row, int64_t column, int64_t channels, const void *from, void *to);

/* The same of a 16-bit image, widened channel by channel; `widened` has room for one. */
void planes_stage_half(const struct planes *s, const struct tile_set *set, const struct axis *y,
                       const struct axis *x, int64_t row, int64_t column, int64_t channels, const void *from,
                       void *to, gradc_dtype dtype, float *widened);

/* How many tasks a cut that changes no bit should make: each of them stages its pixels once more. */
static inline int64_t conv_tasks(const struct device *d)
{
    const int threads = cpu_threads(d);
    return threads == 1 ? 1 : CONV_TASKS * threads;
}

static inline size_t conv_align(size_t bytes)
{
    return (bytes + CONV_ALIGN - 1) / CONV_ALIGN * CONV_ALIGN;
}

/* Of an element in buffers; 16-bit ones are widened there. */
static inline size_t conv_size(const struct conv *p)
{
    return p->dtype == GRADC_F64 ? sizeof(double) : sizeof(float);
}

/* Forward and input gradient; weight gradient.  run 0: only the bytes of workspace. */
size_t conv_correlate(struct device *d, const struct conv *p, int run);
size_t conv_weight(struct device *d, const struct conv *p, int run);

#endif
