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

/* ---- The same bits as without the planner ---- */

enum { PLAN_RESULTS = 8 };

struct sizes {
    int64_t m, n, k;
};

/* What a case leaves: results, all kept; the others stay NULL. */
typedef void maker(gradc_context *g, gradc_dtype dtype, const struct sizes *s, struct random *r,
                   gradc_tensor *kept[PLAN_RESULTS]);

/* Values in -1..1, without and with a gradient. */
gradc_tensor *values(gradc_context *g, gradc_dtype dtype, const int64_t *shape, struct random *r);
gradc_tensor *leaf(gradc_context *g, gradc_dtype dtype, const int64_t *shape, struct random *r);

/* With all chains there are; then what the fixture's context makes, against an eager one's. */
void with_chains(gradc_context *g);
void compare_with_eager(struct fixture *f, maker *make, gradc_dtype dtype, const struct sizes *s);

#endif
