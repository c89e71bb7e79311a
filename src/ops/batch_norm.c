/* batch_norm.c - batch normalisation: by the batch's own statistics, with the running ones kept up, or by given ones.
 * What its backward op shares with it is in channels.c, the CPU's loops in channels_isa.c, the kernels in
 * opencl/batch_norm.cl.
 *
 * x is [batch,c,...], seen as [outer, c, inner]; n = outer * inner numbers make a channel's statistics. */
#include <math.h>

#include "core/context.h"
#include "core/step.h"
#include "ops/channels.h"
#include "ops/ops.h"

/* Operands and outputs: batch_norm x, weight, bias -> z, mean, 1 / sqrt(var + eps), var (biased);
 * batch_norm_eval x, weight, bias, mean, var -> z;  batch_norm_running mean, var, the batch's mean, var. */
enum { X, WEIGHT, BIAS, EVAL_MEAN, EVAL_VAR };
enum { Z, MEAN, INVSTD, VAR, NORM_OUTPUTS };

/* ---- Shape rules: the public function has looked at the operands ---- */

static gradc_status batch_norm_shape(struct record *r)
{
    return norm_shape(r, X);
}

static gradc_status running_shape(struct record *r)
{
    (void)r;
    return GRADC_OK;
}

/* ---- The CPU ---- */

/* The channel's statistics written, and what normalises by them. */
static struct norm_affine settle(const struct norm_work *w, int64_t c, const struct norm_moments *m, int write)
{
    const struct launch *l = w->l;
    double var = m->m2 / m->n, invstd = 1 / sqrt(var + l->reals[0]);
    if (write) {
        norm_set_number(&l->out[MEAN], c, m->mean);
        norm_set_number(&l->out[INVSTD], c, invstd);
        norm_set_number(&l->out[VAR], c, var);
    }
    return (struct norm_affine){m->mean, norm_number(&l->in[WEIGHT], c) * invstd, norm_number(&l->in[BIAS], c)};
}

static void moments_task(void *arg, int64_t task, int thread)
{
    const struct norm_work *w = arg;
    struct norm_span s = norm_span_of(&w->e, &w->s, task);
    struct norm_moments m[NORM_WIDTH], *parts = w->parts;
    (void)thread;
    norm_run(w->l->prologue, &s);
    w->loops->moments(&s, view_host(&w->l->in[X]), m);
    for (int64_t c = 0; c < s.channels; c++)
        parts[(s.first + c) * w->s.segments + task % w->s.segments] = m[c];
}

/* Behind moments_task where there are segments; else all of a block's work. */
static void apply_task(void *arg, int64_t task, int thread)
{
    const struct norm_work *w = arg;
    struct norm_span s = norm_span_of(&w->e, &w->s, task);
    struct norm_moments m[NORM_WIDTH];
    struct norm_affine a[NORM_WIDTH];
    int64_t segments = w->s.segments;
    (void)thread;
    if (segments == 1) {
        norm_run(w->l->prologue, &s);
        w->loops->moments(&s, view_host(&w->l->in[X]), m);
    }
    for (int64_t c = 0; c < s.channels; c++) {
        const struct norm_moments *parts = (struct norm_moments *)w->parts + (s.first + c) * segments;
        if (segments > 1)
            m[c] = parts[0];
        for (int64_t k = 1; k < segments; k++)
            norm_merge(&m[c], parts[k]);
        a[c] = settle(w, s.first + c, &m[c], task % segments == 0);
    }
    w->loops->apply(&s, view_host(&w->l->in[X]), view_host(&w->l->out[Z]), a);
    norm_run(w->l->epilogue, &s);
}

static gradc_status batch_norm_cpu(const struct launch *l, struct failure *f)
{
    struct norm_work w = norm_work_of(l, X);
    (void)f;
    norm_run_all(&w, l->prologue);
    if (w.s.segments > 1)
        cpu_parallel(l->device, w.s.blocks * w.s.segments, moments_task, &w);
    cpu_parallel(l->device, w.s.blocks * w.s.segments, apply_task, &w);
    norm_run_all(&w, l->epilogue);
    return GRADC_OK;
}

static void eval_task(void *arg, int64_t task, int thread)
{
    const struct norm_work *w = arg;
    const struct launch *l = w->l;
    struct norm_span s = norm_span_of(&w->e, &w->s, task);
    struct norm_affine a[NORM_WIDTH];
    (void)thread;
    for (int64_t k = 0; k < s.channels; k++) {
        int64_t c = s.first + k;
        a[k] = (struct norm_affine){norm_number(&l->in[EVAL_MEAN], c),
                                    norm_number(&l->in[WEIGHT], c) /
                                        sqrt(norm_number(&l->in[EVAL_VAR], c) + l->reals[0]),
                                    norm_number(&l->in[BIAS], c)};
    }
    w->loops->apply(&s, view_host(&l->in[X]), view_host(&l->out[Z]), a);
    norm_run(w->l->epilogue, &s);
}

static gradc_status eval_cpu(const struct launch *l, struct failure *f)
{
    struct norm_work w = norm_work_of(l, X);
    (void)f;
    cpu_parallel(l->device, w.s.blocks * w.s.segments, eval_task, &w);
    norm_run_all(&w, l->epilogue);
    return GRADC_OK;
}

/* running += momentum (statistic - running), as PyTorch rounds it: two products and their sum. */
static void running_task(void *arg, int64_t task, int thread)
{
    const struct launch *l = arg;
    double momentum = l->reals[0];
    (void)task;
    (void)thread;
    for (int64_t c = 0; c < l->in[0].layout.shape[0]; c++)
        for (int k = 0; k < 2; k++) {
            double statistic = norm_number(&l->in[2 + k], c) * (k ? l->reals[1] : 1);
            norm_set_number(&l->in[k], c, (1 - momentum) * norm_number(&l->in[k], c) + momentum * statistic);
        }
}

/* (The CPU's run passes over updates behind a data error.) */
static gradc_status running_cpu(const struct launch *l, struct failure *f)
{
    (void)f;
    cpu_parallel(l->device, 1, running_task, (void *)(uintptr_t)l);
    return GRADC_OK;
}

/* ---- OpenCL: a work-group for each channel and segment, for the parts of the statistics and then for z ---- */

static size_t moments_workspace(const struct launch *l)
{
    struct norm_extent e = norm_extent_of(&l->in[X].layout);
    return norm_workspace(l, &e, sizeof(struct norm_moments));
}

static gradc_status batch_norm_opencl(const struct launch *l, struct failure *f)
{
    struct norm_extent e = norm_extent_of(&l->in[X].layout);
    struct view parts = norm_parts(l, &e);
    struct kernel_call k;
    norm_start(&k, l, "batch_norm_moments", &e);
    kernel_tensor(&k, &parts);
    kernel_i64(&k, norm_group_segments(&e));
    kernel_tensor(&k, &l->in[X]);
    kernel_prologue(&k, l->prologue);
    if (norm_launch_groups(l, &k, &e, f))
        return f->status;
    norm_start(&k, l, "batch_norm_normalise", &e);
    kernel_tensor(&k, &parts);
    kernel_i64(&k, norm_group_segments(&e));
    kernel_tensor(&k, &l->in[X]);
    norm_vector(&k, &l->in[WEIGHT]);
    norm_vector(&k, &l->in[BIAS]);
    for (int o = MEAN; o <= VAR; o++)
        kernel_tensor(&k, &l->out[o]);
    kernel_real(&k, l->reals[0]);
    kernel_result(&k, l->epilogue, &l->out[Z], 0);
    return norm_launch_groups(l, &k, &e, f);
}

static gradc_status eval_opencl(const struct launch *l, struct failure *f)
{
    struct norm_extent e = norm_extent_of(&l->in[X].layout);
    struct kernel_call k;
    norm_start(&k, l, "batch_norm_eval", &e);
    kernel_tensor(&k, &l->in[X]);
    for (int i = WEIGHT; i <= EVAL_VAR; i++)
        norm_vector(&k, &l->in[i]);
    kernel_real(&k, l->reals[0]);
    kernel_result(&k, l->epilogue, &l->out[Z], 0);
    kernel_range(&k, e.channels * e.n);
    return launch_kernel(l, &k, f);
}

static gradc_status running_opencl(const struct launch *l, struct failure *f)
{
    struct kernel_call k;
    kernel_start(&k, "batch_norm", "batch_norm_running", l->in[0].dtype);
    kernel_option(&k, "-DGROUP=%d", NORM_GROUP);
    kernel_place(&k, l->word);
    kernel_i64(&k, l->in[0].layout.shape[0]);
    for (int i = 0; i < 4; i++)
        norm_vector(&k, &l->in[i]);
    kernel_real(&k, l->reals[0]);
    kernel_real(&k, 1 - l->reals[0]);
    kernel_real(&k, l->reals[1]);
    kernel_range(&k, l->in[0].layout.shape[0]);
    return launch_kernel(l, &k, f);
}

/* ---- Gradients ---- */

/* z = weight invstd (x - mean) + bias.  Through z: batch_norm_backward; a second derivative also lets something flow
 * into the statistics:  dx = dmean / n - dinvstd invstd^3 (x - mean) / n. */
static void batch_norm_gradient(struct gradient *d)
{
    gradc_tensor *x = d->x[X], *mean = d->z[MEAN], *invstd = d->z[INVSTD], *back[BACK_OUTPUTS];
    if (d->dz[Z]) {
        gradc_tensor *in[BACK_OPERANDS] = {gradc_contiguous(d->dz[Z]), x, d->x[WEIGHT], mean, invstd};
        if (op_record_all(&op_batch_norm_backward, BACK_OPERANDS, in, NULL, back))
            return;
        d->dx[X] = back[BACK_DX];
        d->dx[WEIGHT] = back[BACK_DWEIGHT];
        d->dx[BIAS] = back[BACK_DBIAS];
    }
    gradc_tensor *more = NULL;
    if (d->dz[INVSTD]) {
        gradc_tensor *slope = gradc_mul(d->dz[INVSTD], gradc_mul(invstd, gradc_mul(invstd, invstd)));
        more = gradc_mul(gradc_neg(norm_beside(slope, x)),
                         norm_centred(gradc_cast(x, gradc_dtype_of(mean)), mean));
    }
    if (d->dz[MEAN])
        more = more ? gradc_add(more, norm_beside(d->dz[MEAN], x)) : norm_beside(d->dz[MEAN], x);
    if (more) {
        more = gradc_cast(gradc_mul_scalar(more, 1 / norm_count(x)), gradc_dtype_of(x));
        d->dx[X] = d->dx[X] ? gradc_add(d->dx[X], more)
                            : gradc_expand(more, gradc_ndim(x), tensor_of(x)->layout.shape);
    }
}

/* z = weight r (x - mean) + bias with r = 1 / sqrt(var + eps):
 * dx = weight r dz,  dweight = r sum(dz (x - mean)),  dbias = sum(dz).  Nothing flows into the statistics. */
static void eval_gradient(struct gradient *d)
{
    const gradc_dtype dtype = gradc_dtype_of(d->x[X]), computes = dtype_computes(dtype);
    gradc_tensor *x = gradc_cast(d->x[X], computes), *dz = gradc_cast(d->dz[0], computes);
    gradc_tensor *var = gradc_detach(d->x[EVAL_VAR]);
    gradc_tensor *std = gradc_sqrt(gradc_add_scalar(var, d->reals[0]));
    if (d->wants[X])
        d->dx[X] = gradc_cast(gradc_mul(dz, norm_beside(gradc_div(d->x[WEIGHT], std), x)), dtype);
    if (d->wants[WEIGHT]) {
        gradc_tensor *product = gradc_mul(dz, norm_centred(x, gradc_detach(d->x[EVAL_MEAN])));
        d->dx[WEIGHT] = gradc_div(norm_channel_sum(product), std);
    }
    if (d->wants[BIAS])
        d->dx[BIAS] = norm_channel_sum(dz);
}

/* ---- Descriptors ---- */

const struct op op_batch_norm = {
    .name = "batch_norm",
    .nin = 3,
    .nout = NORM_OUTPUTS,
    .keeps = KEEP_IN(X) | KEEP_IN(WEIGHT) | KEEP_OUT(MEAN) | KEEP_OUT(INVSTD),
    .flags = OP_FLOWS | OP_EPILOGUE | OP_PROLOGUE | OP_READS_AGAIN | OP_HALF,
    .shape = batch_norm_shape,
    .workspace = moments_workspace,
    .cpu = batch_norm_cpu,
    .opencl = batch_norm_opencl,
    .gradient = batch_norm_gradient,
};

const struct op op_batch_norm_eval = {
    .name = "batch_norm_eval",
    .nin = 5,
    .nout = 1,
    .keeps = KEEP_IN(X) | KEEP_IN(WEIGHT) | KEEP_IN(EVAL_MEAN) | KEEP_IN(EVAL_VAR),
    .flags = OP_EPILOGUE | OP_HALF,
    .shape = batch_norm_shape,
    .cpu = eval_cpu,
    .opencl = eval_opencl,
    .gradient = eval_gradient,
};

const struct op op_batch_norm_running = {
    .name = "batch_norm_running",
    .nin = 4,
    .flags = OP_HALF,
    .writes = 1u << 0 | 1u << 1,
    .shape = running_shape,
    .cpu = running_cpu,
    .opencl = running_opencl,
};

/* ---- gradc_batch_norm ---- */

/* A vector of the channels of x, or NULL. */
static gradc_status check_vector(const struct tensor *x, gradc_tensor *vector, const char *name, int needed)
{
    const struct tensor *v = vector ? op_operand(vector, "batch_norm") : NULL;
    if (vector && !v)
        return GRADC_E_CLEARED;
    if (!v)
        return needed ? context_fail(x->g, GRADC_E_ARG, "batch_norm: without training there must be %s", name)
                      : GRADC_OK;
    if (v->g != x->g)
        return context_fail(x->g, GRADC_E_ARG, "batch_norm: %s is of another context", name);
    if (v->dtype != x->dtype && v->dtype != dtype_computes(x->dtype))
        return context_fail(x->g, GRADC_E_DTYPE, "batch_norm: %s is %s, x is %s", name,
                            gradc_dtype_name(v->dtype), gradc_dtype_name(x->dtype));
    if (v->layout.ndim != 1 || v->layout.shape[0] != x->layout.shape[1])
        return context_fail(x->g, GRADC_E_SHAPE, "batch_norm: %s %s does not match the channels of x %s",
                            name, SHAPE(&v->layout), SHAPE(&x->layout));
    return GRADC_OK;
}

/* A running statistic that training can write. */
static gradc_status check_written(const struct tensor *x, gradc_tensor *running, const char *name)
{
    const struct tensor *v = running ? op_operand(running, "batch_norm") : NULL;
    if (!v || (v->root->owned && (v->layout.stride[0] != 0 || v->layout.shape[0] < 2)))
        return GRADC_OK;
    return context_fail(x->g, GRADC_E_ARG, "batch_norm: %s %s is %s, which can't be written", name,
                        SHAPE(&v->layout), v->root->owned ? "one element repeated" : "an op's result");
}

/* vectors: running_mean, running_var, weight, bias. */
static gradc_status check(const struct tensor *x, gradc_tensor *const *vectors, int training, double momentum,
                          double eps)
{
    static const char *const names[] = {"running_mean", "running_var", "weight", "bias"};
    gradc_status status = GRADC_OK;
    if (!dtype_is_float(x->dtype))
        return context_fail(x->g, GRADC_E_DTYPE, "batch_norm: x is %s, no float", gradc_dtype_name(x->dtype));
    if (x->layout.ndim < 2)
        return context_fail(x->g, GRADC_E_SHAPE, "batch_norm: x %s is not [batch,c,...]", SHAPE(&x->layout));
    if (!isfinite(momentum) || !(eps >= 0) || isinf(eps))
        return context_fail(x->g, GRADC_E_ARG, "batch_norm: momentum %g or eps %g is no good number",
                            momentum, eps);
    for (int i = 0; i < 4 && !status; i++)
        status = check_vector(x, vectors[i], names[i], !training && i < 2);
    if (!status && !vectors[0] != !vectors[1])
        return context_fail(x->g, GRADC_E_ARG, "batch_norm: running_mean and running_var must come together");
    if (!status && vectors[0] && gradc_dtype_of(vectors[0]) != gradc_dtype_of(vectors[1]))
        return context_fail(x->g, GRADC_E_DTYPE, "batch_norm: running_mean is %s, running_var %s",
                            gradc_dtype_name(gradc_dtype_of(vectors[0])),
                            gradc_dtype_name(gradc_dtype_of(vectors[1])));
    for (int i = 0; i < 2 && !status && training; i++)
        status = check_written(x, vectors[i], names[i]);
    if (!status && training && layout_numel(&x->layout) == x->layout.shape[1] && x->layout.shape[1] > 0)
        return context_fail(x->g, GRADC_E_SHAPE,
                            "batch_norm: expected more than 1 value per channel when training, x is %s",
                            SHAPE(&x->layout));
    return status;
}

/* A vector in the dtype that x is computed in; a weight of ones or a bias of zeros where there is none. */
static gradc_tensor *vector_or(gradc_tensor *v, const struct tensor *x, int one)
{
    const gradc_dtype computes = dtype_computes(x->dtype);
    return v ? gradc_cast(v, computes)
             : gradc_expand(context_constant(x->g, computes, one), 1, &x->layout.shape[1]);
}

/* z, and the update of the running statistics: both or neither. */
static gradc_tensor *train(gradc_context *g, gradc_tensor *const *in, gradc_tensor *const *running,
                           double momentum, double eps)
{
    double n = norm_count(in[X]);
    const double numbers[2] = {momentum, n / (n - 1)};
    gradc_tensor *out[NORM_OUTPUTS];
    call_begin(g, 1);
    gradc_status status =
        op_record_all(&op_batch_norm, 3, in, &(struct attributes){.nreals = 1, .reals = &eps}, out);
    if (!status && running[0])
        status = op_record_assign(&op_batch_norm_running, 4,
                                  (gradc_tensor *const[]){running[0], running[1], out[MEAN], out[VAR]},
                                  &(struct attributes){.nreals = 2, .reals = numbers});
    if (status) {
        call_undo(g);
    } else {
        struct tensor *z = tensor_of(out[Z]);
        z->open = 1;
        tensor_keep(z);
    }
    call_end(g);
    return status ? NULL : out[Z];
}

gradc_tensor *gradc_batch_norm(gradc_tensor *x, gradc_tensor *running_mean, gradc_tensor *running_var,
                               gradc_tensor *weight, gradc_tensor *bias, int training, double momentum,
                               double eps)
{
    gradc_tensor *const vectors[] = {running_mean, running_var, weight, bias};
    const struct tensor *t = op_operand(x, "batch_norm");
    if (!t || check(t, vectors, training, momentum, eps))
        return NULL;
    gradc_tensor *in[] = {gradc_contiguous(x), vector_or(weight, t, 1), vector_or(bias, t, 0), running_mean,
                          running_var};
    if (layout_numel(&t->layout) == 0)
        return gradc_cast(gradc_add(gradc_mul(gradc_cast(x, dtype_computes(t->dtype)), norm_beside(in[WEIGHT], x)),
                                    norm_beside(in[BIAS], x)),
                          t->dtype);
    if (!in[X] || !in[WEIGHT] || !in[BIAS])
        return NULL;
    if (training)
        return train(t->g, in, vectors, momentum, eps);
    for (int i = EVAL_MEAN; i <= EVAL_VAR; i++)
        in[i] = gradc_cast(in[i], dtype_computes(t->dtype));
    return op_record(&op_batch_norm_eval, 5, in, &(struct attributes){.nreals = 1, .reals = &eps});
}
