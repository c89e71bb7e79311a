/* gemm_matrix.cl - matrix products by the matrix unit: C[b,i,j] = sum_k A[b,i,k] B[b,k,j] + bias[j], operands
 * rounded to what the unit takes, sums in f32.
 *
 * Layout, batch axes, splits and arguments are gemm.cl's.  Work-groups: 128 items, along dimension 0 alone: tiles
 * across, tiles down, batch, split.  Options and tiles: matrix_tile.cl; BIAS: a row is added; ROW_SUMS: the sums of
 * A's rows are a second result; PARTS: the depth is split (parts.cl).  A chain may take up what is finished
 * (finish.cl). */

#include "finish.cl"
#include "parts.cl"
#include "matrix_tile.cl"

#ifdef BIAS
#define WITH_BIAS(value, column) ((value) + LOAD(bias, (column) * bias_stride))
#else
#define WITH_BIAS(value, column) (value)
#endif

/* Element (i, k) of an operand is from[i * stride + k * depth_stride], for i below lines and k below depth.
 *
 * UNIT_DPAS: what is the item's own in a place goes to the pointer, the rest is the same for all items and takes no
 * register of each.  NVIDIA's compiler has fewer registers to spare that way. */
#ifdef UNIT_DPAS
#define OWN(item) (item)
#define REST(item) 0
#else
#define OWN(item) 0
#define REST(item) (item)
#endif

INLINE void gather(uint *held, uint size, __global const stored *from, index_t lines, index_t stride, index_t depth,
                   index_t depth_stride, uint item)
{
    const index_t row = gather_row(size, item, 0), first = gather_word(size, OWN(item), 0) * PER_WORD;

    from += OWN(row) * stride + first * depth_stride;
    UNROLL
    EACH(n, 1, size) {
        const index_t k = gather_word(size, REST(item), n) * PER_WORD;
        held[n] = word_from(from, REST(row) * stride + k * depth_stride, depth_stride,
                            row < lines ? depth - first - k : 0);
    }
}

INLINE void gather_deep(uint *held, uint size, __global const stored *from, index_t lines, index_t stride,
                        index_t depth, index_t depth_stride, uint item)
{
    const index_t k = deep_word(size, item, 0) * PER_WORD, first = deep_row(size, OWN(item), 0);

    from += first * stride + OWN(k) * depth_stride;
    UNROLL
    EACH(n, 1, size) {
        const index_t row = deep_row(size, REST(item), n);
        held[n] = word_from(from, row * stride + REST(k) * depth_stride, depth_stride,
                            row < lines - first ? depth - k : 0);
    }
}

INLINE void copy_rows(__local uint *tile, uint size, __global const stored *from, index_t lines, index_t stride,
                      index_t depth, uint item)
{
    const index_t k = item % 4 * 4 * PER_WORD;
    const int bytes = (int)clamp(depth - k, (index_t)0, (index_t)(4 * PER_WORD)) * (int)sizeof(stored);

    UNROLL
    EACH(n, 4, size) {
        const index_t row = item / 4 + n / 4 * (GROUP / 4);
        async_copy(tile + word_place(row, item % 4 * 4), from + row * stride + k, row < lines ? bytes : 0);
    }
}

INLINE void copy_columns(__local uint *tile, uint size, __global const stored *from, index_t lines, index_t depth,
                         index_t depth_stride, uint item)
{
    const uint vector = 4 * PER_WORD;
    const index_t row = item % (size / vector) * vector;
    const int bytes = (int)clamp(lines - row, (index_t)0, (index_t)vector) * (int)sizeof(stored);

    UNROLL
    EACH(n, 4, size) {
        const index_t k = item / (size / vector) + n / 4 * (GROUP * vector / size);
        async_copy(tile + (k * PITCH(size) + row) / PER_WORD, from + row + k * depth_stride, k < depth ? bytes : 0);
    }
}

/* A slice: begun, it is on its way; ended, it is in local memory, for copies once they were waited for. */
#if A_WAY == WAY_GATHER
#define BEGIN_A(tile, depth) gather(a_held, TILE_M, a, m - row, a_row, depth, a_column, item)
#define END_A(tile) gather_store(tile, TILE_M, a_held, item)
#elif A_WAY == WAY_DEEP
#define BEGIN_A(tile, depth) gather_deep(a_held, TILE_M, a, m - row, a_row, depth, a_column, item)
#define END_A(tile) deep_store(tile, TILE_M, a_held, item)
#elif A_WAY == WAY_ROWS
#define BEGIN_A(tile, depth) copy_rows(tile, TILE_M, a, m - row, a_row, depth, item)
#define END_A(tile)
#else
#define BEGIN_A(tile, depth) copy_columns(tile, TILE_M, a, m - row, depth, a_column, item)
#define END_A(tile)
#endif
#if B_WAY == WAY_GATHER
#define BEGIN_B(tile, depth) gather(b_held, TILE_N, b, n - column, b_column, depth, b_row, item)
#define END_B(tile) gather_store(tile, TILE_N, b_held, item)
#elif B_WAY == WAY_DEEP
#define BEGIN_B(tile, depth) gather_deep(b_held, TILE_N, b, n - column, b_column, depth, b_row, item)
#define END_B(tile) deep_store(tile, TILE_N, b_held, item)
#elif B_WAY == WAY_ROWS
#define BEGIN_B(tile, depth) copy_rows(tile, TILE_N, b, n - column, b_column, depth, item)
#define END_B(tile)
#else
#define BEGIN_B(tile, depth) copy_columns(tile, TILE_N, b, n - column, depth, b_row, item)
#define END_B(tile)
#endif

__kernel UNIT_KERNEL __attribute__((reqd_work_group_size(GROUP, 1, 1)))
void gemm_matrix(__global const stored *a, ulong a_first, __global const stored *b, ulong b_first,
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
    __local uint ring[RING_WORDS] __attribute__((aligned(128)));
    UNIT_LOCAL(exchange);
    const int item = UNIT_ITEM;
    const index_t m = m_, n = n_;

    const index_t across = (n + TILE_N - 1) / TILE_N, down = (m + TILE_M - 1) / TILE_M;
    index_t group = get_group_id(0);
    const index_t column = last_digit(&group, across) * TILE_N;
    const index_t row = last_digit(&group, down) * TILE_M;
    const long in = last_digit(&group, (index_t)inner), out = last_digit(&group, (index_t)outer);
    const index_t split = group;

    index_t left = min(chunk, k_ - split * chunk); /* depths that are not begun yet */
    const int slices = (int)((left + SLICE - 1) / SLICE);
    a += a_first + out * a_outer + in * a_inner + row * a_row + split * chunk * a_column;
    b += b_first + out * b_outer + in * b_inner + column * b_column + split * chunk * b_row;
    PART_START(c_first + split * split_stride + out * c_outer + in * c_inner);
#ifdef BIAS
    bias += bias_first;
#endif
#ifdef ROW_SUMS
    float row_sum = 0;
#endif

    float sum[PIECES_M][PIECES_N][SUMS];
    clear(sum);

    UNROLL
    for (int s = 0; s < STAGES - 1; s++) {
        uint a_held[HELD(TILE_M)], b_held[HELD(TILE_N)];
        BEGIN_A(ring + s * STAGE_WORDS, left);
        BEGIN_B(ring + s * STAGE_WORDS + A_WORDS, left);
        async_mark();
        END_A(ring + s * STAGE_WORDS);
        END_B(ring + s * STAGE_WORDS + A_WORDS);
        a += SLICE * a_column;
        b += SLICE * b_row;
        left -= SLICE;
    }

    int now = 0, next = STAGES - 1;
    for (int s = 0; s < slices; s++) {
        __local uint *a_tile = ring + now * STAGE_WORDS, *a_next = ring + next * STAGE_WORDS;
        uint a_held[HELD(TILE_M)], b_held[HELD(TILE_N)];
        async_wait();
        barrier(CLK_LOCAL_MEM_FENCE);
        BEGIN_A(a_next, left);
        BEGIN_B(a_next + A_WORDS, left);
        async_mark();
        a += SLICE * a_column;
        b += SLICE * b_row;
        left -= SLICE;

        multiply_slice(sum, a_tile, a_tile + A_WORDS, item, exchange);
#ifdef ROW_SUMS
        if (column == 0 && item < TILE_M)
            row_sum += sum_row(a_tile, item);
#endif
        END_A(a_next);
        END_B(a_next + A_WORDS);
        now = now + 1 == STAGES ? 0 : now + 1;
        next = next + 1 == STAGES ? 0 : next + 1;
    }
#ifdef ROW_SUMS
    if (column == 0 && item < TILE_M && row + item < m)
        PART_STORE(row_sums, row_sums_first + (ulong)(split * m + row + item), row_sum);
#endif

    async_finish();
    UNROLL
    for (int pass = 0; pass < PIECES_M; pass++) {
        lay_out(sum, pass, ring, item);
        for (int at = item; at < LAID; at += GROUP) {
            const index_t i = row + LAID_ROW(at, pass), j = column + LAID_COLUMN(at);
            if (i < m && j < n)
                PART(i * c_row + j, WITH_BIAS(LAID_NUMBER(ring, at), j));
        }
    }
}
