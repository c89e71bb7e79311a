/* step.c - one step of an optimiser: state made where it is missing, updates recorded together, and steps taken back that
 * were not applied. */
#include <math.h>

#include "ops/ops.h"
#include "ops/update.h"
#include "optim/optim.h"

/* ---- State ---- */

/* Before anything is recorded: a failure here changes nothing. */
static gradc_status make_states(struct gradc_optim *o)
{
    for (int i = 0; i < o->n; i++)
        for (int k = 0; k < OPTIM_STATES && gradc_grad(o->tensors[i]); k++) {
            gradc_status status = optim_needs(o, k) ? optim_make_state(o, i, k) : GRADC_OK;
            if (status != GRADC_OK)
                return status;
        }
    return GRADC_OK;
}

/* ---- Updates ---- */

static gradc_status record_sgd(const struct gradc_optim *o, int at, gradc_tensor *gradient)
{
    const struct optim_param *p = &o->params[at];
    const double *n = o->numbers;
    int momentum = optim_needs(o, 0);
    const double reals[SGD_REALS] = {
        [SGD_LR] = n[LR],
        [SGD_DECAY] = n[WEIGHT_DECAY],
        [SGD_MOMENTUM] = n[MOMENTUM],
        [SGD_KEEP] = p->updates == 0 ? 1 : 1 - n[DAMPENING],
        [SGD_NESTEROV] = n[NESTEROV] != 0 ? n[MOMENTUM] : 0,
    };
    const struct attributes a = {.nreals = momentum ? SGD_REALS : SGD_PLAIN_REALS, .reals = reals};
    gradc_tensor *const in[] = {o->tensors[at], gradient, p->state[0]};
    return op_record_assign(momentum ? &op_sgd_momentum : &op_sgd, momentum ? 3 : 2, in, &a);
}

static gradc_status record_adam(const struct gradc_optim *o, int at, gradc_tensor *gradient)
{
    const struct optim_param *p = &o->params[at];
    const double *n = o->numbers;
    const double t = (double)(p->updates + 1);
    const int64_t decoupled = o->kind == OPTIM_ADAMW;
    const double reals[ADAM_REALS] = {
        [ADAM_STEP] = n[LR] / (1 - pow(n[BETA1], t)),
        [ADAM_DECAY] = decoupled ? 1 - n[LR] * n[WEIGHT_DECAY] : n[WEIGHT_DECAY],
        [ADAM_BETA1] = n[BETA1],
        [ADAM_KEEP1] = 1 - n[BETA1],
        [ADAM_BETA2] = n[BETA2],
        [ADAM_KEEP2] = 1 - n[BETA2],
        [ADAM_ROOT] = sqrt(1 - pow(n[BETA2], t)),
        [ADAM_EPS] = n[EPS],
    };
    const struct attributes a = {.nints = 1, .ints = &decoupled, .nreals = ADAM_REALS, .reals = reals};
    gradc_tensor *const in[] = {o->tensors[at], gradient, p->state[0], p->state[1]};
    return op_record_assign(&op_adam, 4, in, &a);
}

static gradc_status record_rmsprop(const struct gradc_optim *o, int at, gradc_tensor *gradient)
{
    const struct optim_param *p = &o->params[at];
    const double *n = o->numbers;
    const int64_t ints[] = {n[CENTERED] != 0, n[MOMENTUM] != 0};
    const double reals[RMSPROP_REALS] = {
        [RMSPROP_LR] = n[LR],       [RMSPROP_DECAY] = n[WEIGHT_DECAY],
        [RMSPROP_ALPHA] = n[ALPHA], [RMSPROP_KEEP] = 1 - n[ALPHA],
        [RMSPROP_EPS] = n[EPS],     [RMSPROP_MOMENTUM] = n[MOMENTUM],
    };
    const struct attributes a = {.nints = 2, .ints = ints, .nreals = RMSPROP_REALS, .reals = reals};
    gradc_tensor *in[2 + OPTIM_STATES] = {o->tensors[at], gradient};
    int count = 2;
    for (int k = 0; k < OPTIM_STATES; k++)
        if (optim_needs(o, k))
            in[count++] = p->state[k];
    return op_record_assign(&op_rmsprop, count, in, &a);
}

static gradc_status (*const recorders[OPTIM_KINDS])(const struct gradc_optim *o, int at,
                                                    gradc_tensor *gradient) = {
    [OPTIM_SGD] = record_sgd,
    [OPTIM_ADAM] = record_adam,
    [OPTIM_ADAMW] = record_adam,
    [OPTIM_RMSPROP] = record_rmsprop,
};

/* Records parameter `at`'s update, if it has a gradient, and counts it. */
static void update(struct gradc_optim *o, int at)
{
    struct optim_param *p = &o->params[at];
    gradc_tensor *gradient = step_gradient(o->tensors[at]);
    p->recent <<= 1;
    if (!gradient)
        return;
    gradc_status status = recorders[o->kind](o, at, gradient);
    if (status != GRADC_OK || !optim_needs(o, 0))
        return;
    p->recent |= 1;
    p->updates++;
}

gradc_status gradc_step(gradc_optim *o)
{
    if (!o)
        return fail_thread(GRADC_E_ARG, "gradc_step: the optimiser is NULL");
    gradc_status status = context_enter(o->g, "gradc_step");
    if (status == GRADC_OK)
        status = make_states(o);
    if (status == GRADC_OK)
        status = step_begin(o->g);
    if (status != GRADC_OK)
        return status;
    for (int i = 0; i < o->n; i++)
        update(o, i);
    o->steps++;
    return step_end(o->g, o->tensors, o->n, &o->listener);
}

/* ---- Undo ---- */

/* A parameter remembers 64 steps; further back it counts as updated in each. */
static void undo_param(struct optim_param *p, int64_t n)
{
    for (; n > 0 && p->updates > 0; n--) {
        p->updates -= (int64_t)(p->recent & 1);
        p->recent = p->recent >> 1 | UINT64_C(1) << 63;
    }
}

void optim_undo(void *optim, int64_t n)
{
    struct gradc_optim *o = optim;
    o->steps = o->steps > n ? o->steps - n : 0;
    for (int i = 0; i < o->n; i++)
        undo_param(&o->params[i], n);
}
