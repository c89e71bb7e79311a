/* cast.h - the table of cast's loops, one per instruction set (cast_isa.c). */
#ifndef GRADC_CAST_H
#define GRADC_CAST_H

#include "ops/strided.h"

/* By the dtypes of x and of z; NULL where both are copied bit by bit.  z's step is 1. */
struct cast_loops {
    strided_loop *loop[GRADC_BOOL + 1][GRADC_BOOL + 1];
};

#endif
