/* ops.c - single ops on operands that stay where they are: the time of one run, its result in fresh memory. */
#include "bench.h"

/* Runs what was recorded, and takes it back. */
static void finish(struct bench *b)
{
    gradc_sync(b->g);
    gradc_tape_clear(b->g);
}

/* ---- One operand ---- */

static void vector(struct bench *b)
{
    bench_tensor(b, 1, b->row->size);
    bench_tensor(b, 1, b->row->size);
}

static void rows(struct bench *b)
{
    bench_tensor(b, 2, b->row->size);
}

static gradc_tensor *record_add(gradc_tensor *const *t)
{
    return gradc_add(t[0], t[1]);
}

static gradc_tensor *record_exp(gradc_tensor *const *t)
{
    return gradc_exp(t[0]);
}

static gradc_tensor *record_tanh(gradc_tensor *const *t)
{
    return gradc_tanh(t[0]);
}

static gradc_tensor *record_relu(gradc_tensor *const *t)
{
    return gradc_relu(t[0]);
}

static gradc_tensor *record_softmax(gradc_tensor *const *t)
{
    return gradc_softmax(t[0], -1);
}

static gradc_tensor *record_matmul(gradc_tensor *const *t)
{
    return gradc_matmul(t[0], t[1]);
}

static gradc_tensor *record_pool(gradc_tensor *const *t)
{
    return gradc_max_pool2d(t[0], 2, 2);
}

static gradc_tensor *record_avg_pool(gradc_tensor *const *t)
{
    return gradc_avg_pool2d(t[0], 2, 2);
}

static gradc_tensor *record_global_pool(gradc_tensor *const *t)
{
    return gradc_adaptive_avg_pool2d(t[0], 1, 1);
}

static gradc_tensor *record_adaptive_pool(gradc_tensor *const *t)
{
    return gradc_adaptive_avg_pool2d(t[0], 7, 7);
}

struct forward {
    gradc_tensor *(*record)(gradc_tensor *const *t);
};

static const struct forward add_row = {record_add}, exp_row = {record_exp}, tanh_row = {record_tanh},
                            relu_row = {record_relu}, softmax_row = {record_softmax},
                            matmul_row = {record_matmul}, pool_row = {record_pool},
                            avg_pool_row = {record_avg_pool}, global_pool_row = {record_global_pool},
                            adaptive_pool_row = {record_adaptive_pool};

static double forward(struct bench *b, int64_t rounds)
{
    const struct forward *f = b->row->extra;
    double start = bench_seconds();
    for (int64_t i = 0; i < rounds; i++) {
        f->record(b->t);
        finish(b);
    }
    return bench_seconds() - start;
}

/* ---- Products, pools ---- */

static void square(struct bench *b)
{
    const int64_t n = b->row->size[0];
    bench_tensor(b, 2, (const int64_t[]){n, n});
    bench_tensor(b, 2, (const int64_t[]){n, n});
}

static void pool_setup(struct bench *b)
{
    const int64_t *s = b->row->size;
    bench_tensor(b, 4, s);
    bench_tensor(b, 4, (const int64_t[]){s[0], s[1], s[2] / 2, s[3] / 2});
    gradc_requires_grad(b->t[0], 1);
}

static void images(struct bench *b)
{
    bench_tensor(b, 4, b->row->size);
}

static double pool_both(struct bench *b, int64_t rounds)
{
    const struct forward *f = b->row->extra;
    double start = bench_seconds();
    for (int64_t i = 0; i < rounds; i++) {
        gradc_tensor *z = f->record(b->t), *dx;
        gradc_gradients(z, b->t[1], 1, &b->t[0], &dx);
        finish(b);
    }
    return bench_seconds() - start;
}

/* ---- Norms: size is the shape; t is x, weight, bias, the running statistics, dz ---- */

enum { NORM_X, NORM_WEIGHT, NORM_BIAS, NORM_MEAN, NORM_VAR, NORM_DZ };

static void norm_setup(struct bench *b)
{
    const int64_t *s = b->row->size;
    bench_tensor(b, 4, s);
    for (int i = NORM_WEIGHT; i <= NORM_VAR; i++)
        bench_tensor(b, 1, &s[1]);
    bench_tensor(b, 4, s);
    for (int i = NORM_X; i <= NORM_BIAS; i++)
        gradc_requires_grad(b->t[i], 1);
}

static gradc_tensor *record_batch_norm(gradc_tensor *const *t)
{
    return gradc_batch_norm(t[NORM_X], t[NORM_MEAN], t[NORM_VAR], t[NORM_WEIGHT], t[NORM_BIAS], 1, 0.1, 1e-5);
}

static gradc_tensor *record_group_norm(gradc_tensor *const *t)
{
    return gradc_group_norm(t[NORM_X], 8, t[NORM_WEIGHT], t[NORM_BIAS], 1e-5);
}

/* size: rows, n */
static void layer_norm_setup(struct bench *b)
{
    const int64_t *s = b->row->size;
    for (int i = NORM_X; i <= NORM_DZ; i++)
        bench_tensor(b, i == NORM_X || i == NORM_DZ ? 2 : 1, i == NORM_X || i == NORM_DZ ? s : &s[1]);
    for (int i = NORM_X; i <= NORM_BIAS; i++)
        gradc_requires_grad(b->t[i], 1);
}

static gradc_tensor *record_layer_norm(gradc_tensor *const *t)
{
    int64_t n = gradc_size(t[NORM_X], 1);
    return gradc_layer_norm(t[NORM_X], 1, &n, t[NORM_WEIGHT], t[NORM_BIAS], 1e-5);
}

static const struct forward batch_norm_row = {record_batch_norm}, layer_norm_row = {record_layer_norm},
                            group_norm_row = {record_group_norm};

static double norm_both(struct bench *b, int64_t rounds)
{
    const struct forward *f = b->row->extra;
    double start = bench_seconds();
    for (int64_t i = 0; i < rounds; i++) {
        gradc_tensor *d[3];
        gradc_gradients(f->record(b->t), b->t[NORM_DZ], 3, b->t, d);
        finish(b);
    }
    return bench_seconds() - start;
}

/* ---- Convolutions: size is batch, channels, height, width, output channels; t is x, w, dz ---- */

static void conv_setup(struct bench *b)
{
    const int64_t *s = b->row->size;
    bench_tensor(b, 4, s);
    bench_tensor(b, 4, (const int64_t[]){s[4], s[1], 3, 3});
    bench_tensor(b, 4, (const int64_t[]){s[0], s[4], s[2], s[3]});
    gradc_requires_grad(b->t[0], 1);
    gradc_requires_grad(b->t[1], 1);
}

static double conv_forward(struct bench *b, int64_t rounds)
{
    double start = bench_seconds();
    gradc_record(b->g, 0);
    for (int64_t i = 0; i < rounds; i++) {
        gradc_conv2d(b->t[0], b->t[1], NULL, 1, 1);
        finish(b);
    }
    return bench_seconds() - start;
}

/* The result is let go, and no gradient reads it, so only the gradient of operand `of` runs. */
static double conv_backward(struct bench *b, int64_t rounds, int of)
{
    double start = bench_seconds();
    for (int64_t i = 0; i < rounds; i++) {
        gradc_tensor *z = gradc_conv2d(b->t[0], b->t[1], NULL, 1, 1), *d;
        gradc_gradients(z, b->t[2], 1, &b->t[of], &d);
        gradc_release(z);
        finish(b);
    }
    return bench_seconds() - start;
}

/* x is dz of the other cases. */
static double conv_transpose(struct bench *b, int64_t rounds)
{
    double start = bench_seconds();
    gradc_record(b->g, 0);
    for (int64_t i = 0; i < rounds; i++) {
        gradc_conv_transpose2d(b->t[2], b->t[1], NULL, 1, 1);
        finish(b);
    }
    return bench_seconds() - start;
}

static double conv_dx(struct bench *b, int64_t rounds)
{
    return conv_backward(b, rounds, 0);
}

static double conv_dw(struct bench *b, int64_t rounds)
{
    return conv_backward(b, rounds, 1);
}

const struct bench_case op_cases[] = {
    {"matmul-1024", "ms", 1, 0, square, forward, {1024}, &matmul_row},
    {"conv3x3-64x56x56-64-b8-forward", "ms", 1, 0, conv_setup, conv_forward, {8, 64, 56, 56, 64}, NULL},
    {"conv3x3-64x56x56-64-b8-backward-data", "ms", 1, 0, conv_setup, conv_dx, {8, 64, 56, 56, 64}, NULL},
    {"conv3x3-64x56x56-64-b8-backward-weight", "ms", 1, 0, conv_setup, conv_dw, {8, 64, 56, 56, 64}, NULL},
    {"conv3x3-1x28x28-32-b64-forward", "ms", 1, 0, conv_setup, conv_forward, {64, 1, 28, 28, 32}, NULL},
    {"conv3x3-1x28x28-32-b64-backward-data", "ms", 1, 0, conv_setup, conv_dx, {64, 1, 28, 28, 32}, NULL},
    {"conv3x3-1x28x28-32-b64-backward-weight", "ms", 1, 0, conv_setup, conv_dw, {64, 1, 28, 28, 32}, NULL},
    {"conv3x3-32x14x14-64-b64-forward", "ms", 1, 0, conv_setup, conv_forward, {64, 32, 14, 14, 64}, NULL},
    {"conv3x3-32x14x14-64-b64-backward-data", "ms", 1, 0, conv_setup, conv_dx, {64, 32, 14, 14, 64}, NULL},
    {"conv3x3-32x14x14-64-b64-backward-weight", "ms", 1, 0, conv_setup, conv_dw, {64, 32, 14, 14, 64}, NULL},
    {"softmax-1e6x10", "ms", 1, 0, rows, forward, {1000000, 10}, &softmax_row},
    {"max_pool2d-32x28x28-b64-forward", "ms", 1, 0, pool_setup, forward, {64, 32, 28, 28}, &pool_row},
    {"max_pool2d-32x28x28-b64-both", "ms", 1, 0, pool_setup, pool_both, {64, 32, 28, 28}, &pool_row},
    {"avg_pool2d-1e3", "us", 1, 0, images, forward, {2, 8, 8, 8}, &avg_pool_row},
    {"avg_pool2d-1e3-both", "us", 1, 0, pool_setup, pool_both, {2, 8, 8, 8}, &avg_pool_row},
    {"adaptive_avg_pool2d-1e3-to1", "us", 1, 0, images, forward, {2, 8, 8, 8}, &global_pool_row},
    {"adaptive_avg_pool2d-1e3-to7", "us", 1, 0, images, forward, {2, 8, 8, 8}, &adaptive_pool_row},
    {"avg_pool2d-1e5", "us", 1, 0, images, forward, {16, 32, 14, 14}, &avg_pool_row},
    {"avg_pool2d-1e5-both", "us", 1, 0, pool_setup, pool_both, {16, 32, 14, 14}, &avg_pool_row},
    {"adaptive_avg_pool2d-1e5-to1", "us", 1, 0, images, forward, {16, 32, 14, 14}, &global_pool_row},
    {"adaptive_avg_pool2d-1e5-to7", "us", 1, 0, images, forward, {16, 32, 14, 14}, &adaptive_pool_row},
    {"avg_pool2d-1e7", "us", 1, 0, images, forward, {128, 64, 32, 32}, &avg_pool_row},
    {"avg_pool2d-1e7-both", "us", 1, 0, pool_setup, pool_both, {128, 64, 32, 32}, &avg_pool_row},
    {"adaptive_avg_pool2d-1e7-to1", "us", 1, 0, images, forward, {128, 64, 32, 32}, &global_pool_row},
    {"adaptive_avg_pool2d-1e7-to7", "us", 1, 0, images, forward, {128, 64, 32, 32}, &adaptive_pool_row},
    {"batch_norm-1e3", "us", 1, 0, norm_setup, forward, {2, 8, 8, 8}, &batch_norm_row},
    {"batch_norm-1e5", "us", 1, 0, norm_setup, forward, {16, 32, 14, 14}, &batch_norm_row},
    {"batch_norm-1e7", "us", 1, 0, norm_setup, forward, {128, 64, 32, 32}, &batch_norm_row},
    {"batch_norm-1e3-both", "us", 1, 0, norm_setup, norm_both, {2, 8, 8, 8}, &batch_norm_row},
    {"batch_norm-1e5-both", "us", 1, 0, norm_setup, norm_both, {16, 32, 14, 14}, &batch_norm_row},
    {"batch_norm-1e7-both", "us", 1, 0, norm_setup, norm_both, {128, 64, 32, 32}, &batch_norm_row},
    {"layer_norm-1e3", "us", 1, 0, layer_norm_setup, forward, {10, 100}, &layer_norm_row},
    {"layer_norm-1e3-both", "us", 1, 0, layer_norm_setup, norm_both, {10, 100}, &layer_norm_row},
    {"layer_norm-1e5", "us", 1, 0, layer_norm_setup, forward, {128, 768}, &layer_norm_row},
    {"layer_norm-1e5-both", "us", 1, 0, layer_norm_setup, norm_both, {128, 768}, &layer_norm_row},
    {"layer_norm-1e7", "us", 1, 0, layer_norm_setup, forward, {13000, 768}, &layer_norm_row},
    {"layer_norm-1e7-both", "us", 1, 0, layer_norm_setup, norm_both, {13000, 768}, &layer_norm_row},
    {"group_norm-1e3", "us", 1, 0, norm_setup, forward, {2, 8, 8, 8}, &group_norm_row},
    {"group_norm-1e3-both", "us", 1, 0, norm_setup, norm_both, {2, 8, 8, 8}, &group_norm_row},
    {"group_norm-1e5", "us", 1, 0, norm_setup, forward, {16, 32, 14, 14}, &group_norm_row},
    {"group_norm-1e5-both", "us", 1, 0, norm_setup, norm_both, {16, 32, 14, 14}, &group_norm_row},
    {"group_norm-1e7", "us", 1, 0, norm_setup, forward, {128, 64, 32, 32}, &group_norm_row},
    {"group_norm-1e7-both", "us", 1, 0, norm_setup, norm_both, {128, 64, 32, 32}, &group_norm_row},
    {"conv_transpose2d-1e3", "us", 1, 0, conv_setup, conv_transpose, {2, 8, 8, 8, 8}, NULL},
    {"conv_transpose2d-1e5", "us", 1, 0, conv_setup, conv_transpose, {8, 16, 28, 28, 16}, NULL},
    {"conv_transpose2d-1e7", "us", 1, 0, conv_setup, conv_transpose, {64, 64, 56, 56, 32}, NULL},
    {"add-1e3", "us", 1, 0, vector, forward, {1000}, &add_row},
    {"add-1e5", "us", 1, 0, vector, forward, {100000}, &add_row},
    {"add-1e7", "us", 1, 0, vector, forward, {10000000}, &add_row},
    {"exp-1e3", "us", 1, 0, vector, forward, {1000}, &exp_row},
    {"exp-1e5", "us", 1, 0, vector, forward, {100000}, &exp_row},
    {"exp-1e7", "us", 1, 0, vector, forward, {10000000}, &exp_row},
    {"tanh-1e3", "us", 1, 0, vector, forward, {1000}, &tanh_row},
    {"tanh-1e5", "us", 1, 0, vector, forward, {100000}, &tanh_row},
    {"tanh-1e7", "us", 1, 0, vector, forward, {10000000}, &tanh_row},
    {"relu-1e3", "us", 1, 0, vector, forward, {1000}, &relu_row},
    {"relu-1e5", "us", 1, 0, vector, forward, {100000}, &relu_row},
    {"relu-1e7", "us", 1, 0, vector, forward, {10000000}, &relu_row},
    {NULL, NULL, 0, 0, NULL, NULL, {0}, NULL},
};
