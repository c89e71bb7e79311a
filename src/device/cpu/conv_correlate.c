/* conv_correlate.c - convolution forward, and the gradient of its input, which is a correlation too.
 *
 * z[n, g, i, r] = bias[g, i] + sum over channels c and taps t of w[g, i, c, t] * x[n, g, c, pixel(r, t)].
 * Forward: i is an output channel, c an input channel.  Input gradient: i is an input channel, c an output channel,
 * and the inputs of each phase of the stride are a correlation of their own, with those taps that hit them.
 *
 * The filters are packed once.  Then each unit (image, group, tile of results, block of i) stages channels, a block of
 * them at a time, and multiplies; the pixels of one tap that moves by one are read where they lie.  No sum is split
 * between units. */
#include "device/cpu/conv_axis.h"
#include "device/cpu/half.h"

enum {
    STAGE_BYTES = 160 * 1024,  /* of staged planes: half of a second cache */
    WINDOW_BYTES = 24 * 1024,  /* what the pixels under one tile of results may take of the first cache */
    FILTER_BYTES = 160 * 1024, /* of packed filters that a tile is multiplied with in one go */
    RESULT_BYTES = 1 << 20,    /* of a tile's results for all rows i, if they are rounded to 16 bits */
    CHANNEL_TAPS = 1024,       /* most k of a block of channels, if it has more than one */
    MOST_COLUMNS = 256,        /* of a tile */
    LEAST_RESULTS = 64,        /* of a tile that is cut only to make more tasks */
    LEAST_ROWS = 32,           /* of i likewise */
    PACK_GRAIN = 8192,         /* filter elements that pay for a task */
    TASK_WORK = 1 << 18,       /* multiply-adds that pay for a task */
    STREAM_BYTES = 16 << 20    /* of results that no cache would keep for who reads them */
};

struct correlation {
    const struct conv *p;
    const struct tile_set *set;
    size_t size, stored; /* of an element in buffers, and in memory */
    int half;            /* the latter have 16 bits */
    struct axis y, x;
    int dense, direct, stream;
    struct planes planes;
    int64_t m, channels, taps; /* of a group; taps of one channel */
    int64_t cb, mb, blocks;    /* channels staged at a time; rows i of a unit, and how many units they make */
    int64_t tasks;             /* wanted where the work allows it */
    int64_t units, grain;
    const void *source, *filter, *bias;
    void *result;
    int64_t filter_row, filter_channel; /* elements of w between i and between c */
    int64_t result_height, result_width;
    int32_t *offset; /* [cb * taps] */
    char *packed, *buffers;
    size_t staged, widened; /* bytes for each thread: planes; half: a channel of the source */
    size_t buffer;          /* both, and half: a tile's results */
    float *wide_bias;       /* half */
};

/* Where results go: in memory, or, of 16 bits, to a tile of f32 first.  Row i begins i * size elements behind, and
 * line r of its pixels r * line; pixels are `step` apart. */
struct target {
    char *at;
    int64_t size, line, step;
};

/* ---- The split ---- */

/* Whether dense planes pay: rows would leave lanes idle, and there are enough rows i to earn the staging.  The results
 * must follow each other without a gap, too. */
static int is_dense(const struct correlation *w)
{
    const int64_t columns = w->x.results;
    return w->x.spread == 1 && w->y.spread == 1 && w->x.tile == columns && w->m >= 2 * TILE_ROWS &&
           w->x.taps > 0 && w->x.taps <= 8 && tile_round(columns, w->set->lanes) * 16 > columns * 17;
}

static void split_channels(struct correlation *w)
{
    if (w->direct) {
        w->cb = w->channels;
        return;
    }
    const int64_t columns = w->set->lanes * TILE_VECTORS, taps = w->y.taps;
    int64_t window = (columns + w->x.halo) * taps; /* elements of a channel under the three vectors of a tile */
    if (w->dense)
        window = tile_min(columns * taps, columns + (taps - 1) * w->x.tile) * w->x.taps;
    int64_t most =
        tile_min(WINDOW_BYTES / tile_max(1, window * (int64_t)w->size), CHANNEL_TAPS / tile_max(w->taps, 1));
    w->cb = tile_even(w->channels, tile_max(1, most), 1);
}

static void split_tiles(struct correlation *w)
{
    const int64_t line =
        w->dense ? w->x.tile * w->x.taps : (tile_round(w->x.tile, w->set->lanes) + w->x.halo) * w->x.phases;
    int64_t rows = STAGE_BYTES / (w->cb * line * w->y.phases * (int64_t)w->size) - w->y.halo;
    if (w->half)
        rows = tile_min(rows, RESULT_BYTES / tile_max(1, w->m * w->x.tile * (int64_t)w->size));
    w->y.tile = tile_even(w->y.results, tile_max(1, rows), 1);
    w->mb = w->m;
    w->blocks = 1;
    int64_t images = w->p->batch * w->p->groups * tile_blocks(w->x.results, w->x.tile);
    while (images * tile_blocks(w->y.results, w->y.tile) < w->tasks &&
           w->y.tile * w->x.tile >= 2 * LEAST_RESULTS && w->y.tile > 1)
        w->y.tile = tile_blocks(w->y.tile, 2);
    w->y.tiles = tile_blocks(w->y.results, w->y.tile);
    w->x.tiles = tile_blocks(w->x.results, w->x.tile);
    images *= w->y.tiles;
    while (images * w->blocks < w->tasks && w->mb >= 2 * LEAST_ROWS) {
        w->mb = tile_round(tile_blocks(w->mb, 2), w->set->rows);
        w->blocks = tile_blocks(w->m, w->mb);
    }
    w->units = images * w->blocks;
    double work = (double)w->y.tile * (double)w->x.tile * (double)w->mb * (double)(w->channels * w->taps);
    w->grain = work < TASK_WORK ? (int64_t)(TASK_WORK / (work + 1)) + 1 : 1;
    w->grain = tile_min(w->grain, tile_max(1, w->units / w->tasks));
}

/* Fills w for the results (first_h, first_w), which count for the input gradient only.  A cut for more tasks makes a
 * unit smaller, and stages channels once more; it changes no bit. */
static void split(struct correlation *w, struct device *d, const struct conv *p, int64_t first_h, int64_t first_w)
{
    const int forward = p->kind == CONV_FORWARD;
    *w = (struct correlation){
        .p = p, .set = tile_set(p->dtype), .size = conv_size(p), .stored = gradc_dtype_size(p->dtype)};
    w->half = dtype_is_half(p->dtype);
    w->tasks = conv_tasks(d);
    const int64_t in = p->in / p->groups, out = p->out / p->groups, filter = p->kh * p->kw;
    w->m = forward ? out : in;
    w->channels = forward ? in : out;
    w->filter_row = forward ? in * filter : filter;
    w->filter_channel = forward ? filter : in * filter;
    w->result_height = forward ? p->out_height : p->height;
    w->result_width = forward ? p->out_width : p->width;
    if (forward) {
        w->y = axis_forward(p->out_height, p->height, p->kh, p->stride_h, p->padding_h, p->dilation_h);
        w->x = axis_forward(p->out_width, p->width, p->kw, p->stride_w, p->padding_w, p->dilation_w);
    } else {
        w->y = axis_input(first_h, p->height, p->out_height, p->kh, p->stride_h, p->padding_h, p->dilation_h);
        w->x = axis_input(first_w, p->width, p->out_width, p->kw, p->stride_w, p->padding_w, p->dilation_w);
    }
    w->taps = w->y.taps * w->x.taps;
    w->x.tile = tile_even(w->x.results, MOST_COLUMNS, w->set->lanes);
    w->dense = is_dense(w);
    w->direct = !w->half && conv_is_direct(&w->y, &w->x) &&
                w->x.results >= w->set->lanes && /* its last vector ends with it */
                w->channels <= CHANNEL_TAPS;
    split_channels(w);
    split_tiles(w);
    w->planes = planes_of(&w->y, &w->x, w->set->lanes, w->dense);
    if (w->direct)
        w->planes.channel = w->x.source;
    else
        w->staged = conv_align((size_t)(w->cb * w->planes.channel + 2 * w->set->lanes) * w->size);
    w->widened = w->half ? conv_align((size_t)(w->y.source * w->x.source) * w->size) : 0;
    w->buffer = w->staged + w->widened;
    if (w->half)
        w->buffer += conv_align((size_t)(w->mb * w->y.tile * w->x.tile) * w->size);
}

/* ---- Filters ---- */

/* A panel of mr rows for some channels: [channel, tap][row].  `from` is its first row's first channel. */
static void pack_panel(const struct correlation *w, char *to, const void *from, int64_t mr, int64_t channels)
{
    const struct conv *p = w->p;
    const int whole = w->taps == p->kh * p->kw; /* all taps: they follow each other as in w */
    if (whole && w->filter_channel == w->taps) {
        half_pack(w->set, p->dtype, to, mr, mr, from, w->filter_row, 1, mr, channels * w->taps);
        return;
    }
    const int64_t lines = whole ? 1 : w->y.taps, columns = whole ? w->taps : w->x.taps;
    for (int64_t c = 0; c < channels; c++)
        for (int64_t ty = 0; ty < lines; ty++, to += columns * mr * (int64_t)w->size) {
            int64_t tap = whole ? 0 : (w->y.tap + ty * w->y.tap_step) * p->kw + w->x.tap;
            half_pack(w->set, p->dtype, to, mr, mr, tile_at(from, c * w->filter_channel + tap, w->stored),
                      w->filter_row, whole ? 1 : w->x.tap_step, mr, columns);
        }
}

/* Rows of a group that a task packs. */
static int64_t pack_rows(const struct correlation *w)
{
    return tile_round(tile_max(1, PACK_GRAIN / tile_max(1, w->channels * w->taps)), w->set->rows);
}

/* Packs filters of a group: [block of channels][panel of rows][channel, tap][row of the panel]. */
static void pack_task(void *arg, int64_t task, int thread)
{
    const struct correlation *w = arg;
    const int64_t part = pack_rows(w), parts = tile_blocks(w->m, part), group = task / parts,
                  first = task % parts * part;
    const int64_t end = tile_min(w->m, first + part), all = w->m * w->channels;
    const void *filter = tile_at(w->filter, group * all * w->p->kh * w->p->kw, w->stored);
    (void)thread;
    for (int64_t c = 0; c < w->channels; c += w->cb)
        for (int64_t i = first; i < end; i += w->set->rows) {
            const int64_t channels = tile_min(w->cb, w->channels - c);
            pack_panel(w, tile_at(w->packed, (group * all + c * w->m + i * channels) * w->taps, w->size),
                       tile_at(filter, i * w->filter_row + c * w->filter_channel, w->stored),
                       tile_min(w->set->rows, w->m - i), channels);
        }
}

/* Where the pixels of each tap of a block of channels are. */
static void fill_offsets(const struct correlation *w)
{
    int32_t *offset = w->offset;
    for (int64_t c = 0; c < w->cb; c++)
        for (int64_t ty = 0; ty < w->y.taps; ty++)
            for (int64_t tx = 0; tx < w->x.taps; tx++)
                *offset++ = (int32_t)(c * w->planes.channel + planes_tap(&w->planes, &w->y, &w->x, ty, tx));
}

/* ---- Units ---- */

struct unit {
    int64_t image, group, row, column, rows, columns, i, m; /* its tile of results, its block of i */
};

static struct unit find_unit(const struct correlation *w, int64_t index)
{
    struct unit u;
    u.i = index % w->blocks * w->mb;
    index /= w->blocks;
    u.column = index % w->x.tiles * w->x.tile;
    index /= w->x.tiles;
    u.row = index % w->y.tiles * w->y.tile;
    index /= w->y.tiles;
    u.group = index % w->p->groups;
    u.image = index / w->p->groups;
    u.m = tile_min(w->mb, w->m - u.i);
    u.rows = tile_min(w->y.tile, w->y.results - u.row);
    u.columns = tile_min(w->x.tile, w->x.results - u.column);
    return u;
}

/* Results of t->m rows of i, from `result` on, for all pixels of the tile: three vectors of pixels at a time. */
static void multiply(const struct correlation *w, const struct unit *u, struct tile *t, const void *pixels,
                     const struct target *z, int64_t i)
{
    const int64_t lanes = w->set->lanes, rows = w->dense ? 1 : u->rows;
    const int64_t columns = w->dense ? u->rows * u->columns : u->columns, line = tile_blocks(columns, lanes);
    /* A row's last vector ends with the row: some pixels are computed twice, to the same bits, unless it adds. */
    const int64_t last = w->channels <= w->cb && columns > lanes ? columns - lanes : columns;
    int64_t r = 0, l = 0;
    for (int64_t left = rows * line; left > 0; left -= t->vectors) {
        t->vectors = (int32_t)(left == TILE_VECTORS + 1 ? 2 : tile_min(left, TILE_VECTORS));
        for (int32_t v = 0; v < t->vectors; v++) {
            int64_t column = tile_min(l * lanes, last);
            t->b[v] = tile_at(pixels, r * w->planes.pitch + column, w->size);
            t->c[v] = tile_at(z->at, i * z->size + r * z->line + column * z->step, w->size);
            t->init[v] = t->init_row ? t->c[v] : NULL;
            t->width[v] = (int32_t)tile_min(lanes, columns - column);
            if (++l == line) {
                l = 0;
                r++;
            }
        }
        w->set->tile(t);
    }
}

/* The same for one filter of one channel. */
static void filter_plane(const struct correlation *w, const struct unit *u, const struct tile *t,
                         const void *pixels, const struct target *z)
{
    struct filter q = {.rows = u->rows, .columns = u->columns, .k = t->k, .a = t->a, .x = pixels};
    q.bias = t->row_bias;
    q.offset = t->offset;
    q.x_row = w->planes.pitch;
    q.z = z->at;
    q.z_row = z->line;
    q.z_step = z->step;
    w->set->filter(&q);
}

/* Where the unit's results are in memory. */
static struct target target_of(const struct correlation *w, const struct unit *u)
{
    const int64_t y = w->y.first + u->row * w->y.spread, x = w->x.first + u->column * w->x.spread;
    const int64_t plane = (u->image * w->p->groups + u->group) * w->m + u->i;
    struct target z = {.size = w->result_height * w->result_width, .line = w->y.spread * w->result_width};
    z.at = tile_at(w->result, plane * z.size + y * w->result_width + x, w->stored);
    z.step = w->x.spread;
    return z;
}

static void stage(const struct correlation *w, const struct unit *u, int64_t channels, const void *source,
                  char *staged)
{
    if (w->half)
        planes_stage_half(&w->planes, w->set, &w->y, &w->x, u->row, u->column, channels, source, staged,
                          w->p->dtype, (float *)(void *)(staged + w->staged));
    else
        planes_stage(&w->planes, w->set, &w->y, &w->x, u->row, u->column, channels, source, staged);
}

static void run_unit(const struct correlation *w, const struct unit *u, char *staged, const struct target *z)
{
    const struct conv *p = w->p;
    const int64_t source_size = w->y.source * w->x.source;
    const int64_t first = u->group * w->m + u->i; /* of all rows i of an image */
    const void *source =
        tile_at(w->source, (u->image * p->groups + u->group) * w->channels * source_size, w->stored);
    for (int64_t c = 0; c == 0 || c < w->channels; c += w->cb) {
        const int64_t channels = tile_min(w->cb, w->channels - c), k = channels * w->taps;
        const void *filter =
            tile_at(w->packed, (u->group * w->channels + c) * w->taps * w->m + u->i * k, w->size);
        const void *pixels = tile_at(source, c * source_size + u->column, w->stored);
        if (!w->direct) {
            stage(w, u, channels, tile_at(source, c * source_size, w->stored), staged);
            pixels = staged;
        }
        const int64_t most = tile_max(w->set->rows, FILTER_BYTES / (tile_max(k, 1) * (int64_t)w->size));
        const int64_t part = tile_round(tile_even(u->m, most, w->set->rows), w->set->rows);
        for (int64_t i = 0; i < u->m; i += part) {
            struct tile t = {.m = tile_min(part, u->m - i), .k = k, .offset = w->offset, .c_row = z->size};
            t.a = tile_at(filter, i * k, w->size);
            t.c_step = t.init_step = z->step;
            t.stream = w->stream;
            t.init_row = c > 0 ? z->size : 0;
            t.row_bias = c == 0 && w->bias ? tile_at(w->bias, first + i, w->size) : NULL;
            if (w->m == 1 && w->channels == 1 && !w->direct)
                filter_plane(w, u, &t, pixels, z);
            else
                multiply(w, u, &t, pixels, z, i);
        }
    }
}

/* The same, of 16 bits: to a tile of f32, then rounded. */
static void run_rounded(const struct correlation *w, const struct unit *u, char *buffer)
{
    const struct target to = target_of(w, u);
    struct target z = {buffer + w->staged + w->widened, u->rows * u->columns, u->columns, 1};
    run_unit(w, u, buffer, &z);
    for (int64_t i = 0; i < u->m; i++)
        for (int64_t r = 0; r < u->rows; r++)
            half_scatter(w->p->dtype, u->columns, tile_at(z.at, i * z.size + r * z.line, w->size),
                         tile_at(to.at, i * to.size + r * to.line, w->stored), to.step);
}

/* Whether the results of a unit's rows lie side by side, so that the epilogue can follow at once. */
static int is_flat(const struct conv *p)
{
    return p->kind == CONV_FORWARD || (p->stride_h == 1 && p->stride_w == 1);
}

/* The unit's results are there. */
static void finish_unit(const struct correlation *w, const struct unit *u)
{
    const struct epilogue *e = w->p->epilogue;
    const int64_t whole = u->columns == w->result_width, lines = whole ? 1 : u->rows;
    const int64_t plane = (u->image * w->p->groups + u->group) * w->m + u->i;
    for (int64_t i = 0; i < u->m; i++)
        for (int64_t r = 0; r < lines; r++)
            e->run(e, ((plane + i) * w->result_height + u->row + r) * w->result_width + u->column,
                   whole ? u->rows * u->columns : u->columns);
}

static void run_task(void *arg, int64_t task, int thread)
{
    const struct correlation *w = arg;
    const int64_t end = tile_min(w->units, (task + 1) * w->grain);
    for (int64_t index = task * w->grain; index < end; index++) {
        struct unit u = find_unit(w, index);
        char *buffer = w->buffers + (size_t)thread * w->buffer;
        struct target z = target_of(w, &u);
        if (w->half)
            run_rounded(w, &u, buffer);
        else
            run_unit(w, &u, buffer, &z);
        if (w->p->epilogue && is_flat(w->p))
            finish_unit(w, &u);
    }
    if (w->stream)
        w->set->fence();
}

/* ---- The entry ---- */

/* Whether results go past the caches: many, of one sum each, that no epilogue reads, in aligned lines. */
static int streams(const struct correlation *w)
{
    const struct conv *p = w->p;
    const int64_t plane = w->result_height * w->result_width, lanes = w->set->lanes;
    return !w->half && w->channels <= w->cb && !p->epilogue && w->x.spread == 1 && w->y.spread == 1 &&
           plane % lanes == 0 && w->result_width % lanes == 0 &&
           (uintptr_t)w->result % ((size_t)lanes * w->size) == 0 &&
           (double)(p->batch * p->groups * w->m) * (double)plane * (double)w->size >= STREAM_BYTES;
}

static void correlate(struct device *d, struct correlation *w)
{
    const struct conv *p = w->p;
    const int forward = p->kind == CONV_FORWARD;
    char *memory = place_host(p->workspace);
    w->offset = (int32_t *)(void *)memory;
    w->packed = memory + conv_align((size_t)(w->cb * w->taps) * sizeof *w->offset);
    w->buffers = w->packed + conv_align((size_t)(p->groups * w->m * w->channels * w->taps) * w->size);
    w->source = view_host(forward ? &p->x : &p->z);
    w->result = view_host(forward ? &p->z : &p->x);
    w->filter = view_host(&p->w);
    w->bias = forward && p->bias ? view_host(p->bias) : NULL;
    w->stream = streams(w);
    if (w->half && w->bias) {
        w->wide_bias = (float *)(void *)(w->buffers + (size_t)cpu_threads(d) * w->buffer);
        half_widen(p->dtype, p->out, w->bias, 1, w->wide_bias);
        w->bias = w->wide_bias;
    }
    fill_offsets(w);
    if (w->taps)
        cpu_parallel(d, p->groups * tile_blocks(w->m, pack_rows(w)), pack_task, w);
    cpu_parallel(d, cpu_tasks(w->units, w->grain), run_task, w);
}

size_t conv_correlate(struct device *d, const struct conv *p, int run)
{
    const int64_t phases_h = p->kind == CONV_FORWARD ? 1 : tile_min(p->stride_h, p->height);
    const int64_t phases_w = p->kind == CONV_FORWARD ? 1 : tile_min(p->stride_w, p->width);
    size_t most = 0;
    for (int64_t h = 0; h < phases_h; h++)
        for (int64_t x = 0; x < phases_w; x++) {
            struct correlation w;
            split(&w, d, p, h, x);
            if (w.units == 0)
                continue;
            size_t bytes = conv_align((size_t)(w.cb * w.taps) * sizeof(int32_t));
            bytes += conv_align((size_t)(p->groups * w.m * w.channels * w.taps) * w.size);
            bytes += (size_t)cpu_threads(d) * w.buffer;
            bytes += w.half && p->bias ? (size_t)p->out * w.size : 0;
            most = bytes > most ? bytes : most;
            if (run)
                correlate(d, &w);
        }
    if (run && !is_flat(p)) /* units lie interleaved */
        cpu_epilogue(d, p->epilogue, p->batch * p->in * p->height * p->width);
    return most;
}
