/* checkpoint.h - how an optimiser's numbers and states are named in a checkpoint: what saving and loading share. */
#ifndef GRADC_CHECKPOINT_H
#define GRADC_CHECKPOINT_H

#include "gradc.h"

enum { OPTIM_KEYS = 6, STATE_NAME = 160 };

/* An optimiser's kind and the numbers that gradc_optim_set takes, in an order in which they can be set: the last may
 * depend on those before. */
struct optim_numbers {
    const char *kind;
    const char *keys[OPTIM_KEYS + 1]; /* ended by NULL */
};

/* The row of a kind, NULL if there is none. */
const struct optim_numbers *checkpoint_numbers(const char *kind);

/* "optim/STATE/NAME"; NULL where the optimiser's parameter is none of the module's. */
const char *checkpoint_state_name(const gradc_module *m, const gradc_optim *o, int param, const char *state,
                                  char name[STATE_NAME]);

#endif
