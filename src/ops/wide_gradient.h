/* wide_gradient.h - gradients of 16-bit floats that are compositions of several ops: made in f32, rounded at their end.
 */
#ifndef GRADC_WIDE_GRADIENT_H
#define GRADC_WIDE_GRADIENT_H

#include "core/op.h"

/* Runs op's gradient with casts to f32 of the 16-bit operands and results that it may read and of what flows in, and
 * casts what it gives to the operands' dtypes.  Without 16-bit operands it is run as it is. */
void wide_gradient(struct gradient *d, const struct op *op, void (*gradient)(struct gradient *d));

#endif
