/* half.c - picks the loops of half_isa.c, and copies matrices with them. */
#include "device/cpu/half.h"

#include "device/cpu/isa.h"
#include "device/cpu/tile.h"

enum { PIECE = 128, PIECE_ROWS = 16 }; /* of a matrix, widened in one go */

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

void half_scatter(gradc_dtype dtype, int64_t n, const float *x, void *z, int64_t step)
{
    uint16_t narrow[PIECE], *to = z;
    if (step == 1) {
        half_narrow(dtype, n, x, z);
        return;
    }
    for (int64_t first = 0; first < n; first += PIECE) {
        const int64_t count = tile_min(PIECE, n - first);
        half_narrow(dtype, count, x + first, narrow);
        for (int64_t i = 0; i < count; i++)
            to[(first + i) * step] = narrow[i];
    }
}

void half_matrix(gradc_dtype dtype, const void *from, int64_t row, int64_t column, int64_t rows,
                 int64_t columns, float *to, int64_t *to_row, int64_t *to_column)
{
    const size_t size = sizeof(uint16_t);
    if (row == 1 && column != 1) {
        for (int64_t c = 0; c < columns; c++)
            half_widen(dtype, rows, tile_at(from, c * column, size), 1, to + c * rows);
        *to_row = 1;
        *to_column = rows;
        return;
    }
    for (int64_t r = 0; r < rows; r++)
        half_widen(dtype, columns, tile_at(from, r * row, size), column, to + r * columns);
    *to_row = columns;
    *to_column = 1;
}

void half_pack(const struct tile_set *set, gradc_dtype dtype, void *to, int64_t pitch, int64_t padded,
               const void *from, int64_t row, int64_t column, int64_t rows, int64_t columns)
{
    _Alignas(64) float piece[PIECE_ROWS * PIECE];
    if (!dtype_is_half(dtype)) {
        set->pack(to, pitch, padded, from, row, column, rows, columns);
        return;
    }
    for (int64_t r = 0; r == 0 || r < rows; r += PIECE_ROWS)
        for (int64_t c = 0; c < columns; c += PIECE) {
            const int64_t m = tile_min(PIECE_ROWS, rows - r), n = tile_min(PIECE, columns - c);
            int64_t piece_row, piece_column;
            half_matrix(dtype, tile_at(from, r * row + c * column, sizeof(uint16_t)), row, column, m, n,
                        piece, &piece_row, &piece_column);
            set->pack((float *)to + c * pitch + r, pitch, r + m == rows ? padded - r : m, piece, piece_row,
                      piece_column, m, n);
        }
}
