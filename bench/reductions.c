/* reductions.c - reductions: of all of 1e3, 1e5 and 1e7 elements, and of the 1000 rows of 1e7. */
#include "bench.h"

typedef gradc_tensor *reduction(gradc_tensor *x, int naxes, const int *axes, int keepdim);

static gradc_tensor *var(gradc_tensor *x, int naxes, const int *axes, int keepdim)
{
    return gradc_var(x, naxes, axes, keepdim, 1);
}

static gradc_tensor *deviation(gradc_tensor *x, int naxes, const int *axes, int keepdim)
{
    return gradc_std(x, naxes, axes, keepdim, 1);
}

static gradc_tensor *norm(gradc_tensor *x, int naxes, const int *axes, int keepdim)
{
    return gradc_norm(x, 2, naxes, axes, keepdim);
}

struct reduce {
    reduction *op;
};

static const struct reduce min_row = {gradc_min}, argmin_row = {gradc_argmin}, prod_row = {gradc_prod},
                           any_row = {gradc_any}, all_row = {gradc_all}, var_row = {var},
                           std_row = {deviation}, norm_row = {norm}, logsumexp_row = {gradc_logsumexp};

/* size: one axis, all of it reduced, or two, and the last one reduced. */
static void setup(struct bench *b)
{
    bench_tensor(b, b->row->size[1] ? 2 : 1, b->row->size);
}

static double run(struct bench *b, int64_t rounds)
{
    const struct reduce *r = b->row->extra;
    double start = bench_seconds();
    for (int64_t i = 0; i < rounds; i++) {
        r->op(b->t[0], 1, (const int[]){-1}, 0);
        gradc_sync(b->g);
        gradc_tape_clear(b->g);
    }
    return bench_seconds() - start;
}

#define SIZES(name)                                                            \
    {#name "-1e3", "us", 1, 0, setup, run, {1000}, &name##_row},               \
        {#name "-1e5", "us", 1, 0, setup, run, {100000}, &name##_row},         \
        {#name "-1e7", "us", 1, 0, setup, run, {10000000}, &name##_row},       \
    {                                                                          \
#name "-rows-1e7", "us", 1, 0, setup, run, {1000, 10000 }, &name##_row \
    }

const struct bench_case reduction_cases[] = {
    SIZES(min), SIZES(argmin), SIZES(prod), SIZES(any),       SIZES(all),
    SIZES(var), SIZES(std),    SIZES(norm), SIZES(logsumexp), {NULL, NULL, 0, 0, NULL, NULL, {0}, NULL},
};
