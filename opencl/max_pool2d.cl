/* max_pool2d.cl - maxima of 2-d windows, and the two ways between a plane and its windows' maxima.
 *
 * Planes [height,width] of x and [out_height,out_width] of z lie one after the other without gaps.  index holds the
 * position of each window's maximum in its plane of x.  One work-item per element written; any work size.  A
 * chain may take up the elements of dx (finish.cl). */
#include "finish.cl"

/* Element i of z: row-major through the window, the first maximum stays; NaN wins, of several the last. */
__kernel void max_pool2d(long n, __global const stored *x, ulong x0, __global stored *z, ulong z0, __global int *index,
                         ulong index0, int height, int width, int out_height, int out_width, int size_h, int size_w,
                         int stride_h, int stride_w, int padding_h, int padding_w)
{
    x += x0;
    z += z0;
    index += index0;
    GRID(i, n)
    {
        index_t row = i / out_width, k = row / out_height;
        __global const stored *plane = x + k * height * width;
        int top = (int)(row - k * out_height) * stride_h - padding_h;
        int left = (int)(i - row * out_width) * stride_w - padding_w;
        int bottom = min(top + size_h, height), right = min(left + size_w, width);
        top = max(top, 0);
        left = max(left, 0);
        real best = -INFINITY;
        int at = top * width + left;
        for (int y = top; y < bottom; y++)
            for (int c = left; c < right; c++) {
                real v = LOAD(plane, y * width + c);
                if (v > best || v != v) {
                    best = v;
                    at = y * width + c;
                }
            }
        STORE(z, i, best);
        index[i] = at;
    }
}

/* The first of the windows that reach a pixel p places behind the first padded one, and the last, of `out` in all. */
static inline int first_window(int p, int size, int stride)
{
    return p < size ? 0 : (p - size) / stride + 1;
}

static inline int last_window(int p, int stride, int out)
{
    return min(p / stride, out - 1);
}

/* Element i of dx: the dz of every window whose maximum it was, in row-major order. */
__kernel void max_pool2d_backward(long n, __global const stored *dz, ulong dz0, __global const int *index, ulong index0,
                                  int height, int width, int out_height, int out_width, int size_h, int size_w,
                                  int stride_h, int stride_w, int padding_h, int padding_w, RESULT_PARAMS)
{
    dz += dz0;
    index += index0;
    RESULT_START(c_first);
    GRID(i, n)
    {
        index_t k = i / (height * width), plane = k * out_height * out_width;
        int at = (int)(i - k * height * width), row = at / width;
        int y = row + padding_h, left = at - row * width + padding_w;
        int first = first_window(left, size_w, stride_w), last = last_window(left, stride_w, out_width);
        int bottom = last_window(y, stride_h, out_height);
        real sum = R(0);
        for (int r = first_window(y, size_h, stride_h); r <= bottom; r++)
            for (int s = first; s <= last; s++) {
                index_t o = plane + r * out_width + s;
                if (index[o] == at)
                    sum += LOAD(dz, o);
            }
        RESULT(i, sum);
    }
}

/* Element i of z: x where its window's maximum was. */
__kernel void max_pool2d_gather(long n, __global const stored *x, ulong x0, __global const int *index, ulong index0,
                                __global stored *z, ulong z0, int height, int width, int out_height, int out_width,
                                int size_h, int size_w, int stride_h, int stride_w, int padding_h, int padding_w)
{
    x += x0;
    index += index0;
    z += z0;
    GRID(i, n)
        z[i] = x[i / (out_height * out_width) * height * width + index[i]];
}
