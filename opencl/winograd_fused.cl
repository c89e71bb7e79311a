/* winograd_fused.cl - Winograd's minimal filtering for 3x3 filters that move by 1, tiles of 2x2 results, in one kernel:
 * transformed pixels stay in local memory and products in registers.  It is for few channels, where winograd.cl's
 * squares take longer through memory than their products.
 *
 * A work-group makes BLOCK channels of the results of BLOCK tiles, which are counted as in winograd.cl.  Of a slice of
 * DEPTH of the image's channels each item transforms one tile's pixels; then it adds up 8 channels by 8 tiles of one of
 * the 16 points.  Blocks of channels are the fastest of the groups: neighbours read the same pixels.
 *
 *   filters   w, [out,in,3,3] of each of `groups`  -> [group,channel,point,result], by `deep` channels and `high`
 *             results: multiples of DEPTH and of BLOCK; what lies behind is made 0.  Any work size.
 *   fused     image [batch,groups * channels,height,width] and those -> [batch,groups * results,out_height,out_width],
 *             with a bias for each channel (BIAS).  A chain may take up what is finished (finish.cl).
 *
 * An item has one tile at a time (LANES). */
#define TILE 2
#define LANES 1
#include "winograd_rules.cl"
#include "bias.cl"
#include "finish.cl"

#define ITEMS 256
#define BLOCK 32
#define DEPTH 8

#define FOUR REALS(4)

/* One slice in local memory: [channel,point,BLOCK] of both sides.  Products of half a block's channels fill it, too. */
#define SLICE (DEPTH * POINTS * BLOCK)

/* turned 1: by half a turn, as the gradient of the input takes them. */
__kernel void filters(__global const stored *w, ulong w_first, __global real *to, ulong to_first, long groups,
                      long results_, long channels_, long high_, long deep_, long result_step, long channel_step,
                      int turned)
{
    index_t results = results_, channels = channels_, high = high_, deep = deep_;
    w += w_first;
    to += to_first;

    GRID(i, groups * deep * high) {
        real from[FILTER * FILTER], made[POINTS];
        index_t line = i, result = last_digit(&line, high);
        index_t group = line, channel = last_digit(&group, deep);
        int is_there = result < results && channel < channels;
        index_t at = (group * results * channels) * (FILTER * FILTER) + result * result_step + channel * channel_step;
#pragma unroll
        for (int k = 0; k < FILTER * FILTER; k++)
            from[k] = is_there ? LOAD(w, at + (turned ? FILTER * FILTER - 1 - k : k)) : 0;
        filter_square(made, from);
#pragma unroll
        for (int point = 0; point < POINTS; point++)
            to[(line * POINTS + point) * high + result] = made[point];
    }
}

/* Where a tile's results lie, or with other y and x its pixels. */
struct corner {
    index_t image, y, x;
};

/* By pointer: Oclgrind can't run what LLVM makes of a function that returns a struct and is inlined. */
INSIDE void find_corner(struct corner *c, index_t tile, index_t rows, index_t columns)
{
    c->image = tile;
    c->x = last_digit(&c->image, columns) * TILE;
    c->y = last_digit(&c->image, rows) * TILE;
}

/* Bit i * SIDE + j: the pixel at (i, j) of a square at (y, x) lies inside of the image. */
INSIDE uint inside_of(index_t y, index_t x, index_t height, index_t width)
{
    uint bits = 0;
#pragma unroll
    for (int k = 0; k < POINTS; k++)
        if ((uindex_t)(y + k / SIDE) < (uindex_t)height && (uindex_t)(x + k % SIDE) < (uindex_t)width)
            bits |= 1u << k;
    return bits;
}

/* A tile's square of a plane whose (y, x) is `at`, transformed to points BLOCK apart. */
INSIDE void bring_pixels(__local real *to, __global const stored *image, index_t at, index_t width, uint inside)
{
    real from[POINTS], made[POINTS];
#pragma unroll
    for (int k = 0; k < POINTS; k++)
        from[k] = inside >> k & 1 ? LOAD(image, at + k / SIDE * width + k % SIDE) : 0;
    pixel_square(made, from);
#pragma unroll
    for (int point = 0; point < POINTS; point++)
        to[point * BLOCK] = made[point];
}

/* A slice's filters, by fours: [channel,point,BLOCK] out of rows of `high`. */
INSIDE void bring_filters(__local real *to, __global const real *from, index_t high, int item)
{
#pragma unroll
    for (int n = 0; n < SLICE / 4 / ITEMS; n++) {
        int four = item + n * ITEMS, line = four / (BLOCK / 4), at = four % (BLOCK / 4) * 4;
        *(__local FOUR *)(to + line * BLOCK + at) = *(__global const FOUR *)(from + line * high + at);
    }
}

/* sum[r * 2 + p] += of a slice, at one point: results first + {0..3}, then half a block further; tiles alike. */
INSIDE void add_products(FOUR *sum, __local const real *filter, __local const real *pixel)
{
    for (int c = 0; c < DEPTH; c++) {
        real f[8];
        FOUR p[2];
        vstore4(*(__local const FOUR *)filter, 0, f);
        vstore4(*(__local const FOUR *)(filter + BLOCK / 2), 1, f);
        p[0] = *(__local const FOUR *)pixel;
        p[1] = *(__local const FOUR *)(pixel + BLOCK / 2);
#pragma unroll
        for (int r = 0; r < 8; r++) {
            sum[r * 2] = fma((FOUR)(f[r]), p[0], sum[r * 2]);
            sum[r * 2 + 1] = fma((FOUR)(f[r]), p[1], sum[r * 2 + 1]);
        }
        filter += POINTS * BLOCK;
        pixel += POINTS * BLOCK;
    }
}

/* An item's sums of the first or the second half of a block's results, to [point,result,tile].  (By select, and not by
 * an index: compilers would give the sums memory.) */
INSIDE void put_products(__local real *to, const FOUR *sum, int second)
{
#pragma unroll
    for (int n = 0; n < 8; n++)
        *(__local FOUR *)(to + n / 2 * BLOCK + n % 2 * (BLOCK / 2)) = select(sum[n], sum[8 + n], (int4)(-second));
}

/* Half a block's products [point,result,tile] to the results of each square, which take the first points' places. */
INSIDE void make_results(__local real *products, int item)
{
    for (int square = item; square < BLOCK / 2 * BLOCK; square += ITEMS) {
        real from[POINTS], made[TILE * TILE];
#pragma unroll
        for (int point = 0; point < POINTS; point++)
            from[point] = products[point * (BLOCK / 2 * BLOCK) + square];
        result_square(made, from);
#pragma unroll
        for (int k = 0; k < TILE * TILE; k++)
            products[k * (BLOCK / 2 * BLOCK) + square] = made[k];
    }
}

__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1)))
void fused(__global const stored *image, ulong image_first, __global const real *filters, ulong filters_first,
           BIAS_PARAMS long groups, long channels_, long deep, long results_, long high_, long tiles_, long rows,
           long columns, long height, long width, long top, long left, long out_height, long out_width, RESULT_PARAMS)
{
    __local real memory[2 * SLICE] __attribute__((aligned(16)));
    __local real *const pixel_slice = memory, *const filter_slice = memory + SLICE;
    index_t channels = channels_, results = results_, high = high_, tiles = tiles_;
    int item = get_local_id(0), point = item / 16, four_results = item / 4 % 4 * 4, four_tiles = item % 4 * 4;

    index_t g = get_group_id(0), first_result = last_digit(&g, high / BLOCK) * BLOCK;
    index_t first_tile = last_digit(&g, (tiles + BLOCK - 1) / BLOCK) * BLOCK;
    struct corner corner;
    image += image_first;
    filters += filters_first + g * (deep * POINTS * high) + first_result;
    RESULT_START(c_first);
    BIAS_START(g * results);

    /* An item's tile and channel of a slice. */
    index_t tile = first_tile + item % BLOCK, channel = item / BLOCK, plane = height * width;
    find_corner(&corner, min(tile, tiles - 1), rows, columns);
    corner.y += top;
    corner.x += left;
    uint inside = tile < tiles ? inside_of(corner.y, corner.x, height, width) : 0;
    index_t at = ((corner.image * groups + g) * channels + channel) * plane + corner.y * width + corner.x;

    FOUR sum[16] = {0};
    for (index_t slice = 0; slice < channels; slice += DEPTH) {
        barrier(CLK_LOCAL_MEM_FENCE);
        bring_pixels(pixel_slice + (item / BLOCK * POINTS) * BLOCK + item % BLOCK, image, at, width,
                     slice + channel < channels ? inside : 0);
        bring_filters(filter_slice, filters, high, item);
        barrier(CLK_LOCAL_MEM_FENCE);
        add_products(sum, filter_slice + point * BLOCK + four_results, pixel_slice + point * BLOCK + four_tiles);
        at += DEPTH * plane;
        filters += DEPTH * POINTS * high;
    }

    /* Neighbouring items store neighbouring pixels: two of each tile in a line. */
    int x = item % (BLOCK * TILE);
    index_t own_tile = first_tile + x / TILE;
    find_corner(&corner, min(own_tile, tiles - 1), rows, columns);
    corner.x += x % TILE;
    int is_there = own_tile < tiles && corner.x < out_width;
    index_t to = ((corner.image * groups + g) * results) * out_height * out_width + corner.x;
    for (int second = 0; second < 2; second++) {
        barrier(CLK_LOCAL_MEM_FENCE);
        put_products(memory + (point * (BLOCK / 2) + four_results) * BLOCK + four_tiles, sum, second);
        barrier(CLK_LOCAL_MEM_FENCE);
        make_results(memory, item);
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int line = item / (BLOCK * TILE); line < BLOCK / 2 * TILE; line += ITEMS / (BLOCK * TILE)) {
            index_t row = first_result + second * (BLOCK / 2) + line / TILE, y = corner.y + line % TILE;
            int k = line % TILE * TILE + x % TILE;
            real value = memory[(k * (BLOCK / 2) + line / TILE) * BLOCK + x / TILE];
            if (is_there && row < results && y < out_height)
                RESULT(to + (row * out_height + y) * out_width, WITH_BIAS(value, row));
        }
    }
}
