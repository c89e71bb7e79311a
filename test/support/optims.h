/* optims.h - what the tests of the optimisers share: several steps against PyTorch's formulas in double. */
#ifndef GRADC_TEST_OPTIMS_H
#define GRADC_TEST_OPTIMS_H

#include "values.h"

enum { OPTIM_NUMBERS = 4, OPTIM_STATES = 3 };

/* One element's update; state: its numbers, 0 before step 1. */
typedef void optim_formula(double *p, double gradient, double *state, int step, const double *numbers);

struct optim_row {
    const char *key[OPTIM_NUMBERS]; /* set before the first step; NULL: no more */
    double value[OPTIM_NUMBERS];
    double numbers[8]; /* the formula's */
};

/* Two parameters of f32 or f64, one of which has a gradient in some steps only. */
void check_optim(struct fixture *f, gradc_dtype dtype, gradc_optim *(*make)(gradc_tensor *const *params, int n),
                 optim_formula *formula, const struct optim_row *row);

/* Lists of parameters that no optimiser takes. */
void check_optim_refusals(struct fixture *f, gradc_optim *(*make)(gradc_tensor *const *params, int n),
                          const char *name);

/* A long parameter after three steps, for assert_agrees. */
gradc_tensor *stepped(gradc_context *g, struct random *r,
                      gradc_optim *(*make)(gradc_tensor *const *params, int n));

#endif
