/* losses.c - losses with their gradients, and steps of optimisers: the time of one. */
#include "bench.h"

enum { CLASSES = 10 };

/* ---- Losses: t is x, which wants a gradient, and the target ---- */

static void pair(struct bench *b)
{
    bench_tensor(b, 1, b->row->size);
    bench_tensor(b, 1, b->row->size);
    bench_want(b, 1);
}

/* x [n / 10, 10] and its labels. */
static void labelled(struct bench *b)
{
    const int64_t shape[] = {b->row->size[0] / CLASSES, CLASSES};
    bench_tensor(b, 2, shape);
    bench_index(b, 1, shape, CLASSES);
    bench_want(b, 1);
}

BENCH_RECORD(mse, gradc_mse_loss(t[0], t[1], GRADC_REDUCE_MEAN))
BENCH_RECORD(l1, gradc_l1_loss(t[0], t[1], GRADC_REDUCE_MEAN))
BENCH_RECORD(smooth_l1, gradc_smooth_l1_loss(t[0], t[1], 1, GRADC_REDUCE_MEAN))
BENCH_RECORD(bce_with_logits, gradc_bce_with_logits(t[0], t[1], NULL, NULL, GRADC_REDUCE_MEAN))
BENCH_RECORD(kl_div, gradc_kl_div(t[0], t[1], 1, GRADC_REDUCE_SUM))
BENCH_RECORD(nll, gradc_nll_loss(t[0], t[1], NULL, -100, GRADC_REDUCE_MEAN))
BENCH_RECORD(cross_entropy_full, gradc_cross_entropy_full(t[0], t[1], NULL, -100, 0.1, GRADC_REDUCE_MEAN))

/* ---- Steps: of t[0], whose gradient is t[1]: a product, its sum and its gradient are counted, too ---- */

static void rmsprop_setup(struct bench *b)
{
    pair(b);
    b->optim = gradc_rmsprop(b->t, 1, 1e-6);
}

static void adam_setup(struct bench *b)
{
    pair(b);
    b->optim = gradc_adam(b->t, 1, 1e-6);
}

static void backward(struct bench *b)
{
    gradc_backward(gradc_sum(gradc_mul(b->t[0], b->t[1]), 0, NULL, 0));
}

static double step(struct bench *b, int64_t rounds)
{
    double start = bench_seconds();
    for (int64_t i = 0; i < rounds; i++) {
        backward(b);
        gradc_step(b->optim);
        bench_finish(b);
    }
    return bench_seconds() - start;
}

/* The gradient is dropped after it was clipped. */
static double clip(struct bench *b, int64_t rounds)
{
    double start = bench_seconds();
    for (int64_t i = 0; i < rounds; i++) {
        backward(b);
        gradc_clip_grad_norm(b->t, 1, 1);
        gradc_sync(b->g);
        gradc_zero_grad(b->t, 1);
        gradc_tape_clear(b->g);
    }
    return bench_seconds() - start;
}

#define EACH(name, prepare, work, op)                            \
    BENCH_ROW(name "-1e3", "us", prepare, work, op, 1000),       \
        BENCH_ROW(name "-1e5", "us", prepare, work, op, 100000), \
        BENCH_ROW(name "-1e7", "us", prepare, work, op, 10000000)
#define LOSS(op, prepare) EACH(#op, prepare, bench_both, record_##op)

const struct bench_case loss_cases[] = {
    LOSS(mse, pair),
    LOSS(l1, pair),
    LOSS(smooth_l1, pair),
    LOSS(bce_with_logits, pair),
    LOSS(kl_div, pair),
    LOSS(nll, labelled),
    LOSS(cross_entropy_full, labelled),
    EACH("rmsprop-step", rmsprop_setup, step, NULL),
    EACH("adam-step", adam_setup, step, NULL),
    BENCH_ROW("adam-step-6.4e7", "ms", adam_setup, step, NULL, 64000000),
    EACH("clip_grad_norm", pair, clip, NULL),
    {.name = NULL},
};
