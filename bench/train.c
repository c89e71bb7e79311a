/* train.c - whole training steps on images of 28x28 and ten classes, batches of 64, from host memory to the update.
 *
 * The images are noise with one bright row, which is the class. */
#include "bench.h"

#include <string.h>

enum { BATCH = 64, SIDE = 28, PIXELS = SIDE * SIDE, CLASSES = 10, STEPS = 937, FEW = 16 };

typedef gradc_tensor *(*network)(gradc_tensor *const *params, gradc_tensor *x);

static gradc_tensor *mlp(gradc_tensor *const *p, gradc_tensor *x)
{
    return gradc_linear(gradc_relu(gradc_linear(x, p[0], p[1])), p[2], p[3]);
}

static gradc_tensor *lenet(gradc_tensor *const *p, gradc_tensor *x)
{
    gradc_tensor *h = gradc_max_pool2d(gradc_relu(gradc_conv2d(x, p[0], p[1], 1, 1)), 2, 2);
    h = gradc_max_pool2d(gradc_relu(gradc_conv2d(h, p[2], p[3], 1, 1)), 2, 2);
    h = gradc_relu(gradc_linear(gradc_flatten(h, 1, -1), p[4], p[5]));
    return gradc_linear(h, p[6], p[7]);
}

static void images(struct bench *b, int64_t batches)
{
    int64_t n = batches * BATCH;
    uint64_t state = 1;
    b->images = bench_memory((size_t)n * PIXELS, sizeof *b->images);
    b->labels = bench_memory((size_t)n, sizeof *b->labels);
    b->order = bench_memory((size_t)n, sizeof *b->order);
    b->batch = bench_memory(BATCH * PIXELS, sizeof *b->batch);
    b->batch_labels = bench_memory(BATCH, sizeof *b->batch_labels);
    for (int64_t i = 0; i < n; i++) {
        float *image = b->images + i * PIXELS;
        for (int k = 0; k < PIXELS; k++)
            image[k] = 0.5f * bench_random(&state);
        b->labels[i] = (int64_t)(((double)bench_random(&state) + 1) * 0.5 * CLASSES);
        for (int k = 0; k < SIDE; k++)
            image[(4 + 2 * b->labels[i]) * SIDE + k] += 1;
        b->order[i] = i;
    }
}

/* t[0], t[1]: the images and labels of a step; the parameters follow. */
static void inputs(struct bench *b, int ndim, const int64_t *shape)
{
    bench_tensor(b, ndim, shape);
    b->t[b->n++] = gradc_new(b->g, GRADC_I64, 1, (const int64_t[]){BATCH});
}

static void mlp_setup(struct bench *b)
{
    images(b, FEW);
    inputs(b, 2, (const int64_t[]){BATCH, PIXELS});
    bench_param(b, 2, (const int64_t[]){128, PIXELS});
    bench_param(b, 1, (const int64_t[]){128});
    bench_param(b, 2, (const int64_t[]){CLASSES, 128});
    bench_param(b, 1, (const int64_t[]){CLASSES});
    b->optim = gradc_sgd(b->t + 2, 4, 0.1, 0);
}

static void lenet_setup(struct bench *b)
{
    images(b, b->row->rounds ? STEPS : FEW);
    inputs(b, 4, (const int64_t[]){BATCH, 1, SIDE, SIDE});
    bench_param(b, 4, (const int64_t[]){32, 1, 3, 3});
    bench_param(b, 1, (const int64_t[]){32});
    bench_param(b, 4, (const int64_t[]){64, 32, 3, 3});
    bench_param(b, 1, (const int64_t[]){64});
    bench_param(b, 2, (const int64_t[]){128, 64 * 7 * 7});
    bench_param(b, 1, (const int64_t[]){128});
    bench_param(b, 2, (const int64_t[]){CLASSES, 128});
    bench_param(b, 1, (const int64_t[]){CLASSES});
    b->optim = gradc_sgd(b->t + 2, 8, 0.05, 0.9);
}

static void train_step(struct bench *b, network net, const float *x, const int64_t *y)
{
    gradc_write(b->t[0], x, BATCH * PIXELS * sizeof *x);
    gradc_write(b->t[1], y, BATCH * sizeof *y);
    gradc_tensor *loss = gradc_cross_entropy(net(b->t + 2, b->t[0]), b->t[1]);
    gradc_backward(loss);
    gradc_step(b->optim);
    gradc_tape_clear(b->g);
}

static double steps(struct bench *b, int64_t rounds)
{
    network net = b->row->setup == mlp_setup ? mlp : lenet;
    double start = bench_seconds();
    for (int64_t i = 0; i < rounds; i++) {
        int64_t at = b->at++ % FEW * BATCH;
        train_step(b, net, b->images + at * PIXELS, b->labels + at);
    }
    gradc_sync(b->g);
    return bench_seconds() - start;
}

/* One image from host memory, ten numbers back. */
static void infer_setup(struct bench *b)
{
    bench_tensor(b, 2, (const int64_t[]){1, PIXELS});
    bench_param(b, 2, (const int64_t[]){128, PIXELS});
    bench_param(b, 1, (const int64_t[]){128});
    bench_param(b, 2, (const int64_t[]){CLASSES, 128});
    bench_param(b, 1, (const int64_t[]){CLASSES});
    gradc_record(b->g, 0);
}

static double infer(struct bench *b, int64_t rounds)
{
    static const float image[PIXELS] = {0.5f};
    float logits[CLASSES];
    double start = bench_seconds();
    for (int64_t i = 0; i < rounds; i++) {
        gradc_write(b->t[0], image, sizeof image);
        gradc_read(mlp(b->t + 1, b->t[0]), logits, sizeof logits);
        gradc_tape_clear(b->g);
    }
    return bench_seconds() - start;
}

static void shuffle(struct bench *b)
{
    uint64_t state = 7;
    for (int64_t i = STEPS * BATCH - 1; i > 0; i--) {
        int64_t k = (int64_t)(((double)bench_random(&state) + 1) * 0.5 * (double)(i + 1)), old = b->order[i];
        b->order[i] = b->order[k];
        b->order[k] = old;
    }
}

/* With the shuffling and the gathering of the batches. */
static double epoch(struct bench *b, int64_t rounds)
{
    double start = bench_seconds();
    shuffle(b);
    for (int64_t i = 0; i < rounds; i++) {
        for (int64_t k = 0; k < BATCH; k++) {
            int64_t from = b->order[i * BATCH + k];
            memcpy(b->batch + k * PIXELS, b->images + from * PIXELS, PIXELS * sizeof *b->batch);
            b->batch_labels[k] = b->labels[from];
        }
        train_step(b, lenet, b->batch, b->batch_labels);
    }
    gradc_sync(b->g);
    return bench_seconds() - start;
}

const struct bench_case train_cases[] = {
    {.name = "mlp-train-b64", .unit = "us", .per = 1, .setup = mlp_setup, .run = steps},
    {.name = "mlp-infer-b1", .unit = "us", .per = 1, .setup = infer_setup, .run = infer},
    {.name = "lenet-train-b64", .unit = "ms", .per = 1, .setup = lenet_setup, .run = steps},
    {.name = "lenet-epoch", .unit = "s", .per = 1.0 / STEPS, .rounds = STEPS, .setup = lenet_setup, .run = epoch},
    {.name = NULL},
};
