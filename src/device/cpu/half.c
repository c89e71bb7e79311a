/* half.c - picks the loops of half_isa.c. */
#include "device/cpu/half.h"

#include "device/cpu/isa.h"

ISA_DECLARE(struct half_loops, half_loops);

static const struct half_loops *loops(void)
{
    static const struct half_loops *const tables[] = ISA_TABLE(half_loops);
    return tables[cpu_isa()];
}

void half_widen(gradc_dtype dtype, int64_t n, const void *x, int64_t step, float *z)
{
    loops()->widen[dtype == GRADC_BF16](n, x, step, z);
}

void half_narrow(gradc_dtype dtype, int64_t n, const float *x, void *z)
{
    loops()->narrow[dtype == GRADC_BF16](n, x, z);
}
