/* conv_weight.c - the gradient of a convolution's filters.
 *
 * dw[g, o, c, t] = sum over images n and results r of dz[n, g, o, r] * x[n, g, c, pixel(r, t)].
 *
 * The sum over images and tiles of results is cut into parts, as many as the shape says; a unit is one part for one
 * block of (group, channels, outputs).  For each tile a unit stages its channels (the pixels of one tap that moves by
 * one are read where they lie), packs dz with the outputs side by side, and adds the product to its own partial result
 * [channel, tap][output] in the workspace.  The parts are then added in their order.  Groups with few outputs would
 * leave most lanes idle, and few channels and taps not earn the packing: they sum over lanes of pixels.
 *
 * db, where it is wanted, is one more row of the result: the units of the first channels multiply dz with a plane of
 * ones, too. */
#include "device/cpu/conv_axis.h"

#include <string.h>

#include "device/cpu/half.h"

enum {
    TILE_RESULTS = 256,       /* of a tile: packed dz of 24 outputs fits the first cache */
    STAGE_BYTES = 128 * 1024, /* of staged planes */
    OUTPUT_PANELS = 6,        /* most panels of outputs in a block: packed dz stays in the second cache */
    PARTS = 32,               /* of the sum, where there are few blocks */
    DOT_OUTPUTS = 2,          /* outputs of a group up to which lanes are pixels, */
    DOT_ROWS = 36,            /* or channels times taps, up to which packing dz is not earned, */
    DOT_COLUMNS = 64,         /* in long lines */
    DOT_RESULTS = 8192,       /* of a tile there, at whose end the lanes are added up */
    SUM_ROWS = 32
};

struct filters {
    const struct conv *p;
    const struct tile_set *set;
    size_t size, stored; /* of an element in buffers, and in memory */
    int half;            /* the latter have 16 bits */
    struct axis y, x;
    struct planes planes;
    int64_t outputs, channels, taps;  /* of a group; taps of one channel */
    int64_t cb, ob, cblocks, oblocks; /* channels and outputs of a block */
    int64_t pitch;                    /* of a partial result's rows: outputs rounded up to lanes */
    int64_t tiles, items, parts, each; /* tiles of an image; items are all images' tiles, each of them in a part */
    int64_t blocks;                    /* (group, channels, outputs) */
    int dots, direct;
    int32_t *row; /* [cb * taps + 1]: where the pixels of a tap are; the last: the plane of ones */
    char *buffers, *partial;
    int64_t ones;                           /* where that plane is, behind the staged ones */
    size_t staged, widened, packed, buffer; /* bytes for each thread; widened, half: a channel of the image */
};

/* ---- The split ---- */

/* Elements; vectors are read whole. */
static int64_t plane_of_ones(const struct filters *w)
{
    return w->y.tile * w->planes.pitch + 2 * w->set->lanes;
}

static void split(struct filters *w, const struct conv *p)
{
    *w = (struct filters){
        .p = p, .set = tile_set(p->dtype), .size = conv_size(p), .stored = gradc_dtype_size(p->dtype)};
    w->half = dtype_is_half(p->dtype);
    const int64_t lanes = w->set->lanes, panel = lanes * TILE_VECTORS;
    w->y = axis_forward(p->out_height, p->height, p->kh, p->stride_h, p->padding_h, p->dilation_h);
    w->x = axis_forward(p->out_width, p->width, p->kw, p->stride_w, p->padding_w, p->dilation_w);
    w->outputs = p->out / p->groups;
    w->channels = p->in / p->groups;
    w->taps = p->kh * p->kw;
    w->dots = !w->half &&
              (w->outputs <= DOT_OUTPUTS || (w->channels * w->taps <= DOT_ROWS && p->out_width >= DOT_COLUMNS));
    w->x.tile = tile_even(p->out_width, TILE_RESULTS, lanes);
    const int64_t results = w->dots ? DOT_RESULTS : TILE_RESULTS;
    w->y.tile = tile_even(p->out_height, tile_max(1, results / w->x.tile), 1);
    w->x.tiles = tile_blocks(p->out_width, w->x.tile);
    w->y.tiles = tile_blocks(p->out_height, w->y.tile);
    w->planes = planes_of(&w->y, &w->x, lanes, 0);
    w->direct = !w->half && conv_is_direct(&w->y, &w->x) && !w->dots && !p->db;
    w->cb = tile_even(w->channels, tile_max(1, STAGE_BYTES / (w->planes.channel * (int64_t)w->size)), 1);
    w->ob = tile_even(w->outputs, OUTPUT_PANELS * panel, panel);
    w->cblocks = tile_blocks(w->channels, w->cb);
    w->oblocks = tile_blocks(w->outputs, w->ob);
    w->pitch = tile_round(w->ob, lanes);
    w->blocks = p->groups * w->cblocks * w->oblocks;
    w->tiles = w->y.tiles * w->x.tiles;
    w->items = p->batch * w->tiles;
    w->parts = tile_max(1, tile_min(w->items, PARTS / tile_max(1, w->blocks)));
    w->each = tile_blocks(w->items, w->parts);
    w->parts = tile_max(1, tile_blocks(w->items, tile_max(1, w->each)));
    w->ones = w->cb * w->planes.channel + 2 * lanes;
    if (w->direct)
        w->planes.channel = w->x.source;
    else
        w->staged = conv_align((size_t)(w->ones + (p->db ? plane_of_ones(w) : 0)) * w->size);
    const int64_t packed = w->dots ? 0 : w->y.tile * w->x.tile;
    w->packed = conv_align((size_t)(packed * w->pitch) * w->size);
    w->widened = w->half ? conv_align((size_t)(p->height * p->width) * w->size) : 0;
    w->buffer = w->staged + w->packed + conv_align((size_t)packed * sizeof(int32_t)) + w->widened;
}

/* Elements of a block's partial result. */
static int64_t partial_size(const struct filters *w)
{
    return (w->cb * w->taps + (w->p->db != NULL)) * w->pitch;
}

/* ---- Units ---- */

/* A unit's block, and one tile of one image. */
struct work {
    int64_t group, c, channels, o, outputs;
    int64_t item, image, row, column, rows, columns;
    int fresh; /* the unit's first tile */
    char *staged, *packed, *widened, *partial;
    const void *pixels; /* staged, or where they lie */
    int32_t *at;
};

static void find_block(const struct filters *w, int64_t block, struct work *u)
{
    u->o = block % w->oblocks * w->ob;
    block /= w->oblocks;
    u->c = block % w->cblocks * w->cb;
    u->group = block / w->cblocks;
    u->channels = tile_min(w->cb, w->channels - u->c);
    u->outputs = tile_min(w->ob, w->outputs - u->o);
}

static void find_tile(const struct filters *w, int64_t item, struct work *u)
{
    u->item = item;
    u->image = item / w->tiles;
    u->row = item % w->tiles / w->x.tiles * w->y.tile;
    u->column = item % w->x.tiles * w->x.tile;
    u->rows = tile_min(w->y.tile, w->y.results - u->row);
    u->columns = tile_min(w->x.tile, w->x.results - u->column);
}

/* dz at the tile's first result, output o of the unit's block. */
static const void *dz_at(const struct filters *w, const struct work *u, int64_t o)
{
    const struct conv *p = w->p;
    int64_t output = (u->image * p->groups + u->group) * w->outputs + u->o + o;
    return tile_at(view_host(&p->z), (output * p->out_height + u->row) * p->out_width + u->column, w->stored);
}

/* Rows of the unit's partial result. */
static int64_t rows_of(const struct filters *w, const struct work *u)
{
    return u->channels * w->taps + (w->p->db && u->c == 0);
}

static void add_dots(const struct filters *w, const struct work *u)
{
    const struct conv *p = w->p;
    struct dots t = {.outputs = u->outputs, .rows = u->rows, .columns = u->columns, .fresh = u->fresh};
    t.x = u->staged;
    t.offset = w->row;
    t.z = dz_at(w, u, 0);
    struct work next = *u;
    find_tile(w, tile_min(u->item + 1, w->items - 1), &next);
    t.next = dz_at(w, &next, 0);
    t.z_output = p->out_height * p->out_width;
    t.z_row = p->out_width;
    t.x_row = w->planes.pitch;
    t.taps = rows_of(w, u);
    t.sum = u->partial;
    t.sum_step = w->pitch;
    w->set->dots(&t);
}

/* A panel of outputs from o on: dz packed [result][output], times the pixels under all taps. */
static void add_panel(const struct filters *w, const struct work *u, int64_t o)
{
    const int64_t lanes = w->set->lanes, outputs = tile_min(lanes * TILE_VECTORS, u->outputs - o);
    const int64_t plane = w->p->out_height * w->p->out_width;
    struct outer t = {.rows = rows_of(w, u), .k = u->rows * u->columns, .fresh = u->fresh};
    t.vectors = (int32_t)tile_blocks(outputs, lanes);
    const int64_t pitch = t.vectors * lanes;
    const int whole = u->columns == w->p->out_width; /* the tile's results follow each other */
    const int64_t lines = whole ? 1 : u->rows, columns = whole ? t.k : u->columns;
    for (int64_t r = 0; r < lines; r++)
        half_pack(w->set, w->p->dtype, tile_at(u->packed, r * columns * pitch, w->size), pitch, pitch,
                  tile_at(dz_at(w, u, o), r * w->p->out_width, w->stored), plane, 1, outputs, columns);
    t.a = u->pixels;
    t.row = w->row;
    t.at = u->at;
    t.b = u->packed;
    t.c = tile_at(u->partial, o, w->size);
    t.c_row = w->pitch;
    w->set->outer(&t);
}

static void add_tile(const struct filters *w, struct work *u)
{
    const struct conv *p = w->p;
    const int64_t plane = p->height * p->width;
    int64_t channel = (u->image * p->groups + u->group) * w->channels + u->c;
    const void *image = tile_at(view_host(&p->x), channel * plane, w->stored);
    u->pixels = w->direct ? tile_at(image, u->column, w->size) : u->staged;
    if (w->half)
        planes_stage_half(&w->planes, w->set, &w->y, &w->x, u->row, u->column, u->channels, image, u->staged,
                          p->dtype, (float *)(void *)u->widened);
    else if (!w->direct)
        planes_stage(&w->planes, w->set, &w->y, &w->x, u->row, u->column, u->channels, image, u->staged);
    if (w->dots) {
        add_dots(w, u);
        return;
    }
    int32_t *at = u->at;
    for (int64_t r = 0; r < u->rows; r++)
        for (int64_t j = 0; j < u->columns; j++)
            *at++ = (int32_t)(r * w->planes.pitch + j);
    for (int64_t o = 0; o < u->outputs; o += w->set->lanes * TILE_VECTORS)
        add_panel(w, u, o);
}

static void run_unit(void *arg, int64_t unit, int thread)
{
    const struct filters *w = arg;
    const int64_t part = unit / w->blocks, end = tile_min(w->items, (part + 1) * w->each);
    struct work u = {.staged = w->buffers + (size_t)thread * w->buffer, .fresh = 1};
    u.packed = u.staged + w->staged;
    u.widened = u.packed + w->packed;
    u.at = (int32_t *)(void *)(u.widened + w->widened);
    u.partial = tile_at(w->partial, unit * partial_size(w), w->size);
    find_block(w, unit % w->blocks, &u);
    if (w->p->db && u.c == 0)
        w->set->fill(tile_at(u.staged, w->ones, w->size), plane_of_ones(w), 1);
    if (w->items == 0)
        memset(u.partial, 0, (size_t)partial_size(w) * w->size);
    for (int64_t item = part * w->each; item < end; item++, u.fresh = 0) {
        find_tile(w, item, &u);
        add_tile(w, &u);
    }
}

/* ---- The sum ---- */

/* The sum of the last rows of the parts. */
static void sum_db(const struct filters *w, int64_t block, const struct work *u)
{
    const void *part = tile_at(w->partial, block * partial_size(w) + u->channels * w->taps * w->pitch, w->size);
    void *db = tile_at(view_host(w->p->db), u->group * w->outputs + u->o, w->stored);
    void *sum = w->half ? (void *)(uintptr_t)part : db; /* in the first part's place */
    w->set->sum(sum, 0, part, 0, w->blocks * partial_size(w), w->parts, NULL, 1, u->outputs);
    if (w->half)
        half_narrow(w->p->dtype, u->outputs, sum, db);
}

/* Adds the parts of SUM_ROWS rows of a block to the first, and writes them to dw. */
static void sum_task(void *arg, int64_t task, int thread)
{
    const struct filters *w = arg;
    const int64_t pieces = tile_blocks(w->cb * w->taps, SUM_ROWS), block = task / pieces,
                  r = task % pieces * SUM_ROWS;
    struct work u;
    (void)thread;
    find_block(w, block, &u);
    if (r == 0 && u.c == 0 && w->p->db)
        sum_db(w, block, &u);
    const int64_t rows = tile_min(SUM_ROWS, u.channels * w->taps - r), filter = w->channels * w->taps;
    if (rows <= 0)
        return;
    char *sum = tile_at(w->partial, block * partial_size(w) + r * w->pitch, w->size);
    if (w->parts > 1)
        w->set->sum(sum, w->pitch, sum, w->pitch, w->blocks * partial_size(w), w->parts, NULL, rows, u.outputs);
    void *dw =
        tile_at(view_host(&w->p->w), (u.group * w->outputs + u.o) * filter + u.c * w->taps + r, w->stored);
    if (!w->half) {
        w->set->pack(dw, filter, rows, sum, w->pitch, 1, rows, u.outputs);
        return;
    }
    for (int64_t o = 0; o < u.outputs; o++) {
        float line[SUM_ROWS];
        for (int64_t i = 0; i < rows; i++)
            line[i] = ((const float *)(const void *)sum)[i * w->pitch + o];
        half_narrow(w->p->dtype, rows, line, tile_at(dw, o * filter, w->stored));
    }
}

/* ---- The entry ---- */

static void fill_rows(const struct filters *w)
{
    int32_t *row = w->row;
    for (int64_t c = 0; c < w->cb; c++)
        for (int64_t ty = 0; ty < w->p->kh; ty++)
            for (int64_t tx = 0; tx < w->p->kw; tx++)
                *row++ = (int32_t)(c * w->planes.channel + planes_tap(&w->planes, &w->y, &w->x, ty, tx));
    *row = (int32_t)w->ones;
}

size_t conv_weight(struct device *d, const struct conv *p, int run)
{
    struct filters w;
    split(&w, p);
    if (w.blocks == 0 || w.taps == 0)
        return 0;
    const size_t table = conv_align((size_t)(w.cb * w.taps + 1) * sizeof *w.row),
                 buffers = (size_t)cpu_threads(d) * w.buffer;
    if (run) {
        char *memory = place_host(p->workspace);
        w.row = (int32_t *)(void *)memory;
        w.buffers = memory + table;
        w.partial = w.buffers + buffers;
        fill_rows(&w);
        cpu_parallel(d, w.blocks * w.parts, run_unit, &w);
        cpu_parallel(d, w.blocks * tile_blocks(w.cb * w.taps, SUM_ROWS), sum_task, &w);
    }
    return table + buffers + conv_align((size_t)(w.blocks * w.parts * partial_size(&w)) * w.size);
}
