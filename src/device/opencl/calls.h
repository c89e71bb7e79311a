/* calls.h - small things that forms need to call their kernels. */
#ifndef GRADC_OPENCL_CALLS_H
#define GRADC_OPENCL_CALLS_H

#include <string.h>

#include "device/opencl/engines.h"

/* A processor's items are run one after the other, in vectors. */
static inline int is_cpu(const struct device *d)
{
    return strcmp(d->info.kind, "cpu") == 0;
}

static inline int64_t over(int64_t n, int64_t by)
{
    return (n + by - 1) / by;
}

/* What sums of a dtype's elements, and parts of them, are kept in: `real` of the kernels. */
static inline gradc_dtype real_of(gradc_dtype dtype)
{
    return dtype == GRADC_F64 ? GRADC_F64 : GRADC_F32;
}

/* The bytes of a piece of a workspace for so many sums. */
static inline size_t piece_bytes(gradc_dtype dtype, int64_t elements)
{
    return ((size_t)elements * gradc_dtype_size(real_of(dtype)) + 255) / 256 * 256;
}

static inline void add_view(struct kernel_call *k, const struct view *v)
{
    struct view flat = opencl_flat(v);

    kernel_tensor(k, &flat);
}

static inline void add_integers(struct kernel_call *k, const int64_t *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        kernel_i64(k, values[i]);
}

#endif
