/* window.h - rows of which a window is copied and the rest is one value: pad, tril and triu on the CPU. */
#ifndef GRADC_WINDOW_H
#define GRADC_WINDOW_H

#include "core/op.h"

/* Of a row of z: elements low .. high - 1 come from x, where the row's first element would be `from` elements behind
 * x's first.  low >= high: none. */
struct window {
    int64_t low, high, from;
};

/* z is contiguous, of rows of `columns` elements; along a row x moves on by `step`.  fill: the bits of the value. */
void window_copy(struct device *d, const struct view *z, const struct view *x, int64_t columns, int64_t step,
                 uint64_t fill, struct window (*window)(const void *arg, int64_t row), const void *arg);

#endif
