/* update.h - what the optimisers' update ops share: their numbers, shape rule, CPU tasks, and the table of loops that
 * update_isa.c compiles once per instruction set.
 *
 * All operands have one shape and dtype, a float, and no gaps.  in[0] is the parameter p, in[1] its gradient g; the
 * others are the optimiser's state, zeros before the first update.  Each number is rounded to the dtype once; of 16-bit
 * operands, which are computed in f32, each element where it is stored.
 * clip_grad runs like an update, but makes a result. */
#ifndef GRADC_UPDATE_H
#define GRADC_UPDATE_H

#include <stddef.h>

#include "core/op.h"
#include "device/cpu/isa.h"

/* The reals of sgd and sgd_momentum (the first two, all), of adam and of rmsprop: sgd.c, adam.c and rmsprop.c have
 * the formulas. */
enum { SGD_LR, SGD_DECAY, SGD_MOMENTUM, SGD_KEEP, SGD_NESTEROV, SGD_REALS, SGD_PLAIN_REALS = SGD_MOMENTUM };
enum {
    ADAM_STEP,
    ADAM_DECAY,
    ADAM_BETA1,
    ADAM_KEEP1,
    ADAM_BETA2,
    ADAM_KEEP2,
    ADAM_ROOT,
    ADAM_EPS,
    ADAM_REALS
};
enum { CLIP_MAX, CLIP_REALS };
enum { RMSPROP_LR, RMSPROP_DECAY, RMSPROP_ALPHA, RMSPROP_KEEP, RMSPROP_EPS, RMSPROP_MOMENTUM, RMSPROP_REALS };

/* Updates elements first .. last-1.  operand: their first elements, a result's in front; variant: of struct update. */
typedef void update_loop(void *const *operand, int64_t first, int64_t last, const double *numbers, int variant);

/* f32, f64 */
struct update_table {
    update_loop *sgd[2], *sgd_momentum[2], *adam[2], *rmsprop[2], *clip_grad[2];
};

/* What an update op says of itself, as its op->many.  An op has a variant for each combination of its ints: bit i is
 * whether ints[i] is not 0. */
struct update {
    struct op_many many;
    size_t loops;           /* where its two are in struct update_table */
    unsigned scalars;       /* bit i: operand i, a result being 0, is one element */
    const char *source;     /* opencl/SOURCE.cl, which includes update.cl */
    const char *options[4]; /* by variant, "": none */
};

#define UPDATE(loops, scalars, ...)                                             \
    {                                                                           \
        UPDATE_MANY, offsetof(struct update_table, loops), scalars, __VA_ARGS__ \
    }
#define UPDATE_MANY                                                                 \
    {                                                                               \
        update_many_scratch, update_many_table, update_many_cpu, update_many_opencl \
    }

gradc_status update_shape(struct record *r);

/* The forms of every update op: alone, and with others.  On the CPU the loop of the operands' dtype runs in tasks.
 * (The CPU's run passes over updates behind a data error.) */
gradc_status update_cpu(const struct launch *l, struct failure *f);
gradc_status update_opencl(const struct launch *l, struct failure *f);
gradc_status update_many_cpu(const struct launch_many *m, struct failure *f);
gradc_status update_many_opencl(const struct launch_many *m, struct failure *f);

/* op_many's sizes. */
size_t update_many_scratch(const struct launch_many *m);
size_t update_many_table(const struct launch_many *m);

#endif
