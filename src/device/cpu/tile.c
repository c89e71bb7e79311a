/* tile.c - picks the row of the per-instruction-set loops of tile.h; the loops are in gemm_isa.c. */
#include "device/cpu/tile.h"

#include "device/cpu/isa.h"

ISA_DECLARE(struct tile_sets, tile_sets);

const struct tile_set *tile_set(gradc_dtype dtype)
{
    static const struct tile_sets *const sets[CPU_ISAS] = ISA_TABLE(tile_sets);
    const struct tile_sets *s = sets[cpu_isa()];
    return dtype == GRADC_F64 ? &s->f64 : &s->f32;
}
