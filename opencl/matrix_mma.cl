/* matrix_mma.cl - operands and pieces of NVIDIA's matrix unit, over the instructions of matrix_ptx.cl or their
 * emulation.
 *
 * Item 4 g + t of a team holds
 *   a[0..3]   A[g, word t], A[g + 8, t], A[g, t + 4], A[g + 8, t + 4]
 *   b[0..1]   B[word t, g], B[t + 4, g], and b[2..3] the same of the next 8 columns
 *   c[0..3]   C[g, 2 t], C[g, 2 t + 1], C[g + 8, 2 t], C[g + 8, 2 t + 1], and c[4..7] of the next 8 columns
 * turned 0: A's order, rows first; 1: B's.  Which words of a step are which depths is no matter, as long as A and B
 * agree. */

#define UNIT_WORDS 4
#define UNIT_UNROLL UNROLL /* steps of a slice */
#define UNIT_AHEAD 1 /* pieces of A are taken before any is multiplied */
#define UNIT_ROW(lane, e) ((lane) / 4 + (e) / 2 % 2 * 8)
#define UNIT_COLUMN(lane, e) ((lane) % 4 * 2 + (e) % 2 + (e) / 4 * 8)

/* 16 rows and 8 words of a tile by rows, and of one by columns. */
INLINE void take_rows(uint x[4], __local const uint *tile, uint row, uint step, int turned, int item,
                      __local uint *exchange)
{
    const uint lane = item % TEAM, matrix = lane / 8;
    const uint line = turned ? matrix / 2 : matrix % 2, deep = turned ? matrix % 2 : matrix / 2;

    unit_rows(x, tile, word_place(row + lane % 8 + 8 * line, step * 8 + 4 * deep), item, exchange);
}

INLINE void take_columns(uint x[4], __local const uint *tile, uint size, uint row, uint step, int turned, int item,
                         __local uint *exchange)
{
    const uint lane = item % TEAM, g = lane / 4, t = lane % 4;

#if PER_WORD == 2
    const uint matrix = lane / 8;
    const uint line = turned ? matrix / 2 : matrix % 2, deep = turned ? matrix % 2 : matrix / 2;
    const uint at = (step * 16 + 8 * deep + lane % 8) * PITCH(size) + row + 8 * line;
    unit_columns(x, tile, at / 2, item, exchange);
#else
    UNROLL
    for (int j = 0; j < 4; j++) {
        const uint line = turned ? j / 2 : j % 2, deep = turned ? j % 2 : j / 2;
        x[j] = tile[(step * 8 + t + 4 * deep) * PITCH(size) + row + g + 8 * line];
    }
#endif
}

/* What was taken twice becomes pairs, or is rounded. */
INLINE void unit_pairs(uint x[4], const uint low[4], const uint high[4], int turned)
{
    x[0] = unit_pair(low[0], low[turned ? 1 : 2]);
    x[turned ? 2 : 1] = unit_pair(low[turned ? 2 : 1], low[3]);
    x[turned ? 1 : 2] = unit_pair(high[0], high[turned ? 1 : 2]);
    x[3] = unit_pair(high[turned ? 2 : 1], high[3]);
}

INLINE void unit_words(uint x[4])
{
#ifdef UNIT_TF32
    UNROLL
    for (int j = 0; j < 4; j++)
        x[j] = unit_round(x[j]);
#endif
}

INLINE void unit_rows_of(uint x[4], __local const uint *tile, uint row, uint step, int turned, int item,
                         __local uint *exchange)
{
#if PAIRS
    uint low[4], high[4];
    take_rows(low, tile, row, 2 * step, turned, item, exchange);
    take_rows(high, tile, row, 2 * step + 1, turned, item, exchange);
    unit_pairs(x, low, high, turned);
#else
    take_rows(x, tile, row, step, turned, item, exchange);
    unit_words(x);
#endif
}

INLINE void unit_columns_of(uint x[4], __local const uint *tile, uint size, uint row, uint step, int turned, int item,
                            __local uint *exchange)
{
#if PAIRS
    uint low[4], high[4];
    take_columns(low, tile, size, row, 2 * step, turned, item, exchange);
    take_columns(high, tile, size, row, 2 * step + 1, turned, item, exchange);
    unit_pairs(x, low, high, turned);
#else
    take_columns(x, tile, size, row, step, turned, item, exchange);
    unit_words(x);
#endif
}

/* A loop, for PoCL 3.1 takes one emulated call behind the other for something else, with more than one thread. */
INLINE void unit_piece(float c[8], const uint a[4], const uint b[4], int item, __local uint *exchange)
{
    UNROLL
    for (int j = 0; j < 2; j++)
        unit_multiply(c + 4 * j, a, b + 2 * j, item, exchange);
}
