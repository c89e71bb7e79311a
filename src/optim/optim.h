/* optim.h - an optimiser: its parameters, their state, its numbers.  optim.c makes, sets and frees it, state.c has its
 * state, step.c steps. */
#ifndef GRADC_OPTIM_H
#define GRADC_OPTIM_H

#include "core/step.h"

enum optim_kind { OPTIM_SGD, OPTIM_ADAM, OPTIM_ADAMW, OPTIM_RMSPROP, OPTIM_KINDS };

enum optim_number {
    LR,
    WEIGHT_DECAY,
    MOMENTUM,
    DAMPENING,
    NESTEROV,
    BETA1,
    BETA2,
    EPS,
    ALPHA,
    CENTERED,
    OPTIM_NUMBERS
};

enum { OPTIM_STATES = 3 };

struct optim_param {
    gradc_tensor *state[OPTIM_STATES]; /* ours, in the order of state.c; NULL until one is needed or asked for */
    int64_t updates;                   /* of the state */
    uint64_t recent;                   /* bit i: the i-th last step counted in updates */
};

struct gradc_optim {
    gradc_context *g;
    enum optim_kind kind;
    int n;
    gradc_tensor **tensors; /* the parameters: we own them too */
    struct optim_param *params;
    double numbers[OPTIM_NUMBERS];
    int64_t steps;
    struct step_listener listener;
};

extern const char *const optim_names[OPTIM_KINDS];

/* Whether params[i] is an f32 or f64 tensor of g, and none of those before it; name is the call's. */
gradc_status optim_check_param(gradc_context *g, gradc_tensor *const *params, int i, const char *name);

/* The norm of all gradients together, recorded; in f64 if one gradient is.  list has room for n. */
gradc_tensor *optim_total_norm(gradc_context *g, gradc_tensor *const *params, int n, gradc_tensor **list);

/* Whether updates with the numbers as they are read and write state k. */
int optim_needs(const struct gradc_optim *o, int k);

/* State k of parameter `at`: zeros where there was none, or one that an update left half written. */
gradc_status optim_make_state(struct gradc_optim *o, int at, int k);

/* The listener's: the last n steps were not applied. */
void optim_undo(void *optim, int64_t n);

#endif
