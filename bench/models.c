/* models.c - the library's models on one batch of noise that stays where it is: a training step (forward, gradients,
 * SGD with a momentum of 0.9), and inference.  NAME-IMAGE-train-bBATCH; size is the batch. */
#include "bench.h"

#include <stdlib.h>

/* t: the images and their labels. */
static double train(struct bench *b, int64_t rounds)
{
    double start = bench_seconds();
    for (int64_t i = 0; i < rounds; i++) {
        gradc_backward(gradc_cross_entropy(gradc_module_forward(b->module, b->t[0]), b->t[1]));
        gradc_step(b->optim);
        gradc_tape_clear(b->g);
    }
    gradc_sync(b->g);
    return bench_seconds() - start;
}

static double infer(struct bench *b, int64_t rounds)
{
    double start = bench_seconds();
    for (int64_t i = 0; i < rounds; i++) {
        gradc_module_forward(b->module, b->t[0]);
        bench_finish(b);
    }
    return bench_seconds() - start;
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
    if (b->row->run == train) {
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

/* clang-format off */
#define MODEL(title, prepare, work, batch, gpu) \
    {.name = title, .unit = "ms", .per = 1, .setup = prepare, .run = work, .size = {batch}, .large = gpu}
/* clang-format on */

const struct bench_case model_cases[] = {
    MODEL("vgg16-224-train-b4", vgg16, train, 4, 0),
    MODEL("vgg16-224-train-b8", vgg16, train, 8, 0),
    MODEL("vgg16-224-infer-b1", vgg16, infer, 1, 0),
    MODEL("vgg16-bn-32-train-b128", vgg16_bn_32, train, 128, 0),
    MODEL("resnet18-224-train-b8", resnet18, train, 8, 0),
    MODEL("resnet18-224-infer-b1", resnet18, infer, 1, 0),
    MODEL("vgg16-224-train-b16", vgg16, train, 16, 1),
    MODEL("vgg16-224-train-b64", vgg16, train, 64, 1),
    MODEL("vgg16-224-infer-b64", vgg16, infer, 64, 1),
    MODEL("resnet18-224-train-b64", resnet18, train, 64, 1),
    {.name = NULL},
};
