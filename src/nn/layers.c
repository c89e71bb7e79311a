/* layers.c - the kinds of layers: what each records, the shape of its output, the tensors that it owns. */
#include "nn/layers.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/host.h"
#include "core/context.h"

/* ---- What they record ---- */

static gradc_tensor *own(const struct gradc_module *m, const struct layer *l, int i)
{
    return m->tensors[l->tensor + i].tensor;
}

static gradc_tensor *conv_forward(const struct gradc_module *m, const struct layer *l, gradc_tensor *x)
{
    return gradc_conv2d(x, own(m, l, 0), l->bias ? own(m, l, 1) : NULL, l->stride, l->padding);
}

static gradc_tensor *linear_forward(const struct gradc_module *m, const struct layer *l, gradc_tensor *x)
{
    return gradc_linear(x, own(m, l, 0), own(m, l, 1));
}

enum { WEIGHT, BIAS, RUNNING_MEAN, RUNNING_VAR, BATCHES, BATCH_NORM_TENSORS };

static gradc_tensor *batch_norm_forward(const struct gradc_module *m, const struct layer *l, gradc_tensor *x)
{
    return gradc_batch_norm(x, own(m, l, RUNNING_MEAN), own(m, l, RUNNING_VAR), own(m, l, WEIGHT),
                            own(m, l, BIAS), m->training, 0.1, 1e-5);
}

static gradc_tensor *relu_forward(const struct gradc_module *m, const struct layer *l, gradc_tensor *x)
{
    (void)m, (void)l;
    return gradc_relu(x);
}

static gradc_tensor *max_pool_forward(const struct gradc_module *m, const struct layer *l, gradc_tensor *x)
{
    (void)m;
    return gradc_max_pool2d_full(x, l->size, l->size, l->stride, l->stride, l->padding, l->padding);
}

static gradc_tensor *adaptive_pool_forward(const struct gradc_module *m, const struct layer *l, gradc_tensor *x)
{
    (void)m;
    return gradc_adaptive_avg_pool2d(x, l->size, l->size);
}

static gradc_tensor *flatten_forward(const struct gradc_module *m, const struct layer *l, gradc_tensor *x)
{
    (void)m, (void)l;
    return gradc_flatten(x, 1, -1);
}

static gradc_tensor *dropout_forward(const struct gradc_module *m, const struct layer *l, gradc_tensor *x)
{
    (void)l;
    return m->training && m->options.dropout > 0 ? gradc_dropout(x, m->options.dropout) : x;
}

static gradc_tensor *add_forward(const struct gradc_module *m, const struct layer *l, gradc_tensor *x)
{
    return gradc_add(x, m->outputs[l->with]);
}

/* ---- What they cost ---- */

static double numel(const struct layer *l)
{
    double n = 1;
    for (int axis = 0; axis < l->ndim; axis++)
        n *= (double)l->shape[axis];
    return n;
}

static double window_multiply_adds(const struct gradc_module *m, const struct layer *l)
{
    (void)m;
    return numel(l) * (double)l->in * (double)l->size * (double)l->size;
}

static const struct layer_type conv = {"conv2d", conv_forward, window_multiply_adds, 0},
                               linear = {"linear", linear_forward, window_multiply_adds, 0},
                               batch_norm = {"batch_norm", batch_norm_forward, NULL, 0},
                               relu = {"relu", relu_forward, NULL, 0},
                               max_pool = {"max_pool2d", max_pool_forward, NULL, 0},
                               adaptive_pool = {"adaptive_avg_pool2d", adaptive_pool_forward, NULL, 0},
                               flatten = {"flatten", flatten_forward, NULL, 1},
                               dropout = {"dropout", dropout_forward, NULL, 0},
                               add = {"add", add_forward, NULL, 0};

/* ---- Appending ---- */

static int no_memory(struct gradc_module *m)
{
    m->failed = context_no_memory(m->g, "model");
    return -1;
}

static int64_t outer(const struct layer *l)
{
    return l->shape[0];
}

/* A layer with the shape of its input; `from` -1 takes the module's. */
static struct layer *append(struct gradc_module *m, const struct layer_type *type, int from, const char *name,
                            va_list args)
{
    if (m->failed)
        return NULL;
    if (host_grow(&m->layers, &m->layer_capacity, m->nlayers + 1, sizeof *m->layers)) {
        no_memory(m);
        return NULL;
    }
    struct layer *l = &m->layers[m->nlayers];
    memset(l, 0, sizeof *l);
    l->type = type;
    l->from = from;
    l->with = -1;
    l->size = 1;
    l->tensor = (int)m->ntensors;
    vsnprintf(l->name, sizeof l->name, name, args);
    const struct model_options *o = &m->options;
    struct layer input = {.ndim = 3, .shape = {o->channels, o->image, o->image}};
    const struct layer *x = from < 0 ? &input : &m->layers[from];
    l->ndim = x->ndim;
    memcpy(l->shape, x->shape, sizeof l->shape);
    l->in = outer(x);
    if (from >= 0) {
        m->layers[from].readers++;
        m->layers[from].last_reader = (int)m->nlayers;
    }
    m->nlayers++;
    return l;
}

static struct layer *append_plain(struct gradc_module *m, const struct layer_type *type, int from,
                                  const char *name, ...) GRADC_PRINTF(4, 5);

static struct layer *append_plain(struct gradc_module *m, const struct layer_type *type, int from,
                                  const char *name, ...)
{
    va_list args;
    va_start(args, name);
    struct layer *l = append(m, type, from, name, args);
    va_end(args);
    return l;
}

/* The number of a layer that append returned. */
static int number(const struct gradc_module *m, const struct layer *l)
{
    return l && !m->failed ? (int)(l - m->layers) : -1;
}

/* A tensor of the last layer; NULL: no memory. */
static struct module_tensor *tensor_append(struct gradc_module *m, const char *suffix, int ndim,
                                           const int64_t *shape)
{
    struct layer *l = &m->layers[m->nlayers - 1];
    if (m->failed || host_grow(&m->tensors, &m->tensor_capacity, m->ntensors + 1, sizeof *m->tensors)) {
        no_memory(m);
        return NULL;
    }
    struct module_tensor *t = &m->tensors[m->ntensors++];
    memset(t, 0, sizeof *t);
    snprintf(t->name, sizeof t->name, "%.*s.%s", NAME_TEXT - 24, l->name, suffix);
    t->how = GRADC_UNIFORM;
    t->ndim = ndim;
    for (int axis = 0; axis < ndim; axis++)
        t->shape[axis] = shape[axis];
    l->tensors++;
    return t;
}

static void weight_and_bias(struct gradc_module *m, int ndim, const int64_t *shape, int bias, enum weights start)
{
    struct module_tensor *w = tensor_append(m, "weight", ndim, shape);
    if (!w)
        return;
    double window = ndim == 4 ? (double)(shape[2] * shape[3]) : 1;
    double bound = 1 / sqrt((double)shape[1] * window);
    w->numbers[0] = -bound;
    w->numbers[1] = bound;
    if (start == WEIGHTS_KAIMING_NORMAL || start == WEIGHTS_NORMAL) {
        w->how = GRADC_NORMAL;
        w->numbers[0] = start == WEIGHTS_NORMAL ? 0.01 : sqrt(2 / ((double)shape[0] * window));
    }
    struct module_tensor *b = bias ? tensor_append(m, "bias", 1, shape) : NULL;
    if (b && start == WEIGHTS_UNIFORM) {
        b->numbers[0] = -bound;
        b->numbers[1] = bound;
    }
}

/* The layer's planes behind its window. */
static void slide(struct gradc_module *m, struct layer *l, struct window w)
{
    l->size = w.size;
    l->stride = w.stride;
    l->padding = w.padding;
    for (int axis = 1; axis < 3; axis++) {
        int64_t padded = l->shape[axis] + 2 * w.padding;
        if (padded < w.size) {
            m->failed =
                context_fail(m->g, GRADC_E_ARG,
                             "model: image=%lld is too small for %s: at %s a window of %d does not fit %lldx%lld; "
                             "take image=%lld or more",
                             (long long)m->options.image, m->model->name, l->name, w.size,
                             (long long)l->shape[1], (long long)l->shape[2], (long long)m->model->least);
            return;
        }
        l->shape[axis] = (padded - w.size) / w.stride + 1;
    }
}

/* ---- Layers ---- */

int layer_conv(struct gradc_module *m, int from, int64_t out, struct window w, int bias, enum weights start,
               const char *name, ...)
{
    va_list args;
    va_start(args, name);
    struct layer *l = append(m, &conv, from, name, args);
    va_end(args);
    if (!l)
        return -1;
    slide(m, l, w);
    l->shape[0] = out;
    l->bias = bias;
    if (!m->failed)
        weight_and_bias(m, 4, (const int64_t[]){out, l->in, w.size, w.size}, bias, start);
    return number(m, l);
}

int layer_linear(struct gradc_module *m, int from, int64_t out, enum weights start, const char *name)
{
    struct layer *l = append_plain(m, &linear, from, "%s", name);
    if (!l)
        return -1;
    l->shape[0] = out;
    l->bias = 1;
    weight_and_bias(m, 2, (const int64_t[]){out, l->in}, 1, start);
    return number(m, l);
}

int layer_batch_norm(struct gradc_module *m, int from, const char *name, ...)
{
    static const char *const suffixes[BATCH_NORM_TENSORS] = {"weight", "bias", "running_mean", "running_var",
                                                             "num_batches_tracked"};
    va_list args;
    va_start(args, name);
    struct layer *l = append(m, &batch_norm, from, name, args);
    va_end(args);
    for (int i = 0; l && i < BATCH_NORM_TENSORS; i++) {
        struct module_tensor *t = tensor_append(m, suffixes[i], i != BATCHES, &l->in);
        if (!t)
            return -1;
        t->is_buffer = i >= RUNNING_MEAN;
        t->is_counter = i == BATCHES;
        t->numbers[0] = t->numbers[1] = i == WEIGHT || i == RUNNING_VAR;
    }
    m->ncounters += l != NULL;
    return number(m, l);
}

int layer_relu(struct gradc_module *m, int from, const char *name, ...)
{
    va_list args;
    va_start(args, name);
    struct layer *l = append(m, &relu, from, name, args);
    va_end(args);
    return number(m, l);
}

int layer_max_pool(struct gradc_module *m, int from, struct window w, const char *name, ...)
{
    va_list args;
    va_start(args, name);
    struct layer *l = append(m, &max_pool, from, name, args);
    va_end(args);
    if (l)
        slide(m, l, w);
    return number(m, l);
}

int layer_adaptive_pool(struct gradc_module *m, int from, int size, const char *name)
{
    struct layer *l = append_plain(m, &adaptive_pool, from, "%s", name);
    if (!l)
        return -1;
    l->size = size;
    l->shape[1] = l->shape[2] = size;
    return number(m, l);
}

int layer_flatten(struct gradc_module *m, int from)
{
    struct layer *l = append_plain(m, &flatten, from, "flatten");
    if (!l)
        return -1;
    l->shape[0] *= l->shape[1] * l->shape[2];
    l->ndim = 1;
    return number(m, l);
}

int layer_dropout(struct gradc_module *m, int from, const char *name)
{
    return number(m, append_plain(m, &dropout, from, "%s", name));
}

int layer_add(struct gradc_module *m, int from, int with, const char *name, ...)
{
    va_list args;
    va_start(args, name);
    struct layer *l = append(m, &add, from, name, args);
    va_end(args);
    if (!l)
        return -1;
    l->with = with;
    m->layers[with].readers++;
    m->layers[with].last_reader = number(m, l);
    return number(m, l);
}
