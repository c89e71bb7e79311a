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

/* From the host: what tile.cl says; BIAS: a column is added; ROW_SUMS: the sums of A's rows are a second result; DEEP:
 * the pixels are the depth, and items next to each other read along it; STRIDED; POINTWISE: all sums of coordinates lie
 * inside the image, so that an element is at the sum of both first elements.  Fours of A go along the depth only, fours
 * of the image need POINTWISE.  A chain may take up what is finished (finish.cl). */

#include "bias.cl"
#include "finish.cl"
#include "tile.cl"
#include "image.cl"

/* An item's share of A's slice: `rows` rows and `depth` depths are there. */
static inline __attribute__((always_inline))
void fetch_a(real *held, __local const where_t *depths, __global const stored *a, index_t rows, index_t stride,
             index_t depth, int item)
{
#pragma unroll
    for (int n = 0; n < FETCHES(TILE_M, A_DEPTHS); n++) {
        uint at = item + n * ITEMS;
        int i = LINE(at, TILE_M, 1, A_DEPTHS, 1), k = DEPTH(at, TILE_M, 1, A_DEPTHS, 1);
        fetch(held + n * A_DEPTHS, A_DEPTHS, i < rows && k < depth, a, i * stride + depths[k].s3);
    }
}

static inline __attribute__((always_inline)) void put_a(__local real *tile, const real *held, int item)
{
#pragma unroll
    for (int n = 0; n < FETCHES(TILE_M, A_DEPTHS); n++) {
        uint at = item + n * ITEMS;
        put(tile, PITCH_A, held + n * A_DEPTHS, LINE(at, TILE_M, 1, A_DEPTHS, 1), 1,
            DEPTH(at, TILE_M, 1, A_DEPTHS, 1), A_DEPTHS);
    }
}

#ifdef DEEP
#define IS_DEEP 1
#else
#define IS_DEEP 0
#endif
#define BY (B_LINES * B_DEPTHS)

/* An item's share of the image's slice.  Neighbouring items read along the pixels. */
static inline __attribute__((always_inline))
void fetch_image(real *held, __local const where_t *columns, __local const where_t *depths,
                 __global const stored *image, index_t height, index_t width, index_t stride_y, index_t stride_x,
                 int item)
{
#pragma unroll
    for (int n = 0; n < FETCHES(TILE_N, BY); n++) {
        uint at = item + n * ITEMS;
        int j = LINE(at, TILE_N, B_LINES, B_DEPTHS, IS_DEEP), k = DEPTH(at, TILE_N, B_LINES, B_DEPTHS, IS_DEEP);
        index_t place = 0;
        int inside = is_inside(columns[j], depths[k], height, width, stride_y, stride_x, &place);
        fetch(held + n * BY, BY, inside, image, place);
    }
}

static inline __attribute__((always_inline)) void put_image(__local real *tile, const real *held, int item)
{
#pragma unroll
    for (int n = 0; n < FETCHES(TILE_N, BY); n++) {
        uint at = item + n * ITEMS;
        put(tile, PITCH_B, held + n * BY, LINE(at, TILE_N, B_LINES, B_DEPTHS, IS_DEEP), B_LINES,
            DEPTH(at, TILE_N, B_LINES, B_DEPTHS, IS_DEEP), B_DEPTHS);
    }
}

/* The digits of columns or depths, as AXIS gives them. */
struct axis {
    index_t area, width, image, other, y, x, step_y, step_x;
};

/* Where a group's tile lies in the operands, and how much of it is there. */
struct operands {
    __global const stored *a, *image;
    index_t rows, a_row, first, last, height, width, stride_y, stride_x;
    int adds_rows; /* it is the group that sums A's rows */
    struct axis along;
};

static inline __attribute__((always_inline))
void find_depths(__local where_t *depths, const struct operands *o, index_t at, int item)
{
    const struct axis *a = &o->along;

    for (int k = item; k < TILE_K; k += ITEMS)
        depths[k] = locate(at + k, o->last, o->width, a->area, a->width, a->image, a->other, a->y, a->x, a->step_y,
                           a->step_x);
}

static inline __attribute__((always_inline))
void fetch_slices(real *held_a, real *held_b, const struct operands *o, __local const where_t *columns,
                  __local const where_t *depths, index_t at, int item)
{
    fetch_a(held_a, depths, o->a, o->rows, o->a_row, o->last - at, item);
    fetch_image(held_b, columns, depths, o->image, o->height, o->width, o->stride_y, o->stride_x, item);
}

/* The sums of an item at `left` and `right` in the tiles, and those of A's rows; all items of the group.  With two
 * buffers, while slice s is multiplied, the elements of s + 1 are on their way, and the places of s + 2 are found. */
static inline __attribute__((always_inline))
void sum_products(ROW *sum, real *row_sum, __local real *a_tile, __local real *b_tile, __local const where_t *columns,
                  __local where_t *depths, const struct operands *o, int left, int right, int item)
{
    real held_a[HELD_A], held_b[HELD_B];

    find_depths(depths, o, o->first, item);
#if BUFFERS == 1
    for (index_t at = o->first; at < o->last; at += TILE_K) {
        barrier(CLK_LOCAL_MEM_FENCE);
        fetch_slices(held_a, held_b, o, columns, depths, at, item);
        put_a(a_tile, held_a, item);
        put_image(b_tile, held_b, item);
        barrier(CLK_LOCAL_MEM_FENCE);
        multiply(sum, a_tile + left, b_tile + right);
        ADD_ROWS(row_sum, a_tile, item);
        find_depths(depths, o, at + TILE_K, item);
    }
#else
    int now = 0;
    find_depths(depths + TILE_K, o, o->first + TILE_K, item);
    barrier(CLK_LOCAL_MEM_FENCE);
    fetch_slices(held_a, held_b, o, columns, depths, o->first, item);
    put_a(a_tile, held_a, item);
    put_image(b_tile, held_b, item);
    barrier(CLK_LOCAL_MEM_FENCE);
    for (index_t at = o->first; at < o->last; at += TILE_K) {
        const int next = 1 - now, more = at + TILE_K < o->last;
        if (more)
            fetch_slices(held_a, held_b, o, columns, depths + next * TILE_K, at + TILE_K, item);
        find_depths(depths + now * TILE_K, o, at + 2 * TILE_K, item);
        multiply(sum, a_tile + now * BUFFER_A + left, b_tile + now * BUFFER_B + right);
        ADD_ROWS(row_sum, a_tile + now * BUFFER_A, item);
        if (more) {
            put_a(a_tile + next * BUFFER_A, held_a, item);
            put_image(b_tile + next * BUFFER_B, held_b, item);
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        now = next;
    }
#endif
}

/* One tile of C from the depths [split * chunk, split * chunk + chunk).  With more than one split (PARTS), C is
 * the workspace [split, C's own layout], and c_split the size of a split. */
__kernel __attribute__((reqd_work_group_size(ITEMS_X, TILE_M / ITEM_M, 1)))
void conv(__global const stored *a, ulong a_first, __global const stored *image, ulong image_first,
          BIAS_PARAMS
#ifdef ROW_SUMS
          __global part *row_sums, ulong row_sums_first,
#endif
          long m_, long n_, long depth_, long chunk, long groups, long a_row, long a_group, long image_group,
          long c_row, long c_group, long c_split, long height, long image_width, long stride_y, long stride_x,
          AXIS(column), AXIS(depth), PART_PARAMS)
{
    __local real a_tile[BUFFERS * BUFFER_A] __attribute__((aligned(128)));
    __local real b_tile[BUFFERS * BUFFER_B] __attribute__((aligned(128)));
    __local where_t columns[TILE_N], depths[BUFFERS * TILE_K];
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
    BIAS_START(g * m);
    const struct operands o = {a, image, m - row, a_row, first, last, height, image_width, stride_y, stride_x,
                               column == 0,
                               {depth_area, depth_width, depth_image, depth_other, depth_y, depth_x, depth_step_y,
                                depth_step_x}};
    ROW sum[ITEM_M * PIECES_N];
    real row_sum[SUMS_EACH];
    for (int i = 0; i < SUMS_EACH; i++)
        row_sum[i] = 0;
#pragma unroll
    for (int i = 0; i < ITEM_M * PIECES_N; i++)
        sum[i] = 0;
    for (int j = item; j < TILE_N; j += ITEMS)
        columns[j] = LOCATE(column, column + j, n);

    sum_products(sum, row_sum, a_tile, b_tile, columns, depths, &o, ITEM_ROW(item_y, 0), ITEM_COLUMN(item_x, 0), item);

#ifdef ROW_SUMS
    row_sums += row_sums_first + (ulong)((split * groups + g) * m + row);
    if (column == 0)
        for (int i = item; i < TILE_M && row + i < m; i += ITEMS)
            PART_STORE(row_sums, i, row_sum[i / ITEMS]);
#endif
#pragma unroll
    for (int i = 0; i < ITEM_M; i++)
#pragma unroll
        for (int p = 0; p < PIECES_N; p++) {
            index_t at_row = row + ITEM_ROW(item_y, i);
            int at = ITEM_COLUMN(item_x, p);
            real line[PIECE_N];
            STORE_ROW(sum[i * PIECES_N + p], 0, line);
#pragma unroll
            for (int j = 0; j < PIECE_N; j++)
                if (at_row < m && column + at + j < n)
                    PART(at_row * c_row + columns[at + j].s3, WITH_BIAS(line[j], at_row));
        }
}
