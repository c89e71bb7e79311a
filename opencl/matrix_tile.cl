/* matrix_tile.cl - what gemm_matrix.cl and conv_matrix.cl share: tiles of two operands in local memory, the product
 * of a slice of them by the matrix unit, and the way of finished tiles.  No kernel is defined here.
 *
 * A group of 128 items, teams of 8 to 64 (matrix_unit.cl), makes TILE_M x TILE_N elements of C, each team its share.
 * The depth goes by in slices of 64 bytes a row; a ring of STAGES slices lies in local memory.
 * From the host: TILE_M and TILE_N, 64 or 128; STAGES, 2 to 4; A_WAY and B_WAY, how an operand gets there; the unit,
 * UNIT_MMA, UNIT_WMMA, UNIT_MFMA or UNIT_DPAS (with TEAM, 8 or 16), and UNIT_TF32, UNIT_BF16, UNIT_F16 or UNIT_F32 (f32
 * operands under UNIT_BF16 are rounded as they leave local memory); MATRIX_EMULATED.
 *
 * An operand's tile has one of two layouts, of words (4 bytes: an f32, or two 16-bit numbers along the depth):
 *   by rows      [row][16 words]; the four quarters of a row are exchanged, so that neither the unit, reading a
 *                quarter of 8 rows, nor items that write one meet in a bank; or in blocks, for UNIT_DPAS
 *   by columns   [depth][rows, and 8 more], as it lies in global memory */

#define GROUP 128
#ifdef UNIT_MFMA
#define TEAM 64
#elif !defined(TEAM)
#define TEAM 32
#endif
#define SUMS (256 / TEAM) /* an item's, of a piece */

/* The teams of a group, across and down. */
#define TEAMS_N (GROUP / TEAM == 16 ? 4 : 2)
#define TEAMS_M (GROUP / TEAM / TEAMS_N)

#define WAY_GATHER 0  /* through registers, neighbouring items side by side in rows; by rows in local memory */
#define WAY_DEEP 1    /* the same, side by side along the depth */
#define WAY_ROWS 2    /* 16 bytes a copy along the depth, aligned; by rows */
#define WAY_COLUMNS 3 /* 16 bytes a copy across rows, aligned; by columns */

#if defined(REAL_IS_F16) || defined(REAL_IS_BF16)
#define PER_WORD 2
#else
#define PER_WORD 1
#endif

#define WORDS 16                 /* of a row in a slice */
#define SLICE (WORDS * PER_WORD) /* depths of a slice */
#define PITCH(size) ((size) + 8) /* by columns */

#if PER_WORD == 1 && defined(UNIT_BF16)
#define PAIRS 1 /* two steps of f32 are one of bf16 */
#else
#define PAIRS 0
#endif

#if A_WAY == WAY_COLUMNS
#define A_WORDS (WORDS * PITCH(TILE_M))
#else
#define A_WORDS (WORDS * TILE_M)
#endif
#if B_WAY == WAY_COLUMNS
#define B_WORDS (WORDS * PITCH(TILE_N))
#else
#define B_WORDS (WORDS * TILE_N)
#endif
#define STAGE_WORDS (A_WORDS + B_WORDS)

#define TEAM_M (TILE_M / TEAMS_M)
#define TEAM_N (TILE_N / TEAMS_N)
#define PIECES_M (TEAM_M / 16)
#define PIECES_N (TEAM_N / 16)

#ifdef MATRIX_EMULATED
#define UNROLL
#else
#define UNROLL _Pragma("unroll")
#endif
#define INLINE static inline __attribute__((always_inline))

/* How many words of a tile an item takes through registers.  For the n-th of them: EACH(n, step, size) is a loop whose
 * count is known where it stands, as compilers unroll a function before it is part of another. */
#define HELD(size) ((size) * WORDS / GROUP)
#define EACH(n, step, size) for (uint n = 0; n < HELD(128); n += (step)) if (n < HELD(size))

/* By rows: where a word is.  UNIT_DPAS reads blocks of 8 rows by LINE words, each as a whole. */
#ifdef UNIT_DPAS
#define LINE (PAIRS && TEAM == 16 ? 16 : 8)
INLINE uint word_place(uint row, uint word)
{
    return (row / 8 * (WORDS / LINE) + word / LINE) * (8 * LINE) + row % 8 * LINE + word % LINE;
}
#else
INLINE uint word_place(uint row, uint word)
{
    return row * WORDS + ((word / 4 ^ row / 2) % 4) * 4 + word % 4;
}
#endif

/* The row and the word of the n-th that an item takes: WAY_GATHER, and WAY_DEEP. */
INLINE uint gather_row(uint size, uint item, uint n)
{
    return item % size;
}

INLINE uint gather_word(uint size, uint item, uint n)
{
    return (item / size + n / 4 * (GROUP / size)) * 4 + n % 4;
}

INLINE uint deep_row(uint size, uint item, uint n)
{
    return item / WORDS + n * (GROUP / WORDS);
}

INLINE uint deep_word(uint size, uint item, uint n)
{
    return item % WORDS;
}

/* What was taken so goes to local memory. */
INLINE void gather_store(__local uint *tile, uint size, const uint *held, uint item)
{
    UNROLL
    EACH(n, 4, size) {
        const uint at = word_place(gather_row(size, item, n), gather_word(size, item, n));
        vstore4((uint4)(held[n], held[n + 1], held[n + 2], held[n + 3]), at / 4, tile);
    }
}

INLINE void deep_store(__local uint *tile, uint size, const uint *held, uint item)
{
    UNROLL
    EACH(n, 1, size)
        tile[word_place(deep_row(size, item, n), deep_word(size, item, n))] = held[n];
}

/* The bits of elements at[0] and, of 16 bits, at[step], `count` of which are there. */
INLINE uint word_from(__global const stored *from, index_t at, index_t step, index_t count)
{
#if PER_WORD == 2
    const uint low = count > 0 ? from[at] : 0, high = count > 1 ? from[at + step] : 0;
    return low | high << 16;
#else
    return count > 0 ? as_uint(from[at]) : 0;
#endif
}

/* Of the ring: slices, and finished rows (lay_out). */
#define MAXIMUM(x, y) ((x) > (y) ? (x) : (y))
#define RING_WORDS MAXIMUM(STAGES * STAGE_WORDS, TEAMS_M * 16 * PITCH(TILE_N))

/* ---- From local memory through the unit ---- */

#include "matrix_unit.cl"

#if A_WAY == WAY_COLUMNS
#define UNIT_A(x, tile, row, step) unit_columns_of(x, tile, TILE_M, row, step, 0, item, exchange)
#else
#define UNIT_A(x, tile, row, step) unit_rows_of(x, tile, row, step, 0, item, exchange)
#endif
#if B_WAY == WAY_COLUMNS
#define UNIT_B(x, tile, row, step) unit_columns_of(x, tile, TILE_N, row, step, 1, item, exchange)
#else
#define UNIT_B(x, tile, row, step) unit_rows_of(x, tile, row, step, 1, item, exchange)
#endif

INLINE void clear(float sum[PIECES_M][PIECES_N][SUMS])
{
    UNROLL
    for (int i = 0; i < PIECES_M; i++) {
        UNROLL
        for (int j = 0; j < PIECES_N; j++) {
            UNROLL
            for (int e = 0; e < SUMS; e++)
                sum[i][j][e] = 0;
        }
    }
}

/* sum += the product of a slice. */
INLINE void multiply_slice(float sum[PIECES_M][PIECES_N][SUMS], __local const uint *a_tile,
                           __local const uint *b_tile, int item, __local uint *exchange)
{
    const uint team = item / TEAM, row = team / TEAMS_N * TEAM_M, column = team % TEAMS_N * TEAM_N;

    UNIT_UNROLL
    for (uint step = 0; step < WORDS / 8 / (1 + PAIRS); step++) {
        uint a[PIECES_M][UNIT_WORDS], b[PIECES_N][UNIT_WORDS];
#if UNIT_AHEAD
        UNROLL
        for (int i = 0; i < PIECES_M; i++)
            UNIT_A(a[i], a_tile, row + 16 * i, step);
#endif
        UNROLL
        for (int j = 0; j < PIECES_N; j++)
            UNIT_B(b[j], b_tile, column + 16 * j, step);
        UNROLL
        for (int i = 0; i < PIECES_M; i++) {
#if !UNIT_AHEAD
            UNIT_A(a[i], a_tile, row + 16 * i, step);
#endif
            UNROLL
            for (int j = 0; j < PIECES_N; j++)
                unit_piece(sum[i][j], a[i], b[j], item, exchange);
        }
    }
}

/* ---- Sums of A's rows, of the numbers as they lie in local memory: item i adds row i's ---- */

#if defined(REAL_IS_F16)
#define LOW_NUMBER(word) f16_number((word) & 0xffff)
#elif defined(REAL_IS_BF16)
#define LOW_NUMBER(word) as_float((word) << 16)
#else
#define LOW_NUMBER(word) as_float(word)
#endif

/* Intel's compiler would take the registers that the unit needs. */
#ifdef UNIT_DPAS
#define ROLLED _Pragma("nounroll")
#else
#define ROLLED
#endif

INLINE float sum_row(__local const uint *a_tile, int row)
{
    float sum = 0;

#if A_WAY == WAY_COLUMNS
    ROLLED
    for (int k = 0; k < SLICE; k++) {
        const uint at = k * PITCH(TILE_M) + row;
#if PER_WORD == 2
        const uint bits = a_tile[at / 2] >> at % 2 * 16;
#else
        const uint bits = a_tile[at];
#endif
        sum += LOW_NUMBER(bits);
    }
#else
    ROLLED
    for (int word = 0; word < WORDS; word++) {
        const uint bits = a_tile[word_place(row, word)];
        sum += LOW_NUMBER(bits);
#if PER_WORD == 2
        sum += LOW_NUMBER(bits >> 16);
#endif
    }
#endif
    return sum;
}

/* ---- Finished tiles ----
 * They go through local memory, 16 rows of each team at a time, so that neighbouring items store side by side and a
 * chain stands a few times in the program, not once for each of an item's sums.  Which sums they are must be known to
 * the compiler, or all of them lie in memory:
 *   UNROLL
 *   for (int pass = 0; pass < PIECES_M; pass++) {
 *       lay_out(sum, pass, ring, item);
 *       for (int at = item; at < LAID; at += GROUP)
 *           row LAID_ROW(at, pass), column LAID_COLUMN(at): LAID_NUMBER(ring, at)
 *   } */

#define LAID (TEAMS_M * 16 * TILE_N)
#define LAID_COLUMN(at) ((at) % TILE_N)
#define LAID_ROW(at, pass) ((at) / TILE_N / 16 * TEAM_M + (pass) * 16 + (at) / TILE_N % 16)
#define LAID_NUMBER(ring, at) as_float((ring)[(at) / TILE_N * PITCH(TILE_N) + (at) % TILE_N])

INLINE void lay_out(float sum[PIECES_M][PIECES_N][SUMS], int pass, __local uint *ring, int item)
{
    const uint lane = item % TEAM, team = item / TEAM;
    __local uint *to = ring + team / TEAMS_N * 16 * PITCH(TILE_N) + team % TEAMS_N * TEAM_N;

    barrier(CLK_LOCAL_MEM_FENCE);
    UNROLL
    for (int j = 0; j < PIECES_N; j++) {
        UNROLL
        for (int e = 0; e < SUMS; e++)
            to[UNIT_ROW(lane, e) * PITCH(TILE_N) + 16 * j + UNIT_COLUMN(lane, e)] = as_uint(sum[pass][j][e]);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
}
