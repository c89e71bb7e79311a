/* random.h - the ops that draw random numbers, and their loops. */
#ifndef GRADC_RANDOM_H
#define GRADC_RANDOM_H

#include "core/op.h"

/* n elements from the first word of a counter on, written to z.  numbers: what the kind needs:
 *   uniform  f32: low, scale         normal  f32: deviation         mask  f32, f64: threshold (of words), scale */
typedef void random_loop(int64_t n, uint64_t seed, uint64_t counter, const double *numbers, void *z);

/* Runs it for elements of dtype, where f16 and bf16 are rounded from f32; z lies so that four have one counter. */
void random_run(random_loop *loop, gradc_dtype dtype, int64_t n, uint64_t seed, uint64_t counter,
                const double *numbers, char *z);

struct random_loops {
    random_loop *uniform, *normal, *mask_f32, *mask_f64;
};

/* What an op without operands makes: {dtype, ndim, shape ...}, to be given as ints. */
struct random_shape {
    int64_t ints[2 + GRADC_MAX_NDIM];
    int nints;
};

void random_shape(struct random_shape *s, gradc_dtype dtype, const struct layout *l);

/* op_uniform takes reals low and high (its numbers are below high unless rounding says otherwise; all low if they are
 * equal), op_normal the deviation, op_mask p. */

#endif
