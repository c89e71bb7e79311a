/* gemm.c - matrix products: how a product is split into tasks, and who computes a block, OpenBLAS or our own loops.
 *
 * The split depends on the shape alone.  A product is cut into blocks of C; where C is small and the sum is long, the
 * sum is cut too, and the parts, in the workspace, are added in their order.  A block is one call of OpenBLAS, or runs
 * over packed panels (tile.h).  Products with a vector have loops of their own: they only read the matrix once. */
#include "device/cpu/gemm.h"

#include <limits.h>
#include <string.h>

#include "device/cpu/blas.h"
#include "device/cpu/half.h"
#include "device/cpu/tile.h"

enum {
    ALIGN = 256,
    BLOCK_ROWS = 256,    /* most rows of a block: its packed A stays in the second cache */
    BLOCK_COLUMNS = 512, /* most columns */
    LEAST_BLOCK = 96,    /* rows or columns: smaller ones would pack too much for their work */
    B_PANELS = 4,        /* panels of B packed together: whole cache lines are read where B's rows are long */
    TASKS = 16,          /* wanted where the work allows it */
    TASK_WORK = 1 << 19, /* multiply-adds that pay for a task: about 10 us */
    PART_DEPTH = 192,    /* least k of a part of a sum */
    VECTOR_WORK = 1 << 16, /* elements of a matrix that one task multiplies with a vector */
    ROW_SUMS = 64          /* rows of A that a task sums */
};

struct product {
    const struct gemm *p;
    const struct tile_set *set;
    size_t size, stored; /* of an element in buffers, and in A, B, C and the bias */
    int half;            /* these have 16 bits */
    struct blas *blas;
    int vector;                   /* 0; 1: A is one row; 2: B is one column */
    int64_t items;                /* of the batch */
    int64_t mb, nb, kb;           /* of a block; of a part of the sum */
    int64_t rows, columns, parts; /* blocks */
    int64_t units, grain;         /* units are blocks and parts of all items; grain of them are a task */
    int64_t tasks;                /* of the product; behind them are those of the row sums */
    size_t buffer;                /* bytes for each thread */
    int32_t *offset;              /* [vectors of a panel of B - 1][depth]: where its rows are */
    char *buffers, *partial;
    int64_t widened, results; /* half: elements of a thread's widened piece of A or B, and of its block of C */
    float *bias;              /* half: widened */
    void *ones;               /* [PART_DEPTH]: what a row of A is multiplied with for its sum */
};

static size_t align(size_t bytes)
{
    return (bytes + ALIGN - 1) / ALIGN * ALIGN;
}

static int64_t batch_items(const struct gemm *p)
{
    int64_t items = 1;
    for (int32_t axis = 0; axis < p->nbatch; axis++)
        items *= p->batch[axis];
    return items;
}

/* ---- The split ---- */

/* A product with a vector, if the matrix has a unit stride: blocks of columns of the result. */
static int split_vector(struct product *w)
{
    const struct gemm *p = w->p;
    if (p->m == 1 && (p->b_row == 1 || p->b_col == 1))
        w->vector = 1;
    else if (p->n == 1 && (p->c_row == 1 || p->m == 1) && (p->a_row == 1 || p->a_col == 1))
        w->vector = 2;
    else
        return 0;
    int64_t n = w->vector == 1 ? p->n : p->m;
    w->mb = w->rows = w->parts = 1;
    w->kb = p->k;
    const int beside =
        w->vector == 1 ? p->b_row != 1 : p->a_col != 1; /* long pieces of the matrix's rows are read */
    w->nb = tile_even(n, tile_max(beside ? 512 : 16, VECTOR_WORK / tile_max(p->k, 1)), 16);
    w->columns = tile_blocks(n, w->nb);
    w->grain = tile_max(1, VECTOR_WORK / tile_max(w->nb * p->k, 1));
    return 1;
}

static void split_blocks(struct product *w)
{
    const struct gemm *p = w->p;
    const int64_t m = p->m, n = p->n, unit = w->set->lanes * TILE_VECTORS;
    w->mb = tile_even(m, BLOCK_ROWS, TILE_ROWS);
    w->nb = tile_even(n, BLOCK_COLUMNS, unit);
    w->parts = 1;
    int64_t blocks = tile_blocks(m, w->mb) * tile_blocks(n, w->nb) * w->items;
    double work = (double)m * (double)n * (double)p->k * (double)w->items / TASK_WORK;
    int64_t most = work < TASKS ? (int64_t)work : TASKS;
    if (p->k >= 4 * PART_DEPTH && blocks == 1)
        w->parts = tile_max(1, tile_min(most, p->k / PART_DEPTH));
    while (blocks * w->parts < most && (w->mb >= 2 * LEAST_BLOCK || w->nb >= 2 * LEAST_BLOCK)) {
        if (w->mb >= w->nb)
            w->mb = tile_round(tile_blocks(w->mb, 2), TILE_ROWS);
        else
            w->nb = tile_round(tile_blocks(w->nb, 2), unit);
        blocks = tile_blocks(m, w->mb) * tile_blocks(n, w->nb) * w->items;
    }
    if (w->parts == 1 && blocks < most && p->k >= 2 * PART_DEPTH)
        w->parts = tile_max(1, tile_min(most / blocks, p->k / PART_DEPTH));
    w->kb = tile_even(p->k, tile_blocks(p->k, w->parts), 16);
    w->parts = tile_max(1, tile_blocks(p->k, w->kb));
    w->rows = tile_blocks(m, w->mb);
    w->columns = tile_blocks(n, w->nb);
    w->grain = tile_max(1, TASK_WORK / tile_max(w->mb * w->nb * w->kb, 1));
}

static void split(struct product *w, const struct gemm *p)
{
    memset(w, 0, sizeof *w);
    w->p = p;
    w->set = tile_set(p->dtype);
    w->size = p->dtype == GRADC_F64 ? sizeof(double) : sizeof(float);
    w->stored = gradc_dtype_size(p->dtype);
    w->half = dtype_is_half(p->dtype);
    w->items = batch_items(p);
    int64_t elements = 0;
    if (!w->half && split_vector(w)) {
        if ((w->vector == 1 ? p->a_col : p->b_row) != 1)
            elements = p->k; /* the vector, made contiguous */
    } else {
        split_blocks(w);
        elements = (w->mb + B_PANELS * w->set->lanes * TILE_VECTORS) * w->set->depth;
    }
    if (w->half) {
        w->widened = tile_max(tile_max(w->mb, B_PANELS * w->set->lanes * TILE_VECTORS) * w->set->depth,
                              ROW_SUMS * PART_DEPTH);
        w->results = w->parts > 1 ? 0 : w->mb * w->nb;
    }
    elements += w->widened + w->results;
    w->buffer = align((size_t)(elements - w->results) * w->size) + align((size_t)w->results * w->size);
    w->units = w->items * w->parts * w->rows * w->columns;
    w->tasks = cpu_tasks(w->units, w->grain);
}

static size_t table_bytes(const struct product *w)
{
    return align((size_t)(TILE_VECTORS * w->set->depth) * sizeof(int32_t));
}

static int is_empty(const struct gemm *p)
{
    return p->m == 0 || p->n == 0 || batch_items(p) == 0;
}

static size_t partial_bytes(const struct product *w)
{
    return w->parts > 1 ? align((size_t)(w->items * w->parts * w->p->m * w->p->n) * w->size) : 0;
}

size_t cpu_gemm_workspace(struct device *d, const struct gemm *p)
{
    struct product w;
    if (is_empty(p))
        return 0;
    split(&w, p);
    return table_bytes(&w) + (size_t)cpu_threads(d) * w.buffer + partial_bytes(&w) +
           (p->row_sums ? PART_DEPTH * w.size : 0) + (w.half && p->bias ? (size_t)p->n * w.size : 0);
}

/* ---- What is finished ---- */

/* m rows of n elements of C, from c on. */
static void finish(const struct product *w, const void *c, int64_t m, int64_t n)
{
    const struct epilogue *e = w->p->epilogue;
    if (!e)
        return;
    int64_t first = ((const char *)c - (const char *)view_host(&w->p->c)) / (int64_t)w->stored;
    const int64_t c_row = m == 1 ? n : w->p->c_row, lines = n == c_row ? 1 : m, line = n == c_row ? m * n : n;
    for (int64_t i = 0; i < lines; i++)
        e->run(e, first + i * c_row, line);
}

/* Sums of ROW_SUMS rows of A, over PART_DEPTH columns at a time. */
static void sum_rows(const struct product *w, int64_t task, float *widened)
{
    const struct gemm *p = w->p;
    const int64_t row = task * ROW_SUMS;
    double part[ROW_SUMS], local[ROW_SUMS];
    void *to = tile_at(view_host(p->row_sums), row, w->stored), *sums = w->half ? (void *)local : to;
    struct gemv t = {.n = tile_min(ROW_SUMS, p->m - row), .a = w->ones, .b_row = p->a_col, .b_col = p->a_row};
    for (int64_t k = 0; k == 0 || k < p->k; k += PART_DEPTH) {
        t.k = tile_min(PART_DEPTH, p->k - k);
        t.b = tile_at(view_host(&p->a), row * p->a_row + k * p->a_col, w->stored);
        if (w->half) {
            half_matrix(p->dtype, t.b, p->a_row, p->a_col, t.n, t.k, widened, &t.b_col, &t.b_row);
            t.b = widened;
        }
        t.z = k == 0 ? sums : part;
        w->set->gemv(&t);
        if (k > 0)
            w->set->sum(sums, 0, sums, 0, 0, 1, part, 1, t.n);
    }
    if (w->half)
        half_narrow(p->dtype, t.n, sums, to);
}

/* ---- One block ---- */

/* Where a unit's block is, and how large. */
struct block {
    const void *a, *b, *bias;
    void *c;
    int64_t m, n, k, c_row;
};

static const void *bias_at(const struct product *w, int64_t column)
{
    if (!w->p->bias)
        return NULL;
    return tile_at(w->half ? (const void *)w->bias : view_host(w->p->bias), column, w->size);
}

/* The first elements of an item's three matrices. */
static void find_item(const struct product *w, int64_t item, struct block *o)
{
    const struct gemm *p = w->p;
    int64_t a = 0, b = 0, c = 0;
    for (int32_t axis = p->nbatch; axis-- > 0; item /= p->batch[axis]) {
        int64_t index = item % p->batch[axis];
        a += index * p->a_batch[axis];
        b += index * p->b_batch[axis];
        c += index * p->c_batch[axis];
    }
    o->a = tile_at(view_host(&p->a), a, w->stored);
    o->b = tile_at(view_host(&p->b), b, w->stored);
    o->c = tile_at(view_host(&p->c), c, w->stored);
}

static struct block find_block(const struct product *w, int64_t unit)
{
    const struct gemm *p = w->p;
    int64_t column = unit % w->columns, row = unit / w->columns % w->rows;
    int64_t part = unit / w->columns / w->rows % w->parts, item = unit / w->columns / w->rows / w->parts;
    int64_t i = row * w->mb, j = column * w->nb, k = part * w->kb;
    struct block o = {.c_row = p->c_row};
    find_item(w, item, &o);
    if (w->parts > 1) {
        o.c = tile_at(w->partial, (item * w->parts + part) * p->m * p->n, w->size);
        o.c_row = p->n;
    }
    o.m = tile_min(w->mb, p->m - i);
    o.n = tile_min(w->nb, p->n - j);
    o.k = tile_min(w->kb, p->k - k);
    o.a = tile_at(o.a, i * p->a_row + k * p->a_col, w->stored);
    o.b = tile_at(o.b, k * p->b_row + j * p->b_col, w->stored);
    o.c = tile_at(o.c, i * o.c_row + j, w->parts > 1 ? w->size : w->stored);
    o.bias = w->parts > 1 ? NULL : bias_at(w, j);
    return o;
}

/* Columns j .. of the block, from packed A and a packed panel of B. */
static void own_panel(const struct product *w, const struct block *o, struct tile *t, const void *panel, int64_t j)
{
    const int64_t lanes = w->set->lanes, vectors = tile_blocks(tile_min(lanes * TILE_VECTORS, o->n - j), lanes);
    t->vectors = (int32_t)vectors;
    t->offset = w->offset + (vectors - 1) * w->set->depth;
    for (int32_t v = 0; v < vectors; v++) {
        int64_t column = j + v * lanes;
        t->width[v] = (int32_t)tile_min(lanes, o->n - column);
        t->b[v] = tile_at(panel, v * lanes, w->size);
        t->c[v] = tile_at(o->c, column, w->size);
        t->init[v] = t->init_row ? t->c[v] : o->bias ? tile_at(o->bias, column, w->size) : NULL;
    }
    w->set->tile(t);
}

/* set->panels, from A or B; 16-bit numbers are widened first. */
static void pack(const struct product *w, void *to, int64_t panel, int64_t unit, const void *from,
                 int64_t row, int64_t column, int64_t m, int64_t k, float *widened)
{
    if (w->half) {
        half_matrix(w->p->dtype, from, row, column, m, k, widened, &row, &column);
        from = widened;
    }
    w->set->panels(to, panel, unit, from, row, column, m, k);
}

static void own_block(const struct product *w, const struct block *o, char *buffer)
{
    const struct gemm *p = w->p;
    const int64_t lanes = w->set->lanes, columns = lanes * TILE_VECTORS,
                  depth = tile_even(o->k, w->set->depth, 8);
    char *panels = tile_at(buffer, w->mb * w->set->depth, w->size);
    float *widened = tile_at(panels, B_PANELS * columns * w->set->depth, w->size);
    for (int64_t k = 0; k == 0 || k < o->k; k += depth) {
        struct tile t = {.m = o->m, .k = tile_min(depth, o->k - k), .a = buffer, .c_row = o->c_row};
        t.c_step = t.init_step = 1;
        t.init_row = k > 0 ? o->c_row : 0;
        pack(w, buffer, w->set->rows, 1, tile_at(o->a, k * p->a_col, w->stored), p->a_row, p->a_col, o->m,
             t.k, widened);
        for (int64_t j = 0; j < o->n; j += B_PANELS * columns) {
            const int64_t end = tile_min(o->n, j + B_PANELS * columns);
            pack(w, panels, columns, lanes, tile_at(o->b, k * p->b_row + j * p->b_col, w->stored), p->b_col,
                 p->b_row, end - j, t.k, widened);
            for (int64_t i = j; i < end; i += columns)
                own_panel(w, o, &t, tile_at(panels, (i - j) * t.k, w->size), i);
        }
    }
}

/* Of 16 bits: in f32 first; parts are f32 anyhow. */
static void own_rounded(const struct product *w, const struct block *o, char *buffer)
{
    if (!w->results) {
        own_block(w, o, buffer);
        return;
    }
    struct block f32 = *o;
    f32.c_row = o->n;
    f32.c = buffer + w->buffer - align((size_t)w->results * w->size);
    own_block(w, &f32, buffer);
    for (int64_t i = 0; i < o->m; i++)
        half_narrow(w->p->dtype, o->n, (const float *)f32.c + i * o->n, tile_at(o->c, i * o->c_row, w->stored));
}

/* OpenBLAS takes matrices with one unit stride, and no rows that overlap or repeat. */
static int blas_takes(const struct gemm *p)
{
    const int64_t row = p->a_col == 1 ? p->a_row : p->a_col, column = p->b_col == 1 ? p->b_row : p->b_col;
    return (p->a_col == 1 ? p->a_row >= p->k : p->a_row == 1 && p->a_col >= p->m) &&
           (p->b_col == 1 ? p->b_row >= p->n : p->b_row == 1 && p->b_col >= p->k) && p->c_row >= p->n &&
           row <= INT_MAX && column <= INT_MAX && p->c_row <= INT_MAX && p->k <= INT_MAX;
}

static void blas_block(const struct product *w, const struct block *o)
{
    const struct gemm *p = w->p;
    blas_gemm(w->blas, p->dtype, p->a_col != 1, p->b_col != 1, (int)o->m, (int)o->n, (int)o->k, o->a,
              (int)(p->a_col == 1 ? p->a_row : p->a_col), o->b, (int)(p->b_col == 1 ? p->b_row : p->b_col),
              o->c, (int)o->c_row);
    if (o->bias)
        w->set->sum(o->c, o->c_row, o->c, o->c_row, 0, 1, o->bias, o->m, o->n);
}

static void vector_block(const struct product *w, int64_t unit, char *buffer)
{
    const struct gemm *p = w->p;
    const int64_t column = unit % w->columns * w->nb, size = (int64_t)w->size;
    struct block o;
    find_item(w, unit / w->columns, &o);
    struct gemv t = {.k = p->k, .bias = bias_at(w, w->vector == 1 ? column : 0)};
    t.n = tile_min(w->nb, (w->vector == 1 ? p->n : p->m) - column);
    t.a = w->vector == 1 ? o.a : o.b;
    t.b = w->vector == 1 ? o.b : o.a;
    t.b_row = w->vector == 1 ? p->b_row : p->a_col;
    t.b_col = w->vector == 1 ? p->b_col : p->a_row;
    t.bias_step = w->vector == 1;
    t.b = tile_at(t.b, column * t.b_col, (size_t)size);
    t.z = tile_at(o.c, column, (size_t)size);
    int64_t step = w->vector == 1 ? p->a_col : p->b_row;
    if (step != 1) {
        w->set->pack(buffer, 1, 1, t.a, 0, step, 1, t.k);
        t.a = buffer;
    }
    w->set->gemv(&t);
    finish(w, t.z, 1, t.n);
}

/* ---- Tasks ---- */

static void run_task(void *arg, int64_t task, int thread)
{
    const struct product *w = arg;
    char *buffer = w->buffers + (size_t)thread * w->buffer;
    if (task >= w->tasks) {
        sum_rows(w, task - w->tasks, (float *)(void *)buffer);
        return;
    }
    const int64_t end = tile_min(w->units, (task + 1) * w->grain);
    for (int64_t unit = task * w->grain; unit < end; unit++) {
        if (w->vector) {
            vector_block(w, unit, buffer);
            continue;
        }
        struct block o = find_block(w, unit);
        if (w->blas)
            blas_block(w, &o);
        else
            own_rounded(w, &o, buffer);
        if (w->parts == 1)
            finish(w, o.c, o.m, o.n);
    }
}

enum { SUM_ROWS = 16 };

/* Adds the parts of SUM_ROWS rows of an item. */
static void sum_task(void *arg, int64_t task, int thread)
{
    const struct product *w = arg;
    const struct gemm *p = w->p;
    const int64_t blocks = tile_blocks(p->m, SUM_ROWS), item = task / blocks, row = task % blocks * SUM_ROWS;
    struct block o;
    (void)thread;
    find_item(w, item, &o);
    const int64_t rows = tile_min(SUM_ROWS, p->m - row);
    const void *x = tile_at(w->partial, (item * w->parts * p->m + row) * p->n, w->size);
    void *c = tile_at(o.c, row * p->c_row, w->stored),
         *to = w->half ? (void *)(uintptr_t)x : c; /* or in its place */
    w->set->sum(to, w->half ? p->n : p->c_row, x, p->n, p->m * p->n, w->parts, bias_at(w, 0), rows, p->n);
    for (int64_t r = 0; r < rows && w->half; r++)
        half_narrow(p->dtype, p->n, (const float *)to + r * p->n, tile_at(c, r * p->c_row, w->stored));
    finish(w, c, rows, p->n);
}

/* Whether OpenBLAS, if one was named, computes the blocks: not thin and small products, where our own loops are as
 * fast or faster. */
static struct blas *choose(const struct product *w)
{
    const struct gemm *p = w->p;
    const int64_t least = 24, small = 128 * 128 * 128;
    if (w->half || w->vector || p->k < least || p->m < least || p->n < least || !blas_takes(p))
        return NULL;
    return (double)p->m * (double)p->n * (double)p->k <= small ? NULL : cpu_blas();
}

gradc_status cpu_gemm(struct device *d, const struct gemm *p, struct place workspace, struct failure *f)
{
    struct product w;
    (void)f;
    if (is_empty(p))
        return GRADC_OK;
    split(&w, p);
    w.blas = choose(&w);
    char *memory = place_host(workspace);
    w.offset = (int32_t *)(void *)memory;
    w.buffers = memory + table_bytes(&w);
    w.partial = w.buffers + (size_t)cpu_threads(d) * w.buffer;
    for (int64_t v = 0, k = 0; v < TILE_VECTORS; v++)
        for (int64_t i = 0; i < w.set->depth && !w.vector; i++, k++)
            w.offset[k] = (int32_t)(i * (v + 1) * w.set->lanes);
    w.ones = w.partial + partial_bytes(&w);
    if (w.half && p->bias) {
        w.bias = tile_at(w.ones, p->row_sums ? PART_DEPTH : 0, w.size);
        half_widen(p->dtype, p->n, view_host(p->bias), 1, w.bias);
    }
    if (p->row_sums)
        w.set->fill(w.ones, tile_min(p->k, PART_DEPTH), 1);
    cpu_parallel(d, w.tasks + (p->row_sums ? tile_blocks(p->m, ROW_SUMS) : 0), run_task, &w);
    if (w.parts > 1)
        cpu_parallel(d, w.items * tile_blocks(p->m, SUM_ROWS), sum_task, &w);
    return GRADC_OK;
}
