/* one_hot.cl - z[i, c] = 1 where c is index[i], else 0.  The index is of dtype INDEX; both contiguous; n: z's elements.
 * Grid-stride. */

__kernel void one_hot(__global long *word, long serial, __global const TYPE(INDEX) *index, ulong index_first,
                      __global real *z, ulong z_first, long n, long classes)
{
    GRID(i, n) {
        index_t at = i / (index_t)classes, c = i - at * (index_t)classes;
        long k = index[index_first + at];

        z[z_first + i] = c == k;
        if (c == 0 && (k < 0 || k >= classes))
            report(word, serial, at, k);
    }
}
