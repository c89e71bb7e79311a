/* explain.c - gradc explain: what the planner makes of a model's training step. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

struct explain_options {
    const char *device, *optimizer;
    int64_t image, classes, channels, batch, threads, infer;
};

#define OPTION(member) offsetof(struct explain_options, member)

static const struct option table[] = {
    {"--device", "D", "device, as for gradc train (auto)", OPTION_TEXT, OPTION(device), 0, 0},
    {"--batch", "N", "images at once (8)", OPTION_COUNT, OPTION(batch), 1, 1 << 20},
    {"--image", "N", "side of the model's input (its own)", OPTION_COUNT, OPTION(image), 1, 4096},
    {"--classes", "N", "its classes (its own)", OPTION_COUNT, OPTION(classes), 1, 1 << 20},
    {"--channels", "N", "its channels, 1 or 3 (its own)", OPTION_COUNT, OPTION(channels), 1, 3},
    {"--optimizer", "O", "sgd, adam, adamw or rmsprop (sgd, with momentum)", OPTION_TEXT, OPTION(optimizer), 0, 0},
    {"--infer", NULL, "the step of inference instead", OPTION_FLAG, OPTION(infer), 0, 0},
    {"--threads", "N", "CPU threads (all)", OPTION_COUNT, OPTION(threads), 1, 4096},
};

static const struct command command = {
    .name = "explain",
    .usage = "[options] MODEL",
    .about = "Prints the plan of a model's training step: what runs as one, the bytes that it moves, its operations,\n"
             "and the time that this would take at the speeds of a large copy and a large matrix product here.",
    .options = table,
    .noptions = sizeof table / sizeof *table,
    .operands = -1,
};

/* ---- The device's speeds ---- */

struct speeds {
    double bytes, flop; /* a second */
};

static gradc_tensor *scaled(gradc_tensor *x)
{
    return gradc_mul_scalar(x, 2);
}

static gradc_tensor *squared(gradc_tensor *x)
{
    return gradc_matmul(x, x);
}

/* Seconds for one, over a tenth of a second at least; the first, which plans and builds, does not count. */
static double time_of(gradc_context *g, gradc_tensor *(*once)(gradc_tensor *), gradc_tensor *x)
{
    double start = now();
    for (int n = -1; gradc_check(g) == GRADC_OK; n++) {
        if (n == 0)
            start = now();
        if (n > 0 && now() - start > 0.1)
            return (now() - start) / n;
        once(x);
        gradc_sync(g);
        gradc_tape_clear(g);
    }
    return 1;
}

static void measure(gradc_context *g, struct speeds *s)
{
    const int64_t many = 1 << 24, side = 1024;
    gradc_tensor *x = gradc_new(g, GRADC_F32, 1, &many),
                 *y = gradc_new(g, GRADC_F32, 2, (int64_t[]){side, side});
    s->bytes = 2 * 4 * (double)many / time_of(g, scaled, x);
    s->flop = 2 * (double)side * (double)side * (double)side / time_of(g, squared, y);
    gradc_release(x);
    gradc_release(y);
}

/* ---- The step ---- */

static gradc_optim *optimizer(const char *name, gradc_tensor *const *params, int n)
{
    if (strcmp(name, "adam") == 0)
        return gradc_adam(params, n, 1e-3);
    if (strcmp(name, "adamw") == 0)
        return gradc_adamw(params, n, 1e-3, 0.01);
    if (strcmp(name, "rmsprop") == 0)
        return gradc_rmsprop(params, n, 1e-3);
    return gradc_sgd(params, n, 1e-3, 0.9);
}

static void infer(gradc_module *m, gradc_tensor *x)
{
    gradc_context *g = gradc_context_of(x);
    gradc_module_train(m, 0);
    gradc_record(g, 0);
    gradc_module_forward(m, x);
    gradc_sync(g);
}

static void train(gradc_module *m, gradc_tensor *x, gradc_tensor *labels, const char *name)
{
    int n = 0, count = gradc_module_count(m);
    gradc_tensor **params = calloc((size_t)count + 1, sizeof *params);
    for (int i = 0; params != NULL && i < count; i++)
        if (gradc_wants_grad(gradc_module_tensor(m, i)))
            params[n++] = gradc_module_tensor(m, i);
    gradc_optim *o = n > 0 ? optimizer(name, params, n) : NULL;
    gradc_backward(gradc_cross_entropy(gradc_module_forward(m, x), labels));
    gradc_step(o);
    gradc_optim_free(o);
    free(params);
}

/* ---- The table ---- */

/* The library's report, with the time that each line would take. */
static int print_report(gradc_context *g, const struct speeds *s)
{
    int64_t size = gradc_plan_report(g, NULL, 0), bytes;
    char *text = size >= 0 ? malloc((size_t)size + 1) : NULL;
    double flop, all = 0;
    int launches, told = 0;
    if (text == NULL)
        return size < 0 ? tool_failed(g, "") : tool_no_memory();
    gradc_plan_report(g, text, (size_t)size + 1);
    printf("launches          bytes               flop         us  what\n");
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        int what = 0;
        if (sscanf(line, "%d %" SCNd64 " %lf %n", &launches, &bytes, &flop, &what) != 3 || what == 0) {
            if (!told && strncmp(line, "launches", 8) != 0)
                told = printf("about %.3g ms, at %.3g GB/s and %.3g GFLOP/s\n", all * 1e3, s->bytes / 1e9,
                              s->flop / 1e9);
            if (told)
                puts(line);
            continue;
        }
        double moving = (double)bytes / s->bytes, computing = flop / s->flop;
        double seconds = moving > computing ? moving : computing;
        all += seconds;
        printf("%8d %14" PRId64 " %18.0f %10.1f  %s\n", launches, bytes, flop, seconds * 1e6, line + what);
    }
    free(text);
    return TOOL_OK;
}

/* ---- The command ---- */

static int64_t number_of(const gradc_module *m, const char *key)
{
    const char *text = gradc_module_option(m, key);
    return text != NULL ? strtoll(text, NULL, 10) : 1;
}

static int explain(gradc_context *g, const struct explain_options *o, const char *name)
{
    struct speeds speeds;
    char options[MODEL_OPTIONS];
    gradc_module *m = gradc_model(g, name, model_options(options, "", o->image, o->classes, o->channels));
    if (m == NULL)
        return tool_failed(g, "");
    measure(g, &speeds);
    const int64_t image = number_of(m, "image"), shape[] = {o->batch, number_of(m, "channels"), image, image};
    gradc_tensor *x = gradc_retain(gradc_randn(g, 4, shape)), *labels = gradc_new(g, GRADC_I64, 1, &o->batch);
    gradc_sync(g);
    gradc_tape_clear(g);
    if (o->infer)
        infer(m, x);
    else
        train(m, x, labels, o->optimizer);
    int status = gradc_check(g) == GRADC_OK ? print_report(g, &speeds) : tool_failed(g, "");
    gradc_release(x);
    gradc_release(labels);
    gradc_module_free(m);
    return status;
}

int command_explain(int argc, char **argv)
{
    static const char *const optimizers[] = {"sgd", "adam", "adamw", "rmsprop", NULL};
    struct explain_options o = {.batch = 8, .optimizer = "sgd"};
    int nwords = 0, help = 0;
    int status = options_read(&command, &o, argc, argv, &nwords, &help);
    if (status != TOOL_OK || help)
        return status;
    if (nwords != 1)
        return tool_usage("gradc explain takes one model: gradc explain vgg16; gradc info MODEL shows its layers");
    gradc_context *g = NULL;
    status = check_word("--optimizer", o.optimizer, optimizers);
    if (status == TOOL_OK)
        status = open_device(o.device, o.threads, &g);
    if (status == TOOL_OK)
        status = explain(g, &o, argv[0]);
    gradc_close(g);
    return status;
}
