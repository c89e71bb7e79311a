/* tile.cl - what gemm.cl and conv.cl share: the sizes of a work-group's tiles, tiles in local memory and their product,
 * what becomes of the results, and counting in digits.  It stands behind finish.cl.  No kernel is defined here.
 *
 * From the host:
 *   TILE_M, TILE_N, TILE_K   elements of C in a group's tile, and the depth of a slice in local memory (8, 16 or 32)
 *   ITEM_M, ITEM_N           of them an item makes so many (2, 4, 8 or 16); all are powers of two
 *   BUFFERS   1: a slice is loaded, then multiplied (processors);  2: the next slice travels to registers while one
 *             is multiplied, and there is room for both (GPUs)
 *   A_LINES, A_DEPTHS, B_LINES, B_DEPTHS   4 where an operand is read by fours, along its rows (or columns) or the
 *             depth: the host has seen that fours are aligned and no edge cuts one; else 1
 *   PARTS     the depth is split: results are parts, in a workspace
 * Whatever these are, each element is one chain of fma in the order of the depth: so all tiles give the same bits. */

#include "fours.cl"
#include "parts.cl"

#ifndef A_LINES
#define A_LINES 1
#endif
#ifndef A_DEPTHS
#define A_DEPTHS 1
#endif
#ifndef B_LINES
#define B_LINES 1
#endif
#ifndef B_DEPTHS
#define B_DEPTHS 1
#endif

/* An item's rows and columns come in pieces of neighbours.  On a GPU a piece is one read of local memory, and they lie
 * apart so that neighbouring items read neighbouring pieces: no two of them want the same bank. */
#if BUFFERS == 1
#define PIECE_M ITEM_M
#define PIECE_N ITEM_N
#elif ITEM_M == 2
#define PIECE_M 2
#else
#define PIECE_M 4
#endif
#if BUFFERS != 1
#if ITEM_N == 2
#define PIECE_N 2
#else
#define PIECE_N 4
#endif
#endif
#define PIECES_M (ITEM_M / PIECE_M)
#define PIECES_N (ITEM_N / PIECE_N)
#define ROW REALS(PIECE_N)
#define STORE_ROW JOIN(vstore, PIECE_N)
#define ITEM_ROW(y, i) ((i) / PIECE_M * (TILE_M / PIECES_M) + (y) * PIECE_M + (i) % PIECE_M)
#define ITEM_COLUMN(x, p) ((p) * (TILE_N / PIECES_N) + (x) * PIECE_N)

#define ITEMS_X (TILE_N / ITEM_N)
#define ITEMS (ITEMS_X * (TILE_M / ITEM_M))
#define PITCH_A (TILE_M + 4) /* padded against bank conflicts */
#define PITCH_B (TILE_N + (PIECE_N < 4 ? 4 : PIECE_N))
#define BUFFER_A (TILE_K * PITCH_A)
#define BUFFER_B (TILE_K * PITCH_B)

/* ---- Tiles in local memory: tile[depth][line] ----
 * An item brings HELD elements to each tile, by fours or one by one; number n of these lies at line LINE and depth
 * DEPTH.  Neighbouring items take neighbours along the depth where `deep` is 1, else along the lines. */

#define FETCHES(size, by) ((size) * TILE_K / ((by) * ITEMS))
#define HELD_A (TILE_M * TILE_K / ITEMS)
#define HELD_B (TILE_N * TILE_K / ITEMS)
#define LINE(at, size, lines, depths, deep) \
    (((deep) ? (at) / (TILE_K / (depths)) : (at) % ((size) / (lines))) * (lines))
#define DEPTH(at, size, lines, depths, deep) \
    (((deep) ? (at) % (TILE_K / (depths)) : (at) / ((size) / (lines))) * (depths))

/* held = from[at ...], by `by` elements, 0 where it is not inside. */
static inline __attribute__((always_inline))
void fetch(real *held, int by, int inside, __global const stored *from, index_t at)
{
    if (by == 1) {
        *held = inside ? LOAD(from, at) : 0;
    } else {
        REALS(4) four = 0;
        if (inside)
            four = LOAD4(from, at);
        held[0] = four.s0; /* one by one, and not by vstore4: some compilers would give held memory */
        held[1] = four.s1;
        held[2] = four.s2;
        held[3] = four.s3;
    }
}

static inline __attribute__((always_inline))
void put(__local real *tile, int pitch, const real *held, int line, int lines, int depth, int depths)
{
    if (lines == 4) {
        *(__local REALS(4) *)(tile + depth * pitch + line) = (REALS(4))(held[0], held[1], held[2], held[3]);
        return;
    }
    tile += depth * pitch + line;
    tile[0] = held[0];
    if (depths == 4) {
        tile[pitch] = held[1];
        tile[2 * pitch] = held[2];
        tile[3 * pitch] = held[3];
    }
}

/* sum += the product of two tiles; left and right are the item's own first elements of them. */
static inline __attribute__((always_inline))
void multiply(ROW *sum, __local const real *left, __local const real *right)
{
#if BUFFERS == 1
    for (int k = 0; k < TILE_K; k++) {
        ROW line = *(__local const ROW *)(right + k * PITCH_B);
#pragma unroll
        for (int i = 0; i < ITEM_M; i++)
            sum[i] = fma((ROW)(left[k * PITCH_A + i]), line, sum[i]);
    }
#else
#pragma unroll 4
    for (int k = 0; k < TILE_K; k++) {
        real a[ITEM_M];
        ROW b[PIECES_N];
#pragma unroll
        for (int p = 0; p < PIECES_M; p++)
            JOIN(vstore, PIECE_M)
            (*(__local const REALS(PIECE_M) *)(left + k * PITCH_A + p * (TILE_M / PIECES_M)), p, a);
#pragma unroll
        for (int p = 0; p < PIECES_N; p++)
            b[p] = *(__local const ROW *)(right + k * PITCH_B + p * (TILE_N / PIECES_N));
#pragma unroll
        for (int i = 0; i < ITEM_M; i++)
#pragma unroll
            for (int p = 0; p < PIECES_N; p++)
                sum[i * PIECES_N + p] = fma((ROW)(a[i]), b[p], sum[i * PIECES_N + p]);
    }
#endif
}

/* The sums of A's rows: an item has rows item, item + ITEMS, ...  Eight depths are added up first: as many as the least
 * slice has. */
#define SUMS_EACH ((TILE_M + ITEMS - 1) / ITEMS)

static inline __attribute__((always_inline)) void add_rows(real *sums, __local const real *a_tile, int item)
{
    for (int n = 0; n < SUMS_EACH; n++) {
        int row = item + n * ITEMS;
        if (row < TILE_M)
            for (int first = 0; first < TILE_K; first += 8) {
                real part = 0;
                for (int k = first; k < first + 8; k++)
                    part += a_tile[k * PITCH_A + row];
                sums[n] += part;
            }
    }
}

#ifdef ROW_SUMS
#define ADD_ROWS(sums, a_tile, item) \
    if (o->adds_rows) \
    add_rows(sums, a_tile, item)
#else
#define ADD_ROWS(sums, a_tile, item)
#endif
