/* reduce.c - the folds that reductions over axes share, on both devices.  Axes and shapes are in reduce_axes.c, the
 * vector loops in reduce_isa.c, the kernels in opencl/reduce.cl; the ops in sum.c, mean.c, prod.c, max.c, any.c, var.c,
 * norm.c, logsumexp.c. */
#include "ops/reduce.h"
#include "device/cpu/half.h"
#include "device/cpu/isa.h"

ISA_DECLARE(struct reduce_loops, reduce_loops);

static const struct reduce_loops *const reduce_table[CPU_ISAS] = ISA_TABLE(reduce_loops);

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

/* Whether elements are widened for f32's loop before they are folded: 16-bit floats, which only sums have loops for. */
static int reduce_widens(enum reduce_kind kind, gradc_dtype dtype)
{
    return dtype_is_half(dtype) && !reduce_rows(kind, dtype);
}

struct reduce_split {
    int columns;
    int64_t width;    /* outputs of a unit */
    int64_t blocks;   /* units along the last kept axis */
    int64_t units;    /* in all */
    int64_t per_task; /* units */
    int64_t segment;  /* reduced elements of a segment */
    int64_t segments;
};

/* Where elements are widened no unit has more than REDUCE_GRAIN of them. */
static struct reduce_split reduce_split_of(const struct reduction *r, enum reduce_kind kind, gradc_dtype dtype)
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
    if (reduce_widens(kind, dtype) ? elements > REDUCE_GRAIN
                                   : s.units < REDUCE_UNITS && elements >= 2 * REDUCE_GRAIN) {
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
    gradc_dtype widened;           /* of elements that are widened first, */
    float *wide;                   /* into `room` floats for each thread; NULL: they are not */
    int64_t room;
};

/* What a unit folds, and with whose strides. */
struct reduce_part {
    const void *x;
    struct reduction r;
    int64_t start, end;
};

/* Elements start .. end-1 of `width` outputs from x on, widened; in front of each output's stands its first one, where
 * the fold asks for that. */
static struct reduce_part reduce_widen(const struct reduce_job *job, const char *x, int64_t start,
                                       int64_t end, int64_t width, float *to)
{
    const struct reduction *r = &job->r;
    const int last = r->nreduced - 1, side = r->kept_stride[r->nkept - 1] == 1 && width >= REDUCE_SIDE;
    const int64_t step = r->kept_stride[r->nkept - 1], n = end - start, run = r->size[last];
    const int64_t firsts = job->fold->kind == REDUCE_APART || job->fold->kind == REDUCE_SPREAD;
    struct reduce_part p = {to, {.nkept = 1, .nreduced = 1, .kept_size = {width}}, n > 0, n > 0 ? n + 1 : 0};
    p.r.kept_stride[0] = side ? 1 : n + 1;
    p.r.stride[0] = side ? width : 1;
    p.r.size[0] = p.r.count = p.end;
    for (int64_t j = 0; j < width && n > 0; j++) {
        float *first = to + j * p.r.kept_stride[0];
        *first = 0;
        half_widen(job->widened, firsts, x + j * step * job->element, 1, first);
    }
    for (int64_t i = 0; side && i < n; i++)
        half_widen(job->widened, width, x + reduction_element(r, start + i) * job->element, 1,
                   to + (i + 1) * width);
    for (int64_t j = 0; !side && j < width; j++)
        for (int64_t i = start, some; i < end; i += some) {
            const char *from = x + (j * step + reduction_element(r, i)) * job->element;
            some = run - i % run < end - i ? run - i % run : end - i;
            half_widen(job->widened, some, from, r->stride[last], to + j * (n + 1) + 1 + i - start);
        }
    return p;
}

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

static void reduce_unit(const struct reduce_job *job, int64_t unit, int64_t segment, int thread)
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
    const char *x = job->x + reduction_kept(r, output) * job->element;
    reduce_loop *fold = s->columns ? job->columns : job->rows;
    if (job->wide) {
        const struct reduce_part p = reduce_widen(job, x, start, end, width, job->wide + thread * job->room);
        fold(p.x, &p.r, p.start, p.end, width, &map, z);
    } else {
        fold(x, r, start, end, width, &map, z);
    }
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

    for (int64_t unit = first; unit < end; unit++)
        reduce_unit(job, unit, task % s->segments, thread);
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

/* The workspace: a first fold's results, parts, room for what is widened. */
static size_t reduce_parts_bytes(const struct reduce_split *s, const struct reduction *r, gradc_dtype result)
{
    return s->segments > 1
               ? (size_t)((s->segments * r->outputs * (int64_t)gradc_dtype_size(result) + 63) / 64 * 64)
               : 0;
}

static int64_t reduce_room_of(const struct reduce_split *s)
{
    return (s->segment + 1) * s->width;
}

/* The loops, and where elements are widened for them. */
static void reduce_loops_of(struct reduce_job *job, const struct launch *l, char *room)
{
    const gradc_dtype dtype = l->in[0].dtype;
    const int widens = reduce_widens(job->fold->kind, dtype);
    const struct reduce_loops *loops = reduce_table[cpu_isa()];
    job->rows = loops->rows[job->fold->kind][widens ? GRADC_F32 : dtype];
    job->columns = loops->columns[job->fold->kind][widens ? GRADC_F32 : dtype];
    job->widened = dtype;
    job->wide = widens ? (float *)(void *)room : NULL;
    job->room = reduce_room_of(&job->split);
}

gradc_status reduce_cpu(const struct launch *l, const struct fold *fold, struct failure *f)
{
    const gradc_dtype dtype = l->in[0].dtype, folded = dtype_computes(l->out[0].dtype);
    struct reduce_job job = {.r = reduction_of(&l->in[0].layout, l->ints[REDUCE_MASK]),
                             .fold = fold,
                             .element = (int64_t)gradc_dtype_size(dtype),
                             .result = (int64_t)gradc_dtype_size(folded),
                             .dtype = folded,
                             .rounded = fold->stage == REDUCE_FIRST ? folded : l->out[0].dtype};
    char *work = place_host(l->workspace), *z;

    (void)f;
    job.split = reduce_split_of(&job.r, fold->kind, dtype);
    job.x = job.r.count ? view_host(&l->in[0]) : NULL;
    job.shift = fold->stage == REDUCE_SECOND ? work : NULL;
    z = fold->stage == REDUCE_FIRST ? work : view_host(&l->out[0]);
    work = work ? work + (fold->stage == REDUCE_ONLY ? 0 : reduce_head(l, job.r.outputs)) : NULL;
    job.z = job.split.segments == 1 ? z : work;
    reduce_loops_of(&job, l, work ? work + reduce_parts_bytes(&job.split, &job.r, folded) : NULL);
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

static size_t reduce_workspace_of(const struct launch *l, enum reduce_kind kind)
{
    struct reduction r = reduction_of(&l->in[0].layout, l->ints[REDUCE_MASK]);
    const gradc_dtype dtype = l->in[0].dtype;
    struct reduce_split s;

    if (r.outputs == 0)
        return 0;
    s = l->device->opencl ? reduce_split_opencl(&r) : reduce_split_of(&r, kind, dtype);
    size_t bytes = reduce_parts_bytes(&s, &r, dtype_computes(l->out[0].dtype));
    if (!l->device->opencl && reduce_widens(kind, dtype))
        bytes += (size_t)(cpu_threads(l->device) * reduce_room_of(&s)) * sizeof(float);
    return bytes;
}

size_t reduce_workspace_sum(const struct launch *l)
{
    return reduce_workspace_of(l, REDUCE_SUM);
}

/* Of two folds, the larger: a maximum's units may be others than a sum's. */
size_t reduce_workspace(const struct launch *l)
{
    const size_t most = reduce_workspace_of(l, REDUCE_MAX), squares = reduce_workspace_of(l, REDUCE_SQUARES);

    return most > squares ? most : squares;
}

size_t reduce_workspace_two(const struct launch *l)
{
    struct reduction r = reduction_of(&l->in[0].layout, l->ints[REDUCE_MASK]);

    return (size_t)reduce_head(l, r.outputs) + reduce_workspace(l);
}
