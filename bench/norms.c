/* norms.c - pools and norms: forward, and NAME-both with the gradients of x, weight and bias. */
#include "bench.h"

/* ---- Pools: size is the shape of x; t is x, dz ---- */

static void pool_operand(struct bench *b)
{
    bench_tensor(b, 4, b->row->size);
}

/* x wants a gradient.  Windows of 2x2. */
static void pool_operands(struct bench *b)
{
    const int64_t *s = b->row->size;
    bench_tensor(b, 4, s);
    b->dz = bench_tensor(b, 4, (const int64_t[]){s[0], s[1], s[2] / 2, s[3] / 2});
    bench_want(b, 1);
}

BENCH_RECORD(max_pool2d, gradc_max_pool2d(t[0], 2, 2))
BENCH_RECORD(avg_pool2d, gradc_avg_pool2d(t[0], 2, 2))
BENCH_RECORD(pool_to1, gradc_adaptive_avg_pool2d(t[0], 1, 1))
BENCH_RECORD(pool_to7, gradc_adaptive_avg_pool2d(t[0], 7, 7))

/* ---- Norms: t is x, weight, bias, running mean, running variance, dz; the first three want a gradient ---- */

static void norm_of(struct bench *b, int ndim, const int64_t *shape)
{
    bench_tensor(b, ndim, shape);
    for (int i = 0; i < 4; i++)
        bench_tensor(b, 1, &shape[1]);
    b->dz = bench_tensor(b, ndim, shape);
    bench_want(b, 3);
}

static void norm_images(struct bench *b)
{
    norm_of(b, 4, b->row->size);
}

static void norm_rows(struct bench *b)
{
    norm_of(b, 2, b->row->size);
}

BENCH_RECORD(batch_norm, gradc_batch_norm(t[0], t[3], t[4], t[1], t[2], 1, 0.1, 1e-5))
BENCH_RECORD(group_norm, gradc_group_norm(t[0], 8, t[1], t[2], 1e-5))
BENCH_RECORD(layer_norm, gradc_layer_norm(t[0], 1, (const int64_t[]){gradc_size(t[0], 1)}, t[1], t[2], 1e-5))

/* ---- Rows ---- */

/* Images of 1e3, 1e5 and 1e7 elements, and rows. */
#define IMAGES3 2, 8, 8, 8
#define IMAGES5 16, 32, 14, 14
#define IMAGES7 128, 64, 32, 32
#define ROWS3 10, 100
#define ROWS5 128, 768
#define ROWS7 13000, 768

#define EACH(name, end, prepare, work, op, of)                      \
    BENCH_ROW(name "-1e3" end, "us", prepare, work, op, of##3),     \
        BENCH_ROW(name "-1e5" end, "us", prepare, work, op, of##5), \
        BENCH_ROW(name "-1e7" end, "us", prepare, work, op, of##7)

const struct bench_case norm_cases[] = {
    BENCH_ROW("max_pool2d-32x28x28-b64-forward", "ms", pool_operands, bench_forward, record_max_pool2d, 64,
              32, 28, 28),
    BENCH_ROW("max_pool2d-32x28x28-b64-both", "ms", pool_operands, bench_both, record_max_pool2d, 64, 32, 28, 28),
    EACH("avg_pool2d", "", pool_operand, bench_forward, record_avg_pool2d, IMAGES),
    EACH("avg_pool2d", "-both", pool_operands, bench_both, record_avg_pool2d, IMAGES),
    EACH("adaptive_avg_pool2d", "-to1", pool_operand, bench_forward, record_pool_to1, IMAGES),
    EACH("adaptive_avg_pool2d", "-to7", pool_operand, bench_forward, record_pool_to7, IMAGES),
    EACH("batch_norm", "", norm_images, bench_forward, record_batch_norm, IMAGES),
    EACH("batch_norm", "-both", norm_images, bench_both, record_batch_norm, IMAGES),
    EACH("layer_norm", "", norm_rows, bench_forward, record_layer_norm, ROWS),
    EACH("layer_norm", "-both", norm_rows, bench_both, record_layer_norm, ROWS),
    BENCH_ROW("layer_norm-8192x1024", "ms", norm_rows, bench_forward, record_layer_norm, 8192, 1024),
    BENCH_ROW("layer_norm-1024x8192", "ms", norm_rows, bench_forward, record_layer_norm, 1024, 8192),
    EACH("group_norm", "", norm_images, bench_forward, record_group_norm, IMAGES),
    EACH("group_norm", "-both", norm_images, bench_both, record_group_norm, IMAGES),
    {.name = NULL},
};
