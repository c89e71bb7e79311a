/* gemm.cl - matrix products: C[b,i,j] = sum_k A[b,i,k] B[b,k,j] + bias[j]; parts of them, split along k (gemm_sum.cl).
 *
 * Layout: any strides in A and B, so that a transposed view is read in place; C's columns are contiguous.
 * At most two batch axes; a stride of 0 repeats an operand.  Any m, n >= 1, any k >= 0.
 * Work-groups: TILE_N / ITEM_N by TILE_M / ITEM_M items.  Each group makes TILE_M x TILE_N elements of C from
 * slices of TILE_K in local memory, each item ITEM_M x ITEM_N of them.  Groups are counted along dimension 0
 * alone, as others are limited to 65535 on some devices: tiles across, tiles down, batch, split. */

/* From the host: what tile.cl says; BIAS: a row is added; ROW_SUMS: the sums of A's rows are a second result.  A chain
 * may take up what is finished (finish.cl). */

#include "finish.cl"
#include "tile.cl"

#ifdef BIAS
#define WITH_BIAS(value, column) ((value) + LOAD(bias, (column) * bias_stride))
#else
#define WITH_BIAS(value, column) (value)
#endif

/* An item's share of a slice: fetch_NAME, where beyond `lines` lines and `depth` depths all is 0, and put_NAME.  One by
 * one, neighbouring items read along the axis with the smaller stride.  A and B have functions of their own: compilers
 * would give `held` memory where only the caller knows a loop's count. */
#define SLICES(name, size, by_lines, by_depths, pitch)                                                                 \
    static inline __attribute__((always_inline))                                                                       \
    void fetch_##name(real *held, __global const stored *from, index_t lines, index_t stride, index_t depth,           \
                      index_t depth_stride, int item)                                                                  \
    {                                                                                                                  \
        const int deep = by_lines * by_depths > 1 ? by_depths > 1 : depth_stride <= stride;                            \
        _Pragma("unroll")                                                                                              \
        for (int n = 0; n < FETCHES(size, by_lines * by_depths); n++) {                                                \
            uint at = item + n * ITEMS;                                                                                \
            int i = LINE(at, size, by_lines, by_depths, deep), k = DEPTH(at, size, by_lines, by_depths, deep);         \
            fetch(held + n * by_lines * by_depths, by_lines * by_depths, i < lines && k < depth, from,                 \
                  i * stride + k * depth_stride);                                                                      \
        }                                                                                                              \
    }                                                                                                                  \
    static inline __attribute__((always_inline))                                                                       \
    void put_##name(__local real *tile, const real *held, index_t stride, index_t depth_stride, int item)              \
    {                                                                                                                  \
        const int deep = by_lines * by_depths > 1 ? by_depths > 1 : depth_stride <= stride;                            \
        _Pragma("unroll")                                                                                              \
        for (int n = 0; n < FETCHES(size, by_lines * by_depths); n++) {                                                \
            uint at = item + n * ITEMS;                                                                                \
            put(tile, pitch, held + n * by_lines * by_depths, LINE(at, size, by_lines, by_depths, deep), by_lines,     \
                DEPTH(at, size, by_lines, by_depths, deep), by_depths);                                                \
        }                                                                                                              \
    }

SLICES(a, TILE_M, A_LINES, A_DEPTHS, PITCH_A)
SLICES(b, TILE_N, B_LINES, B_DEPTHS, PITCH_B)

/* Where a group's tile lies in the operands, and how much of it is there. */
struct operands {
    __global const stored *a, *b;
    index_t rows, columns, depth, a_row, a_column, b_row, b_column;
    int adds_rows; /* it is the group that sums A's rows */
};

static inline __attribute__((always_inline))
void fetch_slices(real *held_a, real *held_b, const struct operands *o, index_t at, int item)
{
    fetch_a(held_a, o->a + (long)at * o->a_column, o->rows, o->a_row, o->depth - at, o->a_column, item);
    fetch_b(held_b, o->b + (long)at * o->b_row, o->columns, o->b_column, o->depth - at, o->b_row, item);
}

static inline __attribute__((always_inline))
void put_slices(__local real *a_tile, __local real *b_tile, const real *held_a, const real *held_b,
                const struct operands *o, int item)
{
    put_a(a_tile, held_a, o->a_row, o->a_column, item);
    put_b(b_tile, held_b, o->b_column, o->b_row, item);
}

/* The sums of an item at `left` and `right` in the tiles, and those of A's rows; all items of the group. */
static inline __attribute__((always_inline))
void sum_products(ROW *sum, real *row_sum, __local real *a_tile, __local real *b_tile, const struct operands *o,
                  int left, int right, int item)
{
    real held_a[HELD_A], held_b[HELD_B];

#if BUFFERS == 1
    for (index_t at = 0; at < o->depth; at += TILE_K) {
        fetch_slices(held_a, held_b, o, at, item);
        put_slices(a_tile, b_tile, held_a, held_b, o, item);
        barrier(CLK_LOCAL_MEM_FENCE);
        multiply(sum, a_tile + left, b_tile + right);
        ADD_ROWS(row_sum, a_tile, item);
        barrier(CLK_LOCAL_MEM_FENCE);
    }
#else
    int now = 0;
    fetch_slices(held_a, held_b, o, 0, item);
    put_slices(a_tile, b_tile, held_a, held_b, o, item);
    barrier(CLK_LOCAL_MEM_FENCE);
    for (index_t at = 0; at < o->depth; at += TILE_K) {
        const int next = 1 - now, more = at + TILE_K < o->depth;
        if (more)
            fetch_slices(held_a, held_b, o, at + TILE_K, item);
        multiply(sum, a_tile + now * BUFFER_A + left, b_tile + now * BUFFER_B + right);
        ADD_ROWS(row_sum, a_tile + now * BUFFER_A, item);
        if (more)
            put_slices(a_tile + next * BUFFER_A, b_tile + next * BUFFER_B, held_a, held_b, o, item);
        barrier(CLK_LOCAL_MEM_FENCE);
        now = next;
    }
#endif
}

/* One tile of C from the depths [split * chunk, split * chunk + chunk).  With more than one split (PARTS), C is
 * the workspace [split, batch, m, n], and split_stride the size of a split. */
__kernel __attribute__((reqd_work_group_size(ITEMS_X, TILE_M / ITEM_M, 1)))
void gemm(__global const stored *a, ulong a_first, __global const stored *b, ulong b_first,
#ifdef BIAS
          __global const stored *bias, ulong bias_first, long bias_stride,
#endif
#ifdef ROW_SUMS
          __global part *row_sums, ulong row_sums_first,
#endif
          long m_, long n_, long k_, long chunk, long a_row, long a_column, long b_row, long b_column,
          long c_row, long outer, long inner, long a_outer, long a_inner, long b_outer, long b_inner,
          long c_outer, long c_inner, long split_stride, PART_PARAMS)
{
    __local real a_tile[BUFFERS * BUFFER_A] __attribute__((aligned(128)));
    __local real b_tile[BUFFERS * BUFFER_B] __attribute__((aligned(128)));
    int x = get_local_id(0), y = get_local_id(1);
    int item = y * ITEMS_X + x;
    index_t m = m_, n = n_;

    index_t across = (n + TILE_N - 1) / TILE_N, down = (m + TILE_M - 1) / TILE_M;
    index_t group = get_group_id(0);
    index_t column = last_digit(&group, across) * TILE_N;
    index_t row = last_digit(&group, down) * TILE_M;
    long in = last_digit(&group, (index_t)inner);
    long out = last_digit(&group, (index_t)outer);
    index_t split = group;

    index_t depth = min(chunk, k_ - split * chunk);
    a += a_first + out * a_outer + in * a_inner + row * a_row + split * chunk * a_column;
    b += b_first + out * b_outer + in * b_inner + column * b_column + split * chunk * b_row;
    PART_START(c_first + split * split_stride + out * c_outer + in * c_inner);
#ifdef BIAS
    bias += bias_first;
#endif
    const struct operands o = {a, b, m - row, n - column, depth, a_row, a_column, b_row, b_column, column == 0};
    ROW sum[ITEM_M * PIECES_N];
    real row_sum[SUMS_EACH];
    for (int i = 0; i < SUMS_EACH; i++)
        row_sum[i] = 0;
#pragma unroll
    for (int i = 0; i < ITEM_M * PIECES_N; i++)
        sum[i] = 0;

    sum_products(sum, row_sum, a_tile, b_tile, &o, ITEM_ROW(y, 0), ITEM_COLUMN(x, 0), item);

#ifdef ROW_SUMS
    row_sums += row_sums_first + (ulong)(split * m + row);
    if (column == 0)
        for (int i = item; i < TILE_M && row + i < m; i += ITEMS)
            PART_STORE(row_sums, i, row_sum[i / ITEMS]);
#endif
#pragma unroll
    for (int i = 0; i < ITEM_M; i++)
#pragma unroll
        for (int p = 0; p < PIECES_N; p++) {
            index_t at_row = row + ITEM_ROW(y, i), at = column + ITEM_COLUMN(x, p);
            real line[PIECE_N];
            STORE_ROW(sum[i * PIECES_N + p], 0, line);
#pragma unroll
            for (int j = 0; j < PIECE_N; j++)
                if (at_row < m && at + j < n)
                    PART(at_row * c_row + at + j, WITH_BIAS(line[j], at + j));
        }
}
