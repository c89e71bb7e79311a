/* indexing.c - ops that pick, add and move elements, forward; size is rows and columns. */
#include "bench.h"

enum { CLASSES = 10 };

static void matrix(struct bench *b)
{
    bench_tensor(b, 2, b->row->size);
}

static void matrices(struct bench *b)
{
    bench_tensor(b, 2, b->row->size);
    bench_tensor(b, 2, b->row->size);
}

static void rows_by_index(struct bench *b)
{
    matrix(b);
    bench_index(b, 1, b->row->size, b->row->size[0]);
}

static void elements_by_index(struct bench *b)
{
    matrices(b);
    bench_index(b, 2, b->row->size, b->row->size[1]);
}

/* size: of x, of the index. */
static void line_by_index(struct bench *b)
{
    bench_tensor(b, 1, b->row->size);
    bench_tensor(b, 1, b->row->size + 1);
    bench_index(b, 1, b->row->size + 1, b->row->size[0]);
}

/* size: of the index. */
static void classes(struct bench *b)
{
    bench_index(b, 1, b->row->size, CLASSES);
}

static const int64_t frame[] = {1, 1, 1, 1};
static const int columns[] = {1};

BENCH_RECORD(concat, gradc_concat(t, 2, 1))
BENCH_RECORD(stack, gradc_stack(t, 2, 0))
BENCH_RECORD(index_select, gradc_index_select(t[0], 0, t[1]))
BENCH_RECORD(gather, gradc_gather(t[0], 1, t[2]))
BENCH_RECORD(scatter_add, gradc_scatter_add(t[0], -1, t[2], t[1]))
BENCH_RECORD(one_hot, gradc_one_hot(t[0], CLASSES))
BENCH_RECORD(pad, gradc_pad(t[0], 4, frame, 0))
BENCH_RECORD(flip, gradc_flip(t[0], 1, columns))
BENCH_RECORD(tril, gradc_tril(t[0], 0))
BENCH_RECORD(triu, gradc_triu(t[0], 0))

/* Of 1e3, 1e5 and 1e7 elements. */
#define ROWS(op, prepare, rows, cols)                                                           \
    BENCH_ROW(#op "-1e3", "us", prepare, bench_forward, record_##op, (rows), (cols)),           \
        BENCH_ROW(#op "-1e5", "us", prepare, bench_forward, record_##op, (rows)*10, (cols)*10), \
        BENCH_ROW(#op "-1e7", "us", prepare, bench_forward, record_##op, (rows)*100, (cols)*100)
#define LINE(to, n) \
    BENCH_ROW("scatter_add-1e6-into-" to, "us", line_by_index, bench_forward, record_scatter_add, n, 1000000)

const struct bench_case indexing_cases[] = {
    ROWS(concat, matrices, 20, 25),
    ROWS(stack, matrices, 20, 25),
    ROWS(index_select, rows_by_index, 20, 50),
    ROWS(gather, elements_by_index, 20, 50),
    ROWS(scatter_add, elements_by_index, 20, 50),
    LINE("1e5", 100000),
    LINE("10", 10),
    ROWS(pad, matrix, 20, 50),
    ROWS(flip, matrix, 20, 50),
    ROWS(tril, matrix, 20, 50),
    ROWS(triu, matrix, 20, 50),
    BENCH_ROW("one_hot-1e3", "us", classes, bench_forward, record_one_hot, 100),
    BENCH_ROW("one_hot-1e5", "us", classes, bench_forward, record_one_hot, 10000),
    BENCH_ROW("one_hot-1e7", "us", classes, bench_forward, record_one_hot, 1000000),
    {.name = NULL},
};
