/* tile.h - the inner loops of matrix product and convolution, one set of them for each instruction set and real type.
 *
 * They know neither tensors nor threads: the callers (gemm.c, conv_*.c) split the work, pack and stage operands in
 * thread-owned buffers, and call these.  Each element of a result is one chain of (fused) multiply-adds in the order
 * of k, so its bits depend on neither its place in a tile nor the number of threads.  The plain set multiplies and
 * adds with two roundings: a software fma would be many times slower. */
#ifndef GRADC_TILE_H
#define GRADC_TILE_H

#include "device/device.h"

enum { TILE_VECTORS = 3, TILE_ROWS = 8 /* the most of any set */ };

/* C[i, v, lane] = init + row_bias[i] + sum_k A[i,k] * b[v][offset[k] + lane], for i < m and up to three vectors of
 * columns that may lie anywhere.  A is packed in panels of `rows` rows (the last may have fewer), k-major: see panels.
 * A vector is always read whole: `lanes` elements from b[v] + offset[k] must be readable; width[v] are stored. */
struct tile {
    int64_t m, k;
    const void *a;
    const int32_t *offset; /* [k], elements */
    int32_t vectors;       /* 1 .. TILE_VECTORS */
    int32_t width[TILE_VECTORS];
    const void *b[TILE_VECTORS];
    void *c[TILE_VECTORS];          /* row 0 */
    int64_t c_row, c_step;          /* elements between rows, and between lanes */
    const void *init[TILE_VECTORS]; /* NULL: 0.  It may be c itself: accumulate */
    int64_t init_row, init_step;
    const void *row_bias; /* [m] or NULL */
    int stream;           /* whole vectors may be stored past the caches: aligned ones, `fence` behind them */
};

/* C[r, v] (+)= sum_k a[row[r] + at[k]] * B[k, v]: rows are read where they lie, B is packed [k][vectors * lanes]. */
struct outer {
    int64_t rows, k;
    const void *a;
    const int32_t *row, *at; /* [rows], [k], elements */
    const void *b;
    int32_t vectors; /* 1 .. TILE_VECTORS */
    int32_t fresh;   /* 1: C is overwritten; 0: added to */
    void *c;
    int64_t c_row;
};

/* sum[t * sum_step + o] (+)= sum over rows and columns of z[o, row, column] * x[offset[t] + row, column]: the lanes are
 * columns, and nothing is packed. */
struct dots {
    int64_t outputs, rows, columns;
    const void *z, *x;
    const void *next; /* z of the call behind this one, of which the first outputs are fetched; any address */
    int64_t z_output, z_row, x_row;
    const int32_t *offset;
    int64_t taps;
    int32_t fresh;
    void *sum;
    int64_t sum_step;
};

/* z[r, j] = sum over k of a[k] * x[offset[k] + r, j] + bias: one filter over a plane.  Vectors of x are read whole. */
struct filter {
    int64_t rows, columns, k;
    const void *a, *x, *bias; /* bias[0], or NULL */
    const int32_t *offset;
    int64_t x_row;
    void *z;
    int64_t z_row, z_step;
};

/* Copies channels of an image to planes with a border of zeros: plane (channel, ph, pw) at (q, j) is the image's
 * (top + ph + q * step_h, left + pw * turn_w + j * step_w), or 0 outside.  Up to `lanes` elements behind the last
 * plane are overwritten. */
struct stage {
    void *to;
    const void *from;
    int64_t channels, channel_size;
    int64_t height, width, top, left;
    int64_t step_h, step_w, phases_h, phases_w, turn_w;
    int64_t rows, pitch; /* of a plane */
};

/* z[j] = bias[j * bias_step] + sum_k a[k] * b[k * b_row + j * b_col], j < n, where b_row or b_col is 1. */
struct gemv {
    int64_t n, k;
    const void *a, *b, *bias; /* bias may be NULL */
    int64_t b_row, b_col, bias_step;
    void *z;
};

struct tile_set {
    int64_t lanes, rows; /* of a vector; of a panel of A */
    int64_t depth;       /* k of a packed block: a panel of B of this depth fits the first cache */
    void (*tile)(const struct tile *t);
    void (*fence)(void); /* behind the last tile that streams, before another thread may read it */
    void (*outer)(const struct outer *t);
    void (*dots)(const struct dots *t);
    void (*filter)(const struct filter *t);
    void (*stage)(const struct stage *t);
    void (*gemv)(const struct gemv *t);

    /* to[c * pitch + r] = from[r * row + c * column] for r < rows, c < columns, and 0 for rows <= r < padded. */
    void (*pack)(void *to, int64_t pitch, int64_t padded, const void *from, int64_t row, int64_t column,
                 int64_t rows, int64_t columns);

    /* Packs m rows and k columns into panels of `panel` rows, each [column][row].  The last panel has what rows are
     * left, rounded up to `unit` with zeros.  A of struct tile: panels of set->rows, unit 1. */
    void (*panels)(void *to, int64_t panel, int64_t unit, const void *from, int64_t row, int64_t column,
                   int64_t m, int64_t k);

    void (*fill)(void *z, int64_t n, double value);

    /* z[r, c] = bias[c] + x[0, r, c] + x[1, r, c] ..., r < rows, c < columns; bias may be NULL, z may be x[0]. */
    void (*sum)(void *z, int64_t z_row, const void *x, int64_t x_row, int64_t x_part, int64_t parts,
                const void *bias, int64_t rows, int64_t columns);
};

struct tile_sets {
    struct tile_set f32, f64;
};

/* The set of this processor for f32 or f64. */
const struct tile_set *tile_set(gradc_dtype dtype);

/* p + n elements of `size` bytes. */
static inline void *tile_at(const void *p, int64_t n, size_t size)
{
    return (void *)((uintptr_t)p + (uintptr_t)(n * (int64_t)size));
}

static inline int64_t tile_min(int64_t x, int64_t y)
{
    return x < y ? x : y;
}

static inline int64_t tile_max(int64_t x, int64_t y)
{
    return x > y ? x : y;
}

static inline int64_t tile_blocks(int64_t n, int64_t size)
{
    return (n + size - 1) / size;
}

static inline int64_t tile_round(int64_t n, int64_t unit)
{
    return tile_blocks(n, unit) * unit;
}

/* n cut into the fewest equal parts of at most `most`, each a multiple of unit: the size of a part. */
static inline int64_t tile_even(int64_t n, int64_t most, int64_t unit)
{
    return n <= most ? tile_max(n, 1) : tile_round(tile_blocks(n, tile_blocks(n, most)), unit);
}

#endif
