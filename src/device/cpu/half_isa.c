/* half_isa.c - the loops of half.h.  Compiled once per instruction set; all give the same bits. */
#include "base/half.h"
#include "device/cpu/half.h"
#include "device/cpu/isa.h"

#define LOOPS(dtype)                                                                     \
    static void dtype##_rows_widen(int64_t n, const uint16_t *x, int64_t step, float *z) \
    {                                                                                    \
        if (step == 1)                                                                   \
            for (int64_t i = 0; i < n; i++)                                              \
                z[i] = dtype##_widen(x[i]);                                              \
        else                                                                             \
            for (int64_t i = 0; i < n; i++)                                              \
                z[i] = dtype##_widen(x[i * step]);                                       \
    }                                                                                    \
    static void dtype##_rows_narrow(int64_t n, const float *x, uint16_t *z)              \
    {                                                                                    \
        for (int64_t i = 0; i < n; i++)                                                  \
            z[i] = dtype##_narrow(x[i]);                                                 \
    }
LOOPS(f16)
LOOPS(bf16)

const struct half_loops ISA_NAME(half_loops) = {{f16_rows_widen, bf16_rows_widen},
                                                {f16_rows_narrow, bf16_rows_narrow}};
