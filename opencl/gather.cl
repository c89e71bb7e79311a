/* gather.cl - elements picked along the middle axis by indices.
 *
 * x [outer, size, inner], z [outer, count, inner], contiguous; stored is an integer as wide as an element.  The index,
 * of dtype INDEX, lies as z, or is a list [count]: `list`.  n: z's elements.  Grid-stride. */

typedef TYPE(INDEX) position_t;

__kernel void gather(__global long *word, long serial, __global const position_t *index, ulong index_first,
                     __global const stored *x, ulong x_first, __global stored *z, ulong z_first, long n, long size,
                     long count, long inner, long list)
{
    index += index_first;
    x += x_first;
    z += z_first;
    GRID(i, n) {
        index_t rest = i / (index_t)inner, c = i - rest * (index_t)inner;
        index_t plane = rest / (index_t)count, at = list ? rest - plane * (index_t)count : i;
        long k = index[at];

        if (k >= 0 && k < size) {
            z[i] = x[(plane * (index_t)size + (index_t)k) * (index_t)inner + c];
            continue;
        }
        z[i] = 0;
        if (!list || i == at * (index_t)inner)
            report(word, serial, at, k);
    }
}
