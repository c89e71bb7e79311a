/* values.h - tensors as arrays of doubles, for the naive references of the op tests: operands in every layout, what an
 * op must give, and a device against another. */
#ifndef GRADC_TEST_VALUES_H
#define GRADC_TEST_VALUES_H

#include "support.h"

struct values {
    gradc_dtype dtype;
    int ndim;
    int64_t shape[GRADC_MAX_NDIM];
    int64_t n;
    double *at; /* row-major, never NULL; an i64 beyond 2^53 is rounded */
};

struct values values_new(gradc_dtype dtype, int ndim, const int64_t *shape); /* zeros */
struct values values_read(gradc_tensor *t);                                  /* t's current value */
void values_free(struct values *v);

/* The element of x that stands at element i of z, to whose shape x broadcasts. */
int64_t values_broadcast(const struct values *z, int64_t i, const struct values *x);

/* Where element i of z's shape is in x, if axis k of z is axis axes[k] of x; other axes of x are at 0. */
int64_t values_along(const struct values *z, int64_t i, const struct values *x, const int *axes);

/* Element i's index along each axis, and back. */
void values_index(const struct values *v, int64_t i, int64_t *index);
int64_t values_at(const struct values *v, const int64_t *index);

/* z's dtype and shape are want's; its elements too: tolerance 0: the same numbers, signs of zeros included; else
 * |z - want| <= tolerance (1 + |want|).  NaN is NaN, an infinity itself.  what: said where it fails. */
void assert_values(gradc_tensor *z, const struct values *want, double tolerance, const char *what);

/* The same bytes, dtype and shape. */
void assert_same(gradc_tensor *x, gradc_tensor *y, const char *what);

/* A 16-bit float's number, and x as dtype has it: f16 and bf16 to the nearest, ties to even, f32 by the compiler's
 * conversion.  Closed formulas, for comparison. */
double half_number(gradc_dtype dtype, unsigned bits);
unsigned half_pattern(gradc_dtype dtype, double x);
double value_rounded(gradc_dtype dtype, double x);

/* Element i of memory that holds numbers of a dtype. */
double number_at(gradc_dtype dtype, const void *data, int64_t i);
void set_number(gradc_dtype dtype, void *data, int64_t i, double value);

/* ---- Operands ---- */

/* How a tensor lies in memory: without gaps, its axes exchanged, every second element of a larger one, or its last
 * axis (if its size is not 0) repeating one element. */
enum form { PLAIN, PERMUTED, SLICED, EXPANDED, FORMS };
extern const char *const form_names[FORMS];

/* Random numbers in [low, high), whole ones where the dtype is.  Released by operands_free. */
gradc_tensor *operand(gradc_context *g, gradc_dtype dtype, enum form form, const int64_t *shape, double low,
                      double high, struct random *r);

/* n numbers of any dtype; the shape's product is n. */
gradc_tensor *operand_of(gradc_context *g, gradc_dtype dtype, const int64_t *shape, const double *numbers);

/* Releases all operands that were made so far, and clears g's tape. */
void operands_free(gradc_context *g);

/* ---- Calls that must fail, and devices ---- */

/* z is NULL, the context failed so, and its message begins with "op:"; recovered from. */
void assert_refused(gradc_context *g, gradc_tensor *z, gradc_status status, const char *op);

/* On the CPU: f gives the same bits with one thread and with two.  Elsewhere: what it gives is, within the tolerance
 * (0: in every bit), what the CPU gives. */
void assert_agrees(struct fixture *f, gradc_tensor *(*run)(gradc_context *g, struct random *r), double tolerance);

/* Tolerances of sums for a dtype. */
double loose(gradc_dtype dtype);

#endif
