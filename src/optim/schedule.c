/* schedule.c - learning rates as a function of the step alone: PyTorch's schedulers in closed form. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "base/options.h"

#define PI 3.14159265358979323846

/* What a schedule's text may set, with the defaults. */
struct numbers {
    int64_t warmup, size;
    double gamma, least, start, div, final;
};

static double constant(const struct numbers *n, double lr, double step, double steps)
{
    (void)n, (void)step, (void)steps;
    return lr;
}

/* LinearLR from 1 to 0 over all steps. */
static double linear(const struct numbers *n, double lr, double step, double steps)
{
    (void)n;
    return lr * (1 - step / steps);
}

/* StepLR. */
static double stepwise(const struct numbers *n, double lr, double step, double steps)
{
    (void)steps;
    return lr * pow(n->gamma, floor(step / (double)n->size));
}

/* Half a cosine from `from` (part 0) to `to` (part 1). */
static double anneal(double from, double to, double part)
{
    return to + (from - to) / 2 * (1 + cos(PI * part));
}

/* CosineAnnealingLR, T_max the number of steps. */
static double cosine(const struct numbers *n, double lr, double step, double steps)
{
    return anneal(lr, n->least, step / steps);
}

/* OneCycleLR with cosines: up to lr at step start * steps - 1, down to the end at the last one. */
static double onecycle(const struct numbers *n, double lr, double step, double steps)
{
    double first = lr / n->div, top = n->start * steps - 1, last = steps - 1;
    if (step < top)
        return anneal(first, lr, step / top);
    return step == top ? lr : anneal(lr, first / n->final, (step - top) / (last - top));
}

/* ---- Texts ---- */

#define OPTION(key, kind, member, least, most)                   \
    {                                                            \
        key, kind, offsetof(struct numbers, member), least, most \
    }
#define WARMUP OPTION("warmup", OPTION_WHOLE, warmup, 0, 0x1p53)

static const struct option plain_options[] = {WARMUP};
static const struct option step_options[] = {OPTION("size", OPTION_WHOLE, size, 1, 0x1p53),
                                             OPTION("gamma", OPTION_REAL, gamma, 0, DBL_MAX), WARMUP};
static const struct option cosine_options[] = {OPTION("min", OPTION_REAL, least, 0, DBL_MAX), WARMUP};
static const struct option onecycle_options[] = {OPTION("start", OPTION_REAL, start, 0, 1),
                                                 OPTION("div", OPTION_REAL, div, 1, DBL_MAX),
                                                 OPTION("final", OPTION_REAL, final, 1, DBL_MAX), WARMUP};

#define OPTIONS(table) table, (int)(sizeof table / sizeof *table)

static const struct schedule {
    const char *name;
    double (*rate)(const struct numbers *n, double lr, double step, double steps);
    const struct option *options;
    int count;
} schedules[] = {
    {"constant", constant, OPTIONS(plain_options)},    {"linear", linear, OPTIONS(plain_options)},
    {"step", stepwise, OPTIONS(step_options)},         {"cosine", cosine, OPTIONS(cosine_options)},
    {"onecycle", onecycle, OPTIONS(onecycle_options)},
};

enum { SCHEDULES = sizeof schedules / sizeof *schedules };

/* The name that the text begins with. */
static const struct schedule *find_schedule(const char *text, struct failure *f)
{
    size_t length = text ? strcspn(text, " ,") : 0;
    for (int i = 0; i < SCHEDULES; i++)
        if (strlen(schedules[i].name) == length && memcmp(schedules[i].name, text, length) == 0)
            return &schedules[i];
    fail(f, GRADC_E_ARG,
         "schedule: there is no schedule \"%.*s\"; there are constant, linear, step, cosine, onecycle",
         (int)(length < OPTION_TEXT ? length : OPTION_TEXT), text ? text : "");
    return NULL;
}

static gradc_status read_schedule(const struct schedule *s, const char *text, struct numbers *n,
                                  struct failure *f)
{
    char name[OPTION_TEXT], what[OPTION_TEXT] = "schedule ";
    if (options_read(strcat(what, s->name), text, s->options, s->count, n, name, f))
        return f->status;
    return s->rate == stepwise && n->size == 0 ? fail(f, GRADC_E_ARG, "schedule step: it needs size=N")
                                               : GRADC_OK;
}

double gradc_schedule(const char *schedule, double lr, int64_t step, int64_t steps)
{
    struct numbers n = {.gamma = 0.1, .start = 0.3, .div = 25, .final = 1e4};
    struct failure f;
    failure_clear(&f);
    const struct schedule *s = find_schedule(schedule, &f);
    if (s && !read_schedule(s, schedule, &n, &f)) {
        if (step < 0 || step >= steps)
            fail(&f, GRADC_E_ARG, "schedule %s: step %lld is not one of %lld steps", s->name, (long long)step,
                 (long long)steps);
        else if (!(lr >= 0 && lr <= DBL_MAX))
            fail(&f, GRADC_E_ARG, "schedule %s: the learning rate must be a number from 0", s->name);
    }
    if (f.status) {
        fail_thread(f.status, "%s", f.text);
        return (double)NAN;
    }
    if (step < n.warmup)
        return lr * (double)(step + 1) / (double)n.warmup;
    return s->rate(&n, lr, (double)(step - n.warmup), (double)(steps - n.warmup));
}
