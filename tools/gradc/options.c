/* options.c - options of all commands: a table each, from which parsing and --help come, and one sentence for each
 * thing that can't be. */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool.h"

enum { HELP_COLUMNS = 100, HELP_INDENT = 30 };

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

int tool_no_memory(void)
{
    fputs("gradc: there is no memory left\n", stderr);
    return TOOL_FAILED;
}

char *text_format(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = length < 0 ? NULL : malloc((size_t)length + 1);
    if (text == NULL)
        return NULL;
    va_start(args, format);
    vsnprintf(text, (size_t)length + 1, format, args);
    va_end(args);
    return text;
}

/* ---- Help ---- */

/* The words of text, from `column` on, wrapped and indented. */
static void print_wrapped(const char *text, int column)
{
    while (*text != '\0') {
        int length = (int)strcspn(text, " ");
        if (column > HELP_INDENT && column + 1 + length > HELP_COLUMNS) {
            printf("\n%*s", HELP_INDENT, "");
            column = HELP_INDENT;
        } else if (column > HELP_INDENT) {
            putchar(' ');
            column++;
        }
        printf("%.*s", length, text);
        column += length;
        text += length + (text[length] == ' ');
    }
    putchar('\n');
}

static void print_help(const struct command *c)
{
    printf("usage: gradc %s%s%s\n%s\n\n", c->name, c->usage[0] != '\0' ? " " : "", c->usage, c->about);
    for (int i = 0; i < c->noptions; i++) {
        const struct option *o = &c->options[i];
        int column = printf("  %s%s%s", o->name, o->value != NULL ? " " : "", o->value != NULL ? o->value : "");
        if (column + 2 > HELP_INDENT) {
            putchar('\n');
            column = 0;
        }
        printf("%*s", HELP_INDENT - column, "");
        print_wrapped(o->help, HELP_INDENT);
    }
    printf("  %-*s%s\n", HELP_INDENT - 2, "--help", "this text");
}

/* ---- Parsing ---- */

static int set_count(const struct option *o, void *to, const char *text)
{
    char *end = NULL;
    errno = 0;
    int64_t value = strtoll(text, &end, 10);
    if (*text == '\0' || *end != '\0' || errno != 0 || (double)value < o->least || (double)value > o->most)
        return tool_usage("%s must be a whole number from %.0f to %.0f, not \"%s\"", o->name, o->least,
                          o->most, text);
    memcpy(to, &value, sizeof value);
    return TOOL_OK;
}

static int set_number(const struct option *o, void *to, const char *text)
{
    char *end = NULL;
    double value = strtod(text, &end);
    if (*text == '\0' || *end != '\0' || !isfinite(value) || value < o->least || value > o->most)
        return tool_usage("%s must be a number from %g to %g, not \"%s\"", o->name, o->least, o->most, text);
    memcpy(to, &value, sizeof value);
    return TOOL_OK;
}

static int set_option(const struct option *o, void *base, const char *text)
{
    void *to = (char *)base + o->offset;
    const int64_t on = 1;
    switch (o->kind) {
    case OPTION_COUNT: return set_count(o, to, text);
    case OPTION_NUMBER: return set_number(o, to, text);
    case OPTION_FLAG: memcpy(to, &on, sizeof on); return TOOL_OK;
    default: break;
    }
    if (strchr(text, '\n') != NULL) /* a checkpoint keeps options as lines */
        return tool_usage("%s can't be of several lines", o->name);
    memcpy(to, &text, sizeof text);
    return TOOL_OK;
}

/* The option that argv[0] names; *value is behind its "=", or NULL. */
static const struct option *find_option(const struct command *c, char *word, const char **value)
{
    for (int i = 0; i < c->noptions; i++) {
        size_t length = strlen(c->options[i].name);
        if (strncmp(word, c->options[i].name, length) != 0 || (word[length] != '\0' && word[length] != '='))
            continue;
        *value = word[length] == '=' ? word + length + 1 : NULL;
        return &c->options[i];
    }
    return NULL;
}

/* argv[0] and perhaps argv[1]; *used is how many. */
static int read_option(const struct command *c, void *to, int argc, char **argv, int *used)
{
    const char *value = NULL;
    const struct option *o = find_option(c, argv[0], &value);
    *used = 1;
    if (o == NULL)
        return tool_usage("there is no option \"%s\"; gradc %s --help lists them", argv[0], c->name);
    if (o->kind == OPTION_FLAG && value != NULL)
        return tool_usage("%s takes no value", o->name);
    if (o->kind != OPTION_FLAG && value == NULL) {
        if (argc < 2 || strncmp(argv[1], "--", 2) == 0) /* "--save=--x" is a file of that name */
            return tool_usage("%s needs a value; gradc %s --help shows which", o->name, c->name);
        value = argv[1];
        *used = 2;
    }
    return set_option(o, to, value);
}

int options_read(const struct command *c, void *to, int argc, char **argv, int *operands, int *help)
{
    int kept = 0, only_operands = 0;
    *help = 0;
    for (int i = 0, used = 1; i < argc; i += used) {
        used = 1;
        if (!only_operands && (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)) {
            *help = 1;
            print_help(c);
            return TOOL_OK;
        }
        if (!only_operands && strcmp(argv[i], "--") == 0) {
            only_operands = 1;
        } else if (!only_operands && argv[i][0] == '-' && argv[i][1] != '\0') {
            int status = read_option(c, to, argc - i, argv + i, &used);
            if (status != TOOL_OK)
                return status;
        } else if (c->operands == 0) {
            return tool_usage("gradc %s takes options only, not \"%s\"; gradc %s --help lists them", c->name,
                              argv[i], c->name);
        } else {
            argv[kept++] = argv[i];
        }
    }
    *operands = kept;
    return TOOL_OK;
}

/* ---- As text ---- */

/* "--name=value" and a line's end; NULL: as in the defaults, or no memory (*failed). */
static char *write_option(const struct option *o, const void *from, const void *defaults, int *failed)
{
    const char *at = (const char *)from + o->offset, *usual = (const char *)defaults + o->offset;
    const char *word;
    int64_t whole;
    double number;
    char *line = NULL;
    if (memcmp(at, usual, sizeof whole) == 0)
        return NULL;
    memcpy(&word, at, sizeof word);
    memcpy(&whole, at, sizeof whole);
    memcpy(&number, at, sizeof number);
    if (o->kind == OPTION_FLAG)
        line = text_format("%s\n", o->name);
    else if (o->kind == OPTION_COUNT)
        line = text_format("%s=%lld\n", o->name, (long long)whole);
    else if (o->kind == OPTION_NUMBER)
        line = text_format("%s=%.17g\n", o->name, number);
    else
        line = text_format("%s=%s\n", o->name, word);
    *failed |= line == NULL;
    return line;
}

char *options_write(const struct command *c, const void *from, const void *defaults, const char *const *without)
{
    char *text = text_format("");
    int failed = text == NULL;
    for (int i = 0; i < c->noptions && !failed; i++) {
        const char *const *name = without;
        while (*name != NULL && strcmp(*name, c->options[i].name) != 0)
            name++;
        char *line = *name == NULL ? write_option(&c->options[i], from, defaults, &failed) : NULL;
        if (line == NULL)
            continue;
        char *longer = text_format("%s%s", text, line);
        free(line);
        free(text);
        text = longer;
        failed = text == NULL;
    }
    if (!failed)
        return text;
    free(text);
    return NULL;
}

int options_read_text(const struct command *c, void *to, char *text)
{
    for (char *next; *text != '\0'; text = next) {
        next = text + strcspn(text, "\n");
        if (*next == '\n')
            *next++ = '\0';
        int used = 0, status = read_option(c, to, 1, &text, &used);
        if (status != TOOL_OK)
            return status;
    }
    return TOOL_OK;
}

/* ---- What commands share ---- */

int check_word(const char *option, const char *text, const char *const *words)
{
    char all[256] = "";
    size_t used = 0;
    for (int i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], text) == 0)
            return TOOL_OK;
        used += (size_t)snprintf(all + used, sizeof all - used, "%s%s",
                                 i == 0                 ? ""
                                 : words[i + 1] != NULL ? ", "
                                                        : " or ",
                                 words[i]);
    }
    return tool_usage("%s must be %s, not \"%s\"", option, all, text);
}

int check_bad_images(const char *text)
{
    static const char *const words[] = {"fail", "skip", NULL};
    return check_word("--bad-images", text, words);
}

static int check_output(const struct output *o)
{
    struct stat there;
    const char *slash = strrchr(o->path, '/');
    size_t length = slash == NULL ? 0 : (size_t)(slash - o->path) + 1;
    if (o->path[length] == '\0')
        return tool_usage("%s needs the name of a file, not of a folder: \"%s\"", o->option, o->path);
    if (lstat(o->path, &there) == 0 && !S_ISREG(there.st_mode)) /* a link, as /dev/stdout, would be replaced */
        return tool_usage("%s needs the name of a file; %s is something else", o->option, o->path);
    char *folder = length > 0 ? text_format("%.*s", (int)length, o->path) : text_format("./");
    if (folder == NULL)
        return tool_no_memory();
    int status = TOOL_OK;
    if (access(folder, W_OK) != 0)
        status = tool_usage("%s can't write into %s: %s", o->option, folder, strerror(errno));
    free(folder);
    return status;
}

int check_outputs(int n, const struct output *outputs)
{
    for (int i = 0; i < n; i++) {
        if (outputs[i].path == NULL)
            continue;
        for (int before = 0; before < i; before++)
            if (outputs[before].path != NULL && strcmp(outputs[before].path, outputs[i].path) == 0)
                return tool_usage("%s and %s need files of their own, not both %s", outputs[before].option,
                                  outputs[i].option, outputs[i].path);
        int status = check_output(&outputs[i]);
        if (status != TOOL_OK)
            return status;
    }
    return TOOL_OK;
}

int draft_open(struct draft *d, const char *path)
{
    *d = (struct draft){.path = path, .temporary = text_format("%s.tmp", path)};
    if (d->temporary == NULL)
        return tool_no_memory();
    d->f = fopen(d->temporary, "w");
    if (d->f != NULL)
        return TOOL_OK;
    fprintf(stderr, "gradc: %s: %s\n", d->temporary, strerror(errno));
    free(d->temporary);
    return TOOL_FAILED;
}

int draft_close(struct draft *d, int status)
{
    int failed = ferror(d->f);
    failed |= fclose(d->f);
    if (status == TOOL_OK && (failed || rename(d->temporary, d->path) != 0)) {
        fprintf(stderr, "gradc: %s could not be written: %s\n", d->path, strerror(errno));
        status = TOOL_FAILED;
    }
    if (status != TOOL_OK)
        unlink(d->temporary);
    free(d->temporary);
    return status;
}

int open_device(const char *device, int64_t threads, gradc_context **g)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)threads);
    *g = gradc_open(device);
    if (*g == NULL)
        return tool_failed(NULL, "");
    return threads > 0 && gradc_set(*g, "threads", text) != GRADC_OK ? tool_failed(*g, "--threads") : TOOL_OK;
}
