/* info.c - gradc info: the layers of a model, or what is in a safetensors file. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tool.h"

struct info_options {
    int64_t image, classes, channels, batch;
};

#define OPTION(member) offsetof(struct info_options, member)

static const struct option table[] = {
    {"--image", "N", "side of the model's input (its own)", OPTION_COUNT, OPTION(image), 1, 4096},
    {"--classes", "N", "its classes (its own)", OPTION_COUNT, OPTION(classes), 1, 1 << 20},
    {"--channels", "N", "its channels, 1 or 3 (its own)", OPTION_COUNT, OPTION(channels), 1, 3},
    {"--batch", "N", "images at once, for shapes and memory (1)", OPTION_COUNT, OPTION(batch), 1, 1 << 20},
};

static const struct command command = {
    .name = "info",
    .usage = "[options] MODEL|FILE.safetensors",
    .about = "Shows the layers of a model with their shapes, parameters and cost, or what a file holds.",
    .options = table,
    .noptions = sizeof table / sizeof *table,
    .operands = -1,
};

static int is_model(const char *name)
{
    for (int i = 0; gradc_model_name(i) != NULL; i++)
        if (strcmp(gradc_model_name(i), name) == 0)
            return 1;
    return 0;
}

/* ---- A model ---- */

static int print_summary(gradc_context *g, const char *name, const char *options, int64_t batch)
{
    gradc_module *m = gradc_model(g, name, options);
    if (m == NULL)
        return tool_failed(g, "");
    int64_t size = gradc_module_summary(m, batch, NULL, 0);
    char *text = size >= 0 ? malloc((size_t)size + 1) : NULL;
    int status = TOOL_OK;
    if (size < 0)
        status = tool_failed(g, "");
    else if (text == NULL)
        status = tool_no_memory();
    else if (gradc_module_summary(m, batch, text, (size_t)size + 1) < 0)
        status = tool_failed(g, "");
    else
        fputs(text, stdout);
    free(text);
    gradc_module_free(m);
    return status;
}

static int show_model(const struct info_options *o, const char *name, const char *given)
{
    char options[MODEL_OPTIONS];
    model_options(options, given, o->image, o->classes, o->channels);
    gradc_context *g = gradc_open("cpu");
    if (g == NULL)
        return tool_failed(NULL, "");
    int status = print_summary(g, name, options, o->batch);
    gradc_close(g);
    return status;
}

/* ---- A file ---- */

/* A value of several lines is shown by its first words. */
static void print_metadata(const gradc_file *f)
{
    for (int i = 0; i < gradc_file_metadata_count(f); i++) {
        const char *key = gradc_file_metadata_key(f, i), *value = gradc_file_metadata(f, key);
        int lines = 0, length = (int)strcspn(value, "\n");
        for (const char *p = value; *p != '\0'; p++)
            lines += *p == '\n' && p[1] != '\0';
        printf("%-24s %.*s%s", key, length < 100 ? length : 100, value, length > 100 ? " ..." : "");
        if (lines > 0)
            printf(" ... (%d lines)", lines + 1);
        putchar('\n');
    }
}

static int print_tensors(const gradc_file *f)
{
    int64_t total = 0;
    for (int i = 0; i < gradc_file_count(f); i++) {
        gradc_dtype dtype;
        int ndim;
        int64_t shape[GRADC_MAX_NDIM], bytes = 0;
        if (gradc_file_info(f, i, &dtype, &ndim, shape) != GRADC_OK)
            return tool_failed(NULL, "");
        gradc_file_data(f, i, &bytes);
        total += bytes;
        printf("%-40s %-5s [", gradc_file_name(f, i), gradc_dtype_name(dtype));
        for (int axis = 0; axis < ndim; axis++)
            printf("%s%" PRId64, axis > 0 ? "," : "", shape[axis]);
        puts("]");
    }
    printf("%d tensors, %.1f MB\n", gradc_file_count(f), (double)total / 1e6);
    return TOOL_OK;
}

static int show_file(const struct info_options *o, const char *path)
{
    gradc_file *f = gradc_file_open(path);
    if (f == NULL)
        return tool_failed(NULL, "");
    print_metadata(f);
    putchar('\n');
    int status = print_tensors(f);
    const char *name = gradc_file_metadata(f, "model"), *options = gradc_file_metadata(f, "options");
    if (status == TOOL_OK && name != NULL && options != NULL && is_model(name)) {
        putchar('\n');
        status = show_model(o, name, options);
    }
    gradc_file_close(f);
    return status;
}

int command_info(int argc, char **argv)
{
    struct info_options o = {.batch = 1};
    int nwords = 0, help = 0;
    int status = options_read(&command, &o, argc, argv, &nwords, &help);
    if (status != TOOL_OK || help)
        return status;
    if (nwords != 1)
        return tool_usage("gradc info takes one model or file: gradc info vgg16, gradc info model.safetensors");
    if (is_model(argv[0]) && access(argv[0], F_OK) != 0)
        return show_model(&o, argv[0], "");
    return show_file(&o, argv[0]);
}
