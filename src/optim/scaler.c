/* scaler.c - the gradient scaler: the loss scaled up, the gradients scaled down, steps with inf or NaN left out, after
 * PyTorch's GradScaler. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/host.h"
#include "core/run.h"
#include "ops/ops.h"
#include "optim/optim.h"

/* What was done with an optimiser since the last update. */
struct scaled_optim {
    gradc_optim *optim;
    int unscaled, stepped, found; /* found: a gradient was inf or NaN */
};

struct gradc_scaler {
    gradc_context *g;
    gradc_tensor *holds; /* a tensor of ours: the context lives as long as it */
    double scale, growth, backoff, interval, tracker, skipped;
    struct scaled_optim *optims;
    int64_t noptims, capacity;
};

/* ---- Making and freeing ---- */

static int is_scale(double scale)
{
    return scale > 0 && scale <= (double)FLT_MAX;
}

gradc_scaler *gradc_scaler_new(gradc_context *g, double init_scale)
{
    if (context_enter(g, "scaler_new"))
        return NULL;
    if (!is_scale(init_scale)) {
        context_fail(g, GRADC_E_ARG, "scaler_new: the scale must be a positive finite number");
        return NULL;
    }
    gradc_scaler *s = host_zalloc(1, sizeof *s);
    if (!s) {
        context_no_memory(g, "scaler_new");
        return NULL;
    }
    *s = (struct gradc_scaler){.g = g, .scale = init_scale, .growth = 2, .backoff = 0.5, .interval = 2000};
    s->holds = gradc_new(g, GRADC_F32, 0, NULL);
    if (!s->holds) {
        host_free(s);
        return NULL;
    }
    return s;
}

void gradc_scaler_free(gradc_scaler *s)
{
    if (!s)
        return;
    gradc_release(s->holds);
    host_free(s->optims);
    host_free(s);
}

/* ---- Numbers ---- */

/* The number called key and its range; NULL: there is none. */
static double *number_of(gradc_scaler *s, const char *key, double *least, double *most)
{
    const struct {
        const char *key;
        double *at, least, most;
    } numbers[] = {
        {"scale", &s->scale, DBL_MIN, (double)FLT_MAX}, {"growth_factor", &s->growth, 1, (double)FLT_MAX},
        {"backoff_factor", &s->backoff, DBL_MIN, 1},    {"growth_interval", &s->interval, 1, 0x1p53},
        {"growth_tracker", &s->tracker, 0, 0x1p53},     {"skipped", &s->skipped, 1, 0}};
    for (size_t i = 0; key && i < sizeof numbers / sizeof *numbers; i++)
        if (strcmp(key, numbers[i].key) == 0) {
            *least = numbers[i].least;
            *most = numbers[i].most;
            return numbers[i].at;
        }
    context_fail(s->g, GRADC_E_ARG, "scaler: it has no number \"%s\"", key ? key : "NULL");
    return NULL;
}

static gradc_status enter(const gradc_scaler *s, const char *name)
{
    return s ? context_enter(s->g, name) : fail_thread(GRADC_E_ARG, "%s: the scaler is NULL", name);
}

gradc_status gradc_scaler_set(gradc_scaler *s, const char *key, double value)
{
    double least, most;
    gradc_status status = enter(s, "scaler_set");
    if (status)
        return status;
    double *at = number_of(s, key, &least, &most);
    if (!at)
        return gradc_check(s->g);
    if (!(value >= least && value <= most))
        return context_fail(s->g, GRADC_E_ARG, "scaler: %s can't be set so", key);
    *at = value;
    return GRADC_OK;
}

double gradc_scaler_get(const gradc_scaler *s, const char *key)
{
    double least, most;
    if (enter(s, "scaler_get"))
        return (double)NAN;
    gradc_scaler numbers = *s;
    const double *at = number_of(&numbers, key, &least, &most);
    return at ? *at : (double)NAN;
}

/* ---- A step ---- */

gradc_tensor *gradc_scaler_scale(gradc_scaler *s, gradc_tensor *loss)
{
    if (!loss || enter(s, "scaler_scale"))
        return NULL;
    struct tensor *t = op_operand(loss, "scaler_scale");
    if (!t)
        return NULL;
    loss_keep(t);
    return gradc_mul_scalar(dtype_is_half(gradc_dtype_of(loss)) ? gradc_cast(loss, GRADC_F32) : loss, s->scale);
}

/* What is known of the optimiser; NULL: no memory, or another context's. */
static struct scaled_optim *entry_of(gradc_scaler *s, gradc_optim *o, const char *name)
{
    void *memory = s->optims;
    if (!o || o->g != s->g) {
        context_fail(s->g, GRADC_E_ARG, "%s: the optimiser is %s", name, o ? "of another context" : "NULL");
        return NULL;
    }
    for (int64_t i = 0; i < s->noptims; i++)
        if (s->optims[i].optim == o)
            return &s->optims[i];
    if (host_grow(&memory, &s->capacity, s->noptims + 1, sizeof *s->optims)) {
        context_no_memory(s->g, name);
        return NULL;
    }
    s->optims = memory;
    s->optims[s->noptims] = (struct scaled_optim){.optim = o};
    return &s->optims[s->noptims++];
}

/* All are recorded, then all are bound; the norm says whether they are finite. */
static gradc_tensor *record_unscaled(gradc_scaler *s, const gradc_optim *o, gradc_tensor **list)
{
    for (int i = 0; i < o->n; i++) {
        gradc_tensor *dx = gradc_grad(o->tensors[i]);
        list[i] = dx ? gradc_mul_scalar(dx, 1 / s->scale) : NULL;
        if (dx && !list[i])
            return NULL;
    }
    for (int i = 0; i < o->n; i++)
        if (list[i])
            gradient_bind(tensor_of(o->tensors[i])->grad, tensor_of(list[i]));
    return optim_total_norm(s->g, o->tensors, o->n, list);
}

static gradc_status unscale(gradc_scaler *s, struct scaled_optim *e, gradc_tensor **list)
{
    gradc_context *g = s->g;
    call_begin(g, 0);
    gradc_tensor *norm = record_unscaled(s, e->optim, list);
    struct tensor *t = norm ? tensor_of(norm) : NULL;
    if (gradc_check(g)) {
        call_undo(g);
        call_end(g);
        return gradc_check(g);
    }
    t->open = 1;
    tensor_keep(t);
    call_end(g);
    const double found = gradc_item(norm);
    if (gradc_check(g))
        return gradc_check(g);
    gradc_release(norm);
    e->unscaled = 1;
    e->found = !isfinite(found);
    return GRADC_OK;
}

/* A parameter of f16 has gradients of f16, where what the scale saved would be lost again: PyTorch refuses them too. */
static gradc_status unscale_optim(gradc_scaler *s, struct scaled_optim *e, const char *name)
{
    for (int i = 0; i < e->optim->n; i++)
        if (gradc_dtype_of(e->optim->tensors[i]) == GRADC_F16)
            return context_fail(s->g, GRADC_E_DTYPE,
                                "%s: parameter %d is f16, whose gradients can't be unscaled", name, i);
    gradc_tensor **list = host_zalloc((size_t)e->optim->n, sizeof *list);
    if (!list)
        return context_no_memory(s->g, name);
    gradc_status status = unscale(s, e, list);
    host_free(list);
    return status;
}

gradc_status gradc_scaler_unscale(gradc_scaler *s, gradc_optim *o)
{
    const char *name = "scaler_unscale";
    gradc_status status = enter(s, name);
    struct scaled_optim *e = status ? NULL : entry_of(s, o, name);
    if (!e)
        return status ? status : gradc_check(s->g);
    if (e->unscaled)
        return context_fail(s->g, GRADC_E_ARG, "%s: it was called already since the last update", name);
    return unscale_optim(s, e, name);
}

gradc_status gradc_scaler_step(gradc_scaler *s, gradc_optim *o)
{
    const char *name = "scaler_step";
    gradc_status status = enter(s, name);
    struct scaled_optim *e = status ? NULL : entry_of(s, o, name);
    if (!e)
        return status ? status : gradc_check(s->g);
    if (e->stepped)
        return context_fail(s->g, GRADC_E_ARG, "%s: it was called already since the last update", name);
    if (!e->unscaled && (status = unscale_optim(s, e, name)))
        return status;
    e->stepped = 1;
    if (!e->found)
        return gradc_step(o);
    s->skipped++;
    return gradc_zero_grad(o->tensors, o->n);
}

gradc_status gradc_scaler_update(gradc_scaler *s)
{
    int found = 0;
    gradc_status status = enter(s, "scaler_update");
    if (status)
        return status;
    for (int64_t i = 0; i < s->noptims; i++)
        found |= s->optims[i].found;
    s->noptims = 0;
    if (found) {
        s->scale *= s->backoff;
        s->tracker = 0;
    } else if (++s->tracker >= s->interval) {
        s->scale = is_scale(s->scale * s->growth) ? s->scale * s->growth : s->scale;
        s->tracker = 0;
    }
    return GRADC_OK;
}
