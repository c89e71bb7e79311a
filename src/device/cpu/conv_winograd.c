/* conv_winograd.c - convolution forward and the gradient of its input by Winograd's minimal filtering, for 3x3 filters
 * that move by 1.  The input gradient is the same with the filters turned, and with `in` and `out` exchanged.
 *
 * The filters are transformed once, to [group][block of results' channels][point][panel of vectors][channel][lane].  A
 * unit is a block of tiles, and some blocks of result channels of a group: it transforms the source, multiplies,
 * transforms back, and writes.  No sum is split between units. */
#include "device/cpu/conv_winograd.h"
#include "device/cpu/half.h"

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
    int64_t channels, results;         /* of the source and of the result, in a group */
    int64_t rb, rblocks, each, units;  /* result channels of a block; how many blocks of them a unit does */
    int64_t pitch, part;               /* of a transformed tile's channels; of a point */
    int64_t result_pitch, result_part; /* of the products */
    int64_t group_filters;             /* elements of a group's transformed filters */
    const void *source, *filter;
    void *result;
    const float *bias; /* of 16 bits: widened */
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
    w->channels = (forward ? p->in : p->out) / p->groups;
    w->results = (forward ? p->out : p->in) / p->groups;
    w->source_height = forward ? p->height : p->out_height;
    w->source_width = forward ? p->width : p->out_width;
    w->result_height = forward ? p->out_height : p->height;
    w->result_width = forward ? p->out_width : p->width;
    const int64_t most = tile_max(LEAST_TILES, tile_min(TILES, BLOCK_CHANNELS / w->channels));
    w->t = tiles_of(p, m, w->result_height, w->result_width, m == 4 ? most : 2 * most);
    const int64_t lanes = w->t.loops->lanes, tiles = w->t.images * w->t.high * w->t.wide, wanted = conv_tasks(d);
    const int64_t blocks = p->groups * w->t.blocks;
    w->rb = tile_round(tile_even(w->results, BLOCK_RESULTS, lanes), lanes);
    while (blocks * tile_blocks(w->results, w->rb) < wanted && w->rb >= 2 * LEAST_RESULTS)
        w->rb = tile_round(w->rb / 2, lanes);
    w->rblocks = w->each = tile_blocks(w->results, w->rb);
    while (w->each > 1 && blocks * tile_blocks(w->rblocks, w->each) < wanted)
        w->each = tile_blocks(w->each, 2);
    w->units = blocks * tile_blocks(w->rblocks, w->each);
    w->pitch = tiles_pitch(w->channels, lanes);
    w->part = (tiles * w->pitch / lanes | 1) * lanes;
    w->result_pitch = tiles_pitch(w->rb, lanes);
    w->result_part = (tiles * w->result_pitch / lanes | 1) * lanes;
    w->group_filters = w->t.points * w->channels * tile_round(w->results, lanes);
    w->staged = tiles_bytes(tile_max(tiles_staged(&w->t), FILTER_CHANNELS * 9 * lanes));
    w->transformed = tiles_bytes(w->t.points * w->part);
    w->buffer = w->staged + w->transformed + tiles_bytes(w->t.points * w->result_part);
}

/* ---- Filters ---- */

/* Where the filters of a vector of a group's results begin: their first point's first channel; and the elements
 * between points and between channels. */
static float *filters_at(const struct winograd *w, int64_t group, int64_t vector, int64_t *part, int64_t *step)
{
    const int64_t lanes = w->t.loops->lanes, first = vector * lanes / w->rb * w->rb;
    const int64_t vectors = tile_blocks(tile_min(w->rb, w->results - first), lanes);
    int64_t v = vector - first / lanes, panel = 0;
    while (v >= panel + tiles_panel(vectors - panel))
        panel += tiles_panel(vectors - panel);
    *part = vectors * lanes * w->channels;
    *step = tiles_panel(vectors - panel) * lanes;
    return w->filters + group * w->group_filters + (first * w->t.points + panel * lanes) * w->channels +
           (v - panel) * lanes;
}

/* Some channels' filters of a vector of results, to [channel][tap][result]. */
static void pack_filters(const struct winograd *w, int64_t group, int64_t r, int64_t c, int64_t channels,
                         float *to)
{
    const int64_t lanes = w->t.loops->lanes, rows = tile_min(lanes, w->results - r);
    const gradc_dtype dtype = w->p->dtype;
    const void *filter = tile_at(w->filter, group * w->channels * w->results * 9, w->t.size);
    if (w->p->kind == CONV_FORWARD) {
        half_pack(w->t.set, dtype, to, lanes, lanes, tile_at(filter, (r * w->channels + c) * 9, w->t.size),
                  w->channels * 9, 1, rows, channels * 9);
        return;
    }
    for (int64_t i = 0; i < channels; i++) { /* whose filters of all results lie side by side */
        const void *from = tile_at(filter, ((c + i) * w->results + r) * 9, w->t.size);
        float widened[WINOGRAD_LANES * 9];
        if (dtype_is_half(dtype)) {
            half_widen(dtype, rows * 9, from, 1, widened);
            from = widened;
        }
        w->t.set->pack(to + i * 9 * lanes, lanes, lanes, from, 9, 1, rows, 9);
    }
}

static void filter_task(void *arg, int64_t task, int thread)
{
    const struct winograd *w = arg;
    const int64_t lanes = w->t.loops->lanes, chunks = tile_blocks(w->channels, FILTER_CHANNELS);
    const int64_t vectors = tile_blocks(w->results, lanes), group = task / (vectors * chunks);
    const int64_t vector = task / chunks % vectors, c = task % chunks * FILTER_CHANNELS;
    const int64_t channels = tile_min(FILTER_CHANNELS, w->channels - c);
    float *staged = (float *)(void *)(w->buffers + (size_t)thread * w->buffer);
    struct squares q = {.count = channels, .from_row = 3 * lanes, .from_column = lanes, .from_step = 9 * lanes};
    q.from = staged;
    pack_filters(w, group, vector * lanes, c, channels, staged);
    if (w->p->kind != CONV_FORWARD) { /* turned */
        q.from += 8 * lanes;
        q.from_row = -q.from_row;
        q.from_column = -lanes;
    }
    q.to = filters_at(w, group, vector, &q.to_column, &q.to_step);
    q.to += c * q.to_step;
    q.to_row = w->t.n * q.to_column;
    w->t.transform[WINOGRAD_FILTER](&q);
}

/* ---- Units ---- */

static void transform_source(const struct winograd *w, const struct block *b, int64_t group, float *staged,
                             float *to)
{
    const struct conv *p = w->p;
    const int forward = p->kind == CONV_FORWARD;
    const int64_t plane = w->source_height * w->source_width, lanes = w->t.loops->lanes;
    struct source s = {.height = w->source_height, .width = w->source_width};
    s.image = p->groups * w->channels * plane;
    s.top = forward ? -p->padding_h : p->padding_h - 2;
    s.left = forward ? -p->padding_w : p->padding_w - 2;
    s.kind = WINOGRAD_INPUT;
    for (int64_t c = 0; c < w->channels; c += lanes) {
        s.from = tile_at(w->source, (group * w->channels + c) * plane, w->t.size);
        s.channels = tile_min(lanes, w->channels - c);
        tiles_transform(&w->t, b, &s, staged, to + c, w->part, w->pitch);
    }
}

/* The products of all points of a block of tiles with the group's result channels from r on. */
static void multiply(const struct winograd *w, const struct block *b, int64_t group, int64_t r,
                     const float *tiles, float *to)
{
    const int64_t lanes = w->t.loops->lanes, depth = tile_even(w->channels, WINOGRAD_DEPTH, 8);
    const int64_t vectors = tile_blocks(tile_min(w->rb, w->results - r), lanes);
    const float *filter = w->filters + group * w->group_filters + r * w->t.points * w->channels;
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

/* The results of a vector of the group's channels from r on, from their products. */
static void write_results(const struct winograd *w, const struct block *b, int64_t group, int64_t r,
                          const float *from, float *staged)
{
    const struct tiles *t = &w->t;
    const int64_t lanes = t->loops->lanes, plane = w->result_height * w->result_width, left = b->column * t->m;
    const int64_t columns = tile_min(b->columns * t->m, w->result_width - left);
    const int64_t first = group * w->results + r, image = w->p->groups * w->results; /* of an image's channels */
    const float *bias = w->bias ? w->bias + first : NULL;
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
            const int64_t to = ((b->image + i) * image + first) * plane + top * w->result_width + left;
            t->transform[WINOGRAD_OUTPUT](&q);
            for (int64_t y = 0; y < lines; y++)
                t->loops->scatter[t->dtype](tile_at(w->result, to + y * w->result_width, t->size), plane,
                                            staged + y * q.to_row, tile_min(lanes, w->results - r), columns,
                                            bias);
        }
}

/* The block's results of the group's channels from r on are there. */
static void finish(const struct winograd *w, const struct block *b, int64_t group, int64_t r)
{
    const struct epilogue *e = w->p->epilogue;
    const int64_t top = b->row * w->t.m, left = b->column * w->t.m, end = tile_min(w->results, r + w->rb);
    const int64_t height = tile_min(b->rows * w->t.m, w->result_height - top),
                  width = tile_min(b->columns * w->t.m, w->result_width - left);
    const int64_t whole = width == w->result_width, lines = whole ? 1 : height;
    for (int64_t i = b->image; e && i < b->image + b->images; i++)
        for (int64_t c = r; c < end; c++) {
            const int64_t line = ((i * w->p->groups + group) * w->results + c) * w->result_height + top;
            for (int64_t y = 0; y < lines; y++)
                e->run(e, (line + y) * w->result_width + left, whole ? height * width : width);
        }
}

static void run_unit(void *arg, int64_t unit, int thread)
{
    const struct winograd *w = arg;
    const int64_t parts = tile_blocks(w->rblocks, w->each), first = unit % parts * w->each * w->rb;
    const int64_t group = unit / parts / w->t.blocks; /* the last axis: its filters stay in a cache */
    const int64_t end = tile_min(w->results, first + w->each * w->rb);
    char *buffer = w->buffers + (size_t)thread * w->buffer;
    float *staged = (float *)(void *)buffer, *tiles = (float *)(void *)(buffer + w->staged),
          *products = (float *)(void *)(buffer + w->staged + w->transformed);
    struct block b = tiles_block(&w->t, w->p->batch, unit / parts % w->t.blocks);
    transform_source(w, &b, group, staged, tiles);
    for (int64_t r = first; r < end; r += w->rb) {
        multiply(w, &b, group, r, tiles, products);
        for (int64_t c = r; c < tile_min(end, r + w->rb); c += w->t.loops->lanes)
            write_results(w, &b, group, c, products + c - r, staged);
        finish(w, &b, group, r);
    }
}

/* ---- The entry ---- */

static void fill_tables(const struct winograd *w, int64_t tiles)
{
    for (int64_t i = 0; i < tiles; i++)
        w->row[i] = (int32_t)(i * w->pitch);
    for (int64_t k = 0; k < WINOGRAD_DEPTH; k++)
        w->at[k] = (int32_t)k;
}

/* run 0: only the bytes. */
static size_t correlate(struct device *d, struct winograd *w, int run)
{
    const struct conv *p = w->p;
    const int forward = p->kind == CONV_FORWARD, wide = forward && p->bias && dtype_is_half(p->dtype);
    const int64_t tiles = w->t.images * w->t.high * w->t.wide, lanes = w->t.loops->lanes;
    const size_t table = conv_align((size_t)(tiles + WINOGRAD_DEPTH) * sizeof(int32_t));
    const size_t filters = tiles_bytes(p->groups * w->group_filters), bias = wide ? tiles_bytes(p->out) : 0;
    if (run) {
        char *memory = place_host(p->workspace);
        w->row = (int32_t *)(void *)memory;
        w->at = w->row + tiles;
        w->filters = (float *)(void *)(memory + table);
        w->bias = forward && p->bias ? view_host(p->bias) : NULL;
        if (wide) {
            float *widened = (float *)(void *)(memory + table + filters);
            half_widen(p->dtype, p->out, view_host(p->bias), 1, widened);
            w->bias = widened;
        }
        w->buffers = memory + table + filters + bias;
        w->source = view_host(forward ? &p->x : &p->z);
        w->result = view_host(forward ? &p->z : &p->x);
        w->filter = view_host(&p->w);
        fill_tables(w, tiles);
        const int64_t chunks = tile_blocks(w->channels, FILTER_CHANNELS);
        cpu_parallel(d, p->groups * tile_blocks(w->results, lanes) * chunks, filter_task, w);
        cpu_parallel(d, w->units, run_unit, w);
    }
    return table + filters + bias + (size_t)cpu_threads(d) * w->buffer;
}

size_t conv_winograd(struct device *d, const struct conv *p, int64_t m, int run)
{
    struct winograd w;
    split(&w, d, p, m);
    return correlate(d, &w, run);
}
