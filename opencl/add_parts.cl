/* add_parts.cl - what work-groups have summed in parts: z[e] = the sum of parts [split,n], in the order of the splits.
 * Layout: contiguous.  Any work size. */
#include "finish.cl"
#include "parts.cl"

__kernel void add_parts(__global const real *parts, ulong parts_first, __global stored *z, ulong z_first, long n,
                        long splits)
{
    parts += parts_first;
    z += z_first;

    GRID(e, n)
        STORE(z, e, sum_of_parts(parts, e, (index_t)n, splits));
}
