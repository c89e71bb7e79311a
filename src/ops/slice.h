/* slice.h - the inverse of a slice, for gradients that put tensors together. */
#ifndef GRADC_SLICE_H
#define GRADC_SLICE_H

#include "core/op.h"

/* Zeros, of `size` along axis (0 or more), with x at start. */
gradc_tensor *slice_into_zeros(gradc_tensor *x, int axis, int64_t start, int64_t size);

#endif
