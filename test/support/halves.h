/* halves.h - ops of f16 and bf16 on small shapes, one result after the other, for every_op.c. */
#ifndef GRADC_TEST_HALVES_H
#define GRADC_TEST_HALVES_H

#include "support.h"

/* Result `which` of dtype, its leaves wanting gradients; NULL where the list has ended.  Without test_all a sample of
 * the elementwise ops.  halves_free releases what was made. */
gradc_tensor *halves_result(gradc_context *g, gradc_dtype dtype, int which);
void halves_free(gradc_context *g);

#endif
