/* conv_winograd.h - what the Winograd forms of a convolution share; for conv*.c only.
 *
 * The results of an image are cut into tiles of m x m, and the tiles into blocks.  For a block of T tiles the source is
 * transformed to [point][T][channel], each of the n x n points is a matrix product of its own (struct outer), and the
 * products are transformed back.  Only the transformed filters and each thread's block are stored. */
#ifndef GRADC_CONV_WINOGRAD_H
#define GRADC_CONV_WINOGRAD_H

#include "device/cpu/conv_axis.h"
#include "device/cpu/winograd.h"

enum { WINOGRAD_DEPTH = 256 /* of a product: its panel of B stays in the second cache */ };

struct tiles {
    const struct winograd_set *loops;
    const struct tile_set *set;
    int64_t m, n, points;       /* n = m + 2, points = n * n */
    int64_t rows, columns;      /* tiles of an image */
    int64_t images, high, wide; /* of a block; more than one image only where it has all of their tiles */
    int64_t groups, row_blocks, column_blocks, blocks; /* groups of images */
    int64_t line;                                      /* staged pixels of a row, `lanes` channels each */
    void (*const *transform)(const struct squares *s);
    int dtype;   /* WINOGRAD_F32 .. of images and filters, */
    size_t size; /* and the bytes of an element */
};

/* For p with results of height x width; a block has about `most` tiles. */
struct tiles tiles_of(const struct conv *p, int64_t m, int64_t height, int64_t width, int64_t most);

/* A block's place and size, in images and tiles. */
struct block {
    int64_t image, row, column, images, rows, columns;
};
struct block tiles_block(const struct tiles *t, int64_t batch, int64_t index);

/* Up to `lanes` channels of images.  Tile (r, c) has the pixels from (r * m + top, c * m + left) on; there are zeros
 * outside of height x width. */
struct source {
    const void *from; /* the first image's first channel */
    int64_t image;    /* elements between images */
    int64_t channels, height, width, top, left;
    int kind;   /* WINOGRAD_INPUT or WINOGRAD_FLOW */
    float *sum; /* gets the sum of all pixels added, where not NULL */
};

/* Transforms a block; the elements of its tiles are `step` apart in `to`, those of points `part`. */
void tiles_transform(const struct tiles *t, const struct block *b, const struct source *s, float *staged,
                     float *to, int64_t part, int64_t step);

/* Elements of the buffer `staged`. */
int64_t tiles_staged(const struct tiles *t);

/* Elements between rows of so many channels: rows should not share the sets of the caches. */
static inline int64_t tiles_pitch(int64_t channels, int64_t lanes)
{
    return (tile_blocks(channels, lanes) | 1) * lanes;
}

/* The vectors of the next panel, where so many are left: 2 and 2 keep the processor busier than 3 and 1. */
static inline int64_t tiles_panel(int64_t left)
{
    return left == TILE_VECTORS + 1 ? 2 : tile_min(left, TILE_VECTORS);
}

static inline size_t tiles_bytes(int64_t elements)
{
    return conv_align((size_t)elements * sizeof(float));
}

/* The m with which p is computed: 2 or 4; 0: the direct forms do it.  By p's dtype and shapes alone. */
int64_t winograd_tile(const struct conv *p);

/* As conv_correlate and conv_weight. */
size_t conv_winograd(struct device *d, const struct conv *p, int64_t m, int run);
size_t conv_winograd_weight(struct device *d, const struct conv *p, int64_t m, int run);

#endif
