/* element.h - what an elementwise op says of itself, so that it can be a step of a chain (ops/chain.c). */
#ifndef GRADC_ELEMENT_H
#define GRADC_ELEMENT_H

#include "ops/random.h"
#include "ops/strided.h"

enum { ELEMENT_NUMBERS = 2, ELEMENT_TEXT = 192 };

struct element {
    /* The CPU's loop for the step's dtypes, on this machine; steps as strided_loop has them, but the result's is 1.
     * Exactly one of the two. */
    strided_loop *(*loop)(const struct chain_step *s);
    random_loop *(*draw)(const struct chain_step *s);

    /* Its reals as the loop and the kernel take them; how many.  NULL: none. */
    int (*numbers)(const struct chain_step *s, const double *reals, double out[ELEMENT_NUMBERS]);
    unsigned longs; /* bit i: number i is a long in kernels, whatever the dtype */

    /* OpenCL: the call of a function of rows.cl, cast_to.cl or draw.cl, up to its operands: "f_add", "FLOAT_TO_i32". */
    void (*function)(const struct chain *c, const struct chain_step *s, char text[ELEMENT_TEXT]);
};

#endif
