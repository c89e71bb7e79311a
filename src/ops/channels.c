/* channels.c - how batch_norm and its backward op see x, split their work, and reach the loops of channels_isa.c. */
#include "ops/channels.h"

#include "device/cpu/half.h"

enum { TASKS = 64, SEGMENT = 16384, GROUP_SEGMENT = 16384, MOST_SEGMENTS = 256 };

struct norm_extent norm_extent_of(const struct layout *x)
{
    struct norm_extent e = {.outer = x->shape[0], .channels = x->shape[1], .inner = 1};
    for (int i = 2; i < x->ndim; i++)
        e.inner *= x->shape[i];
    e.n = e.outer * e.inner;
    return e;
}

gradc_status norm_shape(struct record *r, int x)
{
    const struct tensor *t = r->in[x];
    for (int o = 0; o < r->nout; o++) {
        r->out[o].dtype = dtype_computes(t->dtype);
        r->out[o].layout = (struct layout){.ndim = 1, .shape = {t->layout.shape[1]}};
    }
    r->out[0].dtype = t->dtype;
    r->out[0].layout = t->layout;
    return GRADC_OK;
}

/* ---- The CPU ---- */

struct norm_split norm_split_of(const struct norm_extent *e)
{
    int columns = e->inner < NORM_RUN;
    struct norm_split s = {.wide = columns ? NORM_WIDTH / e->inner : 1, .range = columns ? e->outer : e->n};
    int64_t most = e->n * s.wide / SEGMENT;
    s.blocks = cpu_tasks(e->channels, s.wide);
    s.segments = TASKS / s.blocks < most ? TASKS / s.blocks : most;
    if (s.segments > s.range)
        s.segments = s.range;
    if (s.segments < 1)
        s.segments = 1;
    return s;
}

struct norm_span norm_span_of(const struct norm_extent *e, const struct norm_split *s, int64_t task)
{
    int64_t first = task / s->segments * s->wide, left = e->channels - first, k = task % s->segments;
    return (struct norm_span){.all = e->channels,
                              .inner = e->inner,
                              .first = first,
                              .channels = left < s->wide ? left : s->wide,
                              .from = s->range / s->segments * k + s->range % s->segments * k / s->segments,
                              .to = s->range / s->segments * (k + 1) +
                                    s->range % s->segments * (k + 1) / s->segments};
}

ISA_DECLARE(struct norm_table, norm_table);

static const struct norm_loops *loops_of(gradc_dtype dtype)
{
    static const struct norm_table *const tables[] = ISA_TABLE(norm_table);
    return &tables[cpu_isa()]->of[dtype];
}

double norm_number(const struct view *v, int64_t c)
{
    const char *p = view_host(v);
    int64_t at = c * v->layout.stride[0];
    float wide;
    if (dtype_is_half(v->dtype)) {
        half_widen(v->dtype, 1, p + at * (int64_t)sizeof(uint16_t), 1, &wide);
        return (double)wide;
    }
    return v->dtype == GRADC_F64 ? ((const double *)(const void *)p)[at]
                                 : (double)((const float *)(const void *)p)[at];
}

void norm_set_number(const struct view *v, int64_t c, double value)
{
    char *p = view_host(v);
    int64_t at = c * v->layout.stride[0];
    const float number = (float)value;
    if (dtype_is_half(v->dtype))
        half_narrow(v->dtype, 1, &number, p + at * (int64_t)sizeof(uint16_t));
    else if (v->dtype == GRADC_F64)
        ((double *)(void *)p)[at] = value;
    else
        ((float *)(void *)p)[at] = number;
}

struct norm_work norm_work_of(const struct launch *l, int x)
{
    struct norm_work w = {.loops = loops_of(l->in[x].dtype), .l = l, .e = norm_extent_of(&l->in[x].layout)};
    w.s = norm_split_of(&w.e);
    w.parts = place_host(l->workspace);
    return w;
}

enum { LONG_PIECE = 256 }; /* elements side by side that pay for a call */

/* Of a channel, image by image. */
void norm_run(const struct epilogue *e, const struct norm_span *s)
{
    if (!e || s->inner < LONG_PIECE)
        return;
    for (int64_t k = s->from; k < s->to;) {
        const int64_t image = k / s->inner, at = k - image * s->inner;
        const int64_t n = s->inner - at < s->to - k ? s->inner - at : s->to - k;
        e->run(e, (image * s->all + s->first) * s->inner + at, n);
        k += n;
    }
}

void norm_run_all(const struct norm_work *w, const struct epilogue *e)
{
    if (w->e.inner < LONG_PIECE)
        cpu_epilogue(w->l->device, e, w->e.channels * w->e.n);
}

/* ---- OpenCL ---- */

int64_t norm_group_segments(const struct norm_extent *e)
{
    int64_t n = cpu_tasks(e->n, GROUP_SEGMENT);
    return n < MOST_SEGMENTS ? n : MOST_SEGMENTS;
}

size_t norm_workspace(const struct launch *l, const struct norm_extent *e, size_t part)
{
    struct norm_split s = norm_split_of(e);
    if (l->device->opencl)
        return (size_t)(2 * e->channels * norm_group_segments(e)) *
               gradc_dtype_size(dtype_computes(l->in[0].dtype));
    return s.segments > 1 ? (size_t)(e->channels * s.segments) * part : 0;
}

void norm_vector(struct kernel_call *k, const struct view *v)
{
    kernel_tensor(k, v);
    kernel_i64(k, v->layout.stride[0]);
}

void norm_start(struct kernel_call *k, const struct launch *l, const char *kernel, const struct norm_extent *e)
{
    kernel_start(k, "batch_norm", kernel, l->out[0].dtype);
    kernel_option(k, "-DGROUP=%d", NORM_GROUP);
    kernel_i64(k, e->outer);
    kernel_i64(k, e->channels);
    kernel_i64(k, e->inner);
}

struct view norm_parts(const struct launch *l, const struct norm_extent *e)
{
    return (struct view){
        .at = l->workspace,
        .dtype = dtype_computes(l->out[0].dtype),
        .layout = {.ndim = 1, .shape = {2 * e->channels * norm_group_segments(e)}, .stride = {1}}};
}

gradc_status norm_launch_groups(const struct launch *l, struct kernel_call *k, const struct norm_extent *e,
                                struct failure *f)
{
    int64_t groups = e->channels * norm_group_segments(e);
    kernel_groups(k, 1, &(size_t){groups < 65535 ? (size_t)groups : 65535}, &(size_t){NORM_GROUP});
    return launch_kernel(l, k, f);
}

/* ---- Compositions ---- */

gradc_tensor *norm_beside(gradc_tensor *v, gradc_tensor *x)
{
    int64_t shape[GRADC_MAX_NDIM] = {gradc_size(x, 1)};
    int ndim = gradc_ndim(x) - 1;
    for (int i = 1; i < ndim; i++)
        shape[i] = 1;
    return gradc_reshape(v, ndim, shape);
}

gradc_tensor *norm_channel_sum(gradc_tensor *x)
{
    int axes[GRADC_MAX_NDIM] = {0}, n = 1;
    for (int i = 2; i < gradc_ndim(x); i++)
        axes[n++] = i;
    return gradc_sum(x, n, axes, 0);
}

gradc_tensor *norm_centred(gradc_tensor *x, gradc_tensor *mean)
{
    return gradc_sub(x, norm_beside(mean, x));
}

double norm_count(const gradc_tensor *x)
{
    return (double)norm_extent_of(&tensor_of(x)->layout).n;
}
