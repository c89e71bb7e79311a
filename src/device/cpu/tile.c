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

/* Where rows lie side by side they are read that way: a few columns for all panels, then the next. */
void tile_pack(const struct tile_set *set, size_t size, int64_t panel, int64_t unit, void *to, const void *from,
               int64_t row, int64_t column, int64_t m, int64_t k)
{
    const int64_t step = row == 1 ? 4 : k;
    for (int64_t c = 0; c < k; c += step)
        for (int64_t i = 0; i < m; i += panel) {
            int64_t rows = tile_min(panel, m - i), pitch = tile_round(rows, unit);
            set->pack(tile_at(to, i * k + c * pitch, size), pitch, pitch, tile_at(from, i * row + c * column, size), row,
                      column, rows, tile_min(step, k - c));
        }
}
