/* conv_winograd.h - Winograd's forms of a convolution: what they share, and what tests want to know of them beyond what
 * engines.h says. */
#ifndef GRADC_OPENCL_CONV_WINOGRAD_H
#define GRADC_OPENCL_CONV_WINOGRAD_H

#include "device/device.h"

enum { MOST_FILTERS = 1 << 24 /* elements of transformed filters: 64 MiB of workspace */ };

/* Whether p is a 3x3 convolution that moves by 1, of a dtype and a "math" that take Winograd's sums. */
int opencl_is_winograd(const struct device *d, const struct conv *p);

/* Whether an int does not hold every element's number, padding and a tile's rim among them. */
int opencl_winograd_is_wide(const struct conv *p);

/* ---- By squares that go through memory (conv_winograd.c) ---- */

/* The better size of its tiles, 4 or 2; 0: their filters are too large.  By p's shapes and the device's kind alone. */
int64_t opencl_winograd_tile(const struct device *d, const struct conv *p);

/* What it is rated, in products; m 0: the direct form. */
double opencl_winograd_products(const struct device *d, const struct conv *p, int64_t m);

/* With tiles of m x m, in parts whose transformed tiles and products take `most` bytes, or are as few as can be. */
size_t opencl_winograd_workspace(struct device *d, const struct conv *p, int64_t m, int64_t most);
gradc_status opencl_winograd(struct device *d, const struct conv *p, int64_t m, int64_t most, int prepare,
                             struct failure *f);

/* ---- In one kernel, with tiles of 2x2; not for the filters' gradient (conv_fused.c) ---- */

size_t opencl_fused_workspace(struct device *d, const struct conv *p);
gradc_status opencl_fused(struct device *d, const struct conv *p, int prepare, struct failure *f);

#endif
