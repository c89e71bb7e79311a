/* plans.h - what the tests of the planner ask and compare. */
#ifndef GRADC_TEST_PLANS_H
#define GRADC_TEST_PLANS_H

#include "support.h"

void set(gradc_context *g, const char *key, const char *value);

/* Of what waits, or of what ran last: gradc_plan_info's. */
int64_t launches(gradc_context *g);
int64_t memory(gradc_context *g);

/* The elements, from malloc. */
void *bits_of(gradc_tensor *t, size_t *bytes);
void assert_same_bits(gradc_tensor *x, gradc_tensor *y, const char *what, int i);

#endif
