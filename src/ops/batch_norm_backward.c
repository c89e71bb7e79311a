/* batch_norm_backward.c - the gradients of batch_norm as one op, and its own as a composition.
 *
 * dbias = sum(dz),  dweight = sum(dz y),  dx = weight r (dz - dbias / n - y dweight / n)
 * over the n numbers of each channel, with r = invstd and y = (x - mean) r. */
#include "ops/channels.h"
#include "ops/ops.h"
#include "ops/wide_gradient.h"

static gradc_status backward_shape(struct record *r)
{
    return norm_shape(r, BACK_X);
}

/* ---- The CPU ---- */

static void block_sums(const struct norm_work *w, const struct norm_span *s, struct norm_sums *sums)
{
    const struct launch *l = w->l;
    struct norm_affine a[NORM_WIDTH];
    for (int64_t c = 0; c < s->channels; c++)
        a[c] = (struct norm_affine){norm_number(&l->in[BACK_MEAN], s->first + c), 1, 0};
    norm_run(l->prologue, s);
    w->loops->sums(s, view_host(&l->in[BACK_DZ]), view_host(&l->in[BACK_X]), a, sums);
}

static void sums_task(void *arg, int64_t task, int thread)
{
    const struct norm_work *w = arg;
    struct norm_span s = norm_span_of(&w->e, &w->s, task);
    struct norm_sums sums[NORM_WIDTH], *parts = w->parts;
    (void)thread;
    block_sums(w, &s, sums);
    for (int64_t c = 0; c < s.channels; c++)
        parts[(s.first + c) * w->s.segments + task % w->s.segments] = sums[c];
}

/* dbias and dweight written, and what makes dx of dz and x. */
static struct norm_back settle_back(const struct norm_work *w, int64_t c, const struct norm_sums *sums, int write)
{
    const struct launch *l = w->l;
    double invstd = norm_number(&l->in[BACK_INVSTD], c), flow = norm_number(&l->in[BACK_WEIGHT], c) * invstd;
    double n = (double)w->e.n;
    if (write) {
        norm_set_number(&l->out[BACK_DBIAS], c, sums->dz);
        norm_set_number(&l->out[BACK_DWEIGHT], c, sums->dzx * invstd);
    }
    return (struct norm_back){norm_number(&l->in[BACK_MEAN], c), flow,
                              -flow * invstd * invstd * sums->dzx / n, -flow * sums->dz / n};
}

static void back_task(void *arg, int64_t task, int thread)
{
    const struct norm_work *w = arg;
    struct norm_span s = norm_span_of(&w->e, &w->s, task);
    struct norm_sums sums[NORM_WIDTH];
    struct norm_back b[NORM_WIDTH];
    int64_t segments = w->s.segments;
    (void)thread;
    if (segments == 1)
        block_sums(w, &s, sums);
    for (int64_t c = 0; c < s.channels; c++) {
        const struct norm_sums *parts = (struct norm_sums *)w->parts + (s.first + c) * segments;
        if (segments > 1)
            sums[c] = parts[0];
        for (int64_t k = 1; k < segments; k++) {
            sums[c].dz += parts[k].dz;
            sums[c].dzx += parts[k].dzx;
        }
        b[c] = settle_back(w, s.first + c, &sums[c], task % segments == 0);
    }
    w->loops->back(&s, view_host(&w->l->in[BACK_DZ]), view_host(&w->l->in[BACK_X]),
                   view_host(&w->l->out[BACK_DX]), b);
    norm_run(w->l->epilogue, &s);
}

static gradc_status backward_cpu(const struct launch *l, struct failure *f)
{
    struct norm_work w = norm_work_of(l, BACK_X);
    (void)f;
    norm_run_all(&w, l->prologue);
    if (w.s.segments > 1)
        cpu_parallel(l->device, w.s.blocks * w.s.segments, sums_task, &w);
    cpu_parallel(l->device, w.s.blocks * w.s.segments, back_task, &w);
    norm_run_all(&w, l->epilogue);
    return GRADC_OK;
}

static size_t sums_workspace(const struct launch *l)
{
    struct norm_extent e = norm_extent_of(&l->in[BACK_X].layout);
    return norm_workspace(l, &e, sizeof(struct norm_sums));
}

/* ---- OpenCL ---- */

static gradc_status backward_opencl(const struct launch *l, struct failure *f)
{
    struct norm_extent e = norm_extent_of(&l->in[BACK_X].layout);
    struct view parts = norm_parts(l, &e);
    struct kernel_call k;
    norm_start(&k, l, "batch_norm_sums", &e);
    kernel_tensor(&k, &parts);
    kernel_i64(&k, norm_group_segments(&e));
    kernel_tensor(&k, &l->in[BACK_DZ]);
    kernel_tensor(&k, &l->in[BACK_X]);
    norm_vector(&k, &l->in[BACK_MEAN]);
    kernel_prologue(&k, l->prologue);
    if (norm_launch_groups(l, &k, &e, f))
        return f->status;
    norm_start(&k, l, "batch_norm_backward", &e);
    kernel_tensor(&k, &parts);
    kernel_i64(&k, norm_group_segments(&e));
    kernel_tensor(&k, &l->in[BACK_DZ]);
    kernel_tensor(&k, &l->in[BACK_X]);
    for (int i = BACK_WEIGHT; i < BACK_OPERANDS; i++)
        norm_vector(&k, &l->in[i]);
    for (int o = BACK_DBIAS; o < BACK_OUTPUTS; o++)
        kernel_tensor(&k, &l->out[o]);
    kernel_result(&k, l->epilogue, &l->out[BACK_DX], 0);
    return norm_launch_groups(l, &k, &e, f);
}

/* ---- Gradient ---- */

/* For u, p, q flowing into dx, dbias, dweight, and s = sum(u), t = sum(u y), k = weight r / n:
 *     P = p - k s,  Q = q - k t   are what flows into the two sums altogether;
 *     ddz = weight r u + P + Q y,   dx = Q r dz - k r dweight u,   dmean = k r dweight s - Q r dbias
 *     dweight's = r (sum(u dz) - dbias s / n - dweight t / n)
 *     dinvstd   = weight (sum(u dz) - dbias s / n - 2 dweight t / n) + Q dweight / r. */
struct second {
    gradc_tensor *dz, *x, *weight, *r, *dbias, *dweight, *y, *u, *s, *t, *udz, *k, *p, *q;
};

static gradc_tensor *plus(gradc_tensor *x, gradc_tensor *y)
{
    return !x ? y : y ? gradc_add(x, y) : x;
}

static struct second second_of(const struct gradient *d)
{
    struct second f = {d->x[BACK_DZ],       d->x[BACK_X],           d->x[BACK_WEIGHT],
                       d->x[BACK_INVSTD],   d->z[BACK_DBIAS],       d->z[BACK_DWEIGHT],
                       .u = d->dz[BACK_DX], .p = d->dz[BACK_DBIAS], .q = d->dz[BACK_DWEIGHT]};
    f.y = gradc_mul(norm_centred(f.x, d->x[BACK_MEAN]), norm_beside(f.r, f.x));
    if (f.u) {
        f.s = norm_channel_sum(f.u);
        f.t = norm_channel_sum(gradc_mul(f.u, f.y));
        f.udz = norm_channel_sum(gradc_mul(f.u, f.dz));
        f.k = gradc_mul_scalar(gradc_mul(f.weight, f.r), 1 / norm_count(f.x));
        f.p = plus(f.p, gradc_neg(gradc_mul(f.k, f.s)));
        f.q = plus(f.q, gradc_neg(gradc_mul(f.k, f.t)));
    }
    return f;
}

static gradc_tensor *second_dz(const struct second *f)
{
    gradc_tensor *sum = f->u ? gradc_mul(f->u, norm_beside(gradc_mul(f->weight, f->r), f->x)) : NULL;
    sum = plus(sum, f->q ? gradc_mul(f->y, norm_beside(f->q, f->x)) : NULL);
    return plus(sum, f->p ? norm_beside(f->p, f->x) : NULL);
}

static gradc_tensor *second_x(const struct second *f)
{
    gradc_tensor *sum = f->q ? gradc_mul(f->dz, norm_beside(gradc_mul(f->q, f->r), f->x)) : NULL;
    if (!f->u)
        return sum;
    return gradc_sub(sum, gradc_mul(f->u, norm_beside(gradc_mul(gradc_mul(f->k, f->r), f->dweight), f->x)));
}

static gradc_tensor *second_mean(const struct second *f)
{
    gradc_tensor *sum = f->q ? gradc_neg(gradc_mul(gradc_mul(f->q, f->r), f->dbias)) : NULL;
    if (!f->u)
        return sum;
    return plus(sum, gradc_mul(gradc_mul(f->k, f->r), gradc_mul(f->dweight, f->s)));
}

/* sum(u dz) - dbias s / n - factor dweight t / n */
static gradc_tensor *second_core(const struct second *f, double factor)
{
    double n = norm_count(f->x);
    return gradc_sub(gradc_sub(f->udz, gradc_mul_scalar(gradc_mul(f->dbias, f->s), 1 / n)),
                     gradc_mul_scalar(gradc_mul(f->dweight, f->t), factor / n));
}

static void second_gradient(struct gradient *d)
{
    const struct second f = second_of(d);
    if (d->wants[BACK_DZ])
        d->dx[BACK_DZ] = second_dz(&f);
    if (d->wants[BACK_X])
        d->dx[BACK_X] = second_x(&f);
    if (d->wants[BACK_WEIGHT] && f.u)
        d->dx[BACK_WEIGHT] = gradc_mul(f.r, second_core(&f, 1));
    if (d->wants[BACK_MEAN])
        d->dx[BACK_MEAN] = second_mean(&f);
    if (d->wants[BACK_INVSTD])
        d->dx[BACK_INVSTD] = plus(f.u ? gradc_mul(f.weight, second_core(&f, 2)) : NULL,
                                  f.q ? gradc_div(gradc_mul(f.q, f.dweight), f.r) : NULL);
}

static void backward_gradient(struct gradient *d)
{
    wide_gradient(d, &op_batch_norm_backward, second_gradient);
}

const struct op op_batch_norm_backward = {
    .name = "batch_norm_backward",
    .nin = BACK_OPERANDS,
    .nout = BACK_OUTPUTS,
    .keeps = KEEP_IN(BACK_DZ) | KEEP_IN(BACK_X) | KEEP_IN(BACK_WEIGHT) | KEEP_IN(BACK_MEAN) |
             KEEP_IN(BACK_INVSTD) | KEEP_OUT(BACK_DBIAS) | KEEP_OUT(BACK_DWEIGHT),
    .flags = OP_FLOWS | OP_EPILOGUE | OP_PROLOGUE | OP_READS_AGAIN | OP_HALF,
    .shape = backward_shape,
    .workspace = sums_workspace,
    .cpu = backward_cpu,
    .opencl = backward_opencl,
    .gradient = backward_gradient,
};
