/* ops.c - single ops on operands that stay where they are: the time of one run, its result in fresh memory.
 * Elementwise ones are in elementwise.c. */
#include "bench.h"

/* Runs what was recorded, and takes it back. */
static void finish(struct bench *b)
{
    gradc_sync(b->g);
    gradc_tape_clear(b->g);
}

/* ---- One operand ---- */

static void rows(struct bench *b)
{
    bench_tensor(b, 2, b->row->size);
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

static const struct bench_forward softmax_row = {record_softmax}, matmul_row = {record_matmul},
                                  pool_row = {record_pool};

double bench_forward(struct bench *b, int64_t rounds)
{
    const struct bench_forward *f = b->row->extra;
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

static double pool_both(struct bench *b, int64_t rounds)
{
    double start = bench_seconds();
    for (int64_t i = 0; i < rounds; i++) {
        gradc_tensor *z = record_pool(b->t), *dx;
        gradc_gradients(z, b->t[1], 1, &b->t[0], &dx);
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
    {"matmul-1024", "ms", 1, 0, square, bench_forward, {1024}, &matmul_row},
    {"conv3x3-64x56x56-64-b8-forward", "ms", 1, 0, conv_setup, conv_forward, {8, 64, 56, 56, 64}, NULL},
    {"conv3x3-64x56x56-64-b8-backward-data", "ms", 1, 0, conv_setup, conv_dx, {8, 64, 56, 56, 64}, NULL},
    {"conv3x3-64x56x56-64-b8-backward-weight", "ms", 1, 0, conv_setup, conv_dw, {8, 64, 56, 56, 64}, NULL},
    {"conv3x3-1x28x28-32-b64-forward", "ms", 1, 0, conv_setup, conv_forward, {64, 1, 28, 28, 32}, NULL},
    {"conv3x3-1x28x28-32-b64-backward-data", "ms", 1, 0, conv_setup, conv_dx, {64, 1, 28, 28, 32}, NULL},
    {"conv3x3-1x28x28-32-b64-backward-weight", "ms", 1, 0, conv_setup, conv_dw, {64, 1, 28, 28, 32}, NULL},
    {"conv3x3-32x14x14-64-b64-forward", "ms", 1, 0, conv_setup, conv_forward, {64, 32, 14, 14, 64}, NULL},
    {"conv3x3-32x14x14-64-b64-backward-data", "ms", 1, 0, conv_setup, conv_dx, {64, 32, 14, 14, 64}, NULL},
    {"conv3x3-32x14x14-64-b64-backward-weight", "ms", 1, 0, conv_setup, conv_dw, {64, 32, 14, 14, 64}, NULL},
<<<<<<< HEAD
    {"softmax-1e6x10", "ms", 1, 0, rows, bench_forward, {1000000, 10}, &softmax_row},
    {"max_pool2d-32x28x28-b64-forward", "ms", 1, 0, pool_setup, bench_forward, {64, 32, 28, 28}, &pool_row},
    {"max_pool2d-32x28x28-b64-both", "ms", 1, 0, pool_setup, pool_both, {64, 32, 28, 28}, NULL},
=======
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
>>>>>>> norm
    {NULL, NULL, 0, 0, NULL, NULL, {0}, NULL},
};
