/* tiling.c - how products are cut into tiles and splits, and what all engines' calls share. */
#include <stdio.h>

#include "device/opencl/calls.h"
#include "device/opencl/tuning.h"

enum {
    SPLITS = 64, /* at most */
    CHUNK = 256  /* the least depth of a split; its depth is a multiple of it */
};

/* All that is built and tested; the numbers stand in tuning stores, so a row keeps its place. */
const struct tile opencl_tiles[TILES] = {
    {64, 64, 16, 4, 4, 1}, {128, 128, 8, 8, 8, 2}, {128, 128, 16, 8, 8, 2}, {128, 64, 8, 8, 8, 2},
    {64, 128, 8, 8, 8, 2}, {128, 64, 16, 8, 4, 2}, {64, 128, 16, 4, 8, 2},  {64, 64, 16, 4, 4, 2},
    {64, 64, 8, 8, 8, 2},  {32, 64, 16, 4, 4, 2},  {64, 32, 16, 4, 4, 2},   {32, 32, 16, 4, 4, 2},
    {16, 64, 16, 4, 4, 2}, {64, 16, 16, 4, 4, 2},  {16, 32, 16, 2, 4, 2},   {32, 16, 16, 4, 2, 2},
    {16, 16, 16, 2, 2, 2}, {32, 32, 32, 4, 4, 2},  {16, 16, 16, 4, 8, 1},   {16, 64, 16, 4, 16, 1},
    {32, 16, 16, 4, 8, 1}, {32, 64, 16, 4, 16, 1}, {64, 16, 16, 4, 8, 1},   {64, 64, 16, 4, 16, 1},
};

/* A processor runs a group's items one after the other, in vectors: more elements an item, and few kinds of tiles, as
 * building a program takes a second or two.  By class of m, then of n: at most 16, at most 32, more. */
enum { CPU_TILES = 18 };
static const int cpu_tiles[3][3] = {{18, 19, 19}, {20, 21, 21}, {22, 23, 23}};

static int64_t units_of(const struct device *d)
{
    return d->info.units > 0 ? d->info.units : 1;
}

static struct tiling cut(const struct tile *tile, int64_t splits, int64_t m, int64_t n, int64_t depth)
{
    struct tiling t = {.tile = tile, .across = over(n, tile->n), .down = over(m, tile->m)};

    t.chunk = over(over(depth, splits), CHUNK) * CHUNK;
    t.splits = depth > t.chunk ? over(depth, t.chunk) : 1;
    if (t.splits == 1)
        t.chunk = depth;
    return t;
}

struct tiling opencl_cut(const struct tile *tile, int64_t enough, int64_t m, int64_t n, int64_t depth,
                         int64_t count)
{
    const int64_t groups = over(n, tile->n) * over(m, tile->m) * count;
    const int64_t splits = groups < enough ? enough / groups : 1;

    return cut(tile, splits > SPLITS ? SPLITS : splits, m, n, depth);
}

/* ---- Which tiles a device can have ---- */

static int64_t items_of(const struct tile *t)
{
    return (int64_t)(t->m / t->item_m) * (t->n / t->item_n);
}

/* As tile.cl and conv.cl take it. */
int64_t opencl_tile_bytes(int tile, gradc_dtype dtype)
{
    const struct tile *t = &opencl_tiles[tile];
    int64_t size = dtype == GRADC_F64 ? 8 : 4;

    return t->buffers * t->k * (t->m + t->n + 4 + t->item_n + 4) * size + (t->n + t->buffers * t->k) * 4 * size;
}

/* On a GPU an item's sums fit into its registers, and beside them what it brings to each slice, at most half as many:
 * compilers give both memory otherwise.  Rows of eight doubles by eight are more registers than there are. */
int opencl_tile_fits(const struct device *d, int tile, gradc_dtype dtype)
{
    const struct tile *t = &opencl_tiles[tile];
    const int64_t local = d->info.local_memory > 0 ? d->info.local_memory : 32768;
    const int32_t sums = t->item_m * t->item_n, most = dtype == GRADC_F64 ? 16 : d->info.item_sums;
    const int64_t brought = (t->m > t->n ? t->m : t->n) * t->k / items_of(t);

    if (is_cpu(d))
        return tile >= CPU_TILES;
    return tile < CPU_TILES && opencl_tile_bytes(tile, dtype) <= local && sums <= most &&
           brought <= d->info.item_sums / 2;
}

/* ---- Processors ---- */

/* 0, 1, 2: tiles of 16, 32, 64. */
static int size_class(int64_t n)
{
    return (n > 16) + (n > 32);
}

static struct tiling cpu_tiling(const struct device *d, int64_t m, int64_t n, int64_t depth, int64_t count)
{
    int64_t enough = units_of(d);
    int rows = size_class(m), columns = size_class(n);
    const struct tile *tile;

    for (;;) {
        tile = &opencl_tiles[cpu_tiles[rows][columns]];
        if (over(n, tile->n) * over(m, tile->m) * count >= enough || (rows < 2 && columns < 2))
            return opencl_cut(tile, enough, m, n, depth, count);
        rows = rows > 1 ? 1 : rows;
        columns = columns > 1 ? 1 : columns;
    }
}

/* ---- GPUs: a model of the time, in multiplications that one of 128 lanes of a unit has time for ---- */

enum {
    SLICE = 64000,   /* the way of a slice from memory: 500 cycles, which no group can do without */
    LOADED = 6,      /* an element on its way to local memory */
    PART = 80,       /* writing and reading an element of a part */
    SECOND = 400000, /* one kernel more */
    MANY = 1 << 30   /* elements: beyond, nothing is split */
};

/* The share of time, in percent, that an item multiplies rather than reads its tiles, by the elements it makes. */
static int64_t efficiency(const struct tile *t)
{
    int32_t elements = t->item_m * t->item_n;

    if (elements >= 64)
        return 100;
    if (elements >= 32)
        return 85;
    return elements >= 16 ? 65 : 15 + 4 * elements;
}

static int64_t gpu_cost(const struct device *d, const struct tiling *t, int64_t m, int64_t n, int64_t count)
{
    const struct tile *tile = t->tile;
    int64_t items = items_of(tile), units = units_of(d);
    int64_t resident = (tile->item_m * tile->item_n >= 64 ? 512 : 1024) / items;
    int64_t each = over(t->across * t->down * count * t->splits, units); /* groups of a unit */
    int64_t slices = over(t->chunk, tile->k) + 1;
    int64_t slice = tile->k * (tile->m * tile->n * 100 / efficiency(tile) + (tile->m + tile->n) * LOADED);
    int64_t work = each * slices * slice;
    int64_t wait = over(each, resident) * slices * SLICE;
    int64_t cost = work > wait ? work : wait;

    if (t->splits > 1)
        cost += SECOND + t->splits * over(m * n * count * PART, units);
    return cost;
}

static const int split_counts[] = {1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, SPLITS};

/* The next way to cut a product up, of all that the device has tiles for: 0, or -1 at the end.  `at` begins as {-1}. */
struct cutting {
    int tile, split;
    struct tiling tiling;
};

static int next_cut(const struct device *d, gradc_dtype dtype, const int64_t size[4], struct cutting *at)
{
    const int counts = (int)(sizeof split_counts / sizeof split_counts[0]);

    if (at->tile >= 0 && ++at->split < counts && size[0] * size[1] * size[3] <= MANY) {
        at->tiling = cut(&opencl_tiles[at->tile], split_counts[at->split], size[0], size[1], size[2]);
        if (at->tiling.splits > 1)
            return 0;
    }
    do {
        if (++at->tile == TILES)
            return -1;
    } while (!opencl_tile_fits(d, at->tile, dtype));
    at->split = 0;
    at->tiling = cut(&opencl_tiles[at->tile], 1, size[0], size[1], size[2]);
    return 0;
}

static struct tiling gpu_tiling(const struct device *d, gradc_dtype dtype, int64_t m, int64_t n,
                                int64_t depth, int64_t count)
{
    const int64_t size[4] = {m, n, depth, count};
    struct tiling best = cut(&opencl_tiles[0], 1, m, n, depth);
    struct cutting at = {.tile = 0}; /* behind the plain tile, which is no better than its twin with two buffers */
    int64_t least = INT64_MAX;

    at.split = (int)(sizeof split_counts / sizeof split_counts[0]);
    while (next_cut(d, dtype, size, &at) == 0) {
        int64_t cost = gpu_cost(d, &at.tiling, m, n, count);
        if (cost < least) {
            least = cost;
            best = at.tiling;
        }
    }
    return best;
}

/* The cheapest of what comes, the cheapest first; of equals the first. */
enum { RANKED = 64 };

struct ranking {
    int n, limit; /* at most RANKED */
    int64_t costs[RANKED];
    struct choice *best;
};

static void rank(struct ranking *r, int64_t cost, struct choice choice)
{
    int i = r->n < r->limit ? r->n++ : r->limit;

    for (; i > 0 && r->costs[i - 1] > cost; i--)
        if (i < r->limit) {
            r->costs[i] = r->costs[i - 1];
            r->best[i] = r->best[i - 1];
        }
    if (i < r->limit) {
        r->costs[i] = cost;
        r->best[i] = choice;
    }
}

/* On a processor the model says nothing. */
int opencl_tiles_for(const struct device *d, gradc_dtype dtype, const int64_t size[4],
                     const struct tiling *own, int *out, int limit)
{
    struct choice choices[TILES];
    struct ranking r = {.limit = limit < TILES ? limit : TILES, .best = choices};
    for (int tile = 0; tile < TILES; tile++) {
        const struct tiling t = cut(&opencl_tiles[tile], own->splits, size[0], size[1], size[2]);
        if (t.tile == own->tile || t.chunk != own->chunk || !opencl_tile_fits(d, tile, dtype))
            continue;
        rank(&r, is_cpu(d) ? 0 : gpu_cost(d, &t, size[0], size[1], size[3]), (struct choice){.tile = tile});
    }
    for (int i = 0; i < r.n; i++)
        out[i] = choices[i].tile;
    return r.n;
}

/* On a processor the model means little: its few tiles come in their order. */
int opencl_tilings(const struct device *d, gradc_dtype dtype, const int64_t size[4], struct choice *out, int limit)
{
    struct cutting at = {.tile = -1};
    struct ranking r = {.limit = limit < RANKED ? limit : RANKED, .best = out};

    while (next_cut(d, dtype, size, &at) == 0) {
        int64_t cost = is_cpu(d) ? at.split : gpu_cost(d, &at.tiling, size[0], size[1], size[3]);
        rank(&r, cost, (struct choice){.tile = at.tile, .splits = (int32_t)at.tiling.splits});
    }
    return r.n;
}

static struct tiling own_tiling(const struct device *d, gradc_dtype dtype, int64_t m, int64_t n,
                                int64_t depth, int64_t count)
{
    if (is_cpu(d))
        return cpu_tiling(d, m, n, depth, count);
    const uint64_t hash = ((uint64_t)m * 31 + (uint64_t)n) * 31 + (uint64_t)(depth * 7 + count) + (uint64_t)dtype;
    struct tiled *own = &opencl_tuning(d)->tiled[hash * 0x9fb21c651e98df25u >> 56];
    if (own->count != count || own->m != m || own->n != n || own->depth != depth || own->dtype != dtype)
        *own = (struct tiled){dtype, m, n, depth, count, gpu_tiling(d, dtype, m, n, depth, count)};
    return own->tiling;
}

struct tiling opencl_tiling_for(const struct device *d, const struct choice *choice, gradc_dtype dtype,
                                int64_t m, int64_t n, int64_t depth, int64_t count)
{
    if (choice && choice->tile >= 0 && choice->splits > 0)
        return cut(&opencl_tiles[choice->tile], choice->splits, m, n, depth);
    const struct tiling own = own_tiling(d, dtype, m, n, depth, count);
    return choice && choice->tile >= 0 ? cut(&opencl_tiles[choice->tile], own.splits, m, n, depth) : own;
}

/* ---- Calls ---- */

void opencl_tile_options(const struct tile *tile, char options[PRODUCT_OPTIONS], size_t local[2])
{
    snprintf(options, PRODUCT_OPTIONS,
             "-DTILE_M=%d -DTILE_N=%d -DTILE_K=%d -DITEM_M=%d -DITEM_N=%d -DBUFFERS=%d", (int)tile->m,
             (int)tile->n, (int)tile->k, (int)tile->item_m, (int)tile->item_n, (int)tile->buffers);
    local[0] = (size_t)(tile->n / tile->item_n);
    local[1] = (size_t)(tile->m / tile->item_m);
}

struct view opencl_flat(const struct view *v)
{
    struct view flat = {.at = v->at, .dtype = v->dtype};

    flat.layout.offset = v->layout.offset;
    return flat;
}

gradc_status opencl_submit(struct device *d, const struct kernel_call *k, int prepare, struct failure *f)
{
    return prepare ? d->table->prepare(d, k, f) : d->table->launch(d, k, f);
}
