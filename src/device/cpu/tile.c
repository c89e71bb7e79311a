/* tile.c - picks the row of the per-instruction-set loops of tile.h, and what is common to all of them. */
#include "device/cpu/tile.h"

#include "device/cpu/isa.h"

ISA_DECLARE(struct tile_sets, tile_sets);

const struct tile_set *tile_set(gradc_dtype dtype)
{
    static const struct tile_sets *const sets[CPU_ISAS] = ISA_TABLE(tile_sets);
    const struct tile_sets *s = sets[cpu_isa()];
    return dtype == GRADC_F64 ? &s->f64 : &s->f32;
}

void tile_pack(const struct tile_set *set, size_t size, void *to, const void *from, int64_t row, int64_t column,
               int64_t m, int64_t k)
{
    for (int64_t i = 0; i < m; i += set->rows) {
        int64_t rows = tile_min(set->rows, m - i);
        set->pack(tile_at(to, i * k, size), rows, rows, tile_at(from, i * row, size), row, column, rows, k);
    }
}
