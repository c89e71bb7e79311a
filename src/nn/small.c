/* small.c - two classifiers of small images: one hidden layer; two convolutions, two pools and two linear layers. */
#include "nn/layers.h"

enum { HIDDEN = 128 };

void describe_mlp(struct gradc_module *m)
{
    int x = layer_linear(m, layer_flatten(m, -1), HIDDEN, WEIGHTS_UNIFORM_ZERO, "fc1");
    layer_linear(m, layer_relu(m, x, "relu"), m->options.classes, WEIGHTS_UNIFORM_ZERO, "fc2");
}

void describe_lenet(struct gradc_module *m)
{
    static const struct window window = {3, 1, 1}, half = {2, 2, 0};
    int x = -1;
    for (int i = 1; i <= 2; i++) {
        x = layer_conv(m, x, 32 * i, window, 1, WEIGHTS_UNIFORM_ZERO, "conv%d", i);
        x = layer_max_pool(m, layer_relu(m, x, "relu%d", i), half, "pool%d", i);
    }
    x = layer_linear(m, layer_flatten(m, x), HIDDEN, WEIGHTS_UNIFORM_ZERO, "fc1");
    layer_linear(m, layer_relu(m, x, "relu3"), m->options.classes, WEIGHTS_UNIFORM_ZERO, "fc2");
}
