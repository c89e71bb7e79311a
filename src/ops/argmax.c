/* argmax.c - argmax and argmin: the position of the first maximum or minimum over axes, row-major inside them; NaN
 * counts as the one looked for.  Floats, i64, i32, u8 into i64.  The searches are in argmax_isa.c, the kernels in
 * opencl/argmax.cl. */
#include "ops/argmax.h"
#include "device/cpu/isa.h"
#include "ops/ops.h"

/* ints: REDUCE_*. */
static gradc_status argmax_shape(struct record *r)
{
    gradc_dtype dtype = r->in[0]->dtype;

    if (!dtype_known(dtype) || dtype == GRADC_BOOL)
        return record_fail(r, GRADC_E_DTYPE, "x is %s, not a number", gradc_dtype_name(dtype));
    if (reduce_shape(r) != GRADC_OK)
        return GRADC_E_ARG;
    r->out[0].dtype = GRADC_I64;
    return reduce_not_empty(r);
}

/* ---- The CPU ---- */

ISA_DECLARE(struct argmax_loops, argmax_loops);

enum { ARGMAX_GRAIN = 32768, ARGMAX_OUTPUTS = 32, ARGMAX_SIDE = 16 };

static struct argmax_job argmax_job_of(const struct launch *l)
{
    struct argmax_job job = {.r = reduction_of(&l->in[0].layout, l->ints[REDUCE_MASK]), .segments = 1};

    job.segment = job.r.count;
    job.per_task = job.r.count < ARGMAX_GRAIN ? ARGMAX_GRAIN / job.r.count : 1;
    if (job.r.kept_stride[job.r.nkept - 1] == 1 && job.r.stride[0] != 1 && job.per_task < ARGMAX_SIDE)
        job.per_task = ARGMAX_SIDE; /* neighbours are searched side by side */
    if (job.r.outputs < ARGMAX_OUTPUTS && job.r.count >= 2 * ARGMAX_GRAIN) {
        job.segment = ARGMAX_GRAIN;
        job.segments = (job.r.count - 1) / ARGMAX_GRAIN + 1;
    }
    return job;
}

static int argmax_kind(const struct launch *l)
{
    return l->op == &op_argmin ? ARGMIN : ARGMAX;
}

static gradc_status argmax_cpu(const struct launch *l, struct failure *f)
{
    static const struct argmax_loops *const table[CPU_ISAS] = ISA_TABLE(argmax_loops);
    const struct argmax_loops *loops = table[cpu_isa()];
    struct argmax_job job = argmax_job_of(l);
    gradc_dtype dtype = l->in[0].dtype;
    int64_t *z = view_host(&l->out[0]);
    int kind = argmax_kind(l);

    (void)f;
    job.x = view_host(&l->in[0]);
    job.best = reduce_rows(kind == ARGMIN ? REDUCE_MIN : REDUCE_MAX, dtype_computes(dtype));
    job.z = job.segments > 1 ? place_host(l->workspace) : z;
    cpu_parallel(l->device, cpu_tasks(job.r.outputs, job.per_task) * job.segments, loops->task[kind][dtype],
                 &job);
    if (job.segments > 1)
        loops->merge[kind][dtype](&job, z);
    return GRADC_OK;
}

/* ---- OpenCL ----
 * An item searches an output, or a group a segment of one; then an item goes over an output's segments. */

enum { ARGMAX_FEW = 64, ARGMAX_GROUP = 256, ARGMAX_SEGMENT = 16384, ARGMAX_GROUPS = 1024 };

/* By items or by groups, and how many segments. */
static int argmax_in_items(const struct reduction *r)
{
    int neighbours = r->kept_stride[r->nkept - 1] == 1 && r->stride[r->nreduced - 1] != 1;

    return r->count <= ARGMAX_FEW || (neighbours && r->outputs >= ARGMAX_GROUPS);
}

static int64_t argmax_segments(const struct reduction *r, int64_t *segment)
{
    int64_t most = (r->count - 1) / ARGMAX_SEGMENT + 1, room = ARGMAX_GROUPS / r->outputs;

    *segment = r->count;
    if (argmax_in_items(r) || most < 2 || room < 2)
        return 1;
    *segment = (r->count - 1) / (most < room ? most : room) + 1;
    return (r->count - 1) / *segment + 1;
}

static void argmax_call(struct kernel_call *k, const char *kernel, const struct launch *l,
                        const struct reduction *r, const struct view *z, int64_t segments, int64_t segment)
{
    kernel_start(k, "argmax", kernel, l->in[0].dtype);
    kernel_option(k, "-DAXES=%d", reduce_axes_count(r));
    if (argmax_kind(l) == ARGMIN)
        kernel_option(k, "-DARGMIN");
    kernel_tensor(k, &l->in[0]);
    kernel_tensor(k, z);
    kernel_i64(k, r->outputs);
    kernel_i64(k, r->count);
    kernel_i64(k, segments);
    kernel_i64(k, segment);
    reduce_axes_args(k, r);
}

static gradc_status argmax_opencl(const struct launch *l, struct failure *f)
{
    struct reduction r = reduction_of(&l->in[0].layout, l->ints[REDUCE_MASK]);
    int64_t segment, segments = argmax_segments(&r, &segment), groups = r.outputs * segments;
    struct view part = {
        .at = l->workspace, .dtype = GRADC_I64, .layout = {.ndim = 1, .shape = {groups}, .stride = {1}}};
    size_t local = ARGMAX_GROUP;
    struct kernel_call k;
    gradc_status status;

    if (argmax_in_items(&r)) {
        argmax_call(&k, "argmax_items", l, &r, &l->out[0], 1, r.count);
        kernel_range(&k, r.outputs);
        return launch_kernel(l, &k, f);
    }
    argmax_call(&k, "argmax_groups", l, &r, segments > 1 ? &part : &l->out[0], segments, segment);
    kernel_groups(&k, 1, &(size_t){groups < 65535 ? (size_t)groups : 65535}, &local);
    status = launch_kernel(l, &k, f);
    if (status != GRADC_OK || segments == 1)
        return status;
    argmax_call(&k, "argmax_segments", l, &r, &l->out[0], segments, segment);
    kernel_tensor(&k, &part);
    kernel_range(&k, r.outputs);
    return launch_kernel(l, &k, f);
}

static size_t argmax_workspace(const struct launch *l)
{
    struct argmax_job job = argmax_job_of(l);
    int64_t segment, segments;

    if (job.r.outputs == 0)
        return 0;
    segments = l->device->opencl ? argmax_segments(&job.r, &segment) : job.segments;
    return segments > 1 ? (size_t)(segments * job.r.outputs) * sizeof(int64_t) : 0;
}

const struct op op_argmax = {.name = "argmax",
                             .nin = 1,
                             .nout = 1,
                             .flags = OP_HALF,
                             .shape = argmax_shape,
                             .workspace = argmax_workspace,
                             .cpu = argmax_cpu,
                             .opencl = argmax_opencl};

const struct op op_argmin = {.name = "argmin",
                             .nin = 1,
                             .nout = 1,
                             .flags = OP_HALF,
                             .shape = argmax_shape,
                             .workspace = argmax_workspace,
                             .cpu = argmax_cpu,
                             .opencl = argmax_opencl};

gradc_tensor *gradc_argmax(gradc_tensor *x, int naxes, const int *axes, int keepdim)
{
    return reduce_record(&op_argmax, x, naxes, axes, keepdim);
}

gradc_tensor *gradc_argmin(gradc_tensor *x, int naxes, const int *axes, int keepdim)
{
    return reduce_record(&op_argmin, x, naxes, axes, keepdim);
}
