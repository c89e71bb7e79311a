/* winograd.cl - Winograd's minimal filtering for 3x3 filters that move by 1: what goes into the products and, of the
 * weights' gradient, what comes out.  (Results are winograd_result.cl's; why it is right stands in winograd_rules.cl.)
 *
 * The tiles of all images are counted row-major, (image, row, column); a call works on `tiles` of them from `first` on.
 *   pixels   x [batch,channels,height,width]  -> [point,channel,tile]    SIDE x SIDE pixels of each tile
 *   flows    dz [batch,out,height,width]      -> [point,out,tile]        TILE x TILE of them
 *   filters  w [out,in,3,3]                   -> [point,out,in]
 *   weights  [point,out,in]                   -> dw [out,in,3,3]
 * Rows of the transformed side have `pitch` elements, at least as many as they hold and a multiple of LANES; what lies
 * behind is made 0.  Neighbouring items work on neighbouring tiles or inputs.  Any work size. */
#include "winograd_rules.cl"

/* from[i * SIDE + j] = the pixel at (i, j) of each lane's tile for i, j < reach, 0 outside of the image.  (The loops
 * have constant ends: compilers unroll them before they inline this, and arrays stay in registers.) */
INSIDE void load_tiles(lanes *from, int reach, __global const stored *image, index_t channel, index_t channels,
                       index_t tile, index_t last, index_t rows, index_t columns, index_t height, index_t width,
                       index_t top, index_t left)
{
    real line[POINTS][LANES];
#pragma unroll
    for (int l = 0; l < LANES; l++) {
        index_t plane = tile + l, column = last_digit(&plane, columns), row = last_digit(&plane, rows);
        index_t y = row * TILE + top, x = column * TILE + left;
        int is_tile = tile + l < last;
        plane = (plane * channels + channel) * height;
#pragma unroll
        for (int i = 0; i < SIDE; i++) {
            int is_line = i < reach && is_tile && (uindex_t)(y + i) < (uindex_t)height;
            index_t at = (plane + y + i) * width + x;
#pragma unroll
            for (int j = 0; j < SIDE; j++) {
                int is_pixel = j < reach && is_line && (uindex_t)(x + j) < (uindex_t)width;
                line[i * SIDE + j][l] = is_pixel ? LOAD(image, at + j) : 0;
            }
        }
    }
#pragma unroll
    for (int k = 0; k < POINTS; k++)
        from[k] = LANES_LOAD(line[k]);
}

__kernel void pixels(__global const stored *image, ulong image_first, __global real *to, ulong to_first, long first,
                     long tiles, long pitch_, long channels, long rows, long columns, long height, long width,
                     long top, long left)
{
    index_t pitch = pitch_, blocks = (tiles + LANES - 1) / LANES;
    image += image_first;
    to += to_first;

    GRID(i, channels * blocks) {
        lanes from[POINTS], made[POINTS];
        index_t channel = i, at = last_digit(&channel, blocks) * LANES;
        load_tiles(from, SIDE, image, channel, channels, first + at, first + tiles, rows, columns, height, width,
                   top, left);
        pixel_square(made, from);
        __global real *row = to + channel * pitch + at;
#pragma unroll
        for (int point = 0; point < POINTS; point++)
            LANES_STORE(made[point], row + point * (index_t)channels * pitch);
    }
}

__kernel void flows(__global const stored *image, ulong image_first, __global real *to, ulong to_first, long first,
                    long tiles, long pitch_, long channels, long rows, long columns, long height, long width)
{
    index_t pitch = pitch_, blocks = (tiles + LANES - 1) / LANES;
    image += image_first;
    to += to_first;

    GRID(i, channels * blocks) {
        lanes from[POINTS], made[POINTS];
        index_t channel = i, at = last_digit(&channel, blocks) * LANES;
        load_tiles(from, TILE, image, channel, channels, first + at, first + tiles, rows, columns, height, width, 0,
                   0);
        flow_square(made, from);
        __global real *row = to + channel * pitch + at;
#pragma unroll
        for (int point = 0; point < POINTS; point++)
            LANES_STORE(made[point], row + point * (index_t)channels * pitch);
    }
}

/* turned 1: by half a turn, as the gradient of the input takes them. */
__kernel void filters(__global const stored *w, ulong w_first, __global real *to, ulong to_first, long out, long in_,
                      long pitch_, int turned)
{
    index_t in = in_, pitch = pitch_, blocks = (in + LANES - 1) / LANES;
    w += w_first;
    to += to_first;

    GRID(i, out * blocks) {
        lanes from[FILTER * FILTER], made[POINTS];
        real line[FILTER * FILTER][LANES];
        index_t o = i, c = last_digit(&o, blocks) * LANES;
#pragma unroll
        for (int l = 0; l < LANES; l++)
#pragma unroll
            for (int k = 0; k < FILTER * FILTER; k++) {
                int tap = turned ? FILTER * FILTER - 1 - k : k;
                line[k][l] = c + l < in ? LOAD(w, (o * in + c + l) * (FILTER * FILTER) + tap) : 0;
            }
#pragma unroll
        for (int k = 0; k < FILTER * FILTER; k++)
            from[k] = LANES_LOAD(line[k]);
        filter_square(made, from);
        __global real *row = to + o * pitch + c;
#pragma unroll
        for (int point = 0; point < POINTS; point++)
            LANES_STORE(made[point], row + point * (index_t)out * pitch);
    }
}

/* Elements of filters, products of [point,out,in] that stand at `row` and `step` apart. */
INSIDE void make_weights(lanes *made, __global const real *row, index_t step)
{
    lanes products[POINTS];
    load_points(products, row, step);
    weight_square(made, products);
}

/* Of several parts of the tiles, each but the last adds to sums [out,in,3,3], the first makes them. */
INSIDE void add_weight(__global real *sums, __global stored *w, index_t at, real value, int is_first, int is_last)
{
    real sum = is_first ? value : sums[at] + value;
    if (is_last)
        STORE(w, at, sum);
    else
        sums[at] = sum;
}

#if LANES == 1

/* Neighbouring items have neighbouring filters, and store neighbouring elements: a group's filters, which lie side by
 * side, go from one to the other through local memory. */
__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1)))
void weights(__global const real *from, ulong from_first, __global real *sums, ulong sums_first, __global stored *w,
             ulong w_first, long out, long in_, long pitch_, int is_first, int is_last)
{
    __local real elements[GROUP * FILTER * FILTER];
    index_t in = in_, pitch = pitch_, all = out * in;
    int id = get_local_id(0);
    from += from_first;
    sums += sums_first;
    w += w_first;

    for (index_t start = get_group_id(0) * GROUP; start < all;
         start += min(all - start, (index_t)get_global_size(0))) {
        index_t o = start + id, filters = min(all - start, (index_t)GROUP);
        if (id < filters) {
            real made[FILTER * FILTER];
            index_t c = last_digit(&o, in);
            make_weights(made, from + o * pitch + c, (index_t)out * pitch);
#pragma unroll
            for (int k = 0; k < FILTER * FILTER; k++)
                elements[id * (FILTER * FILTER) + k] = made[k];
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int k = id; k < filters * (FILTER * FILTER); k += GROUP)
            add_weight(sums, w, start * (FILTER * FILTER) + k, elements[k], is_first, is_last);
        barrier(CLK_LOCAL_MEM_FENCE);
    }
}

#else

__kernel void weights(__global const real *from, ulong from_first, __global real *sums, ulong sums_first,
                      __global stored *w, ulong w_first, long out, long in_, long pitch_, int is_first, int is_last)
{
    index_t in = in_, pitch = pitch_, blocks = (in + LANES - 1) / LANES;
    from += from_first;
    sums += sums_first;
    w += w_first;

    GRID(i, out * blocks) {
        lanes made[FILTER * FILTER];
        index_t o = i, c = last_digit(&o, blocks) * LANES;
        make_weights(made, from + o * pitch + c, (index_t)out * pitch);
#pragma unroll
        for (int k = 0; k < FILTER * FILTER; k++) {
            real line[LANES];
            LANES_STORE(made[k], line);
#pragma unroll
            for (int l = 0; l < LANES; l++)
                if (c + l < in)
                    add_weight(sums, w, (o * in + c + l) * (FILTER * FILTER) + k, line[l], is_first, is_last);
        }
    }
}

#endif
