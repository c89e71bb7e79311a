/* conv_winograd.h - what tests want to know of the Winograd form (conv_winograd.c) beyond what engines.h says. */
#ifndef GRADC_OPENCL_CONV_WINOGRAD_H
#define GRADC_OPENCL_CONV_WINOGRAD_H

#include "device/device.h"

/* The size of its tiles, 4 or 2; 0: it does not pay, or is not for such a convolution.  By p's dtype and shapes and the
 * device's kind alone. */
int64_t opencl_winograd_tile(const struct device *d, const struct conv *p);

/* With tiles of m x m, in parts whose transformed tiles and products take `most` bytes, or are as few as can be. */
size_t opencl_winograd_workspace(struct device *d, const struct conv *p, int64_t m, int64_t most);
gradc_status opencl_winograd(struct device *d, const struct conv *p, int64_t m, int64_t most, int prepare,
                             struct failure *f);

#endif
