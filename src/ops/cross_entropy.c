/* cross_entropy.c - the mean negative log likelihood of the right class, softmax included, and the kernel of
 * its gradient.  The vector loops are softmax's; the kernels in opencl/cross_entropy.cl.
 *
 * loss = mean over rows b of log(s[b]) - (x[b, label[b]] - m[b]), with the row's maximum m and s = sum_j
 * e^(x[b,j] - m).  A label out of range goes to the device word; the loss is then NaN, and so is that row's
 * gradient. */
#include "core/context.h"
#include "device/cpu/half.h"
#include "ops/math.h"
#include "ops/softmax.h"
#include "ops/wide_gradient.h"

#include <math.h>

/* out: the loss, [], and hidden the stats, [rows,2]: m and s of each row (one unused row where there are
 * none, so that no output is empty). */
enum { LOSS, STATS, CROSS_ENTROPY_OUTPUTS };

/* ---- Shapes ---- */

static gradc_status cross_entropy_shape(struct record *r)
{
    const struct tensor *x = r->in[0], *labels = r->in[1];

    if (!dtype_is_float(x->dtype))
        return record_fail(r, GRADC_E_DTYPE, "logits are %s, no float", gradc_dtype_name(x->dtype));
    if (labels->dtype != GRADC_I32 && labels->dtype != GRADC_I64)
        return record_fail(r, GRADC_E_DTYPE, "labels are %s, not i32 or i64", gradc_dtype_name(labels->dtype));
    if (x->layout.ndim != 2)
        return record_fail(r, GRADC_E_SHAPE, "logits %s are not [batch,classes]", SHAPE(&x->layout));
    if (labels->layout.ndim != 1 || labels->layout.shape[0] != x->layout.shape[0])
        return record_fail(r, GRADC_E_SHAPE, "labels %s do not match logits %s", SHAPE(&labels->layout),
                           SHAPE(&x->layout));
    r->out[LOSS].dtype = x->dtype;
    r->out[LOSS].layout.ndim = 0;
    r->out[STATS].dtype = dtype_computes(x->dtype);
    r->out[STATS].layout = (struct layout){.ndim = 2, .shape = {x->layout.shape[0] ? x->layout.shape[0] : 1, 2}};
    return GRADC_OK;
}

/* ---- The CPU ---- */

enum { CROSS_ENTROPY_GRAIN = 16384, CROSS_ENTROPY_ROWS = 16 }; /* logits of a task; rows go by so many */

/* What a task finds, in the workspace. */
struct cross_entropy_part {
    double sum;
    int64_t wrong; /* the first row with a label out of range, or -1 */
};

struct cross_entropy_job {
    const struct launch *l;
    const struct softmax_loops *loops;
    gradc_dtype dtype; /* of logits */
    int f64, wide;     /* f64 logits; i64 labels */
    const char *x;
    const void *labels;
    void *stats;
    char *dx;
    struct cross_entropy_part *parts;
    int64_t rows, n, per_task; /* per_task: rows */
    double scale;              /* of the gradient */
    float *room;               /* 16-bit rows are widened here: cross_entropy_room floats for each thread */
};

/* All rows of a task, or one where rows are long. */
static int64_t cross_entropy_room(int64_t n)
{
    return n > CROSS_ENTROPY_GRAIN / CROSS_ENTROPY_ROWS ? n : CROSS_ENTROPY_GRAIN;
}

static size_t cross_entropy_room_bytes(const struct launch *l)
{
    if (l->device->opencl || !dtype_is_half(l->in[0].dtype))
        return 0;
    return (size_t)(cpu_threads(l->device) * cross_entropy_room(l->in[0].layout.shape[1])) * sizeof(float);
}

static int64_t cross_entropy_per_task(int64_t n)
{
    int64_t rows = n ? CROSS_ENTROPY_GRAIN / n / CROSS_ENTROPY_ROWS * CROSS_ENTROPY_ROWS : CROSS_ENTROPY_GRAIN;

    return rows ? rows : CROSS_ENTROPY_ROWS;
}

static int64_t label_of(const struct cross_entropy_job *job, int64_t row)
{
    return job->wide ? ((const int64_t *)job->labels)[row] : ((const int32_t *)job->labels)[row];
}

/* The loss of a row in the precision of its logits. */
static double row_loss(const struct cross_entropy_job *job, int64_t row, int64_t label)
{
    int64_t at = row * job->n + label;

    if (job->f64) {
        const double *x = (const double *)(const void *)job->x, *stats = job->stats;

        return m_log(stats[2 * row + 1]) - (x[at] - stats[2 * row]);
    }
    const float *stats = job->stats;
    float x;

    if (dtype_is_half(job->dtype))
        half_widen(job->dtype, 1, job->x + at * (int64_t)sizeof(uint16_t), 1, &x);
    else
        x = ((const float *)(const void *)job->x)[at];
    return m_log(stats[2 * row + 1]) - (x - stats[2 * row]);
}

/* The row's gradient will be NaN. */
static void row_spoil(const struct cross_entropy_job *job, int64_t row)
{
    if (job->f64)
        ((double *)job->stats)[2 * row + 1] = (double)NAN;
    else
        ((float *)job->stats)[2 * row + 1] = NAN;
}

/* The stats of rows first .. first + rows - 1. */
static void rows_stats(const struct cross_entropy_job *job, int64_t first, int64_t rows, int thread)
{
    softmax_stats *stats = job->loops->stats[job->f64];
    const int64_t n = job->n, size = (int64_t)gradc_dtype_size(job->dtype);
    char *to = (char *)job->stats + first * 2 * (job->f64 ? 8 : 4);

    if (!dtype_is_half(job->dtype)) {
        stats(job->x + first * n * size, to, rows, n);
        return;
    }
    const int64_t room = cross_entropy_room(n), some = room / n;
    float *x = job->room + thread * room;
    for (int64_t r = 0; r < rows; r += some) {
        const int64_t count = rows - r < some ? rows - r : some;

        half_widen(job->dtype, count * n, job->x + (first + r) * n * size, 1, x);
        stats(x, (float *)(void *)to + 2 * r, count, n);
    }
}

static void cross_entropy_task(void *arg, int64_t task, int thread)
{
    const struct cross_entropy_job *job = arg;
    struct cross_entropy_part *part = &job->parts[task];
    int64_t first = task * job->per_task, rows = job->rows - first;

    rows = rows < job->per_task ? rows : job->per_task;
    *part = (struct cross_entropy_part){.wrong = -1};
    epilogue_run(job->l->prologue, first * job->n, rows * job->n);
    if (job->n)
        rows_stats(job, first, rows, thread);
    for (int64_t row = first; row < first + rows; row++) {
        int64_t label = label_of(job, row);

        if (label >= 0 && label < job->n) {
            part->sum += row_loss(job, row, label);
            continue;
        }
        row_spoil(job, row);
        part->sum = (double)NAN;
        if (part->wrong < 0)
            part->wrong = row;
    }
}

static struct cross_entropy_job cross_entropy_job_of(const struct launch *l)
{
    const struct layout *x = &l->in[0].layout;

    return (struct cross_entropy_job){.l = l,
                                      .loops = softmax_loops_here(),
                                      .dtype = l->in[0].dtype,
                                      .f64 = l->in[0].dtype == GRADC_F64,
                                      .wide = l->in[1].dtype == GRADC_I64,
                                      .x = view_host(&l->in[0]),
                                      .labels = view_host(&l->in[1]),
                                      .rows = x->shape[0],
                                      .n = x->shape[1],
                                      .per_task = cross_entropy_per_task(x->shape[1])};
}

/* A number of f32, or rounded to 16 bits. */
static void number_write(const struct view *to, float number)
{
    if (dtype_is_half(to->dtype))
        half_narrow(to->dtype, 1, &number, view_host(to));
    else
        *(float *)view_host(to) = number;
}

static float number_read(const struct view *from)
{
    float number;

    if (!dtype_is_half(from->dtype))
        return *(const float *)view_host(from);
    half_widen(from->dtype, 1, view_host(from), 1, &number);
    return number;
}

static gradc_status cross_entropy_cpu(const struct launch *l, struct failure *f)
{
    struct cross_entropy_job job = cross_entropy_job_of(l);
    int64_t tasks = cpu_tasks(job.rows, job.per_task), wrong = -1;
    double sum = 0, loss;

    (void)f;
    if (job.rows) {
        job.stats = view_host(&l->out[STATS]);
        job.parts = place_host(l->workspace);
        job.room = (float *)(void *)(job.parts + tasks);
        cpu_parallel(l->device, tasks, cross_entropy_task, &job);
    }
    for (int64_t task = 0; task < tasks; task++) {
        sum += job.parts[task].sum;
        if (wrong < 0)
            wrong = job.parts[task].wrong;
    }
    if (wrong >= 0)
        launch_report(l, wrong, label_of(&job, wrong));
    loss = job.rows ? sum / (double)job.rows : (double)NAN;
    if (job.f64)
        *(double *)view_host(&l->out[LOSS]) = loss;
    else
        number_write(&l->out[LOSS], (float)loss);
    return GRADC_OK;
}

/* ---- OpenCL ---- */

enum { CROSS_ENTROPY_GROUP = 256, CROSS_ENTROPY_FEW = 64, CROSS_ENTROPY_PARTS = 1024 };

/* Parts of the sum over rows: one for each work-group that goes over them, by items or one by one. */
static int64_t cross_entropy_parts(int64_t rows, int64_t n)
{
    int64_t parts = n <= CROSS_ENTROPY_FEW ? (rows + CROSS_ENTROPY_GROUP - 1) / CROSS_ENTROPY_GROUP : rows;

    return parts < CROSS_ENTROPY_PARTS ? parts : CROSS_ENTROPY_PARTS;
}

/* The losses of all rows, as the parts of their sum. */
static gradc_status cross_entropy_rows(const struct launch *l, const struct view *part, int64_t parts,
                                       struct failure *f)
{
    const struct view *x = &l->in[0], *labels = &l->in[1];
    int64_t n = x->layout.shape[1];
    size_t groups = (size_t)parts, local = CROSS_ENTROPY_GROUP;
    struct kernel_call k;

    kernel_start(&k, "cross_entropy", n <= CROSS_ENTROPY_FEW ? "rows_items" : "rows_groups", x->dtype);
    kernel_option(&k, "-DLABEL=%s", gradc_dtype_name(labels->dtype));
    kernel_place(&k, l->word);
    kernel_i64(&k, l->serial);
    kernel_tensor(&k, n ? x : labels); /* without classes x has no memory, and is not read */
    kernel_tensor(&k, labels);
    kernel_tensor(&k, &l->out[STATS]);
    kernel_tensor(&k, part);
    kernel_i64(&k, x->layout.shape[0]);
    kernel_i64(&k, n);
    kernel_prologue(&k, l->prologue);
    kernel_groups(&k, 1, &groups, &local);
    return launch_kernel(l, &k, f);
}

static gradc_status cross_entropy_opencl(const struct launch *l, struct failure *f)
{
    const struct view *x = &l->in[0];
    int64_t rows = x->layout.shape[0], parts = cross_entropy_parts(rows, x->layout.shape[1]);
    struct view part = {.at = l->workspace,
                        .dtype = dtype_computes(x->dtype),
                        .layout = {.ndim = 1, .shape = {parts}, .stride = {1}}};
    const int direct = parts == 1 && !dtype_is_half(x->dtype); /* the only group's mean is the loss */
    size_t groups = 1, local = CROSS_ENTROPY_GROUP;
    struct kernel_call k;

    if (rows) {
        gradc_status status = cross_entropy_rows(l, direct ? &l->out[LOSS] : &part, parts, f);

        if (status != GRADC_OK || direct)
            return status;
    }
    kernel_start(&k, "cross_entropy", "loss", x->dtype);
    kernel_option(&k, "-DLABEL=%s", gradc_dtype_name(l->in[1].dtype));
    kernel_tensor(&k, rows ? &part : &l->out[LOSS]);
    kernel_tensor(&k, &l->out[LOSS]);
    kernel_i64(&k, parts);
    kernel_i64(&k, parts == 1 ? 1 : rows);
    kernel_groups(&k, 1, &groups, &local);
    return launch_kernel(l, &k, f);
}

static size_t cross_entropy_workspace(const struct launch *l)
{
    const struct layout *x = &l->in[0].layout;

    if (l->device->opencl)
        return (size_t)cross_entropy_parts(x->shape[0], x->shape[1]) *
               gradc_dtype_size(dtype_computes(l->in[0].dtype));
    return (size_t)cpu_tasks(x->shape[0], cross_entropy_per_task(x->shape[1])) *
               sizeof(struct cross_entropy_part) +
           cross_entropy_room_bytes(l);
}

/* ---- cross_entropy_backward: dx = dz / n (softmax(x) - onehot(label)); in: x, labels, stats, dz ---- */

static gradc_status cross_entropy_backward_shape(struct record *r)
{
    r->out[0].dtype = r->in[0]->dtype;
    r->out[0].layout = r->in[0]->layout;
    return GRADC_OK;
}

/* dx of `rows` rows from `first` on; x and dx begin there. */
static void rows_gradient(const struct cross_entropy_job *job, const void *x, void *dx, int64_t first, int64_t rows)
{
    const int64_t size = job->f64 ? 8 : 4;

    job->loops->scaled[job->f64](x, (const char *)job->stats + first * 2 * size, dx, rows, job->n, job->scale);
    for (int64_t row = 0; row < rows; row++) {
        int64_t label = label_of(job, first + row);

        if (label < 0 || label >= job->n)
            continue;
        if (job->f64)
            ((double *)dx)[row * job->n + label] -= job->scale;
        else
            ((float *)dx)[row * job->n + label] -= (float)job->scale;
    }
}

static void cross_entropy_backward_task(void *arg, int64_t task, int thread)
{
    const struct cross_entropy_job *job = arg;
    int64_t first = task * job->per_task, rows = job->rows - first, size = (int64_t)gradc_dtype_size(job->dtype);
    int64_t at = first * job->n * size, room = cross_entropy_room(job->n), some = room / job->n;
    float *wide = job->room + thread * room;

    rows = rows < job->per_task ? rows : job->per_task;
    if (!dtype_is_half(job->dtype))
        rows_gradient(job, job->x + at, job->dx + at, first, rows);
    for (int64_t r = 0; dtype_is_half(job->dtype) && r < rows; r += some, at += some * job->n * size) {
        const int64_t count = rows - r < some ? rows - r : some;

        half_widen(job->dtype, count * job->n, job->x + at, 1, wide);
        rows_gradient(job, wide, wide, first + r, count);
        half_narrow(job->dtype, count * job->n, wide, job->dx + at);
    }
    epilogue_run(job->l->epilogue, first * job->n, rows * job->n);
}

static gradc_status cross_entropy_backward_cpu(const struct launch *l, struct failure *f)
{
    struct cross_entropy_job job = cross_entropy_job_of(l);

    (void)f;
    job.stats = view_host(&l->in[2]);
    job.dx = view_host(&l->out[0]);
    job.room = place_host(l->workspace);
    job.scale = (job.f64 ? *(const double *)view_host(&l->in[3]) : number_read(&l->in[3])) / (double)job.rows;
    cpu_parallel(l->device, cpu_tasks(job.rows, job.per_task), cross_entropy_backward_task, &job);
    return GRADC_OK;
}

static gradc_status cross_entropy_backward_opencl(const struct launch *l, struct failure *f)
{
    const struct layout *x = &l->in[0].layout;
    struct kernel_call k;

    kernel_start(&k, "cross_entropy", "cross_entropy_backward", l->in[0].dtype);
    kernel_option(&k, "-DLABEL=%s", gradc_dtype_name(l->in[1].dtype));
    for (int i = 0; i < l->nin; i++)
        kernel_tensor(&k, &l->in[i]);
    kernel_i64(&k, x->shape[0]);
    kernel_i64(&k, x->shape[1]);
    kernel_result(&k, l->epilogue, &l->out[0], 0);
    kernel_range(&k, x->shape[0] * x->shape[1]);
    return launch_kernel(l, &k, f);
}

extern const struct op op_cross_entropy_backward;

/* Of dx = dz s with s = (softmax(x) - onehot) / n and u flowing in:
 * ddz = sum(u s),  dx's = dz / n * softmax_backward(u, softmax(x)). */
static void cross_entropy_second(struct gradient *d)
{
    const struct tensor *x = tensor_of(d->x[0]);
    gradc_tensor *u = d->dz[0];

    if (d->wants[0]) {
        gradc_tensor *flow = softmax_backward(u, gradc_softmax(d->x[0], 1), 1);

        d->dx[0] = gradc_mul(flow, gradc_mul_scalar(d->x[3], 1 / (double)x->layout.shape[0]));
    }
    if (d->wants[3]) {
        gradc_tensor *in[4] = {d->x[0], d->x[1], d->x[2], context_constant(d->g, x->dtype, 1)};

        d->dx[3] = gradc_sum(gradc_mul(u, op_record(&op_cross_entropy_backward, 4, in, NULL)), 0, NULL, 0);
    }
}

static void cross_entropy_backward_gradient(struct gradient *d)
{
    wide_gradient(d, &op_cross_entropy_backward, cross_entropy_second);
}

const struct op op_cross_entropy_backward = {.name = "cross_entropy_backward",
                                             .nin = 4,
                                             .nout = 1,
                                             .flags = OP_EPILOGUE | OP_IN_STEP | OP_HALF,
                                             .keeps = KEEP_IN(0) | KEEP_IN(1) | KEEP_IN(2) | KEEP_IN(3),
                                             .shape = cross_entropy_backward_shape,
                                             .workspace = cross_entropy_room_bytes,
                                             .cpu = cross_entropy_backward_cpu,
                                             .opencl = cross_entropy_backward_opencl,
                                             .gradient = cross_entropy_backward_gradient};

/* ---- cross_entropy ---- */

/* No gradient flows to the labels, nor from the stats. */
static void cross_entropy_gradient(struct gradient *d)
{
    gradc_tensor *in[4] = {d->x[0], d->x[1], d->z[STATS], d->dz[LOSS]};

    if (d->wants[0] && in[3])
        d->dx[0] = op_record(&op_cross_entropy_backward, 4, in, NULL);
}

const struct op op_cross_entropy = {.name = "cross_entropy",
                                    .nin = 2,
                                    .nout = CROSS_ENTROPY_OUTPUTS,
                                    .keeps = KEEP_IN(0) | KEEP_IN(1) | KEEP_OUT(STATS),
                                    .flags = OP_REPORTS | OP_PROLOGUE | OP_READS_AGAIN | OP_HALF | OP_SINGLE,
                                    .shape = cross_entropy_shape,
                                    .workspace = cross_entropy_workspace,
                                    .cpu = cross_entropy_cpu,
                                    .opencl = cross_entropy_opencl,
                                    .gradient = cross_entropy_gradient};

gradc_tensor *gradc_cross_entropy(gradc_tensor *logits, gradc_tensor *labels)
{
    gradc_tensor *in[2] = {gradc_contiguous(logits), gradc_contiguous(labels)};

    return op_record(&op_cross_entropy, 2, in, NULL);
}
