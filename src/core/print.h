/* print.h - a tensor's elements as text, as NumPy's str() has them. */
#ifndef GRADC_PRINT_H
#define GRADC_PRINT_H

#include "device/device.h"

/* Writes the elements at data (row-major, of l's shape; strides and offset do not count) to text, ended
 * by NUL and cut off at `size` bytes; text may be NULL for size 0.  Returns the bytes needed without the
 * NUL; -1 for f16 and bf16, or no dtype.
 * As NumPy's defaults: 8 digits behind the point at most, 75 columns, and beyond 1000 elements three at
 * each end of an axis.  The locale does not matter. */
int64_t print_array(gradc_dtype dtype, const struct layout *l, const void *data, char *text, size_t size);

#endif
