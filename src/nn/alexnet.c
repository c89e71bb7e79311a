/* alexnet.c - AlexNet in the form of arXiv:1404.5997, as torchvision has it. */
#include "nn/layers.h"

static int pool(struct gradc_module *m, int x, int at)
{
    return layer_max_pool(m, x, (struct window){3, 2, 0}, "features.%d", at);
}

/* A convolution and its relu, at `at` and behind it. */
static int conv(struct gradc_module *m, int x, int64_t out, struct window w, int at)
{
    x = layer_conv(m, x, out, w, 1, WEIGHTS_UNIFORM, "features.%d", at);
    return layer_relu(m, x, "features.%d", at + 1);
}

void describe_alexnet(struct gradc_module *m)
{
    static const struct window small = {3, 1, 1};
    int x = pool(m, conv(m, -1, 64, (struct window){11, 4, 2}, 0), 2);
    x = pool(m, conv(m, x, 192, (struct window){5, 1, 2}, 3), 5);
    x = conv(m, x, 384, small, 6);
    x = conv(m, x, 256, small, 8);
    x = pool(m, conv(m, x, 256, small, 10), 12);
    x = layer_flatten(m, layer_adaptive_pool(m, x, 6, "avgpool"));
    x = layer_linear(m, layer_dropout(m, x, "classifier.0"), 4096, WEIGHTS_UNIFORM, "classifier.1");
    x = layer_dropout(m, layer_relu(m, x, "classifier.2"), "classifier.3");
    x = layer_linear(m, x, 4096, WEIGHTS_UNIFORM, "classifier.4");
    layer_linear(m, layer_relu(m, x, "classifier.5"), m->options.classes, WEIGHTS_UNIFORM, "classifier.6");
}
