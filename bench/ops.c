/* ops.c - products, softmax and convolutions on operands that stay where they are: the time of one run, its result in
 * fresh memory. */
#include "bench.h"

static void rows(struct bench *b)
{
    bench_tensor(b, 2, b->row->size);
}

static void square(struct bench *b)
{
    const int64_t n = b->row->size[0];
    bench_tensor(b, 2, (const int64_t[]){n, n});
    bench_tensor(b, 2, (const int64_t[]){n, n});
}

BENCH_RECORD(softmax, gradc_softmax(t[0], -1))
BENCH_RECORD(matmul, gradc_matmul(t[0], t[1]))

/* ---- Convolutions: size is batch, channels, height, width, output channels; t is x, w, dz ---- */

static void conv_operands(struct bench *b)
{
    const int64_t *s = b->row->size;
    bench_tensor(b, 4, s);
    bench_tensor(b, 4, (const int64_t[]){s[4], s[1], 3, 3});
    bench_tensor(b, 4, (const int64_t[]){s[0], s[4], s[2], s[3]});
}

static void conv_wanting(struct bench *b)
{
    conv_operands(b);
    bench_want(b, 2);
}

/* x of the second is dz of the first. */
BENCH_RECORD(conv2d, gradc_conv2d(t[0], t[1], NULL, 1, 1))
BENCH_RECORD(conv_transpose2d, gradc_conv_transpose2d(t[2], t[1], NULL, 1, 1))

/* The result is let go, and no gradient reads it, so only the gradient of operand `of` runs. */
static double conv_backward(struct bench *b, int64_t rounds, int of)
{
    double start = bench_seconds();
    for (int64_t i = 0; i < rounds; i++) {
        gradc_tensor *z = record_conv2d(b->t), *d;
        gradc_gradients(z, b->t[2], 1, &b->t[of], &d);
        gradc_release(z);
        bench_finish(b);
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

#define CONV(name, ...)                                                                         \
    BENCH_ROW(name "-forward", "ms", conv_operands, bench_forward, record_conv2d, __VA_ARGS__), \
        BENCH_ROW(name "-backward-data", "ms", conv_wanting, conv_dx, NULL, __VA_ARGS__),       \
        BENCH_ROW(name "-backward-weight", "ms", conv_wanting, conv_dw, NULL, __VA_ARGS__)
#define TRANSPOSED(power, ...) \
    BENCH_ROW("conv_transpose2d-" power, "us", conv_operands, bench_forward, record_conv_transpose2d, __VA_ARGS__)

/* clang-format off */
#define LARGE_PRODUCT(title, n)                                                       \
    {.name = title, .unit = "ms", .per = 1, .setup = square, .run = bench_forward,    \
     .record = record_matmul, .size = {n}, .large = 1}
/* clang-format on */

const struct bench_case op_cases[] = {
    BENCH_ROW("matmul-512", "ms", square, bench_forward, record_matmul, 512),
    BENCH_ROW("matmul-1024", "ms", square, bench_forward, record_matmul, 1024),
    BENCH_ROW("matmul-2048", "ms", square, bench_forward, record_matmul, 2048),
    LARGE_PRODUCT("matmul-4096", 4096),
    LARGE_PRODUCT("matmul-8192", 8192),
    CONV("conv3x3-64x56x56-64-b8", 8, 64, 56, 56, 64),
    CONV("conv3x3-1x28x28-32-b64", 64, 1, 28, 28, 32),
    CONV("conv3x3-32x14x14-64-b64", 64, 32, 14, 14, 64),
    CONV("conv3x3-3x224x224-64-b8", 8, 3, 224, 224, 64),
    CONV("conv3x3-64x224x224-64-b8", 8, 64, 224, 224, 64),
    CONV("conv3x3-128x112x112-128-b8", 8, 128, 112, 112, 128),
    CONV("conv3x3-256x56x56-256-b8", 8, 256, 56, 56, 256),
    CONV("conv3x3-512x28x28-512-b8", 8, 512, 28, 28, 512),
    CONV("conv3x3-512x14x14-512-b8", 8, 512, 14, 14, 512),
    TRANSPOSED("1e3", 2, 8, 8, 8, 8),
    TRANSPOSED("1e5", 8, 16, 28, 28, 16),
    TRANSPOSED("1e7", 64, 64, 56, 56, 32),
    BENCH_ROW("softmax-1e6x10", "ms", rows, bench_forward, record_softmax, 1000000, 10),
    BENCH_ROW("softmax-8192x1024", "ms", rows, bench_forward, record_softmax, 8192, 1024),
    BENCH_ROW("softmax-1024x8192", "ms", rows, bench_forward, record_softmax, 1024, 8192),
    {.name = NULL},
};
