/* reductions.c - reductions: of all of 1e3, 1e5 and 1e7 elements, and of the 1000 rows of 1e7. */
#include "bench.h"

/* size: one axis, all of it reduced, or two, and the last one reduced. */
static void operand(struct bench *b)
{
    bench_tensor(b, b->row->size[1] ? 2 : 1, b->row->size);
}

static const int last[] = {-1};

BENCH_RECORD(min, gradc_min(t[0], 1, last, 0))
BENCH_RECORD(argmin, gradc_argmin(t[0], 1, last, 0))
BENCH_RECORD(prod, gradc_prod(t[0], 1, last, 0))
BENCH_RECORD(any, gradc_any(t[0], 1, last, 0))
BENCH_RECORD(all, gradc_all(t[0], 1, last, 0))
BENCH_RECORD(var, gradc_var(t[0], 1, last, 0, 1))
BENCH_RECORD(std, gradc_std(t[0], 1, last, 0, 1))
BENCH_RECORD(norm, gradc_norm(t[0], 2, 1, last, 0))
BENCH_RECORD(logsumexp, gradc_logsumexp(t[0], 1, last, 0))

#define ROWS(op)                                                                    \
    BENCH_ROW(#op "-1e3", "us", operand, bench_forward, record_##op, 1000),         \
        BENCH_ROW(#op "-1e5", "us", operand, bench_forward, record_##op, 100000),   \
        BENCH_ROW(#op "-1e7", "us", operand, bench_forward, record_##op, 10000000), \
        BENCH_ROW(#op "-rows-1e7", "us", operand, bench_forward, record_##op, 1000, 10000)

const struct bench_case reduction_cases[] = {
    ROWS(min), ROWS(argmin), ROWS(prod), ROWS(any),       ROWS(all),
    ROWS(var), ROWS(std),    ROWS(norm), ROWS(logsumexp), {.name = NULL},
};
