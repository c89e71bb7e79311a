/* model.c - the two classifiers of 28 by 28 images, written with the public API. */
#include <string.h>

#include "tool.h"

/* Where a parameter comes from: its name and shape.  Weights start as PyTorch's, biases with zeros. */
struct param {
    const char *name;
    int ndim;
    int64_t shape[4];
};

struct model_kind {
    const char *name;
    gradc_tensor *(*forward)(gradc_tensor *const *p, gradc_tensor *x);
    struct param params[MODEL_PARAMS]; /* ended by a name of NULL */
};

static gradc_tensor *mlp(gradc_tensor *const *p, gradc_tensor *x)
{
    gradc_tensor *h = gradc_relu(gradc_linear(gradc_flatten(x, 1, -1), p[0], p[1]));
    return gradc_linear(h, p[2], p[3]);
}

static gradc_tensor *lenet(gradc_tensor *const *p, gradc_tensor *x)
{
    gradc_tensor *h = gradc_max_pool2d(gradc_relu(gradc_conv2d(x, p[0], p[1], 1, 1)), 2, 2);
    h = gradc_max_pool2d(gradc_relu(gradc_conv2d(h, p[2], p[3], 1, 1)), 2, 2);
    h = gradc_relu(gradc_linear(gradc_flatten(h, 1, -1), p[4], p[5]));
    return gradc_linear(h, p[6], p[7]);
}

static const struct model_kind kinds[] = {
    {"mlp",
     mlp,
     {{"fc1.weight", 2, {128, 784}}, {"fc1.bias", 1, {128}}, {"fc2.weight", 2, {10, 128}}, {"fc2.bias", 1, {10}}}},
    {"lenet",
     lenet,
     {{"conv1.weight", 4, {32, 1, 3, 3}},
      {"conv1.bias", 1, {32}},
      {"conv2.weight", 4, {64, 32, 3, 3}},
      {"conv2.bias", 1, {64}},
      {"fc1.weight", 2, {128, 3136}},
      {"fc1.bias", 1, {128}},
      {"fc2.weight", 2, {10, 128}},
      {"fc2.bias", 1, {10}}}},
};

static const struct model_kind *find_kind(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

int model_known(const char *name)
{
    return find_kind(name) != NULL;
}

gradc_status model_new(struct model *m, gradc_context *g, const char *name)
{
    *m = (struct model){.kind = find_kind(name)};
    for (; m->n < MODEL_PARAMS && m->kind->params[m->n].name != NULL; m->n++) {
        const struct param *p = &m->kind->params[m->n];
        m->names[m->n] = p->name;
        m->params[m->n] = gradc_param(g, p->ndim > 1 ? GRADC_KAIMING : GRADC_ZEROS, p->ndim, p->shape);
    }
    return gradc_check(g);
}

void model_free(struct model *m)
{
    for (int i = 0; i < m->n; i++)
        gradc_release(m->params[i]);
    m->n = 0;
}

gradc_tensor *model_forward(const struct model *m, gradc_tensor *x)
{
    return m->kind->forward(m->params, x);
}
