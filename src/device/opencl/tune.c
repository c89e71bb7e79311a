/* tune.c - looks for the fastest form, tile and splits of common products and convolutions, in a given time.
 *
 * Each class (tuning.h) is tried on one problem of it.  What gradc_tune says holds of progress and time. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/host.h"
#include "base/os.h"
#include "device/opencl/calls.h"
#include "device/opencl/trial.h"

enum { CANDIDATES = 64, BEST_TILINGS = 10, LINE_TEXT = 160 };

/* ---- The problems, the most important first ----
 * in: 0 for a product of size x out x kernel; `kind` is its KIND_*, else a convolution's groups: 0: as many as
 * channels. */
struct problem {
    int in, size, out, kernel, stride, kind;
};

static const struct problem problems[] = {
    /* VGG16 */
    {64, 224, 64, 3, 1, 1},
    {256, 56, 256, 3, 1, 1},
    {512, 28, 512, 3, 1, 1},
    {512, 14, 512, 3, 1, 1},
    {128, 112, 128, 3, 1, 1},
    {256, 28, 512, 3, 1, 1},
    {128, 56, 256, 3, 1, 1},
    {64, 112, 128, 3, 1, 1},
    {3, 224, 64, 3, 1, 1},
    /* products */
    {0, 1024, 1024, 1024, 0, KIND_A_DEEP},
    {0, 4096, 4096, 4096, 0, KIND_A_DEEP},
    {0, 2048, 2048, 2048, 0, KIND_A_DEEP},
    {0, 1024, 1024, 1024, 0, KIND_A_DEEP | KIND_B_DEEP},
    {0, 1024, 1024, 1024, 0, 0},
    {0, 512, 512, 512, 0, KIND_A_DEEP},
    {0, 256, 256, 256, 0, KIND_A_DEEP},
    /* VGG16's last layers: forward, and both gradients */
    {0, 16, 4096, 25088, 0, KIND_A_DEEP | KIND_B_DEEP},
    {0, 16, 25088, 4096, 0, KIND_A_DEEP},
    {0, 4096, 25088, 16, 0, 0},
    {0, 16, 4096, 4096, 0, KIND_A_DEEP | KIND_B_DEEP},
    {0, 16, 4096, 4096, 0, KIND_A_DEEP},
    {0, 4096, 4096, 16, 0, 0},
    /* ResNet-50 */
    {64, 56, 64, 3, 1, 1},
    {64, 56, 256, 1, 1, 1},
    {256, 56, 64, 1, 1, 1},
    {128, 28, 128, 3, 1, 1},
    {128, 28, 512, 1, 1, 1},
    {512, 28, 128, 1, 1, 1},
    {256, 14, 256, 3, 1, 1},
    {256, 14, 1024, 1, 1, 1},
    {1024, 14, 256, 1, 1, 1},
    {512, 7, 512, 3, 1, 1},
    {512, 7, 2048, 1, 1, 1},
    {2048, 7, 512, 1, 1, 1},
    {3, 224, 64, 7, 2, 1},
    {128, 56, 128, 3, 2, 1},
    {256, 56, 512, 1, 2, 1},
    /* MobileNetV2 */
    {32, 112, 16, 1, 1, 1},
    {16, 112, 96, 1, 1, 1},
    {24, 56, 144, 1, 1, 1},
    {144, 56, 24, 1, 1, 1},
    {192, 28, 32, 1, 1, 1},
    {384, 14, 64, 1, 1, 1},
    {96, 14, 576, 1, 1, 1},
    {320, 7, 1280, 1, 1, 1},
    {32, 112, 32, 3, 1, 0},
    {144, 56, 144, 3, 1, 0},
    {384, 14, 384, 3, 1, 0},
    {96, 112, 96, 3, 2, 0},
    /* a multilayer perceptron */
    {0, 64, 128, 784, 0, KIND_A_DEEP | KIND_B_DEEP},
    {0, 128, 784, 64, 0, 0},
    {0, 64, 10, 128, 0, KIND_A_DEEP | KIND_B_DEEP},
};

enum { PROBLEMS = sizeof problems / sizeof *problems };

static struct conv convolution(const struct device *d, const struct problem *p, enum conv_kind kind)
{
    const int64_t padding = p->kernel / 2, out = (p->size + 2 * padding - p->kernel) / p->stride + 1;
    return (struct conv){.kind = kind,
                         .dtype = GRADC_F32,
                         .batch = is_cpu(d) ? 1 : 32,
                         .in = p->in,
                         .height = p->size,
                         .width = p->size,
                         .out = p->out,
                         .kh = p->kernel,
                         .kw = p->kernel,
                         .out_height = out,
                         .out_width = out,
                         .groups = p->kind ? p->kind : p->in,
                         .stride_h = p->stride,
                         .stride_w = p->stride,
                         .padding_h = padding,
                         .padding_w = padding,
                         .dilation_h = 1,
                         .dilation_w = 1};
}

static double flop(const struct trial *t)
{
    return 2.0 * (double)t->count * (double)t->depth;
}

/* ---- The search ---- */

struct search {
    struct device *device;
    double end; /* by os_seconds */
    tune_progress *progress;
    void *payload;
    int stopped;
    struct tuned_class done[3 * PROBLEMS]; /* in this call */
    int ndone;
};

static int is_over(struct search *s)
{
    return s->stopped || os_seconds() >= s->end;
}

/* The product that an operation is, as opencl_tiling_for counts it. */
static void product_of(const struct trial *t, int64_t size[4])
{
    const struct conv *c = &t->conv;
    const int64_t in = c->groups ? c->in / c->groups : 0, out = c->groups ? c->out / c->groups : 0;
    size[2] = t->depth;
    size[3] = t->op == TUNED_GEMM ? 1 : c->groups;
    size[0] = t->op == TUNED_GEMM ? t->gemm.m : t->op == TUNED_INPUT ? in : out;
    size[1] = t->count / size[3] / size[0];
}

struct candidates {
    int n;
    struct candidate at[CANDIDATES];
};

static void add_candidate(struct candidates *c, const struct gemm_form *gemm, const struct conv_form *conv,
                          int tile, int splits)
{
    if (c->n < CANDIDATES)
        c->at[c->n++] = gemm ? candidate_gemm(gemm, tile, splits) : candidate_conv(conv, tile, splits);
}

/* A form as it would choose itself, and with the tiles that promise most. */
static void add_form(const struct trial *t, struct candidates *c, const struct gemm_form *gemm,
                     const struct conv_form *conv)
{
    struct choice tilings[BEST_TILINGS];
    int64_t size[4];
    add_candidate(c, gemm, conv, -1, 1);
    if (!((gemm ? gemm->flags : conv->flags) & FORM_TILED))
        return;
    product_of(t, size);
    const int found =
        opencl_tilings(t->device, gemm ? t->gemm.dtype : t->conv.dtype, size, tilings, BEST_TILINGS);
    for (int i = 0; i < found; i++)
        add_candidate(c, gemm, conv, tilings[i].tile, tilings[i].splits);
}

/* The default is the first. */
static void find_candidates(struct trial *t, struct candidates *c)
{
    struct device *d = t->device;
    c->n = 0;
    for (int i = 0; t->op == TUNED_GEMM && gemm_forms[i]; i++)
        if (gemm_may_run(d, &t->gemm, gemm_forms[i]))
            add_form(t, c, gemm_forms[i], NULL);
    for (int i = 0; t->op != TUNED_GEMM && conv_forms[i]; i++)
        if (conv_may_run(d, &t->conv, conv_forms[i]))
            add_form(t, c, NULL, conv_forms[i]);
}

static void tell(struct search *s, const struct trial *t, const struct tuned *e)
{
    static const char *const names[TUNED_OPS] = {"product", "forward", "input gradient", "weight gradient"};
    char line[LINE_TEXT], tile[64] = "";
    int64_t size[4];
    product_of(t, size);
    if (e->choice.tile >= 0) {
        const struct tile *own = &opencl_tiles[e->choice.tile];
        snprintf(tile, sizeof tile, " %dx%dx%d of %dx%d, %d split%s", (int)own->m, (int)own->n, (int)own->k,
                 (int)own->item_m, (int)own->item_n, (int)e->choice.splits, e->choice.splits == 1 ? "" : "s");
    }
    snprintf(line, sizeof line, "%s %lldx%lldx%lld: %s%s, %.1f GFLOP/s", names[t->op], (long long)size[0],
             (long long)(size[1] * size[3]), (long long)size[2], e->choice.form, tile,
             flop(t) / e->after * 1e-9);
    if (s->progress && s->progress(s->payload, line, e->before, e->after))
        s->stopped = 1;
}

/* The fastest of a problem's candidates that is right. */
static void tune_class(struct search *s, struct trial *t, const struct tuned_class *of)
{
    struct candidates c;
    find_candidates(t, &c);
    t->limit = fmax(s->end - os_seconds(), 1e-9); /* 0 would be none */
    struct tuned e = {.of = *of, .choice = c.at[0].choice};
    e.before = e.after = trial_seconds(t, &c.at[0], INFINITY);
    if (!(e.before < INFINITY))
        return;
    for (int i = 1; i < c.n && !is_over(s); i++) {
        const double seconds = trial_seconds(t, &c.at[i], e.after);
        if (trial_wins(&e, seconds) && trial_is_right(t, &c.at[i])) {
            e.after = seconds;
            e.choice = c.at[i].choice;
        }
    }
    const int changed = e.after < e.before;
    if ((changed || tuning_find(s->device, of)) && tuning_put(s->device, &e))
        s->stopped = 1;
    tell(s, t, &e);
}

/* Once in a call for each class. */
static int is_new(struct search *s, const struct tuned_class *of)
{
    for (int i = 0; i < s->ndone; i++)
        if (memcmp(&s->done[i], of, sizeof *of) == 0)
            return 0;
    s->done[s->ndone++] = *of;
    return 1;
}

/* What a processor computes in a fraction of a second, and what fits into memory. */
static int is_small_enough(const struct device *d, double flops, double bytes)
{
    return (!is_cpu(d) || flops < 1e9) && bytes < 0.2 * (double)d->info.memory;
}

static gradc_status tune_product(struct search *s, const struct problem *p, struct failure *f)
{
    const int64_t size[3] = {p->size, p->out, p->kernel};
    const double m = p->size, n = p->out, k = p->kernel;
    struct trial t;
    if (!is_small_enough(s->device, 2 * m * n * k, 4 * (m * n + m * k + k * n)))
        return GRADC_OK;
    const gradc_status status = trial_gemm(s->device, GRADC_F32, size, p->kind, 1, &t, f);
    if (status)
        return status;
    const struct tuned_class of = tuned_class_of_gemm(s->device, &t.gemm);
    if (is_new(s, &of))
        tune_class(s, &t, &of);
    trial_free(&t);
    return GRADC_OK;
}

static gradc_status tune_convolution(struct search *s, const struct problem *p, enum conv_kind kind,
                                     struct failure *f)
{
    const struct conv c = convolution(s->device, p, kind);
    const struct tuned_class of = tuned_class_of_conv(s->device, &c);
    const double image = (double)(c.batch * c.in * c.height * c.width);
    const double pixels = (double)(c.batch * c.out * c.out_height * c.out_width);
    const double flops = 2 * pixels * (double)(c.in / c.groups * c.kh * c.kw);
    struct trial t;
    if (!is_small_enough(s->device, flops, 4 * (image + pixels)) || !is_new(s, &of))
        return GRADC_OK;
    const gradc_status status = trial_conv(s->device, &c, &t, f);
    if (status)
        return status;
    tune_class(s, &t, &of);
    trial_free(&t);
    return GRADC_OK;
}

gradc_status opencl_tune(struct device *d, double seconds, tune_progress *progress, void *payload,
                         struct failure *f)
{
    struct search s = {.device = d, .end = os_seconds() + seconds, .progress = progress, .payload = payload};
    gradc_status status = GRADC_OK;
    for (int i = 0; i < PROBLEMS && !status && !is_over(&s); i++) {
        if (problems[i].in == 0)
            status = tune_product(&s, &problems[i], f);
        else
            for (int kind = CONV_FORWARD; kind <= CONV_WEIGHT && !status && !is_over(&s); kind++)
                status = tune_convolution(&s, &problems[i], (enum conv_kind)kind, f);
    }
    tuning_keep(d);
    return status;
}
