/* scatter_add.c - x with elements of src added along one axis where indices say, and the same into zeros, which is the
 * gradient of gather, index_select and embedding.
 *
 * Additions into one element go in the order of the index along the axis, on every device: no atomics on floats, work
 * split by shape alone.  An index out of range goes to the device word and adds nothing. */
#include <string.h>

#include "ops/gather.h"
#include "ops/ops.h"

/* in: x, index, src. */
static gradc_status scatter_add_shape(struct record *r)
{
    const struct tensor *x = r->in[0], *src = r->in[2];

    if (x->dtype == GRADC_BOOL)
        return record_fail(r, GRADC_E_DTYPE, "x is bool, which can't be added");
    if (x->dtype != src->dtype)
        return record_fail(r, GRADC_E_DTYPE, "x is %s, src is %s", gradc_dtype_name(x->dtype),
                           gradc_dtype_name(src->dtype));
    r->out[0].dtype = x->dtype;
    r->out[0].layout = x->layout;
    return GRADC_OK;
}

/* in: dz, index. */
static gradc_status gather_backward_shape(struct record *r)
{
    r->out[0].dtype = r->in[0]->dtype;
    r->out[0].layout = r->in[0]->layout;
    r->out[0].layout.shape[r->ints[GATHER_AXIS]] = r->ints[GATHER_SIZE];
    return GRADC_OK;
}

/* What is added, and what it is added to (NULL: zeros). */
static const struct view *source(const struct launch *l)
{
    return &l->in[l->nin == 3 ? 2 : 0];
}

static const struct view *base(const struct launch *l)
{
    return l->nin == 3 ? &l->in[0] : NULL;
}

static struct gather_shape shape_of(const struct launch *l)
{
    return gather_shape_of(&l->out[0].layout, &l->in[1], l->ints);
}

/* ---- The CPU ---- */

/* A task makes some outer planes, or of one a block of its columns and a range of its rows: each goes through all
 * indices of the axis.  Rows are split only where there is enough to add for each index. */
enum { SCATTER_GRAIN = 16384, SCATTER_COLUMNS = 64, SCATTER_TASKS = 8, SCATTER_WIDE = 8 };

struct scatter_split {
    int64_t planes, blocks, rows; /* planes and rows a task, blocks of columns */
    int64_t tasks;
};

static struct scatter_split scatter_split_of(const struct gather_shape *s)
{
    int64_t plane = (s->size + s->count) * s->inner, parts;
    struct scatter_split split = {.planes = 1, .blocks = 1, .rows = s->size};

    if (s->outer * s->size * s->inner == 0)
        return split; /* no tasks: a plan asks for the workspace of an empty result too */
    if (plane < SCATTER_GRAIN) {
        split.planes = SCATTER_GRAIN / plane;
        split.tasks = cpu_tasks(s->outer, split.planes);
        return split;
    }
    split.blocks = cpu_tasks(s->inner, SCATTER_COLUMNS);
    parts = s->outer * split.blocks;
    if (parts < SCATTER_TASKS && s->inner >= SCATTER_WIDE)
        split.rows = (s->size - 1) / ((SCATTER_TASKS - 1) / parts + 1) + 1;
    split.tasks = parts * cpu_tasks(s->size, split.rows);
    return split;
}

/* z[index[i] * row + i * column] += src[i] for n of them whose index is in first .. end - 1; the first i whose index is
 * not in 0 .. size - 1, or -1. */
typedef int64_t add_by_index(int64_t n, const void *index, int64_t size, int64_t first, int64_t end,
                             const void *src, void *z, int64_t row, int64_t column);
typedef void add_all(int64_t n, const void *src, void *z);

#define ADD_BY_INDEX(T, I)                                                                               \
    static int64_t add_##T##_##I(int64_t n, const void *index, int64_t size, int64_t first, int64_t end, \
                                 const void *src, void *z, int64_t row, int64_t column)                  \
    {                                                                                                    \
        const I *at = index;                                                                             \
        const T *from = src;                                                                             \
        T *to = z;                                                                                       \
        int64_t wrong = -1;                                                                              \
        for (int64_t i = 0; i < n; i++) {                                                                \
            const int64_t k = at[i];                                                                     \
            if (k >= first && k < end)                                                                   \
                to[k * row + i * column] = (T)(to[k * row + i * column] + from[i]);                      \
            else if ((k < 0 || k >= size) && wrong < 0)                                                  \
                wrong = i;                                                                               \
        }                                                                                                \
        return wrong;                                                                                    \
    }
#define ADD(T)                                               \
    ADD_BY_INDEX(T, int32_t)                                 \
    ADD_BY_INDEX(T, int64_t)                                 \
    static void add_##T(int64_t n, const void *src, void *z) \
    {                                                        \
        const T *from = src;                                 \
        T *to = z;                                           \
        for (int64_t i = 0; i < n; i++)                      \
            to[i] = (T)(to[i] + from[i]);                    \
    }
ADD(float)
ADD(double)
ADD(uint64_t)
ADD(uint32_t)
ADD(uint8_t)

static const struct add_loops {
    add_by_index *by_index[2]; /* i32, i64 */
    add_all *all;
} add_loops[] = {[GRADC_F32] = {{add_float_int32_t, add_float_int64_t}, add_float},
                 [GRADC_F64] = {{add_double_int32_t, add_double_int64_t}, add_double},
                 [GRADC_I64] = {{add_uint64_t_int32_t, add_uint64_t_int64_t}, add_uint64_t},
                 [GRADC_I32] = {{add_uint32_t_int32_t, add_uint32_t_int64_t}, add_uint32_t},
                 [GRADC_U8] = {{add_uint8_t_int32_t, add_uint8_t_int64_t}, add_uint8_t}};

struct scatter_job {
    struct gather_shape s;
    struct scatter_split split;
    const struct view *index;
    const char *indices, *src, *base; /* base NULL: zeros */
    char *z;
    int64_t size, index_size; /* bytes of an element */
    const struct add_loops *add;
    int64_t *words;
};

/* Of plane o: rows first .. end - 1, n columns from `column` on. */
struct scatter_part {
    int64_t o, first, end, column, n;
};

static void scatter_start(const struct scatter_job *job, const struct scatter_part *p)
{
    int64_t row = job->s.inner * job->size, n = p->n * job->size, rows = p->end - p->first;
    int64_t at = (p->o * job->s.size + p->first) * row + p->column * job->size;

    if (p->n == job->s.inner) {
        n *= rows;
        rows = 1;
    }
    for (int64_t i = 0; i < rows; i++, at += row)
        if (job->base)
            memcpy(job->z + at, job->base + at, (size_t)n);
        else
            memset(job->z + at, 0, (size_t)n);
}

/* The position of the first index out of range, or -1. */
static int64_t scatter_list(const struct scatter_job *job, const struct scatter_part *p)
{
    const struct gather_shape *s = &job->s;
    int64_t wrong = -1;

    for (int64_t k = 0; k < s->count; k++) {
        int64_t row = gather_index(job->index, job->indices, k);

        if (row >= p->first && row < p->end)
            job->add->all(p->n, job->src + ((p->o * s->count + k) * s->inner + p->column) * job->size,
                          job->z + ((p->o * s->size + row) * s->inner + p->column) * job->size);
        else if ((row < 0 || row >= s->size) && wrong < 0)
            wrong = k;
    }
    return wrong;
}

static int64_t scatter_elements(const struct scatter_job *job, const struct scatter_part *p)
{
    const struct gather_shape *s = &job->s;
    add_by_index *add = job->add->by_index[job->index->dtype == GRADC_I64];
    char *z = job->z + (p->o * s->size * s->inner + p->column) * job->size;
    int64_t wrong = -1, lines = s->inner == 1 ? 1 : s->count, n = s->inner == 1 ? s->count : p->n;

    for (int64_t k = 0; k < lines; k++) {
        int64_t at = (p->o * s->count + k) * s->inner + p->column, list = s->list ? k : at;
        int64_t bad = add(n, job->indices + list * job->index_size, s->size, p->first, p->end,
                          job->src + at * job->size, z, s->inner, s->inner > 1);

        if (wrong < 0 && bad >= 0)
            wrong = list + bad;
    }
    return wrong;
}

static void scatter_task(void *arg, int64_t task, int thread)
{
    const struct scatter_job *job = arg;
    const struct gather_shape *s = &job->s;
    const struct scatter_split *split = &job->split;
    int64_t ranges = cpu_tasks(s->size, split->rows), columns = split->blocks > 1 ? SCATTER_COLUMNS : s->inner;
    int64_t range = task % ranges, block = task / ranges % split->blocks;
    int64_t o = task / ranges / split->blocks * split->planes;
    int64_t end = o + split->planes < s->outer ? o + split->planes : s->outer;
    struct scatter_part p = {.first = range * split->rows, .column = block * columns};

    (void)thread;
    p.end = p.first + split->rows < s->size ? p.first + split->rows : s->size;
    p.n = s->inner - p.column < columns ? s->inner - p.column : columns;
    job->words[task] = -1;
    for (p.o = o; p.o < end; p.o++) {
        int64_t wrong;

        scatter_start(job, &p);
        wrong = s->list && s->inner > 1 ? scatter_list(job, &p) : scatter_elements(job, &p);
        if (wrong >= 0 && (job->words[task] < 0 || wrong < job->words[task]))
            job->words[task] = wrong;
    }
}

static gradc_status scatter_cpu(const struct launch *l, struct failure *f)
{
    struct scatter_job job = {.s = shape_of(l),
                              .index = &l->in[1],
                              .base = base(l) ? view_host(base(l)) : NULL,
                              .z = view_host(&l->out[0]),
                              .size = (int64_t)gradc_dtype_size(l->out[0].dtype),
                              .index_size = (int64_t)gradc_dtype_size(l->in[1].dtype),
                              .add = &add_loops[l->out[0].dtype],
                              .words = gather_words(l)};

    (void)f;
    job.indices = job.s.count ? view_host(&l->in[1]) : job.z; /* what is empty is not read */
    job.src = job.s.count ? view_host(source(l)) : job.z;
    job.split = scatter_split_of(&job.s);
    cpu_parallel(l->device, job.split.tasks, scatter_task, &job);
    gather_report(l, job.index, job.split.tasks);
    return GRADC_OK;
}

/* ---- OpenCL ----
 * Few indices along the axis: each element of z looks at all of them.  Else the positions are sorted by where they go,
 * stable, four bits of the destination at a time: in each round an item counts the digits of its chunk, the counts are
 * summed up, and the item moves its chunk.  Then each element of z finds its run.
 * The workspace, in 32-bit integers: destinations and positions [2][2][n], counts [16][items]. */
enum {
    SCATTER_FEW = 32,
    SORT_BITS = 4,
    SORT_DIGITS = 1 << SORT_BITS,
    SORT_CHUNK = 64,
    SORT_ITEMS = 4096,
    SORT_GROUP = 256
};

struct sort {
    int64_t n, rows; /* positions, destinations */
    int64_t chunk, items;
};

static struct sort sort_of(const struct gather_shape *s)
{
    struct sort sort = {.n = gather_indices(s), .rows = s->list ? s->size : s->outer * s->size * s->inner};

    sort.chunk = cpu_tasks(sort.n, SORT_ITEMS);
    sort.chunk = sort.chunk < SORT_CHUNK ? SORT_CHUNK : sort.chunk;
    sort.items = cpu_tasks(sort.n, sort.chunk);
    return sort;
}

static int64_t sort_words(const struct sort *s)
{
    return 4 * s->n + SORT_DIGITS * s->items;
}

static size_t scatter_workspace(const struct launch *l)
{
    struct gather_shape s = shape_of(l);
    struct sort sort = sort_of(&s);

    if (!l->device->opencl)
        return (size_t)scatter_split_of(&s).tasks * sizeof(int64_t);
    return s.count > SCATTER_FEW ? (size_t)sort_words(&sort) * sizeof(int32_t) : 0;
}

static void scatter_call(struct kernel_call *k, const struct launch *l, const char *kernel)
{
    kernel_start(k, "scatter_add", kernel, l->out[0].dtype);
    kernel_option(k, "-DINDEX=%s", gradc_dtype_name(l->in[1].dtype));
}

static void scatter_sizes(struct kernel_call *k, const struct gather_shape *s)
{
    kernel_i64(k, s->size);
    kernel_i64(k, s->count);
    kernel_i64(k, s->inner);
    kernel_i64(k, s->list);
}

/* Where z comes from: src, x and whether it is read, z and its elements.  z stands in for what is empty. */
static void scatter_tensors(struct kernel_call *k, const struct launch *l, const struct gather_shape *s)
{
    kernel_tensor(k, s->count ? source(l) : &l->out[0]);
    kernel_tensor(k, base(l) ? base(l) : &l->out[0]);
    kernel_i64(k, base(l) != NULL);
    kernel_tensor(k, &l->out[0]);
    kernel_i64(k, s->outer * s->size * s->inner);
    scatter_sizes(k, s);
    kernel_range(k, s->outer * s->size * s->inner);
}

static gradc_status scatter_few(const struct launch *l, const struct gather_shape *s, struct failure *f)
{
    struct kernel_call k;

    scatter_call(&k, l, "scatter_few");
    kernel_place(&k, l->word);
    kernel_i64(&k, l->serial);
    kernel_tensor(&k, s->count ? &l->in[1] : &l->out[0]);
    scatter_tensors(&k, l, s);
    return launch_kernel(l, &k, f);
}

/* One round: the digit at `shift`, from half `from` of the workspace to the other one. */
static gradc_status sort_round(const struct launch *l, const struct sort *sort, const struct view *work,
                               int shift, int from, struct failure *f)
{
    static const char *const steps[] = {"sort_count", "sort_starts", "sort_move"};
    size_t one = 1, group = SORT_GROUP;

    for (int i = 0; i < 3; i++) {
        struct kernel_call k;
        gradc_status status;

        scatter_call(&k, l, steps[i]);
        kernel_tensor(&k, work);
        kernel_i64(&k, sort->n);
        kernel_i64(&k, from);
        kernel_i64(&k, shift);
        kernel_i64(&k, sort->chunk);
        kernel_i64(&k, sort->items);
        if (i == 1)
            kernel_groups(&k, 1, &one, &group);
        else
            kernel_range(&k, sort->items);
        if ((status = launch_kernel(l, &k, f)) != GRADC_OK)
            return status;
    }
    return GRADC_OK;
}

static gradc_status scatter_sorted(const struct launch *l, const struct gather_shape *s, struct failure *f)
{
    struct sort sort = sort_of(s);
    struct view work = {.at = l->workspace,
                        .dtype = GRADC_I32,
                        .layout = {.ndim = 1, .shape = {sort_words(&sort)}, .stride = {1}}};
    struct kernel_call k;
    gradc_status status;
    int from = 0;

    scatter_call(&k, l, "sort_destinations");
    kernel_place(&k, l->word);
    kernel_i64(&k, l->serial);
    kernel_tensor(&k, &l->in[1]);
    kernel_tensor(&k, &work);
    kernel_i64(&k, sort.n);
    kernel_i64(&k, sort.rows);
    scatter_sizes(&k, s);
    kernel_range(&k, sort.n);
    status = launch_kernel(l, &k, f);
    for (int shift = 0; !status && sort.rows >> shift; shift += SORT_BITS, from = !from)
        status = sort_round(l, &sort, &work, shift, from, f);
    if (status)
        return status;
    scatter_call(&k, l, "scatter_runs");
    kernel_tensor(&k, &work);
    kernel_i64(&k, sort.n);
    kernel_i64(&k, from);
    scatter_tensors(&k, l, s);
    return launch_kernel(l, &k, f);
}

static gradc_status scatter_opencl(const struct launch *l, struct failure *f)
{
    struct gather_shape s = shape_of(l);
    struct sort sort = sort_of(&s);

    if (s.count <= SCATTER_FEW)
        return scatter_few(l, &s, f);
    if (sort.n > INT32_MAX || sort.rows >= INT32_MAX)
        return fail(f, GRADC_E_UNSUPPORTED, "%lld indices into %lld elements are too many for this device",
                    (long long)sort.n, (long long)sort.rows);
    return scatter_sorted(l, &s, f);
}

/* ---- gather_backward ---- */

/* ddz = what is picked of that which flows into dx. */
static void gather_backward_gradient(struct gradient *d)
{
    gradc_tensor *in[2] = {gradc_contiguous(d->dz[0]), d->x[1]};

    if (d->wants[0])
        d->dx[0] = op_record(d->ints[GATHER_LIST] ? &op_index_select : &op_gather, 2, in,
                             &(struct attributes){.nints = GATHER_INTS, .ints = d->ints});
}

const struct op op_gather_backward = {.name = "gather_backward",
                                      .nin = 2,
                                      .nout = 1,
                                      .keeps = KEEP_IN(1),
                                      .flags = OP_REPORTS,
                                      .shape = gather_backward_shape,
                                      .workspace = scatter_workspace,
                                      .cpu = scatter_cpu,
                                      .opencl = scatter_opencl,
                                      .gradient = gather_backward_gradient};

/* ---- scatter_add ---- */

static void scatter_add_gradient(struct gradient *d)
{
    gradc_tensor *in[2] = {gradc_contiguous(d->dz[0]), d->x[1]};

    d->dx[0] = d->dz[0];
    if (d->wants[2])
        d->dx[2] = op_record(&op_gather, 2, in, &(struct attributes){.nints = GATHER_INTS, .ints = d->ints});
}

const struct op op_scatter_add = {.name = "scatter_add",
                                  .nin = 3,
                                  .nout = 1,
                                  .keeps = KEEP_IN(1),
                                  .flags = OP_REPORTS,
                                  .shape = scatter_add_shape,
                                  .workspace = scatter_workspace,
                                  .cpu = scatter_cpu,
                                  .opencl = scatter_opencl,
                                  .gradient = scatter_add_gradient};

/* z is of x's first elements, as many as `part` has but for the axis: what lies behind them is set beside it, axis by
 * axis.  whole: x's shape. */
static gradc_tensor *completed(gradc_tensor *z, gradc_tensor *x, int axis, const struct layout *part,
                               const struct layout *whole)
{
    for (int k = 0; k < part->ndim; k++) {
        gradc_tensor *rest = x;

        if (k == axis || part->shape[k] == whole->shape[k])
            continue;
        for (int i = k + 1; i < part->ndim; i++)
            if (i != axis && part->shape[i] < whole->shape[i])
                rest = gradc_slice(rest, i, 0, part->shape[i], 1);
        z = gradc_concat((gradc_tensor *const[]){z, gradc_slice(rest, k, part->shape[k], INT64_MAX, 1)}, 2, k);
    }
    return z;
}

gradc_tensor *gradc_scatter_add(gradc_tensor *x, int axis, gradc_tensor *index, gradc_tensor *src)
{
    const struct tensor *t = op_operand(x, "scatter_add"), *i = op_operand(index, "scatter_add"),
                        *s = op_operand(src, "scatter_add");
    struct layout shape, whole;

    /* 16-bit numbers are added up as f32. */
    if (t && s && dtype_is_half(t->dtype) && t->dtype == s->dtype)
        return gradc_cast(gradc_scatter_add(gradc_cast(x, GRADC_F32), axis, index, gradc_cast(src, GRADC_F32)),
                          t->dtype);
    if (!t || !i || !s || (axis = gather_check("scatter_add", t, axis, i, 0)) < 0)
        return NULL;
    shape = i->layout;
    whole = t->layout;
    for (int k = 0; k < shape.ndim; k++)
        if (s->layout.ndim != shape.ndim || shape.shape[k] > s->layout.shape[k]) {
            context_fail(t->g, GRADC_E_SHAPE, "scatter_add: index %s does not fit src %s", SHAPE(&shape),
                         SHAPE(&s->layout));
            return NULL;
        }
    if (t->layout.shape[axis] == 0 && layout_numel(&shape) > 0) {
        context_fail(t->g, GRADC_E_ARG, "scatter_add: x %s has nothing along axis %d to add to",
                     SHAPE(&t->layout), axis);
        return NULL;
    }
    gradc_tensor *in[3] = {gather_part(x, axis, &shape), gradc_contiguous(index), gather_part(src, -1, &shape)};

    return completed(op_record(&op_scatter_add, 3, in,
                               &(struct attributes){.nints = GATHER_INTS, .ints = (const int64_t[]){axis, 0}}),
                     x, axis, &shape, &whole);
}
