/* winograd.c - picks the row of the per-instruction-set transforms of winograd.h; they are in winograd_isa.c. */
#include "device/cpu/winograd.h"

#include "device/cpu/isa.h"

ISA_DECLARE(struct winograd_set, winograd_set);

const struct winograd_set *winograd_set(void)
{
    static const struct winograd_set *const sets[CPU_ISAS] = ISA_TABLE(winograd_set);
    return sets[cpu_isa()];
}
