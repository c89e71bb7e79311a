/* half.h - rows of 16-bit floats to f32 and back, for loops that compute in f32 (base/half.h has single numbers). */
#ifndef GRADC_CPU_HALF_H
#define GRADC_CPU_HALF_H

#include "device/device.h"

/* z[i] = x[i * step]; x is of dtype f16 or bf16. */
void half_widen(gradc_dtype dtype, int64_t n, const void *x, int64_t step, float *z);

/* z[i] = x[i], rounded to dtype, f16 or bf16. */
void half_narrow(gradc_dtype dtype, int64_t n, const float *x, void *z);

struct half_loops {
    void (*widen[2])(int64_t n, const uint16_t *x, int64_t step, float *z); /* f16, bf16 */
    void (*narrow[2])(int64_t n, const float *x, uint16_t *z);
};

#endif
