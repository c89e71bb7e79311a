/* indexing.c - ops that pick, add and move elements, forward; size is rows and columns. */
#include "bench.h"

#include <stdlib.h>

static void matrix(struct bench *b)
{
    bench_tensor(b, 2, b->row->size);
}

static void matrices(struct bench *b)
{
    bench_tensor(b, 2, b->row->size);
    bench_tensor(b, 2, b->row->size);
}

/* An index of this shape, of whole numbers below `limit`. */
static void index_tensor(struct bench *b, int ndim, const int64_t *shape, int64_t limit)
{
    gradc_tensor *t = b->t[b->n++] = gradc_new(b->g, GRADC_I64, ndim, shape);
    int64_t n = gradc_numel(t), *values = bench_memory((size_t)n + 1, sizeof *values);
    uint64_t state = 1;

    for (int64_t i = 0; i < n; i++)
        values[i] = (int64_t)((bench_random(&state) + 1) / 2 * (float)limit) % limit;
    gradc_write(t, values, (size_t)n * sizeof *values);
    free(values);
}

static void rows_by_index(struct bench *b)
{
    matrix(b);
    index_tensor(b, 1, b->row->size, b->row->size[0]);
}

static void elements_by_index(struct bench *b)
{
    matrices(b);
    index_tensor(b, 2, b->row->size, b->row->size[1]);
}

/* size: of x, of the index. */
static void line_by_index(struct bench *b)
{
    bench_tensor(b, 1, b->row->size);
    bench_tensor(b, 1, b->row->size + 1);
    index_tensor(b, 1, b->row->size + 1, b->row->size[0]);
}

static void classes(struct bench *b)
{
    index_tensor(b, 1, b->row->size, b->row->size[1]);
}

static gradc_tensor *record_concat(struct bench *b)
{
    return gradc_concat(b->t, 2, 1);
}

static gradc_tensor *record_stack(struct bench *b)
{
    return gradc_stack(b->t, 2, 0);
}

static gradc_tensor *record_index_select(struct bench *b)
{
    return gradc_index_select(b->t[0], 0, b->t[1]);
}

static gradc_tensor *record_gather(struct bench *b)
{
    return gradc_gather(b->t[0], 1, b->t[2]);
}

static gradc_tensor *record_scatter_add(struct bench *b)
{
    return gradc_scatter_add(b->t[0], gradc_ndim(b->t[0]) - 1, b->t[2], b->t[1]);
}

static gradc_tensor *record_one_hot(struct bench *b)
{
    return gradc_one_hot(b->t[0], b->row->size[1]);
}

static gradc_tensor *record_pad(struct bench *b)
{
    return gradc_pad(b->t[0], 4, (const int64_t[]){1, 1, 1, 1}, 0);
}

static gradc_tensor *record_flip(struct bench *b)
{
    return gradc_flip(b->t[0], 1, (const int[]){1});
}

static gradc_tensor *record_tril(struct bench *b)
{
    return gradc_tril(b->t[0], 0);
}

struct indexing {
    gradc_tensor *(*record)(struct bench *b);
};

static const struct indexing concat = {record_concat}, stack = {record_stack}, select = {record_index_select},
                             gather = {record_gather}, scatter = {record_scatter_add},
                             one_hot = {record_one_hot}, pad = {record_pad}, flip = {record_flip},
                             tril = {record_tril};

static double forward(struct bench *b, int64_t rounds)
{
    const struct indexing *op = b->row->extra;
    double start = bench_seconds();
    for (int64_t i = 0; i < rounds; i++) {
        op->record(b);
        gradc_sync(b->g);
        gradc_tape_clear(b->g);
    }
    return bench_seconds() - start;
}

/* Of 1e3, 1e5 and 1e7 elements. */
/* clang-format off */
#define EACH(name, setup, op, rows, cols)                                  \
    {name "-1e3", "us", 1, 0, setup, forward, {rows, cols}, op},           \
    {name "-1e5", "us", 1, 0, setup, forward, {rows * 10, cols * 10}, op}, \
    {name "-1e7", "us", 1, 0, setup, forward, {rows * 100, cols * 100}, op}
/* clang-format on */

const struct bench_case indexing_cases[] = {
    EACH("concat", matrices, &concat, 20, 25),
    EACH("stack", matrices, &stack, 20, 25),
    EACH("index_select", rows_by_index, &select, 20, 50),
    EACH("gather", elements_by_index, &gather, 20, 50),
    EACH("scatter_add", elements_by_index, &scatter, 20, 50),
    {"scatter_add-1e6-into-1e5", "us", 1, 0, line_by_index, forward, {100000, 1000000}, &scatter},
    {"scatter_add-1e6-into-10", "us", 1, 0, line_by_index, forward, {10, 1000000}, &scatter},
    EACH("pad", matrix, &pad, 20, 50),
    EACH("flip", matrix, &flip, 20, 50),
    EACH("tril", matrix, &tril, 20, 50),
    {"one_hot-1e3", "us", 1, 0, classes, forward, {100, 10}, &one_hot},
    {"one_hot-1e5", "us", 1, 0, classes, forward, {10000, 10}, &one_hot},
    {"one_hot-1e7", "us", 1, 0, classes, forward, {1000000, 10}, &one_hot},
    {NULL, NULL, 0, 0, NULL, NULL, {0}, NULL},
};
