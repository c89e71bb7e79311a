/* matrix.h - what the tests of matrix units share: a device whose unit is emulated, numbers that are rounded as the
 * unit rounds them, memory. */
#ifndef GRADC_TEST_MATRIX_H
#define GRADC_TEST_MATRIX_H

#include "device/device.h"
#include "naive.h"

/* What operands are rounded to. */
enum matrix_rounding { TF32, BF16, F16, WHOLE, ROUNDINGS };
extern const char *const matrix_rounding_names[ROUNDINGS];

/* To so many bits of precision, ties to even or away from zero. */
double matrix_rounded(double x, enum matrix_rounding to);

struct matrix_machine {
    struct device *d;
    gradc_dtype dtype;
    enum matrix_rounding rounding;
};

/* f32 under "bf16"; tensors of bf16 and f16; f32 under "tf32", and not rounded under "fast", which not
 * every unit has. */
enum { MATRIX_KINDS = 5 };

struct matrix_machine matrix_open(const struct fixture *f);
void matrix_choose(struct matrix_machine *m, int kind);

/* Whether the unit computes in the kind that was chosen, and as that says. */
int matrix_has_kind(const struct matrix_machine *m);

/* Calls one for problems of all kinds in turn, of each emulated unit, if the device is OpenCL's, and not eager. */
void matrix_problems(struct fixture *f, int rounds,
                     void (*one)(const struct matrix_machine *, struct random *, int));

void matrix_works(gradc_status status, const struct failure *f);

/* n numbers in [-1, 1), without small ones: f16's would be denormal.  free */
double *matrix_numbers(const struct matrix_machine *m, int64_t n, struct random *r);

/* Memory of n elements; NULL: NaN. */
struct view matrix_memory(const struct matrix_machine *m, const double *x, int64_t n);
double *matrix_read(const struct matrix_machine *m, const struct view *v, int64_t n); /* free */
void matrix_forget(const struct matrix_machine *m, struct view *v);
struct place matrix_workspace_new(const struct matrix_machine *m, size_t bytes);

/* got, of a sum of `depth` products whose absolute values add up to `size`: f32 sums, and one rounding of 16 bits. */
int matrix_near(const struct matrix_machine *m, double got, double want, double size, int64_t depth);

#endif
