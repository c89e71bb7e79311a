/* losses.c - losses with their gradients, and steps of optimisers: the time of one. */
#include "bench.h"

enum { CLASSES = 10 };

/* x wants a gradient; a target of x's shape. */
static void pair(struct bench *b)
{
    bench_param(b, 1, b->row->size);
    bench_tensor(b, 1, b->row->size);
}

/* x [n / 10, 10] and its labels. */
static void labelled(struct bench *b)
{
    const int64_t rows = b->row->size[0] / CLASSES;
    bench_param(b, 2, (const int64_t[]){rows, CLASSES});
    b->labels = bench_memory((size_t)rows, sizeof *b->labels);
    for (int64_t i = 0; i < rows; i++)
        b->labels[i] = i * 7 % CLASSES;
    b->t[b->n] = gradc_new(b->g, GRADC_I64, 1, &rows);
    gradc_write(b->t[b->n++], b->labels, (size_t)rows * sizeof *b->labels);
}

static gradc_tensor *record_mse(gradc_tensor *const *t)
{
    return gradc_mse_loss(t[0], t[1], GRADC_REDUCE_MEAN);
}

static gradc_tensor *record_l1(gradc_tensor *const *t)
{
    return gradc_l1_loss(t[0], t[1], GRADC_REDUCE_MEAN);
}

static gradc_tensor *record_smooth_l1(gradc_tensor *const *t)
{
    return gradc_smooth_l1_loss(t[0], t[1], 1, GRADC_REDUCE_MEAN);
}

static gradc_tensor *record_bce_with_logits(gradc_tensor *const *t)
{
    return gradc_bce_with_logits(t[0], t[1], NULL, NULL, GRADC_REDUCE_MEAN);
}

static gradc_tensor *record_kl_div(gradc_tensor *const *t)
{
    return gradc_kl_div(t[0], t[1], 1, GRADC_REDUCE_SUM);
}

static gradc_tensor *record_nll(gradc_tensor *const *t)
{
    return gradc_nll_loss(t[0], t[1], NULL, -100, GRADC_REDUCE_MEAN);
}

static gradc_tensor *record_cross_entropy_full(gradc_tensor *const *t)
{
    return gradc_cross_entropy_full(t[0], t[1], NULL, -100, 0.1, GRADC_REDUCE_MEAN);
}

struct loss {
    gradc_tensor *(*record)(gradc_tensor *const *t);
};

static const struct loss mse_row = {record_mse}, l1_row = {record_l1}, smooth_l1_row = {record_smooth_l1},
                         bce_with_logits_row = {record_bce_with_logits}, kl_div_row = {record_kl_div},
                         nll_row = {record_nll}, cross_entropy_full_row = {record_cross_entropy_full};

/* Value and gradient. */
static double both(struct bench *b, int64_t rounds)
{
    const struct loss *loss = b->row->extra;
    double start = bench_seconds();
    for (int64_t i = 0; i < rounds; i++) {
        gradc_tensor *dx;
        gradc_gradients(loss->record(b->t), NULL, 1, &b->t[0], &dx);
        gradc_sync(b->g);
        gradc_tape_clear(b->g);
    }
    return bench_seconds() - start;
}

/* ---- Steps ---- */

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

/* The gradient is b->t[1], repeated: the step and one product. */
static double step(struct bench *b, int64_t rounds)
{
    double start = bench_seconds();
    for (int64_t i = 0; i < rounds; i++) {
        gradc_backward(gradc_sum(gradc_mul(b->t[0], b->t[1]), 0, NULL, 0));
        gradc_step(b->optim);
        gradc_sync(b->g);
        gradc_tape_clear(b->g);
    }
    return bench_seconds() - start;
}

const struct bench_case loss_cases[] = {
    {"mse-1e3", "us", 1, 0, pair, both, {1000}, &mse_row},
    {"mse-1e5", "us", 1, 0, pair, both, {100000}, &mse_row},
    {"mse-1e7", "us", 1, 0, pair, both, {10000000}, &mse_row},
    {"l1-1e3", "us", 1, 0, pair, both, {1000}, &l1_row},
    {"l1-1e5", "us", 1, 0, pair, both, {100000}, &l1_row},
    {"l1-1e7", "us", 1, 0, pair, both, {10000000}, &l1_row},
    {"smooth_l1-1e3", "us", 1, 0, pair, both, {1000}, &smooth_l1_row},
    {"smooth_l1-1e5", "us", 1, 0, pair, both, {100000}, &smooth_l1_row},
    {"smooth_l1-1e7", "us", 1, 0, pair, both, {10000000}, &smooth_l1_row},
    {"bce_with_logits-1e3", "us", 1, 0, pair, both, {1000}, &bce_with_logits_row},
    {"bce_with_logits-1e5", "us", 1, 0, pair, both, {100000}, &bce_with_logits_row},
    {"bce_with_logits-1e7", "us", 1, 0, pair, both, {10000000}, &bce_with_logits_row},
    {"kl_div-1e3", "us", 1, 0, pair, both, {1000}, &kl_div_row},
    {"kl_div-1e5", "us", 1, 0, pair, both, {100000}, &kl_div_row},
    {"kl_div-1e7", "us", 1, 0, pair, both, {10000000}, &kl_div_row},
    {"nll-1e3", "us", 1, 0, labelled, both, {1000}, &nll_row},
    {"nll-1e5", "us", 1, 0, labelled, both, {100000}, &nll_row},
    {"nll-1e7", "us", 1, 0, labelled, both, {10000000}, &nll_row},
    {"cross_entropy_full-1e3", "us", 1, 0, labelled, both, {1000}, &cross_entropy_full_row},
    {"cross_entropy_full-1e5", "us", 1, 0, labelled, both, {100000}, &cross_entropy_full_row},
    {"cross_entropy_full-1e7", "us", 1, 0, labelled, both, {10000000}, &cross_entropy_full_row},
    {"rmsprop-step-1e7", "ms", 1, 0, rmsprop_setup, step, {10000000}, NULL},
    {"adam-step-1e7", "ms", 1, 0, adam_setup, step, {10000000}, NULL},
    {NULL, NULL, 0, 0, NULL, NULL, {0}, NULL},
};
