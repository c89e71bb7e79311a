/* conv_direct.c - convolutions on OpenCL as matrix products whose right side is gathered: the options of
 * opencl/conv.cl.  For every convolution. */
#include <string.h>

#include "device/opencl/conv_product.h"
#include "device/opencl/tuning.h"

/* A filter of one tap that moves by one, over no padding: element n of an image's plane belongs to pixel n. */
static int is_pointwise(const struct conv *p)
{
    return p->kh == 1 && p->kw == 1 && p->stride_h == 1 && p->stride_w == 1 && p->padding_h == 0 &&
           p->padding_w == 0;
}

static int is_even(const struct view *v, int64_t n)
{
    return v->layout.offset % 4 == 0 && n % 4 == 0;
}

/* Fours begin at multiples of four elements; a buffer's own start and a place in it are aligned.  Of the weights or dz
 * they go along the depth, of the image along the pixels.  On a processor the compiler makes vectors of its own. */
static void add_fours(struct conv_product *q, const struct conv *p)
{
    const int64_t pixels = p->out_height * p->out_width;

    if (q->tiling.tile->buffers == 1)
        return;
    if (p->kind != CONV_INPUT && is_even(q->a, p->kind == CONV_FORWARD ? q->depth : pixels))
        strcat(q->options, " -DA_DEPTHS=4");
    if (is_pointwise(p) && is_even(q->image, q->height * q->width))
        strcat(q->options, q->deep ? " -DB_DEPTHS=4" : " -DB_LINES=4");
}

static struct conv_product product_of(struct device *d, const struct conv *p)
{
    struct conv_product q = conv_product_of(p);

    q.tiling = opencl_tiling_for(d, tuning_tile_of_conv(d, p), p->dtype, q.m, q.n, q.depth, p->groups);
    q.wide = conv_product_wide(p, &q);
    q.source = "conv";
    opencl_tile_options(q.tiling.tile, q.options, q.local);
    if (q.strided)
        strcat(q.options, " -DSTRIDED");
    if (q.deep)
        strcat(q.options, " -DDEEP");
    if (is_pointwise(p))
        strcat(q.options, " -DPOINTWISE");
    add_fours(&q, p);
    return q;
}

static size_t direct_workspace(struct device *d, const struct conv *p)
{
    const struct conv_product q = product_of(d, p);
    return conv_product_workspace(p, &q);
}

static gradc_status direct_run(struct device *d, const struct conv *p, int prepare, struct failure *f)
{
    const struct conv_product q = product_of(d, p);
    return conv_product_run(d, p, &q, prepare, f);
}

static int direct_applies(const struct device *d, const struct conv *p)
{
    (void)d;
    (void)p;
    return 1;
}

const struct conv_form conv_direct = {"direct",         direct_applies, NULL,
                                      direct_workspace, direct_run,     FORM_TILED};
