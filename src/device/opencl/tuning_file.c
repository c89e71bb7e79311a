/* tuning_file.c - the store of what a device was tuned to as a text: written, read, kept beside the compiled programs,
 * or shipped with the library. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/host.h"
#include "base/os.h"
#include "device/opencl/sources.h"
#include "device/opencl/tuning.h"

enum { LOG2S = 64, SPLITS_LIMIT = 1 << 16, SUM_LINE = 21 };

/* ---- The text ----
 *   gradc tuning 1
 *   device PLATFORM|VENDOR|NAME|DRIVER|OPENCL
 *   version 0.2.0
 *   tuned OP DTYPE MATH KIND M N K FORM TILE SPLITS NANOSECONDS NANOSECONDS
 *   tile  the same, of first use: SPLITS is 0
 *   verdict OP DTYPE MATH FORM 1
 *   sum SIXTEEN-DIGITS            of all lines before */

static const char first_line[] = "gradc tuning 1";

static void device_line(const struct device *d, char *text, size_t size)
{
    const struct device_info *i = &d->info;
    snprintf(text, size, "%s|%s|%s|%s|%s", i->platform, i->vendor, i->name, i->driver, i->opencl);
}

enum { DEVICE_BYTES = 640 };

struct lines {
    char *data;
    int64_t size, capacity;
    int failed;
};

static void add(struct lines *l, const char *format, ...) GRADC_PRINTF(2, 3);
static void add(struct lines *l, const char *format, ...)
{
    char line[DEVICE_BYTES + 64];
    va_list list;
    va_start(list, format);
    const int n = vsnprintf(line, sizeof line, format, list);
    va_end(list);
    if (n < 0 || (size_t)n >= sizeof line || l->failed || host_grow(&l->data, &l->capacity, l->size + n + 1, 1)) {
        l->failed = 1;
        return;
    }
    memcpy(l->data + l->size, line, (size_t)n + 1);
    l->size += n;
}

static void add_entries(struct lines *l, const char *word, const struct tuned_list *entries)
{
    for (int64_t i = 0; i < entries->n; i++) {
        const struct tuned *e = &entries->at[i];
        char text[DEVICE_BYTES];
        tuned_describe(e, text, sizeof text);
        add(l, "%s %s %" PRId64 " %" PRId64 "\n", word, text, (int64_t)(e->before * 1e9),
            (int64_t)(e->after * 1e9));
    }
}

static void write_lines(const struct device *d, struct lines *l)
{
    const struct tuning *t = opencl_tuning(d);
    char text[DEVICE_BYTES];
    device_line(d, text, sizeof text);
    add(l, "%s\ndevice %s\nversion %s\n", first_line, text, gradc_version());
    add_entries(l, "tuned", &t->entries);
    add_entries(l, "tile", &t->tiles);
    for (int64_t i = 0; i < t->nverdicts; i++) {
        const struct verdict *v = &t->verdicts[i];
        add(l, "verdict %s %s %s %s %d\n", tuned_op_names[v->op], gradc_dtype_name(v->dtype),
            math_names[v->math], v->form, (int)v->right);
    }
    if (!l->failed)
        add(l, "sum %016" PRIx64 "\n", tuning_hash(0, l->data, (size_t)l->size));
}

/* The number of a name, or -1. */
static int name_in(const char *name, const char *const *names, int n)
{
    for (int i = 0; i < n; i++)
        if (strcmp(name, names[i]) == 0)
            return i;
    return -1;
}

static int dtype_named(const char *name)
{
    for (int i = 0; i < 16; i++) {
        const char *own = gradc_dtype_name((gradc_dtype)i);
        if (own && strcmp(own, name) == 0)
            return i;
    }
    return -1;
}

static int read_names(char names[3][16], enum tuned_op *op, gradc_dtype *dtype, enum math *math)
{
    const int numbers[3] = {name_in(names[0], tuned_op_names, TUNED_OPS), dtype_named(names[1]),
                            name_in(names[2], math_names, MATHS)};
    *op = (enum tuned_op)numbers[0];
    *dtype = (gradc_dtype)numbers[1];
    *math = (enum math)numbers[2];
    return numbers[0] >= 0 && numbers[1] >= 0 && numbers[2] >= 0;
}

static int is_form(enum tuned_op op, const char *name)
{
    for (int i = 0; op == TUNED_GEMM && gemm_forms[i]; i++)
        if (strcmp(gemm_forms[i]->name, name) == 0)
            return 1;
    for (int i = 0; op != TUNED_GEMM && conv_forms[i]; i++)
        if (strcmp(conv_forms[i]->name, name) == 0)
            return 1;
    return 0;
}

/* d NULL: any device. */
static int is_tiling(const struct device *d, const struct tuned *e, int tile_alone)
{
    const struct choice *c = &e->choice;
    const int splits = tile_alone ? c->tile >= 0 && c->splits == 0 : c->splits >= 1 && c->splits <= SPLITS_LIMIT;
    return splits && c->tile >= -1 && c->tile < TILES &&
           (c->tile < 0 || !d || opencl_tile_fits(d, c->tile, e->of.dtype));
}

/* 1 if the line is an entry, and one for this device (NULL: for any). */
static int read_entry(const struct device *d, const char *line, struct tuned *e, int *tile_alone)
{
    char word[6], names[3][16];
    int class[4], tile, splits;
    int64_t times[2];
    memset(e, 0, sizeof *e);
    if (sscanf(line, "%5s %15s %15s %15s %d %d %d %d %15s %d %d %" SCNd64 " %" SCNd64, word, names[0],
               names[1], names[2], &class[0], &class[1], &class[2], &class[3], e -> choice.form, &tile,
               &splits, &times[0], &times[1]) != 13 ||
        !read_names(names, &e->of.op, &e->of.dtype, &e->of.math))
        return 0;
    for (int i = 0; i < 4; i++)
        if (class[i] < 0 || class[i] >= LOG2S)
            return 0;
    e->of.kind = class[0];
    e->of.m = class[1];
    e->of.n = class[2];
    e->of.k = class[3];
    e->choice.tile = tile;
    e->choice.splits = splits;
    e->before = (double)times[0] * 1e-9;
    e->after = (double)times[1] * 1e-9;
    *tile_alone = strcmp(word, "tile") == 0;
    return (*tile_alone || strcmp(word, "tuned") == 0) && is_form(e->of.op, e->choice.form) &&
           is_tiling(d, e, *tile_alone);
}

static int read_verdict(const char *line, struct verdict *v)
{
    char names[3][16];
    int right;
    memset(v, 0, sizeof *v);
    if (sscanf(line, "verdict %15s %15s %15s %15s %d", names[0], names[1], names[2], v->form, &right) != 5 ||
        !read_names(names, &v->op, &v->dtype, &v->math))
        return 0;
    v->right = right != 0;
    return 1;
}

/* 1 if the text ends with the sum of what stands before. */
static int is_whole(const char *text, size_t bytes)
{
    char want[SUM_LINE + 1];
    if (bytes < SUM_LINE)
        return 0;
    snprintf(want, sizeof want, "sum %016" PRIx64 "\n", tuning_hash(0, text, bytes - SUM_LINE));
    return memcmp(text + bytes - SUM_LINE, want, SUM_LINE) == 0;
}

/* Takes the next line off the text. */
static char *next_line(char **text)
{
    char *line = *text, *end = strchr(line, '\n');
    if (!end)
        return NULL;
    *end = 0;
    *text = end + 1;
    return line;
}

/* A whole text, taken apart. */
struct store {
    char *device, *version, *lines;
};

static gradc_status open_store(char *text, size_t bytes, struct store *s, struct failure *f)
{
    if (!is_whole(text, bytes))
        return fail(f, GRADC_E_ARG, "it is no tuning store, or it is damaged");
    const char *line = next_line(&text);
    char *device = next_line(&text), *version = next_line(&text);
    if (!line || !device || !version || strcmp(line, first_line) != 0 || strncmp(device, "device ", 7) != 0 ||
        strncmp(version, "version ", 8) != 0)
        return fail(f, GRADC_E_ARG, "it is no tuning store of this version");
    *s = (struct store){device + 7, version + 8, text};
    return GRADC_OK;
}

static gradc_status must_be_own(const struct device *d, const struct store *s, struct failure *f)
{
    char own[DEVICE_BYTES];
    device_line(d, own, sizeof own);
    if (strcmp(s->device, own) != 0)
        return fail(f, GRADC_E_ARG, "it is of another device or driver: \"%s\", and this one is \"%s\"",
                    s->device, own);
    if (strcmp(s->version, gradc_version()) != 0)
        return fail(f, GRADC_E_ARG, "it is of version %s of the library, and this one is %s", s->version,
                    gradc_version());
    return GRADC_OK;
}

/* Adds to t what the lines say.  What a device can't have is a damage too, unless `lenient`: then it is left out. */
static gradc_status read_lines(const struct device *d, struct store *s, int lenient, struct tuning *t,
                               struct failure *f)
{
    for (char *line; (line = next_line(&s->lines)) && strncmp(line, "sum ", 4) != 0;) {
        struct tuned e;
        struct verdict v;
        int failed = 1, tile_alone;
        if (read_entry(d, line, &e, &tile_alone))
            failed = tuned_put(tile_alone ? &t->tiles : &t->entries, &e);
        else if (read_verdict(line, &v))
            failed = tuning_take_verdict(t, &v);
        if (failed < 0)
            return fail(f, GRADC_E_MEMORY, "no host memory for a tuning store");
        if (failed && !lenient)
            return fail(f, GRADC_E_ARG, "its line \"%.200s\" means nothing to this device", line);
    }
    tuning_renew_digest(t);
    return GRADC_OK;
}

/* t becomes what was found, or stays as it was. */
static gradc_status take(struct tuning *t, struct tuning *found, gradc_status status)
{
    if (status) {
        tuning_clear(found);
        return status;
    }
    tuning_clear(t);
    found->forced = t->forced;
    found->spent = t->spent;
    found->trials = t->trials;
    found->clblast = t->clblast;
    memcpy(found->path, t->path, sizeof found->path);
    *t = *found;
    return GRADC_OK;
}

/* A failure leaves t as it was. */
static gradc_status read_file(const struct device *d, const char *path, struct tuning *t, struct failure *f)
{
    struct tuning found = {0};
    struct store s;
    char *text, reason[128];
    size_t bytes;
    const int code = os_file_read(path, &text, &bytes);
    if (code)
        return fail(f, code == ENOMEM ? GRADC_E_MEMORY : GRADC_E_IO, "%s", os_error(code, reason, sizeof reason));
    gradc_status status = open_store(text, bytes, &s, f);
    if (!status)
        status = must_be_own(d, &s, f);
    if (!status)
        status = read_lines(d, &s, 0, &found, f);
    host_free(text);
    return take(t, &found, status);
}

/* ---- Shipped stores ----
 * They serve every version of the library that reads their text: a form that is gone means the default, and a row of
 * opencl_tiles keeps its place.  Verdicts are left out: they are of the kernels and the driver that they were made
 * with.  Where none is of this driver one of the same device is taken: the card decides what is fast, more than its
 * driver. */

/* The text of a store, host_free'd by the caller. */
static gradc_status join(const struct source *source, char **text, size_t *bytes, struct failure *f)
{
    size_t size = 0;
    for (const char *const *line = source->lines; *line; line++)
        size += strlen(*line);
    char *to = *text = host_alloc(size + 1);
    if (!to)
        return fail(f, GRADC_E_MEMORY, "no host memory for a tuning store");
    for (const char *const *line = source->lines; *line; line++) {
        memcpy(to, *line, strlen(*line) + 1);
        to += strlen(*line);
    }
    *bytes = size;
    return GRADC_OK;
}

/* The bytes of platform, vendor and name in a device's line. */
static size_t without_driver(const char *line)
{
    size_t at = 0;
    for (int parts = 0; line[at] && parts < 3; at++)
        parts += line[at] == '|';
    return at;
}

/* Of this device and driver, or else of this device; NULL: there is none. */
static const struct source *find_shipped(const struct device *d, const struct source *shipped)
{
    const struct source *of_device = NULL;
    char own[DEVICE_BYTES + 16];
    memcpy(own, "device ", 7);
    device_line(d, own + 7, DEVICE_BYTES);
    const size_t known = 7 + without_driver(own + 7);
    for (const struct source *s = shipped; s && s->name; s++) {
        const char *line = s->lines[0] && s->lines[1] ? s->lines[1] : "";
        if (strncmp(line, own, known) != 0)
            continue;
        if (strncmp(line, own, strlen(own)) == 0 && line[strlen(own)] == '\n')
            return s;
        of_device = of_device ? of_device : s;
    }
    return of_device;
}

static gradc_status read_shipped(const struct device *d, const struct source *source, int lenient,
                                 struct tuning *t, struct failure *f)
{
    struct tuning found = {0};
    struct store s;
    char *text = NULL;
    size_t bytes = 0;
    gradc_status status = join(source, &text, &bytes, f);
    if (!status)
        status = open_store(text, bytes, &s, f);
    if (!status)
        status = read_lines(d, &s, lenient, &found, f);
    host_free(text);
    host_free(found.verdicts);
    found.verdicts = NULL;
    found.nverdicts = found.verdicts_capacity = 0;
    return take(t, &found, status);
}

gradc_status tuning_check_shipped(const struct source *store, struct failure *f)
{
    struct tuning read = {0};
    const gradc_status status = read_shipped(NULL, store, 0, &read, f);
    tuning_clear(&read);
    return status;
}

/* ---- Files ---- */

gradc_status tuning_open(struct device *d, const char *folder, const struct source *shipped, struct failure *f)
{
    struct tuning *t = opencl_tuning(d);
    struct failure why = {0};
    char text[DEVICE_BYTES];
    gradc_status status = GRADC_E_IO;
    device_line(d, text, sizeof text);
    const int n =
        snprintf(t->path, sizeof t->path, "%s/tuning-%016" PRIx64, folder, tuning_hash(0, text, strlen(text)));
    if (!folder[0] || n < 0 || (size_t)n >= sizeof t->path)
        t->path[0] = 0;
    else
        status = read_file(d, t->path, t, &why);
    const struct source *own = status ? find_shipped(d, shipped) : NULL;
    if (own && status != GRADC_E_MEMORY)
        status = read_shipped(d, own, 1, t, &why);
    return status == GRADC_E_MEMORY ? fail(f, status, "%s", why.text) : GRADC_OK;
}

void tuning_close(struct device *d)
{
    tuning_clear(opencl_tuning(d));
}

static int write_file(const struct device *d, const char *path)
{
    struct lines l = {0};
    write_lines(d, &l);
    const int code = l.failed ? ENOMEM : os_file_replace(path, l.data, (size_t)l.size);
    host_free(l.data);
    return code;
}

void tuning_keep(const struct device *d)
{
    const struct tuning *t = opencl_tuning(d);
    char folder[sizeof t->path], reason[128];
    if (!t->path[0])
        return;
    memcpy(folder, t->path, sizeof folder);
    *strrchr(folder, '/') = 0;
    int code = os_mkdirs(folder);
    if (!code)
        code = write_file(d, t->path);
    if (code)
        host_log("what was tuned can't be kept in %s: %s", folder, os_error(code, reason, sizeof reason));
}

gradc_status tuning_export(const struct device *d, const char *path, struct failure *f)
{
    char reason[128];
    const int code = write_file(d, path);
    return code ? fail(f, GRADC_E_IO, "%s: %s", path, os_error(code, reason, sizeof reason)) : GRADC_OK;
}

gradc_status tuning_import(struct device *d, const char *path, struct failure *f)
{
    struct failure why = {0};
    const gradc_status status = read_file(d, path, opencl_tuning(d), &why);
    if (status)
        return fail(f, status, "%s: %s", path, why.text);
    tuning_keep(d);
    return GRADC_OK;
}
