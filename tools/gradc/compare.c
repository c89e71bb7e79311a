/* compare.c - gradc compare: training and inference of three networks on every device of this machine, as a table. */
#include "compare.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct compare_options {
    const char *device, *html;
    int64_t images, batch, threads;
    double seconds, patience;
};

#define OPTION(member) offsetof(struct compare_options, member)

static const struct option table[] = {
    {"--device", "D", "this device alone, as for gradc train (all)", OPTION_TEXT, OPTION(device), 0, 0},
    {"--images", "N", "images of the epoch whose time is told (60000)", OPTION_COUNT, OPTION(images), 1, 1e12},
    {"--batch", "N", "images at once (64; vgg16 16 on a GPU, 2 elsewhere)", OPTION_COUNT, OPTION(batch), 1, 65536},
    {"--seconds", "X", "measures each for so long, at least one step (2)", OPTION_NUMBER, OPTION(seconds), 0, 3600},
    {"--patience", "X",
     "estimates what would take more than so many seconds a step, from the smaller networks (60)",
     OPTION_NUMBER, OPTION(patience), 0, 1e9},
    {"--html", "F", "writes the table as a page with charts", OPTION_TEXT, OPTION(html), 0, 0},
    {"--threads", "N", "CPU threads (all)", OPTION_COUNT, OPTION(threads), 1, 4096},
};

static const struct command command = {
    .name = "compare",
    .usage = "[options]",
    .about = "Measures how fast each device of this machine trains and runs three networks, and says whether a GPU\n"
             "would be worth it.",
    .options = table,
    .noptions = sizeof table / sizeof *table,
};

/* The networks, from small to large. */
static const struct {
    const char *model, *options;
    int classes, channels, image, batch, batch_small; /* batch_small: on what is no GPU */
} networks[COMPARED] = {
    {"mlp", "classes=10 image=28 channels=1", 10, 1, 28, 64, 64},
    {"lenet", "classes=10 image=28 channels=1", 10, 1, 28, 64, 64},
    {"vgg16", "classes=1000 image=224 channels=3", 1000, 3, 224, 16, 2},
};

const char *const compared_models[COMPARED] = {"mlp 28x28", "lenet 28x28", "vgg16 224x224"};

/* ---- Measuring ---- */

struct trial {
    gradc_context *g;
    gradc_module *m;
    gradc_optim *optim;
    gradc_tensor **params, *x, *y;
    int n;
    int64_t batch;
};

static void train_step(struct trial *t)
{
    gradc_backward(gradc_cross_entropy(gradc_module_forward(t->m, t->x), t->y));
    gradc_step(t->optim);
    gradc_tape_clear(t->g);
}

static void infer_step(struct trial *t)
{
    float logit;
    gradc_tensor *z = gradc_module_forward(t->m, t->x);
    gradc_read(gradc_slice(gradc_slice(z, 0, 0, 1, 1), 1, 0, 1, 1), &logit, sizeof logit);
    gradc_tape_clear(t->g);
}

/* Images a second after a first step, which builds and plans; one more where that was quick. */
static double rate(struct trial *t, void (*step)(struct trial *), double seconds)
{
    double start = now();
    int64_t steps = 0;
    step(t);
    gradc_sync(t->g);
    if (now() - start < 1) {
        step(t);
        gradc_sync(t->g);
    }
    start = now();
    do {
        step(t);
        gradc_sync(t->g);
        steps++;
    } while (now() - start < seconds && gradc_check(t->g) == GRADC_OK);
    return (double)(steps * t->batch) / (now() - start);
}

static int trial_start(struct trial *t, gradc_context *g, int network, int64_t batch)
{
    *t = (struct trial){.g = g, .batch = batch};
    const int64_t shape[] = {batch, networks[network].channels, networks[network].image, networks[network].image};
    t->m = gradc_model(g, networks[network].model, networks[network].options);
    t->params = calloc((size_t)gradc_module_count(t->m) + 1, sizeof(gradc_tensor *));
    for (int i = 0; t->params != NULL && i < gradc_module_count(t->m); i++)
        if (gradc_wants_grad(gradc_module_tensor(t->m, i)))
            t->params[t->n++] = gradc_module_tensor(t->m, i);
    t->optim = t->n > 0 ? gradc_sgd(t->params, t->n, 1e-4, 0.9) : NULL;
    t->x = gradc_retain(gradc_randn(g, 4, shape));
    t->y = gradc_new(g, GRADC_I64, 1, &batch);
    return gradc_check(g) == GRADC_OK && t->params != NULL;
}

static void trial_end(struct trial *t)
{
    gradc_release(t->x);
    gradc_release(t->y);
    gradc_optim_free(t->optim);
    gradc_module_free(t->m);
    free(t->params);
    gradc_tape_clear(t->g);
}

/* What a training step takes: weights, gradients and momentum once, the rest for each image. */
static void note_memory(struct trial *t, struct measured *r)
{
    int64_t peak = 0;
    double weights = 0;
    gradc_memory_info(t->g, NULL, &peak, NULL);
    gradc_module_info(t->m, "bytes", 1, &weights);
    r->fixed = 3 * weights;
    r->each = ((double)peak - r->fixed) / (double)t->batch;
}

/* Whether a step of this network would take too long, as the smaller one ran: then its figures are reckoned. */
static int estimate(const struct compare_options *o, const struct compared_device *d, struct trial *t,
                    struct measured *r)
{
    double flops = 0, activations = 0, weights = 0;
    gradc_module_info(t->m, "flops", 1, &flops);
    gradc_module_info(t->m, "activations", 1, &activations);
    gradc_module_info(t->m, "bytes", 1, &weights);
    if (d->train_flops <= 0 || (double)t->batch * flops / d->train_flops <= o->patience)
        return 0;
    r->estimated = 1;
    r->train = d->train_flops / flops;
    r->infer = d->infer_flops / flops;
    r->fixed = 3 * weights;
    r->each = 2 * activations; /* each layer's output and the gradient that flows there */
    return 1;
}

static void note_speed(struct compared_device *d, struct trial *t, const struct measured *r)
{
    double flops = 0;
    gradc_module_info(t->m, "flops", 1, &flops);
    d->train_flops = r->train * flops;
    d->infer_flops = r->infer * flops;
}

/* In a context of its own, so that the memory is this network's. */
static void measure(const struct compare_options *o, struct compared_device *d, int network)
{
    struct measured *r = &d->model[network];
    struct trial t;
    gradc_context *g = NULL;
    int gpu = strcmp(d->kind, "gpu") == 0;
    r->batch = o->batch > 0 ? o->batch : gpu ? networks[network].batch : networks[network].batch_small;
    if (open_device(d->device, o->threads, &g) != TOOL_OK) {
        snprintf(r->failed, sizeof r->failed, "can't be opened");
        return;
    }
    if (trial_start(&t, g, network, r->batch) && !estimate(o, d, &t, r)) {
        r->train = rate(&t, train_step, o->seconds);
        note_memory(&t, r);
        gradc_module_train(t.m, 0);
        gradc_record(g, 0);
        r->infer = rate(&t, infer_step, o->seconds);
        gradc_record(g, 1);
        note_speed(d, &t, r);
    }
    if (gradc_check(g) != GRADC_OK) {
        snprintf(r->failed, sizeof r->failed, "%s", gradc_message(g));
        r->train = r->infer = r->each = 0;
        gradc_recover(g);
    }
    trial_end(&t);
    gradc_close(g);
}

/* ---- The table ---- */

void rate_text(double rate, char *text, size_t size)
{
    snprintf(text, size, rate >= 100 ? "%.0f" : "%.3g", rate);
}

void time_text(double seconds, char *text, size_t size)
{
    static const struct {
        double most, unit;
        const char *name;
    } units[] = {{120, 1, "s"}, {7200, 60, "min"}, {172800, 3600, "h"}, {1e300, 86400, "days"}};
    int i = 0;
    while (seconds >= units[i].most && i < 3)
        i++;
    double value = seconds / units[i].unit;
    snprintf(text, size, value < 10 ? "%.1f %s" : "%.0f %s", value, units[i].name);
}

int64_t batch_that_fits(const struct measured *m, double memory)
{
    if (!(m->each > 0))
        return 0;
    double fits = (memory - m->fixed) / m->each;
    int64_t whole = fits >= 1 ? (fits < 1e15 ? (int64_t)fits : (int64_t)1e15) : 0, unit = 1;
    while (whole / unit >= 100)
        unit *= 10;
    return whole / unit * unit;
}

static void print_line(const struct comparison *c, const struct compared_device *d, int network)
{
    const struct measured *m = &d->model[network];
    char epoch[32], train[32], infer[32];
    if (m->failed[0] != '\0') {
        printf("  %-14s %s\n", d->device, m->failed);
        return;
    }
    time_text((double)c->images / m->train, epoch, sizeof epoch);
    rate_text(m->train, train, sizeof train);
    rate_text(m->infer, infer, sizeof infer);
    printf("  %-14s %5" PRId64 " %12s %12s %12s %12" PRId64 "%s\n", d->device, m->batch, train, infer, epoch,
           batch_that_fits(m, d->memory), m->estimated ? "  estimated" : "");
    fflush(stdout);
}

static void print_head(int network, int64_t images)
{
    printf("%-16s %5s %12s %12s %12s %12s\n", compared_models[network], "batch", "training", "inference",
           "an epoch", "fits");
    if (network == 0)
        printf("%-16s %5s %12s %12s %7" PRId64 " im. %12s\n", "", "", "images/s", "images/s", images,
               "in memory");
}

/* ---- The command ---- */

static void fact(int32_t index, const char *key, char *text, size_t size)
{
    if (gradc_device_info(index, key, text, size) != GRADC_OK)
        snprintf(text, size, "?");
}

/* The devices to look at: all, or the one that was named. */
static int find_devices(const struct compare_options *o, struct comparison *c)
{
    int32_t only = -1, count = gradc_device_count();
    if (o->device != NULL) {
        gradc_context *g = gradc_open(o->device);
        if (g == NULL)
            return tool_failed(NULL, "--device");
        only = gradc_context_device(g);
        gradc_close(g);
    }
    c->devices = calloc((size_t)count + 1, sizeof *c->devices);
    if (c->devices == NULL)
        return tool_no_memory();
    for (int32_t i = 0; i < count; i++) {
        struct compared_device *d = &c->devices[c->n];
        char memory[32];
        if (only >= 0 && i != only)
            continue;
        fact(i, "device", d->device, sizeof d->device);
        fact(i, "kind", d->kind, sizeof d->kind);
        fact(i, "name", d->name, sizeof d->name);
        fact(i, "memory", memory, sizeof memory);
        d->memory = strtod(memory, NULL);
        printf("%-16s %s (%s), %.1f GiB\n", d->device, d->name, d->kind, d->memory / 0x1p30);
        c->n++;
    }
    putchar('\n');
    return TOOL_OK;
}

static int compare(const struct compare_options *o, struct comparison *c)
{
    char answer[1024];
    int status = find_devices(o, c);
    if (status != TOOL_OK)
        return status;
    for (int network = 0; network < COMPARED; network++) {
        print_head(network, c->images);
        for (int i = 0; i < c->n; i++) {
            measure(o, &c->devices[i], network);
            print_line(c, &c->devices[i], network);
        }
    }
    comparison_answer(c, answer, sizeof answer);
    printf("\nDo I need a GPU?  %s\n", answer);
    return o->html != NULL ? comparison_page(c, o->html) : TOOL_OK;
}

int command_compare(int argc, char **argv)
{
    struct compare_options o = {.images = 60000, .seconds = 2, .patience = 60};
    struct comparison c = {0};
    int nwords = 0, help = 0;
    int status = options_read(&command, &o, argc, argv, &nwords, &help);
    if (status == TOOL_OK && !help) {
        c.images = o.images;
        status = check_outputs(1, &(const struct output){"--html", o.html});
        if (status == TOOL_OK)
            status = compare(&o, &c);
    }
    free(c.devices);
    return status;
}
