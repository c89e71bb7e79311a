/* slice.c - z = x[start:stop:step] along one axis, a view, and the kernel of its gradient, slice_backward. */
#include "ops/slice.h"

#include <string.h>

/* ints of slice: axis, start, stop, step as given; the shape rule makes them axis, start, count, step, all in
 * range. */
enum { SLICE_AXIS, SLICE_START, SLICE_STOP, SLICE_STEP, SLICE_INTS, SLICE_COUNT = SLICE_STOP };

/* ints of slice_backward: the first four as slice's (normalised), and the axis' size in x. */
enum { SLICE_SIZE = SLICE_INTS, SLICE_BACKWARD_INTS };

/* A bound as Python reads it: from the end if negative, clipped to 0..size. */
static int64_t slice_bound(int64_t bound, int64_t size)
{
    if (bound < 0)
        bound += size;
    return bound < 0 ? 0 : bound > size ? size : bound;
}

static gradc_status slice_shape(struct record *r)
{
    const struct layout *x = &r->in[0]->layout;
    struct layout *z = &r->out[0].layout;
    int axis;
    int64_t start, stop, step = r->ints[SLICE_STEP], count;

    if (x->ndim == 0)
        return record_fail(r, GRADC_E_SHAPE, "x [] has no axis to slice");
    if ((axis = record_axis(r, r->ints[SLICE_AXIS], x->ndim)) < 0)
        return GRADC_E_ARG;
    if (step < 1)
        return record_fail(r, GRADC_E_ARG, "step %lld is not positive", (long long)step);
    start = slice_bound(r->ints[SLICE_START], x->shape[axis]);
    stop = slice_bound(r->ints[SLICE_STOP], x->shape[axis]);
    count = stop > start ? (stop - start - 1) / step + 1 : 0;
    r->ints[SLICE_AXIS] = axis;
    r->ints[SLICE_START] = count ? start : 0;
    r->ints[SLICE_COUNT] = count;
    r->ints[SLICE_STEP] = count > 1 ? step : 1;
    r->out[0].dtype = r->in[0]->dtype;
    *z = *x;
    z->shape[axis] = count;
    z->offset += r->ints[SLICE_START] * x->stride[axis];
    z->stride[axis] *= r->ints[SLICE_STEP];
    return GRADC_OK;
}

/* dx = zeros with dz at the slice. */
static gradc_tensor *slice_backward(gradc_tensor *dz, const int64_t *ints, int64_t size);

static void slice_gradient(struct gradient *d)
{
    d->dx[0] = slice_backward(d->dz[0], d->ints, tensor_of(d->x[0])->layout.shape[d->ints[SLICE_AXIS]]);
}

const struct op op_slice = {
    .name = "slice", .nin = 1, .nout = 1, .flags = OP_VIEW, .shape = slice_shape, .gradient = slice_gradient};

gradc_tensor *gradc_slice(gradc_tensor *x, int axis, int64_t start, int64_t stop, int64_t step)
{
    const int64_t ints[SLICE_INTS] = {axis, start, stop, step};

    return op_record(&op_slice, 1, &x, &(struct attributes){.nints = SLICE_INTS, .ints = ints});
}

/* ---- slice_backward ---- */

static gradc_status slice_backward_shape(struct record *r)
{
    r->out[0].dtype = r->in[0]->dtype;
    r->out[0].layout = r->in[0]->layout;
    r->out[0].layout.shape[r->ints[SLICE_AXIS]] = r->ints[SLICE_SIZE];
    return GRADC_OK;
}

/* dz and dx as [outer, count or size, inner], both contiguous. */
struct slice_job {
    const char *dz;
    char *dx;
    int64_t start, count, step, size, inner; /* start, step, inner: bytes in dx for inner, else positions */
};

enum { SLICE_GRAIN = 65536 }; /* elements of dx a task */

static struct slice_job slice_job_of(const struct launch *l, int64_t *outer)
{
    const struct layout *dx = &l->out[0].layout;
    int axis = (int)l->ints[SLICE_AXIS];
    struct slice_job job = {.start = l->ints[SLICE_START],
                            .count = l->ints[SLICE_COUNT],
                            .step = l->ints[SLICE_STEP],
                            .size = l->ints[SLICE_SIZE],
                            .inner = 1};

    *outer = 1;
    for (int i = 0; i < axis; i++)
        *outer *= dx->shape[i];
    for (int i = axis + 1; i < dx->ndim; i++)
        job.inner *= dx->shape[i];
    return job;
}

/* One of the outer planes. */
static void slice_plane(void *arg, int64_t plane, int thread)
{
    const struct slice_job *job = arg;
    const char *dz = job->dz + plane * job->count * job->inner;
    char *dx = job->dx + plane * job->size * job->inner;

    (void)thread;
    if (job->step == 1) {
        size_t head = (size_t)(job->start * job->inner), body = (size_t)(job->count * job->inner);

        memset(dx, 0, head);
        memcpy(dx + head, dz, body);
        memset(dx + head + body, 0, (size_t)(job->size * job->inner) - head - body);
        return;
    }
    memset(dx, 0, (size_t)(job->size * job->inner));
    for (int64_t i = 0; i < job->count; i++)
        memcpy(dx + (job->start + i * job->step) * job->inner, dz + i * job->inner, (size_t)job->inner);
}

struct slice_tasks {
    struct slice_job job;
    int64_t outer, planes; /* planes a task */
};

static void slice_task(void *arg, int64_t task, int thread)
{
    struct slice_tasks *t = arg;
    int64_t end = (task + 1) * t->planes < t->outer ? (task + 1) * t->planes : t->outer;

    for (int64_t i = task * t->planes; i < end; i++)
        slice_plane(&t->job, i, thread);
}

static gradc_status slice_backward_cpu(const struct launch *l, struct failure *f)
{
    struct slice_tasks t;
    int64_t plane;

    (void)f;
    t.job = slice_job_of(l, &t.outer);
    plane = t.job.size * t.job.inner;
    t.planes = plane < SLICE_GRAIN ? SLICE_GRAIN / plane : 1;
    t.job.inner *= (int64_t)gradc_dtype_size(l->out[0].dtype);
    t.job.dz = t.job.count ? view_host(&l->in[0]) : NULL;
    t.job.dx = view_host(&l->out[0]);
    if (t.job.count == 0)
        memset(t.job.dx, 0, (size_t)(t.outer * t.job.size * t.job.inner));
    else
        cpu_parallel(l->device, cpu_tasks(t.outer, t.planes), slice_task, &t);
    return GRADC_OK;
}

static gradc_status slice_backward_opencl(const struct launch *l, struct failure *f)
{
    struct kernel_call k;
    int64_t outer;
    struct slice_job job = slice_job_of(l, &outer);
    /* An empty dz has no memory, and is not read: dx stands in for it. */
    const struct view *dz = job.count ? &l->in[0] : &l->out[0];

    kernel_start(&k, "slice", "slice_backward", l->out[0].dtype);
    kernel_tensor(&k, dz);
    kernel_tensor(&k, &l->out[0]);
    kernel_i64(&k, outer * job.size * job.inner);
    kernel_i64(&k, job.start);
    kernel_i64(&k, job.count);
    kernel_i64(&k, job.step);
    kernel_i64(&k, job.size);
    kernel_i64(&k, job.inner);
    kernel_range(&k, outer * job.size * job.inner);
    return launch_kernel(l, &k, f);
}

/* ddz = the slice of what flows into dx. */
static void slice_backward_gradient(struct gradient *d)
{
    const int64_t *ints = d->ints;

    d->dx[0] = gradc_slice(d->dz[0], (int)ints[SLICE_AXIS], ints[SLICE_START],
                           ints[SLICE_START] + ints[SLICE_COUNT] * ints[SLICE_STEP], ints[SLICE_STEP]);
}

const struct op op_slice_backward = {.name = "slice_backward",
                                     .nin = 1,
                                     .nout = 1,
                                     .flags = OP_HALF,
                                     .shape = slice_backward_shape,
                                     .cpu = slice_backward_cpu,
                                     .opencl = slice_backward_opencl,
                                     .gradient = slice_backward_gradient};

static gradc_tensor *slice_backward(gradc_tensor *dz, const int64_t *ints, int64_t size)
{
    const int64_t all[SLICE_BACKWARD_INTS] = {ints[SLICE_AXIS], ints[SLICE_START], ints[SLICE_COUNT],
                                              ints[SLICE_STEP], size};

    dz = gradc_contiguous(dz);
    return op_record(&op_slice_backward, 1, &dz, &(struct attributes){.nints = SLICE_BACKWARD_INTS, .ints = all});
}

gradc_tensor *slice_into_zeros(gradc_tensor *x, int axis, int64_t start, int64_t size)
{
    struct tensor *t = op_operand(x, "slice_backward");
    int64_t ints[SLICE_INTS] = {axis, start, t ? t->layout.shape[axis] : 0, 1};

    return t ? slice_backward(x, ints, size) : NULL;
}
