/* vgg.c - VGG networks (arXiv:1409.1556), configurations A and D, as torchvision has them; and D with batch norm for
 * small images, with one linear layer behind the pools. */
#include "nn/layers.h"

/* Outputs of the convolutions; 0 is a pool, the end a -1. */
static const int a_config[] = {64, 0, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0, -1};
static const int d_config[] = {64,  64,  0,   128, 128, 0,   256, 256, 256, 0,
                               512, 512, 512, 0,   512, 512, 512, 0,   -1};

static int features(struct gradc_module *m, const int *config, int norm)
{
    int x = -1, at = 0;
    for (; *config >= 0; config++) {
        if (*config == 0) {
            x = layer_max_pool(m, x, (struct window){2, 2, 0}, "features.%d", at++);
            continue;
        }
        x = layer_conv(m, x, *config, (struct window){3, 1, 1}, 1, WEIGHTS_KAIMING_NORMAL, "features.%d", at++);
        if (norm)
            x = layer_batch_norm(m, x, "features.%d", at++);
        x = layer_relu(m, x, "features.%d", at++);
    }
    return x;
}

static void vgg(struct gradc_module *m, const int *config)
{
    int x = layer_adaptive_pool(m, features(m, config, 0), 7, "avgpool");
    x = layer_linear(m, layer_flatten(m, x), 4096, WEIGHTS_NORMAL, "classifier.0");
    x = layer_dropout(m, layer_relu(m, x, "classifier.1"), "classifier.2");
    x = layer_linear(m, x, 4096, WEIGHTS_NORMAL, "classifier.3");
    x = layer_dropout(m, layer_relu(m, x, "classifier.4"), "classifier.5");
    layer_linear(m, x, m->options.classes, WEIGHTS_NORMAL, "classifier.6");
}

void describe_vgg11(struct gradc_module *m)
{
    vgg(m, a_config);
}

void describe_vgg16(struct gradc_module *m)
{
    vgg(m, d_config);
}

void describe_vgg16_bn_32(struct gradc_module *m)
{
    int x = layer_dropout(m, layer_flatten(m, features(m, d_config, 1)), "dropout");
    layer_linear(m, x, m->options.classes, WEIGHTS_NORMAL, "classifier");
}
