/* conv_product.c - convolutions as matrix products whose right side is gathered from an image: forward, input and
 * weight gradient as arguments of kernels like opencl/conv.cl's, splits and their sum (opencl/conv_sum.cl). */
#include "device/opencl/conv_product.h"

#include "device/opencl/calls.h"

/* Sizes of one group, and in planes. */
struct sizes {
    int64_t in, out, taps, image, pixels;
};

static struct sizes sizes_of(const struct conv *p)
{
    return (struct sizes){p->in / p->groups, p->out / p->groups, p->kh * p->kw, p->height * p->width,
                          p->out_height * p->out_width};
}

/* The pixels of z, as places in x. */
static struct conv_axis pixels_of(const struct conv *p, const struct sizes *s)
{
    return (struct conv_axis){s->pixels,     p->out_width,  p->in * s->image, p->out * s->pixels,
                              -p->padding_h, -p->padding_w, p->stride_h,      p->stride_w};
}

/* The taps of the weights, as distances in x; `other` counts weights. */
static struct conv_axis taps_of(const struct conv *p, const struct sizes *s)
{
    return (struct conv_axis){s->taps, p->kw, s->image, s->taps, 0, 0, p->dilation_h, p->dilation_w};
}

static struct conv_product forward(const struct conv *p, const struct sizes *s)
{
    struct conv_product q = {.a = &p->w, .image = &p->x, .c = &p->z};

    q.m = s->out;
    q.n = p->batch * s->pixels;
    q.depth = s->in * s->taps;
    q.a_row = q.depth;
    q.a_group = q.m * q.depth;
    q.image_group = s->in * s->image;
    q.c_row = s->pixels;
    q.c_group = s->out * s->pixels;
    q.height = p->height;
    q.width = p->width;
    q.total = p->batch * p->out * s->pixels;
    q.column = pixels_of(p, s);
    q.along = taps_of(p, s);
    return q;
}

/* dx[c, y] = sum_{o,t} w[o,c,t] dz[o, (y + padding - t dilation) / stride], where that divides. */
static struct conv_product input_gradient(const struct conv *p, const struct sizes *s)
{
    struct conv_product q = {.a = &p->w, .image = &p->z, .c = &p->x};

    q.m = s->in;
    q.n = p->batch * s->image;
    q.depth = s->out * s->taps;
    q.a_row = s->taps;
    q.a_group = s->out * s->in * s->taps;
    q.image_group = s->out * s->pixels;
    q.c_row = s->image;
    q.c_group = s->in * s->image;
    q.height = p->out_height;
    q.width = p->out_width;
    q.total = p->batch * p->in * s->image;
    q.strided = p->stride_h != 1 || p->stride_w != 1;
    q.column = (struct conv_axis){
        s->image, p->width, p->out * s->pixels, p->in * s->image, p->padding_h, p->padding_w, 1, 1};
    q.along =
        (struct conv_axis){s->taps, p->kw, s->pixels, s->in * s->taps, 0, 0, -p->dilation_h, -p->dilation_w};
    return q;
}

static struct conv_product weight_gradient(const struct conv *p, const struct sizes *s)
{
    struct conv_product q = {.a = &p->z, .image = &p->x, .c = &p->w};

    q.m = s->out;
    q.n = s->in * s->taps;
    q.depth = p->batch * s->pixels;
    q.a_row = s->pixels;
    q.a_group = s->out * s->pixels;
    q.image_group = s->in * s->image;
    q.c_row = q.n;
    q.c_group = q.m * q.n;
    q.height = p->height;
    q.width = p->width;
    q.total = p->out * q.n;
    q.deep = 1;
    q.column = taps_of(p, s);
    q.along = pixels_of(p, s);
    return q;
}

int conv_product_wide(const struct conv *p, const struct conv_product *q)
{
    const struct sizes all = sizes_of(p), *s = &all;
    const int64_t limit = (int64_t)1 << 31, edge = 128;
    const int64_t sizes[] = {
        p->batch * p->in * s->image,
        p->batch * p->out * s->pixels,
        p->out * s->in * s->taps,
        q->n + edge,
        q->depth + q->tiling.chunk + edge,
        q->total * q->tiling.splits,
        4 * (p->height + p->out_height * p->stride_h + p->padding_h + p->kh * p->dilation_h),
        4 * (p->width + p->out_width * p->stride_w + p->padding_w + p->kw * p->dilation_w),
    };

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        if (sizes[i] >= limit)
            return 1;
    return 0;
}

struct conv_product conv_product_of(const struct conv *p)
{
    static struct conv_product (*const kinds[])(const struct conv *, const struct sizes *) = {
        [CONV_FORWARD] = forward,
        [CONV_INPUT] = input_gradient,
        [CONV_WEIGHT] = weight_gradient,
    };
    struct sizes s = sizes_of(p);

    return kinds[p->kind](p, &s);
}

size_t conv_product_workspace(const struct conv *p, const struct conv_product *q)
{
    if (q->tiling.splits == 1)
        return 0;
    return (size_t)(q->tiling.splits * (q->total + (p->db ? p->out : 0))) * gradc_dtype_size(real_of(p->dtype));
}

static void add_bias(struct kernel_call *k, const struct conv *p)
{
    if (p->kind != CONV_FORWARD || !p->bias)
        return;
    kernel_option(k, "-DBIAS");
    add_view(k, p->bias);
}

static void add_row_sums(struct kernel_call *k, const struct view *sums)
{
    if (!sums)
        return;
    kernel_option(k, "-DROW_SUMS");
    add_view(k, sums);
}

static void add_axis(struct kernel_call *k, const struct conv_axis *axis)
{
    kernel_i64(k, axis->area);
    kernel_i64(k, axis->width);
    kernel_i64(k, axis->image);
    kernel_i64(k, axis->other);
    kernel_i64(k, axis->y);
    kernel_i64(k, axis->x);
    kernel_i64(k, axis->step_y);
    kernel_i64(k, axis->step_x);
}

static gradc_status call_product(struct device *d, const struct conv *p, const struct conv_product *q,
                                 const struct view *c, int prepare, struct failure *f)
{
    const struct tiling *t = &q->tiling;
    const int64_t integers[] = {q->m,     q->n,       q->depth,       t->chunk,    p->groups,
                                q->a_row, q->a_group, q->image_group, q->c_row,    q->c_group,
                                q->total, q->height,  q->width,       p->stride_h, p->stride_w};
    const int whole = t->splits == 1; /* else c is the workspace, the row sums' parts behind */
    const struct epilogue *e = whole ? p->epilogue : NULL;
    struct view sums = whole && p->db ? *p->db : *c, flat = opencl_flat(c);
    struct kernel_call k;

    if (!whole)
        sums.layout.offset += t->splits * q->total;
    kernel_start(&k, q->source, q->source, p->dtype);
    k.wide = q->wide;
    kernel_option(&k, "%s%s", q->options, whole ? "" : " -DPARTS");
    add_view(&k, q->a);
    add_view(&k, q->image);
    if (whole)
        add_bias(&k, p);
    add_row_sums(&k, p->db ? &sums : NULL);
    add_integers(&k, integers, sizeof integers / sizeof integers[0]);
    add_axis(&k, &q->column);
    add_axis(&k, &q->along);
    kernel_result(&k, e, &flat, 0);
    kernel_groups(&k, 2, (const size_t[]){(size_t)(t->across * t->down * p->groups * t->splits), 1}, q->local);
    return opencl_submit(d, &k, prepare, f);
}

static gradc_status call_sum(struct device *d, const struct conv *p, const struct conv_product *q,
                             const struct view *part, int prepare, struct failure *f)
{
    struct view flat = opencl_flat(q->c);
    struct kernel_call k;

    kernel_start(&k, "conv_sum", "conv_sum", p->dtype);
    k.wide = q->wide;
    add_view(&k, part);
    add_bias(&k, p);
    add_row_sums(&k, p->db);
    kernel_i64(&k, q->total);
    kernel_i64(&k, q->tiling.splits);
    kernel_i64(&k, p->out_height * p->out_width);
    kernel_i64(&k, p->out);
    kernel_result(&k, p->epilogue, &flat, 0);
    kernel_range(&k, q->total);
    return opencl_submit(d, &k, prepare, f);
}

gradc_status conv_product_run(struct device *d, const struct conv *p, const struct conv_product *q,
                              int prepare, struct failure *f)
{
    struct view part = {.at = p->workspace, .dtype = real_of(p->dtype)};

    if (q->tiling.splits == 1)
        return call_product(d, p, q, q->c, prepare, f);
    gradc_status status = call_product(d, p, q, &part, prepare, f);
    if (status != GRADC_OK)
        return status;
    return call_sum(d, p, q, &part, prepare, f);
}
