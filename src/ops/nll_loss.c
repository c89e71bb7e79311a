/* nll_loss.c - the negative log likelihood of the right class, weighted, and where it is ignored:
 * z[b,i] = -weight[label] x[b,label,i] with label = labels[b,i]; 0 where that is ignored.  i goes over the axes behind
 * the classes.  A label out of range goes to the device word; its z is NaN. */
#include "base/half.h"
#include "ops/loss.h"

#include <math.h>
#include <string.h>

/* ---- Shapes ---- */

int loss_labels_fit(const char *name, gradc_tensor *x, gradc_tensor *labels, gradc_tensor *weight)
{
    const struct tensor *t = op_operand(x, name), *l = t ? op_operand(labels, name) : NULL;
    if (!l)
        return -1;
    int same = t->layout.ndim >= 2 && l->layout.ndim == t->layout.ndim - 1;
    for (int i = 0; same && i < l->layout.ndim; i++)
        same = l->layout.shape[i] == t->layout.shape[i ? i + 1 : 0];
    if (l->g != t->g)
        context_fail(t->g, GRADC_E_ARG, "%s: labels are of another context", name);
    else if (!dtype_is_float(t->dtype))
        context_fail(t->g, GRADC_E_DTYPE, "%s: x is %s, no float", name, gradc_dtype_name(t->dtype));
    else if (l->dtype != GRADC_I32 && l->dtype != GRADC_I64)
        context_fail(t->g, GRADC_E_DTYPE, "%s: labels are %s, not i32 or i64", name, gradc_dtype_name(l->dtype));
    else if (t->layout.ndim < 2)
        context_fail(t->g, GRADC_E_SHAPE, "%s: x %s is not [batch,classes,...]", name, SHAPE(&t->layout));
    else if (!same)
        context_fail(t->g, GRADC_E_SHAPE, "%s: labels %s do not match x %s", name, SHAPE(&l->layout),
                     SHAPE(&t->layout));
    else
        return loss_weight_fits(name, t, weight);
    return -1;
}

/* ints of all three ops */
enum { NLL_IGNORE, NLL_CLASSES, NLL_DTYPE, NLL_INTS };

/* in: x, labels, weight or none.  Operands fit: the public functions saw to it. */
static gradc_status nll_loss_shape(struct record *r)
{
    r->out[0].dtype = r->in[0]->dtype;
    r->out[0].layout = r->in[1]->layout;
    return GRADC_OK;
}

/* in: labels, weight or none */
static gradc_status nll_weight_shape(struct record *r)
{
    r->out[0].dtype = (gradc_dtype)r->ints[NLL_DTYPE];
    r->out[0].layout = r->in[0]->layout;
    return GRADC_OK;
}

/* in: dz, labels, weight or none */
static gradc_status nll_loss_backward_shape(struct record *r)
{
    const struct layout *dz = &r->in[0]->layout;
    struct layout *x = &r->out[0].layout;
    r->out[0].dtype = r->in[0]->dtype;
    x->ndim = dz->ndim + 1;
    x->shape[0] = dz->shape[0];
    x->shape[1] = r->ints[NLL_CLASSES];
    for (int i = 2; i < x->ndim; i++)
        x->shape[i] = dz->shape[i - 1];
    return GRADC_OK;
}

/* ---- The CPU ---- */

enum { NLL_GRAIN = 16384 };

struct nll_job {
    gradc_dtype dtype; /* of numbers */
    int wide;          /* i64 labels */
    const void *x, *labels, *weight;
    void *z;
    int64_t n, classes, inner, ignore; /* n: labels */
    int64_t *wrong;                    /* of each task: the first label out of range, or -1 */
};

static double real_at(const struct nll_job *job, const void *from, int64_t i)
{
    if (job->dtype == GRADC_F64)
        return ((const double *)from)[i];
    if (dtype_is_half(job->dtype)) {
        const uint16_t x = ((const uint16_t *)from)[i];
        return job->dtype == GRADC_F16 ? f16_widen(x) : bf16_widen(x);
    }
    return ((const float *)from)[i];
}

static void real_set(const struct nll_job *job, void *to, int64_t i, double value)
{
    if (job->dtype == GRADC_F64)
        ((double *)to)[i] = value;
    else if (dtype_is_half(job->dtype))
        ((uint16_t *)to)[i] = job->dtype == GRADC_F16 ? f16_narrow((float)value) : bf16_narrow((float)value);
    else
        ((float *)to)[i] = (float)value;
}

static int64_t label_at(const struct nll_job *job, int64_t i)
{
    return job->wide ? ((const int64_t *)job->labels)[i] : ((const int32_t *)job->labels)[i];
}

static double weight_of(const struct nll_job *job, int64_t label)
{
    return job->weight ? real_at(job, job->weight, label) : 1;
}

static int in_range(const struct nll_job *job, int64_t label)
{
    return label >= 0 && label < job->classes;
}

/* Where x[b,label,i] is, for the label at position b * inner + i. */
static int64_t place_of_label(const struct nll_job *job, int64_t position, int64_t label)
{
    int64_t batch = position / job->inner;
    return (batch * job->classes + label) * job->inner + (position - batch * job->inner);
}

static void nll_loss_task(void *arg, int64_t task, int thread)
{
    const struct nll_job *job = arg;
    int64_t first = task * NLL_GRAIN, end = first + NLL_GRAIN < job->n ? first + NLL_GRAIN : job->n;
    (void)thread;
    job->wrong[task] = -1;
    for (int64_t i = first; i < end; i++) {
        int64_t label = label_at(job, i);
        double z = 0;
        if (label != job->ignore && in_range(job, label))
            z = -(weight_of(job, label) * real_at(job, job->x, place_of_label(job, i, label)));
        else if (label != job->ignore) {
            z = (double)NAN;
            if (job->wrong[task] < 0)
                job->wrong[task] = i;
        }
        real_set(job, job->z, i, z);
    }
}

static void nll_weight_task(void *arg, int64_t task, int thread)
{
    const struct nll_job *job = arg;
    int64_t first = task * NLL_GRAIN, end = first + NLL_GRAIN < job->n ? first + NLL_GRAIN : job->n;
    (void)thread;
    for (int64_t i = first; i < end; i++) {
        int64_t label = label_at(job, i);
        int counts = label != job->ignore && in_range(job, label);
        real_set(job, job->z, i, counts ? weight_of(job, label) : 0);
    }
}

/* Of an op whose labels are operand `at`, and the weight behind them. */
static struct nll_job nll_job_of(const struct launch *l, int at)
{
    const struct layout *labels = &l->in[at].layout;
    struct nll_job job = {.dtype = l->out[0].dtype,
                          .wide = l->in[at].dtype == GRADC_I64,
                          .x = view_host(&l->in[0]),
                          .labels = view_host(&l->in[at]),
                          .weight = l->nin > at + 1 ? view_host(&l->in[at + 1]) : NULL,
                          .z = view_host(&l->out[0]),
                          .n = layout_numel(labels),
                          .classes = l->ints[NLL_CLASSES],
                          .inner = 1,
                          .ignore = l->ints[NLL_IGNORE]};
    for (int i = 1; i < labels->ndim; i++)
        job.inner *= labels->shape[i];
    return job;
}

static gradc_status nll_loss_cpu(const struct launch *l, struct failure *f)
{
    struct nll_job job = nll_job_of(l, 1);
    int64_t tasks = cpu_tasks(job.n, NLL_GRAIN);
    (void)f;
    job.wrong = place_host(l->workspace);
    cpu_parallel(l->device, tasks, nll_loss_task, &job);
    for (int64_t task = 0; task < tasks; task++)
        if (job.wrong[task] >= 0) {
            launch_report(l, job.wrong[task], label_at(&job, job.wrong[task]));
            break;
        }
    return GRADC_OK;
}

static gradc_status nll_weight_cpu(const struct launch *l, struct failure *f)
{
    struct nll_job job = nll_job_of(l, 0);
    (void)f;
    cpu_parallel(l->device, cpu_tasks(job.n, NLL_GRAIN), nll_weight_task, &job);
    return GRADC_OK;
}

static size_t nll_loss_workspace(const struct launch *l)
{
    if (l->device->opencl)
        return 0;
    return (size_t)cpu_tasks(layout_numel(&l->in[1].layout), NLL_GRAIN) * sizeof(int64_t);
}

/* ---- OpenCL ---- */

/* Begins a kernel of opencl/nll_loss.cl with the sizes, labels (operand `at`), and the weight behind them. */
static void nll_kernel(struct kernel_call *k, const struct launch *l, const char *name, int at)
{
    const struct layout *labels = &l->in[at].layout;
    int64_t inner = 1;
    for (int i = 1; i < labels->ndim; i++)
        inner *= labels->shape[i];
    kernel_start(k, "nll_loss", name, l->out[0].dtype);
    kernel_option(k, "-DLABEL=%s", gradc_dtype_name(l->in[at].dtype));
    if (l->nin > at + 1)
        kernel_option(k, "-DWEIGHTED");
    kernel_i64(k, labels->shape[0]);
    kernel_i64(k, l->ints[NLL_CLASSES]);
    kernel_i64(k, inner);
    kernel_i64(k, l->ints[NLL_IGNORE]);
    kernel_tensor(k, &l->in[at]);
    if (l->nin > at + 1) /* without classes it has no memory, and is not read */
        kernel_tensor(k, l->ints[NLL_CLASSES] ? &l->in[at + 1] : &l->in[at]);
}

static gradc_status nll_loss_opencl(const struct launch *l, struct failure *f)
{
    struct kernel_call k;
    nll_kernel(&k, l, "nll_loss", 1);
    kernel_place(&k, l->word);
    kernel_i64(&k, l->serial);
    kernel_tensor(&k, l->ints[NLL_CLASSES] ? &l->in[0] : &l->in[1]);
    kernel_tensor(&k, &l->out[0]);
    kernel_range(&k, layout_numel(&l->out[0].layout));
    return launch_kernel(l, &k, f);
}

static gradc_status nll_weight_opencl(const struct launch *l, struct failure *f)
{
    struct kernel_call k;
    nll_kernel(&k, l, "nll_weight", 0);
    kernel_tensor(&k, &l->out[0]);
    kernel_range(&k, layout_numel(&l->out[0].layout));
    return launch_kernel(l, &k, f);
}

/* ---- nll_loss_backward: dx[b,c,i] = -weight[c] dz[b,i] where c is the label and not ignored, else 0 ---- */

static void nll_clear_task(void *arg, int64_t task, int thread)
{
    const struct nll_job *job = arg;
    int64_t n = job->n * job->classes, first = task * NLL_GRAIN, left = n - first;
    size_t size = gradc_dtype_size(job->dtype);
    (void)thread;
    memset((char *)job->z + (size_t)first * size, 0, (size_t)(left < NLL_GRAIN ? left : NLL_GRAIN) * size);
}

static void nll_loss_backward_task(void *arg, int64_t task, int thread)
{
    const struct nll_job *job = arg;
    int64_t first = task * NLL_GRAIN, end = first + NLL_GRAIN < job->n ? first + NLL_GRAIN : job->n;
    (void)thread;
    for (int64_t i = first; i < end; i++) {
        int64_t label = label_at(job, i);
        if (label != job->ignore && in_range(job, label))
            real_set(job, job->z, place_of_label(job, i, label),
                     -(weight_of(job, label) * real_at(job, job->x, i)));
    }
}

static gradc_status nll_loss_backward_cpu(const struct launch *l, struct failure *f)
{
    struct nll_job job = nll_job_of(l, 1);
    (void)f;
    cpu_parallel(l->device, cpu_tasks(job.n * job.classes, NLL_GRAIN), nll_clear_task, &job);
    cpu_parallel(l->device, cpu_tasks(job.n, NLL_GRAIN), nll_loss_backward_task, &job);
    return GRADC_OK;
}

static gradc_status nll_loss_backward_opencl(const struct launch *l, struct failure *f)
{
    struct kernel_call k;
    nll_kernel(&k, l, "nll_loss_backward", 1);
    kernel_tensor(&k, &l->in[0]);
    kernel_tensor(&k, &l->out[0]);
    kernel_range(&k, layout_numel(&l->out[0].layout));
    return launch_kernel(l, &k, f);
}

extern const struct op op_nll_loss_backward;

/* z's operands behind the first, x or dz, which is replaced. */
static gradc_tensor *nll_again(const struct gradient *d, const struct op *op, gradc_tensor *first)
{
    gradc_tensor *in[3] = {gradc_contiguous(first), d->x[1], d->nin > 2 ? d->x[2] : NULL};
    return op_record(op, d->nin, in, &(struct attributes){.nints = NLL_INTS, .ints = d->ints});
}

static void nll_loss_gradient(struct gradient *d)
{
    if (d->wants[0])
        d->dx[0] = nll_again(d, &op_nll_loss_backward, d->dz[0]);
}

/* ---- Descriptors ---- */

const struct op op_nll_loss = {
    .name = "nll_loss",
    .nin = -1,
    .nout = 1,
    .keeps = KEEP_IN(1) | KEEP_IN(2),
    .flags = OP_REPORTS | OP_HALF,
    .shape = nll_loss_shape,
    .workspace = nll_loss_workspace,
    .cpu = nll_loss_cpu,
    .opencl = nll_loss_opencl,
    .gradient = nll_loss_gradient,
};

/* Both are linear, and each the other's transpose. */
static void nll_loss_backward_gradient(struct gradient *d)
{
    if (d->wants[0])
        d->dx[0] = nll_again(d, &op_nll_loss, d->dz[0]);
}

const struct op op_nll_loss_backward = {
    .name = "nll_loss_backward",
    .nin = -1,
    .nout = 1,
    .keeps = KEEP_IN(1) | KEEP_IN(2),
    .flags = OP_HALF,
    .shape = nll_loss_backward_shape,
    .cpu = nll_loss_backward_cpu,
    .opencl = nll_loss_backward_opencl,
    .gradient = nll_loss_backward_gradient,
};

const struct op op_nll_weight = {
    .name = "nll_weight",
    .nin = -1,
    .nout = 1,
    .flags = OP_HALF,
    .shape = nll_weight_shape,
    .cpu = nll_weight_cpu,
    .opencl = nll_weight_opencl,
};

/* ---- Recording ---- */

struct nll_labels nll_labels_of(gradc_tensor *x, gradc_tensor *labels, gradc_tensor *weight, int64_t ignore_index)
{
    return (struct nll_labels){.labels = gradc_contiguous(labels),
                               .weight = gradc_contiguous(gradc_detach(weight)),
                               .ignore = ignore_index,
                               .classes = gradc_size(x, 1),
                               .dtype = gradc_dtype_of(x)};
}

gradc_tensor *nll_losses(const struct nll_labels *l, gradc_tensor *x)
{
    const int64_t ints[NLL_INTS] = {l->ignore, l->classes, l->dtype};
    gradc_tensor *in[3] = {gradc_contiguous(x), l->labels, l->weight};
    return op_record(&op_nll_loss, l->weight ? 3 : 2, in, &(struct attributes){.nints = NLL_INTS, .ints = ints});
}

gradc_tensor *nll_weights(const struct nll_labels *l)
{
    const int64_t ints[NLL_INTS] = {l->ignore, l->classes, l->dtype};
    gradc_tensor *in[2] = {l->labels, l->weight};
    return op_record(&op_nll_weight, l->weight ? 2 : 1, in,
                     &(struct attributes){.nints = NLL_INTS, .ints = ints});
}

gradc_tensor *nll_reduce(const struct nll_labels *l, gradc_tensor *loss, gradc_reduction reduction)
{
    if (reduction != GRADC_REDUCE_MEAN)
        return loss_reduce(loss, reduction);
    const gradc_dtype sums = dtype_computes(l->dtype); /* a sum may be beyond f16's range */
    gradc_tensor *all = gradc_sum(gradc_cast(loss, sums), 0, NULL, 0);
    return gradc_cast(gradc_div(all, gradc_sum(gradc_cast(nll_weights(l), sums), 0, NULL, 0)), l->dtype);
}

gradc_tensor *gradc_nll_loss(gradc_tensor *x, gradc_tensor *labels, gradc_tensor *weight,
                             int64_t ignore_index, gradc_reduction reduction)
{
    x = autocast_single(x);
    weight = autocast_single(weight);
    const char *name = "nll_loss";
    if (loss_labels_fit(name, x, labels, weight) || loss_reduction_known(gradc_context_of(x), name, reduction))
        return NULL;
    struct nll_labels l = nll_labels_of(x, labels, weight, ignore_index);
    return nll_reduce(&l, nll_losses(&l, x), reduction);
}
