/* slice.cl - the gradient of a slice: dx = zeros with dz at start, start + step, ... of one axis.
 *
 * dz [outer, count, inner] and dx [outer, size, inner] are contiguous; an item makes elements of dx. */

__kernel void slice_backward(__global const stored *dz, ulong dz_first, __global stored *dx, ulong dx_first, long items,
                             long start, long count, long step, long size, long inner)
{
    dz += dz_first;
    dx += dx_first;
    GRID(i, (index_t)items) {
        index_t rest = i / (index_t)inner, c = i - rest * (index_t)inner;
        index_t plane = rest / (index_t)size, at = rest - plane * (index_t)size - (index_t)start;
        index_t row = at / (index_t)step;

        if (at >= 0 && row * (index_t)step == at && row < (index_t)count)
            dx[i] = dz[(plane * (index_t)count + row) * (index_t)inner + c];
        else
            dx[i] = 0;
    }
}
