/* avg_pool2d.c - means of windows, of one size (avg_pool2d) or as many as asked for (adaptive_avg_pool2d).
 * A pool and its backward op are linear and each other's gradients. */
#include "ops/avg_pool2d.h"
#include "ops/ops.h"
#include "ops/pool2d.h"

/* The ints of all four, the sizes and what follows them 0 where adaptive; backward adds x's height and width, a
 * forward one that is adaptive z's. */
enum {
    SIZE_H = POOL_SIZE,
    SIZE_W,
    STRIDE_H,
    STRIDE_W,
    PADDING_H,
    PADDING_W,
    COUNT_PADDING,
    HEIGHT,
    WIDTH,
    POOL_INTS
};

/* ---- Shape rules ---- */

static gradc_status check_image(struct record *r)
{
    gradc_status status = pool_dtype(r);
    if (status == GRADC_OK)
        status = pool_image(r);
    r->out[0].dtype = r->in[0]->dtype;
    r->out[0].layout = r->in[0]->layout;
    return status;
}

/* z[b,c,i,j] = sum over p, q of x[b, c, i stride - padding + p, j stride - padding + q] / their number */
static gradc_status avg_pool2d_shape(struct record *r)
{
    gradc_status status = check_image(r);
    if (status == GRADC_OK)
        status = pool_numbers(r);
    return status == GRADC_OK ? pool_output(r) : status;
}

/* z[b,c,i,j] = mean of x[b, c, floor(i h / height) .. ceil((i + 1) h / height) - 1, the same of j and w] */
static gradc_status adaptive_shape(struct record *r)
{
    int64_t height = r->ints[HEIGHT], width = r->ints[WIDTH];
    gradc_status status = check_image(r);
    if (status)
        return status;
    if (height < 1 || width < 1 || height > POOL_PIXELS || width > POOL_PIXELS / height)
        return record_fail(r, GRADC_E_ARG, "the result's size %lld,%lld is not 1 or more, at most 2^30 pixels",
                           (long long)height, (long long)width);
    r->out[0].layout.shape[2] = height;
    r->out[0].layout.shape[3] = width;
    return GRADC_OK;
}

/* dx[b,c,y,x] = sum of dz[b,c,i,j] / the window's number, over the windows that x[b,c,y,x] is in */
static gradc_status backward_shape(struct record *r)
{
    r->out[0].dtype = r->in[0]->dtype;
    r->out[0].layout = r->in[0]->layout;
    r->out[0].layout.shape[2] = r->ints[HEIGHT];
    r->out[0].layout.shape[3] = r->ints[WIDTH];
    return GRADC_OK;
}

/* ---- Windows ---- */

static struct avg_window window_of(const int64_t *ints, int axis, int64_t in, int64_t out, int64_t i)
{
    int64_t size = ints[SIZE_H + axis], padding = ints[PADDING_H + axis];
    if (size == 0) {
        int64_t from = i * in / out, to = ((i + 1) * in + out - 1) / out;
        return (struct avg_window){(int32_t)from, (int32_t)to, (int32_t)(to - from)};
    }
    int64_t from = i * ints[STRIDE_H + axis] - padding, to = from + size;
    int64_t padded = (to < in + padding ? to : in + padding) - from;
    from = from < 0 ? 0 : from;
    to = to > in ? in : to;
    return (struct avg_window){(int32_t)from, (int32_t)to, (int32_t)(ints[COUNT_PADDING] ? padded : to - from)};
}

/* ---- CPU ---- */

enum { GRAIN = 32768, ALIGN = 64 }; /* elements of x in a task; bytes */

/* In the workspace: the windows of rows and columns, then a row for each thread. */
static size_t windows_bytes(int64_t out_height, int64_t out_width)
{
    size_t bytes = (size_t)(out_height + out_width) * sizeof(struct avg_window);
    return (bytes + ALIGN - 1) / ALIGN * ALIGN;
}

static size_t row_bytes(int64_t width, gradc_dtype dtype)
{
    return ((size_t)width * gradc_dtype_size(dtype_computes(dtype)) + ALIGN - 1) / ALIGN * ALIGN;
}

static size_t workspace(const struct launch *l, const struct layout *x, const struct layout *z)
{
    if (l->device->opencl)
        return 0;
    return windows_bytes(z->shape[2], z->shape[3]) +
           (size_t)cpu_threads(l->device) * row_bytes(x->shape[3], l->in[0].dtype) +
           (dtype_is_half(l->in[0].dtype)
                ? pool_planes_bytes(l->device, x->shape[2] * x->shape[3], z->shape[2] * z->shape[3])
                : 0);
}

static size_t forward_workspace(const struct launch *l)
{
    return workspace(l, &l->in[0].layout, &l->out[0].layout);
}

static size_t backward_workspace(const struct launch *l)
{
    return workspace(l, &l->out[0].layout, &l->in[0].layout);
}

ISA_DECLARE(struct avg_table, avg_table);

static const struct avg_loops *loops_of(gradc_dtype dtype)
{
    static const struct avg_table *const tables[] = ISA_TABLE(avg_table);
    const struct avg_table *t = tables[cpu_isa()];
    return dtype == GRADC_F64 ? &t->f64 : &t->f32;
}

/* What the tasks of a call share. */
struct work {
    const struct avg_loops *loops;
    struct avg_pool p;
    const void *in;
    void *out;
    char *scratch;
    size_t row_bytes;
    int64_t items, grain; /* rows of the output, or planes */
};

/* The columns between those that padding cuts. */
static void set_steps(struct avg_pool *p, const int64_t *ints)
{
    int64_t size = ints[SIZE_W];
    if (size == 0)
        return;
    p->step = (int32_t)ints[STRIDE_W];
    p->size = (int32_t)size;
    p->last = p->out_width;
    while (p->first < p->last && p->columns[p->first].to - p->columns[p->first].from < size)
        p->first++;
    while (p->last > p->first && p->columns[p->last - 1].to - p->columns[p->last - 1].from < size)
        p->last--;
}

static struct work work_of(const struct launch *l, const struct layout *x, const struct layout *z)
{
    struct work w = {.loops = loops_of(l->in[0].dtype),
                     .p = {.planes = x->shape[0] * x->shape[1],
                           .height = x->shape[2],
                           .width = x->shape[3],
                           .out_height = z->shape[2],
                           .out_width = z->shape[3]},
                     .in = view_host(&l->in[0]),
                     .out = view_host(&l->out[0]),
                     .row_bytes = row_bytes(x->shape[3], l->in[0].dtype)};
    char *memory = place_host(l->workspace);
    struct avg_window *rows = (struct avg_window *)(void *)memory, *columns = rows + w.p.out_height;
    for (int64_t i = 0; i < w.p.out_height; i++)
        rows[i] = window_of(l->ints, 0, w.p.height, w.p.out_height, i);
    for (int64_t j = 0; j < w.p.out_width; j++)
        columns[j] = window_of(l->ints, 1, w.p.width, w.p.out_width, j);
    w.p.rows = rows;
    w.p.columns = columns;
    w.scratch = memory + windows_bytes(w.p.out_height, w.p.out_width);
    set_steps(&w.p, l->ints);
    return w;
}

static int64_t work_last(const struct work *w, int64_t task)
{
    int64_t last = (task + 1) * w->grain;
    return last < w->items ? last : w->items;
}

static void forward_task(void *arg, int64_t task, int thread)
{
    const struct work *w = arg;
    w->loops->forward(&w->p, w->in, w->out, w->scratch + (size_t)thread * w->row_bytes, task * w->grain,
                      work_last(w, task));
}

static void backward_task(void *arg, int64_t task, int thread)
{
    const struct work *w = arg;
    w->loops->backward(&w->p, w->in, w->out, w->scratch + (size_t)thread * w->row_bytes, task * w->grain,
                       work_last(w, task));
}

static void work_split(const struct launch *l, struct work *w, int64_t items, int64_t size,
                       void (*task)(void *arg, int64_t task, int thread))
{
    w->items = items;
    w->grain = size < GRAIN ? GRAIN / size : 1;
    cpu_parallel(l->device, cpu_tasks(items, w->grain), task, w);
}

static void forward_plane(const void *arg, int64_t plane, int thread, const float *in, float *out)
{
    const struct work *w = arg;
    (void)plane;
    w->loops->forward(&w->p, in, out, w->scratch + (size_t)thread * w->row_bytes, 0, w->p.out_height);
}

static void backward_plane(const void *arg, int64_t plane, int thread, const float *in, float *out)
{
    const struct work *w = arg;
    (void)plane;
    w->loops->backward(&w->p, in, out, w->scratch + (size_t)thread * w->row_bytes, 0, 1);
}

/* Of 16 bits, plane by plane. */
static gradc_status half_run(const struct launch *l, const struct work *w,
                             void (*run)(const void *arg, int64_t plane, int thread, const float *in, float *out))
{
    const struct layout *in = &l->in[0].layout, *out = &l->out[0].layout;
    const struct pool_planes p = {.dtype = l->in[0].dtype,
                                  .planes = w->p.planes,
                                  .in_size = in->shape[2] * in->shape[3],
                                  .out_size = out->shape[2] * out->shape[3],
                                  .in = w->in,
                                  .out = w->out,
                                  .workspace = w->scratch + (size_t)cpu_threads(l->device) * w->row_bytes,
                                  .run = run,
                                  .arg = w};
    pool_planes_run(l->device, &p);
    return GRADC_OK;
}

static gradc_status forward_cpu(const struct launch *l, struct failure *f)
{
    struct work w = work_of(l, &l->in[0].layout, &l->out[0].layout);
    int64_t rows = (w.p.height + w.p.out_height - 1) / w.p.out_height;
    (void)f;
    if (dtype_is_half(l->in[0].dtype))
        return half_run(l, &w, forward_plane);
    work_split(l, &w, w.p.planes * w.p.out_height, rows * w.p.width, forward_task);
    return GRADC_OK;
}

static gradc_status backward_cpu(const struct launch *l, struct failure *f)
{
    struct work w = work_of(l, &l->out[0].layout, &l->in[0].layout);
    (void)f;
    if (dtype_is_half(l->in[0].dtype))
        return half_run(l, &w, backward_plane);
    work_split(l, &w, w.p.planes, w.p.height * w.p.width, backward_task);
    return GRADC_OK;
}

/* ---- OpenCL ---- */

static gradc_status pool_kernel(const struct launch *l, const char *kernel, const struct layout *x,
                                const struct layout *z, struct failure *f)
{
    struct kernel_call k;
    kernel_start(&k, "avg_pool2d", kernel, l->in[0].dtype);
    kernel_i64(&k, layout_numel(&l->out[0].layout));
    kernel_tensor(&k, &l->in[0]);
    kernel_tensor(&k, &l->out[0]);
    for (int axis = 2; axis < 4; axis++)
        kernel_i32(&k, (int32_t)x->shape[axis]);
    for (int axis = 2; axis < 4; axis++)
        kernel_i32(&k, (int32_t)z->shape[axis]);
    for (int i = 0; i <= COUNT_PADDING; i++)
        kernel_i32(&k, (int32_t)l->ints[i]);
    kernel_range(&k, layout_numel(&l->out[0].layout));
    return launch_kernel(l, &k, f);
}

static gradc_status forward_opencl(const struct launch *l, struct failure *f)
{
    return pool_kernel(l, "avg_pool2d", &l->in[0].layout, &l->out[0].layout, f);
}

static gradc_status backward_opencl(const struct launch *l, struct failure *f)
{
    return pool_kernel(l, "avg_pool2d_backward", &l->out[0].layout, &l->in[0].layout, f);
}

/* ---- Gradients ---- */

/* op of y, whose result has the height and width of `like`. */
static gradc_tensor *sized(const struct op *op, gradc_tensor *y, gradc_tensor *like, const int64_t *ints)
{
    int64_t all[POOL_INTS];
    for (int i = 0; i < HEIGHT; i++)
        all[i] = ints[i];
    all[HEIGHT] = gradc_size(like, 2);
    all[WIDTH] = gradc_size(like, 3);
    return op_record(op, 1, (gradc_tensor *const[]){gradc_contiguous(y)},
                     &(struct attributes){.nints = POOL_INTS, .ints = all});
}

static void avg_pool2d_gradient(struct gradient *d)
{
    d->dx[0] = sized(&op_avg_pool2d_backward, d->dz[0], d->x[0], d->ints);
}

static void avg_pool2d_backward_gradient(struct gradient *d)
{
    d->dx[0] = sized(&op_avg_pool2d, d->dz[0], d->x[0], d->ints);
}

static void adaptive_gradient(struct gradient *d)
{
    d->dx[0] = sized(&op_adaptive_avg_pool2d_backward, d->dz[0], d->x[0], d->ints);
}

static void adaptive_backward_gradient(struct gradient *d)
{
    d->dx[0] = sized(&op_adaptive_avg_pool2d, d->dz[0], d->x[0], d->ints);
}

const struct op op_avg_pool2d = {
    .name = "avg_pool2d",
    .nin = 1,
    .nout = 1,
    .flags = OP_HALF,
    .shape = avg_pool2d_shape,
    .workspace = forward_workspace,
    .cpu = forward_cpu,
    .opencl = forward_opencl,
    .gradient = avg_pool2d_gradient,
};

const struct op op_avg_pool2d_backward = {
    .name = "avg_pool2d_backward",
    .nin = 1,
    .nout = 1,
    .flags = OP_HALF,
    .shape = backward_shape,
    .workspace = backward_workspace,
    .cpu = backward_cpu,
    .opencl = backward_opencl,
    .gradient = avg_pool2d_backward_gradient,
};

const struct op op_adaptive_avg_pool2d = {
    .name = "adaptive_avg_pool2d",
    .nin = 1,
    .nout = 1,
    .flags = OP_HALF,
    .shape = adaptive_shape,
    .workspace = forward_workspace,
    .cpu = forward_cpu,
    .opencl = forward_opencl,
    .gradient = adaptive_gradient,
};

const struct op op_adaptive_avg_pool2d_backward = {
    .name = "adaptive_avg_pool2d_backward",
    .nin = 1,
    .nout = 1,
    .flags = OP_HALF,
    .shape = backward_shape,
    .workspace = backward_workspace,
    .cpu = backward_cpu,
    .opencl = backward_opencl,
    .gradient = adaptive_backward_gradient,
};

gradc_tensor *gradc_avg_pool2d(gradc_tensor *x, int size, int stride)
{
    return gradc_avg_pool2d_full(x, size, size, stride, stride, 0, 0, 1);
}

gradc_tensor *gradc_avg_pool2d_full(gradc_tensor *x, int size_h, int size_w, int stride_h, int stride_w,
                                    int padding_h, int padding_w, int count_include_pad)
{
    const int64_t ints[POOL_INTS] = {size_h,
                                     size_w,
                                     stride_h == 0 ? size_h : stride_h,
                                     stride_w == 0 ? size_w : stride_w,
                                     padding_h,
                                     padding_w,
                                     count_include_pad != 0};
    return op_record(&op_avg_pool2d, 1, (gradc_tensor *const[]){gradc_contiguous(x)},
                     &(struct attributes){.nints = POOL_INTS, .ints = ints});
}

/* The mean of each plane is the reduction's work; windows of one pixel leave x as it is. */
gradc_tensor *gradc_adaptive_avg_pool2d(gradc_tensor *x, int height, int width)
{
    const struct tensor *t = op_operand(x, "adaptive_avg_pool2d");
    const int64_t ints[POOL_INTS] = {[HEIGHT] = height, [WIDTH] = width};
    if (!t)
        return NULL;
    const struct layout *l = &t->layout;
    int plain = dtype_is_float(t->dtype) && l->ndim == 4 && l->shape[2] > 0 && l->shape[3] > 0;
    if (plain && height == 1 && width == 1)
        return gradc_mean(x, 2, (const int[]){2, 3}, 1);
    if (plain && l->shape[2] == height && l->shape[3] == width)
        return t->root->owned ? op_record(&op_contiguous, 1, &x, NULL) : gradc_reshape(x, 4, l->shape);
    return op_record(&op_adaptive_avg_pool2d, 1, (gradc_tensor *const[]){gradc_contiguous(x)},
                     &(struct attributes){.nints = POOL_INTS, .ints = ints});
}
