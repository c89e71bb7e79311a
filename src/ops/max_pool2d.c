/* max_pool2d.c - maxima of windows, with their positions as a hidden output; backward scatters by those positions.
 * max_pool2d_backward and max_pool2d_gather are linear and each other's gradients. */
#include "ops/max_pool2d.h"
#include "ops/ops.h"
#include "ops/pool2d.h"

/* The ints of all three; backward adds x's height and width. */
enum {
    SIZE_H = POOL_SIZE,
    SIZE_W,
    STRIDE_H,
    STRIDE_W,
    PADDING_H,
    PADDING_W,
    POOL_INTS,
    X_HEIGHT = POOL_INTS,
    X_WIDTH
};

/* ---- Shape rules ---- */

/* z[b,c,i,j] = max over p, q of x[b, c, i stride - padding + p, j stride - padding + q]; out[1]: where, in the plane */
static gradc_status max_pool2d_shape(struct record *r)
{
    gradc_status status = pool_dtype(r);
    if (status == GRADC_OK)
        status = pool_numbers(r);
    if (status == GRADC_OK)
        status = pool_image(r);
    if (status == GRADC_OK)
        status = pool_output(r);
    if (status != GRADC_OK)
        return status;
    r->out[0].dtype = r->in[0]->dtype;
    r->out[1].dtype = GRADC_I32;
    r->out[1].layout = r->out[0].layout;
    return GRADC_OK;
}

/* dx[b,c,h,w] = sum of dz[b,c,i,j] over the windows whose maximum was there */
static gradc_status backward_shape(struct record *r)
{
    if (!dtype_is_float(r->in[0]->dtype) || r->in[1]->dtype != GRADC_I32)
        return record_fail(r, GRADC_E_DTYPE, "dz must be a float, index i32");
    if (r->in[0]->layout.ndim != 4 || !layout_same_shape(&r->in[0]->layout, &r->in[1]->layout))
        return record_fail(r, GRADC_E_SHAPE, "dz %s does not match index %s", SHAPE(&r->in[0]->layout),
                           SHAPE(&r->in[1]->layout));
    r->out[0].dtype = r->in[0]->dtype;
    r->out[0].layout = r->in[0]->layout;
    r->out[0].layout.shape[2] = r->ints[X_HEIGHT];
    r->out[0].layout.shape[3] = r->ints[X_WIDTH];
    return GRADC_OK;
}

/* z[b,c,i,j] = x[b,c] at index[b,c,i,j] */
static gradc_status gather_shape(struct record *r)
{
    if (!dtype_is_float(r->in[0]->dtype) || r->in[1]->dtype != GRADC_I32)
        return record_fail(r, GRADC_E_DTYPE, "x must be a float, index i32");
    if (r->in[0]->layout.ndim != 4 || r->in[1]->layout.ndim != 4)
        return record_fail(r, GRADC_E_SHAPE, "x %s does not match index %s", SHAPE(&r->in[0]->layout),
                           SHAPE(&r->in[1]->layout));
    r->out[0].dtype = r->in[0]->dtype;
    r->out[0].layout = r->in[1]->layout;
    return GRADC_OK;
}

/* ---- CPU ---- */

enum { GRAIN = 32768 }; /* elements of x in a task */

static struct pool pool_of(const int64_t *ints, const struct layout *x, const struct layout *z)
{
    return (struct pool){.planes = x->shape[0] * x->shape[1],
                         .height = x->shape[2],
                         .width = x->shape[3],
                         .out_height = z->shape[2],
                         .out_width = z->shape[3],
                         .size_h = ints[SIZE_H],
                         .size_w = ints[SIZE_W],
                         .stride_h = ints[STRIDE_H],
                         .stride_w = ints[STRIDE_W],
                         .padding_h = ints[PADDING_H],
                         .padding_w = ints[PADDING_W]};
}

ISA_DECLARE(struct pool_table, pool_table);

static const struct pool_loops *loops_of(gradc_dtype dtype)
{
    static const struct pool_table *const tables[] = ISA_TABLE(pool_table);
    const struct pool_table *t = tables[cpu_isa()];
    return dtype == GRADC_F64 ? &t->f64 : &t->f32;
}

/* What the tasks of a call share. */
struct work {
    const struct pool_loops *loops;
    struct pool p;
    const void *in;
    void *out;
    int32_t *index;
    int64_t items, grain; /* rows of the output, or planes */
    const struct epilogue *epilogue;
};

static int64_t work_last(const struct work *w, int64_t task)
{
    int64_t last = (task + 1) * w->grain;
    return last < w->items ? last : w->items;
}

static void forward_task(void *arg, int64_t task, int thread)
{
    const struct work *w = arg;
    (void)thread;
    w->loops->forward(&w->p, w->in, w->out, w->index, task * w->grain, work_last(w, task));
}

static void backward_task(void *arg, int64_t task, int thread)
{
    const struct work *w = arg;
    (void)thread;
    const int64_t first = task * w->grain, last = work_last(w, task), plane = w->p.height * w->p.width;
    w->loops->backward(&w->p, w->in, w->index, w->out, first, last);
    epilogue_run(w->epilogue, first * plane, (last - first) * plane);
}

static void gather_task(void *arg, int64_t task, int thread)
{
    const struct work *w = arg;
    (void)thread;
    w->loops->gather(&w->p, w->in, w->index, w->out, task * w->grain, work_last(w, task));
}

/* Splits `items` that read or write `each` elements of x. */
static void work_split(const struct launch *l, struct work *w, int64_t items, int64_t each,
                       void (*task)(void *arg, int64_t task, int thread))
{
    w->loops = loops_of(l->in[0].dtype);
    w->items = items;
    w->grain = each < GRAIN ? GRAIN / each : 1;
    cpu_parallel(l->device, cpu_tasks(items, w->grain), task, w);
}

/* ---- CPU, 16 bits ---- */

static void forward_plane(const void *arg, int64_t plane, int thread, const float *in, float *out)
{
    const struct work *w = arg;
    (void)thread;
    w->loops->forward(&w->p, in, out, w->index + plane * w->p.out_height * w->p.out_width, 0, w->p.out_height);
}

static void backward_plane(const void *arg, int64_t plane, int thread, const float *in, float *out)
{
    const struct work *w = arg;
    (void)thread;
    w->loops->backward(&w->p, in, w->index + plane * w->p.out_height * w->p.out_width, out, 0, 1);
}

static void gather_plane(const void *arg, int64_t plane, int thread, const float *in, float *out)
{
    const struct work *w = arg;
    (void)thread;
    w->loops->gather(&w->p, in, w->index + plane * w->p.out_height * w->p.out_width, out, 0, 1);
}

static int64_t plane_size(const struct layout *l)
{
    return l->shape[2] * l->shape[3];
}

static gradc_status half_run(const struct launch *l, struct work *w,
                             void (*run)(const void *arg, int64_t plane, int thread, const float *in, float *out))
{
    const struct pool_planes p = {.dtype = l->in[0].dtype,
                                  .planes = w->p.planes,
                                  .in_size = plane_size(&l->in[0].layout),
                                  .out_size = plane_size(&l->out[0].layout),
                                  .in = w->in,
                                  .out = w->out,
                                  .workspace = place_host(l->workspace),
                                  .epilogue = w->epilogue,
                                  .run = run,
                                  .arg = w};
    w->loops = loops_of(GRADC_F32);
    pool_planes_run(l->device, &p);
    return GRADC_OK;
}

static size_t half_workspace(const struct launch *l)
{
    return l->device->opencl || !dtype_is_half(l->in[0].dtype)
               ? 0
               : pool_planes_bytes(l->device, plane_size(&l->in[0].layout), plane_size(&l->out[0].layout));
}

/* ---- CPU, the forms ---- */

static gradc_status max_pool2d_cpu(const struct launch *l, struct failure *f)
{
    struct work w = {.p = pool_of(l->ints, &l->in[0].layout, &l->out[0].layout)};
    (void)f;
    w.in = view_host(&l->in[0]);
    w.out = view_host(&l->out[0]);
    w.index = view_host(&l->out[1]);
    if (dtype_is_half(l->in[0].dtype))
        return half_run(l, &w, forward_plane);
    int64_t rows = w.p.size_h < w.p.height ? w.p.size_h : w.p.height;
    work_split(l, &w, w.p.planes * w.p.out_height, rows * w.p.width, forward_task);
    return GRADC_OK;
}

static gradc_status backward_cpu(const struct launch *l, struct failure *f)
{
    struct work w = {.p = pool_of(l->ints, &l->out[0].layout, &l->in[0].layout), .epilogue = l->epilogue};
    (void)f;
    w.in = view_host(&l->in[0]);
    w.index = view_host(&l->in[1]);
    w.out = view_host(&l->out[0]);
    if (dtype_is_half(l->in[0].dtype))
        return half_run(l, &w, backward_plane);
    work_split(l, &w, w.p.planes, w.p.height * w.p.width, backward_task);
    return GRADC_OK;
}

static gradc_status gather_cpu(const struct launch *l, struct failure *f)
{
    struct work w = {.p = pool_of(l->ints, &l->in[0].layout, &l->out[0].layout)};
    (void)f;
    w.in = view_host(&l->in[0]);
    w.index = view_host(&l->in[1]);
    w.out = view_host(&l->out[0]);
    if (dtype_is_half(l->in[0].dtype))
        return half_run(l, &w, gather_plane);
    work_split(l, &w, w.p.planes, w.p.height * w.p.width, gather_task);
    return GRADC_OK;
}

/* ---- OpenCL ---- */

static void sizes(struct kernel_call *k, const struct pool *p)
{
    const int64_t numbers[] = {p->height, p->width,    p->out_height, p->out_width, p->size_h,
                               p->size_w, p->stride_h, p->stride_w,   p->padding_h, p->padding_w};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        kernel_i32(k, (int32_t)numbers[i]);
}

/* One kernel over `items`; views are its tensors, in its order. */
static gradc_status pool_kernel(const struct launch *l, const char *kernel, const struct pool *p,
                                int64_t items, const struct view *const views[3], struct failure *f)
{
    struct kernel_call k;
    kernel_start(&k, "max_pool2d", kernel, l->in[0].dtype);
    kernel_i64(&k, items);
    for (int i = 0; i < 3; i++)
        kernel_tensor(&k, views[i]);
    sizes(&k, p);
    kernel_range(&k, items);
    return launch_kernel(l, &k, f);
}

static gradc_status max_pool2d_opencl(const struct launch *l, struct failure *f)
{
    struct pool p = pool_of(l->ints, &l->in[0].layout, &l->out[0].layout);
    const struct view *const views[] = {&l->in[0], &l->out[0], &l->out[1]};
    return pool_kernel(l, "max_pool2d", &p, p.planes * p.out_height * p.out_width, views, f);
}

static gradc_status backward_opencl(const struct launch *l, struct failure *f)
{
    struct pool p = pool_of(l->ints, &l->out[0].layout, &l->in[0].layout);
    const int64_t items = p.planes * p.height * p.width;
    struct kernel_call k;
    kernel_start(&k, "max_pool2d", "max_pool2d_backward", l->in[0].dtype);
    kernel_i64(&k, items);
    kernel_tensor(&k, &l->in[0]);
    kernel_tensor(&k, &l->in[1]);
    sizes(&k, &p);
    kernel_result(&k, l->epilogue, &l->out[0], 0);
    k.wide |= items > INT32_MAX; /* a chain's own inputs may be smaller */
    kernel_range(&k, items);
    return launch_kernel(l, &k, f);
}

static gradc_status gather_opencl(const struct launch *l, struct failure *f)
{
    struct pool p = pool_of(l->ints, &l->in[0].layout, &l->out[0].layout);
    const struct view *const views[] = {&l->in[0], &l->in[1], &l->out[0]};
    return pool_kernel(l, "max_pool2d_gather", &p, p.planes * p.out_height * p.out_width, views, f);
}

/* ---- Gradients ---- */

static gradc_tensor *spread(gradc_tensor *dz, gradc_tensor *index, gradc_tensor *like, const int64_t *ints)
{
    int64_t all[POOL_INTS + 2];
    for (int i = 0; i < POOL_INTS; i++)
        all[i] = ints[i];
    all[X_HEIGHT] = gradc_size(like, 2);
    all[X_WIDTH] = gradc_size(like, 3);
    return op_record(&op_max_pool2d_backward, 2, (gradc_tensor *const[]){gradc_contiguous(dz), index},
                     &(struct attributes){.nints = POOL_INTS + 2, .ints = all});
}

/* dx = max_pool2d_backward(dz, index) */
static void max_pool2d_gradient(struct gradient *d)
{
    if (d->dz[0])
        d->dx[0] = spread(d->dz[0], d->z[1], d->x[0], d->ints);
}

/* x' = max_pool2d_backward(y, index):  dy = max_pool2d_gather(dx', index) */
static void backward_gradient(struct gradient *d)
{
    if (d->wants[0])
        d->dx[0] =
            op_record(&op_max_pool2d_gather, 2, (gradc_tensor *const[]){gradc_contiguous(d->dz[0]), d->x[1]},
                      &(struct attributes){.nints = POOL_INTS, .ints = d->ints});
}

/* z' = max_pool2d_gather(x, index):  dx = max_pool2d_backward(dz', index) */
static void gather_gradient(struct gradient *d)
{
    if (d->wants[0])
        d->dx[0] = spread(d->dz[0], d->x[1], d->x[0], d->ints);
}

const struct op op_max_pool2d = {
    .name = "max_pool2d",
    .nin = 1,
    .nout = 2,
    .keeps = KEEP_OUT(1),
    .flags = OP_HALF,
    .shape = max_pool2d_shape,
    .workspace = half_workspace,
    .cpu = max_pool2d_cpu,
    .opencl = max_pool2d_opencl,
    .gradient = max_pool2d_gradient,
};

const struct op op_max_pool2d_backward = {
    .name = "max_pool2d_backward",
    .nin = 2,
    .nout = 1,
    .keeps = KEEP_IN(1),
    .flags = OP_EPILOGUE | OP_HALF,
    .shape = backward_shape,
    .workspace = half_workspace,
    .cpu = backward_cpu,
    .opencl = backward_opencl,
    .gradient = backward_gradient,
};

const struct op op_max_pool2d_gather = {
    .name = "max_pool2d_gather",
    .nin = 2,
    .nout = 1,
    .keeps = KEEP_IN(1),
    .flags = OP_HALF,
    .shape = gather_shape,
    .workspace = half_workspace,
    .cpu = gather_cpu,
    .opencl = gather_opencl,
    .gradient = gather_gradient,
};

gradc_tensor *gradc_max_pool2d(gradc_tensor *x, int size, int stride)
{
    return gradc_max_pool2d_full(x, size, size, stride, stride, 0, 0);
}

gradc_tensor *gradc_max_pool2d_full(gradc_tensor *x, int size_h, int size_w, int stride_h, int stride_w,
                                    int padding_h, int padding_w)
{
    const int64_t ints[POOL_INTS] = {
        size_h,    size_w,   stride_h == 0 ? size_h : stride_h, stride_w == 0 ? size_w : stride_w,
        padding_h, padding_w};
    return op_record(&op_max_pool2d, 1, (gradc_tensor *const[]){gradc_contiguous(x)},
                     &(struct attributes){.nints = POOL_INTS, .ints = ints});
}
