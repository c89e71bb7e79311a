/* layer_norm.c - layer_norm and group_norm: rows of x normalised by their own mean and variance, with a backward op.
 *
 * Both record x as [batch,groups,channels,inner], a row being [channels,inner], n numbers, and weight and bias as
 * [groups,channels,1]; layer_norm has one group, and inner 1.  Where x has 16 bits, all but z, dz and dx is f32.
 * With r = invstd and y = (x - mean) r:
 *     z = weight y + bias
 *     dx = r (g - sum(g) / n - y sum(g y) / n) for g = weight dz, summed over the row
 *     dbias = sum(dz),  dweight = sum(dz y), over batch and inner. */
#include <math.h>
#include <string.h>

#include "core/context.h"
#include "device/cpu/half.h"
#include "ops/layer_norm.h"
#include "ops/ops.h"
#include "ops/wide_gradient.h"

/* Operands and outputs; mean and invstd are [batch,groups,1,1]. */
enum { X, WEIGHT, BIAS };
enum { Z, MEAN, INVSTD, OUTPUTS };
enum { BACK_DZ, BACK_X, BACK_WEIGHT, BACK_MEAN, BACK_INVSTD, BACK_OPERANDS };
enum { DX, DBIAS, DWEIGHT, BACK_OUTPUTS };

struct extent {
    int64_t rows, groups, channels, inner, n, weights;
};

static struct extent extent_of(const struct layout *x)
{
    const int64_t *s = x->shape;
    return (struct extent){s[0] * s[1], s[1], s[2], s[3], s[2] * s[3], s[1] * s[2]};
}

/* ---- Shape rules: the public functions have looked at the operands ---- */

static gradc_status layer_norm_shape(struct record *r)
{
    const struct tensor *x = r->in[X];
    for (int o = 0; o < r->nout; o++) {
        r->out[o].dtype = o == Z ? x->dtype : dtype_computes(x->dtype);
        r->out[o].layout = x->layout;
        if (o > 0)
            r->out[o].layout.shape[2] = r->out[o].layout.shape[3] = 1;
    }
    return GRADC_OK;
}

static gradc_status backward_shape(struct record *r)
{
    for (int o = 0; o < r->nout; o++) {
        r->out[o].dtype = r->in[o == DX ? BACK_X : BACK_WEIGHT]->dtype;
        r->out[o].layout = r->in[o == DX ? BACK_X : BACK_WEIGHT]->layout;
    }
    return GRADC_OK;
}

/* ---- The CPU ---- */

enum {
    GRAIN = 16384,  /* elements of a task */
    TASKS = 64,     /* of rows */
    WEIGHTS = 1024, /* of a task */
    WIDE_ROWS = 3   /* of f32 for each thread, where rows are of 16 bits */
};

ISA_DECLARE(struct layer_table, layer_table);

static const struct layer_loops *loops_of(gradc_dtype dtype)
{
    static const struct layer_table *const tables[] = ISA_TABLE(layer_table);
    const struct layer_table *t = tables[cpu_isa()];
    return dtype == GRADC_F64 ? &t->f64 : &t->f32;
}

/* What the tasks of a call share. */
struct work {
    const struct layer_loops *loops;
    const struct launch *l;
    struct extent e;
    struct layer_rows s;
    int64_t per_task, tasks; /* rows */
    double *sums;            /* [tasks][2][weights]: the workspace */
    float *wide;             /* NULL, or where 16-bit rows are f32: WIDE_ROWS rows for each thread */
};

static struct work work_of(const struct launch *l, int x, int weight)
{
    struct work w = {.loops = loops_of(l->in[x].dtype), .l = l, .e = extent_of(&l->in[x].layout)};
    w.s = (struct layer_rows){w.e.groups, w.e.channels, w.e.inner, 0, view_host(&l->in[weight]), NULL};
    return w;
}

static int64_t last_row(const struct work *w, int64_t task)
{
    int64_t last = (task + 1) * w->per_task;
    return last < w->e.rows ? last : w->e.rows;
}

/* The prologue, or the epilogue, of a task's rows. */
static void run_rows(const struct work *w, const struct epilogue *e, int64_t task)
{
    const int64_t first = task * w->per_task;
    epilogue_run(e, first * w->e.n, (last_row(w, task) - first) * w->e.n);
}

static size_t wide_bytes(const struct launch *l, const struct extent *e)
{
    if (l->device->opencl || !dtype_is_half(l->out[Z].dtype))
        return 0;
    return (size_t)(cpu_threads(l->device) * WIDE_ROWS * e->n) * sizeof(float);
}

static size_t forward_workspace(const struct launch *l)
{
    struct extent e = extent_of(&l->in[X].layout);
    return wide_bytes(l, &e);
}

/* A row of 16-bit numbers goes through the loops as the only one, with the weights of its group. */
static struct layer_rows one_row(const struct work *w, int64_t row)
{
    struct layer_rows s = w->s;
    const int64_t first = row % s.groups * s.channels;
    s.weight = (const float *)s.weight + first;
    s.bias = s.bias ? (const float *)s.bias + first : NULL;
    s.groups = 1;
    return s;
}

/* Of a 16-bit tensor. */
static char *row_of(const struct work *w, const struct view *v, int64_t row)
{
    return (char *)view_host(v) + row * w->e.n * (int64_t)sizeof(uint16_t);
}

static void widen_row(const struct work *w, const struct view *v, int64_t row, float *to)
{
    half_widen(v->dtype, w->e.n, row_of(w, v, row), 1, to);
}

static void forward_row(const struct work *w, int64_t row, int thread)
{
    const struct launch *l = w->l;
    const struct layer_rows s = one_row(w, row);
    float *x = w->wide + thread * WIDE_ROWS * w->e.n, *z = x + w->e.n;
    widen_row(w, &l->in[X], row, x);
    w->loops->forward(&s, x, z, (float *)view_host(&l->out[MEAN]) + row,
                      (float *)view_host(&l->out[INVSTD]) + row, 0, 1);
    half_narrow(l->out[Z].dtype, w->e.n, z, row_of(w, &l->out[Z], row));
}

static void backward_row(const struct work *w, int64_t row, double *const sums[2], int thread)
{
    const struct launch *l = w->l;
    const struct layer_rows s = one_row(w, row);
    const int64_t first = row % w->e.groups * w->e.channels;
    float *dz = w->wide + thread * WIDE_ROWS * w->e.n, *x = dz + w->e.n, *dx = x + w->e.n;
    widen_row(w, &l->in[BACK_DZ], row, dz);
    widen_row(w, &l->in[BACK_X], row, x);
    w->loops->backward(&s, dz, x, (const float *)view_host(&l->in[BACK_MEAN]) + row,
                       (const float *)view_host(&l->in[BACK_INVSTD]) + row, dx,
                       (double *const[]){sums[0] + first, sums[1] + first}, 0, 1);
    half_narrow(l->out[DX].dtype, w->e.n, dx, row_of(w, &l->out[DX], row));
}

static void forward_task(void *arg, int64_t task, int thread)
{
    const struct work *w = arg;
    const struct launch *l = w->l;
    run_rows(w, l->prologue, task);
    for (int64_t row = task * w->per_task; w->wide && row < last_row(w, task); row++)
        forward_row(w, row, thread);
    if (!w->wide)
        w->loops->forward(&w->s, view_host(&l->in[X]), view_host(&l->out[Z]), view_host(&l->out[MEAN]),
                          view_host(&l->out[INVSTD]), task * w->per_task, last_row(w, task));
    run_rows(w, l->epilogue, task);
}

static gradc_status layer_norm_cpu(const struct launch *l, struct failure *f)
{
    struct work w = work_of(l, X, WEIGHT);
    (void)f;
    w.s.bias = view_host(&l->in[BIAS]);
    w.wide = dtype_is_half(l->in[X].dtype) ? place_host(l->workspace) : NULL;
    w.s.eps = l->reals[0];
    w.per_task = w.e.n < GRAIN ? GRAIN / w.e.n : 1;
    cpu_parallel(l->device, cpu_tasks(w.e.rows, w.per_task), forward_task, &w);
    return GRADC_OK;
}

/* Rows of a task of the backward op, whose sums take memory: a quarter of what x has of elements, or one task. */
static int64_t back_rows(const struct extent *e)
{
    int64_t most = e->rows * e->n / (4 * e->weights), grain = e->n < GRAIN ? GRAIN / e->n : 1;
    most = most < TASKS ? most : TASKS;
    int64_t rows = cpu_tasks(e->rows, most > 1 ? most : 1); /* rounded up */
    return rows > grain ? rows : grain;
}

static void backward_task(void *arg, int64_t task, int thread)
{
    const struct work *w = arg;
    const struct launch *l = w->l;
    double *sums = w->sums + task * 2 * w->e.weights;
    double *const both[] = {sums, sums + w->e.weights};
    run_rows(w, l->prologue, task);
    memset(sums, 0, (size_t)(2 * w->e.weights) * sizeof *sums);
    for (int64_t row = task * w->per_task; w->wide && row < last_row(w, task); row++)
        backward_row(w, row, both, thread);
    if (!w->wide)
        w->loops->backward(&w->s, view_host(&l->in[BACK_DZ]), view_host(&l->in[BACK_X]),
                           view_host(&l->in[BACK_MEAN]), view_host(&l->in[BACK_INVSTD]),
                           view_host(&l->out[DX]), both, task * w->per_task, last_row(w, task));
    run_rows(w, l->epilogue, task);
}

/* The tasks' sums added in their order. */
static void weights_task(void *arg, int64_t block, int thread)
{
    const struct work *w = arg;
    int64_t first = block * WEIGHTS, last = first + WEIGHTS < w->e.weights ? first + WEIGHTS : w->e.weights;
    int f64 = w->l->out[DX].dtype == GRADC_F64;
    (void)thread;
    for (int k = 0; k < 2; k++) {
        void *to = view_host(&w->l->out[DBIAS + k]);
        double sum[WEIGHTS] = {0};
        for (int64_t task = 0; task < w->tasks; task++)
            for (int64_t c = first; c < last; c++)
                sum[c - first] += w->sums[(2 * task + k) * w->e.weights + c];
        for (int64_t c = first; c < last; c++)
            if (f64)
                ((double *)to)[c] = sum[c - first];
            else
                ((float *)to)[c] = (float)sum[c - first];
    }
}

static gradc_status backward_cpu(const struct launch *l, struct failure *f)
{
    struct work w = work_of(l, BACK_X, BACK_WEIGHT);
    (void)f;
    w.sums = place_host(l->workspace);
    w.per_task = back_rows(&w.e);
    w.tasks = cpu_tasks(w.e.rows, w.per_task);
    if (dtype_is_half(l->in[BACK_X].dtype))
        w.wide = (float *)(void *)(w.sums + w.tasks * 2 * w.e.weights);
    cpu_parallel(l->device, w.tasks, backward_task, &w);
    cpu_parallel(l->device, cpu_tasks(w.e.weights, WEIGHTS), weights_task, &w);
    return GRADC_OK;
}

/* ---- OpenCL ---- */

enum { ITEM_ROW = 32, FEWEST = 64, LONG_ROW = 512, ITEM_RUN = 32, SEGMENT = 64, MOST_SEGMENTS = 64 };

/* Segments of the batch in the sums of the weights. */
static int64_t segments_of(const struct extent *e)
{
    int64_t n = cpu_tasks(e->rows / e->groups, SEGMENT);
    return n < MOST_SEGMENTS ? n : MOST_SEGMENTS;
}

static size_t backward_workspace(const struct launch *l)
{
    struct extent e = extent_of(&l->in[BACK_X].layout);
    if (l->device->opencl)
        return (size_t)(2 * segments_of(&e) * e.weights) * gradc_dtype_size(l->in[BACK_WEIGHT].dtype);
    return (size_t)(cpu_tasks(e.rows, back_rows(&e)) * 2 * e.weights) * sizeof(double) + wide_bytes(l, &e);
}

/* `count` rows (or sums) of n numbers: a work-group for each, or an item where they are short. */
static void start(struct kernel_call *k, const struct launch *l, const char *kernel, const struct extent *e,
                  int64_t n, int64_t count)
{
    size_t local = n > LONG_ROW ? 256 : FEWEST;
    int items = n <= ITEM_ROW;
    kernel_start(k, "layer_norm", kernel, l->out[0].dtype);
    kernel_option(k, items ? "-DITEMS" : "-DGROUP=%d", (int)local);
    kernel_i64(k, e->rows);
    kernel_i64(k, e->groups);
    kernel_i64(k, e->channels);
    kernel_i64(k, e->inner);
    if (items)
        kernel_range(k, count);
    else
        kernel_groups(k, 1, &(size_t){count < 65535 ? (size_t)count : 65535}, &local);
}

static gradc_status layer_norm_opencl(const struct launch *l, struct failure *f)
{
    struct extent e = extent_of(&l->in[X].layout);
    struct kernel_call k;
    start(&k, l, "layer_norm", &e, e.n, e.rows);
    for (int i = 0; i < l->nin; i++)
        kernel_tensor(&k, &l->in[i]);
    for (int o = MEAN; o < OUTPUTS; o++)
        kernel_tensor(&k, &l->out[o]);
    kernel_real(&k, l->reals[0]);
    kernel_result(&k, l->epilogue, &l->out[Z], 0);
    kernel_prologue(&k, l->prologue);
    return launch_kernel(l, &k, f);
}

static gradc_status backward_opencl(const struct launch *l, struct failure *f)
{
    struct extent e = extent_of(&l->in[BACK_X].layout);
    int64_t segments = segments_of(&e);
    struct view parts = {.at = l->workspace,
                         .dtype = l->in[BACK_WEIGHT].dtype,
                         .layout = {.ndim = 1, .shape = {2 * segments * e.weights}, .stride = {1}}};
    struct kernel_call k;
    start(&k, l, "layer_norm_parts", &e, e.inner, segments * e.weights);
    kernel_i64(&k, segments);
    for (int i = 0; i < l->nin; i++)
        if (i != BACK_WEIGHT)
            kernel_tensor(&k, &l->in[i]);
    kernel_tensor(&k, &parts);
    kernel_prologue(&k, l->prologue);
    if (launch_kernel(l, &k, f))
        return f->status;
    const int64_t weights = cpu_tasks(e.weights, FEWEST); /* groups that are enough for them */
    start(&k, l, "layer_norm_backward", &e, e.n, e.rows > weights ? e.rows : weights);
    kernel_i64(&k, segments);
    kernel_tensor(&k, &parts);
    for (int i = 0; i < l->nin; i++)
        kernel_tensor(&k, &l->in[i]);
    kernel_tensor(&k, &l->out[DBIAS]);
    kernel_tensor(&k, &l->out[DWEIGHT]);
    kernel_result(&k, l->epilogue, &l->out[DX], 0);
    return launch_kernel(l, &k, f);
}

/* ---- Gradients ---- */

static gradc_tensor *row_sum(gradc_tensor *x)
{
    return gradc_sum(x, 2, (const int[]){2, 3}, 1);
}

static gradc_tensor *plus(gradc_tensor *x, gradc_tensor *y)
{
    return !x ? y : y ? gradc_add(x, y) : x;
}

static double count_of(const gradc_tensor *x)
{
    return (double)extent_of(&tensor_of(x)->layout).n;
}

/* Through z: layer_norm_backward; a second derivative also lets something flow into the statistics:
 * dx = dmean / n - dinvstd invstd^3 (x - mean) / n. */
static void layer_norm_gradient(struct gradient *d)
{
    gradc_tensor *x = d->x[X], *mean = d->z[MEAN], *r = d->z[INVSTD], *back[BACK_OUTPUTS], *more = NULL;
    if (d->dz[Z]) {
        gradc_tensor *in[BACK_OPERANDS] = {gradc_contiguous(d->dz[Z]), x, d->x[WEIGHT], mean, r};
        if (op_record_all(&op_layer_norm_backward, BACK_OPERANDS, in, NULL, back))
            return;
        d->dx[X] = back[DX];
        d->dx[WEIGHT] = back[DWEIGHT];
        d->dx[BIAS] = back[DBIAS];
    }
    if (d->dz[INVSTD]) {
        gradc_tensor *slope = gradc_neg(gradc_mul(d->dz[INVSTD], gradc_mul(r, gradc_mul(r, r))));
        more = gradc_mul(slope, gradc_sub(gradc_cast(x, gradc_dtype_of(mean)), mean));
    }
    more = plus(more, d->dz[MEAN]);
    if (more)
        more = gradc_cast(gradc_expand(gradc_mul_scalar(more, 1 / count_of(x)), 4, tensor_of(x)->layout.shape),
                          gradc_dtype_of(x));
    d->dx[X] = plus(d->dx[X], more);
}

/* For u, p, q flowing into dx, dbias, dweight, with g = weight dz, a = sum(g), c = sum(g y), s = sum(u), t = sum(u y)
 * over the row, and h = r (u - s / n - y t / n), which u gives to g:
 *     ddz = weight h + p + q y,   dweight = sum over batch and inner of dz h
 *     Y = q dz - r (g t + u c) / n flows into y, so  dx = r Y,  dmean = -r sum(Y)
 *     dinvstd = sum(u g) - a s / n - c t / n + sum(Y y) / r. */
struct second {
    gradc_tensor *dz, *x, *weight, *r, *y, *u, *p, *q;
    gradc_tensor *g, *c, *s, *t, *h, *into_y;
    double n;
};

static struct second second_of(const struct gradient *d)
{
    struct second f = {.dz = d->x[BACK_DZ],
                       .x = d->x[BACK_X],
                       .weight = d->x[BACK_WEIGHT],
                       .r = d->x[BACK_INVSTD],
                       .u = d->dz[DX],
                       .p = d->dz[DBIAS],
                       .q = d->dz[DWEIGHT]};
    f.n = count_of(f.x);
    f.y = gradc_mul(gradc_sub(f.x, d->x[BACK_MEAN]), f.r);
    f.into_y = f.q ? gradc_mul(f.q, f.dz) : NULL;
    if (!f.u)
        return f;
    f.g = gradc_mul(f.weight, f.dz);
    f.c = row_sum(gradc_mul(f.g, f.y));
    f.s = row_sum(f.u);
    f.t = row_sum(gradc_mul(f.u, f.y));
    f.h = gradc_mul(f.r, gradc_sub(f.u, gradc_mul_scalar(gradc_add(f.s, gradc_mul(f.y, f.t)), 1 / f.n)));
    gradc_tensor *both = gradc_add(gradc_mul(f.g, f.t), gradc_mul(f.u, f.c));
    f.into_y = plus(f.into_y, gradc_mul(gradc_mul_scalar(f.r, -1 / f.n), both));
    return f;
}

static gradc_tensor *second_dz(const struct second *f)
{
    gradc_tensor *sum = plus(f->u ? gradc_mul(f->weight, f->h) : NULL, f->q ? gradc_mul(f->q, f->y) : NULL);
    return plus(sum, f->p);
}

static gradc_tensor *second_invstd(const struct second *f)
{
    gradc_tensor *through = f->into_y ? gradc_div(row_sum(gradc_mul(f->into_y, f->y)), f->r) : NULL;
    if (!f->u)
        return through;
    gradc_tensor *products = gradc_add(gradc_mul(row_sum(f->g), f->s), gradc_mul(f->c, f->t));
    return plus(through, gradc_sub(row_sum(gradc_mul(f->u, f->g)), gradc_mul_scalar(products, 1 / f->n)));
}

static void second_gradient(struct gradient *d)
{
    const struct second f = second_of(d);
    const struct layout *x = &tensor_of(f.x)->layout;
    if (d->wants[BACK_DZ])
        d->dx[BACK_DZ] = gradc_expand(second_dz(&f), 4, x->shape);
    if (d->wants[BACK_WEIGHT] && f.u)
        d->dx[BACK_WEIGHT] = gradc_mul(f.dz, f.h);
    if (!f.into_y)
        return;
    if (d->wants[BACK_X])
        d->dx[BACK_X] = gradc_mul(f.r, f.into_y);
    if (d->wants[BACK_MEAN])
        d->dx[BACK_MEAN] = gradc_neg(gradc_mul(f.r, row_sum(f.into_y)));
    if (d->wants[BACK_INVSTD])
        d->dx[BACK_INVSTD] = second_invstd(&f);
}

static void backward_gradient(struct gradient *d)
{
    wide_gradient(d, &op_layer_norm_backward, second_gradient);
}

/* ---- Descriptors ---- */

const struct op op_layer_norm = {
    .name = "layer_norm",
    .nin = 3,
    .nout = OUTPUTS,
    .keeps = KEEP_IN(X) | KEEP_IN(WEIGHT) | KEEP_OUT(MEAN) | KEEP_OUT(INVSTD),
    .flags = OP_FLOWS | OP_EPILOGUE | OP_PROLOGUE | OP_READS_AGAIN | OP_HALF,
    .shape = layer_norm_shape,
    .workspace = forward_workspace,
    .cpu = layer_norm_cpu,
    .opencl = layer_norm_opencl,
    .gradient = layer_norm_gradient,
};

const struct op op_layer_norm_backward = {
    .name = "layer_norm_backward",
    .nin = BACK_OPERANDS,
    .nout = BACK_OUTPUTS,
    .keeps =
        KEEP_IN(BACK_DZ) | KEEP_IN(BACK_X) | KEEP_IN(BACK_WEIGHT) | KEEP_IN(BACK_MEAN) | KEEP_IN(BACK_INVSTD),
    .flags = OP_FLOWS | OP_EPILOGUE | OP_PROLOGUE | OP_READS_AGAIN | OP_HALF,
    .shape = backward_shape,
    .workspace = backward_workspace,
    .cpu = backward_cpu,
    .opencl = backward_opencl,
    .gradient = backward_gradient,
};

/* ---- The public functions ---- */

/* weight or bias as [groups,channels,1], `otherwise` (0 or 1) where there is none; want is its shape. */
static gradc_tensor *vector(const char *op, const struct tensor *x, gradc_tensor *v, const char *name,
                            int otherwise, const struct layout *want, const int64_t *shape)
{
    const gradc_dtype computes = dtype_computes(x->dtype);
    if (!v)
        return gradc_contiguous(gradc_expand(context_constant(x->g, computes, otherwise), 3, shape));
    const struct tensor *t = op_operand(v, op);
    if (!t)
        return NULL;
    if (t->dtype != x->dtype && t->dtype != computes)
        context_fail(x->g, GRADC_E_DTYPE, "%s: %s is %s, x is %s", op, name, gradc_dtype_name(t->dtype),
                     gradc_dtype_name(x->dtype));
    else if (!layout_same_shape(&t->layout, want))
        context_fail(x->g, GRADC_E_SHAPE, "%s: %s %s is not %s", op, name, SHAPE(&t->layout), SHAPE(want));
    else
        return gradc_contiguous(gradc_reshape(gradc_cast(v, computes), 3, shape));
    return NULL;
}

static gradc_status check(const char *op, const struct tensor *x, double eps)
{
    if (!dtype_is_float(x->dtype))
        return context_fail(x->g, GRADC_E_DTYPE, "%s: x is %s, no float", op, gradc_dtype_name(x->dtype));
    if (!(eps >= 0) || isinf(eps))
        return context_fail(x->g, GRADC_E_ARG, "%s: eps %g is no good number", op, eps);
    return GRADC_OK;
}

/* x as rows [batch,groups,channels,inner]; weight and bias are of the shape `want`. */
static gradc_tensor *normalise(const char *op, gradc_tensor *x, const struct tensor *t, const int64_t *rows,
                               gradc_tensor *weight, gradc_tensor *bias, const struct layout *want, double eps)
{
    const int64_t shape[] = {rows[1], rows[2], 1};
    gradc_tensor *w = vector(op, t, weight, "weight", 1, want, shape);
    gradc_tensor *b = w ? vector(op, t, bias, "bias", 0, want, shape) : NULL;
    if (!w || !b)
        return NULL;
    gradc_tensor *seen = gradc_reshape(gradc_contiguous(x), 4, rows), *z;
    if (layout_numel(&t->layout) == 0)
        z = gradc_cast(gradc_add(gradc_mul(gradc_cast(seen, dtype_computes(t->dtype)), w), b), t->dtype);
    else
        z = op_record(&op_layer_norm, 3, (gradc_tensor *const[]){seen, w, b},
                      &(struct attributes){.nreals = 1, .reals = &eps});
    return gradc_reshape(z, t->layout.ndim, t->layout.shape);
}

gradc_tensor *gradc_layer_norm(gradc_tensor *x, int ndim, const int64_t *shape, gradc_tensor *weight,
                               gradc_tensor *bias, double eps)
{
    x = autocast_single(x);
    weight = autocast_single(weight);
    bias = autocast_single(bias);
    const struct tensor *t = op_operand(x, "layer_norm");
    int64_t rows[4] = {1, 1, 1, 1};
    struct layout want;
    if (!t || check("layer_norm", t, eps) || context_layout(t->g, "layer_norm", t->dtype, ndim, shape, &want))
        return NULL;
    int outer = t->layout.ndim - ndim, same = ndim > 0 && outer >= 0;
    for (int i = 0; same && i < t->layout.ndim; i++) {
        same = i < outer || t->layout.shape[i] == shape[i - outer];
        rows[i < outer ? 0 : 2] *= t->layout.shape[i];
    }
    if (!same) {
        context_fail(t->g, GRADC_E_SHAPE, "layer_norm: x %s does not end with the shape %s",
                     SHAPE(&t->layout), SHAPE(&want));
        return NULL;
    }
    return normalise("layer_norm", x, t, rows, weight, bias, &want, eps);
}

gradc_tensor *gradc_group_norm(gradc_tensor *x, int groups, gradc_tensor *weight, gradc_tensor *bias, double eps)
{
    x = autocast_single(x);
    weight = autocast_single(weight);
    bias = autocast_single(bias);
    const struct tensor *t = op_operand(x, "group_norm");
    if (!t || check("group_norm", t, eps))
        return NULL;
    const struct layout *l = &t->layout;
    if (l->ndim < 2) {
        context_fail(t->g, GRADC_E_SHAPE, "group_norm: x %s is not [batch,c,...]", SHAPE(l));
        return NULL;
    }
    if (groups < 1) {
        context_fail(t->g, GRADC_E_ARG, "group_norm: %d groups, there must be 1 or more", groups);
        return NULL;
    }
    if (l->shape[1] % groups != 0) {
        context_fail(t->g, GRADC_E_SHAPE, "group_norm: the channels of x %s do not fall into %d groups",
                     SHAPE(l), groups);
        return NULL;
    }
    int64_t rows[4] = {l->shape[0], groups, l->shape[1] / groups, 1};
    for (int i = 2; i < l->ndim; i++)
        rows[3] *= l->shape[i];
    const struct layout want = {.ndim = 1, .shape = {l->shape[1]}, .stride = {1}};
    return normalise("group_norm", x, t, rows, weight, bias, &want, eps);
}
