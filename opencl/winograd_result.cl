/* winograd_result.cl - Winograd's minimal filtering: results [batch,results,height,width] from the products
 * [point,result,tile] of `tiles` tiles from `first` on, counted as in winograd.cl, and a bias for each channel.
 *
 * Rows of products have `pitch` elements, a multiple of LANES.  Neighbouring items make neighbouring tiles.  With one
 * lane work-groups have GROUP items; any number of groups.  A chain may take up what is finished (finish.cl). */
#include "winograd_rules.cl"
#include "bias.cl"
#include "finish.cl"

/* From the host: BIAS; GROUP. */

/* Where a tile's results lie, and how many of its lines and columns are inside of the image. */
struct tile_place {
    index_t at;
    int wide, high;
};

/* By pointer: Oclgrind can't run what LLVM makes of a function that returns a struct and is inlined. */
INSIDE void find_place(struct tile_place *p, index_t tile, index_t channel, index_t channels, index_t rows,
                       index_t columns, index_t height, index_t width)
{
    index_t plane = tile, x = last_digit(&plane, columns) * TILE, y = last_digit(&plane, rows) * TILE;
    p->at = ((plane * channels + channel) * height + y) * width + x;
    p->wide = min((index_t)TILE, width - x);
    p->high = min((index_t)TILE, height - y);
}

INSIDE void make_results(lanes *made, __global const real *row, index_t step)
{
    lanes products[POINTS];
    load_points(products, row, step);
    result_square(made, products);
}

#if LANES == 1

/* Neighbouring items have neighbouring tiles, and store neighbouring pixels: lines of tiles go from one to the other
 * through local memory, `across` of a group side by side. */
#define ACROSS (GROUP * TILE)
#define TILE_LINE REALS(TILE)
#if TILE == 2
#define LINE_OF(x) ((TILE_LINE)((x)[0], (x)[1]))
#else
#define LINE_OF(x) ((TILE_LINE)((x)[0], (x)[1], (x)[2], (x)[3]))
#endif

__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1)))
void results(__global const real *from, ulong from_first, BIAS_PARAMS long first, long tiles, long pitch_,
             long channels, long rows, long columns, long height, long width, RESULT_PARAMS)
{
    __local real lines[TILE * ACROSS] __attribute__((aligned(32)));
    __local struct tile_place places[GROUP];
    index_t pitch = pitch_, all = channels * tiles;
    int id = get_local_id(0);
    from += from_first;
    RESULT_START(c_first);
    BIAS_START(0);

    for (index_t start = get_group_id(0) * GROUP; start < all;
         start += min(all - start, (index_t)get_global_size(0))) {
        struct tile_place own = {0, 0, 0};
        if (start + id < all) {
            real made[TILE * TILE];
            index_t channel = start + id, tile = last_digit(&channel, (index_t)tiles);
            make_results(made, from + channel * pitch + tile, (index_t)channels * pitch);
            find_place(&own, first + tile, channel, channels, rows, columns, height, width);
#pragma unroll
            for (int k = 0; k < TILE * TILE; k++)
                made[k] = WITH_BIAS(made[k], channel);
#pragma unroll
            for (int y = 0; y < TILE; y++)
                *(__local TILE_LINE *)(lines + y * ACROSS + id * TILE) = LINE_OF(made + y * TILE);
        }
        places[id] = own;
        barrier(CLK_LOCAL_MEM_FENCE);
        for (int piece = id; piece < ACROSS; piece += GROUP) {
            struct tile_place to = places[piece / TILE];
            int x = piece % TILE;
            for (int y = 0; y < TILE; y++)
                if (x < to.wide && y < to.high)
                    RESULT(to.at + y * (index_t)width + x, lines[y * ACROSS + piece]);
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
}

#else

__kernel void results(__global const real *from, ulong from_first, BIAS_PARAMS long first, long tiles, long pitch_,
                      long channels, long rows, long columns, long height, long width, RESULT_PARAMS)
{
    index_t pitch = pitch_, blocks = (tiles + LANES - 1) / LANES;
    from += from_first;
    RESULT_START(c_first);
    BIAS_START(0);

    GRID(n, channels * blocks) {
        lanes made[TILE * TILE];
        real line[TILE * TILE][LANES];
        index_t channel = n, tile = last_digit(&channel, blocks) * LANES;
        make_results(made, from + channel * pitch + tile, (index_t)channels * pitch);
#pragma unroll
        for (int k = 0; k < TILE * TILE; k++)
            LANES_STORE(made[k], line[k]);

        /* Loops stay loops, as chains may be long. */
        for (int l = 0; l < LANES; l++) {
            if (tile + l >= tiles)
                break;
            struct tile_place to;
            find_place(&to, first + tile + l, channel, channels, rows, columns, height, width);
            for (int k = 0; k < TILE * TILE; k++)
                if (k / TILE < to.high && k % TILE < to.wide)
                    RESULT(to.at + k / TILE * (index_t)width + k % TILE, WITH_BIAS(line[k][l], channel));
        }
    }
}

#endif
