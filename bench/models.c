/* models.c - the library's models on one batch of noise that stays where it is: a training step (forward, gradients,
 * SGD with a momentum of 0.9), and inference.  NAME-IMAGE-train-bBATCH; size is the batch. */
#include "bench.h"

#include <stdlib.h>

static gradc_tensor *forward(struct bench *b)
{
    return gradc_module_forward(b->module, b->t[0]);
}

/* An optimiser of the module's parameters. */
static gradc_optim *optimiser(gradc_module *m)
{
    const int count = gradc_module_count(m);
    gradc_tensor **params = bench_memory((size_t)count, sizeof *params);
    int n = 0;
    for (int i = 0; i < count; i++)
        if (!gradc_module_is_buffer(m, i))
            params[n++] = gradc_module_tensor(m, i);
    gradc_optim *optim = gradc_sgd(params, n, 1e-3, 0.9);
    free(params);
    return optim;
}

static void setup(struct bench *b, const char *model, int64_t image, int64_t classes)
{
    const int64_t batch = b->row->size[0];
    bench_tensor(b, 4, (const int64_t[]){batch, 3, image, image});
    bench_index(b, 1, &batch, classes);
    b->module = gradc_model(b->g, model, NULL);
    b->forward = forward;
    if (b->row->run == bench_train) {
        b->optim = optimiser(b->module);
    } else {
        gradc_module_train(b->module, 0);
        gradc_record(b->g, 0);
    }
}

static void vgg16(struct bench *b)
{
    setup(b, "vgg16", 224, 1000);
}

static void vgg16_bn_32(struct bench *b)
{
    setup(b, "vgg16-bn-32", 32, 10);
}

static void resnet18(struct bench *b)
{
    setup(b, "resnet18", 224, 1000);
}

const struct bench_case model_cases[] = {
    BENCH_NET("vgg16-224-train-b4", vgg16, bench_train, 4, 0),
    BENCH_NET("vgg16-224-train-b8", vgg16, bench_train, 8, 0),
    BENCH_NET("vgg16-224-infer-b1", vgg16, bench_infer, 1, 0),
    BENCH_NET("vgg16-bn-32-train-b128", vgg16_bn_32, bench_train, 128, 0),
    BENCH_NET("resnet18-224-train-b8", resnet18, bench_train, 8, 0),
    BENCH_NET("resnet18-224-infer-b1", resnet18, bench_infer, 1, 0),
    BENCH_NET("vgg16-224-train-b16", vgg16, bench_train, 16, 1),
    BENCH_NET("vgg16-224-train-b64", vgg16, bench_train, 64, 1),
    BENCH_NET("vgg16-224-infer-b64", vgg16, bench_infer, 64, 1),
    BENCH_NET("resnet18-224-train-b64", resnet18, bench_train, 64, 1),
    {.name = NULL},
};
