/* summary.c - what a module costs, from the shapes of its layers: the table and the totals. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/host.h"
#include "base/page.h"
#include "core/context.h"
#include "nn/module.h"

/* ---- Counting ---- */

struct cost {
    double parameters, flops, bytes, activations; /* bytes: of parameters and buffers */
};

static double tensor_numel(const struct module_tensor *t)
{
    double n = 1;
    for (int axis = 0; axis < t->ndim; axis++)
        n *= (double)t->shape[axis];
    return n;
}

static struct cost layer_cost(const struct gradc_module *m, const struct layer *l, int64_t batch)
{
    struct cost c = {0};
    double elements = (double)batch;
    for (int i = l->tensor; i < l->tensor + l->tensors; i++) {
        const struct module_tensor *t = &m->tensors[i];
        c.parameters += t->is_buffer ? 0 : tensor_numel(t);
        c.bytes += tensor_numel(t) * (t->is_counter ? 8 : 4);
    }
    for (int axis = 0; axis < l->ndim; axis++)
        elements *= (double)l->shape[axis];
    c.flops = l->type->multiply_adds ? 2 * (double)batch * l->type->multiply_adds(m, l) : 0;
    c.activations = l->type->is_view ? 0 : 4 * elements;
    return c;
}

static struct cost module_cost(const struct gradc_module *m, int64_t batch)
{
    struct cost sum = {0};
    for (int64_t i = 0; i < m->nlayers; i++) {
        struct cost c = layer_cost(m, &m->layers[i], batch);
        sum.parameters += c.parameters;
        sum.flops += c.flops;
        sum.bytes += c.bytes;
        sum.activations += c.activations;
    }
    return sum;
}

static gradc_status check(const gradc_module *m, int64_t batch, const char *op)
{
    if (!m)
        return fail_thread(GRADC_E_ARG, "%s: the module is NULL", op);
    gradc_status status = context_enter(m->g, op);
    if (!status && batch < 1)
        status = context_fail(m->g, GRADC_E_ARG, "%s: batch %" PRId64 " is not 1 or more", op, batch);
    return status;
}

gradc_status gradc_module_info(gradc_module *m, const char *key, int64_t batch, double *value)
{
    gradc_status status = check(m, batch, "info");
    if (status)
        return status;
    if (!value)
        return context_fail(m->g, GRADC_E_ARG, "info: value is NULL");
    struct cost c = module_cost(m, batch);
    const struct {
        const char *key;
        double value;
    } facts[] = {
        {"parameters", c.parameters}, {"flops", c.flops}, {"bytes", c.bytes}, {"activations", c.activations}};
    for (size_t i = 0; key && i < sizeof facts / sizeof *facts; i++)
        if (strcmp(facts[i].key, key) == 0) {
            *value = facts[i].value;
            return GRADC_OK;
        }
    return context_fail(m->g, GRADC_E_ARG,
                        "info: there is no \"%s\"; there are parameters, flops, bytes, activations",
                        key ? key : "NULL");
}

/* ---- The table ---- */

/* "528 MiB", "1.5 GiB": four digits at most. */
static const char *bytes_text(char text[48], double bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    size_t unit = 0;
    char number[32];
    for (; bytes >= 1024 && unit + 1 < sizeof units / sizeof *units; unit++)
        bytes /= 1024;
    snprintf(text, 48, "%s %s", host_number(number, sizeof number, bytes < 1000 ? 3 : 4, bytes), units[unit]);
    return text;
}
#define BYTES(bytes) bytes_text((char[48]){0}, (bytes))

#define ROW "%-23s %-20s %-20s %12.0f %16.0f %14.0f\n"
#define HEADS "%-23s %-20s %-20s %12s %16s %14s\n"

static void put_layer(struct page *t, const struct gradc_module *m, const struct layer *l, int64_t batch)
{
    struct layout shape = {.ndim = l->ndim + 1, .shape = {batch}};
    memcpy(shape.shape + 1, l->shape, sizeof l->shape);
    struct cost c = layer_cost(m, l, batch);
    page_put(t, ROW, l->name, l->type->name, SHAPE(&shape), c.parameters, c.flops, c.activations);
}

int64_t gradc_module_summary(gradc_module *m, int64_t batch, char *text, size_t size)
{
    struct page t = {text, text ? size : 0, 0};
    if (check(m, batch, "summary"))
        return -1;
    struct cost c = module_cost(m, batch);
    double trained = 4 * c.parameters;
    page_put(&t, "%s: %s, a batch of %" PRId64 "\n", m->model->name, m->text, batch);
    page_put(&t, HEADS, "layer", "kind", "output", "parameters", "flops", "output bytes");
    for (int64_t i = 0; i < m->nlayers; i++)
        put_layer(&t, m, &m->layers[i], batch);
    page_put(&t, ROW, "total", "", "", c.parameters, c.flops, c.activations);
    page_put(&t, "\nflops    of a forward: two for each multiply-add of convolutions and linear layers; a training "
                 "step takes about three times as many\n");
    page_put(&t, "weights  %s, parameters and buffers\n", BYTES(c.bytes));
    page_put(&t, "a training step needs roughly %s with Adam, %s with plain SGD:\n",
             BYTES(c.bytes + 3 * trained + c.activations), BYTES(c.bytes + trained + c.activations));
    page_put(&t, "         weights %s, gradients %s, Adam's state %s, outputs of layers %s;\n",
             BYTES(c.bytes), BYTES(trained), BYTES(2 * trained), BYTES(c.activations));
    page_put(&t, "         gradients of outputs and the kernels' own memory come on top\n");
    if (text && size)
        text[t.used < size ? t.used : size - 1] = 0;
    return (int64_t)t.used;
}
