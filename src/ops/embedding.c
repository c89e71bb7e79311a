/* embedding.c - z[..., :] = weight[indices[...], :], and the kernels of its gradient.
 * An index out of range goes to the device word; its row of z is zero, and it adds nothing to the
 * gradient. */
#include "core/op.h"

#include <string.h>

/* ---- Shapes ---- */

static gradc_status embedding_shape(struct record *r)
{
    const struct tensor *indices = r->in[0], *weight = r->in[1];
    struct layout *z = &r->out[0].layout;

    if (indices->dtype != GRADC_I32 && indices->dtype != GRADC_I64)
        return record_fail(r, GRADC_E_DTYPE, "indices are %s, not i32 or i64", gradc_dtype_name(indices->dtype));
    if (!dtype_is_float(weight->dtype))
        return record_fail(r, GRADC_E_DTYPE, "weight is %s, not f32 or f64", gradc_dtype_name(weight->dtype));
    if (weight->layout.ndim != 2)
        return record_fail(r, GRADC_E_SHAPE, "weight %s is not [rows,width]", SHAPE(&weight->layout));
    if (indices->layout.ndim == GRADC_MAX_NDIM)
        return record_fail(r, GRADC_E_SHAPE, "indices %s leave no room for another dimension",
                           SHAPE(&indices->layout));
    *z = indices->layout;
    z->shape[z->ndim++] = weight->layout.shape[1];
    r->out[0].dtype = weight->dtype;
    return GRADC_OK;
}

/* The indices on the host. */
struct index_list {
    const void *first;
    int wide; /* i64 */
    int64_t n;
};

static struct index_list index_list_of(const struct view *indices)
{
    return (struct index_list){view_host(indices), indices->dtype == GRADC_I64, layout_numel(&indices->layout)};
}

static int64_t index_of(const struct index_list *l, int64_t i)
{
    return l->wide ? ((const int64_t *)l->first)[i] : ((const int32_t *)l->first)[i];
}

/* ---- The CPU ---- */

enum { EMBEDDING_GRAIN = 16384 }; /* elements of z a task */

struct embedding_job {
    struct index_list indices;
    const char *weight;
    char *z;
    int64_t rows, row_bytes, per_task;
    int64_t *wrong; /* of each task: the first index out of range, or -1 */
};

static int64_t embedding_per_task(int64_t width)
{
    return width < EMBEDDING_GRAIN ? EMBEDDING_GRAIN / (width ? width : 1) : 1;
}

static void embedding_task(void *arg, int64_t task, int thread)
{
    const struct embedding_job *job = arg;
    int64_t n = job->indices.n, first = task * job->per_task,
            end = first + job->per_task < n ? first + job->per_task : n;
    size_t bytes = (size_t)job->row_bytes;

    (void)thread;
    job->wrong[task] = -1;
    for (int64_t i = first; i < end; i++) {
        int64_t row = index_of(&job->indices, i);

        if (row >= 0 && row < job->rows) {
            memcpy(job->z + i * job->row_bytes, job->weight + row * job->row_bytes, bytes);
            continue;
        }
        memset(job->z + i * job->row_bytes, 0, bytes);
        if (job->wrong[task] < 0)
            job->wrong[task] = i;
    }
}

static gradc_status embedding_cpu(const struct launch *l, struct failure *f)
{
    const struct layout *weight = &l->in[1].layout;
    int64_t width = weight->shape[1];
    struct embedding_job job = {
        .indices = index_list_of(&l->in[0]),
        .weight = view_host(&l->in[1]),
        .z = view_host(&l->out[0]),
        .rows = weight->shape[0],
        .row_bytes = width * (int64_t)gradc_dtype_size(l->out[0].dtype),
        .per_task = embedding_per_task(width),
        .wrong = (int64_t *)(void *)((char *)l->workspace.slab->memory + l->workspace.offset)};
    int64_t tasks = cpu_tasks(job.indices.n, job.per_task);

    (void)f;
    cpu_parallel(l->device, tasks, embedding_task, &job);
    for (int64_t task = 0; task < tasks; task++)
        if (job.wrong[task] >= 0) {
            launch_report(l, job.wrong[task], index_of(&job.indices, job.wrong[task]));
            break;
        }
    return GRADC_OK;
}

static size_t embedding_workspace(const struct launch *l)
{
    int64_t width = l->in[1].layout.shape[1];

    if (l->device->opencl)
        return 0;
    return (size_t)cpu_tasks(layout_numel(&l->in[0].layout), embedding_per_task(width)) * sizeof(int64_t);
}

/* ---- OpenCL ---- */

static gradc_status embedding_opencl(const struct launch *l, struct failure *f)
{
    const struct layout *weight = &l->in[1].layout;
    int64_t n = layout_numel(&l->in[0].layout), width = weight->shape[1];
    struct kernel_call k;

    kernel_start(&k, "embedding", "embedding", l->out[0].dtype);
    kernel_option(&k, "-DINDEX=%s", gradc_dtype_name(l->in[0].dtype));
    kernel_place(&k, l->word);
    kernel_i64(&k, l->serial);
    kernel_tensor(&k, &l->in[0]);
    kernel_tensor(&k, weight->shape[0] ? &l->in[1] : &l->out[0]); /* an empty weight is not read */
    kernel_tensor(&k, &l->out[0]);
    kernel_i64(&k, n);
    kernel_i64(&k, weight->shape[0]);
    kernel_i64(&k, width);
    kernel_range(&k, n * width);
    return launch_kernel(l, &k, f);
}

/* ---- embedding_backward: dweight[row, :] = the sum of dz[i, :] over the i with indices[i] == row, in their
 * order ---- in: dz, indices; ints: rows. */

static gradc_status embedding_backward_shape(struct record *r)
{
    const struct layout *dz = &r->in[0]->layout;

    r->out[0].dtype = r->in[0]->dtype;
    r->out[0].layout = (struct layout){.ndim = 2, .shape = {r->ints[0], dz->shape[dz->ndim - 1]}};
    return GRADC_OK;
}

/* A task makes a block of dweight's columns and a range of its rows; each goes through all indices. */
enum { EMBEDDING_COLUMNS = 64, EMBEDDING_TASKS = 8 };

struct embedding_backward_job {
    struct index_list indices;
    const void *dz;
    void *dw;
    int f64;
    int64_t rows, width, blocks, rows_per_task;
};

static void embedding_backward_task(void *arg, int64_t task, int thread)
{
    const struct embedding_backward_job *job = arg;
    int64_t column = task % job->blocks * EMBEDDING_COLUMNS, first = task / job->blocks * job->rows_per_task;
    int64_t end = first + job->rows_per_task < job->rows ? first + job->rows_per_task : job->rows;
    int64_t left = job->width - column, n = left < EMBEDDING_COLUMNS ? left : EMBEDDING_COLUMNS;
    size_t size = job->f64 ? 8 : 4;

    (void)thread;
    for (int64_t row = first; row < end; row++)
        memset((char *)job->dw + (size_t)(row * job->width + column) * size, 0, (size_t)n * size);
    for (int64_t i = 0; i < job->indices.n; i++) {
        int64_t row = index_of(&job->indices, i), to, from = i * job->width + column;

        if (row < first || row >= end)
            continue;
        to = row * job->width + column;
        for (int64_t k = 0; job->f64 && k < n; k++)
            ((double *)job->dw)[to + k] += ((const double *)job->dz)[from + k];
        for (int64_t k = 0; !job->f64 && k < n; k++)
            ((float *)job->dw)[to + k] += ((const float *)job->dz)[from + k];
    }
}

static gradc_status embedding_backward_cpu(const struct launch *l, struct failure *f)
{
    const struct layout *dw = &l->out[0].layout;
    struct embedding_backward_job job = {.indices = index_list_of(&l->in[1]),
                                         .dz = view_host(&l->in[0]),
                                         .dw = view_host(&l->out[0]),
                                         .f64 = l->out[0].dtype == GRADC_F64,
                                         .rows = dw->shape[0],
                                         .width = dw->shape[1]};
    int64_t ranges;

    (void)f;
    job.blocks = (job.width - 1) / EMBEDDING_COLUMNS + 1;
    ranges = job.blocks >= EMBEDDING_TASKS ? 1 : (EMBEDDING_TASKS - 1) / job.blocks + 1;
    if ((job.indices.n + job.rows) * job.width < EMBEDDING_GRAIN)
        ranges = 1;
    job.rows_per_task = (job.rows - 1) / ranges + 1;
    cpu_parallel(l->device, cpu_tasks(job.rows, job.rows_per_task) * job.blocks, embedding_backward_task, &job);
    return GRADC_OK;
}

/* OpenCL: the positions are sorted by their index: counted, given places, and put in order among equal ones.
 * The workspace holds, in 32-bit integers: starts [rows + 1], fill [rows], places [n], order [n]. */
enum { EMBEDDING_GROUP = 256 };

static void embedding_step(struct kernel_call *k, const char *kernel, const struct launch *l, int64_t items)
{
    const struct layout *indices = &l->in[1].layout;
    int64_t n = layout_numel(indices), rows = l->out[0].layout.shape[0];
    struct view work = {.at = l->workspace,
                        .dtype = GRADC_I32,
                        .layout = {.ndim = 1, .shape = {2 * rows + 1 + 2 * n}, .stride = {1}}};

    kernel_start(k, "embedding", kernel, l->out[0].dtype);
    kernel_option(k, "-DINDEX=%s", gradc_dtype_name(l->in[1].dtype));
    kernel_tensor(k, n ? &l->in[1] : &work);
    kernel_tensor(k, &work);
    kernel_i64(k, n);
    kernel_i64(k, rows);
    kernel_range(k, items);
}

static gradc_status embedding_backward_opencl(const struct launch *l, struct failure *f)
{
    int64_t n = layout_numel(&l->in[1].layout), rows = l->out[0].layout.shape[0],
            width = l->out[0].layout.shape[1];
    size_t local = EMBEDDING_GROUP;
    const char *steps[] = {"backward_zero", "backward_count", "backward_starts", "backward_places",
                           "backward_order"};
    int64_t items[] = {rows + 1, n, 0, n, n};
    struct kernel_call k;

    if (n > INT32_MAX || rows >= INT32_MAX)
        return fail(f, GRADC_E_UNSUPPORTED, "embedding_backward: %lld indices into %lld rows are too many",
                    (long long)n, (long long)rows);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        gradc_status status;

        embedding_step(&k, steps[i], l, items[i]);
        if (items[i] == 0)
            kernel_groups(&k, 1, &(size_t){1}, &local);
        if ((status = launch_kernel(l, &k, f)) != GRADC_OK)
            return status;
    }
    embedding_step(&k, "backward_sum", l, rows * width);
    kernel_tensor(&k, n ? &l->in[0] : &l->out[0]);
    kernel_tensor(&k, &l->out[0]);
    kernel_i64(&k, width);
    return launch_kernel(l, &k, f);
}

static size_t embedding_backward_workspace(const struct launch *l)
{
    int64_t n = layout_numel(&l->in[1].layout), rows = l->out[0].layout.shape[0];

    return l->device->opencl ? (size_t)(2 * rows + 1 + 2 * n) * sizeof(int32_t) : 0;
}

/* ddz = embedding of what flows into dweight. */
static void embedding_backward_gradient(struct gradient *d)
{
    if (d->wants[0])
        d->dx[0] = gradc_embedding(d->x[1], d->dz[0]);
}

const struct op op_embedding_backward = {.name = "embedding_backward",
                                         .nin = 2,
                                         .nout = 1,
                                         .keeps = KEEP_IN(1),
                                         .shape = embedding_backward_shape,
                                         .workspace = embedding_backward_workspace,
                                         .cpu = embedding_backward_cpu,
                                         .opencl = embedding_backward_opencl,
                                         .gradient = embedding_backward_gradient};

/* ---- embedding ---- */

static void embedding_gradient(struct gradient *d)
{
    gradc_tensor *in[2] = {gradc_contiguous(d->dz[0]), d->x[0]};
    const int64_t rows = tensor_of(d->x[1])->layout.shape[0];

    if (d->wants[1])
        d->dx[1] = op_record(&op_embedding_backward, 2, in, &(struct attributes){.nints = 1, .ints = &rows});
}

/* in: indices, weight. */
const struct op op_embedding = {.name = "embedding",
                                .nin = 2,
                                .nout = 1,
                                .keeps = KEEP_IN(0),
                                .flags = OP_REPORTS,
                                .shape = embedding_shape,
                                .workspace = embedding_workspace,
                                .cpu = embedding_cpu,
                                .opencl = embedding_opencl,
                                .gradient = embedding_gradient};

gradc_tensor *gradc_embedding(gradc_tensor *indices, gradc_tensor *weight)
{
    gradc_tensor *in[2] = {gradc_contiguous(indices), gradc_contiguous(weight)};

    return op_record(&op_embedding, 2, in, NULL);
}
