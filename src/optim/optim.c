/* optim.c - making, setting and freeing optimisers.  Their state is in state.c, steps in step.c, the formulas in
 * ops/sgd.c, ops/adam.c and ops/rmsprop.c. */
#include "optim/optim.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/host.h"

/* ---- Numbers ---- */

enum {
    ON_SGD = 1 << OPTIM_SGD,
    ON_ADAM = 1 << OPTIM_ADAM | 1 << OPTIM_ADAMW,
    ON_RMSPROP = 1 << OPTIM_RMSPROP,
    ON_ALL = ON_SGD | ON_ADAM | ON_RMSPROP
};

#define BELOW_1 (1 - DBL_EPSILON / 2)

static const struct {
    const char *key;
    int kinds;
    double least, most, start; /* PyTorch's default, where the constructor does not say */
} rules[OPTIM_NUMBERS] = {
    [LR] = {"lr", ON_ALL, 0, DBL_MAX, 0},
    [WEIGHT_DECAY] = {"weight_decay", ON_ALL, 0, DBL_MAX, 0},
    [MOMENTUM] = {"momentum", ON_SGD | ON_RMSPROP, 0, DBL_MAX, 0},
    [DAMPENING] = {"dampening", ON_SGD, -DBL_MAX, DBL_MAX, 0},
    [NESTEROV] = {"nesterov", ON_SGD, 0, 1, 0},
    [BETA1] = {"beta1", ON_ADAM, 0, BELOW_1, 0.9},
    [BETA2] = {"beta2", ON_ADAM, 0, BELOW_1, 0.999},
    [EPS] = {"eps", ON_ADAM | ON_RMSPROP, 0, DBL_MAX, 1e-8},
    [ALPHA] = {"alpha", ON_RMSPROP, 0, DBL_MAX, 0.99},
    [CENTERED] = {"centered", ON_RMSPROP, 0, 1, 0},
};

const char *const optim_names[OPTIM_KINDS] = {"sgd", "adam", "adamw", "rmsprop"};

static gradc_status set_number(struct gradc_optim *o, enum optim_number at, double value)
{
    double numbers[OPTIM_NUMBERS];
    char text[32];
    memcpy(numbers, o->numbers, sizeof numbers);
    numbers[at] = value;
    host_number(text, sizeof text, 9, value);
    if (!(value >= rules[at].least && value <= rules[at].most))
        return context_fail(o->g, GRADC_E_ARG, "%s: %s %s is out of range", optim_names[o->kind],
                            rules[at].key, text);
    if ((at == NESTEROV || at == CENTERED) && value != 0 && value != 1)
        return context_fail(o->g, GRADC_E_ARG, "%s: %s is 0 or 1, not %s", optim_names[o->kind],
                            rules[at].key, text);
    if (numbers[NESTEROV] != 0 && (numbers[MOMENTUM] == 0 || numbers[DAMPENING] != 0))
        return context_fail(o->g, GRADC_E_ARG, "%s: nesterov needs a momentum, and no dampening (%s %s)",
                            optim_names[o->kind], rules[at].key, text);
    o->numbers[at] = value;
    return GRADC_OK;
}

/* The number called key, or -1 with the error. */
static int find_number(const struct gradc_optim *o, const char *key)
{
    for (int i = 0; key && i < OPTIM_NUMBERS; i++)
        if (strcmp(key, rules[i].key) == 0 && (rules[i].kinds & 1 << o->kind))
            return i;
    context_fail(o->g, GRADC_E_ARG, "%s: it has no number \"%s\"", optim_names[o->kind], key ? key : "NULL");
    return -1;
}

gradc_status gradc_optim_set(gradc_optim *o, const char *key, double value)
{
    if (!o)
        return fail_thread(GRADC_E_ARG, "gradc_optim_set: the optimiser is NULL");
    gradc_status status = context_enter(o->g, "gradc_optim_set");
    if (status != GRADC_OK)
        return status;
    int at = find_number(o, key);
    return at < 0 ? gradc_check(o->g) : set_number(o, (enum optim_number)at, value);
}

double gradc_optim_get(const gradc_optim *o, const char *key)
{
    if (!o)
        fail_thread(GRADC_E_ARG, "gradc_optim_get: the optimiser is NULL");
    int at = o && context_enter(o->g, "gradc_optim_get") == GRADC_OK ? find_number(o, key) : -1;
    return at < 0 ? (double)NAN : o->numbers[at];
}

const char *gradc_optim_kind(const gradc_optim *o)
{
    return o ? optim_names[o->kind] : NULL;
}

int gradc_optim_count(const gradc_optim *o)
{
    return o ? o->n : -1;
}

gradc_tensor *gradc_optim_param(const gradc_optim *o, int i)
{
    return o && i >= 0 && i < o->n ? o->tensors[i] : NULL;
}

int64_t gradc_optim_steps(const gradc_optim *o)
{
    return o ? o->steps : -1;
}

/* ---- Making and freeing ---- */

/* The context that a list of parameters is of; a failure without one is the thread's. */
static gradc_context *context_of(gradc_tensor *const *params, int n, const char *name)
{
    for (int i = 0; params && i < n; i++)
        if (gradc_context_of(params[i]))
            return gradc_context_of(params[i]);
    if (!params || n < 1)
        fail_thread(GRADC_E_ARG, "%s: no parameters", name);
    else if (params[0])
        op_operand(params[0], name); /* says what became of it */
    else
        fail_thread(GRADC_E_ARG, "%s: no parameter is a tensor", name);
    return NULL;
}

gradc_status optim_check_param(gradc_context *g, gradc_tensor *const *params, int i, const char *name)
{
    const struct tensor *t = op_operand(params[i], name);
    if (!params[i])
        return context_fail(g, GRADC_E_ARG, "%s: parameter %d is NULL", name, i);
    if (!t || t->g != g)
        return context_fail(g, t ? GRADC_E_ARG : GRADC_E_CLEARED, "%s: parameter %d is %s", name, i,
                            t ? "of another context" : "no longer valid");
    if (!dtype_is_float(t->dtype))
        return context_fail(g, GRADC_E_DTYPE, "%s: parameter %d %s is %s, no float", name, i,
                            SHAPE(&t->layout), gradc_dtype_name(t->dtype));
    for (int j = 0; j < i; j++)
        if (params[j] == params[i])
            return context_fail(g, GRADC_E_ARG, "%s: parameter %d is parameter %d again", name, i, j);
    return GRADC_OK;
}

/* Whether it can be updated too. */
static gradc_status check_param(gradc_context *g, gradc_tensor *const *params, int i, const char *name)
{
    gradc_status status = optim_check_param(g, params, i, name);
    if (status != GRADC_OK)
        return status;
    const struct tensor *t = tensor_of(params[i]);
    if (t->root != t || !t->owned || t->is_gradient || !layout_is_contiguous(&t->layout))
        return context_fail(g, GRADC_E_ARG, "%s: parameter %d %s is no tensor of yours", name, i,
                            SHAPE(&t->layout));
    if (!t->wants_grad)
        return context_fail(g, GRADC_E_ARG, "%s: parameter %d %s wants no gradient (gradc_requires_grad)",
                            name, i, SHAPE(&t->layout));
    return GRADC_OK;
}

/* Everything that is not the context's: no parameters yet. */
static struct gradc_optim *optim_alloc(enum optim_kind kind, int n)
{
    struct gradc_optim *o = host_zalloc(1, sizeof *o);
    if (!o)
        return NULL;
    o->kind = kind;
    o->tensors = host_zalloc((size_t)n, sizeof *o->tensors);
    o->params = host_zalloc((size_t)n, sizeof *o->params);
    o->listener.undo = optim_undo;
    o->listener.payload = o;
    for (int i = 0; i < OPTIM_NUMBERS; i++)
        o->numbers[i] = rules[i].start;
    return o;
}

static void optim_discard(struct gradc_optim *o)
{
    for (int i = 0; i < o->n; i++) {
        gradc_release(o->tensors[i]);
        for (int k = 0; k < OPTIM_STATES; k++)
            gradc_release(o->params[i].state[k]);
    }
    host_free(o->params);
    host_free(o->tensors);
    host_free(o);
}

static struct gradc_optim *optim_new(enum optim_kind kind, gradc_tensor *const *params, int n, double lr,
                                     enum optim_number second, double value)
{
    gradc_context *g = context_of(params, n, optim_names[kind]);
    if (!g || context_enter(g, optim_names[kind]) != GRADC_OK)
        return NULL;
    for (int i = 0; i < n; i++)
        if (check_param(g, params, i, optim_names[kind]) != GRADC_OK)
            return NULL;
    struct gradc_optim *o = optim_alloc(kind, n);
    if (!o || !o->tensors || !o->params) {
        if (o)
            optim_discard(o);
        context_no_memory(g, optim_names[kind]);
        return NULL;
    }
    o->g = g;
    if (set_number(o, LR, lr) != GRADC_OK || set_number(o, second, value) != GRADC_OK) {
        optim_discard(o);
        return NULL;
    }
    for (; o->n < n; o->n++) {
        o->tensors[o->n] = gradc_retain(params[o->n]);
        o->params[o->n].recent = UINT64_MAX;
    }
    step_listen(g, &o->listener);
    return o;
}

gradc_optim *gradc_sgd(gradc_tensor *const *params, int n, double lr, double momentum)
{
    return optim_new(OPTIM_SGD, params, n, lr, MOMENTUM, momentum);
}

gradc_optim *gradc_adam(gradc_tensor *const *params, int n, double lr)
{
    return optim_new(OPTIM_ADAM, params, n, lr, WEIGHT_DECAY, 0);
}

gradc_optim *gradc_adamw(gradc_tensor *const *params, int n, double lr, double weight_decay)
{
    return optim_new(OPTIM_ADAMW, params, n, lr, WEIGHT_DECAY, weight_decay);
}

gradc_optim *gradc_rmsprop(gradc_tensor *const *params, int n, double lr)
{
    return optim_new(OPTIM_RMSPROP, params, n, lr, WEIGHT_DECAY, 0);
}

void gradc_optim_free(gradc_optim *o)
{
    if (!o)
        return;
    step_unlisten(&o->listener);
    optim_discard(o);
}
