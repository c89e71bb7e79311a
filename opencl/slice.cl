/* slice.cl - the gradient of a slice: dx = zeros with dz at start, start + step, ... of one axis.
 *
 * dz [outer, count, inner] and dx [outer, size, inner] are contiguous; an item makes elements of dx. */

__kernel void slice_backward(__global const real *dz, ulong dz_first, __global real *dx, ulong dx_first, long items,
                             long start, long count, long step, long size, long inner)
{
    dz += dz_first;
    dx += dx_first;
    GRID(i, (index_t)items) {
        index_t c = i % (index_t)inner, rest = i / (index_t)inner;
        index_t at = rest % (index_t)size - (index_t)start, plane = rest / (index_t)size;
        index_t row = at / (index_t)step;

        if (at >= 0 && at % (index_t)step == 0 && row < (index_t)count)
            dx[i] = dz[(plane * (index_t)count + row) * (index_t)inner + c];
        else
            dx[i] = 0;
    }
}
