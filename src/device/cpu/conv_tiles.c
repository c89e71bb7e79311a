/* conv_tiles.c - Winograd's tiles: when they pay, how results are cut into blocks of them, and how a block's pixels are
 * transformed. */
#include "device/cpu/conv_winograd.h"

#include <math.h>
#include <string.h>

/* ---- The rule ----
 *
 * A form is rated by its products for each pair of channels, and the least wins.  The transforms of pixels and results
 * are left out, for with so many channels in a group they take less than what is saved.
 * Measured on one core with AVX-512, the direct form's time / the form's, forward, input and weight gradient:
 *   28x28, batch 8, m 4:  8x8 channels 0.9 0.9 2.2, 8x32 1.7 1.5 1.9, 16x16 2.3 2.3 2.3, 64x64 3.3 3.2 3.3
 *   the same, bf16:       8x8 channels 1.1 1.1 2.0, 16x16 2.3 2.3 2.0, 64x64 3.4 3.1 3.1
 *   the same, in groups:  8 of 16x16 2.0 2.1 2.4, bf16 2.3 2.3 2.6; 8 of 32x32 2.4 2.3 2.1; 16 of 8x8 1.0 0.9 2.1
 *   14x14, batch 8, m 4:  32 groups of 12x12 1.3 1.4 1.4, of 16x16 1.5 1.3 1.5, bf16 2.1 2.1 2.1
 *   56x56, batch 8, m 4:  32 groups of 4x4 0.3 0.3 1.3
 *   14x14, batch 1:       64x64, m 2: 1.8 1.8 1.8, m 4: 2.0 1.9 1.7; 512x512, m 2: 1.6 1.7 1.5, m 4: 1.2 1.4 1.1
 *   7x7, 512x512:         batch 1, m 2: 1.1 1.5 1.1, m 4: 0.6 1.0 0.6; batch 8, m 2: 1.8 2.0 1.6, m 4: 2.0 2.3 1.8
 * With AVX2 12 channels are too few, forward and for the input: 0.8 .. 1.1. */

enum {
    LEAST_CHANNELS = 16,    /* of a group, in and out, */
    LEAST_WEIGHT = 8,       /* and for filters' gradients, where the direct form has outputs for lanes, too */
    MOST_FILTERS = 1 << 24, /* elements of transformed filters: 64 MiB of workspace */
    /* What it takes to transform a filter, to store and to read it, in tiles: 1 .. 12 and 4 .. 25, the more the less of
     * them fits the caches.  With these two the rule's form is 2.0 times as fast as the direct one over 1575 cases of
     * 16 .. 512 channels and 2x2 .. 56x56 pixels, the best 2.15; two are slower (512 channels: 0.86, 0.94). */
    FILTER_TILES_2 = 6,
    FILTER_TILES_4 = 10
};

/* m 0: the direct form. */
static double products(const struct conv *p, int64_t m)
{
    const int forward = p->kind != CONV_INPUT;
    const int64_t height = forward ? p->out_height : p->height, width = forward ? p->out_width : p->width;
    if (m == 0)
        return 9.0 * (double)p->batch * (double)height * (double)width;
    const double points = (double)((m + 2) * (m + 2));
    const double tiles = (double)p->batch * (double)tile_blocks(height, m) * (double)tile_blocks(width, m);
    if (points * (double)p->in * (double)p->out / (double)p->groups > MOST_FILTERS)
        return INFINITY;
    return points * (tiles + (m == 4 ? FILTER_TILES_4 : FILTER_TILES_2));
}

int64_t winograd_tile(const struct conv *p)
{
    const int64_t least = p->kind == CONV_WEIGHT ? LEAST_WEIGHT : LEAST_CHANNELS;
    if (p->dtype == GRADC_F64 || p->kh != 3 || p->kw != 3 || p->stride_h != 1 || p->stride_w != 1 ||
        p->dilation_h != 1 || p->dilation_w != 1 || p->in / p->groups < least || p->out / p->groups < least)
        return 0;
    int64_t best = 0;
    for (int64_t m = 2; m <= 4; m += 2)
        if (products(p, m) < products(p, best))
            best = m;
    return best;
}

/* ---- Blocks ---- */

static const int dtypes[] = {[GRADC_F32] = WINOGRAD_F32, [GRADC_F16] = WINOGRAD_F16, [GRADC_BF16] = WINOGRAD_BF16};

struct tiles tiles_of(const struct conv *p, int64_t m, int64_t height, int64_t width, int64_t most)
{
    struct tiles t = {.loops = winograd_set(), .set = tile_set(GRADC_F32), .m = m, .n = m + 2};
    t.points = t.n * t.n;
    t.transform = t.loops->transform[m == 4 ? WINOGRAD_4 : WINOGRAD_2];
    t.rows = tile_blocks(height, m);
    t.columns = tile_blocks(width, m);
    t.wide = tile_even(t.columns, most, 1);
    t.high = tile_even(t.rows, tile_max(1, most / t.wide), 1);
    const int whole = t.wide == t.columns && t.high == t.rows;
    t.images = whole ? tile_even(p->batch, tile_max(1, most / (t.wide * t.high)), 1) : 1;
    t.groups = tile_blocks(p->batch, t.images);
    t.row_blocks = tile_blocks(t.rows, t.high);
    t.column_blocks = tile_blocks(t.columns, t.wide);
    t.blocks = t.groups * t.row_blocks * t.column_blocks;
    t.line = t.wide * m + 2 + t.loops->lanes;
    t.dtype = dtypes[p->dtype];
    t.size = gradc_dtype_size(p->dtype);
    return t;
}

struct block tiles_block(const struct tiles *t, int64_t batch, int64_t index)
{
    struct block b;
    b.column = index % t->column_blocks * t->wide;
    index /= t->column_blocks;
    b.row = index % t->row_blocks * t->high;
    b.image = index / t->row_blocks * t->images;
    b.columns = tile_min(t->wide, t->columns - b.column);
    b.rows = tile_min(t->high, t->rows - b.row);
    b.images = tile_min(t->images, batch - b.image);
    return b;
}

int64_t tiles_staged(const struct tiles *t)
{
    return t->n * t->line * t->loops->lanes;
}

/* `columns` pixels from (y, x) on. */
static void stage_line(const struct tiles *t, const struct source *s, const void *from, int64_t y, int64_t x,
                       int64_t columns, float *to)
{
    const int64_t lanes = t->loops->lanes, first = tile_min(columns, tile_max(0, -x));
    const int64_t end = y < 0 || y >= s->height ? first : tile_max(first, tile_min(columns, s->width - x));
    memset(to, 0, (size_t)(first * lanes) * sizeof *to);
    if (end > first)
        t->loops->gather[t->dtype](to + first * lanes, tile_at(from, y * s->width + x + first, t->size),
                                   s->height * s->width, s->channels, end - first);
    memset(to + end * lanes, 0, (size_t)((columns - end) * lanes) * sizeof *to);
}

void tiles_transform(const struct tiles *t, const struct block *b, const struct source *s, float *staged,
                     float *to, int64_t part, int64_t step)
{
    const int64_t lanes = t->loops->lanes, reach = s->kind == WINOGRAD_INPUT ? t->n : t->m;
    const int64_t columns = b->columns * t->m + reach - t->m;
    struct squares q = {.count = b->columns, .from = staged, .to_row = t->n * part, .to_column = part};
    q.from_row = t->line * lanes;
    q.from_column = lanes;
    q.from_step = t->m * lanes;
    q.to_step = step;
    q.to = to;
    for (int64_t i = 0; i < b->images; i++)
        for (int64_t r = 0; r < b->rows; r++, q.to += b->columns * step) {
            const int64_t y = (b->row + r) * t->m + s->top, x = b->column * t->m + s->left;
            const int64_t known = r > 0 ? reach - t->m : 0; /* lines that the tiles above have staged */
            memcpy(staged, staged + t->m * q.from_row, (size_t)(known * q.from_row) * sizeof *staged);
            for (int64_t line = known; line < reach; line++)
                stage_line(t, s, tile_at(s->from, (b->image + i) * s->image, t->size), y + line, x, columns,
                           staged + line * q.from_row);
            if (s->sum)
                t->loops->add_up(s->sum, staged, q.from_row, reach, columns);
            t->transform[s->kind](&q);
        }
}
