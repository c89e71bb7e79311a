/* depthwise.cl - convolutions whose groups have one input channel: a filter of any size, stride, dilation and padding
 * for each plane of the result, `multiplier` of them read each plane of the image.  Forward and input gradient; the
 * weights' is depthwise_weight.cl's.
 *
 * z[plane, y, x] = sum over s < sources, p < kh, q < kw of  image[source + s, .., ..] w[filter + s, p, q] + bias
 * at the place (y step_y + top + p tap_y, x step_x + left + q tap_x) of the image, 0 outside.
 *             step     top, left  tap        plane's sources
 *   forward   stride   -padding   dilation   the plane that its channel reads
 *   input     1        padding    -dilation  the planes that read it, one for each of `multiplier` filters
 * With STRIDED (the gradient of a convolution with strides) places count before the stride: what it does not divide
 * has nothing, so an item walks over the taps that it does, `walk_y` and `walk_x` apart.
 * Layout: all operands contiguous (NCHW).  An item makes LANES neighbours of a row in LINES rows; neighbouring items
 * are neighbours in the row.  Each element is one chain of fma.  Any work size. */

/* From the host: LANES (1, 4, 8, 16), LINES (both 1 with STRIDED); BIAS; STRIDED.  A chain may take up what is finished
 * (finish.cl). */
#include "pixel_rows.cl"
#include "bias.cl"
#include "finish.cl"

#define TAPS_PARAMS \
    long kh_, long kw_, long step_y, long step_x, long top, long left, long tap_y_, long tap_x_, long stride_y, \
        long stride_x, long walk_y, long walk_x

#ifdef STRIDED
/* The first of `taps` whose place the stride divides, or `taps`: if there is one, it is among the first `walk`. */
static index_t first_tap(index_t place, index_t tap, index_t taps, index_t stride, index_t walk)
{
    for (index_t p = 0; p < walk && p < taps; p++) {
        index_t at = place + p * tap;
        if (at / stride * stride == at)
            return p;
    }
    return taps;
}
#endif

__kernel void depthwise(__global const stored *image, ulong image_first, __global const stored *w, ulong w_first,
                        BIAS_PARAMS long planes, long channels_, long multiplier, long sources, long image_height_,
                        long image_width_, long height_, long width_, TAPS_PARAMS, RESULT_PARAMS)
{
    index_t channels = channels_, image_height = image_height_, image_width = image_width_, kh = kh_, kw = kw_;
    index_t height = height_, width = width_, tap_y = tap_y_, tap_x = tap_x_;
    index_t across = (width + LANES - 1) / LANES, down = (height + LINES - 1) / LINES;
    image += image_first;
    w += w_first;
    RESULT_START(c_first);
    BIAS_START(0);

    GRID(n, planes * down * across) {
        index_t plane = n, x = last_digit(&plane, across) * LANES, y = last_digit(&plane, down) * LINES;
        index_t number = plane, channel = last_digit(&number, channels); /* of the image in the batch */
        lanes sum[LINES];
#pragma unroll
        for (int l = 0; l < LINES; l++)
            sum[l] = 0;

        for (index_t s = 0; s < sources; s++) {
            /* sources are 1, or the multiplier */
            index_t source = sources == 1 ? plane / (index_t)multiplier : plane * sources + s;
            index_t filter = (sources == 1 ? channel : channel * (index_t)sources + s) * kh * kw;
#ifdef STRIDED
            for (index_t p = first_tap(y + top, tap_y, kh, stride_y, walk_y); p < kh; p += walk_y)
                for (index_t q = first_tap(x + left, tap_x, kw, stride_x, walk_x); q < kw; q += walk_x) {
                    index_t from_y = (y + top + p * tap_y) / (index_t)stride_y;
                    index_t from_x = (x + left + q * tap_x) / (index_t)stride_x;
                    if ((uindex_t)from_y < (uindex_t)image_height && (uindex_t)from_x < (uindex_t)image_width)
                        sum[0] = fma(LOAD(w, filter + p * kw + q),
                                     LOAD(image, (source * image_height + from_y) * image_width + from_x), sum[0]);
                }
#else
            for (index_t p = 0; p < kh; p++)
                for (index_t q = 0; q < kw; q++) {
                    real weight = LOAD(w, filter + p * kw + q);
#pragma unroll
                    for (int l = 0; l < LINES; l++) {
                        index_t from_y = (y + l) * (index_t)step_y + top + p * tap_y;
                        if ((uindex_t)from_y < (uindex_t)image_height)
                            sum[l] = fma((lanes)(weight),
                                         load_row(image + (source * image_height + from_y) * image_width,
                                                  x * (index_t)step_x + left + q * tap_x, step_x, image_width),
                                         sum[l]);
                    }
                }
#endif
        }

#pragma unroll
        for (int l = 0; l < LINES; l++) {
            real line[LANES];
            LANES_STORE(sum[l], line);
            index_t at = (plane * height + y + l) * width + x;
            if (y + l < height)
                for (int j = 0; j < LANES; j++)
                    if (x + j < width)
                        RESULT(at + j, WITH_BIAS(line[j], channel));
        }
    }
}
