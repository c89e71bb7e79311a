/* module.h - what a gradc_module holds: a list of layers, which forward records one after the other, and the tensors
 * that they own.  A model's file describes the layers (layers.h); shapes follow from the options alone, so that a
 * summary needs no run. */
#ifndef GRADC_MODULE_H
#define GRADC_MODULE_H

#include "core/op.h"

enum { NAME_TEXT = 64, OPTIONS_TEXT = 160, VALUE_TEXT = 32 };

struct layer;

/* What a kind of layer does.  forward: x is from's output; NULL if it failed, with the context's error.
 * multiply_adds: of one example's forward. */
struct layer_type {
    const char *name;
    gradc_tensor *(*forward)(const struct gradc_module *m, const struct layer *l, gradc_tensor *x);
    double (*multiply_adds)(const struct gradc_module *m, const struct layer *l); /* NULL: none that count */
    int is_view; /* its output takes no memory */
};

struct layer {
    const struct layer_type *type;
    char name[NAME_TEXT]; /* torchvision's: "features.0" */
    int from, with;       /* the layers whose outputs it takes; -1: the module's input; with: of a sum only */
    int readers;          /* layers that take its output */
    int last_reader;
    int tensor, tensors; /* its own, of the module's */
    int bias;
    int size, stride, padding; /* of a convolution's or a pool's window; size: of an adaptive pool's output */
    int64_t in;                /* channels or features of its input */
    int ndim;
    int64_t shape[3]; /* of its output for one example: [channels,height,width] or [features] */
};

/* A parameter or a buffer. */
struct module_tensor {
    char name[NAME_TEXT];
    gradc_tensor *tensor;
    int is_buffer, is_counter;
    gradc_init how;    /* GRADC_UNIFORM or GRADC_NORMAL, as param_new takes them */
    double numbers[2]; /* its */
    int ndim;
    int64_t shape[4];
};

struct model_options {
    int64_t classes, image, channels;
    double dropout; /* of one example's elements, or below 0 where the model has none */
};

struct model {
    const char *name;
    struct model_options defaults;
    int64_t least;                            /* the smallest image that its pools leave something of */
    void (*describe)(struct gradc_module *m); /* appends its layers */
};

struct gradc_module {
    gradc_context *g;
    const struct model *model;
    struct model_options options;
    char classes[VALUE_TEXT], image[VALUE_TEXT], channels[VALUE_TEXT], dropout[VALUE_TEXT], text[OPTIONS_TEXT];
    int training;
    struct layer *layers;
    int64_t nlayers, layer_capacity;
    struct module_tensor *tensors;
    int64_t ntensors, tensor_capacity;
    gradc_tensor **outputs; /* of the layers, while a forward records */
    gradc_tensor *counters; /* i64: num_batches_tracked of every batch norm, each a view of one element; or NULL */
    int64_t ncounters;
    gradc_status failed; /* the description is not complete: no memory, or an image too small */
};

/* The models in the order of gradc_model_name, n of them. */
extern const struct model model_list[];
extern const int model_count;

void describe_mlp(struct gradc_module *m);
void describe_lenet(struct gradc_module *m);
void describe_alexnet(struct gradc_module *m);
void describe_vgg11(struct gradc_module *m);
void describe_vgg16(struct gradc_module *m);
void describe_vgg16_bn_32(struct gradc_module *m);
void describe_resnet18(struct gradc_module *m);

#endif
