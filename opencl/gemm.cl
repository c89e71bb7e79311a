/* gemm.cl - matrix products: C[b,i,j] = sum_k A[b,i,k] B[b,k,j] + bias[j]; the sum of products split along k.
 *
 * Layout: any strides in A and B, so that a transposed view is read in place; C's columns are contiguous.
 * At most two batch axes; a stride of 0 repeats an operand.  Any m, n >= 1, any k >= 0.
 * Work-groups: TILE_N / ITEM_N by TILE_M / ITEM_M items.  Each group makes TILE_M x TILE_N elements of C from
 * slices of TILE_K in local memory, each item ITEM_M x ITEM_N of them.  Groups are counted along dimension 0
 * alone, as others are limited to 65535 on some devices: tiles across, tiles down, batch, split.
 * All tile sizes are powers of two.  Each element is one chain of fma in the order of k. */

/* From the host: TILE_M, TILE_N, TILE_K, ITEM_M, ITEM_N (2, 4, 8 or 16); BIAS: a row is added; ROW_SUMS: the sums of
 * A's rows are a second result; PARTS: the depth is split, so that the products' results are parts (tile.cl).
 * A chain may take up what is finished (finish.cl). */

#include "finish.cl"
#include "tile.cl"

#ifdef BIAS
#define WITH_BIAS(value, column) ((value) + LOAD(bias, (column) * bias_stride))
#else
#define WITH_BIAS(value, column) (value)
#endif

/* tile[k][i] = from[i * stride + k * depth_stride] for `size` lines i and TILE_K depths k, 0 beyond lines and
 * depth.  Neighbouring items read along the axis with the smaller stride. */
static inline __attribute__((always_inline))
void load(__local real *tile, int pitch, uint size, __global const stored *from, index_t lines, index_t stride,
          index_t depth, index_t depth_stride, int item)
{
    int deep = depth_stride <= stride;

#pragma unroll
    for (uint n = 0; n < size * TILE_K / ITEMS; n++) {
        uint at = item + n * ITEMS;
        int i = deep ? at / TILE_K : at % size;
        int k = deep ? at % TILE_K : at / size;
        tile[k * pitch + i] = i < lines && k < depth ? LOAD(from, i * stride + k * depth_stride) : 0;
    }
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
    __local real a_tile[TILE_K * PITCH_A] __attribute__((aligned(128)));
    __local real b_tile[TILE_K * PITCH_B] __attribute__((aligned(128)));
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
#ifdef ROW_SUMS
    real row_sum[ITEM_M];
    for (int i = 0; i < ITEM_M; i++)
        row_sum[i] = 0;
#endif

    ROW sum[ITEM_M];
#pragma unroll
    for (int i = 0; i < ITEM_M; i++)
        sum[i] = 0;

    for (index_t at = 0; at < depth; at += TILE_K) {
        load(a_tile, PITCH_A, TILE_M, a, m - row, a_row, depth - at, a_column, item);
        load(b_tile, PITCH_B, TILE_N, b, n - column, b_column, depth - at, b_row, item);
        a += TILE_K * a_column;
        b += TILE_K * b_row;
        barrier(CLK_LOCAL_MEM_FENCE);

        __local const real *left = a_tile + y * ITEM_M;
        __local const ROW *right = (__local const ROW *)b_tile + x;
        for (int k = 0; k < TILE_K; k++) {
            ROW line = right[k * (PITCH_B / ITEM_N)];
#pragma unroll
            for (int i = 0; i < ITEM_M; i++)
                sum[i] = fma((ROW)(left[k * PITCH_A + i]), line, sum[i]);
        }
#ifdef ROW_SUMS
        if (column + x == 0)
            for (int i = 0; i < ITEM_M; i++) {
                real part = 0;
                for (int k = 0; k < TILE_K; k++)
                    part += left[k * PITCH_A + i];
                row_sum[i] += part;
            }
#endif
        barrier(CLK_LOCAL_MEM_FENCE);
    }
#ifdef ROW_SUMS
    if (column + x == 0)
        for (int i = 0; i < ITEM_M; i++)
            if (row + y * ITEM_M + i < m)
                PART_STORE(row_sums, row_sums_first + (ulong)(split * m + row + y * ITEM_M + i), row_sum[i]);
#endif

    row += y * ITEM_M;
    column += x * ITEM_N;
#pragma unroll
    for (int i = 0; i < ITEM_M; i++) {
        real line[ITEM_N];
        STORE_ROW(sum[i], 0, line);
#pragma unroll
        for (int j = 0; j < ITEM_N; j++)
            if (row + i < m && column + j < n)
                PART((row + i) * c_row + column + j, WITH_BIAS(line[j], column + j));
    }
}

/* C = the sum of `splits` products in their order, and the bias, from the workspace [split, batch, m, n].  The row
 * sums are added likewise, from behind it: [split, m].  Any work size. */
__kernel void gemm_sum(__global const real *parts, ulong parts_first,
#ifdef BIAS
                       __global const stored *bias, ulong bias_first, long bias_stride,
#endif
#ifdef ROW_SUMS
                       __global stored *row_sums, ulong row_sums_first,
#endif
                       long splits, long m, long n, long c_row, long outer, long inner, long c_outer,
                       long c_inner, RESULT_PARAMS)
{
    index_t total = outer * inner * m * n;
    parts += parts_first;
    RESULT_START(c_first);
#ifdef BIAS
    bias += bias_first;
#endif

    GRID(e, total) {
        real sum = parts[e];
        for (index_t s = 1; s < splits; s++)
            sum += parts[s * total + e];
        index_t out = e;
        index_t column = last_digit(&out, (index_t)n), row = last_digit(&out, (index_t)m);
        index_t in = last_digit(&out, (index_t)inner);
        RESULT(out * c_outer + in * c_inner + row * c_row + column, WITH_BIAS(sum, column));
    }
#ifdef ROW_SUMS
    GRID(r, m) {
        real sum = parts[splits * total + r];
        for (index_t s = 1; s < splits; s++)
            sum += parts[splits * total + s * m + r];
        STORE(row_sums, row_sums_first + (ulong)r, sum);
    }
#endif
}
