/* gemm_sum.cl - what split matrix products end with.  Options: BIAS, ROW_SUMS as the product's.  A chain may take up
 * what is finished (finish.cl). */

#include "finish.cl"
#include "parts.cl"

#ifdef BIAS
#define WITH_BIAS(value, column) ((value) + LOAD(bias, (column) * bias_stride))
#else
#define WITH_BIAS(value, column) (value)
#endif

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
        real sum = sum_of_parts(parts, e, total, splits);
        index_t out = e;
        index_t column = last_digit(&out, (index_t)n), row = last_digit(&out, (index_t)m);
        index_t in = last_digit(&out, (index_t)inner);
        RESULT(out * c_outer + in * c_inner + row * c_row + column, WITH_BIAS(sum, column));
    }
#ifdef ROW_SUMS
    parts += splits * total;
    GRID(r, m)
        STORE(row_sums, row_sums_first + (ulong)r, sum_of_parts(parts, r, (index_t)m, splits));
#endif
}
