/* gradient_rows.h - the rows of test/gradients.c: a function of some operands, differentiated there.  A group of
 * ops has a file gradient_GROUP.c and in it a table. */
#ifndef GRADC_TEST_GRADIENT_ROWS_H
#define GRADC_TEST_GRADIENT_ROWS_H

#include "support.h"

enum { ROW_OPERANDS = 3 };

/* name, function, operands; then, where they are not the usual: domain, orders, step and tolerance */
struct row {
    const char *name;
    gradc_tensor *(*f)(gradc_tensor *const *x);
    int64_t shape[ROW_OPERANDS][6]; /* ended by -1; an operand of {0} is none */
    double low, high;               /* of the operands, off kinks; both 0: -2 and 2 */
    int orders;                     /* 0: two */
    double step, tolerance;         /* 0: the usual */
};

/* A tensor that gradients do not flow to; the tape holds it as long as it is needed.  GRADC_F64: of x's dtype. */
gradc_tensor *gradient_constant(gradc_tensor *x, gradc_dtype dtype, const int64_t *shape, double high);

/* Each ended by a row whose name is NULL. */
extern const struct row gradient_elementwise[];
extern const struct row gradient_views[];
extern const struct row gradient_reductions[];
extern const struct row gradient_layers[];
extern const struct row gradient_losses[];
extern const struct row gradient_indexing[];
extern const struct row gradient_norms[];

#endif
