/* avg_pool2d.cl - means of 2-d windows, and the way back.
 *
 * Planes [height,width] of x and [out_height,out_width] of z lie one after the other without gaps.  size 0: windows
 * from floor(i in / out) to ceil((i + 1) in / out).  One work-item per element written; any work size. */

/* What window i of an axis covers: from .. to-1, counted as the third. */
static inline int4 window(int i, int in, int out, int size, int stride, int padding, int count_padding)
{
    if (size == 0) {
        int from = (int)((long)i * in / out), to = (int)(((long)(i + 1) * in + out - 1) / out);
        return (int4)(from, to, to - from, 0);
    }
    int from = i * stride - padding, to = from + size, padded = min(to, in + padding) - from;
    from = max(from, 0);
    to = min(to, in);
    return (int4)(from, to, count_padding ? padded : to - from, 0);
}

/* The first and the last window that pixel p of an axis is in; none if the last is before the first. */
static inline int2 windows(int p, int in, int out, int size, int stride, int padding)
{
    if (size == 0)
        return (int2)((int)((long)p * out / in), (int)(((long)(p + 1) * out + in - 1) / in) - 1);
    p += padding;
    return (int2)(p < size ? 0 : (p - size) / stride + 1, min(p / stride, out - 1));
}

__kernel void avg_pool2d(long n, __global const stored *x, ulong x0, __global stored *z, ulong z0, int height,
                         int width, int out_height, int out_width, int size_h, int size_w, int stride_h, int stride_w,
                         int padding_h, int padding_w, int count_padding)
{
    x += x0;
    z += z0;
    GRID(i, n)
    {
        index_t row = i / out_width, k = row / out_height;
        __global const stored *plane = x + k * height * width;
        int4 rows = window((int)(row - k * out_height), height, out_height, size_h, stride_h, padding_h, count_padding);
        int4 columns = window((int)(i - row * out_width), width, out_width, size_w, stride_w, padding_w, count_padding);
        real sum = 0;
        for (int y = rows.x; y < rows.y; y++) {
            real part = 0;
            for (int c = columns.x; c < columns.y; c++)
                part += LOAD(plane, y * width + c);
            sum += part;
        }
        STORE(z, i, sum / ((real)rows.z * (real)columns.z));
    }
}

__kernel void avg_pool2d_backward(long n, __global const stored *dz, ulong dz0, __global stored *dx, ulong dx0,
                                  int height, int width, int out_height, int out_width, int size_h, int size_w,
                                  int stride_h, int stride_w, int padding_h, int padding_w, int count_padding)
{
    dz += dz0;
    dx += dx0;
    GRID(i, n)
    {
        index_t k = i / (height * width);
        int at = (int)(i - k * height * width), y = at / width;
        __global const stored *plane = dz + k * out_height * out_width;
        int2 rows = windows(y, height, out_height, size_h, stride_h, padding_h);
        int2 columns = windows(at - y * width, width, out_width, size_w, stride_w, padding_w);
        real sum = 0;
        for (int r = rows.x; r <= rows.y; r++) {
            real count = (real)window(r, height, out_height, size_h, stride_h, padding_h, count_padding).z;
            for (int s = columns.x; s <= columns.y; s++)
                sum += LOAD(plane, r * out_width + s) /
                       (count * (real)window(s, width, out_width, size_w, stride_w, padding_w, count_padding).z);
        }
        STORE(dx, i, sum);
    }
}
