/* module.c - modules: made from a model's name and options, run forward, asked, frozen, freed. */
#include "nn/module.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/host.h"
#include "base/options.h"
#include "core/context.h"
#include "ops/init.h"

/* ---- Options ---- */

enum { MOST_CLASSES = 1 << 24, MOST_SIDE = 1 << 16 };

static gradc_status read_options(struct gradc_module *m, const char *text)
{
    static const struct option table[] = {
        {"classes", OPTION_WHOLE, offsetof(struct model_options, classes), 1, MOST_CLASSES},
        {"image", OPTION_WHOLE, offsetof(struct model_options, image), 1, MOST_SIDE},
        {"channels", OPTION_WHOLE, offsetof(struct model_options, channels), 1, MOST_SIDE},
        {"dropout", OPTION_REAL, offsetof(struct model_options, dropout), 0, 1},
    };
    char what[NAME_TEXT];
    struct failure f;
    failure_clear(&f);
    struct model_options *o = &m->options;
    *o = m->model->defaults;
    int drops = o->dropout >= 0;
    snprintf(what, sizeof what, "model: %s", m->model->name);
    if (options_read(what, text, table, drops ? 4 : 3, o, NULL, &f))
        return context_fail(m->g, f.status, "%s", f.text);
    if (o->dropout >= 1)
        return context_fail(m->g, GRADC_E_ARG, "%s: dropout must be below 1", what);
    snprintf(m->classes, sizeof m->classes, "%" PRId64, o->classes);
    snprintf(m->image, sizeof m->image, "%" PRId64, o->image);
    snprintf(m->channels, sizeof m->channels, "%" PRId64, o->channels);
    if (drops)
        host_number(m->dropout, sizeof m->dropout, 15, o->dropout);
    snprintf(m->text, sizeof m->text, "classes=%s image=%s channels=%s%s%s", m->classes, m->image,
             m->channels, drops ? " dropout=" : "", m->dropout);
    return GRADC_OK;
}

/* ---- Making and freeing ---- */

static const struct model *find_model(gradc_context *g, const char *name)
{
    char known[256] = "";
    size_t used = 0;
    for (int i = 0; i < model_count; i++) {
        if (name && strcmp(model_list[i].name, name) == 0)
            return &model_list[i];
        if (used < sizeof known)
            used +=
                (size_t)snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", model_list[i].name);
    }
    context_fail(g, GRADC_E_ARG, "model: there is no model \"%s\"; there are %s", name ? name : "NULL", known);
    return NULL;
}

/* Each counter is an element of one tensor, so that a forward counts them all at once. */
static gradc_status make_counters(struct gradc_module *m)
{
    if (!m->ncounters)
        return GRADC_OK;
    m->counters = gradc_new(m->g, GRADC_I64, 1, &m->ncounters);
    int64_t mark = gradc_tape_mark(m->g), at = 0;
    for (int64_t i = 0; i < m->ntensors; i++)
        if (m->tensors[i].is_counter) {
            gradc_tensor *element = gradc_squeeze(gradc_slice(m->counters, 0, at, at + 1, 1), 0);
            m->tensors[i].tensor = gradc_retain(element);
            at++;
        }
    gradc_tape_rewind(m->g, mark);
    return gradc_check(m->g);
}

static gradc_status make_tensors(struct gradc_module *m)
{
    for (int64_t i = 0; i < m->ntensors; i++) {
        struct module_tensor *t = &m->tensors[i];
        struct layout l;
        if (t->is_counter)
            continue;
        if (context_layout(m->g, "model", GRADC_F32, t->ndim, t->shape, &l) ||
            !(t->tensor = param_new(m->g, t->how, t->numbers, &l)) ||
            (t->is_buffer && gradc_requires_grad(t->tensor, 0)))
            return gradc_check(m->g);
    }
    return make_counters(m);
}

static gradc_status build(struct gradc_module *m, const char *options)
{
    gradc_status status = read_options(m, options);
    if (status)
        return status;
    m->model->describe(m);
    if (m->failed)
        return m->failed;
    m->outputs = host_zalloc((size_t)m->nlayers, sizeof *m->outputs);
    return m->outputs ? make_tensors(m) : context_no_memory(m->g, "model");
}

gradc_module *gradc_model(gradc_context *g, const char *name, const char *options)
{
    const struct model *model = context_enter(g, "model") ? NULL : find_model(g, name);
    if (!model)
        return NULL;
    struct gradc_module *m = host_zalloc(1, sizeof *m);
    if (!m) {
        context_no_memory(g, "model");
        return NULL;
    }
    m->g = g;
    m->model = model;
    m->training = 1;
    if (build(m, options)) {
        gradc_module_free(m);
        return NULL;
    }
    return m;
}

void gradc_module_free(gradc_module *m)
{
    if (!m)
        return;
    for (int64_t i = 0; i < m->ntensors; i++)
        gradc_release(m->tensors[i].tensor);
    gradc_release(m->counters);
    host_free(m->tensors);
    host_free(m->layers);
    host_free(m->outputs);
    host_free(m);
}

/* ---- Forward ---- */

static gradc_status check_input(const struct gradc_module *m, gradc_tensor *x)
{
    const struct tensor *t = op_operand(x, "forward");
    const struct model_options *o = &m->options;
    if (!t)
        return GRADC_E_CLEARED;
    if (t->g != m->g)
        return context_fail(m->g, GRADC_E_ARG, "forward: x is of another context than the module");
    if (t->dtype != GRADC_F32)
        return context_fail(m->g, GRADC_E_DTYPE, "forward: x is %s, %s takes f32", gradc_dtype_name(t->dtype),
                            m->model->name);
    const int64_t *shape = t->layout.shape;
    if (t->layout.ndim != 4 || shape[1] != o->channels || shape[2] != o->image || shape[3] != o->image)
        return context_fail(m->g, GRADC_E_SHAPE, "forward: x %s is not what %s was made for, [batch,%s,%s,%s]",
                            SHAPE(&t->layout), m->model->name, m->channels, m->image, m->image);
    return GRADC_OK;
}

/* An output that several layers read must last until the last of them is recorded: retained at first... */
static gradc_tensor *keep_branch(const struct layer *l, gradc_tensor *output)
{
    return output && l->readers > 1 ? gradc_retain(output) : output;
}

/* ... and released behind layer `at`, the last; or behind the end of a forward that failed there. */
static void drop_branch(const struct gradc_module *m, int at, int layer, int failed)
{
    if (layer >= 0 && m->layers[layer].readers > 1 && (m->layers[layer].last_reader == at || failed))
        gradc_release(m->outputs[layer]);
}

static gradc_tensor *record_layers(struct gradc_module *m, gradc_tensor *x)
{
    gradc_tensor *output = x;
    for (int i = 0; i < m->nlayers; i++) {
        const struct layer *l = &m->layers[i];
        output = l->type->forward(m, l, l->from < 0 ? x : m->outputs[l->from]);
        m->outputs[i] = output = keep_branch(l, output);
        if (!output) {
            for (int k = 0; k < i; k++)
                drop_branch(m, i, k, m->layers[k].last_reader >= i);
            return NULL;
        }
        drop_branch(m, i, l->from, 0);
        drop_branch(m, i, l->with, 0);
    }
    return output;
}

gradc_tensor *gradc_module_forward(gradc_module *m, gradc_tensor *x)
{
    if (!m) {
        fail_thread(GRADC_E_ARG, "forward: the module is NULL");
        return NULL;
    }
    if (!x || context_enter(m->g, "forward") || check_input(m, x))
        return NULL;
    gradc_tensor *z = record_layers(m, x);
    if (z && m->training && m->counters && gradc_assign(m->counters, gradc_add_scalar(m->counters, 1)))
        return NULL;
    return z;
}

gradc_status gradc_module_train(gradc_module *m, int on)
{
    if (!m)
        return fail_thread(GRADC_E_ARG, "train: the module is NULL");
    m->training = on != 0;
    return GRADC_OK;
}

/* ---- Parameters and buffers ---- */

static const struct module_tensor *entry(const gradc_module *m, int i)
{
    return m && i >= 0 && i < m->ntensors ? &m->tensors[i] : NULL;
}

int gradc_module_count(const gradc_module *m)
{
    return m ? (int)m->ntensors : 0;
}

const char *gradc_module_tensor_name(const gradc_module *m, int i)
{
    return entry(m, i) ? entry(m, i)->name : NULL;
}

gradc_tensor *gradc_module_tensor(const gradc_module *m, int i)
{
    return entry(m, i) ? entry(m, i)->tensor : NULL;
}

int gradc_module_is_buffer(const gradc_module *m, int i)
{
    return entry(m, i) && entry(m, i)->is_buffer;
}

gradc_tensor *gradc_module_find(const gradc_module *m, const char *name)
{
    for (int64_t i = 0; m && name && i < m->ntensors; i++)
        if (strcmp(m->tensors[i].name, name) == 0)
            return m->tensors[i].tensor;
    return NULL;
}

/* "features., classifier.": what names begin with, each once. */
static void beginnings(const struct gradc_module *m, char *text, size_t size)
{
    size_t used = 0, before = 0;
    const char *last = "";
    for (int64_t i = 0; i < m->ntensors; i++) {
        const char *name = m->tensors[i].name;
        size_t length = strcspn(name, ".") + 1;
        if (length == before && strncmp(name, last, length) == 0)
            continue;
        if (used < size)
            used += (size_t)snprintf(text + used, size - used, "%s%.*s", before ? ", " : "", (int)length, name);
        last = name;
        before = length;
    }
}

gradc_status gradc_module_freeze(gradc_module *m, const char *prefix, int on)
{
    char known[256] = "";
    int found = 0;
    if (!m)
        return fail_thread(GRADC_E_ARG, "freeze: the module is NULL");
    gradc_status status = context_enter(m->g, "freeze");
    for (int64_t i = 0; !status && prefix && i < m->ntensors; i++) {
        const struct module_tensor *t = &m->tensors[i];
        if (!t->is_buffer && strncmp(t->name, prefix, strlen(prefix)) == 0) {
            found = 1;
            status = gradc_requires_grad(t->tensor, !on);
        }
    }
    if (status || found)
        return status;
    beginnings(m, known, sizeof known);
    return context_fail(m->g, GRADC_E_ARG,
                        "freeze: no parameter of %s begins with \"%s\"; they begin with %s, such as %s",
                        m->model->name, prefix ? prefix : "NULL", known, m->tensors[0].name);
}

const char *gradc_module_option(const gradc_module *m, const char *key)
{
    if (!m || !key)
        return NULL;
    const struct {
        const char *key, *value;
    } facts[] = {{"model", m->model->name}, {"options", m->text},      {"classes", m->classes},
                 {"image", m->image},       {"channels", m->channels}, {"dropout", m->dropout}};
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++)
        if (strcmp(facts[i].key, key) == 0)
            return facts[i].value[0] ? facts[i].value : NULL;
    return NULL;
}
