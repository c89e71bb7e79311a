/* winograd_result.cl - Winograd's minimal filtering: results [batch,results,height,width] from the products
 * [point,result,tile] of `tiles` tiles from `first` on, counted as in winograd.cl, and a bias for each channel.
 *
 * Rows of products have `pitch` elements, a multiple of LANES.  Neighbouring items make neighbouring tiles.  Any work
 * size.  A chain may take up what is finished (finish.cl). */
#include "winograd_rules.cl"
#include "finish.cl"

/* From the host: BIAS. */

#ifdef BIAS
#define WITH_BIAS(value, channel) ((value) + LOAD(bias, channel))
#else
#define WITH_BIAS(value, channel) (value)
#endif

__kernel void results(__global const real *from, ulong from_first,
#ifdef BIAS
                      __global const stored *bias, ulong bias_first,
#endif
                      long first, long tiles, long pitch_, long channels, long rows, long columns, long height_,
                      long width_, RESULT_PARAMS)
{
    index_t pitch = pitch_, blocks = (tiles + LANES - 1) / LANES, height = height_, width = width_;
    from += from_first;
    RESULT_START(c_first);
#ifdef BIAS
    bias += bias_first;
#endif

    GRID(n, channels * blocks) {
        lanes products[POINTS], made[TILE * TILE];
        real line[TILE * TILE][LANES];
        index_t channel = n, tile = last_digit(&channel, blocks) * LANES;
        __global const real *row = from + channel * pitch + tile;
#pragma unroll
        for (int point = 0; point < POINTS; point++)
            products[point] = LANES_LOAD(row + point * (index_t)channels * pitch);
        result_square(made, products);
#pragma unroll
        for (int k = 0; k < TILE * TILE; k++)
            LANES_STORE(made[k], line[k]);

        /* An item of a GPU has its results in registers; a processor's loops stay loops, as chains may be long. */
        for (int l = 0; l < LANES; l++) {
            if (tile + l >= tiles)
                break;
            index_t plane = first + tile + l, x = last_digit(&plane, (index_t)columns) * TILE;
            index_t y = last_digit(&plane, (index_t)rows) * TILE;
            index_t at = ((plane * (index_t)channels + channel) * height + y) * width + x;
            int wide = min((index_t)TILE, width - x), high = min((index_t)TILE, height - y);
#if LANES == 1
#pragma unroll
#endif
            for (int k = 0; k < TILE * TILE; k++) {
                int line_y = k / TILE, line_x = k % TILE;
                if (line_y < high && line_x < wide)
                    RESULT(at + line_y * width + line_x, WITH_BIAS(line[k][l], channel));
            }
        }
    }
}
