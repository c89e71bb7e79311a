/* conv2d.c - 2-d convolution and the ops that its gradients are: with respect to the image (conv2d_input), to the
 * weights (conv2d_weight), and to weights and bias at once (conv2d_weight_bias).  All are linear in both operands and
 * each one's gradients are the others, so they can be differentiated any number of times.  The sums themselves are the
 * device's engine (struct conv). */
#include "ops/ops.h"

/* The ints of all; conv2d_input adds x's height and width, the weights' the kernel's. */
enum {
    STRIDE_H,
    STRIDE_W,
    PADDING_H,
    PADDING_W,
    DILATION_H,
    DILATION_W,
    GROUPS,
    CONV_INTS,
    SIZE_H = CONV_INTS,
    SIZE_W
};

enum { MOST = 1 << 30 }; /* of a stride, a padding, a dilation: sums of a few stay far inside int64_t */

#define PLANE \
    (INT64_C(1) << 40) /* elements: no memory holds more, and batch times channels stays countable */

/* ---- Shape rules ---- */

/* floor((size + 2 padding - dilation (kernel - 1) - 1) / stride) + 1, or 0 where the kernel does not fit. */
static int64_t out_size(int64_t size, int64_t kernel, int64_t stride, int64_t padding, int64_t dilation)
{
    if (kernel - 1 > (INT64_MAX - 1) / dilation || size > INT64_MAX - 2 * padding)
        return 0;
    int64_t reach = dilation * (kernel - 1) + 1, padded = size + 2 * padding;
    return padded < reach ? 0 : (padded - reach) / stride + 1;
}

static gradc_status check_dtypes(const struct record *r, const char *names)
{
    gradc_dtype dtype = r->in[0]->dtype;
    for (int i = 0; i < r->nin; i++)
        if (!dtype_is_float(dtype) || r->in[i]->dtype != dtype)
            return record_fail(r, GRADC_E_DTYPE, "%s must be floats of one dtype, operand %d is %s", names,
                               i + 1, gradc_dtype_name(r->in[i]->dtype));
    return GRADC_OK;
}

static gradc_status check_numbers(const struct record *r)
{
    static const struct {
        const char *name;
        int at, least;
    } rules[] = {{"stride", STRIDE_H, 1},   {"stride", STRIDE_W, 1},     {"padding", PADDING_H, 0},
                 {"padding", PADDING_W, 0}, {"dilation", DILATION_H, 1}, {"dilation", DILATION_W, 1},
                 {"groups", GROUPS, 1}};
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        int64_t value = r->ints[rules[i].at];
        if (value < rules[i].least || value > MOST)
            return record_fail(r, GRADC_E_ARG, "%s %lld is not in %d..%d", rules[i].name, (long long)value,
                               rules[i].least, MOST);
    }
    return GRADC_OK;
}

/* x [batch,in,h,w] against w [out,in/groups,kh,kw] and b [out]. */
static gradc_status check_layouts(const struct record *r)
{
    const struct layout *x = &r->in[0]->layout, *w = &r->in[1]->layout;
    int64_t groups = r->ints[GROUPS];
    if (x->ndim != 4 || w->ndim != 4)
        return record_fail(r, GRADC_E_SHAPE,
                           "x %s and w %s must be [batch,in,height,width] and [out,in/groups,kh,kw]",
                           SHAPE(x), SHAPE(w));
    if (layout_numel(w) == 0 || x->shape[1] == 0 || x->shape[2] == 0 || x->shape[3] == 0)
        return record_fail(r, GRADC_E_SHAPE, "x %s and w %s: only the batch may be 0", SHAPE(x), SHAPE(w));
    if (x->shape[1] % groups != 0 || x->shape[1] / groups != w->shape[1])
        return record_fail(r, GRADC_E_SHAPE, "the channels of x %s do not match w %s in %lld groups",
                           SHAPE(x), SHAPE(w), (long long)groups);
    if (w->shape[0] % groups != 0)
        return record_fail(r, GRADC_E_SHAPE, "the outputs of w %s do not fall into %lld groups", SHAPE(w),
                           (long long)groups);
    if (r->nin > 2 && (r->in[2]->layout.ndim != 1 || r->in[2]->layout.shape[0] != w->shape[0]))
        return record_fail(r, GRADC_E_SHAPE, "b %s does not match w %s", SHAPE(&r->in[2]->layout), SHAPE(w));
    return GRADC_OK;
}

static struct layout layout4(int64_t a, int64_t b, int64_t c, int64_t d)
{
    return (struct layout){.ndim = 4, .shape = {a, b, c, d}};
}

/* z[b,o,i,j] = bias[o] + sum_{c,p,q} x[b, c, i stride - padding + p dilation, ...] w[o,c,p,q] */
static gradc_status conv2d_shape(struct record *r)
{
    gradc_status status = check_dtypes(r, r->nin > 2 ? "x, w and b" : "x and w");
    if (status == GRADC_OK)
        status = check_numbers(r);
    if (status == GRADC_OK)
        status = check_layouts(r);
    if (status != GRADC_OK)
        return status;
    const struct layout *x = &r->in[0]->layout, *w = &r->in[1]->layout;
    const int64_t *n = r->ints;
    int64_t height = out_size(x->shape[2], w->shape[2], n[STRIDE_H], n[PADDING_H], n[DILATION_H]);
    int64_t width = out_size(x->shape[3], w->shape[3], n[STRIDE_W], n[PADDING_W], n[DILATION_W]);
    if (height == 0 || width == 0)
        return record_fail(r, GRADC_E_SHAPE,
                           "w %s with dilation %lld,%lld is larger than x %s with padding %lld,%lld",
                           SHAPE(w), (long long)n[DILATION_H], (long long)n[DILATION_W], SHAPE(x),
                           (long long)n[PADDING_H], (long long)n[PADDING_W]);
    if (height > PLANE / width)
        return record_fail(r, GRADC_E_SHAPE, "%lldx%lld pixels in a plane of the result are too many",
                           (long long)height, (long long)width);
    r->out[0].dtype = r->in[0]->dtype;
    r->out[0].layout = layout4(x->shape[0], w->shape[0], height, width);
    return GRADC_OK;
}

/* dx[batch,in,h,w] from dz[batch,out,oh,ow] and w[out,in/groups,kh,kw]: sum over o,p,q of dz w where conv2d reads x. */
static gradc_status conv2d_input_shape(struct record *r)
{
    const struct layout *dz = &r->in[0]->layout, *w = &r->in[1]->layout;
    if (check_dtypes(r, "dz and w") != GRADC_OK)
        return GRADC_E_DTYPE;
    if (dz->ndim != 4 || w->ndim != 4 || dz->shape[1] != w->shape[0])
        return record_fail(r, GRADC_E_SHAPE, "dz %s does not match w %s", SHAPE(dz), SHAPE(w));
    r->out[0].dtype = r->in[0]->dtype;
    r->out[0].layout = layout4(dz->shape[0], w->shape[1] * r->ints[GROUPS], r->ints[SIZE_H], r->ints[SIZE_W]);
    return GRADC_OK;
}

/* dw[out,in/groups,kh,kw] from x[batch,in,h,w] and dz[batch,out,oh,ow]: sum over batch and pixels of x dz. */
static gradc_status conv2d_weight_shape(struct record *r)
{
    const struct layout *x = &r->in[0]->layout, *dz = &r->in[1]->layout;
    if (check_dtypes(r, "x and dz") != GRADC_OK)
        return GRADC_E_DTYPE;
    if (x->ndim != 4 || dz->ndim != 4 || x->shape[0] != dz->shape[0])
        return record_fail(r, GRADC_E_SHAPE, "x %s does not match dz %s", SHAPE(x), SHAPE(dz));
    r->out[0].dtype = r->in[0]->dtype;
    r->out[0].layout = layout4(dz->shape[1], x->shape[1] / r->ints[GROUPS], r->ints[SIZE_H], r->ints[SIZE_W]);
    return GRADC_OK;
}

/* The same, and db[out], the sum of dz over batch and pixels. */
enum { DW, DB, WEIGHT_BIAS_OUTPUTS };

static gradc_status conv2d_weight_bias_shape(struct record *r)
{
    gradc_status status = conv2d_weight_shape(r);
    if (status == GRADC_OK) {
        r->out[DB].dtype = r->out[DW].dtype;
        r->out[DB].layout = (struct layout){.ndim = 1, .shape = {r->in[1]->layout.shape[1]}};
    }
    return status;
}

/* ---- Both devices ---- */

/* The engine's problem from the launch's views; each op says which of them are x, w and z. */
static struct conv problem(const struct launch *l, enum conv_kind kind, const struct view *x,
                           const struct view *w, const struct view *z)
{
    const int64_t *n = l->ints, *xs = x->layout.shape, *ws = w->layout.shape, *zs = z->layout.shape;
    return (struct conv){.kind = kind,
                         .dtype = l->out[0].dtype,
                         .batch = xs[0],
                         .in = xs[1],
                         .height = xs[2],
                         .width = xs[3],
                         .out = ws[0],
                         .kh = ws[2],
                         .kw = ws[3],
                         .out_height = zs[2],
                         .out_width = zs[3],
                         .groups = n[GROUPS],
                         .stride_h = n[STRIDE_H],
                         .stride_w = n[STRIDE_W],
                         .padding_h = n[PADDING_H],
                         .padding_w = n[PADDING_W],
                         .dilation_h = n[DILATION_H],
                         .dilation_w = n[DILATION_W],
                         .x = *x,
                         .w = *w,
                         .z = *z,
                         .epilogue = l->epilogue,
                         .workspace = l->workspace};
}

static struct conv forward_problem(const struct launch *l)
{
    struct conv p = problem(l, CONV_FORWARD, &l->in[0], &l->in[1], &l->out[0]);
    p.bias = l->nin > 2 ? &l->in[2] : NULL;
    return p;
}

static struct conv input_problem(const struct launch *l)
{
    return problem(l, CONV_INPUT, &l->out[0], &l->in[1], &l->in[0]);
}

static struct conv weight_problem(const struct launch *l)
{
    struct conv p = problem(l, CONV_WEIGHT, &l->in[0], &l->out[DW], &l->in[1]);
    p.db = l->nout > DB ? &l->out[DB] : NULL;
    return p;
}

static size_t forward_workspace(const struct launch *l)
{
    struct conv p = forward_problem(l);
    return l->device->table->conv_workspace(l->device, &p);
}

static size_t input_workspace(const struct launch *l)
{
    struct conv p = input_problem(l);
    return l->device->table->conv_workspace(l->device, &p);
}

static size_t weight_workspace(const struct launch *l)
{
    struct conv p = weight_problem(l);
    return p.batch == 0 ? 0 : l->device->table->conv_workspace(l->device, &p);
}

static gradc_status forward_run(const struct launch *l, struct failure *f)
{
    struct conv p = forward_problem(l);
    return l->device->table->conv(l->device, &p, l->prepare, f);
}

static gradc_status input_run(const struct launch *l, struct failure *f)
{
    struct conv p = input_problem(l);
    return l->device->table->conv(l->device, &p, l->prepare, f);
}

/* No image: sums over nothing. */
static gradc_status zero_outputs(const struct launch *l, struct failure *f)
{
    gradc_status status = GRADC_OK;
    for (int o = 0; o < l->nout && !l->prepare && !status; o++) {
        const struct view *out = &l->out[o];
        size_t size = gradc_dtype_size(out->dtype);
        struct place at = {out->at.slab, out->at.offset + (size_t)out->layout.offset * size};
        status = l->device->table->zero(l->device, at, (size_t)layout_numel(&out->layout) * size, f);
    }
    return status;
}

static gradc_status weight_run(const struct launch *l, struct failure *f)
{
    struct conv p = weight_problem(l);
    return p.batch == 0 ? zero_outputs(l, f) : l->device->table->conv(l->device, &p, l->prepare, f);
}

/* As many as a direct sum over all taps takes, those on the padding too. */
static double conv_flop(const struct conv *p)
{
    return 2.0 * (double)(p->batch * p->out * p->out_height * p->out_width) * (double)(p->in / p->groups) *
           (double)(p->kh * p->kw);
}

static double forward_flop(const struct launch *l)
{
    struct conv p = forward_problem(l);
    return conv_flop(&p);
}

static double input_flop(const struct launch *l)
{
    struct conv p = input_problem(l);
    return conv_flop(&p);
}

static double weight_flop(const struct launch *l)
{
    struct conv p = weight_problem(l);
    return conv_flop(&p);
}

/* ---- Gradients ---- */

/* Records one of them, all its outputs; the engine reads operands without gaps. */
static gradc_status record_all(const struct op *op, int nin, gradc_tensor *const *in, const int64_t *ints,
                               int nints, gradc_tensor **out)
{
    gradc_tensor *flat[3] = {NULL, NULL, NULL};
    for (int i = 0; i < nin; i++)
        flat[i] = gradc_contiguous(in[i]);
    return op_record_all(op, nin, flat, &(struct attributes){.nints = nints, .ints = ints}, out);
}

static gradc_tensor *record(const struct op *op, int nin, gradc_tensor *const *in, const int64_t *ints, int nints)
{
    gradc_tensor *out[OP_OUTPUTS];
    return record_all(op, nin, in, ints, nints, out) ? NULL : out[0];
}

/* conv2d of x, as much of it as `like`: an output padding of conv_transpose2d may be wider than the stride. */
static gradc_tensor *convolve(gradc_tensor *x, gradc_tensor *w, gradc_tensor *b, gradc_tensor *like,
                              const int64_t *ints)
{
    gradc_tensor *z = record(&op_conv2d, b ? 3 : 2, (gradc_tensor *const[]){x, w, b}, ints, CONV_INTS);
    for (int axis = 2; z && axis < 4; axis++)
        if (gradc_size(z, axis) != gradc_size(like, axis))
            z = gradc_slice(z, axis, 0, gradc_size(like, axis), 1);
    return z;
}

/* op of (x, y) with the size of `like` in its last two axes: all its outputs, or the first. */
static gradc_status sized_all(const struct op *op, gradc_tensor *x, gradc_tensor *y, gradc_tensor *like,
                              const int64_t *ints, gradc_tensor **out)
{
    int64_t all[CONV_INTS + 2];
    for (int i = 0; i < CONV_INTS; i++)
        all[i] = ints[i];
    all[SIZE_H] = gradc_size(like, 2);
    all[SIZE_W] = gradc_size(like, 3);
    return record_all(op, 2, (gradc_tensor *const[]){x, y}, all, CONV_INTS + 2, out);
}

static gradc_tensor *sized(const struct op *op, gradc_tensor *x, gradc_tensor *y, gradc_tensor *like,
                           const int64_t *ints)
{
    gradc_tensor *out[OP_OUTPUTS];
    return sized_all(op, x, y, like, ints, out) ? NULL : out[0];
}

/* dx = conv2d_input(dz, w), dw = conv2d_weight(x, dz), db[o] = sum of dz over batch and pixels. */
static void conv2d_gradient(struct gradient *d)
{
    gradc_tensor *x = d->x[0], *w = d->x[1], *dz = d->dz[0], *out[OP_OUTPUTS];
    const int with_bias = d->nin > 2 && d->wants[2];
    if (d->wants[0])
        d->dx[0] = sized(&op_conv2d_input, dz, w, x, d->ints);
    if (d->wants[1] && with_bias) {
        if (sized_all(&op_conv2d_weight_bias, x, dz, w, d->ints, out))
            return;
        d->dx[1] = out[DW];
        d->dx[2] = out[DB];
    } else if (d->wants[1]) {
        d->dx[1] = sized(&op_conv2d_weight, x, dz, w, d->ints);
    } else if (with_bias) {
        d->dx[2] = gradc_sum(dz, 3, (const int[]){0, 2, 3}, 0);
    }
}

/* x' = conv2d_input(y, w):  dy = conv2d(dx', w), dw = conv2d_weight(dx', y). */
static void conv2d_input_gradient(struct gradient *d)
{
    gradc_tensor *y = d->x[0], *w = d->x[1], *dx = d->dz[0];
    if (d->wants[0])
        d->dx[0] = convolve(dx, w, NULL, y, d->ints);
    if (d->wants[1])
        d->dx[1] = sized(&op_conv2d_weight, dx, y, w, d->ints);
}

/* w' = conv2d_weight(x, y):  dx = conv2d_input(y, dw'), dy = conv2d(x, dw'). */
static void conv2d_weight_gradient(struct gradient *d)
{
    gradc_tensor *x = d->x[0], *y = d->x[1], *dw = d->dz[0];
    if (d->wants[0])
        d->dx[0] = sized(&op_conv2d_input, y, dw, x, d->ints);
    if (d->wants[1])
        d->dx[1] = convolve(x, dw, NULL, y, d->ints);
}

/* w', b' = conv2d_weight_bias(x, y):  dx = conv2d_input(y, dw'), dy = conv2d(x, dw', db'). */
static void conv2d_weight_bias_gradient(struct gradient *d)
{
    gradc_tensor *x = d->x[0], *y = d->x[1], *dw = d->dz[DW], *db = d->dz[DB];
    if (d->wants[0] && dw)
        d->dx[0] = sized(&op_conv2d_input, y, dw, x, d->ints);
    if (!d->wants[1])
        return;
    const struct layout *l = &tensor_of(y)->layout;
    d->dx[1] = dw ? convolve(x, dw, db, y, d->ints)
                  : gradc_expand(gradc_reshape(db, 3, (const int64_t[]){l->shape[1], 1, 1}), 4, l->shape);
}

const struct op op_conv2d = {
    .name = "conv2d",
    .nin = -1,
    .nout = 1,
    .keeps = KEEP_IN(0) | KEEP_IN(1),
    .flags = OP_EPILOGUE | OP_HALF | OP_LOW,
    .shape = conv2d_shape,
    .workspace = forward_workspace,
    .cpu = forward_run,
    .opencl = forward_run,
    .gradient = conv2d_gradient,
    .flop = forward_flop,
};

const struct op op_conv2d_input = {
    .name = "conv2d_input",
    .nin = 2,
    .nout = 1,
    .keeps = KEEP_IN(0) | KEEP_IN(1),
    .flags = OP_EPILOGUE | OP_HALF | OP_LOW,
    .shape = conv2d_input_shape,
    .workspace = input_workspace,
    .cpu = input_run,
    .opencl = input_run,
    .gradient = conv2d_input_gradient,
    .flop = input_flop,
};

const struct op op_conv2d_weight = {
    .name = "conv2d_weight",
    .nin = 2,
    .nout = 1,
    .flags = OP_HALF,
    .keeps = KEEP_IN(0) | KEEP_IN(1),
    .shape = conv2d_weight_shape,
    .workspace = weight_workspace,
    .cpu = weight_run,
    .opencl = weight_run,
    .gradient = conv2d_weight_gradient,
    .flop = weight_flop,
};

const struct op op_conv2d_weight_bias = {
    .name = "conv2d_weight_bias",
    .nin = 2,
    .nout = WEIGHT_BIAS_OUTPUTS,
    .keeps = KEEP_IN(0) | KEEP_IN(1),
    .flags = OP_FLOWS | OP_HALF,
    .shape = conv2d_weight_bias_shape,
    .workspace = weight_workspace,
    .cpu = weight_run,
    .opencl = weight_run,
    .gradient = conv2d_weight_bias_gradient,
    .flop = weight_flop,
};

gradc_tensor *gradc_conv2d(gradc_tensor *x, gradc_tensor *w, gradc_tensor *b, int stride, int padding)
{
    return gradc_conv2d_full(x, w, b, stride, stride, padding, padding, 1, 1, 1);
}

gradc_tensor *gradc_conv2d_full(gradc_tensor *x, gradc_tensor *w, gradc_tensor *b, int stride_h, int stride_w,
                                int padding_h, int padding_w, int dilation_h, int dilation_w, int groups)
{
    const int64_t ints[CONV_INTS] = {stride_h,   stride_w,   padding_h, padding_w,
                                     dilation_h, dilation_w, groups};
    return record(&op_conv2d, b ? 3 : 2, (gradc_tensor *const[]){x, w, b}, ints, CONV_INTS);
}

/* ---- conv_transpose2d: conv2d_input with x as the result's flow ---- */

enum { OUTPUT_PADDING_H = CONV_INTS, OUTPUT_PADDING_W, TRANSPOSE_INTS };

/* (size - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1; it may be 0 or less, or INT64_MAX. */
static int64_t transposed_size(int64_t size, int64_t kernel, const int64_t *n, int axis)
{
    int64_t stride = n[STRIDE_H + axis], dilation = n[DILATION_H + axis];
    if (size - 1 > PLANE / stride || kernel - 1 > PLANE / dilation)
        return INT64_MAX;
    return (size - 1) * stride - 2 * n[PADDING_H + axis] + dilation * (kernel - 1) +
           n[OUTPUT_PADDING_H + axis] + 1;
}

static gradc_status transpose_numbers(gradc_context *g, const int64_t *n)
{
    static const struct {
        const char *name;
        int at, least;
    } rules[] = {{"stride", STRIDE_H, 1},   {"stride", STRIDE_W, 1},     {"padding", PADDING_H, 0},
                 {"padding", PADDING_W, 0}, {"dilation", DILATION_H, 1}, {"dilation", DILATION_W, 1},
                 {"groups", GROUPS, 1}};
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (n[rules[i].at] < rules[i].least || n[rules[i].at] > MOST)
            return context_fail(g, GRADC_E_ARG, "conv_transpose2d: %s %lld is not in %d..%d", rules[i].name,
                                (long long)n[rules[i].at], rules[i].least, MOST);
    for (int axis = 0; axis < 2; axis++) {
        int64_t stride = n[STRIDE_H + axis], dilation = n[DILATION_H + axis], more = n[OUTPUT_PADDING_H + axis];
        if (more < 0 || (more >= stride && more >= dilation))
            return context_fail(g, GRADC_E_ARG,
                                "conv_transpose2d: output padding %lld is not below the stride %lld or the "
                                "dilation %lld",
                                (long long)more, (long long)stride, (long long)dilation);
    }
    return GRADC_OK;
}

/* x [batch,in,h,w] against w [in,out/groups,kh,kw] and b [out] or NULL. */
static gradc_status transpose_operands(const struct tensor *t, const struct tensor *w, const struct tensor *b,
                                       int64_t groups)
{
    const struct layout *x = &t->layout, *k = &w->layout;
    if (!dtype_is_float(t->dtype) || w->dtype != t->dtype || (b && b->dtype != t->dtype))
        return context_fail(t->g, GRADC_E_DTYPE,
                            "conv_transpose2d: x, w and b must be floats of one dtype, they are %s, %s and %s",
                            gradc_dtype_name(t->dtype), gradc_dtype_name(w->dtype),
                            gradc_dtype_name(b ? b->dtype : t->dtype));
    if (x->ndim != 4 || k->ndim != 4)
        return context_fail(
            t->g, GRADC_E_SHAPE,
            "conv_transpose2d: x %s and w %s must be [batch,in,height,width] and [in,out/groups,kh,kw]",
            SHAPE(x), SHAPE(k));
    if (layout_numel(k) == 0 || x->shape[1] == 0 || x->shape[2] == 0 || x->shape[3] == 0)
        return context_fail(t->g, GRADC_E_SHAPE, "conv_transpose2d: x %s and w %s: only the batch may be 0",
                            SHAPE(x), SHAPE(k));
    if (x->shape[1] != k->shape[0] || x->shape[1] % groups != 0 || k->shape[1] > INT64_MAX / groups)
        return context_fail(t->g, GRADC_E_SHAPE,
                            "conv_transpose2d: the channels of x %s do not match w %s in %lld groups",
                            SHAPE(x), SHAPE(k), (long long)groups);
    if (b && (b->layout.ndim != 1 || b->layout.shape[0] != k->shape[1] * groups))
        return context_fail(t->g, GRADC_E_SHAPE, "conv_transpose2d: b %s does not match w %s in %lld groups",
                            SHAPE(&b->layout), SHAPE(k), (long long)groups);
    return GRADC_OK;
}

/* z[b,o,i,j] = bias[o] + sum of x[b,c,y,x] w[c,o,p,q] wherever i = y stride - padding + p dilation, j alike */
static gradc_tensor *transpose(gradc_tensor *x, gradc_tensor *w, gradc_tensor *b, const int64_t *n)
{
    const struct tensor *t = op_operand(x, "conv_transpose2d"), *k = t ? op_operand(w, "conv_transpose2d") : NULL;
    const struct tensor *bias = b ? op_operand(b, "conv_transpose2d") : NULL;
    if (!t || !k || (b && !bias) || transpose_numbers(t->g, n) || transpose_operands(t, k, bias, n[GROUPS]))
        return NULL;
    int64_t all[CONV_INTS + 2];
    for (int i = 0; i < CONV_INTS; i++)
        all[i] = n[i];
    for (int axis = 0; axis < 2; axis++)
        all[SIZE_H + axis] = transposed_size(t->layout.shape[2 + axis], k->layout.shape[2 + axis], n, axis);
    if (all[SIZE_H] < 1 || all[SIZE_W] < 1 || all[SIZE_H] > PLANE / all[SIZE_W]) {
        context_fail(t->g, GRADC_E_SHAPE, "conv_transpose2d: x %s and w %s give a result of %lldx%lld pixels",
                     SHAPE(&t->layout), SHAPE(&k->layout), (long long)all[SIZE_H], (long long)all[SIZE_W]);
        return NULL;
    }
    gradc_tensor *z = record(&op_conv2d_input, 2, (gradc_tensor *const[]){x, w}, all, CONV_INTS + 2);
    return b ? gradc_add(z, gradc_reshape(b, 3, (const int64_t[]){bias->layout.shape[0], 1, 1})) : z;
}

gradc_tensor *gradc_conv_transpose2d(gradc_tensor *x, gradc_tensor *w, gradc_tensor *b, int stride, int padding)
{
    return gradc_conv_transpose2d_full(x, w, b, stride, stride, padding, padding, 0, 0, 1, 1, 1);
}

gradc_tensor *gradc_conv_transpose2d_full(gradc_tensor *x, gradc_tensor *w, gradc_tensor *b, int stride_h,
                                          int stride_w, int padding_h, int padding_w, int output_padding_h,
                                          int output_padding_w, int dilation_h, int dilation_w, int groups)
{
    const int64_t ints[TRANSPOSE_INTS] = {stride_h,   stride_w, padding_h,        padding_w,       dilation_h,
                                          dilation_w, groups,   output_padding_h, output_padding_w};
    return transpose(x, w, b, ints);
}
