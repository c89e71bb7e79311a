/* overhead.c - what the library itself costs: recording, planning and running with nothing to compute. */
#include "bench.h"

enum { NODES = 1000, CHAIN = 100 };

static void scalars(struct bench *b)
{
    bench_tensor(b, 0, NULL);
    bench_tensor(b, 0, NULL);
}

static void scalar_params(struct bench *b)
{
    bench_param(b, 0, NULL);
    bench_param(b, 0, NULL);
}

/* Products of two parameters: a node that keeps what its gradient reads.  Clearing is not counted. */
static double record(struct bench *b, int64_t rounds)
{
    double seconds = 0;
    for (int64_t i = 0; i < rounds; i++) {
        double start = bench_seconds();
        for (int k = 0; k < NODES; k++)
            gradc_mul(b->t[0], b->t[1]);
        seconds += bench_seconds() - start;
        gradc_tape_clear(b->g);
    }
    return seconds;
}

/* The same with the clearing. */
static double record_and_clear(struct bench *b, int64_t rounds)
{
    double start = bench_seconds();
    for (int64_t i = 0; i < rounds; i++) {
        for (int k = 0; k < NODES; k++)
            gradc_mul(b->t[0], b->t[1]);
        gradc_tape_clear(b->g);
    }
    return bench_seconds() - start;
}

/* Record, plan hit, run, read, clear. */
static double eval(struct bench *b, int64_t rounds)
{
    double start = bench_seconds();
    for (int64_t i = 0; i < rounds; i++) {
        float value;
        gradc_read(gradc_mul(b->t[0], b->t[1]), &value, sizeof value);
        gradc_tape_clear(b->g);
    }
    return bench_seconds() - start;
}

static gradc_tensor *record_chain(gradc_tensor *x)
{
    for (int k = 0; k < CHAIN; k++)
        x = gradc_mul_scalar(x, 1.0001);
    return x;
}

static double chain(struct bench *b, int64_t rounds)
{
    double start = bench_seconds();
    for (int64_t i = 0; i < rounds; i++) {
        gradc_item(record_chain(b->t[0]));
        gradc_tape_clear(b->g);
    }
    return bench_seconds() - start;
}

/* The same with its gradient. */
static double chain_both(struct bench *b, int64_t rounds)
{
    double start = bench_seconds();
    for (int64_t i = 0; i < rounds; i++) {
        gradc_backward(record_chain(b->t[0]));
        gradc_item(gradc_grad(b->t[0]));
        gradc_zero_grad(b->t, 1);
        gradc_tape_clear(b->g);
    }
    return bench_seconds() - start;
}

const struct bench_case overhead_cases[] = {
    {.name = "record-op", .unit = "ns", .per = NODES, .setup = scalar_params, .run = record},
    {.name = "record-clear", .unit = "ns", .per = NODES, .setup = scalar_params, .run = record_and_clear},
    {.name = "eval1", .unit = "us", .per = 1, .setup = scalars, .run = eval},
    {.name = "chain100", .unit = "us", .per = 1, .setup = scalars, .run = chain},
    {.name = "chain100-both", .unit = "us", .per = 1, .setup = scalar_params, .run = chain_both},
    {.name = NULL},
};
