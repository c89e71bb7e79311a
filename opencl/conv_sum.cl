/* conv_sum.cl - what split convolutions end with.  Options: BIAS, ROW_SUMS as the product's.  A chain may take up
 * what is finished (finish.cl). */

#include "bias.cl"
#include "finish.cl"
#include "parts.cl"

/* C = the sum of `splits` products in their order, and the bias, from the workspace [split, total]; element e's channel
 * is e / pixels % channels.  The row sums are added likewise, from behind it: [split, channels].  Any work size. */
__kernel void conv_sum(__global const real *parts, ulong parts_first,
                       BIAS_PARAMS
#ifdef ROW_SUMS
                       __global stored *row_sums, ulong row_sums_first,
#endif
                       long total, long splits, long pixels, long channels, RESULT_PARAMS)
{
    parts += parts_first;
    RESULT_START(c_first);
    BIAS_START(0);

    GRID(e, total) {
        real sum = sum_of_parts(parts, e, (index_t)total, splits);
        index_t plane = e / (index_t)pixels;
        RESULT(e, WITH_BIAS(sum, last_digit(&plane, (index_t)channels)));
    }
#ifdef ROW_SUMS
    parts += splits * total;
    GRID(r, channels)
        STORE(row_sums, row_sums_first + (ulong)r, sum_of_parts(parts, r, (index_t)channels, splits));
#endif
}
