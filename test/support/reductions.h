/* reductions.h - what the tests of reductions share: shapes, layouts, axes, refusals. */
#ifndef GRADC_TEST_REDUCTIONS_H
#define GRADC_TEST_REDUCTIONS_H

#include "values.h"

struct reduction {
    const char *name;
    gradc_tensor *(*op)(gradc_tensor *x, int naxes, const int *axes, int keepdim);
    double (*want)(const double *items, int64_t n); /* of the items in row-major order */
    int whole;                                      /* integers too */
    int whole_is_i64;                               /* and their result is i64 */
    int always_i64;                                 /* every result is */
    int always_bool;                                /* every result is; and bool is taken */
    int wraps;                                      /* a product: of many integers beyond a double */
    int refuses_empty;                              /* nothing to reduce is GRADC_E_SHAPE */
    int exact;
};

/* x against the reference; what: said where it fails. */
void check_reduction(const struct reduction *k, gradc_tensor *x, int naxes, const int *axes, int keepdim,
                     const char *what);

void reduction_values(struct fixture *f, const struct reduction *k); /* shapes, axes, layouts, dtypes, NaN */
void reduction_refusals(struct fixture *f, const struct reduction *k); /* axes, dtypes, emptiness */

/* Long rows, long columns and all: threads and devices agree. */
void reduction_devices(struct fixture *f, const struct reduction *k, double tolerance);

#endif
