/* conv_winograd.c - convolution forward and the gradient of its input by Winograd's minimal filtering, for 3x3 filters
 * that move by 1.  The input gradient is the same with the filters turned, and with `in` and `out` exchanged.
 *
 * The filters are transformed once, to [block of results' channels][point][panel of vectors][channel][lane].  A unit is
 * a block of tiles, and some blocks of result channels: it transforms the source, multiplies, transforms back, and
 * writes.  No sum is split between units. */
#include "device/cpu/conv_winograd.h"

enum {
    TILES = 64, /* of a block, which reads all filters once; twice as many small ones */
    LEAST_TILES = 8,
    BLOCK_CHANNELS = 1 << 15, /* most channels of all of a block's tiles, for a point */
    BLOCK_RESULTS = 128,      /* most result channels whose products are stored at a time */
    LEAST_RESULTS = 64,       /* where they are cut only to make more tasks */
    FILTER_CHANNELS = 32      /* channels whose filters a task transforms, for a vector of results */
};

struct winograd {
    const struct conv *p;
    struct tiles t;
    int64_t channels, results;         /* of the source and of the result */
    int64_t rb, rblocks, each, units;  /* result channels of a block; how many blocks of them a unit does */
    int64_t pitch, part;               /* of a transformed tile's channels; of a point */
    int64_t result_pitch, result_part; /* of the products */
    const float *source, *filter, *bias;
    float *result;
    int64_t source_height, source_width, result_height, result_width;
    int32_t *row, *at; /* of a block's tiles; 0, 1, 2 ... */
    float *filters;
    char *buffers;
    size_t staged, transformed, buffer; /* bytes for each thread: staged pixels, transformed tiles; all */
};

/* ---- The split ---- */

/* A cut for more tasks changes no bit. */
static void split(struct winograd *w, struct device *d, const struct conv *p, int64_t m)
{
    const int forward = p->kind == CONV_FORWARD;
    *w = (struct winograd){.p = p};
    w->channels = forward ? p->in : p->out;
    w->results = forward ? p->out : p->in;
    w->source_height = forward ? p->height : p->out_height;
    w->source_width = forward ? p->width : p->out_width;
    w->result_height = forward ? p->out_height : p->height;
    w->result_width = forward ? p->out_width : p->width;
    const int64_t most = tile_max(LEAST_TILES, tile_min(TILES, BLOCK_CHANNELS / w->channels));
    w->t = tiles_of(m, p->batch, w->result_height, w->result_width, m == 4 ? most : 2 * most);
    const int64_t lanes = w->t.loops->lanes, tiles = w->t.images * w->t.high * w->t.wide, wanted = conv_tasks(d);
    w->rb = tile_round(tile_even(w->results, BLOCK_RESULTS, lanes), lanes);
    while (w->t.blocks * tile_blocks(w->results, w->rb) < wanted && w->rb >= 2 * LEAST_RESULTS)
        w->rb = tile_round(w->rb / 2, lanes);
    w->rblocks = w->each = tile_blocks(w->results, w->rb);
    while (w->each > 1 && w->t.blocks * tile_blocks(w->rblocks, w->each) < wanted)
        w->each = tile_blocks(w->each, 2);
    w->units = w->t.blocks * tile_blocks(w->rblocks, w->each);
    w->pitch = tiles_pitch(w->channels, lanes);
    w->part = (tiles * w->pitch / lanes | 1) * lanes;
    w->result_pitch = tiles_pitch(w->rb, lanes);
    w->result_part = (tiles * w->result_pitch / lanes | 1) * lanes;
    w->staged = tiles_bytes(tile_max(tiles_staged(&w->t), FILTER_CHANNELS * 9 * lanes));
    w->transformed = tiles_bytes(w->t.points * w->part);
    w->buffer = w->staged + w->transformed + tiles_bytes(w->t.points * w->result_part);
}

/* ---- Filters ---- */

/* Where the filters of a vector of results begin: their first point's first channel; and the elements between points
 * and between channels. */
static float *filters_at(const struct winograd *w, int64_t vector, int64_t *part, int64_t *step)
{
    const int64_t lanes = w->t.loops->lanes, first = vector * lanes / w->rb * w->rb;
    const int64_t vectors = tile_blocks(tile_min(w->rb, w->results - first), lanes);
    int64_t v = vector - first / lanes, panel = 0;
    while (v >= panel + tiles_panel(vectors - panel))
        panel += tiles_panel(vectors - panel);
    *part = vectors * lanes * w->channels;
    *step = tiles_panel(vectors - panel) * lanes;
    return w->filters + (first * w->t.points + panel * lanes) * w->channels + (v - panel) * lanes;
}

static void filter_task(void *arg, int64_t task, int thread)
{
    const struct winograd *w = arg;
    const struct conv *p = w->p;
    const int forward = p->kind == CONV_FORWARD;
    const int64_t lanes = w->t.loops->lanes, chunks = tile_blocks(w->channels, FILTER_CHANNELS);
    const int64_t vector = task / chunks, c = task % chunks * FILTER_CHANNELS, r = vector * lanes;
    const int64_t channels = tile_min(FILTER_CHANNELS, w->channels - c), rows = tile_min(lanes, w->results - r);
    float *staged = (float *)(void *)(w->buffers + (size_t)thread * w->buffer);
    struct squares q = {.count = channels, .from_row = 3 * lanes, .from_column = lanes, .from_step = 9 * lanes};
    q.from = staged;
    if (forward) {
        w->t.set->pack(staged, lanes, lanes, w->filter + (r * p->in + c) * 9, p->in * 9, 1, rows, channels * 9);
    } else { /* turned */
        for (int64_t i = 0; i < channels; i++)
            w->t.set->pack(staged + i * 9 * lanes, lanes, lanes, w->filter + ((c + i) * p->in + r) * 9, 9, 1,
                           rows, 9);
        q.from += 8 * lanes;
        q.from_row = -q.from_row;
        q.from_column = -lanes;
    }
    q.to = filters_at(w, vector, &q.to_column, &q.to_step);
    q.to += c * q.to_step;
    q.to_row = w->t.n * q.to_column;
    w->t.transform[WINOGRAD_FILTER](&q);
}

/* ---- Units ---- */

static void transform_source(const struct winograd *w, const struct block *b, float *staged, float *to)
{
    const struct conv *p = w->p;
    const int forward = p->kind == CONV_FORWARD;
    const int64_t plane = w->source_height * w->source_width, lanes = w->t.loops->lanes;
    struct source s = {.image = w->channels * plane, .height = w->source_height, .width = w->source_width};
    s.top = forward ? -p->padding_h : p->padding_h - 2;
    s.left = forward ? -p->padding_w : p->padding_w - 2;
    s.kind = WINOGRAD_INPUT;
    for (int64_t c = 0; c < w->channels; c += lanes) {
        s.from = w->source + c * plane;
        s.channels = tile_min(lanes, w->channels - c);
        tiles_transform(&w->t, b, &s, staged, to + c, w->part, w->pitch);
    }
}

/* The products of all points of a block of tiles with the result channels from r on. */
static void multiply(const struct winograd *w, const struct block *b, int64_t r, const float *tiles, float *to)
{
    const int64_t lanes = w->t.loops->lanes, depth = tile_even(w->channels, WINOGRAD_DEPTH, 8);
    const int64_t vectors = tile_blocks(tile_min(w->rb, w->results - r), lanes);
    const float *filter = w->filters + r * w->t.points * w->channels;
    struct outer o = {.rows = b->images * b->rows * b->columns, .row = w->row, .at = w->at};
    o.c_row = w->result_pitch;
    for (int64_t point = 0; point < w->t.points; point++)
        for (int64_t v = 0; v < vectors; v += o.vectors) {
            o.vectors = (int32_t)tiles_panel(vectors - v);
            o.c = to + point * w->result_part + v * lanes;
            for (int64_t c = 0; c < w->channels; c += depth) {
                o.k = tile_min(depth, w->channels - c);
                o.a = tiles + point * w->part + c;
                o.b = filter;
                o.fresh = c == 0;
                w->t.set->outer(&o);
                filter += o.k * o.vectors * lanes;
            }
        }
}

/* The results of a vector of channels from r on, from their products. */
static void write_results(const struct winograd *w, const struct block *b, int64_t r, const float *from,
                          float *staged)
{
    const struct tiles *t = &w->t;
    const int64_t lanes = t->loops->lanes, plane = w->result_height * w->result_width, left = b->column * t->m;
    const int64_t columns = tile_min(b->columns * t->m, w->result_width - left);
    struct squares q = {.count = b->columns, .from = from, .from_row = t->n * w->result_part};
    q.from_column = w->result_part;
    q.from_step = w->result_pitch;
    q.to = staged;
    q.to_row = t->line * lanes;
    q.to_column = lanes;
    q.to_step = t->m * lanes;
    for (int64_t i = 0; i < b->images; i++)
        for (int64_t row = 0; row < b->rows; row++, q.from += b->columns * q.from_step) {
            const int64_t top = (b->row + row) * t->m, lines = tile_min(t->m, w->result_height - top);
            float *to = w->result + ((b->image + i) * w->results + r) * plane + top * w->result_width + left;
            t->transform[WINOGRAD_OUTPUT](&q);
            for (int64_t y = 0; y < lines; y++)
                t->loops->scatter(to + y * w->result_width, plane, staged + y * q.to_row,
                                  tile_min(lanes, w->results - r), columns, w->bias ? w->bias + r : NULL);
        }
}

/* The block's results of the channels from r on are there. */
static void finish(const struct winograd *w, const struct block *b, int64_t r)
{
    const struct epilogue *e = w->p->epilogue;
    const int64_t top = b->row * w->t.m, left = b->column * w->t.m, end = tile_min(w->results, r + w->rb);
    const int64_t height = tile_min(b->rows * w->t.m, w->result_height - top),
                  width = tile_min(b->columns * w->t.m, w->result_width - left);
    const int64_t whole = width == w->result_width, lines = whole ? 1 : height;
    for (int64_t i = b->image; e && i < b->image + b->images; i++)
        for (int64_t c = r; c < end; c++)
            for (int64_t y = 0; y < lines; y++)
                e->run(e, ((i * w->results + c) * w->result_height + top + y) * w->result_width + left,
                       whole ? height * width : width);
}

static void run_unit(void *arg, int64_t unit, int thread)
{
    const struct winograd *w = arg;
    const int64_t parts = tile_blocks(w->rblocks, w->each), first = unit % parts * w->each * w->rb;
    const int64_t end = tile_min(w->results, first + w->each * w->rb);
    char *buffer = w->buffers + (size_t)thread * w->buffer;
    float *staged = (float *)(void *)buffer, *tiles = (float *)(void *)(buffer + w->staged),
          *products = (float *)(void *)(buffer + w->staged + w->transformed);
    struct block b = tiles_block(&w->t, w->p->batch, unit / parts);
    transform_source(w, &b, staged, tiles);
    for (int64_t r = first; r < end; r += w->rb) {
        multiply(w, &b, r, tiles, products);
        for (int64_t c = r; c < tile_min(end, r + w->rb); c += w->t.loops->lanes)
            write_results(w, &b, c, products + c - r, staged);
        finish(w, &b, r);
    }
}

/* ---- The entry ---- */

static void correlate(struct device *d, struct winograd *w)
{
    const struct conv *p = w->p;
    const int forward = p->kind == CONV_FORWARD;
    const int64_t tiles = w->t.images * w->t.high * w->t.wide, lanes = w->t.loops->lanes;
    char *memory = place_host(p->workspace);
    w->row = (int32_t *)(void *)memory;
    w->at = w->row + tiles;
    memory += conv_align((size_t)(tiles + WINOGRAD_DEPTH) * sizeof(int32_t));
    w->filters = (float *)(void *)memory;
    w->buffers = memory + tiles_bytes(w->t.points * w->channels * tile_round(w->results, lanes));
    w->source = view_host(forward ? &p->x : &p->z);
    w->result = view_host(forward ? &p->z : &p->x);
    w->filter = view_host(&p->w);
    w->bias = forward && p->bias ? view_host(p->bias) : NULL;
    for (int64_t i = 0; i < tiles; i++)
        w->row[i] = (int32_t)(i * w->pitch);
    for (int64_t k = 0; k < WINOGRAD_DEPTH; k++)
        w->at[k] = (int32_t)k;
    cpu_parallel(d, tile_blocks(w->results, lanes) * tile_blocks(w->channels, FILTER_CHANNELS), filter_task, w);
    cpu_parallel(d, w->units, run_unit, w);
}

size_t conv_winograd(struct device *d, const struct conv *p, int64_t m, int run)
{
    struct winograd w;
    split(&w, d, p, m);
    if (run)
        correlate(d, &w);
    return conv_align((size_t)(w.t.images * w.t.high * w.t.wide + WINOGRAD_DEPTH) * sizeof(int32_t)) +
           tiles_bytes(w.t.points * w.channels * tile_round(w.results, w.t.loops->lanes)) +
           (size_t)cpu_threads(d) * w.buffer;
}
