/* depthwise_weight.cl - the gradient of the weights of a convolution whose groups have one input channel:
 * dw[o,p,q] = sum over batch and pixels of dz[b,o,y,x] x[b, o / multiplier, y stride_y - padding_y + p dilation_y, ..]
 *
 * Layout: all operands contiguous (NCHW); dw as [out,taps].
 * Work-groups: GROUP items; group (o + out * (block + blocks * split)) sums TAPS taps from block * TAPS on over `each`
 * images.  An item takes LANES neighbours of a row at a time, neighbouring items neighbouring ones. */
#include "group_sum.cl"
#include "pixel_rows.cl"

/* From the host: GROUP, a power of two; TAPS; LANES; IN_PARTS: more than one split, w is the workspace
 * [split,out,taps]. */

#ifdef IN_PARTS
typedef real sum_t;
#define STORE_SUM(p, i, value) ((p)[i] = (value))
#else
typedef stored sum_t;
#define STORE_SUM STORE
#endif

__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1)))
void depthwise_weight(__global const stored *image, ulong image_first, __global const stored *flow, ulong flow_first,
                      __global sum_t *w, ulong w_first, long batch, long out_, long multiplier, long image_height_,
                      long image_width_, long height_, long width_, long kh, long kw, long stride_y_, long stride_x_,
                      long padding_y, long padding_x, long dilation_y, long dilation_x, long blocks, long each)
{
    __local real lane[GROUP];
    index_t out = out_, image_height = image_height_, image_width = image_width_, height = height_, width = width_;
    index_t stride_y = stride_y_, stride_x = stride_x_, taps = kh * kw;
    index_t split = get_group_id(0), o = last_digit(&split, out), tap = last_digit(&split, (index_t)blocks) * TAPS;
    index_t first = split * each, last = min(first + (index_t)each, (index_t)batch);
    index_t channels = out / (index_t)multiplier, channel = o / (index_t)multiplier;
    index_t across = (width + LANES - 1) / LANES;
    int id = get_local_id(0);
    index_t tap_y[TAPS], tap_x[TAPS];
    lanes sum[TAPS];

    image += image_first;
    flow += flow_first;
#pragma unroll
    for (int t = 0; t < TAPS; t++) {
        index_t p = tap + t, q = last_digit(&p, (index_t)kw);
        tap_y[t] = p * dilation_y - padding_y;
        tap_x[t] = q * dilation_x - padding_x;
        sum[t] = 0;
    }

    for (index_t b = first; b < last; b++) {
        __global const stored *from = image + (b * channels + channel) * image_height * image_width;
        __global const stored *flows = flow + (b * out + o) * height * width;
        for (index_t i = id; i < height * across; i += GROUP) {
            index_t y = i, x = last_digit(&y, across) * LANES;
            lanes dz = load_row(flows + y * width, x, 1, width);
#pragma unroll
            for (int t = 0; t < TAPS; t++) {
                index_t from_y = y * stride_y + tap_y[t];
                if ((uindex_t)from_y < (uindex_t)image_height)
                    sum[t] = fma(dz,
                                 load_row(from + from_y * image_width, x * stride_x + tap_x[t], stride_x,
                                          image_width),
                                 sum[t]);
            }
        }
    }

#pragma unroll
    for (int t = 0; t < TAPS; t++) {
        real line[LANES], part = 0;
        LANES_STORE(sum[t], line);
        for (int j = 0; j < LANES; j++)
            part += line[j];
        part = group_sum(lane, id, part);
        if (id == 0 && tap + t < taps)
            STORE_SUM(w, w_first + (ulong)((split * out + o) * taps + tap + t), part);
    }
}
