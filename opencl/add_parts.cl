/* add_parts.cl - what work-groups have summed in parts: z[e] = the sum of part [split,n], in the order of the splits.
 * Layout: contiguous.  Any work size. */
__kernel void add_parts(__global const real *part, ulong part_first, __global stored *z, ulong z_first, long n,
                        long splits)
{
    part += part_first;
    z += z_first;

    GRID(e, n) {
        real sum = part[e];
        for (index_t s = 1; s < splits; s++)
            sum += part[s * n + e];
        STORE(z, e, sum);
    }
}
