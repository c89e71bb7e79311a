/* conv.cl - convolutions as matrix products whose right side is gathered from an image: forward, gradient of
 * the input, gradient of the weights.  No im2col buffer: tiles of that matrix are made in local memory.
 *
 * For each group g:  C[row, column] = sum_depth A[row, depth] IMAGE[column, depth] + bias[row].
 *            C   A    IMAGE  rows    columns             depth
 *   forward  z   w    x      out     batch, pixels of z  in, kh, kw
 *   input    dx  w    dz     in      batch, pixels of x  out, kh, kw
 *   weight   dw  dz   x      out     in, kh, kw          batch, pixels of z
 * These are three lists of arguments.  Columns and depths are counted by digits (outer, i, j); from these, by
 * the arguments AXIS, follow a first element, a y and an x in the image, and an offset in C (columns) or A
 * (depths).  IMAGE[column, depth] is the image at the sums of both y and both x, 0 where that lies outside.
 * With STRIDED (the input's gradient) y and x count before the stride: what the stride does not divide is 0.
 * Layout: all operands contiguous (NCHW, OIHW).
 * Work-groups and tiles are as in gemm.cl; groups along dimension 0: tiles across, tiles down, g, split. */

/* From the host: TILE_M, TILE_N, TILE_K, ITEM_M, ITEM_N (2, 4, 8 or 16); BIAS: a column is added; ROW_SUMS: the sums of
 * A's rows are a second result; STRIDED; PARTS: the depth is split, so that the products' results are parts (tile.cl).
 * A chain may take up what is finished (finish.cl). */

#include "finish.cl"
#include "tile.cl"

#ifdef BIAS
#define WITH_BIAS(value, channel) ((value) + LOAD(bias, channel))
#else
#define WITH_BIAS(value, channel) (value)
#endif

/* Where a column or a depth lies: s0 first element in the image, s1 y, s2 x, s3 offset in C or A. */
#ifdef INDEX_WIDE
typedef long4 where_t;
#else
typedef int4 where_t;
#endif

/* Added to any other coordinate it stays below 0; twice it is still an index_t. */
#define OUTSIDE (-((index_t)1 << (8 * sizeof(index_t) - 2)))

/* The digits of n are (outer, i, j): i * width + j below area. */
#define AXIS(a) \
    long a##_area, long a##_width, long a##_image, long a##_other, long a##_y, long a##_x, long a##_step_y, \
        long a##_step_x
#define LOCATE(a, n, limit) \
    locate(n, limit, a##_area, a##_width, a##_image, a##_other, a##_y, a##_x, a##_step_y, a##_step_x)

static where_t locate(index_t n, index_t limit, index_t area, index_t width, index_t image, index_t other,
                      index_t y, index_t x, index_t step_y, index_t step_x)
{
    where_t at;

    if (n >= limit) {
        at.s0 = 0;
        at.s1 = OUTSIDE;
        at.s2 = 0;
        at.s3 = 0;
        return at;
    }
    index_t outer = n, inside = last_digit(&outer, area);
    index_t i = inside, j = last_digit(&i, width);
    at.s0 = outer * image;
    at.s1 = y + i * step_y;
    at.s2 = x + j * step_x;
    at.s3 = outer * other + inside;
    return at;
}

static real gather(__global const stored *image, where_t column, where_t depth, index_t height, index_t width,
                   index_t stride_y, index_t stride_x)
{
    index_t y = column.s1 + depth.s1, x = column.s2 + depth.s2;

#ifdef STRIDED
    if (y < 0 || x < 0)
        return 0;
    index_t line = (uindex_t)y / (uindex_t)stride_y, at = (uindex_t)x / (uindex_t)stride_x;
    if (line * stride_y != y || at * stride_x != x)
        return 0;
    y = line;
    x = at;
#endif
    if ((uindex_t)y >= (uindex_t)height || (uindex_t)x >= (uindex_t)width)
        return 0;
    return LOAD(image, column.s0 + depth.s0 + y * width + x);
}

/* tile[k][i] = A[i, k], zero outside rows and depth. */
static inline __attribute__((always_inline))
void load(__local real *tile, __local const where_t *depths, __global const stored *a, index_t rows,
          index_t stride, index_t depth, int item)
{
#pragma unroll
    for (int n = 0; n < TILE_M * TILE_K / ITEMS; n++) {
        uint at = item + n * ITEMS;
        int i = at / TILE_K, k = at % TILE_K;
        tile[k * PITCH_A + i] = i < rows && k < depth ? LOAD(a, i * stride + depths[k].s3) : 0;
    }
}

/* tile[k][j] = IMAGE[j, k].  Neighbouring items read along the pixels: depths if deep is 1, else columns. */
static inline __attribute__((always_inline))
void load_image(__local real *tile, __local const where_t *columns, __local const where_t *depths, int deep,
                __global const stored *image, index_t height, index_t width, index_t stride_y, index_t stride_x,
                int item)
{
#pragma unroll
    for (int n = 0; n < TILE_N * TILE_K / ITEMS; n++) {
        uint at = item + n * ITEMS;
        int j = deep ? at / TILE_K : at % TILE_N;
        int k = deep ? at % TILE_K : at / TILE_N;
        tile[k * PITCH_B + j] = gather(image, columns[j], depths[k], height, width, stride_y, stride_x);
    }
}

/* One tile of C from the depths [split * chunk, split * chunk + chunk).  With more than one split (PARTS), C is
 * the workspace [split, C's own layout], and c_split the size of a split. */
__kernel __attribute__((reqd_work_group_size(ITEMS_X, TILE_M / ITEM_M, 1)))
void conv(__global const stored *a, ulong a_first, __global const stored *image, ulong image_first,
#ifdef BIAS
          __global const stored *bias, ulong bias_first,
#endif
#ifdef ROW_SUMS
          __global part *row_sums, ulong row_sums_first,
#endif
          long m_, long n_, long depth_, long chunk, long groups, long a_row, long a_group, long image_group,
          long c_row, long c_group, long c_split, long height, long width, long stride_y, long stride_x,
          long deep, AXIS(column), AXIS(depth), PART_PARAMS)
{
    __local real a_tile[TILE_K * PITCH_A] __attribute__((aligned(128)));
    __local real b_tile[TILE_K * PITCH_B] __attribute__((aligned(128)));
    __local where_t columns[TILE_N], depths[TILE_K];
    int item_x = get_local_id(0), item_y = get_local_id(1);
    int item = item_y * ITEMS_X + item_x;
    index_t m = m_, n = n_;

    index_t across = (n + TILE_N - 1) / TILE_N, down = (m + TILE_M - 1) / TILE_M;
    index_t group = get_group_id(0);
    index_t column = last_digit(&group, across) * TILE_N;
    index_t row = last_digit(&group, down) * TILE_M;
    long g = last_digit(&group, (index_t)groups);
    long split = group;

    index_t first = split * chunk, last = min(first + chunk, depth_);
    a += a_first + g * a_group + row * a_row;
    image += image_first + g * image_group;
    PART_START(c_first + split * c_split + g * c_group);
#ifdef BIAS
    bias += bias_first + g * m;
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
    for (int j = item; j < TILE_N; j += ITEMS)
        columns[j] = LOCATE(column, column + j, n);
    barrier(CLK_LOCAL_MEM_FENCE);

    for (index_t at = first; at < last; at += TILE_K) {
        for (int k = item; k < TILE_K; k += ITEMS)
            depths[k] = LOCATE(depth, at + k, last);
        barrier(CLK_LOCAL_MEM_FENCE);

        load(a_tile, depths, a, m - row, a_row, last - at, item);
        load_image(b_tile, columns, depths, deep, image, height, width, stride_y, stride_x, item);
        barrier(CLK_LOCAL_MEM_FENCE);

        __local const real *left = a_tile + item_y * ITEM_M;
        __local const ROW *right = (__local const ROW *)b_tile + item_x;
        for (int k = 0; k < TILE_K; k++) {
            ROW line = right[k * (PITCH_B / ITEM_N)];
#pragma unroll
            for (int i = 0; i < ITEM_M; i++)
                sum[i] = fma((ROW)(left[k * PITCH_A + i]), line, sum[i]);
        }
#ifdef ROW_SUMS
        if (column + item_x == 0)
            for (int i = 0; i < ITEM_M; i++) {
                real part = 0;
                for (int k = 0; k < TILE_K; k++)
                    part += left[k * PITCH_A + i];
                row_sum[i] += part;
            }
#endif
    }

    row += item_y * ITEM_M;
#ifdef ROW_SUMS
    if (column + item_x == 0)
        for (int i = 0; i < ITEM_M; i++)
            if (row + i < m)
                PART_STORE(row_sums, row_sums_first + (ulong)((split * groups + g) * m + row + i), row_sum[i]);
#endif
#pragma unroll
    for (int i = 0; i < ITEM_M; i++) {
        real line[ITEM_N];
        STORE_ROW(sum[i], 0, line);
#pragma unroll
        for (int j = 0; j < ITEM_N; j++)
            if (row + i < m && column + item_x * ITEM_N + j < n)
                PART((row + i) * c_row + columns[item_x * ITEM_N + j].s3, WITH_BIAS(line[j], row + i));
    }
}

/* C = the sum of `splits` products in their order, and the bias, from the workspace [split, total]; element e's channel
 * is e / pixels % channels.  The row sums are added likewise, from behind it: [split, channels].  Any work size. */
__kernel void conv_sum(__global const real *parts, ulong parts_first,
#ifdef BIAS
                       __global const stored *bias, ulong bias_first,
#endif
#ifdef ROW_SUMS
                       __global stored *row_sums, ulong row_sums_first,
#endif
                       long total, long splits, long pixels, long channels, RESULT_PARAMS)
{
    parts += parts_first;
    RESULT_START(c_first);
#ifdef BIAS
    bias += bias_first;
#endif

    GRID(e, total) {
        real sum = parts[e];
        for (index_t s = 1; s < splits; s++)
            sum += parts[s * total + e];
        index_t plane = e / (index_t)pixels;
        RESULT(e, WITH_BIAS(sum, last_digit(&plane, (index_t)channels)));
    }
#ifdef ROW_SUMS
    GRID(r, channels) {
        real sum = parts[splits * total + r];
        for (index_t s = 1; s < splits; s++)
            sum += parts[splits * total + s * channels + r];
        STORE(row_sums, row_sums_first + (ulong)r, sum);
    }
#endif
}
