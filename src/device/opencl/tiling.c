/* tiling.c - how products are cut into tiles and splits, and what all engines' calls share. */
#include "device/opencl/engines.h"

#include <string.h>

enum {
    SPLITS = 64, /* at most */
    CHUNK = 256  /* the least depth of a split; its depth is a multiple of it */
};

/* By class of m, then of n: at most 16, at most 32, more. */
static const struct tile gpu_tiles[3][3] = {
    {{16, 16, 16, 2, 2}, {16, 32, 16, 2, 4}, {16, 64, 16, 4, 4}},
    {{32, 16, 16, 4, 2}, {32, 32, 16, 4, 4}, {32, 64, 16, 4, 4}},
    {{64, 16, 16, 4, 4}, {64, 32, 16, 4, 4}, {64, 64, 16, 4, 4}},
};

/* A processor runs a group's items one after the other, in vectors: more elements an item, and fewer kinds of
 * tiles, as building a program takes a second or two. */
static const struct tile cpu_tiles[3][3] = {
    {{16, 16, 16, 4, 8}, {16, 64, 16, 4, 16}, {16, 64, 16, 4, 16}},
    {{32, 16, 16, 4, 8}, {32, 64, 16, 4, 16}, {32, 64, 16, 4, 16}},
    {{64, 16, 16, 4, 8}, {64, 64, 16, 4, 16}, {64, 64, 16, 4, 16}},
};

static int64_t over(int64_t n, int64_t by)
{
    return (n + by - 1) / by;
}

/* 0, 1, 2: tiles of 16, 32, 64. */
static int size_class(int64_t n)
{
    return (n > 16) + (n > 32);
}

struct tiling opencl_tiling(const struct device *d, int64_t m, int64_t n, int64_t depth, int64_t count)
{
    int cpu = strcmp(d->info.kind, "cpu") == 0;
    int64_t units = d->info.units > 0 ? d->info.units : 1;
    int64_t enough = cpu ? units : 2 * units;
    int rows = size_class(m), columns = size_class(n);
    struct tiling t;

    for (;;) {
        t.tile = cpu ? &cpu_tiles[rows][columns] : &gpu_tiles[rows][columns];
        t.across = over(n, t.tile->n);
        t.down = over(m, t.tile->m);
        if (t.across * t.down * count >= enough || (rows < 2 && columns < 2))
            break;
        rows = rows > 1 ? 1 : rows;
        columns = columns > 1 ? 1 : columns;
    }

    int64_t groups = t.across * t.down * count;
    int64_t splits = groups < enough ? enough / groups : 1;
    if (splits > SPLITS)
        splits = SPLITS;
    t.chunk = over(over(depth, splits), CHUNK) * CHUNK;
    t.splits = depth > t.chunk ? over(depth, t.chunk) : 1;
    if (t.splits == 1)
        t.chunk = depth;
    return t;
}

void opencl_tile_options(struct kernel_call *k, const struct tile *tile)
{
    kernel_option(k, "-DTILE_M=%d", (int)tile->m);
    kernel_option(k, "-DTILE_N=%d", (int)tile->n);
    kernel_option(k, "-DTILE_K=%d", (int)tile->k);
    kernel_option(k, "-DITEM_M=%d", (int)tile->item_m);
    kernel_option(k, "-DITEM_N=%d", (int)tile->item_n);
}

void opencl_tile_groups(struct kernel_call *k, const struct tile *tile, int64_t groups)
{
    size_t count[2] = {(size_t)groups, 1};
    size_t local[2] = {(size_t)(tile->n / tile->item_n), (size_t)(tile->m / tile->item_m)};

    kernel_groups(k, 2, count, local);
}

gradc_dtype opencl_part_dtype(gradc_dtype dtype)
{
    return dtype == GRADC_F64 ? GRADC_F64 : GRADC_F32;
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
