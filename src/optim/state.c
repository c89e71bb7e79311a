/* state.c - what an optimiser remembers of each parameter: named as PyTorch names it, made, asked for, restored. */
#include <string.h>

#include "optim/optim.h"

/* Update ops take the needed ones in this order; a kind's first is needed whenever one is. */
enum { ALWAYS = OPTIM_NUMBERS };

static const struct {
    const char *name;
    int where; /* the number that is not 0 where it is needed */
} states[OPTIM_KINDS][OPTIM_STATES] = {
    [OPTIM_SGD] = {{"momentum_buffer", MOMENTUM}},
    [OPTIM_ADAM] = {{"exp_avg", ALWAYS}, {"exp_avg_sq", ALWAYS}},
    [OPTIM_ADAMW] = {{"exp_avg", ALWAYS}, {"exp_avg_sq", ALWAYS}},
    [OPTIM_RMSPROP] = {{"square_avg", ALWAYS}, {"momentum_buffer", MOMENTUM}, {"grad_avg", CENTERED}},
};

int optim_needs(const struct gradc_optim *o, int k)
{
    int where = states[o->kind][k].where;
    return states[o->kind][k].name && (where == ALWAYS || o->numbers[where] != 0);
}

gradc_status optim_make_state(struct gradc_optim *o, int at, int k)
{
    struct optim_param *p = &o->params[at];
    const struct tensor *t = tensor_of(o->tensors[at]);
    if (p->state[k] && !tensor_of(p->state[k])->lost)
        return GRADC_OK;
    gradc_tensor *fresh = gradc_new(o->g, t->dtype, t->layout.ndim, t->layout.shape);
    if (!fresh)
        return gradc_check(o->g);
    gradc_release(p->state[k]);
    p->state[k] = fresh;
    p->updates = 0;
    return GRADC_OK;
}

/* ---- For those who save and restore ---- */

const char *gradc_optim_state_name(const gradc_optim *o, int k)
{
    for (int i = 0; o && k >= 0 && i < OPTIM_STATES; i++)
        if (optim_needs(o, i) && k-- == 0)
            return states[o->kind][i].name;
    return NULL;
}

/* Whether parameter i is one, and its tensor still there. */
static gradc_status check_index(const struct gradc_optim *o, int i)
{
    if (i < 0 || i >= o->n)
        return context_fail(o->g, GRADC_E_ARG, "%s: parameter %d is not in 0..%d", optim_names[o->kind], i,
                            o->n - 1);
    return op_operand(o->tensors[i], optim_names[o->kind]) ? GRADC_OK : gradc_check(o->g);
}

gradc_tensor *gradc_optim_state(gradc_optim *o, int param, const char *name)
{
    if (!o)
        fail_thread(GRADC_E_ARG, "gradc_optim_state: the optimiser is NULL");
    if (!o || context_enter(o->g, "gradc_optim_state") || check_index(o, param))
        return NULL;
    for (int k = 0; name && k < OPTIM_STATES; k++)
        if (optim_needs(o, k) && strcmp(states[o->kind][k].name, name) == 0)
            return optim_make_state(o, param, k) ? NULL : o->params[param].state[k];
    context_fail(o->g, GRADC_E_ARG, "%s: with these numbers it has no state \"%s\"", optim_names[o->kind],
                 name ? name : "NULL");
    return NULL;
}

int64_t gradc_optim_updates(const gradc_optim *o, int param)
{
    return o && param >= 0 && param < o->n ? o->params[param].updates : -1;
}

static gradc_status check_counts(const struct gradc_optim *o, int64_t steps, const int64_t *updates)
{
    if (steps < 0 || !updates)
        return context_fail(o->g, GRADC_E_ARG, "%s: %lld steps%s can't be restored", optim_names[o->kind],
                            (long long)steps, updates ? "" : " without updates");
    for (int i = 0; i < o->n; i++) {
        if (updates[i] < 0)
            return context_fail(o->g, GRADC_E_ARG, "%s: parameter %d can't have had %lld updates",
                                optim_names[o->kind], i, (long long)updates[i]);
        if (check_index(o, i))
            return gradc_check(o->g);
    }
    return GRADC_OK;
}

/* A state that is made later would begin to count anew, so those that were updated get theirs here. */
static gradc_status make_updated(struct gradc_optim *o, const int64_t *updates)
{
    for (int i = 0; i < o->n; i++)
        for (int k = 0; k < OPTIM_STATES && updates[i] > 0; k++)
            if (optim_needs(o, k) && optim_make_state(o, i, k))
                return gradc_check(o->g);
    return GRADC_OK;
}

gradc_status gradc_optim_restore(gradc_optim *o, int64_t steps, const int64_t *updates)
{
    if (!o)
        return fail_thread(GRADC_E_ARG, "gradc_optim_restore: the optimiser is NULL");
    gradc_status status = context_enter(o->g, "gradc_optim_restore");
    if (!status)
        status = check_counts(o, steps, updates);
    if (!status) /* no step before this one may be taken back behind it */
        status = gradc_sync(o->g);
    if (!status)
        status = make_updated(o, updates);
    if (status)
        return status;
    o->steps = steps;
    for (int i = 0; i < o->n; i++) {
        o->params[i].updates = updates[i];
        o->params[i].recent = UINT64_MAX;
    }
    return GRADC_OK;
}
