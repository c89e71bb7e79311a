/* conv_depthwise.c - convolutions on OpenCL whose groups have one input channel: the calls of opencl/depthwise.cl and
 * depthwise_weight.cl.  They are bound by memory, so there is no matrix product in them. */
#include "device/opencl/calls.h"

enum {
    /* Of a channel.  With 16 a matrix product takes as long; with 8, on PoCL, 32 channels of 56x56 and batch 4, 12.0 ms
     * forward and it 32.2, 8.4 and 93.6 for the input's gradient, 7.8 and 18.8 for the weights'. */
    MOST_FILTERS = 8,
    GPU_LINES = 4, /* that an item makes a pixel of */
    CPU_LANES = 8, /* pixels of a line in an item */
    GPU_GROUP = 128,
    CPU_GROUP = 4,
    TAPS = 9,     /* of the weights' gradient that a group sums, */
    FEW_TAPS = 4, /* or of a filter that has no more */
    ENOUGH = 4    /* groups of it for each of the device's units */
};

/* Whether an int does not hold every element's number and every place that a filter or a last item reaches. */
static int is_wide(const struct conv *p)
{
    const double limit = (double)((int64_t)1 << 31), rim = 8;
    const double high = (double)(p->height + 2 * p->padding_h) + rim * (double)p->stride_h;
    const double wide = (double)(p->width + 2 * p->padding_w) + rim * (double)p->stride_w;
    const double reach = (double)p->kh * (double)p->dilation_h + (double)p->kw * (double)p->dilation_w;

    return (double)p->batch * (double)p->out * high * wide >= limit || high + wide + reach >= limit ||
           (double)p->out * (double)(p->kh * p->kw) >= limit;
}

/* ---- Forward and the input's gradient ---- */

static int64_t common_divisor(int64_t a, int64_t b)
{
    while (b) {
        const int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static gradc_status call_planes(struct device *d, const struct conv *p, int prepare, struct failure *f)
{
    const int to_input = p->kind == CONV_INPUT, strided = to_input && (p->stride_h != 1 || p->stride_w != 1);
    const int64_t height = to_input ? p->height : p->out_height, width = to_input ? p->width : p->out_width;
    const int64_t channels = to_input ? p->in : p->out, multiplier = p->out / p->in;
    const int64_t lanes = is_cpu(d) && !strided ? CPU_LANES : 1, lines = is_cpu(d) || strided ? 1 : GPU_LINES;
    const int64_t integers[] = {p->batch * channels,
                                channels,
                                multiplier,
                                to_input ? multiplier : 1,
                                to_input ? p->out_height : p->height,
                                to_input ? p->out_width : p->width,
                                height,
                                width,
                                p->kh,
                                p->kw,
                                to_input ? 1 : p->stride_h,
                                to_input ? 1 : p->stride_w,
                                to_input ? p->padding_h : -p->padding_h,
                                to_input ? p->padding_w : -p->padding_w,
                                to_input ? -p->dilation_h : p->dilation_h,
                                to_input ? -p->dilation_w : p->dilation_w,
                                p->stride_h,
                                p->stride_w,
                                p->stride_h / common_divisor(p->stride_h, p->dilation_h),
                                p->stride_w / common_divisor(p->stride_w, p->dilation_w)};
    struct view result = opencl_flat(to_input ? &p->x : &p->z);
    struct kernel_call k;

    kernel_start(&k, "depthwise", "depthwise", p->dtype);
    k.wide = is_wide(p);
    kernel_option(&k, "-DLANES=%d", (int)lanes);
    kernel_option(&k, "-DLINES=%d", (int)lines);
    if (strided)
        kernel_option(&k, "-DSTRIDED");
    add_view(&k, to_input ? &p->z : &p->x);
    add_view(&k, &p->w);
    if (!to_input && p->bias) {
        kernel_option(&k, "-DBIAS");
        add_view(&k, p->bias);
    }
    add_integers(&k, integers, sizeof integers / sizeof integers[0]);
    kernel_result(&k, p->epilogue, &result, 0);
    kernel_range(&k, p->batch * channels * over(height, lines) * over(width, lanes));
    return opencl_submit(d, &k, prepare, f);
}

/* ---- The weights' gradient ---- */

struct cut {
    int64_t taps, blocks; /* taps of a block */
    int64_t splits, each; /* images of a split */
};

static struct cut cut_of(const struct device *d, const struct conv *p)
{
    const int64_t taps = p->kh * p->kw, units = d->info.units > 0 ? d->info.units : 1;
    struct cut c = {.taps = taps > FEW_TAPS ? TAPS : taps > 1 ? FEW_TAPS : 1}; /* few kinds of programs */

    c.blocks = over(taps, c.taps);
    c.splits = over(ENOUGH * units, p->out * c.blocks);
    if (c.splits > p->batch)
        c.splits = p->batch;
    c.each = over(p->batch, c.splits);
    c.splits = over(p->batch, c.each);
    return c;
}

static size_t parts_bytes(const struct device *d, const struct conv *p)
{
    const struct cut c = cut_of(d, p);

    return c.splits > 1 ? piece_bytes(p->dtype, c.splits * p->out * p->kh * p->kw) : 0;
}

static gradc_status call_weight(struct device *d, const struct conv *p, const struct view *parts, int prepare,
                                struct failure *f)
{
    const struct cut c = cut_of(d, p);
    const int64_t integers[] = {p->batch,      p->out,       p->out / p->in, p->height,     p->width,
                                p->out_height, p->out_width, p->kh,          p->kw,         p->stride_h,
                                p->stride_w,   p->padding_h, p->padding_w,   p->dilation_h, p->dilation_w,
                                c.blocks,      c.each};
    const size_t local = is_cpu(d) ? CPU_GROUP : GPU_GROUP, groups = (size_t)(p->out * c.blocks * c.splits);
    struct kernel_call k;

    kernel_start(&k, "depthwise_weight", "depthwise_weight", p->dtype);
    k.wide = is_wide(p);
    kernel_option(&k, "-DGROUP=%d", (int)local);
    kernel_option(&k, "-DTAPS=%d", (int)c.taps);
    kernel_option(&k, "-DLANES=%d", is_cpu(d) ? CPU_LANES : 1);
    if (c.splits > 1)
        kernel_option(&k, "-DIN_PARTS");
    add_view(&k, &p->x);
    add_view(&k, &p->z);
    add_view(&k, c.splits > 1 ? parts : &p->w);
    add_integers(&k, integers, sizeof integers / sizeof integers[0]);
    kernel_groups(&k, 1, &groups, &local);
    return opencl_submit(d, &k, prepare, f);
}

static gradc_status run_weight(struct device *d, const struct conv *p, int prepare, struct failure *f)
{
    const struct cut c = cut_of(d, p);
    struct place sums = p->workspace;
    const struct view parts = {.at = p->workspace, .dtype = real_of(p->dtype)};
    gradc_status status = call_weight(d, p, &parts, prepare, f);

    sums.offset += parts_bytes(d, p);
    if (status == GRADC_OK && c.splits > 1)
        status = opencl_add_parts(d, &parts, &p->w, p->out * p->kh * p->kw, c.splits, prepare, f);
    if (status == GRADC_OK && p->db)
        status = opencl_flow_sums(d, p, sums, prepare, f);
    return status;
}

/* ---- The form ---- */

static int depthwise_applies(const struct device *d, const struct conv *p)
{
    (void)d;
    return p->groups == p->in && p->in > 1 && p->out / p->in <= MOST_FILTERS;
}

static size_t depthwise_workspace(struct device *d, const struct conv *p)
{
    if (p->kind != CONV_WEIGHT)
        return 0;
    return parts_bytes(d, p) + (p->db ? opencl_flow_sums_workspace(d, p) : 0);
}

static gradc_status depthwise_run(struct device *d, const struct conv *p, int prepare, struct failure *f)
{
    return p->kind == CONV_WEIGHT ? run_weight(d, p, prepare, f) : call_planes(d, p, prepare, f);
}

const struct conv_form conv_form_depthwise = {"depthwise",         depthwise_applies, NULL,
                                              depthwise_workspace, depthwise_run,     0};
