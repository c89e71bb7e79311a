/* softmax.c - softmax and log_softmax along one axis, and the kernels of their gradients.  The vector loops
 * are in softmax_isa.c, the kernels in opencl/softmax.cl. */
#include "ops/softmax.h"
#include "device/cpu/half.h"
#include "device/cpu/isa.h"
#include "ops/ops.h"
#include "ops/wide_gradient.h"

ISA_DECLARE(struct softmax_loops, softmax_loops);

const struct softmax_loops *softmax_loops_here(void)
{
    static const struct softmax_loops *const table[CPU_ISAS] = ISA_TABLE(softmax_loops);

    return table[cpu_isa()];
}

/* ints of all four ops. */
enum { SOFTMAX_AXIS, SOFTMAX_INTS };

/* All operands and the result are of one shape, seen as [outer, n, inner] around the axis, without gaps. */
struct softmax_extent {
    int64_t outer, n, inner;
};

static struct softmax_extent softmax_extent_of(const struct layout *z, int64_t axis)
{
    struct softmax_extent s = {1, 1, 1};

    for (int i = 0; i < z->ndim; i++)
        *(i < axis ? &s.outer : i == axis ? &s.n : &s.inner) *= z->shape[i];
    return s;
}

/* A 0-d x has one axis, as PyTorch has it. */
static gradc_status softmax_shape(struct record *r)
{
    const struct tensor *x = r->in[0];
    int axis = record_axis(r, r->ints[SOFTMAX_AXIS], x->layout.ndim ? x->layout.ndim : 1);

    if (axis < 0)
        return GRADC_E_ARG;
    if (!dtype_is_float(x->dtype))
        return record_fail(r, GRADC_E_DTYPE, "x is %s, no float", gradc_dtype_name(x->dtype));
    r->ints[SOFTMAX_AXIS] = axis;
    r->out[0].dtype = x->dtype;
    r->out[0].layout = x->layout;
    return GRADC_OK;
}

static gradc_tensor *softmax_record(const struct op *op, int nin, gradc_tensor *x, gradc_tensor *y, int axis)
{
    gradc_tensor *in[2] = {gradc_contiguous(x), nin > 1 ? gradc_contiguous(y) : NULL};

    return op_record(op, nin, in, &(struct attributes){.nints = SOFTMAX_INTS, .ints = (const int64_t[]){axis}});
}

/* ---- The CPU ---- */

enum { SOFTMAX_GRAIN = 16384, SOFTMAX_ROWS = 16, SOFTMAX_WIDTH = 64 }; /* elements, rows, columns of a task */

struct softmax_job {
    const struct launch *l;
    struct softmax_extent s;
    softmax_rows *rows;
    softmax_columns *columns;
    const char *x, *y; /* y NULL: none */
    char *z;
    int64_t size, per_task, blocks; /* bytes of an element; rows or blocks of columns a task; blocks of inner */
    gradc_dtype dtype;
    float *wide; /* of 16-bit elements: `room` floats of x and as many of y for each thread */
    int64_t room;
};

/* Elements of 16 bits that are widened at once: rows that fill a task together, or one, or a block of columns. */
static int64_t softmax_room(const struct softmax_extent *s)
{
    if (s->inner > 1)
        return s->n * (s->inner < SOFTMAX_WIDTH ? s->inner : SOFTMAX_WIDTH);
    return s->n > SOFTMAX_GRAIN / SOFTMAX_ROWS ? s->n : SOFTMAX_GRAIN;
}

/* `count` runs of n elements, `stride` apart, to f32 without gaps. */
static void softmax_widen(const struct softmax_job *job, const char *x, int64_t count, int64_t n,
                          int64_t stride, float *to)
{
    for (int64_t i = 0; i < count; i++)
        half_widen(job->dtype, n, x + i * stride * job->size, 1, to + i * n);
}

static void softmax_wide_rows(const struct softmax_job *job, int64_t at, int64_t rows, int thread)
{
    float *x = job->wide + 2 * thread * job->room, *y = job->y ? x + job->room : NULL;
    const int64_t n = job->s.n, some = job->room / n;

    for (int64_t r = 0; r < rows; r += some) {
        const int64_t count = (rows - r < some ? rows - r : some), from = at + r * n * job->size;

        half_widen(job->dtype, count * n, job->x + from, 1, x);
        if (y)
            half_widen(job->dtype, count * n, job->y + from, 1, y);
        job->rows(x, y, x, count, n);
        half_narrow(job->dtype, count * n, x, job->z + from);
    }
}

static void softmax_wide_columns(const struct softmax_job *job, int64_t at, int64_t width, int thread)
{
    float *x = job->wide + 2 * thread * job->room, *y = job->y ? x + job->room : NULL;
    const struct softmax_extent *s = &job->s;

    softmax_widen(job, job->x + at, s->n, width, s->inner, x);
    if (y)
        softmax_widen(job, job->y + at, s->n, width, s->inner, y);
    job->columns(x, y, x, s->n, width, width);
    for (int64_t i = 0; i < s->n; i++)
        half_narrow(job->dtype, width, x + i * width, job->z + at + i * s->inner * job->size);
}

static void softmax_row_task(void *arg, int64_t task, int thread)
{
    const struct softmax_job *job = arg;
    const struct launch *l = job->l;
    int64_t first = task * job->per_task, left = job->s.outer - first, n = job->s.n;
    int64_t rows = left < job->per_task ? left : job->per_task, at = first * n * job->size;

    epilogue_run(l->prologue, first * n, rows * n);
    if (job->wide)
        softmax_wide_rows(job, at, rows, thread);
    else
        job->rows(job->x + at, job->y ? job->y + at : NULL, job->z + at, rows, n);
    epilogue_run(l->epilogue, first * n, rows * n);
}

static void softmax_column_task(void *arg, int64_t task, int thread)
{
    const struct softmax_job *job = arg;
    const struct softmax_extent *s = &job->s;
    int64_t first = task * job->per_task, end = first + job->per_task, all = s->outer * job->blocks;

    for (int64_t i = first; i < end && i < all; i++) {
        int64_t column = i % job->blocks * SOFTMAX_WIDTH, left = s->inner - column;
        int64_t at = (i / job->blocks * s->n * s->inner + column) * job->size;
        int64_t width = left < SOFTMAX_WIDTH ? left : SOFTMAX_WIDTH;

        if (job->wide)
            softmax_wide_columns(job, at, width, thread);
        else
            job->columns(job->x + at, job->y ? job->y + at : NULL, job->z + at, s->n, s->inner, width);
    }
}

static gradc_status softmax_cpu(const struct launch *l, enum softmax_kind kind)
{
    const struct softmax_loops *loops = softmax_loops_here();
    int f64 = l->out[0].dtype == GRADC_F64;
    struct softmax_job job = {.l = l,
                              .s = softmax_extent_of(&l->out[0].layout, l->ints[SOFTMAX_AXIS]),
                              .rows = loops->rows[f64][kind],
                              .columns = loops->columns[f64][kind],
                              .x = view_host(&l->in[0]),
                              .y = l->nin > 1 ? view_host(&l->in[1]) : NULL,
                              .z = view_host(&l->out[0]),
                              .size = (int64_t)gradc_dtype_size(l->out[0].dtype),
                              .dtype = l->out[0].dtype};
    int64_t width = job.s.inner < SOFTMAX_WIDTH ? job.s.inner : SOFTMAX_WIDTH;

    job.wide = dtype_is_half(job.dtype) ? place_host(l->workspace) : NULL;
    job.room = softmax_room(&job.s);
    job.per_task = SOFTMAX_GRAIN / (job.s.n * width);
    if (job.s.inner == 1) {
        job.per_task = job.per_task / SOFTMAX_ROWS * SOFTMAX_ROWS;
        job.per_task = job.per_task ? job.per_task : SOFTMAX_ROWS;
        cpu_parallel(l->device, cpu_tasks(job.s.outer, job.per_task), softmax_row_task, &job);
        return GRADC_OK;
    }
    job.per_task = job.per_task ? job.per_task : 1;
    job.blocks = (job.s.inner - 1) / SOFTMAX_WIDTH + 1;
    const int64_t all = job.s.outer * job.s.n * job.s.inner;
    cpu_epilogue(l->device, l->prologue, all);
    cpu_parallel(l->device, cpu_tasks(job.s.outer * job.blocks, job.per_task), softmax_column_task, &job);
    cpu_epilogue(l->device, l->epilogue, all);
    return GRADC_OK;
}

static size_t softmax_workspace(const struct launch *l)
{
    const struct softmax_extent s = softmax_extent_of(&l->out[0].layout, l->ints[SOFTMAX_AXIS]);

    if (l->device->opencl || !dtype_is_half(l->out[0].dtype))
        return 0;
    return (size_t)(2 * cpu_threads(l->device) * softmax_room(&s)) * sizeof(float);
}

static gradc_status softmax_forward_cpu(const struct launch *l, struct failure *f)
{
    (void)f;
    return softmax_cpu(l, SOFTMAX);
}

static gradc_status log_softmax_forward_cpu(const struct launch *l, struct failure *f)
{
    (void)f;
    return softmax_cpu(l, LOG_SOFTMAX);
}

static gradc_status softmax_backward_cpu(const struct launch *l, struct failure *f)
{
    (void)f;
    return softmax_cpu(l, SOFTMAX_BACKWARD);
}

static gradc_status log_softmax_backward_cpu(const struct launch *l, struct failure *f)
{
    (void)f;
    return softmax_cpu(l, LOG_SOFTMAX_BACKWARD);
}

/* ---- OpenCL: a work-group a row where rows are long and without gaps, else an item a row ---- */

enum { SOFTMAX_FEW = 32, SOFTMAX_LONG = 512 };

static gradc_status softmax_call(const struct launch *l, const char *items, const char *groups, int log,
                                 struct failure *f)
{
    struct softmax_extent s = softmax_extent_of(&l->out[0].layout, l->ints[SOFTMAX_AXIS]);
    int in_groups = s.inner == 1 && s.n > SOFTMAX_FEW;
    size_t local = s.n > SOFTMAX_LONG ? 256 : 64;
    struct kernel_call k;

    kernel_start(&k, "softmax", in_groups ? groups : items, l->out[0].dtype);
    kernel_option(&k, "-DGROUP=%d", (int)local);
    if (log)
        kernel_option(&k, "-DLOG");
    for (int i = 0; i < l->nin; i++)
        kernel_tensor(&k, &l->in[i]);
    k.wide |= s.outer * s.n * s.inner + s.inner > INT32_MAX; /* an item's steps of inner end beyond the last element */
    kernel_i64(&k, s.outer * s.inner);
    kernel_i64(&k, s.n);
    kernel_i64(&k, s.inner);
    kernel_result(&k, l->epilogue, &l->out[0], 0);
    kernel_prologue(&k, l->prologue);
    if (in_groups)
        kernel_groups(&k, 1, &(size_t){s.outer < 65535 ? (size_t)s.outer : 65535}, &local);
    else
        kernel_range(&k, s.outer * s.inner);
    return launch_kernel(l, &k, f);
}

static gradc_status softmax_forward_opencl(const struct launch *l, struct failure *f)
{
    return softmax_call(l, "softmax_items", "softmax_groups", 0, f);
}

static gradc_status log_softmax_forward_opencl(const struct launch *l, struct failure *f)
{
    return softmax_call(l, "softmax_items", "softmax_groups", 1, f);
}

static gradc_status softmax_backward_opencl(const struct launch *l, struct failure *f)
{
    return softmax_call(l, "softmax_backward_items", "softmax_backward_groups", 0, f);
}

static gradc_status log_softmax_backward_opencl(const struct launch *l, struct failure *f)
{
    return softmax_call(l, "softmax_backward_items", "softmax_backward_groups", 1, f);
}

/* ---- Gradients ---- */

static gradc_tensor *log_softmax_backward(gradc_tensor *dz, gradc_tensor *z, int axis);

/* dx = z (dz - sum(z dz)). */
static void softmax_gradient(struct gradient *d)
{
    d->dx[0] = softmax_backward(d->dz[0], d->z[0], (int)d->ints[SOFTMAX_AXIS]);
}

/* dx = dz - e^z sum(dz). */
static void log_softmax_gradient(struct gradient *d)
{
    d->dx[0] = log_softmax_backward(d->dz[0], d->z[0], (int)d->ints[SOFTMAX_AXIS]);
}

/* The sum along the axis, which stays with size 1. */
static gradc_tensor *sum_along(gradc_tensor *x, int axis)
{
    return gradc_sum(x, 1, &axis, 1);
}

/* Of f = z (dz - sum(z dz)) with u flowing in:  ddz = z (u - sum(z u)),  dz's = u (dz - sum(z dz)) - dz sum(u
 * z). */
static void softmax_backward_gradient(struct gradient *d)
{
    gradc_tensor *dz = d->x[0], *z = d->x[1], *u = d->dz[0];
    int axis = (int)d->ints[SOFTMAX_AXIS];

    if (d->wants[0])
        d->dx[0] = softmax_backward(u, z, axis);
    if (d->wants[1])
        d->dx[1] = gradc_sub(gradc_mul(u, gradc_sub(dz, sum_along(gradc_mul(z, dz), axis))),
                             gradc_mul(dz, sum_along(gradc_mul(u, z), axis)));
}

/* Of f = dz - e^z sum(dz) with u flowing in:  ddz = u - sum(u e^z),  dz's = -u e^z sum(dz). */
static void log_softmax_backward_gradient(struct gradient *d)
{
    gradc_tensor *dz = d->x[0], *u = d->dz[0];
    gradc_tensor *flow = gradc_mul(u, gradc_exp(d->x[1]));
    int axis = (int)d->ints[SOFTMAX_AXIS];

    if (d->wants[0])
        d->dx[0] = gradc_sub(u, sum_along(flow, axis));
    if (d->wants[1])
        d->dx[1] = gradc_neg(gradc_mul(flow, sum_along(dz, axis)));
}

static void softmax_second(struct gradient *d)
{
    wide_gradient(d, &op_softmax_backward, softmax_backward_gradient);
}

static void log_softmax_second(struct gradient *d)
{
    wide_gradient(d, &op_log_softmax_backward, log_softmax_backward_gradient);
}

/* ---- Descriptors ---- */

enum { SOFTMAX_FLAGS = OP_EPILOGUE | OP_PROLOGUE | OP_READS_AGAIN | OP_IN_STEP | OP_HALF | OP_SINGLE };

const struct op op_softmax = {.name = "softmax",
                              .nin = 1,
                              .nout = 1,
                              .flags = SOFTMAX_FLAGS,
                              .keeps = KEEP_OUT(0),
                              .shape = softmax_shape,
                              .workspace = softmax_workspace,
                              .cpu = softmax_forward_cpu,
                              .opencl = softmax_forward_opencl,
                              .gradient = softmax_gradient};

const struct op op_log_softmax = {.name = "log_softmax",
                                  .nin = 1,
                                  .nout = 1,
                                  .flags = SOFTMAX_FLAGS,
                                  .keeps = KEEP_OUT(0),
                                  .shape = softmax_shape,
                                  .workspace = softmax_workspace,
                                  .cpu = log_softmax_forward_cpu,
                                  .opencl = log_softmax_forward_opencl,
                                  .gradient = log_softmax_gradient};

/* in: dz, z. */
const struct op op_softmax_backward = {.name = "softmax_backward",
                                       .nin = 2,
                                       .nout = 1,
                                       .flags = SOFTMAX_FLAGS,
                                       .keeps = KEEP_IN(0) | KEEP_IN(1),
                                       .shape = softmax_shape,
                                       .workspace = softmax_workspace,
                                       .cpu = softmax_backward_cpu,
                                       .opencl = softmax_backward_opencl,
                                       .gradient = softmax_second};

const struct op op_log_softmax_backward = {.name = "log_softmax_backward",
                                           .nin = 2,
                                           .nout = 1,
                                           .flags = SOFTMAX_FLAGS,
                                           .keeps = KEEP_IN(0) | KEEP_IN(1),
                                           .shape = softmax_shape,
                                           .workspace = softmax_workspace,
                                           .cpu = log_softmax_backward_cpu,
                                           .opencl = log_softmax_backward_opencl,
                                           .gradient = log_softmax_second};

gradc_tensor *softmax_backward(gradc_tensor *dz, gradc_tensor *z, int axis)
{
    return softmax_record(&op_softmax_backward, 2, dz, z, axis);
}

static gradc_tensor *log_softmax_backward(gradc_tensor *dz, gradc_tensor *z, int axis)
{
    return softmax_record(&op_log_softmax_backward, 2, dz, z, axis);
}

gradc_tensor *gradc_softmax(gradc_tensor *x, int axis)
{
    return softmax_record(&op_softmax, 1, x, NULL, axis);
}

gradc_tensor *gradc_log_softmax(gradc_tensor *x, int axis)
{
    return softmax_record(&op_log_softmax, 1, x, NULL, axis);
}
