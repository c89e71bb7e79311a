/* nets.c - ResNet-50 (arXiv:1512.03385) and MobileNetV2 (arXiv:1801.04381) as torchvision has them, written with the
 * public ops alone: a training step and inference of 224x224 images.  NAME-224-train-bBATCH; size is the batch. */
#include "bench.h"

#include <stdlib.h>

enum { MOST_TENSORS = 400, CLASSES = 1000, IMAGE = 224 };

/* A net is a function that walks through its tensors: the first walk makes them. */
struct net {
    gradc_context *g;
    gradc_tensor *(*forward)(gradc_tensor *x);
    gradc_tensor *tensor[MOST_TENSORS], *param[MOST_TENSORS];
    int count, params, at, training;
};

/* A process runs one case. */
static struct net net;

/* ---- Layers ---- */

/* The next tensor of the walk: a weight or bias, or a running statistic. */
static gradc_tensor *next(gradc_init how, int is_param, int ndim, const int64_t *shape)
{
    if (net.at == net.count) {
        if (net.count == MOST_TENSORS)
            abort();
        gradc_tensor *t = gradc_param(net.g, how, ndim, shape);
        net.tensor[net.count++] = t;
        if (is_param)
            net.param[net.params++] = t;
        else
            gradc_requires_grad(t, 0);
    }
    return net.tensor[net.at++];
}

static gradc_tensor *conv(gradc_tensor *x, int64_t out, int size, int stride, int64_t groups)
{
    const int64_t shape[] = {out, gradc_size(x, 1) / groups, size, size};
    return gradc_conv2d_full(x, next(GRADC_KAIMING, 1, 4, shape), NULL, stride, stride, size / 2, size / 2, 1,
                             1, (int)groups);
}

static gradc_tensor *norm(gradc_tensor *x)
{
    const int64_t channels = gradc_size(x, 1);
    gradc_tensor *weight = next(GRADC_ONES, 1, 1, &channels), *bias = next(GRADC_ZEROS, 1, 1, &channels);
    gradc_tensor *mean = next(GRADC_ZEROS, 0, 1, &channels), *var = next(GRADC_ONES, 0, 1, &channels);
    return gradc_batch_norm(x, mean, var, weight, bias, net.training, 0.1, 1e-5);
}

static gradc_tensor *classify(gradc_tensor *x)
{
    const int64_t shape[] = {CLASSES, gradc_size(x, 1)};
    gradc_tensor *flat = gradc_reshape(gradc_adaptive_avg_pool2d(x, 1, 1), 2, (const int64_t[]){-1, shape[1]});
    if (net.training && shape[1] == 1280) /* MobileNetV2 */
        flat = gradc_dropout(flat, 0.2);
    gradc_tensor *weight = next(GRADC_KAIMING, 1, 2, shape);
    return gradc_linear(flat, weight, next(GRADC_ZEROS, 1, 1, shape));
}

/* ---- The nets ---- */

static gradc_tensor *bottleneck(gradc_tensor *x, int64_t width, int stride)
{
    gradc_tensor *y = gradc_relu(norm(conv(x, width, 1, 1, 1)));
    y = gradc_relu(norm(conv(y, width, 3, stride, 1)));
    y = norm(conv(y, 4 * width, 1, 1, 1));
    if (gradc_size(x, 1) != 4 * width)
        x = norm(conv(x, 4 * width, 1, stride, 1));
    return gradc_relu(gradc_add(y, x));
}

static gradc_tensor *resnet50(gradc_tensor *x)
{
    static const int blocks[] = {3, 4, 6, 3};
    x = gradc_relu(norm(conv(x, 64, 7, 2, 1)));
    x = gradc_max_pool2d_full(x, 3, 3, 2, 2, 1, 1);
    for (int stage = 0; stage < 4; stage++)
        for (int i = 0; i < blocks[stage]; i++)
            x = bottleneck(x, INT64_C(64) << stage, stage > 0 && i == 0 ? 2 : 1);
    return classify(x);
}

static gradc_tensor *relu6(gradc_tensor *x)
{
    return gradc_clamp(x, 0, 6);
}

static gradc_tensor *inverted(gradc_tensor *x, int64_t expansion, int64_t out, int stride)
{
    const int64_t channels = gradc_size(x, 1), wide = channels * expansion;
    gradc_tensor *y = expansion == 1 ? x : relu6(norm(conv(x, wide, 1, 1, 1)));
    y = norm(conv(relu6(norm(conv(y, wide, 3, stride, wide))), out, 1, 1, 1));
    return stride == 1 && channels == out ? gradc_add(x, y) : y;
}

static gradc_tensor *mobilenet_v2(gradc_tensor *x)
{
    static const int rows[][4] = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
                                  {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};
    x = relu6(norm(conv(x, 32, 3, 2, 1)));
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
        for (int i = 0; i < rows[r][2]; i++)
            x = inverted(x, rows[r][0], rows[r][1], i == 0 ? rows[r][3] : 1);
    return classify(relu6(norm(conv(x, 1280, 1, 1, 1))));
}

/* ---- The cases ---- */

static gradc_tensor *walk(struct bench *b)
{
    net.at = 0;
    return net.forward(b->t[0]);
}

static void setup(struct bench *b, gradc_tensor *(*f)(gradc_tensor *x))
{
    const int64_t batch = b->row->size[0];
    net = (struct net){.g = b->g, .forward = f, .training = b->row->run == bench_train};
    bench_tensor(b, 4, (const int64_t[]){batch, 3, IMAGE, IMAGE});
    bench_index(b, 1, &batch, CLASSES);
    b->forward = walk;
    walk(b); /* it makes the tensors, and is not run */
    gradc_tape_clear(b->g);
    if (net.training)
        b->optim = gradc_sgd(net.param, net.params, 1e-3, 0.9);
    else
        gradc_record(b->g, 0);
}

static void resnet50_setup(struct bench *b)
{
    setup(b, resnet50);
}

static void mobilenet_v2_setup(struct bench *b)
{
    setup(b, mobilenet_v2);
}

const struct bench_case net_cases[] = {
    BENCH_NET("resnet50-224-train-b8", resnet50_setup, bench_train, 8, 0),
    BENCH_NET("resnet50-224-infer-b1", resnet50_setup, bench_infer, 1, 0),
    BENCH_NET("mobilenet_v2-224-train-b8", mobilenet_v2_setup, bench_train, 8, 0),
    BENCH_NET("mobilenet_v2-224-infer-b1", mobilenet_v2_setup, bench_infer, 1, 0),
    BENCH_NET("resnet50-224-train-b64", resnet50_setup, bench_train, 64, 1),
    BENCH_NET("mobilenet_v2-224-train-b64", mobilenet_v2_setup, bench_train, 64, 1),
    {.name = NULL},
};
