/* conv_matrix.cl - convolutions by the matrix unit, as products whose right side is gathered from an image: forward,
 * gradient of the input, gradient of the weights; operands rounded to what the unit takes, sums in f32.
 *
 * What the arguments mean, conv.cl says; DEEP is the option B_WAY here.  Work-groups: 128 items, along dimension 0
 * alone: tiles across, tiles down, group of channels, split.  Options and tiles: matrix_tile.cl.  A_WAY is WAY_ROWS
 * (16 bytes along the depth are contiguous and aligned), WAY_DEEP, or WAY_GATHER (a row's stride is 1); B_WAY is
 * WAY_GATHER, or WAY_DEEP for the gradient of the weights.  BIAS: a column is added; ROW_SUMS: the sums of A's rows
 * are a second result; STRIDED; PARTS: the depth is split (parts.cl).  A chain may take up what is finished
 * (finish.cl). */

#include "bias.cl"
#include "finish.cl"
#include "parts.cl"
#include "matrix_tile.cl"
#include "image.cl"

/* ---- The left operand: element (i, k) is from[i * stride + where k lies], for i below lines and k below the
 * depth's end `last`; depths[] are those of a slice that begins at `at` ---- */

INLINE void left_gather(uint *held, __global const stored *from, index_t lines, index_t stride, index_t at,
                        index_t last, __local const where_t *depths, uint item)
{
    const index_t row = gather_row(TILE_M, item, 0);

    UNROLL
    EACH(n, 1, TILE_M) {
        const uint k = gather_word(TILE_M, item, n) * PER_WORD;
        const index_t first = depths[k].s3, step = depths[k + PER_WORD - 1].s3 - first;
        held[n] = word_from(from, row * stride + first, step, row < lines ? last - at - (index_t)k : 0);
    }
}

INLINE void left_deep(uint *held, __global const stored *from, index_t lines, index_t stride, index_t first,
                      index_t step, index_t count, uint item)
{
    UNROLL
    EACH(n, 1, TILE_M) {
        const index_t row = deep_row(TILE_M, item, n);
        held[n] = word_from(from, row * stride + first, step, row < lines ? count : 0);
    }
}

INLINE void left_rows(__local uint *tile, __global const stored *from, index_t lines, index_t stride, index_t first,
                      index_t count, uint item)
{
    const int bytes = (int)clamp(count, (index_t)0, (index_t)(4 * PER_WORD)) * (int)sizeof(stored);

    UNROLL
    EACH(n, 4, TILE_M) {
        const index_t row = item / 4 + n / 4 * (GROUP / 4);
        async_copy(tile + word_place(row, item % 4 * 4), from + row * stride + first, row < lines ? bytes : 0);
    }
}

/* ---- The image ---- */

INLINE uint pixel(__global const stored *image, where_t column, where_t depth, index_t height, index_t width,
                  index_t stride_y, index_t stride_x)
{
    index_t at = 0;
    const int inside = is_inside(column, depth, height, width, stride_y, stride_x, &at);

#if PER_WORD == 2
    return inside ? image[at] : 0;
#else
    return inside ? as_uint(image[at]) : 0;
#endif
}

#if PER_WORD == 2
#define PIXELS(column, depth, second) \
    (pixel(image, column, depth, height, width, stride_y, stride_x) | \
     pixel(image, column, second, height, width, stride_y, stride_x) << 16)
#else
#define PIXELS(column, depth, second) pixel(image, column, depth, height, width, stride_y, stride_x)
#endif

INLINE void image_gather(uint *held, __global const stored *image, where_t column, __local const where_t *depths,
                         index_t height, index_t width, index_t stride_y, index_t stride_x, uint item)
{
    UNROLL
    EACH(n, 1, TILE_N) {
        const uint k = gather_word(TILE_N, item, n) * PER_WORD;
        held[n] = PIXELS(column, depths[k], depths[k + PER_WORD - 1]);
    }
}

INLINE void image_deep(uint *held, __global const stored *image, __local const where_t *columns, where_t depth,
                       where_t second, index_t height, index_t width, index_t stride_y, index_t stride_x, uint item)
{
    UNROLL
    EACH(n, 1, TILE_N) {
        const where_t column = columns[deep_row(TILE_N, item, n)];
        held[n] = PIXELS(column, depth, second);
    }
}

/* ---- Where depths lie ----
 * From slice to slice an item has to do with depths that are SLICE apart: it adds digits, and never divides. */

/* In A.  Behind the last depth it is no place, and nothing is read there. */
typedef struct {
    index_t inside, at;
} along_t;

INLINE void along_of(along_t *a, index_t n, index_t area, index_t other)
{
    a->inside = last_digit(&n, area);
    a->at = n * other + a->inside;
}

INLINE void along_add(along_t *a, const along_t *more, index_t area, index_t other)
{
    a->inside += more->inside;
    a->at += more->at;
    if (a->inside >= area) {
        a->inside -= area;
        a->at += other - area;
    }
}

/* The item's first depth in a slice. */
#if A_WAY == WAY_ROWS
#define A_DEPTH (index_t)(item % 4 * 4 * PER_WORD)
#else
#define A_DEPTH (index_t)(item % WORDS * PER_WORD)
#endif
#if B_WAY == WAY_GATHER
#define B_DEPTH (index_t)item /* of the table */
#else
#define B_DEPTH (index_t)(item % WORDS * PER_WORD)
#endif

#define ALONG(a, n) along_of(&(a), n, depth_area, depth_other)
#define ALONG_ADD(a, more) along_add(&(a), &(more), depth_area, depth_other)
#define DIGITS(d, n) digits_of(&(d), n, depth_area, depth_width)
#define DIGITS_ADD(d, more) digits_add(&(d), &(more), height_of_depth, depth_width)

/* ---- A slice, from depth `at` on: begun, it is on its way; ended, it is in local memory, for copies once they were
 * waited for ---- */

#if A_WAY == WAY_GATHER
#define BEGIN_A(tile, at, depths) left_gather(a_held, a, m - row, a_row, at, last, depths, item)
#define END_A(tile) gather_store(tile, TILE_M, a_held, item)
#elif A_WAY == WAY_DEEP
#define BEGIN_A(tile, at, depths) \
    do { \
        along_t second = along; \
        ALONG_ADD(second, along_one); \
        left_deep(a_held, a, m - row, a_row, along.at, second.at - along.at, last - (at) - A_DEPTH, item); \
        ALONG_ADD(along, along_slice); \
    } while (0)
#define END_A(tile) deep_store(tile, TILE_M, a_held, item)
#else
#define BEGIN_A(tile, at, depths) \
    do { \
        left_rows(tile, a, m - row, a_row, along.at, last - (at) - A_DEPTH, item); \
        ALONG_ADD(along, along_slice); \
    } while (0)
#define END_A(tile)
#endif
#if B_WAY == WAY_GATHER
#define BEGIN_B(at, depths) \
    image_gather(b_held, image, columns[gather_row(TILE_N, item, 0)], depths, height, image_width, stride_y, stride_x,\
                 item)
#define END_B(tile) gather_store(tile, TILE_N, b_held, item)
#else
#define BEGIN_B(at, depths) \
    do { \
        digits_t second = digits; \
        DIGITS_ADD(second, digits_one); \
        image_deep(b_held, image, columns, PLACE(depth, digits, (at) + B_DEPTH < last), \
                   PLACE(depth, second, (at) + B_DEPTH + 1 < last), height, image_width, stride_y, stride_x, item); \
        DIGITS_ADD(digits, digits_slice); \
    } while (0)
#define END_B(tile) deep_store(tile, TILE_N, b_held, item)
#endif

/* The table of depths is for WAY_GATHER alone. */
#if B_WAY == WAY_GATHER
#define FIND_DEPTHS(depths, at) \
    do { \
        if (item < SLICE) \
            (depths)[item] = PLACE(depth, digits, (at) + B_DEPTH < last); \
        DIGITS_ADD(digits, digits_slice); \
    } while (0)
#else
#define FIND_DEPTHS(depths, at) (void)0
#endif

#ifdef ROW_SUMS
#define ADD_ROW(tile) row_sum += column == 0 && item < TILE_M ? sum_row(tile, item) : 0
#else
#define ADD_ROW(tile)
#endif

__kernel UNIT_KERNEL __attribute__((reqd_work_group_size(GROUP, 1, 1)))
void conv_matrix(__global const stored *a, ulong a_first, __global const stored *image, ulong image_first,
                 BIAS_PARAMS
#ifdef ROW_SUMS
                 __global part *row_sums, ulong row_sums_first,
#endif
                 long m_, long n_, long depth_, long chunk, long groups, long a_row, long a_group, long image_group,
                 long c_row, long c_group, long c_split, long height, long image_width, long stride_y, long stride_x,
                 AXIS(column), AXIS(depth), PART_PARAMS)
{
    __local uint ring[RING_WORDS] __attribute__((aligned(128)));
    __local where_t columns[TILE_N], depths[STAGES * SLICE]; /* depths: of the slice in the same stage */
    UNIT_LOCAL(exchange);
    const int item = UNIT_ITEM;
    const index_t m = m_, n = n_;

    const index_t across = (n + TILE_N - 1) / TILE_N, down = (m + TILE_M - 1) / TILE_M;
    index_t group = get_group_id(0);
    const index_t column = last_digit(&group, across) * TILE_N;
    const index_t row = last_digit(&group, down) * TILE_M;
    const long g = last_digit(&group, (index_t)groups), split = group;

    index_t at = split * chunk; /* the first depth that is not begun yet */
    const index_t last = min(at + chunk, depth_);
    const int slices = (int)((last - at + SLICE - 1) / SLICE);
    a += a_first + g * a_group + row * a_row;
    image += image_first + g * image_group;
    PART_START(c_first + split * c_split + g * c_group);
    BIAS_START(g * m);
    float row_sum = 0, sum[PIECES_M][PIECES_N][SUMS];
    clear(sum);
    for (int j = item; j < TILE_N; j += GROUP)
        columns[j] = LOCATE(column, column + j, n);
    const index_t height_of_depth = depth_area / depth_width;
    along_t along, along_slice, along_one;
    digits_t digits, digits_slice, digits_one;
    ALONG(along, at + A_DEPTH), ALONG(along_slice, SLICE), ALONG(along_one, 1);
    DIGITS(digits, at + B_DEPTH), DIGITS(digits_slice, SLICE), DIGITS(digits_one, 1);
    for (int s = 0; s < STAGES; s++)
        FIND_DEPTHS(depths + s * SLICE, at + s * SLICE);
    barrier(CLK_LOCAL_MEM_FENCE);

    UNROLL
    for (int s = 0; s < STAGES - 1; s++) {
        uint a_held[HELD(TILE_M)], b_held[HELD(TILE_N)];
        BEGIN_A(ring + s * STAGE_WORDS, at, depths + s * SLICE);
        BEGIN_B(at, depths + s * SLICE);
        async_mark();
        END_A(ring + s * STAGE_WORDS);
        END_B(ring + s * STAGE_WORDS + A_WORDS);
        at += SLICE;
    }

    int now = 0, next = STAGES - 1;
    for (int s = 0; s < slices; s++) {
        __local uint *a_tile = ring + now * STAGE_WORDS, *a_next = ring + next * STAGE_WORDS;
        uint a_held[HELD(TILE_M)], b_held[HELD(TILE_N)];
        async_wait();
        barrier(CLK_LOCAL_MEM_FENCE);
        BEGIN_A(a_next, at, depths + next * SLICE);
        BEGIN_B(at, depths + next * SLICE);
        async_mark();
        at += SLICE;
        FIND_DEPTHS(depths + now * SLICE, at);

        multiply_slice(sum, a_tile, a_tile + A_WORDS, item, exchange);
        ADD_ROW(a_tile);
        END_A(a_next);
        END_B(a_next + A_WORDS);
        now = now + 1 == STAGES ? 0 : now + 1;
        next = next + 1 == STAGES ? 0 : next + 1;
    }
#ifdef ROW_SUMS
    if (column == 0 && item < TILE_M && row + item < m)
        PART_STORE(row_sums, row_sums_first + (ulong)((split * groups + g) * m + row + item), row_sum);
#endif

    async_finish();
    UNROLL
    for (int pass = 0; pass < PIECES_M; pass++) {
        lay_out(sum, pass, ring, item);
        for (int e = item; e < LAID; e += GROUP) {
            const index_t i = row + LAID_ROW(e, pass), j = LAID_COLUMN(e);
            if (i < m && column + j < n)
                PART(i * c_row + columns[j].s3, WITH_BIAS(LAID_NUMBER(ring, e), i));
        }
    }
}
