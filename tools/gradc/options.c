/* options.c - the options of gradc train: a table, and one sentence for each thing that can't be. */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool.h"

int tool_usage(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("gradc: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return TOOL_USAGE;
}

int tool_failed(const gradc_context *g, const char *what)
{
    const char *message = gradc_message(g);
    fprintf(stderr, "gradc: %s%s%s\n", what, what[0] != '\0' && message[0] != '\0' ? ": " : "", message);
    return TOOL_FAILED;
}

enum option_kind { OPTION_TEXT, OPTION_COUNT, OPTION_SEED, OPTION_NUMBER };

static const struct option {
    const char *name;
    enum option_kind kind;
    size_t offset;
    int64_t least, most; /* OPTION_COUNT */
} option_table[] = {
    {"--data", OPTION_TEXT, offsetof(struct options, data), 0, 0},
    {"--model", OPTION_TEXT, offsetof(struct options, model), 0, 0},
    {"--device", OPTION_TEXT, offsetof(struct options, device), 0, 0},
    {"--optimizer", OPTION_TEXT, offsetof(struct options, optimizer), 0, 0},
    {"--save", OPTION_TEXT, offsetof(struct options, save), 0, 0},
    {"--losses", OPTION_TEXT, offsetof(struct options, losses), 0, 0},
    {"--threads", OPTION_TEXT, offsetof(struct options, threads), 0, 0},
    {"--epochs", OPTION_COUNT, offsetof(struct options, epochs), 1, 100000},
    {"--batch", OPTION_COUNT, offsetof(struct options, batch), 1, 1 << 20},
    {"--steps", OPTION_COUNT, offsetof(struct options, steps), 1, (int64_t)1 << 40},
    {"--seed", OPTION_SEED, offsetof(struct options, seed), 0, 0},
    {"--lr", OPTION_NUMBER, offsetof(struct options, lr), 0, 0},
};

static int64_t whole_number(const char *text, int64_t least, int64_t most, int *good)
{
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    *good = *text != '\0' && *end == '\0' && errno == 0 && value >= least && value <= most;
    return value;
}

static int set_option(struct options *o, const struct option *p, const char *text)
{
    char *to = (char *)o + p->offset, *end = NULL;
    int good = 1;
    if (p->kind == OPTION_TEXT) {
        memcpy(to, &text, sizeof text);
    } else if (p->kind == OPTION_COUNT) {
        int64_t value = whole_number(text, p->least, p->most, &good);
        if (!good)
            return tool_usage("%s must be a whole number from %lld to %lld, not \"%s\"", p->name,
                              (long long)p->least, (long long)p->most, text);
        memcpy(to, &value, sizeof value);
    } else if (p->kind == OPTION_SEED) {
        uint64_t value = (uint64_t)whole_number(text, 0, INT64_MAX, &good);
        if (!good)
            return tool_usage("%s must be a whole number from 0 on, not \"%s\"", p->name, text);
        memcpy(to, &value, sizeof value);
    } else {
        double value = strtod(text, &end);
        if (*text == '\0' || *end != '\0' || !isfinite(value) || value <= 0)
            return tool_usage("%s must be a number above 0, such as 0.001, not \"%s\"", p->name, text);
        memcpy(to, &value, sizeof value);
    }
    return TOOL_OK;
}

static int find_option(struct options *o, int argc, char **argv, int *used)
{
    for (size_t i = 0; i < sizeof option_table / sizeof option_table[0]; i++) {
        const struct option *p = &option_table[i];
        size_t length = strlen(p->name);
        if (strncmp(argv[0], p->name, length) != 0)
            continue;
        if (argv[0][length] == '=') {
            *used = 1;
            return set_option(o, p, argv[0] + length + 1);
        }
        if (argv[0][length] != '\0')
            continue;
        if (argc < 2)
            return tool_usage("%s needs a value; gradc train --help shows which", p->name);
        *used = 2;
        return set_option(o, p, argv[1]);
    }
    return tool_usage("there is no option \"%s\"; gradc train --help lists them", argv[0]);
}

/* A file that can't be written is better known before the training than after it. */
static int check_writable(const char *option, const char *path)
{
    if (path == NULL)
        return TOOL_OK;
    const char *slash = strrchr(path, '/');
    size_t length = slash == NULL ? 0 : (size_t)(slash - path) + 1;
    if (path[length] == '\0')
        return tool_usage("%s needs the name of a file, not of a folder: \"%s\"", option, path);
    char *folder = malloc(length + 2);
    if (folder == NULL)
        return tool_usage("there is no memory left");
    memcpy(folder, length > 0 ? path : "./", length > 0 ? length : 2);
    folder[length > 0 ? length : 2] = '\0';
    int status = TOOL_OK;
    if (access(folder, W_OK) != 0)
        status = tool_usage("%s can't write into %s: %s", option, folder, strerror(errno));
    free(folder);
    return status;
}

/* "fashion-mnist" or "fashion-mnist:FOLDER". */
static int split_data(struct options *o)
{
    static const char name[] = "fashion-mnist";
    const size_t length = sizeof name - 1;
    if (strncmp(o->data, name, length) != 0 || (o->data[length] != '\0' && o->data[length] != ':'))
        return tool_usage("--data must be fashion-mnist or fashion-mnist:FOLDER, not \"%s\"", o->data);
    const char *named = getenv("FASHION_MNIST");
    o->folder = named != NULL && named[0] != '\0' ? named : "/usr/share/datasets/fashion-mnist";
    if (o->data[length] == ':')
        o->folder = o->data + length + 1;
    if (o->folder[0] == '\0')
        return tool_usage("--data fashion-mnist: needs the folder behind the colon");
    return TOOL_OK;
}

static int check_options(struct options *o)
{
    int good = 1;
    if (!model_known(o->model))
        return tool_usage("--model must be mlp or lenet, not \"%s\"", o->model);
    if (strcmp(o->optimizer, "sgd") != 0 && strcmp(o->optimizer, "adam") != 0)
        return tool_usage("--optimizer must be sgd or adam, not \"%s\"", o->optimizer);
    if (o->threads != NULL && (whole_number(o->threads, 1, 4096, &good), !good))
        return tool_usage("--threads must be a whole number from 1 on, not \"%s\"", o->threads);
    if (o->lr <= 0)
        o->lr = strcmp(o->optimizer, "sgd") == 0 ? 0.05 : 0.001;
    struct stat there;
    if (o->save != NULL && stat(o->save, &there) == 0 && !S_ISREG(there.st_mode))
        return tool_usage("--save needs the name of a file; %s is something else", o->save);
    int status = split_data(o);
    if (status == TOOL_OK)
        status = check_writable("--save", o->save);
    return status == TOOL_OK ? check_writable("--losses", o->losses) : status;
}

int options_read(struct options *o, int argc, char **argv, int *help)
{
    *o = (struct options){
        .data = "fashion-mnist", .model = "lenet", .optimizer = "adam", .epochs = 3, .batch = 64, .seed = 1};
    *help = 0;
    while (argc > 0) {
        if (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0) {
            *help = 1;
            return TOOL_OK;
        }
        int used = 0;
        int status = find_option(o, argc, argv, &used);
        if (status != TOOL_OK)
            return status;
        argc -= used;
        argv += used;
    }
    return check_options(o);
}
