/* reduce.c - what reductions over axes share: the axes, the shape rule, and the folds on both devices.  The vector
 * loops are in reduce_isa.c, the kernels in opencl/reduce.cl; the ops in sum.c, mean.c, prod.c, max.c, any.c, var.c,
 * norm.c, logsumexp.c; argmax.c uses the axes only. */
#include "ops/reduce.h"
#include "device/cpu/half.h"
#include "device/cpu/isa.h"

ISA_DECLARE(struct reduce_loops, reduce_loops);

static const struct reduce_loops *const reduce_table[CPU_ISAS] = ISA_TABLE(reduce_loops);

/* ---- Axes and shapes ---- */

/* The axes of x in mask (or those not in it), collapsed; returns their number, at least 1. */
static int reduction_group(const struct layout *x, int64_t mask, int64_t *size, int64_t *stride)
{
    struct layout group = {0};

    for (int i = 0; i < x->ndim; i++)
        if (mask >> i & 1) {
            group.shape[group.ndim] = x->shape[i];
            group.stride[group.ndim++] = x->stride[i];
        }
    layout_collapse(1, &group);
    for (int i = 0; i < group.ndim; i++) {
        size[i] = group.shape[i];
        stride[i] = group.stride[i];
    }
    if (group.ndim)
        return group.ndim;
    size[0] = 1;
    stride[0] = 1;
    return 1;
}

struct reduction reduction_of(const struct layout *x, int64_t mask)
{
    struct reduction r = {.outputs = 1, .count = 1};

    r.nkept = reduction_group(x, ~mask, r.kept_size, r.kept_stride);
    r.nreduced = reduction_group(x, mask, r.size, r.stride);
    for (int i = 0; i < r.nkept; i++)
        r.outputs *= r.kept_size[i];
    for (int i = 0; i < r.nreduced; i++)
        r.count *= r.size[i];
    return r;
}

static int64_t reduction_place(int n, const int64_t *size, const int64_t *stride, int64_t i)
{
    int64_t place = 0;

    for (int a = n - 1; a > 0; a--) {
        place += i % size[a] * stride[a];
        i /= size[a];
    }
    return place + i * stride[0];
}

int64_t reduction_kept(const struct reduction *r, int64_t o)
{
    return reduction_place(r->nkept, r->kept_size, r->kept_stride, o);
}

int64_t reduction_element(const struct reduction *r, int64_t i)
{
    return reduction_place(r->nreduced, r->size, r->stride, i);
}

/* The mask of the recorded axes, or -1 with the error.  A 0-d x takes axis 0, as PyTorch has it. */
static int64_t reduce_mask(struct record *r)
{
    int ndim = r->in[0]->layout.ndim;
    int64_t mask = 0;

    if (r->ints[REDUCE_MASK] == 0)
        return (INT64_C(1) << ndim) - 1;
    for (int64_t i = 0; i < r->ints[REDUCE_MASK]; i++) {
        int axis = record_axis(r, r->ints[REDUCE_AXES + i], ndim ? ndim : 1);

        if (axis < 0)
            return -1;
        if (mask >> axis & 1) {
            record_fail(r, GRADC_E_ARG, "axis %d comes twice", axis);
            return -1;
        }
        mask |= INT64_C(1) << axis;
    }
    return ndim ? mask : 0;
}

gradc_status reduce_shape(struct record *r)
{
    const struct layout *x = &r->in[0]->layout;
    struct layout *z = &r->out[0].layout;
    int64_t mask = reduce_mask(r);

    if (mask < 0)
        return GRADC_E_ARG;
    r->ints[REDUCE_MASK] = mask;
    for (int i = REDUCE_AXES; i < REDUCE_INTS; i++)
        r->ints[i] = 0;
    z->ndim = 0;
    for (int i = 0; i < x->ndim; i++) {
        int reduced = (int)(mask >> i & 1);

        if (!reduced || r->ints[REDUCE_KEEPDIM])
            z->shape[z->ndim++] = reduced ? 1 : x->shape[i];
    }
    return GRADC_OK;
}

gradc_status reduce_not_empty(struct record *r)
{
    const struct layout *x = &r->in[0]->layout;

    for (int i = 0; i < x->ndim; i++)
        if (r->ints[REDUCE_MASK] >> i & 1 && x->shape[i] == 0)
            return record_fail(r, GRADC_E_SHAPE, "axis %d of x %s is empty", i, SHAPE(x));
    return GRADC_OK;
}

gradc_tensor *reduce_record(const struct op *op, gradc_tensor *x, int naxes, const int *axes, int keepdim)
{
    return reduce_record_with(op, x, naxes, axes, keepdim, 0, 0);
}

gradc_tensor *reduce_record_with(const struct op *op, gradc_tensor *x, int naxes, const int *axes,
                                 int keepdim, int setting, double number)
{
    struct tensor *t = op_operand(x, op->name);
    int64_t ints[REDUCE_INTS] = {naxes, keepdim != 0, setting};

    if (!t)
        return NULL;
    if (naxes < 0 || naxes > GRADC_MAX_NDIM || (naxes && !axes)) {
        context_fail(t->g, GRADC_E_ARG, "%s: %d axes for x %s", op->name, naxes, SHAPE(&t->layout));
        return NULL;
    }
    for (int i = 0; i < naxes; i++)
        ints[REDUCE_AXES + i] = axes[i];
    return op_record(op, 1, &x,
                     &(struct attributes){.nints = REDUCE_INTS, .ints = ints, .nreals = 1, .reals = &number});
}

gradc_tensor *reduce_keepdim(gradc_tensor *z, const struct layout *x, int64_t mask)
{
    int64_t shape[GRADC_MAX_NDIM];

    for (int i = 0; i < x->ndim; i++)
        shape[i] = mask >> i & 1 ? 1 : x->shape[i];
    return gradc_reshape(z, x->ndim, shape);
}

int reduce_axes(int64_t mask, int axes[GRADC_MAX_NDIM])
{
    int n = 0;

    for (int i = 0; i < GRADC_MAX_NDIM; i++)
        if (mask >> i & 1)
            axes[n++] = i;
    return n;
}

gradc_dtype reduce_result(enum reduce_kind kind, gradc_dtype dtype)
{
    if (kind == REDUCE_ANY || kind == REDUCE_ALL)
        return GRADC_BOOL;
    return kind == REDUCE_MAX || kind == REDUCE_MIN || dtype_is_float(dtype) ? dtype : GRADC_I64;
}

double reduce_count(const struct layout *x, int64_t mask)
{
    double count = 1;

    for (int i = 0; i < x->ndim; i++)
        if (mask >> i & 1)
            count *= (double)x->shape[i];
    return count;
}

/* How parts of a fold are folded in their turn. */
static enum reduce_kind reduce_merge(enum reduce_kind kind)
{
    static const enum reduce_kind merge[REDUCE_KINDS] = {
        [REDUCE_SUM] = REDUCE_SUM,     [REDUCE_PROD] = REDUCE_PROD,   [REDUCE_MAX] = REDUCE_MAX,
        [REDUCE_MIN] = REDUCE_MIN,     [REDUCE_ANY] = REDUCE_ANY,     [REDUCE_ALL] = REDUCE_ALL,
        [REDUCE_APART] = REDUCE_SUM,   [REDUCE_SPREAD] = REDUCE_SUM,  [REDUCE_EXPS] = REDUCE_SUM,
        [REDUCE_SQUARES] = REDUCE_SUM, [REDUCE_ABS] = REDUCE_SUM,     [REDUCE_COUNT] = REDUCE_SUM,
        [REDUCE_POWERS] = REDUCE_SUM,  [REDUCE_MAX_ABS] = REDUCE_MAX, [REDUCE_MIN_ABS] = REDUCE_MIN};

    return merge[kind];
}

/* ---- Two folds ----
 * The workspace begins with the first one's results; behind them is the room for parts. */

static int64_t reduce_head(const struct launch *l, int64_t outputs)
{
    return (outputs * (int64_t)gradc_dtype_size(dtype_computes(l->out[0].dtype)) + 63) / 64 * 64;
}

/* n results at `bytes` of the workspace. */
static struct view reduce_room(const struct launch *l, int64_t bytes, int64_t n)
{
    struct view v = {.at = l->workspace,
                     .dtype = dtype_computes(l->out[0].dtype),
                     .layout = {.ndim = 1, .shape = {n}, .stride = {1}}};

    v.at.offset += (size_t)bytes;
    return v;
}

reduce_loop *reduce_rows(enum reduce_kind kind, gradc_dtype dtype)
{
    return reduce_table[cpu_isa()]->rows[kind][dtype];
}

/* ---- The CPU ----
 * A unit is a block of outputs that are neighbours on the last kept axis: REDUCE_WIDTH, or one if it has many
 * elements (rows).  A task folds several units, or, where units are few and long, one segment of a unit into
 * the workspace [segments][outputs]. */

enum { REDUCE_GRAIN = 65536, REDUCE_UNITS = 32, REDUCE_SHORT = 32, REDUCE_SHORT_MAX = 128, REDUCE_SIDE = 8 };

struct reduce_split {
    int columns;
    int64_t width;    /* outputs of a unit */
    int64_t blocks;   /* units along the last kept axis */
    int64_t units;    /* in all */
    int64_t per_task; /* units */
    int64_t segment;  /* reduced elements of a segment */
    int64_t segments;
};

static struct reduce_split reduce_split_of(const struct reduction *r, enum reduce_kind kind)
{
    int sums = reduce_merge(kind) == REDUCE_SUM || kind == REDUCE_PROD;
    int64_t few = sums ? REDUCE_SHORT : REDUCE_SHORT_MAX;
    int64_t last = r->kept_size[r->nkept - 1], step = r->kept_stride[r->nkept - 1], elements;
    int64_t run = r->stride[r->nreduced - 1] == 1 ? r->size[r->nreduced - 1] : 0;
    struct reduce_split s = {
        .width = last < REDUCE_WIDTH ? last : REDUCE_WIDTH, .segment = r->count, .segments = 1};

    s.columns = (r->count <= few && last >= REDUCE_SIDE) || (run < REDUCE_SHORT && step == 1);
    if (!s.columns && r->count * s.width > REDUCE_GRAIN)
        s.width = 1;
    s.blocks = (last - 1) / s.width + 1;
    s.units = r->outputs / last * s.blocks;
    elements = r->count * s.width;
    s.per_task = elements < REDUCE_GRAIN && elements > 0 ? REDUCE_GRAIN / elements : 1;
    if (s.units < REDUCE_UNITS && elements >= 2 * REDUCE_GRAIN) {
        s.segment = REDUCE_GRAIN / s.width;
        s.segments = (r->count - 1) / s.segment + 1;
        s.per_task = 1;
    }
    return s;
}

struct reduce_job {
    struct reduction r;
    struct reduce_split split;
    const struct fold *fold;
    reduce_loop *rows, *columns;
    const char *x, *shift;         /* shift NULL: none */
    const struct epilogue *before; /* makes what a unit reads, elements side by side; NULL: they are there */
    char *z;                       /* or the room for parts */
    int64_t element, result;       /* bytes of one; a 16-bit result is f32 until it is rounded */
    gradc_dtype dtype, rounded;    /* of results, and of z */
};

/* Finishes the results o .. o+n-1, which begin at z. */
static void reduce_finish(const struct reduce_job *job, char *z, int64_t o, int64_t n)
{
    const struct reduce_map map = {job->shift ? job->shift + o * job->result : NULL, job->fold->number};

    if (job->fold->finish != REDUCE_AS_IS)
        reduce_table[cpu_isa()]->finish[job->dtype](job->fold->finish, &map, n, z);
}

/* n f32 results, from o on, as z has them. */
static void reduce_round(const struct reduce_job *job, const float *from, char *z, int64_t o, int64_t n)
{
    half_narrow(job->rounded, n, from, z + o * (int64_t)sizeof(uint16_t));
}

static void reduce_unit(const struct reduce_job *job, int64_t unit, int64_t segment)
{
    const struct reduction *r = &job->r;
    const struct reduce_split *s = &job->split;
    int64_t start = segment * s->segment, end = start + s->segment < r->count ? start + s->segment : r->count;
    int64_t last = r->kept_size[r->nkept - 1], first = unit % s->blocks * s->width;
    int64_t output = unit / s->blocks * last + first, width = last - first < s->width ? last - first : s->width;
    struct reduce_map map = {job->shift ? job->shift + output * job->result : NULL, job->fold->number};
    const int rounds = job->rounded != job->dtype && s->segments == 1;
    float wide[REDUCE_WIDTH];
    char *z = rounds ? (char *)wide : job->z + (segment * r->outputs + output) * job->result;

    if (job->before)
        job->before->run(job->before, output * r->count + start, (width - 1) * r->count + end - start);
    (s->columns ? job->columns : job->rows)(job->x + reduction_kept(r, output) * job->element, r, start, end,
                                            width, &map, z);
    if (s->segments == 1)
        reduce_finish(job, z, output, width);
    if (rounds)
        reduce_round(job, wide, job->z, output, width);
}

static void reduce_task(void *arg, int64_t task, int thread)
{
    const struct reduce_job *job = arg;
    const struct reduce_split *s = &job->split;
    int64_t first = task / s->segments * s->per_task;
    int64_t end = first + s->per_task < s->units ? first + s->per_task : s->units;

    (void)thread;
    for (int64_t unit = first; unit < end; unit++)
        reduce_unit(job, unit, task % s->segments);
}

/* The segments' results, [segments][outputs], into z. */
static void reduce_segments(const struct reduce_job *job, char *z)
{
    const struct reduce_loops *loops = reduce_table[cpu_isa()];
    reduce_loop *columns = loops->columns[reduce_merge(job->fold->kind)][job->dtype];
    int64_t outputs = job->r.outputs;
    struct reduction r = {.nkept = 1,
                          .nreduced = 1,
                          .kept_size = {outputs},
                          .kept_stride = {1},
                          .size = {job->split.segments},
                          .stride = {outputs}};

    for (int64_t o = 0; o < outputs; o += REDUCE_WIDTH) {
        int64_t width = outputs - o < REDUCE_WIDTH ? outputs - o : REDUCE_WIDTH;

        float wide[REDUCE_WIDTH];
        const int rounds = job->rounded != job->dtype;
        char *to = rounds ? (char *)wide : z + o * job->result;

        columns(job->z + o * job->result, &r, 0, job->split.segments, width, &(struct reduce_map){0}, to);
        reduce_finish(job, to, o, width);
        if (rounds)
            reduce_round(job, wide, z, o, width);
    }
}

/* Whether the elements of each output follow each other, and those of the next output follow them. */
static int reduce_is_flat(const struct launch *l)
{
    const struct layout *x = &l->in[0].layout;
    int64_t mask = l->ints[REDUCE_MASK];
    int axis = x->ndim;

    while (axis > 0 && (mask >> (axis - 1) & 1))
        axis--;
    return layout_is_contiguous(x) && (mask & ((INT64_C(1) << axis) - 1)) == 0;
}

gradc_status reduce_cpu(const struct launch *l, const struct fold *fold, struct failure *f)
{
    const struct reduce_loops *loops = reduce_table[cpu_isa()];
    gradc_dtype dtype = l->in[0].dtype;
    struct reduce_job job = {.r = reduction_of(&l->in[0].layout, l->ints[REDUCE_MASK]),
                             .fold = fold,
                             .rows = loops->rows[fold->kind][dtype],
                             .columns = loops->columns[fold->kind][dtype],
                             .element = (int64_t)gradc_dtype_size(dtype),
                             .dtype = dtype_computes(l->out[0].dtype),
                             .rounded = l->out[0].dtype};
    char *work = place_host(l->workspace), *z;

    (void)f;
    job.split = reduce_split_of(&job.r, fold->kind);
    job.result = (int64_t)gradc_dtype_size(job.dtype);
    job.x = job.r.count ? view_host(&l->in[0]) : NULL;
    job.shift = fold->stage == REDUCE_SECOND ? work : NULL;
    z = fold->stage == REDUCE_FIRST ? work : view_host(&l->out[0]);
    job.z =
        job.split.segments == 1 ? z : work + (fold->stage == REDUCE_ONLY ? 0 : reduce_head(l, job.r.outputs));
    if (l->prologue && reduce_is_flat(l))
        job.before = l->prologue;
    else
        cpu_epilogue(l->device, l->prologue, layout_numel(&l->in[0].layout));
    cpu_parallel(l->device, cpu_tasks(job.split.units, job.split.per_task) * job.split.segments, reduce_task,
                 &job);
    if (job.split.segments > 1)
        reduce_segments(&job, z);
    return GRADC_OK;
}

/* ---- OpenCL ----
 * items: one work-item an output, for short reductions and where neighbouring outputs are neighbours in
 * memory.  groups: one work-group an output.  Few outputs of many elements are cut into segments,
 * [segments][outputs] in the workspace, which a second call folds. */

enum {
    REDUCE_GROUP = 256,
    REDUCE_ITEMS = 65536,
    REDUCE_FEW = 64,
    REDUCE_GROUP_SEGMENT = 16384,
    REDUCE_GROUPS = 1024
};

static int64_t least(int64_t x, int64_t y)
{
    return x < y ? x : y;
}

static struct reduce_split reduce_split_opencl(const struct reduction *r)
{
    struct reduce_split s = {.segment = r->count, .segments = 1};
    int64_t most = 1;

    s.columns = r->count <= REDUCE_FEW || (r->kept_stride[r->nkept - 1] == 1 && r->stride[r->nreduced - 1] != 1);
    if (s.columns && r->count > REDUCE_FEW)
        most = least(r->count / REDUCE_FEW, REDUCE_ITEMS / r->outputs);
    else if (!s.columns)
        most = least((r->count - 1) / REDUCE_GROUP_SEGMENT + 1, REDUCE_GROUPS / r->outputs);
    if (most > 1) {
        s.segment = (r->count - 1) / most + 1;
        s.segments = (r->count - 1) / s.segment + 1;
    }
    return s;
}

/* Sizes or strides of `axes` axes, padded in front. */
static void reduce_longs(struct kernel_call *k, int axes, int n, const int64_t *values, int64_t padding)
{
    for (int i = 0; i < axes; i++)
        kernel_i64(k, i < axes - n ? padding : values[i - (axes - n)]);
}

int reduce_axes_count(const struct reduction *r)
{
    return r->nkept > r->nreduced ? r->nkept : r->nreduced;
}

void reduce_axes_args(struct kernel_call *k, const struct reduction *r)
{
    int axes = reduce_axes_count(r);

    reduce_longs(k, axes, r->nkept, r->kept_size, 1);
    reduce_longs(k, axes, r->nkept, r->kept_stride, 0);
    reduce_longs(k, axes, r->nreduced, r->size, 1);
    reduce_longs(k, axes, r->nreduced, r->stride, 0);
}

/* One kernel: x, or what e makes of it, folded by kind into z, and finished as `fold` says if this is its last one. */
static gradc_status reduce_call(const struct launch *l, const struct fold *fold, enum reduce_kind kind,
                                enum reduce_finish finish, const struct reduction *r,
                                const struct reduce_split *s, const struct view *x, const struct view *z,
                                const struct epilogue *e, struct failure *f)
{
    static const char *const kinds[REDUCE_KINDS] = {"SUM", "PROD",  "MAX",    "MIN",     "ANY",
                                                    "ALL", "APART", "SPREAD", "EXPS",    "SQUARES",
                                                    "ABS", "COUNT", "POWERS", "MAX_ABS", "MIN_ABS"};
    static const char *const finishes[] = {"AS_IS", "DIVIDE", "ROOT", "POWER", "FINITE", "LOG"};
    struct view shift = reduce_room(l, 0, r->outputs);
    struct kernel_call k;
    int64_t items = r->outputs * s->segments;
    int numbered =
        kind == REDUCE_POWERS || finish == REDUCE_DIVIDE || finish == REDUCE_ROOT || finish == REDUCE_POWER;

    kernel_start(&k, "reduce", s->columns ? "reduce_items" : "reduce_groups", x->dtype);
    k.wide = r->outputs * r->count > INT32_MAX; /* a chain's own inputs may be smaller */
    kernel_option(&k, "-DAXES=%d -DRESULT=%s", reduce_axes_count(r), gradc_dtype_name(dtype_computes(z->dtype)));
    if (dtype_is_half(z->dtype))
        kernel_option(&k, "-DPUT=%s_store", gradc_dtype_name(z->dtype));
    kernel_option(&k, "-DFOLD_%s -DFINISH_%s", kinds[kind], finishes[finish]);
    if (fold->stage == REDUCE_SECOND)
        kernel_option(&k, "-DSHIFT");
    if (numbered)
        kernel_option(&k, "-DNUMBER");
    kernel_tensor(&k, z);
    kernel_i64(&k, r->outputs);
    kernel_i64(&k, r->count);
    kernel_i64(&k, s->segments);
    kernel_i64(&k, s->segment);
    reduce_axes_args(&k, r);
    if (fold->stage == REDUCE_SECOND)
        kernel_tensor(&k, &shift);
    if (numbered)
        kernel_real(&k, fold->number);
    if (!e)
        kernel_tensor(&k, x);
    kernel_prologue(&k, e);
    if (s->columns)
        kernel_range(&k, items);
    else
        kernel_groups(&k, 1, &(size_t){(size_t)least(items, 65535)}, &(size_t){REDUCE_GROUP});
    return launch_kernel(l, &k, f);
}

gradc_status reduce_opencl(const struct launch *l, const struct fold *fold, struct failure *f)
{
    struct reduction r = reduction_of(&l->in[0].layout, l->ints[REDUCE_MASK]);
    struct reduce_split s = reduce_split_opencl(&r), all;
    struct reduction rest = {.nkept = 1,
                             .nreduced = 1,
                             .kept_size = {r.outputs},
                             .kept_stride = {1},
                             .size = {s.segments},
                             .stride = {r.outputs},
                             .outputs = r.outputs,
                             .count = s.segments};
    int64_t head = fold->stage == REDUCE_ONLY ? 0 : reduce_head(l, r.outputs);
    struct view part = reduce_room(l, head, s.segments * r.outputs);
    struct view x = l->in[0], z = fold->stage == REDUCE_FIRST ? reduce_room(l, 0, r.outputs) : l->out[0];
    gradc_status status;

    if (r.count == 0) { /* an empty x has no memory, and is not read: z stands in for it */
        x.at = z.at;
        for (int i = 0; i < r.nreduced; i++)
            r.size[i] = 1; /* kernels divide by sizes */
    }
    if (s.segments == 1)
        return reduce_call(l, fold, fold->kind, fold->finish, &r, &s, &x, &z, l->prologue, f);
    status = reduce_call(l, fold, fold->kind, REDUCE_AS_IS, &r, &s, &x, &part, l->prologue, f);
    if (status != GRADC_OK)
        return status;
    all = (struct reduce_split){.columns = s.segments <= REDUCE_FEW, .segment = s.segments, .segments = 1};
    return reduce_call(l, fold, reduce_merge(fold->kind), fold->finish, &rest, &all, &part, &z, NULL, f);
}

size_t reduce_workspace(const struct launch *l)
{
    struct reduction r = reduction_of(&l->in[0].layout, l->ints[REDUCE_MASK]);
    struct reduce_split s;

    if (r.outputs == 0)
        return 0;
    s = l->device->opencl ? reduce_split_opencl(&r)
                          : reduce_split_of(&r, REDUCE_SUM); /* short ones have no segments */
    return s.segments > 1 ? (size_t)(s.segments * r.outputs) * gradc_dtype_size(dtype_computes(l->out[0].dtype))
                          : 0;
}

size_t reduce_workspace_two(const struct launch *l)
{
    struct reduction r = reduction_of(&l->in[0].layout, l->ints[REDUCE_MASK]);

    return (size_t)reduce_head(l, r.outputs) + reduce_workspace(l);
}
