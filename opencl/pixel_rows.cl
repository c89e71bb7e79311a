/* pixel_rows.cl - LANES neighbours in a row of pixels, for the kernels that convolve planes.  No kernel is defined
 * here. */
#include "lanes.cl"

/* row[x], row[x + step] ..; 0 outside of 0 .. width - 1. */
static inline lanes load_row(__global const stored *row, index_t x, index_t step, index_t width)
{
    real line[LANES];

    if (LANES > 1 && step == 1 && x >= 0 && x + LANES <= width) /* so that it is one load */
        for (int j = 0; j < LANES; j++)
            line[j] = LOAD(row, x + j);
    else
        for (int j = 0; j < LANES; j++)
            line[j] = (uindex_t)(x + j * step) < (uindex_t)width ? LOAD(row, x + j * step) : 0;
    return LANES_LOAD(line);
}
