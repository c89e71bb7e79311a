/* trial.c - products and convolutions on made-up operands: run, timed, compared with the plain form. */
#include "device/opencl/trial.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/half.h"
#include "base/host.h"
#include "base/os.h"
#include "device/opencl/calls.h"
#include "device/opencl/queue.h"

enum {
    REPEATS = 3,       /* measurements, of which the shortest counts */
    REPEATED = 250007, /* elements: a prime, so that lines do not begin alike */
    SKIPPED = 4,       /* elements before an operand: where vectors begin is a matter of four */
    PIECE = 1 << 21    /* bytes of a result that are compared at each end */
};

/* A measurement takes so long at least, where a run is shorter. */
static const double least_seconds = 2e-3;

/* ---- Elements on the host ---- */

static double element(gradc_dtype dtype, const void *data, int64_t i)
{
    switch (dtype) {
    case GRADC_F64: return ((const double *)data)[i];
    case GRADC_F16: return (double)f16_widen(((const uint16_t *)data)[i]);
    case GRADC_BF16: return (double)bf16_widen(((const uint16_t *)data)[i]);
    default: return (double)((const float *)data)[i];
    }
}

/* Numbers in [-1, 1).  exact: with six bits behind the point: every dtype holds them, and sums of their products are
 * exact in f32 but for very deep ones.  Else with 23, so that another order of a sum shows. */
static void fill(gradc_dtype dtype, void *data, int64_t n, uint64_t seed, int exact)
{
    const int bits = exact ? 6 : 23;
    uint64_t state = seed;
    for (int64_t i = 0; i < n; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        const float value = (float)((int64_t)(state >> (63 - bits)) - ((int64_t)1 << bits)) / (float)(1 << bits);
        switch (dtype) {
        case GRADC_F64: ((double *)data)[i] = (double)value; break;
        case GRADC_F16: ((uint16_t *)data)[i] = f16_narrow(value); break;
        case GRADC_BF16: ((uint16_t *)data)[i] = bf16_narrow(value); break;
        default: ((float *)data)[i] = value; break;
        }
    }
}

/* What may be between two right results, for operands as above: what the sum of `depth` products strays by at random,
 * and with Winograd's transforms on the way; then the result's own rounding. */
static double allowed(const struct trial *t, gradc_dtype dtype, double value)
{
    const int direct = t->op == TUNED_GEMM || t->device->math == MATH_STRICT;
    const double each = dtype == GRADC_F64 ? 1e-13 : 2e-6;
    double own = 0;
    if (dtype == GRADC_BF16)
        own = 1.0 / 128;
    if (dtype == GRADC_F16)
        own = 1.0 / 1024;
    return (direct ? 1 : 50) * each * sqrt((double)t->depth + 1) + own * fabs(value);
}

/* ---- Operands ---- */

/* exact: all elements are made here and sent over; else only so many, which are repeated on the device. */
static gradc_status operand(struct trial *t, int which, gradc_dtype dtype, int64_t n, int exact,
                            struct failure *f)
{
    struct device *d = t->device;
    const size_t bytes = (size_t)n * gradc_dtype_size(dtype);
    const int64_t made = exact || n < REPEATED ? n : REPEATED;
    gradc_status status = d->table->slab_new(d, bytes, &t->slabs[which], f);
    if (status)
        return status;
    const size_t first = (size_t)made * gradc_dtype_size(dtype);
    void *data = host_alloc(first);
    if (!data)
        return fail(f, GRADC_E_MEMORY, "no host memory for a trial's operand");
    fill(dtype, data, made, (uint64_t)which + 1, exact);
    status = d->table->write(d, (struct place){t->slabs[which], 0}, data, first, f);
    host_free(data);
    return status || made == n ? status : queue_repeat(d, t->slabs[which], first, f);
}

static struct view flat(struct slab *slab, gradc_dtype dtype, int64_t n)
{
    struct view v = {.at = {slab, 0}, .dtype = dtype, .layout = {.ndim = 1, .shape = {n}, .stride = {1}}};
    return v;
}

void trial_free(struct trial *t)
{
    if (!t->device)
        return;
    for (int i = 0; i < 3; i++)
        t->device->table->slab_free(t->device, t->slabs[i]);
    t->device->table->slab_free(t->device, t->workspace);
    host_free(t->want);
    *t = (struct trial){0};
}

gradc_status trial_gemm(struct device *d, gradc_dtype dtype, const int64_t size[3], int kind, int64_t batch,
                        struct trial *out, struct failure *f)
{
    const int64_t m = size[0], n = size[1], k = size[2], numbers[] = {m * k, k * n, m * n};
    struct trial *t = out;
    *t = (struct trial){.device = d, .op = TUNED_GEMM, .depth = k, .count = batch * m * n};
    gradc_status status = GRADC_OK;
    for (int i = 0; i < 3 && !status; i++)
        status = operand(t, i, dtype, batch * numbers[i], 1, f);
    if (status) {
        trial_free(t);
        return status;
    }
    struct gemm *p = &t->gemm;
    p->dtype = dtype;
    p->m = m;
    p->n = n;
    p->k = k;
    p->a = flat(t->slabs[0], dtype, batch * m * k);
    p->b = flat(t->slabs[1], dtype, batch * k * n);
    p->c = flat(t->slabs[2], dtype, batch * m * n);
    p->a_row = kind & KIND_A_DEEP ? k : 1;
    p->a_col = kind & KIND_A_DEEP ? 1 : m;
    p->b_row = kind & KIND_B_DEEP ? 1 : n;
    p->b_col = kind & KIND_B_DEEP ? k : 1;
    p->c_row = n;
    if (batch > 1) {
        p->nbatch = 1;
        p->batch[0] = batch;
        p->a_batch[0] = m * k;
        p->b_batch[0] = k * n;
        p->c_batch[0] = m * n;
    }
    t->result = &p->c;
    return GRADC_OK;
}

static gradc_status make_conv(struct device *d, const struct conv *shape, int exact, struct trial *out,
                              struct failure *f)
{
    struct trial *t = out;
    const int64_t taps = shape->kh * shape->kw, pixels = shape->out_height * shape->out_width;
    const int64_t numbers[] = {shape->batch * shape->in * shape->height * shape->width,
                               shape->out * (shape->in / shape->groups) * taps,
                               shape->batch * shape->out * pixels};
    const int64_t depths[] = {
        [CONV_FORWARD] = shape->in / shape->groups * taps,
        [CONV_INPUT] = shape->out / shape->groups * taps,
        [CONV_WEIGHT] = shape->batch * pixels,
    };
    static const int results[] = {[CONV_FORWARD] = 2, [CONV_INPUT] = 0, [CONV_WEIGHT] = 1};
    *t = (struct trial){.device = d, .op = tuned_op_of(shape->kind), .conv = *shape};
    gradc_status status = GRADC_OK;
    for (int i = 0; i < 3 && !status; i++)
        status = operand(t, i, shape->dtype, numbers[i] + SKIPPED, exact, f);
    if (status) {
        trial_free(t);
        return status;
    }
    struct view *views[] = {&t->conv.x, &t->conv.w, &t->conv.z};
    for (int i = 0; i < 3; i++) {
        const int64_t skipped = exact ? 0 : views[i]->layout.offset % SKIPPED;
        *views[i] = flat(t->slabs[i], shape->dtype, numbers[i]);
        views[i]->layout.offset = skipped;
    }
    t->conv.bias = t->conv.db = NULL;
    t->conv.epilogue = NULL;
    t->depth = depths[shape->kind];
    t->count = numbers[results[shape->kind]];
    t->result = views[results[shape->kind]];
    return GRADC_OK;
}

gradc_status trial_conv(struct device *d, const struct conv *p, struct trial *out, struct failure *f)
{
    return make_conv(d, p, 1, out, f);
}

/* ---- Operands like a program's own ---- */

/* The elements from the first to the last that a strided operand has; -1: it goes backwards. */
static int64_t span(const struct gemm *p, const int64_t *batch, int64_t rows, int64_t row, int64_t columns,
                    int64_t column)
{
    int64_t n = 1 + (rows - 1) * row + (columns - 1) * column;
    int backwards = row < 0 || column < 0;
    for (int32_t i = 0; i < p->nbatch; i++) {
        n += (p->batch[i] - 1) * batch[i];
        backwards |= batch[i] < 0;
    }
    return backwards ? -1 : n;
}

/* What a memory limit leaves, and never more than an eighth of the device. */
static gradc_status must_fit(const struct device *d, double bytes, struct failure *f)
{
    if (bytes <= (double)d->info.memory / 8 && (d->room < 0 || bytes <= (double)d->room))
        return GRADC_OK;
    return fail(f, GRADC_E_MEMORY, "no room for a trial's operands: %.0f bytes", bytes);
}

gradc_status trial_like_gemm(struct device *d, const struct gemm *p, const struct gemm_form *form,
                             struct trial *out, struct failure *f)
{
    const int64_t spans[3] = {span(p, p->a_batch, p->m, p->a_row, p->k, p->a_col),
                              span(p, p->b_batch, p->k, p->b_row, p->n, p->b_col),
                              span(p, p->c_batch, p->m, p->c_row, p->n, 1)};
    const double each = (double)gradc_dtype_size(p->dtype);
    struct trial *t = out;
    *t = (struct trial){.device = d, .op = TUNED_GEMM, .gemm = *p, .depth = p->k, .count = spans[2]};
    if (spans[0] < 0 || spans[1] < 0 || spans[2] < 0)
        return fail(f, GRADC_E_UNSUPPORTED, "no trial of an operand that goes backwards");
    t->gemm.bias = t->gemm.row_sums = NULL;
    t->gemm.epilogue = NULL;
    gradc_status status = must_fit(d,
                                   ((double)spans[0] + (double)spans[1] + (double)spans[2]) * each +
                                       (double)form->workspace(d, &t->gemm),
                                   f);
    struct view *views[] = {&t->gemm.a, &t->gemm.b, &t->gemm.c};
    for (int i = 0; i < 3 && !status; i++) {
        status = operand(t, i, p->dtype, spans[i] + SKIPPED, 0, f);
        views[i]->at = (struct place){t->slabs[i], 0};
        views[i]->layout.offset %= SKIPPED;
    }
    t->result = &t->gemm.c;
    if (status)
        trial_free(t);
    return status;
}

gradc_status trial_like_conv(struct device *d, const struct conv *p, const struct conv_form *form,
                             struct trial *out, struct failure *f)
{
    const double images = (double)p->batch * (double)p->in * (double)p->height * (double)p->width;
    const double results = (double)p->batch * (double)p->out * (double)p->out_height * (double)p->out_width;
    const double weights = (double)p->out * (double)(p->in / p->groups) * (double)(p->kh * p->kw);
    struct conv alone = *p;
    alone.bias = alone.db = NULL;
    alone.epilogue = NULL;
    const gradc_status status = must_fit(d,
                                         (images + results + weights) * (double)gradc_dtype_size(p->dtype) +
                                             (double)form->workspace(d, &alone),
                                         f);
    return status ? status : make_conv(d, &alone, 0, out, f);
}

/* ---- Running ---- */

static struct choice choice_of(const char *form, int tile, int splits)
{
    struct choice choice = {.tile = tile, .splits = splits};
    snprintf(choice.form, sizeof choice.form, "%s", form);
    return choice;
}

struct candidate candidate_gemm(const struct gemm_form *form, int tile, int splits)
{
    return (struct candidate){form, NULL, choice_of(form->name, tile, splits)};
}

struct candidate candidate_conv(const struct conv_form *form, int tile, int splits)
{
    return (struct candidate){NULL, form, choice_of(form->name, tile, splits)};
}

static gradc_dtype dtype_of(const struct trial *t)
{
    return t->op == TUNED_GEMM ? t->gemm.dtype : t->conv.dtype;
}

static size_t workspace_of(struct trial *t, const struct candidate *c)
{
    return c->gemm ? c->gemm->workspace(t->device, &t->gemm) : c->conv->workspace(t->device, &t->conv);
}

static gradc_status call(struct trial *t, const struct candidate *c, int prepare, struct failure *f)
{
    const struct place workspace = {t->workspace, 0};
    if (c->gemm)
        return c->gemm->run(t->device, &t->gemm, workspace, prepare, f);
    t->conv.workspace = workspace;
    return c->conv->run(t->device, &t->conv, prepare, f);
}

/* With the candidate's choice in force. */
static gradc_status run(struct trial *t, const struct candidate *c, int times, double *seconds, struct failure *f)
{
    struct device *d = t->device;
    const size_t bytes = workspace_of(t, c);
    gradc_status status = GRADC_OK;
    d->table->slab_free(d, t->workspace);
    t->workspace = NULL;
    if (bytes)
        status = d->table->slab_new(d, bytes, &t->workspace, f);
    if (!status)
        status = call(t, c, 1, f);
    if (!status)
        status = d->table->prepared(d, f);
    if (!status)
        status = d->table->finish(d, f);
    const double start = os_seconds();
    for (int i = 0; i < times && !status; i++)
        status = call(t, c, 0, f);
    if (!status)
        status = d->table->finish(d, f);
    const double all = os_seconds() - start;
    t->spent += all;
    if (seconds)
        *seconds = all / times;
    return status;
}

gradc_status trial_run(struct trial *t, const struct candidate *c, int times, double *seconds, struct failure *f)
{
    struct tuning *tuning = opencl_tuning(t->device);
    const struct choice *outer = tuning->forced;
    struct noted noted;
    kernels_set_aside(t->device, &noted);
    tuning->forced = &c->choice;
    const gradc_status status = run(t, c, times, seconds, f);
    tuning->forced = outer;
    kernels_take_back(t->device, &noted);
    return status;
}

void trial_build(struct trial *t, const struct candidate *c, int n)
{
    struct tuning *tuning = opencl_tuning(t->device);
    const struct choice *outer = tuning->forced;
    struct failure ignored = {0};
    struct noted noted;
    kernels_set_aside(t->device, &noted);
    for (int i = 0; i < n; i++) {
        tuning->forced = &c[i].choice;
        call(t, &c[i], 1, &ignored);
    }
    t->device->table->prepared(t->device, &ignored);
    tuning->forced = outer;
    kernels_take_back(t->device, &noted);
}

static int is_over(const struct trial *t)
{
    return t->limit > 0 && t->spent >= t->limit;
}

double trial_seconds(struct trial *t, const struct candidate *c, double so_far)
{
    struct failure ignored = {0};
    double seconds = 0, best = INFINITY;
    const double spent = t->spent;
    if (trial_run(t, c, 1, &seconds, &ignored))
        return INFINITY;
    t->spent = spent; /* some drivers end their building only here */
    if (trial_run(t, c, 1, &seconds, &ignored))
        return INFINITY;
    if (seconds > 1.5 * so_far || is_over(t))
        return seconds;
    const int times = seconds < least_seconds ? 1 + (int)(least_seconds / (seconds + 1e-6)) : 1;
    for (int i = 0; i < REPEATS && !(i > 0 && is_over(t)); i++) {
        if (trial_run(t, c, times, &seconds, &ignored))
            return INFINITY;
        best = seconds < best ? seconds : best;
    }
    return best;
}

int trial_wins(const struct tuned *so_far, double seconds)
{
    return seconds < so_far->after && seconds < 0.97 * so_far->before;
}

/* ---- Comparing ---- */

/* The result of a candidate, freed by the caller.  The place is filled with what is no result before. */
static gradc_status result_of(struct trial *t, const struct candidate *c, void **out, struct failure *f)
{
    struct device *d = t->device;
    const size_t bytes = (size_t)t->count * gradc_dtype_size(dtype_of(t));
    void *data = host_alloc(bytes);
    if (!data)
        return fail(f, GRADC_E_MEMORY, "no host memory for a trial's result");
    memset(data, 0xff, bytes);
    gradc_status status = d->table->write(d, t->result->at, data, bytes, f);
    if (!status)
        status = trial_run(t, c, 1, NULL, f);
    if (!status)
        status = d->table->read(d, data, t->result->at, bytes, f);
    if (status) {
        host_free(data);
        return status;
    }
    *out = data;
    return GRADC_OK;
}

static struct candidate plain(const struct trial *t)
{
    const int tile = is_cpu(t->device) ? TILES - 1 : 0;
    return t->op == TUNED_GEMM ? candidate_gemm(&gemm_tiled, tile, 1) : candidate_conv(&conv_direct, tile, 1);
}

gradc_status trial_error(struct trial *t, const struct candidate *c, double *error, struct failure *f)
{
    const gradc_dtype dtype = dtype_of(t);
    gradc_status status = GRADC_OK;
    void *got = NULL;
    *error = INFINITY;
    if (!t->want) {
        const struct candidate reference = plain(t);
        status = result_of(t, &reference, &t->want, f);
    }
    if (!status)
        status = result_of(t, c, &got, f);
    if (status)
        return status;
    double worst = 0;
    for (int64_t i = 0; i < t->count; i++) {
        const double want = element(dtype, t->want, i);
        const double off = fabs(element(dtype, got, i) - want) / allowed(t, dtype, want);
        worst = off <= worst ? worst : off; /* NaN stays */
    }
    *error = worst;
    host_free(got);
    return GRADC_OK;
}

int trial_is_right(struct trial *t, const struct candidate *c)
{
    struct failure ignored = {0};
    double error = INFINITY;
    return trial_error(t, c, &error, &ignored) == GRADC_OK && error <= 1;
}

/* Both ends of a candidate's result, `piece` bytes each, in a place that was zeros. */
static gradc_status ends_of(struct trial *t, const struct candidate *c, char *data, size_t piece,
                            struct failure *f)
{
    struct device *d = t->device;
    struct place at = {t->result->at.slab, 0};
    gradc_status status = d->table->zero(d, at, at.slab->bytes, f);
    if (!status)
        status = trial_run(t, c, 1, NULL, f);
    if (!status)
        status = d->table->read(d, data, at, piece, f);
    at.offset = at.slab->bytes - piece;
    return status ? status : d->table->read(d, data + piece, at, piece, f);
}

int trial_same_bits(struct trial *t, const struct candidate *x, const struct candidate *y)
{
    const size_t bytes = t->result->at.slab->bytes, piece = bytes < PIECE ? bytes : PIECE;
    struct failure ignored = {0};
    char *data = host_alloc(4 * piece);
    const int same = data && !ends_of(t, x, data, piece, &ignored) &&
                     !ends_of(t, y, data + 2 * piece, piece, &ignored) &&
                     memcmp(data, data + 2 * piece, 2 * piece) == 0;
    host_free(data);
    return same;
}

/* ---- Trust: each launch of such a form asks for the verdict, all else happens once ---- */

/* Keeps what was found, unless it could not be tried. */
static int conclude(struct device *d, enum tuned_op op, gradc_dtype dtype, const char *form, int tried, int right)
{
    tuning_judge(d, op, dtype, form, right);
    if (tried) {
        if (!right)
            host_log("%s (%s): the form \"%s\" gives wrong results and is not used", d->info.device,
                     d->info.name, form);
        tuning_keep(d);
    }
    return right;
}

int opencl_trusts_gemm(struct device *d, const struct gemm *p, const struct gemm_form *form)
{
    static const int64_t sizes[][3] = {{96, 80, 160}, {128, 128, 256}, {256, 256, 512}};
    const struct verdict *known = tuning_verdict(d, TUNED_GEMM, p->dtype, form->name);
    if (known)
        return known->right;
    const struct tuned_class of = tuned_class_of_gemm(d, p);
    const struct candidate c = candidate_gemm(form, -1, 1);
    struct failure ignored = {0};
    int tried = 0, right = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes && !tried; i++) {
        struct trial t;
        if (trial_gemm(d, p->dtype, sizes[i], of.kind, 1, &t, &ignored))
            break;
        tried = form->applies(d, &t.gemm);
        right = tried && trial_is_right(&t, &c);
        trial_free(&t);
    }
    return conclude(d, TUNED_GEMM, p->dtype, form->name, tried, right);
}

/* A small convolution of the same filter. */
static struct conv small_conv(const struct conv *p, int64_t channels)
{
    struct conv c = *p;
    const int64_t groups = p->groups == 1 ? 1 : channels / 8;
    c.batch = 2;
    c.groups = groups;
    c.in = channels;
    c.out = p->groups > 1 && p->in == p->groups ? channels * (p->out / p->in) : channels;
    if (p->groups > 1 && p->in == p->groups)
        c.groups = channels;
    c.out_height = 14;
    c.out_width = 13;
    c.height = (c.out_height - 1) * p->stride_h + (p->kh - 1) * p->dilation_h + 1 - 2 * p->padding_h;
    c.width = (c.out_width - 1) * p->stride_w + (p->kw - 1) * p->dilation_w + 1 - 2 * p->padding_w;
    return c;
}

int opencl_trusts_conv(struct device *d, const struct conv *p, const struct conv_form *form)
{
    static const int64_t channels[] = {32, 64, 128};
    const enum tuned_op op = tuned_op_of(p->kind);
    const struct verdict *known = tuning_verdict(d, op, p->dtype, form->name);
    if (known)
        return known->right;
    const struct candidate c = candidate_conv(form, -1, 1);
    struct failure ignored = {0};
    int tried = 0, right = 0;
    for (size_t i = 0; i < sizeof channels / sizeof *channels && !tried; i++) {
        const struct conv small = small_conv(p, channels[i]);
        struct trial t;
        if (small.height < 1 || small.width < 1 || trial_conv(d, &small, &t, &ignored))
            break;
        tried = form->applies(d, &t.conv);
        right = tried && trial_is_right(&t, &c);
        trial_free(&t);
    }
    return conclude(d, op, p->dtype, form->name, tried, right);
}
