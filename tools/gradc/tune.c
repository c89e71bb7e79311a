/* tune.c - gradc tune: the fastest products and convolutions of a device, measured, kept, exported and imported. */
#include <stdlib.h>
#include <string.h>

#include "tool.h"

struct tune_options {
    const char *device, *export, *import, *math, *budget;
};

#define OPTION(member) offsetof(struct tune_options, member)

static const struct option table[] = {
    {"--device", "D", "device, as for gradc train (auto)", OPTION_TEXT, OPTION(device), 0, 0},
    {"--budget", "T", "how long to look: seconds, or 90s, 5m (60s)", OPTION_TEXT, OPTION(budget), 0, 0},
    {"--math", "M", "the rounding that is allowed: fast, strict, tf32 or bf16 (fast)", OPTION_TEXT,
     OPTION(math), 0, 0},
    {"--export", "FILE", "write what was found to a file, too", OPTION_TEXT, OPTION(export), 0, 0},
    {"--import", "FILE", "take what such a file holds, and look for nothing", OPTION_TEXT, OPTION(import), 0, 0},
};

static const struct command command = {
    .name = "tune",
    .usage = "[options]",
    .about =
        "Looks for the fastest way to compute products and convolutions on an OpenCL device, and keeps it in the\n"
        "folder of the user's caches for the programs to come.  A checkpoint remembers what a device was tuned to.",
    .options = table,
    .noptions = sizeof table / sizeof *table,
};

struct tally {
    int classes, faster;
};

static int show(void *payload, const char *line, double before, double after)
{
    struct tally *t = payload;
    t->classes++;
    t->faster += after < before;
    printf("%12.1f %12.1f %6.2f  %s\n", before * 1e6, after * 1e6, before / after, line);
    fflush(stdout);
    return 0;
}

/* "60", "60s", "2m"; below 0: it is no such thing. */
static double seconds_of(const char *text)
{
    char *end;
    const double number = strtod(text, &end);
    const double unit = strcmp(end, "m") == 0 ? 60 : 1;
    const int known = *end == '\0' || strcmp(end, "s") == 0 || strcmp(end, "m") == 0;
    return end != text && known && number >= 0 && number < 1e6 ? number * unit : -1;
}

static int tune(gradc_context *g, const struct tune_options *o)
{
    struct tally t = {0, 0};
    if (gradc_set(g, "math", o->math) != GRADC_OK)
        return tool_failed(g, "");
    if (o->import != NULL) {
        if (gradc_tune_load(g, o->import) != GRADC_OK)
            return tool_failed(g, "");
        printf("taken from %s\n", o->import);
    } else {
        printf("  default us       now us  times  what\n");
        if (gradc_tune(g, seconds_of(o->budget), show, &t) != GRADC_OK)
            return tool_failed(g, "");
        printf("%d classes of products and convolutions, %d of them faster\n", t.classes, t.faster);
    }
    if (o->export != NULL && gradc_tune_save(g, o->export) != GRADC_OK)
        return tool_failed(g, "");
    return TOOL_OK;
}

int command_tune(int argc, char **argv)
{
    static const char *const maths[] = {"fast", "strict", "tf32", "bf16", NULL};
    struct tune_options o = {.budget = "60s", .math = "fast"};
    int nwords = 0, help = 0;
    int status = options_read(&command, &o, argc, argv, &nwords, &help);
    if (status != TOOL_OK || help)
        return status;
    if (seconds_of(o.budget) < 0)
        return tool_usage("--budget is a time such as 60s or 5m, and not \"%s\"", o.budget);
    status = check_word("--math", o.math, maths);
    const struct output outputs[] = {{"--export", o.export}};
    if (status == TOOL_OK)
        status = check_outputs(1, outputs);
    gradc_context *g = NULL;
    if (status == TOOL_OK)
        status = open_device(o.device, 0, &g);
    if (status == TOOL_OK)
        status = tune(g, &o);
    gradc_close(g);
    return status;
}
