/* gather.c - elements of x picked along one axis by indices: gather, index_select, and the forms of embedding.
 *
 * An index out of range goes to the device word; what it stands for is zero, and it adds nothing to the gradient. */
#include "ops/gather.h"

#include <string.h>

#include "ops/strided.h"

/* ---- Shapes ---- */

struct gather_shape gather_shape_of(const struct layout *x, const struct view *index, const int64_t *ints)
{
    int axis = (int)ints[GATHER_AXIS];
    struct gather_shape s = {.outer = 1, .size = x->shape[axis], .inner = 1, .list = (int)ints[GATHER_LIST]};

    s.count = s.list ? layout_numel(&index->layout) : index->layout.shape[axis];
    for (int i = 0; i < axis; i++)
        s.outer *= x->shape[i];
    for (int i = axis + 1; i < x->ndim; i++)
        s.inner *= x->shape[i];
    return s;
}

int64_t gather_indices(const struct gather_shape *s)
{
    return s->list ? s->count : s->outer * s->count * s->inner;
}

int gather_check(const char *op, const struct tensor *x, int axis, const struct tensor *index, int list)
{
    const struct layout *l = &x->layout, *i = &index->layout;

    if (index->dtype != GRADC_I32 && index->dtype != GRADC_I64) {
        context_fail(x->g, GRADC_E_DTYPE, "%s: index is %s, not i32 or i64", op, gradc_dtype_name(index->dtype));
        return -1;
    }
    if (l->ndim == 0) {
        context_fail(x->g, GRADC_E_SHAPE, "%s: x [] has no axis", op);
        return -1;
    }
    if (axis < -l->ndim || axis >= l->ndim) {
        context_fail(x->g, GRADC_E_ARG, "%s: axis %d is not in %d..%d", op, axis, -l->ndim, l->ndim - 1);
        return -1;
    }
    axis += axis < 0 ? l->ndim : 0;
    for (int k = 0; !list && k < l->ndim; k++)
        if (i->ndim != l->ndim || (k != axis && i->shape[k] > l->shape[k])) {
            context_fail(x->g, GRADC_E_SHAPE, "%s: index %s does not fit x %s along axis %d", op, SHAPE(i),
                         SHAPE(l), axis);
            return -1;
        }
    return axis;
}

gradc_tensor *gather_part(gradc_tensor *x, int axis, const struct layout *shape)
{
    const struct tensor *t = op_operand(x, "gather");

    for (int k = 0; t && k < shape->ndim; k++)
        if (k != axis && shape->shape[k] < t->layout.shape[k])
            x = gradc_slice(x, k, 0, shape->shape[k], 1);
    return gradc_contiguous(x);
}

static gradc_status gather_shape(struct record *r)
{
    r->out[0].dtype = r->in[0]->dtype;
    r->out[0].layout = r->in[1]->layout;
    return GRADC_OK;
}

static gradc_status index_select_shape(struct record *r)
{
    r->out[0].dtype = r->in[0]->dtype;
    r->out[0].layout = r->in[0]->layout;
    r->out[0].layout.shape[r->ints[GATHER_AXIS]] = layout_numel(&r->in[1]->layout);
    return GRADC_OK;
}

/* ---- The CPU ---- */

enum { GATHER_GRAIN = 16384 }; /* elements of z a task */

int64_t *gather_words(const struct launch *l)
{
    return place_host(l->workspace);
}

void gather_report(const struct launch *l, const struct view *index, int64_t tasks)
{
    const int64_t *words = gather_words(l);
    int64_t wrong = -1;

    for (int64_t task = 0; task < tasks; task++)
        if (words[task] >= 0 && (wrong < 0 || words[task] < wrong))
            wrong = words[task];
    if (wrong >= 0)
        launch_report(l, wrong, gather_index(index, view_host(index), wrong));
}

/* z[i] = x[index[i] * row + i * column] for n of them; the first i whose index is out of range, or -1. */
typedef int64_t pick(int64_t n, const void *index, int64_t size, const void *x, int64_t row, int64_t column,
                     void *z);

#define PICK(T, I)                                                                                        \
    static int64_t pick_##T##_##I(int64_t n, const void *index, int64_t size, const void *x, int64_t row, \
                                  int64_t column, void *z)                                                \
    {                                                                                                     \
        const I *at = index;                                                                              \
        const T *from = x;                                                                                \
        T *to = z;                                                                                        \
        int64_t wrong = -1;                                                                               \
        for (int64_t i = 0; i < n; i++) {                                                                 \
            const int64_t k = at[i];                                                                      \
            if (k >= 0 && k < size) {                                                                     \
                to[i] = from[k * row + i * column];                                                       \
                continue;                                                                                 \
            }                                                                                             \
            to[i] = 0;                                                                                    \
            wrong = wrong < 0 ? i : wrong;                                                                \
        }                                                                                                 \
        return wrong;                                                                                     \
    }
PICK(uint8_t, int32_t)
PICK(uint8_t, int64_t)
PICK(uint16_t, int32_t)
PICK(uint16_t, int64_t)
PICK(uint32_t, int32_t)
PICK(uint32_t, int64_t)
PICK(uint64_t, int32_t)
PICK(uint64_t, int64_t)

static pick *pick_of(gradc_dtype dtype, gradc_dtype index)
{
    static pick *const table[][2] = {[GRADC_U8] = {pick_uint8_t_int32_t, pick_uint8_t_int64_t},
                                     [GRADC_F16] = {pick_uint16_t_int32_t, pick_uint16_t_int64_t},
                                     [GRADC_I32] = {pick_uint32_t_int32_t, pick_uint32_t_int64_t},
                                     [GRADC_I64] = {pick_uint64_t_int32_t, pick_uint64_t_int64_t}};
    return table[strided_bits(dtype)][index == GRADC_I64];
}

struct gather_job {
    struct gather_shape s;
    const struct view *index;
    const char *indices, *x;
    char *z;
    int64_t size, index_size; /* bytes of an element */
    int64_t per_task;         /* rows of inner elements */
    pick *pick;
    int64_t *words;
};

static int64_t gather_per_task(const struct gather_shape *s)
{
    return s->inner < GATHER_GRAIN ? GATHER_GRAIN / (s->inner ? s->inner : 1) : 1;
}

/* n rows of z from row k of plane o on, by a list: -1, or the position of the first index out of range. */
static int64_t gather_rows(const struct gather_job *job, const char *plane, int64_t k, int64_t n, char *z)
{
    int64_t wrong = -1, bytes = job->s.inner * job->size;

    for (int64_t i = k; i < k + n; i++, z += bytes) {
        int64_t row = gather_index(job->index, job->indices, i);

        if (row >= 0 && row < job->s.size) {
            memcpy(z, plane + row * bytes, (size_t)bytes);
            continue;
        }
        memset(z, 0, (size_t)bytes);
        wrong = wrong < 0 ? i : wrong;
    }
    return wrong;
}

/* The same where the index is no list, or inner is 1. */
static int64_t gather_elements(const struct gather_job *job, const char *plane, int64_t o, int64_t k,
                               int64_t n, char *z)
{
    const struct gather_shape *s = &job->s;
    int64_t first = s->list ? k : (o * s->count + k) * s->inner, wrong = -1;

    if (s->inner == 1) {
        wrong = job->pick(n, job->indices + first * job->index_size, s->size, plane, 1, 0, z);
        return wrong < 0 ? wrong : first + wrong;
    }
    for (int64_t i = 0; i < n; i++, first += s->inner, z += s->inner * job->size) {
        int64_t bad =
            job->pick(s->inner, job->indices + first * job->index_size, s->size, plane, s->inner, 1, z);

        if (wrong < 0 && bad >= 0)
            wrong = first + bad;
    }
    return wrong;
}

static void gather_task(void *arg, int64_t task, int thread)
{
    const struct gather_job *job = arg;
    const struct gather_shape *s = &job->s;
    int64_t rows = s->outer * s->count, row = task * job->per_task,
            end = row + job->per_task < rows ? row + job->per_task : rows;

    (void)thread;
    job->words[task] = -1;
    while (row < end) {
        int64_t o = row / s->count, k = row - o * s->count,
                n = s->count - k < end - row ? s->count - k : end - row;
        const char *plane = job->x + o * s->size * s->inner * job->size;
        char *z = job->z + row * s->inner * job->size;
        int64_t wrong = s->list && s->inner > 1 ? gather_rows(job, plane, k, n, z)
                                                : gather_elements(job, plane, o, k, n, z);

        if (wrong >= 0 && (job->words[task] < 0 || wrong < job->words[task]))
            job->words[task] = wrong;
        row += n;
    }
}

/* in: x, index. */
static gradc_status gather_cpu(const struct launch *l, struct failure *f)
{
    const struct view *index = &l->in[1];
    struct gather_job job = {.s = gather_shape_of(&l->in[0].layout, index, l->ints),
                             .index = index,
                             .indices = view_host(index),
                             .z = view_host(&l->out[0]),
                             .size = (int64_t)gradc_dtype_size(l->out[0].dtype),
                             .index_size = (int64_t)gradc_dtype_size(index->dtype),
                             .pick = pick_of(l->out[0].dtype, index->dtype),
                             .words = gather_words(l)};
    int64_t tasks;

    (void)f;
    job.x = job.s.size ? view_host(&l->in[0]) : job.z; /* an empty x is not read */
    job.per_task = gather_per_task(&job.s);
    tasks = cpu_tasks(job.s.outer * job.s.count, job.per_task);
    cpu_parallel(l->device, tasks, gather_task, &job);
    gather_report(l, index, tasks);
    return GRADC_OK;
}

static size_t gather_workspace(const struct launch *l)
{
    struct gather_shape s = gather_shape_of(&l->in[0].layout, &l->in[1], l->ints);

    return l->device->opencl ? 0 : (size_t)cpu_tasks(s.outer * s.count, gather_per_task(&s)) * sizeof(int64_t);
}

/* ---- OpenCL ---- */

static gradc_status gather_opencl(const struct launch *l, struct failure *f)
{
    struct gather_shape s = gather_shape_of(&l->in[0].layout, &l->in[1], l->ints);
    struct kernel_call k;

    kernel_start(&k, "gather", "gather", strided_bits(l->out[0].dtype));
    kernel_option(&k, "-DINDEX=%s", gradc_dtype_name(l->in[1].dtype));
    kernel_place(&k, l->word);
    kernel_i64(&k, l->serial);
    kernel_tensor(&k, &l->in[1]);
    kernel_tensor(&k, s.size ? &l->in[0] : &l->out[0]); /* an empty x is not read */
    kernel_tensor(&k, &l->out[0]);
    kernel_i64(&k, s.outer * s.count * s.inner);
    kernel_i64(&k, s.size);
    kernel_i64(&k, s.count);
    kernel_i64(&k, s.inner);
    kernel_i64(&k, s.list);
    kernel_range(&k, s.outer * s.count * s.inner);
    return launch_kernel(l, &k, f);
}

/* ---- gather and index_select ---- */

/* 16-bit flows are added up as f32. */
static gradc_tensor *gather_backward(gradc_tensor *dz, gradc_tensor *index, const int64_t *ints)
{
    const gradc_dtype dtype = gradc_dtype_of(dz);
    gradc_tensor *in[2] = {gradc_contiguous(dz), index};

    if (dtype_is_half(dtype))
        in[0] = gradc_cast(in[0], GRADC_F32);
    return gradc_cast(op_record(&op_gather_backward, 2, in,
                                &(struct attributes){.nints = GATHER_BACKWARD_INTS, .ints = ints}),
                      dtype);
}

/* dx = zeros, dz added by the index. */
static void gather_gradient(struct gradient *d)
{
    const struct layout *x = &tensor_of(d->x[0])->layout;
    const int64_t ints[GATHER_BACKWARD_INTS] = {d->ints[GATHER_AXIS], d->ints[GATHER_LIST],
                                                x->shape[d->ints[GATHER_AXIS]]};

    if (d->wants[0])
        d->dx[0] = gather_backward(d->dz[0], d->x[1], ints);
}

const struct op op_gather = {.name = "gather",
                             .nin = 2,
                             .nout = 1,
                             .keeps = KEEP_IN(1),
                             .flags = OP_REPORTS | OP_HALF,
                             .shape = gather_shape,
                             .workspace = gather_workspace,
                             .cpu = gather_cpu,
                             .opencl = gather_opencl,
                             .gradient = gather_gradient};

const struct op op_index_select = {.name = "index_select",
                                   .nin = 2,
                                   .nout = 1,
                                   .keeps = KEEP_IN(1),
                                   .flags = OP_REPORTS | OP_HALF,
                                   .shape = index_select_shape,
                                   .workspace = gather_workspace,
                                   .cpu = gather_cpu,
                                   .opencl = gather_opencl,
                                   .gradient = gather_gradient};

gradc_tensor *gradc_gather(gradc_tensor *x, int axis, gradc_tensor *index)
{
    const struct tensor *t = op_operand(x, "gather"), *i = op_operand(index, "gather");

    if (!t || !i || (axis = gather_check("gather", t, axis, i, 0)) < 0)
        return NULL;
    const struct layout shape = i->layout;
    gradc_tensor *in[2] = {gather_part(x, axis, &shape), gradc_contiguous(index)};

    return op_record(&op_gather, 2, in,
                     &(struct attributes){.nints = GATHER_INTS, .ints = (const int64_t[]){axis, 0}});
}

gradc_tensor *gradc_index_select(gradc_tensor *x, int axis, gradc_tensor *index)
{
    const struct tensor *t = op_operand(x, "index_select"), *i = op_operand(index, "index_select");

    if (!t || !i || (axis = gather_check("index_select", t, axis, i, 1)) < 0)
        return NULL;
    if (i->layout.ndim != 1) {
        context_fail(t->g, GRADC_E_SHAPE, "index_select: index %s is not [count]", SHAPE(&i->layout));
        return NULL;
    }
    gradc_tensor *in[2] = {gradc_contiguous(x), gradc_contiguous(index)};

    return op_record(&op_index_select, 2, in,
                     &(struct attributes){.nints = GATHER_INTS, .ints = (const int64_t[]){axis, 1}});
}

/* ---- embedding: z[..., :] = weight[indices[...], :] ---- */

static gradc_status embedding_shape(struct record *r)
{
    const struct tensor *weight = r->in[0], *indices = r->in[1];
    struct layout *z = &r->out[0].layout;

    if (indices->dtype != GRADC_I32 && indices->dtype != GRADC_I64)
        return record_fail(r, GRADC_E_DTYPE, "indices are %s, not i32 or i64", gradc_dtype_name(indices->dtype));
    if (!dtype_is_float(weight->dtype))
        return record_fail(r, GRADC_E_DTYPE, "weight is %s, no float", gradc_dtype_name(weight->dtype));
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

/* As index_select's along axis 0, with the indices in a row. */
static void embedding_gradient(struct gradient *d)
{
    const struct layout *weight = &tensor_of(d->x[0])->layout;
    const int64_t n = gradc_numel(d->x[1]), ints[GATHER_BACKWARD_INTS] = {0, 1, weight->shape[0]};

    if (!d->wants[0])
        return;
    d->dx[0] = gather_backward(gradc_reshape(d->dz[0], 2, (const int64_t[]){n, weight->shape[1]}),
                               gradc_reshape(d->x[1], 1, &n), ints);
}

const struct op op_embedding = {.name = "embedding",
                                .nin = 2,
                                .nout = 1,
                                .keeps = KEEP_IN(1),
                                .flags = OP_REPORTS | OP_HALF,
                                .shape = embedding_shape,
                                .workspace = gather_workspace,
                                .cpu = gather_cpu,
                                .opencl = gather_opencl,
                                .gradient = embedding_gradient};

gradc_tensor *gradc_embedding(gradc_tensor *indices, gradc_tensor *weight)
{
    gradc_tensor *in[2] = {gradc_contiguous(weight), gradc_contiguous(indices)};

    return op_record(&op_embedding, 2, in,
                     &(struct attributes){.nints = GATHER_INTS, .ints = (const int64_t[]){0, 1}});
}
