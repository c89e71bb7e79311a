/* layers.h - describing a model: each call appends one layer that takes the output of layer `from` (-1: the module's
 * input) and returns its number.  After a failure, which the module notes, they do nothing and return -1.
 * Names are torchvision's, made from a format; tensors are named behind them: "features.0" has "features.0.weight". */
#ifndef GRADC_LAYERS_H
#define GRADC_LAYERS_H

#include "nn/module.h"

/* How weights and biases start. */
enum weights {
    WEIGHTS_UNIFORM,        /* PyTorch's default: both uniform in +-1/sqrt(fan_in) */
    WEIGHTS_UNIFORM_ZERO,   /* biases 0 */
    WEIGHTS_KAIMING_NORMAL, /* deviation sqrt(2 / fan_out), biases 0 */
    WEIGHTS_NORMAL          /* deviation 0.01, biases 0 */
};

/* A square window. */
struct window {
    int size, stride, padding;
};

int layer_conv(struct gradc_module *m, int from, int64_t out, struct window w, int bias, enum weights start,
               const char *name, ...) GRADC_PRINTF(7, 8);
int layer_linear(struct gradc_module *m, int from, int64_t out, enum weights start, const char *name);
int layer_batch_norm(struct gradc_module *m, int from, const char *name, ...) GRADC_PRINTF(3, 4);
int layer_relu(struct gradc_module *m, int from, const char *name, ...) GRADC_PRINTF(3, 4);
int layer_max_pool(struct gradc_module *m, int from, struct window w, const char *name, ...) GRADC_PRINTF(4, 5);
int layer_adaptive_pool(struct gradc_module *m, int from, int size, const char *name);
int layer_flatten(struct gradc_module *m, int from);
int layer_dropout(struct gradc_module *m, int from, const char *name); /* p is the module's option */
int layer_add(struct gradc_module *m, int from, int with, const char *name, ...) GRADC_PRINTF(4, 5);

#endif
