/* conv_winograd_weight.c - the gradient of 3x3 filters that move by 1, by Winograd's minimal filtering.
 *
 * A tile's part of it is a correlation of n x n pixels with m x m flows of results, which takes n x n products.  They
 * are summed over all tiles first, and transformed back once.  A unit is a block of a group's channels, one of its
 * outputs, and a part of the blocks of tiles: it adds to its own partial result [point][channel][output] in the
 * workspace.  The parts are then added in their order.  db, where it is wanted, is summed by the units of a group's
 * first channels. */
#include "device/cpu/conv_winograd.h"

#include <string.h>

#include "device/cpu/half.h"

enum {
    TILES = 64,           /* of a block */
    BLOCK_CHANNELS = 128, /* most channels, and outputs, of a unit */
    PARTS = 16,           /* of the sum, where there are few blocks of channels, */
    LEAST_BLOCKS = 4,     /* and so many blocks of tiles that adding a part pays */
    SUM_CHANNELS = 32     /* whose partial results a task adds, for a vector of outputs */
};

struct filters {
    const struct conv *p;
    struct tiles t;
    int64_t channels, outputs;         /* of a group */
    int64_t cb, ob, cblocks, oblocks;  /* of a block; blocks of a group */
    int64_t blocks;                    /* (group, channels, outputs) */
    int64_t parts, each;               /* of the sum; blocks of tiles in each of them */
    int64_t pitch, part;               /* of a transformed tile's channels; of a point */
    int64_t flow_part;                 /* of a point's transformed flows */
    int64_t sum_pitch, sum_part, sums; /* of a partial result's rows; points; units */
    int32_t *row, *at;                 /* of channels: 0, 1, 2 ...; of a block's tiles */
    char *buffers;
    float *partial;
    size_t staged, transformed, buffer; /* bytes for each thread */
};

static int64_t block_tiles(const struct filters *w)
{
    return w->t.images * w->t.high * w->t.wide;
}

static void split(struct filters *w, const struct conv *p, int64_t m)
{
    *w = (struct filters){.p = p};
    w->t = tiles_of(p, m, p->out_height, p->out_width, m == 4 ? TILES : 2 * TILES);
    const int64_t lanes = w->t.loops->lanes;
    w->channels = p->in / p->groups;
    w->outputs = p->out / p->groups;
    w->cb = tile_round(tile_even(w->channels, BLOCK_CHANNELS, lanes), lanes);
    w->ob = tile_round(tile_even(w->outputs, BLOCK_CHANNELS, lanes), lanes);
    w->cblocks = tile_blocks(w->channels, w->cb);
    w->oblocks = tile_blocks(w->outputs, w->ob);
    w->blocks = p->groups * w->cblocks * w->oblocks;
    w->parts = tile_max(1, tile_min(w->t.blocks / LEAST_BLOCKS, PARTS / w->blocks));
    w->each = tile_blocks(w->t.blocks, w->parts);
    w->parts = tile_blocks(w->t.blocks, w->each);
    w->pitch = tiles_pitch(w->cb, lanes);
    w->part = (block_tiles(w) * w->pitch / lanes | 1) * lanes;
    w->flow_part = (block_tiles(w) * tile_blocks(w->ob, lanes) | 1) * lanes;
    w->sum_pitch = tiles_pitch(w->ob, lanes);
    w->sum_part = w->cb * w->sum_pitch;
    w->sums = w->t.points * w->sum_part + w->sum_pitch;
    w->staged = tiles_bytes(tile_max(tiles_staged(&w->t), SUM_CHANNELS * 9 * lanes + lanes * lanes));
    w->transformed = tiles_bytes(w->t.points * w->part);
    w->buffer = w->staged + w->transformed + tiles_bytes(w->t.points * w->flow_part);
}

/* ---- Units ---- */

/* A block of channels and outputs of a group; c and o count through all groups. */
struct work {
    int64_t c, channels, o, outputs;
    int64_t filter; /* elements of w in front of the first filter */
    int first;      /* the group's first channels */
};

static struct work find_work(const struct filters *w, int64_t index)
{
    const int64_t group = index / (w->cblocks * w->oblocks);
    const int64_t c = index % w->cblocks * w->cb, o = index / w->cblocks % w->oblocks * w->ob;
    struct work u = {.c = group * w->channels + c, .o = group * w->outputs + o, .first = c == 0};
    u.channels = tile_min(w->cb, w->channels - c);
    u.outputs = tile_min(w->ob, w->outputs - o);
    u.filter = (u.o * w->channels + c) * 9;
    return u;
}

/* db's part of a partial result, behind the points'. */
static float *sums_db(const struct filters *w, float *partial)
{
    return partial + w->t.points * w->sum_part;
}

static void transform_pixels(const struct filters *w, const struct work *u, const struct block *b,
                             float *staged, float *to)
{
    const struct conv *p = w->p;
    const int64_t plane = p->height * p->width, lanes = w->t.loops->lanes;
    struct source s = {.image = p->in * plane, .height = p->height, .width = p->width, .kind = WINOGRAD_INPUT};
    s.top = -p->padding_h;
    s.left = -p->padding_w;
    for (int64_t c = 0; c < u->channels; c += lanes) {
        s.from = tile_at(view_host(&p->x), (u->c + c) * plane, w->t.size);
        s.channels = tile_min(lanes, u->channels - c);
        tiles_transform(&w->t, b, &s, staged, to + c, w->part, w->pitch);
    }
}

/* To [point][panel of vectors][tile][lane]. */
static void transform_flows(const struct filters *w, const struct work *u, const struct block *b,
                            float *staged, float *to, float *db)
{
    const struct conv *p = w->p;
    const int64_t plane = p->out_height * p->out_width, lanes = w->t.loops->lanes;
    const int64_t vectors = tile_blocks(u->outputs, lanes), tiles = b->images * b->rows * b->columns;
    struct source s = {.image = p->out * plane, .height = p->out_height, .width = p->out_width};
    s.kind = WINOGRAD_FLOW;
    for (int64_t v = 0, panel = 0; v < vectors; v++) {
        if (v == panel + tiles_panel(vectors - panel))
            panel = v;
        s.from = tile_at(view_host(&p->z), (u->o + v * lanes) * plane, w->t.size);
        s.channels = tile_min(lanes, u->outputs - v * lanes);
        s.sum = db ? db + v * lanes : NULL;
        tiles_transform(&w->t, b, &s, staged, to + (panel * tiles + v - panel) * lanes, w->flow_part,
                        tiles_panel(vectors - panel) * lanes);
    }
}

static void multiply(const struct filters *w, const struct work *u, int64_t tiles, const float *pixels,
                     const float *flows, float *to, int fresh)
{
    const int64_t lanes = w->t.loops->lanes, vectors = tile_blocks(u->outputs, lanes);
    struct outer o = {.rows = u->channels, .row = w->row, .c_row = w->sum_pitch};
    for (int64_t point = 0; point < w->t.points; point++)
        for (int64_t v = 0; v < vectors; v += o.vectors) {
            o.vectors = (int32_t)tiles_panel(vectors - v);
            o.c = to + point * w->sum_part + v * lanes;
            for (int64_t k = 0; k < tiles; k += WINOGRAD_DEPTH) {
                o.k = tile_min(WINOGRAD_DEPTH, tiles - k);
                o.a = pixels + point * w->part;
                o.at = w->at + k;
                o.b = flows + point * w->flow_part + (v * tiles + k * o.vectors) * lanes;
                o.fresh = fresh && k == 0;
                w->t.set->outer(&o);
            }
        }
}

static void run_unit(void *arg, int64_t unit, int thread)
{
    const struct filters *w = arg;
    const int64_t part = unit % w->parts, end = tile_min(w->t.blocks, (part + 1) * w->each);
    char *buffer = w->buffers + (size_t)thread * w->buffer;
    float *staged = (float *)(void *)buffer, *pixels = (float *)(void *)(buffer + w->staged),
          *flows = (float *)(void *)(buffer + w->staged + w->transformed),
          *partial = w->partial + unit * w->sums;
    struct work u = find_work(w, unit / w->parts);
    float *db = w->p->db && u.first ? sums_db(w, partial) : NULL;
    if (db)
        memset(db, 0, (size_t)w->sum_pitch * sizeof *db);
    for (int64_t i = part * w->each; i < end; i++) {
        struct block b = tiles_block(&w->t, w->p->batch, i);
        transform_pixels(w, &u, &b, staged, pixels);
        transform_flows(w, &u, &b, staged, flows, db);
        multiply(w, &u, b.images * b.rows * b.columns, pixels, flows, partial, i == part * w->each);
    }
}

/* ---- The sum ---- */

/* db of some outputs, from the partial results of a block on. */
static void sum_db(const struct filters *w, const struct work *u, float *first, int64_t o, int64_t outputs)
{
    float *from = sums_db(w, first) + o;
    void *db = tile_at(view_host(w->p->db), u->o + o, w->t.size);
    const int half = dtype_is_half(w->p->dtype);
    float *sum = half ? from : db; /* the first part's place */
    w->t.set->sum(sum, 0, from, 0, w->sums, w->parts, NULL, 1, outputs);
    if (half)
        half_narrow(w->p->dtype, outputs, sum, db);
}

/* Adds the parts of some channels and a vector of outputs to the first part, and transforms them back. */
static void sum_task(void *arg, int64_t task, int thread)
{
    const struct filters *w = arg;
    const int64_t lanes = w->t.loops->lanes, chunks = tile_blocks(w->cb, SUM_CHANNELS), vectors = w->ob / lanes;
    const int64_t c = task % chunks * SUM_CHANNELS, o = task / chunks % vectors * lanes;
    const int64_t index = task / chunks / vectors;
    struct work u = find_work(w, index);
    const int64_t channels = tile_min(SUM_CHANNELS, u.channels - c), outputs = tile_min(lanes, u.outputs - o);
    if (channels <= 0 || outputs <= 0)
        return;
    float *first = w->partial + index * w->parts * w->sums, *from = first + c * w->sum_pitch + o;
    float *staged = (float *)(void *)(w->buffers + (size_t)thread * w->buffer);
    for (int64_t point = 0; point < w->t.points && w->parts > 1; point++) {
        float *sum = from + point * w->sum_part;
        w->t.set->sum(sum, w->sum_pitch, sum, w->sum_pitch, w->sums, w->parts, NULL, channels, lanes);
    }
    if (c == 0 && u.first && w->p->db)
        sum_db(w, &u, first, o, outputs);
    struct squares q = {.count = channels, .from = from, .from_row = w->t.n * w->sum_part, .to = staged};
    q.from_column = w->sum_part;
    q.from_step = w->sum_pitch;
    q.to_row = 3 * lanes;
    q.to_column = lanes;
    q.to_step = 9 * lanes;
    w->t.transform[WINOGRAD_WEIGHT](&q);
    void *dw = tile_at(view_host(&w->p->w), u.filter + (o * w->channels + c) * 9, w->t.size);
    w->t.loops->scatter[w->t.dtype](dw, w->channels * 9, staged, outputs, channels * 9, NULL);
}

/* ---- The entry ---- */

size_t conv_winograd_weight(struct device *d, const struct conv *p, int64_t m, int run)
{
    struct filters w;
    split(&w, p, m);
    const int64_t tiles = block_tiles(&w), vectors = w.ob / w.t.loops->lanes;
    const size_t table = conv_align((size_t)(w.cb + tiles) * sizeof *w.row);
    const size_t buffers = (size_t)cpu_threads(d) * w.buffer;
    if (run) {
        char *memory = place_host(p->workspace);
        w.row = (int32_t *)(void *)memory;
        w.at = w.row + w.cb;
        w.buffers = memory + table;
        w.partial = (float *)(void *)(w.buffers + buffers);
        for (int64_t i = 0; i < w.cb; i++)
            w.row[i] = (int32_t)i;
        for (int64_t i = 0; i < tiles; i++)
            w.at[i] = (int32_t)(i * w.pitch);
        cpu_parallel(d, w.blocks * w.parts, run_unit, &w);
        cpu_parallel(d, w.blocks * vectors * tile_blocks(w.cb, SUM_CHANNELS), sum_task, &w);
    }
    return table + buffers + tiles_bytes(w.blocks * w.parts * w.sums);
}
