/* resnet.c - ResNet-18 (arXiv:1512.03385), as torchvision has it: four stages of two basic blocks. */
#include "nn/layers.h"

/* relu(x' + bn(conv(relu(bn(conv(x)))))), where x' is x, or x through a convolution of 1 and a norm where its shape
 * changes. */
static int block(struct gradc_module *m, int x, int64_t out, int stride, int stage, int at)
{
    int y = layer_conv(m, x, out, (struct window){3, stride, 1}, 0, WEIGHTS_KAIMING_NORMAL,
                       "layer%d.%d.conv1", stage, at);
    y = layer_relu(m, layer_batch_norm(m, y, "layer%d.%d.bn1", stage, at), "layer%d.%d.relu1", stage, at);
    y = layer_conv(m, y, out, (struct window){3, 1, 1}, 0, WEIGHTS_KAIMING_NORMAL, "layer%d.%d.conv2", stage, at);
    y = layer_batch_norm(m, y, "layer%d.%d.bn2", stage, at);
    if (stride != 1) {
        x = layer_conv(m, x, out, (struct window){1, stride, 0}, 0, WEIGHTS_KAIMING_NORMAL,
                       "layer%d.%d.downsample.0", stage, at);
        x = layer_batch_norm(m, x, "layer%d.%d.downsample.1", stage, at);
    }
    y = layer_add(m, y, x, "layer%d.%d.add", stage, at);
    return layer_relu(m, y, "layer%d.%d.relu2", stage, at);
}

void describe_resnet18(struct gradc_module *m)
{
    int x = layer_conv(m, -1, 64, (struct window){7, 2, 3}, 0, WEIGHTS_KAIMING_NORMAL, "conv1");
    x = layer_relu(m, layer_batch_norm(m, x, "bn1"), "relu");
    x = layer_max_pool(m, x, (struct window){3, 2, 1}, "maxpool");
    for (int stage = 1; stage <= 4; stage++)
        for (int at = 0; at < 2; at++)
            x = block(m, x, INT64_C(32) << stage, stage > 1 && at == 0 ? 2 : 1, stage, at);
    x = layer_flatten(m, layer_adaptive_pool(m, x, 1, "avgpool"));
    layer_linear(m, x, m->options.classes, WEIGHTS_UNIFORM, "fc");
}
