/* models.c - the list of models. */
#include "nn/module.h"

/* name            classes image channels dropout    least image   */
const struct model model_list[] = {
    {"mlp", {10, 28, 1, -1}, 1, describe_mlp},
    {"lenet", {10, 28, 1, -1}, 4, describe_lenet},
    {"alexnet", {1000, 224, 3, 0.5}, 63, describe_alexnet},
    {"vgg11", {1000, 224, 3, 0.5}, 32, describe_vgg11},
    {"vgg16", {1000, 224, 3, 0.5}, 32, describe_vgg16},
    {"vgg16-bn-32", {10, 32, 3, 0}, 32, describe_vgg16_bn_32},
    {"resnet18", {1000, 224, 3, -1}, 1, describe_resnet18},
};

const int model_count = sizeof model_list / sizeof *model_list;

const char *gradc_model_name(int i)
{
    return i >= 0 && i < model_count ? model_list[i].name : NULL;
}
