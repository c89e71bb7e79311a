/* trial.h - a product or a convolution on made-up operands, run by one form or another: compared with the plain form
 * (before a form is trusted, before a candidate may win) and timed.  Private to device/opencl. */
#ifndef GRADC_OPENCL_TRIAL_H
#define GRADC_OPENCL_TRIAL_H

#include "device/opencl/engines.h"
#include "device/opencl/tuning.h"

/* Operands in memory of their own, and what the plain form made of them. */
struct trial {
    struct device *device;
    enum tuned_op op;
    struct gemm gemm;
    struct conv conv;
    struct slab *slabs[3], *workspace; /* operands, in the order x, w, z or a, b, c */
    struct view *result;               /* one of the views of gemm or conv */
    int64_t depth, count;              /* products in an element; elements of the result */
    void *want;                        /* of the plain form; NULL: not asked for yet */
    double spent, limit; /* seconds in runs so far, and after which no measurement is repeated (0: none) */
};

/* A way to run one: a form of the trial's kind, the other being NULL, and what it is to choose. */
struct candidate {
    const struct gemm_form *gemm;
    const struct conv_form *conv;
    struct choice choice;
};

/* p->m, n, k, dtype; deep: KIND_*.  The matrices lie without gaps, `batch` times. */
gradc_status trial_gemm(struct device *d, gradc_dtype dtype, const int64_t size[3], int kind, int64_t batch,
                        struct trial *out, struct failure *f);

/* Everything but the operands is set in p. */
gradc_status trial_conv(struct device *d, const struct conv *p, struct trial *out, struct failure *f);

/* p itself, without bias, sums and epilogue, on operands of its own that lie as p's do: places of p are not looked at.
 * All their bits are used, so that another order of a sum shows; trial_error has no use for them.  GRADC_E_MEMORY where
 * they, and the form's workspace, are more than the device's room or an eighth of its memory. */
gradc_status trial_like_gemm(struct device *d, const struct gemm *p, const struct gemm_form *form,
                             struct trial *out, struct failure *f);
gradc_status trial_like_conv(struct device *d, const struct conv *p, const struct conv_form *form,
                             struct trial *out, struct failure *f);

void trial_free(struct trial *t);

/* A form with this tile and so many splits; tile -1: as the form chooses itself. */
struct candidate candidate_gemm(const struct gemm_form *form, int tile, int splits);
struct candidate candidate_conv(const struct conv_form *form, int tile, int splits);

/* Runs it `times` times, in seconds each; the first call for a candidate builds and is not to be counted. */
gradc_status trial_run(struct trial *t, const struct candidate *c, int times, double *seconds, struct failure *f);

/* Builds what n candidates need, several at once; what can't be built shows when it is run. */
void trial_build(struct trial *t, const struct candidate *c, int n);

/* The shortest of a few measurements, after a run that is not counted; of one that is far behind `so_far` only the
 * first.  Infinite if it does not run. */
double trial_seconds(struct trial *t, const struct candidate *c, double so_far);

/* Whether a candidate is the fastest so far, and by 3% of the default's time at least: less is noise. */
int trial_wins(const struct tuned *so_far, double seconds);

/* Whether both come to the same bits, where the result is so large at its ends. */
int trial_same_bits(struct trial *t, const struct candidate *x, const struct candidate *y);

/* Runs it once and compares: *error is the largest difference to the plain form over what rounding allows such sums,
 * so that up to 1 is right; not finite is not. */
gradc_status trial_error(struct trial *t, const struct candidate *c, double *error, struct failure *f);

/* Whether it runs, with an error of up to 1. */
int trial_is_right(struct trial *t, const struct candidate *c);

/* Whether a form that is FORM_NEEDS_TEST was found right, for the dtype of p under "math": asked once, of a small
 * problem, and kept.  One that can't be tried is not right, until the device is opened again. */
int opencl_trusts_gemm(struct device *d, const struct gemm *p, const struct gemm_form *form);
int opencl_trusts_conv(struct device *d, const struct conv *p, const struct conv_form *form);

#endif
