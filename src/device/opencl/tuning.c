/* tuning.c - the store of what a device was tuned to: classes of problems, the text file, its digest. */
#include "device/opencl/tuning.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/host.h"
#include "base/os.h"
#include "device/opencl/engines.h"

static const char *const op_names[TUNED_OPS] = {"gemm", "forward", "input", "weight"};

enum { LOG2S = 64, SPLITS_LIMIT = 1 << 16, LINE_BYTES = 256, SUM_LINE = 21 };

/* ---- Classes ---- */

static int32_t log2_of(int64_t n)
{
    int32_t log = 0;
    while (n >>= 1)
        log++;
    return log;
}

struct tuned_class tuned_class_of_gemm(const struct device *d, const struct gemm *p)
{
    int batch = 0;
    for (int32_t i = 0; i < p->nbatch; i++)
        batch |= p->batch[i] > 1;
    return (struct tuned_class){
        .op = TUNED_GEMM,
        .dtype = p->dtype,
        .math = d->math,
        .kind = (p->a_col <= p->a_row ? KIND_A_DEEP : 0) | (p->b_row <= p->b_col ? KIND_B_DEEP : 0) |
                (batch ? KIND_BATCH : 0),
        .m = log2_of(p->m),
        .n = log2_of(p->n),
        .k = log2_of(p->k),
    };
}

static int32_t filter_of(const struct conv *p)
{
    int32_t kind = FILTER_OTHER;
    if (p->stride_h != 1 || p->stride_w != 1)
        kind = FILTER_STRIDED;
    else if (p->kh == 1 && p->kw == 1 && p->padding_h == 0 && p->padding_w == 0)
        kind = FILTER_POINTWISE;
    else if (p->kh == 3 && p->kw == 3 && p->dilation_h == 1 && p->dilation_w == 1)
        kind = FILTER_3X3;
    return kind | (p->groups > 1 ? FILTER_GROUPS : 0);
}

struct tuned_class tuned_class_of_conv(const struct device *d, const struct conv *p)
{
    const int64_t in = p->in / p->groups, out = p->out / p->groups, taps = p->kh * p->kw;
    const int64_t pixels = p->batch * p->out_height * p->out_width, image = p->batch * p->height * p->width;
    const int64_t sizes[][3] = {
        [CONV_FORWARD] = {out, pixels, in * taps},
        [CONV_INPUT] = {in, image, out * taps},
        [CONV_WEIGHT] = {out, in * taps, pixels},
    };
    const int64_t *size = sizes[p->kind];
    return (struct tuned_class){tuned_op_of(p->kind), p->dtype,         d->math,         filter_of(p),
                                log2_of(size[0]),     log2_of(size[1]), log2_of(size[2])};
}

static int compare(const struct tuned_class *x, const struct tuned_class *y)
{
    const int32_t differences[] = {(int32_t)x->op - (int32_t)y->op,
                                   x->dtype - y->dtype,
                                   (int32_t)x->math - (int32_t)y->math,
                                   x->kind - y->kind,
                                   x->m - y->m,
                                   x->n - y->n,
                                   x->k - y->k};
    for (size_t i = 0; i < sizeof differences / sizeof *differences; i++)
        if (differences[i])
            return differences[i];
    return 0;
}

/* Where the class is, or would be put. */
static int64_t find(const struct tuning *t, const struct tuned_class *of)
{
    int64_t low = 0, high = t->nentries;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (compare(&t->entries[middle].of, of) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct choice *tuning_find(const struct device *d, const struct tuned_class *of)
{
    const struct tuning *t = opencl_tuning(d);
    if (t->forced)
        return t->forced;
    const int64_t i = find(t, of);
    return i < t->nentries && compare(&t->entries[i].of, of) == 0 ? &t->entries[i].choice : NULL;
}

/* Whether a class needs to be known: each launch comes here, and mostly nothing was tuned. */
static int is_asked(const struct device *d)
{
    const struct tuning *t = opencl_tuning(d);
    return t->forced || t->nentries;
}

const struct choice *tuning_of_gemm(const struct device *d, const struct gemm *p)
{
    if (!is_asked(d))
        return NULL;
    const struct tuned_class of = tuned_class_of_gemm(d, p);
    return tuning_find(d, &of);
}

const struct choice *tuning_of_conv(const struct device *d, const struct conv *p)
{
    if (!is_asked(d))
        return NULL;
    const struct tuned_class of = tuned_class_of_conv(d, p);
    return tuning_find(d, &of);
}

/* FNV-1a. */
static uint64_t digest(uint64_t hash, const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3u;
    return hash;
}

static const uint64_t digest_start = 0xcbf29ce484222325u;

/* An entry's class and choice, as they stand in the file. */
static int describe(const struct tuned *e, char *text, size_t size)
{
    return snprintf(text, size, "%s %s %s %d %d %d %d %s %d %d", op_names[e->of.op],
                    gradc_dtype_name(e->of.dtype), math_names[e->of.math], (int)e->of.kind, (int)e->of.m,
                    (int)e->of.n, (int)e->of.k, e->choice.form, (int)e->choice.tile, (int)e->choice.splits);
}

static void renew_digest(struct tuning *t)
{
    t->digest = t->nentries ? digest_start : 0;
    for (int64_t i = 0; i < t->nentries; i++) {
        char line[LINE_BYTES];
        describe(&t->entries[i], line, sizeof line);
        t->digest = digest(t->digest, line, strlen(line) + 1);
    }
}

static int put(struct tuning *t, const struct tuned *entry)
{
    const int64_t i = find(t, &entry->of);
    if (i == t->nentries || compare(&t->entries[i].of, &entry->of) != 0) {
        if (host_grow(&t->entries, &t->capacity, t->nentries + 1, sizeof *t->entries))
            return -1;
        memmove(t->entries + i + 1, t->entries + i, (size_t)(t->nentries - i) * sizeof *t->entries);
        t->nentries++;
    }
    t->entries[i] = *entry;
    return 0;
}

int tuning_put(const struct device *d, const struct tuned *entry)
{
    struct tuning *t = opencl_tuning(d);
    const int failed = put(t, entry);
    renew_digest(t);
    return failed;
}

/* ---- Verdicts ---- */

static struct verdict *verdict_of(const struct tuning *t, enum tuned_op op, gradc_dtype dtype, enum math math,
                                  const char *form)
{
    for (int64_t i = 0; i < t->nverdicts; i++) {
        struct verdict *v = &t->verdicts[i];
        if (v->op == op && v->dtype == dtype && v->math == math && strcmp(v->form, form) == 0)
            return v;
    }
    return NULL;
}

const struct verdict *tuning_verdict(const struct device *d, enum tuned_op op, gradc_dtype dtype, const char *form)
{
    return verdict_of(opencl_tuning(d), op, dtype, d->math, form);
}

static int judge(struct tuning *t, const struct verdict *v)
{
    struct verdict *own = verdict_of(t, v->op, v->dtype, v->math, v->form);
    if (!own) {
        if (host_grow(&t->verdicts, &t->verdicts_capacity, t->nverdicts + 1, sizeof *t->verdicts))
            return -1;
        own = &t->verdicts[t->nverdicts++];
    }
    *own = *v;
    return 0;
}

int tuning_judge(const struct device *d, enum tuned_op op, gradc_dtype dtype, const char *form, int right)
{
    struct verdict v = {.op = op, .dtype = dtype, .math = d->math, .right = right};
    snprintf(v.form, sizeof v.form, "%s", form);
    return judge(opencl_tuning(d), &v);
}

/* ---- The text ----
 *   gradc tuning 1
 *   device PLATFORM|VENDOR|NAME|DRIVER|OPENCL
 *   version 0.2.0
 *   tuned OP DTYPE MATH KIND M N K FORM TILE SPLITS NANOSECONDS NANOSECONDS
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

static void write_lines(const struct device *d, struct lines *l)
{
    const struct tuning *t = opencl_tuning(d);
    char text[DEVICE_BYTES];
    device_line(d, text, sizeof text);
    add(l, "%s\ndevice %s\nversion %s\n", first_line, text, gradc_version());
    for (int64_t i = 0; i < t->nentries; i++) {
        const struct tuned *e = &t->entries[i];
        describe(e, text, sizeof text);
        add(l, "tuned %s %" PRId64 " %" PRId64 "\n", text, (int64_t)(e->before * 1e9), (int64_t)(e->after * 1e9));
    }
    for (int64_t i = 0; i < t->nverdicts; i++) {
        const struct verdict *v = &t->verdicts[i];
        add(l, "verdict %s %s %s %s %d\n", op_names[v->op], gradc_dtype_name(v->dtype), math_names[v->math],
            v->form, (int)v->right);
    }
    if (!l->failed)
        add(l, "sum %016" PRIx64 "\n", digest(digest_start, l->data, (size_t)l->size));
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
    const int numbers[3] = {name_in(names[0], op_names, TUNED_OPS), dtype_named(names[1]),
                            name_in(names[2], math_names, MATHS)};
    *op = (enum tuned_op)numbers[0];
    *dtype = (gradc_dtype)numbers[1];
    *math = (enum math)numbers[2];
    return numbers[0] >= 0 && numbers[1] >= 0 && numbers[2] >= 0;
}

/* 1 if the line is an entry, and one for this device. */
static int read_entry(const struct device *d, const char *line, struct tuned *e)
{
    char names[3][16];
    int numbers[6];
    int64_t times[2];
    memset(e, 0, sizeof *e);
    if (sscanf(line, "tuned %15s %15s %15s %d %d %d %d %15s %d %d %" SCNd64 " %" SCNd64, names[0], names[1],
               names[2], &numbers[0], &numbers[1], &numbers[2], &numbers[3], e->choice.form, &numbers[4],
               &numbers[5], &times[0], &times[1]) != 12 ||
        !read_names(names, &e->of.op, &e->of.dtype, &e->of.math))
        return 0;
    for (int i = 0; i < 4; i++)
        if (numbers[i] < 0 || numbers[i] >= LOG2S)
            return 0;
    if (numbers[4] < -1 || numbers[4] >= TILES || numbers[5] < 1 || numbers[5] > SPLITS_LIMIT ||
        (numbers[4] >= 0 && !opencl_tile_fits(d, numbers[4], e->of.dtype)))
        return 0;
    e->of.kind = numbers[0];
    e->of.m = numbers[1];
    e->of.n = numbers[2];
    e->of.k = numbers[3];
    e->choice.tile = numbers[4];
    e->choice.splits = numbers[5];
    e->before = (double)times[0] * 1e-9;
    e->after = (double)times[1] * 1e-9;
    return 1;
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
    snprintf(want, sizeof want, "sum %016" PRIx64 "\n", digest(digest_start, text, bytes - SUM_LINE));
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

/* Fills t, which is empty.  What a device can't have is a damage too. */
static gradc_status read_lines(const struct device *d, char *text, size_t bytes, struct tuning *t,
                               struct failure *f)
{
    char own[DEVICE_BYTES];
    if (!is_whole(text, bytes))
        return fail(f, GRADC_E_ARG, "it is no tuning store, or it is damaged");
    char *line = next_line(&text), *device = next_line(&text), *version = next_line(&text);
    if (!line || !device || !version || strcmp(line, first_line) != 0 || strncmp(device, "device ", 7) != 0 ||
        strncmp(version, "version ", 8) != 0)
        return fail(f, GRADC_E_ARG, "it is no tuning store of this version");
    device_line(d, own, sizeof own);
    if (strcmp(device + 7, own) != 0)
        return fail(f, GRADC_E_ARG, "it is of another device or driver: \"%s\", and this one is \"%s\"",
                    device + 7, own);
    if (strcmp(version + 8, gradc_version()) != 0)
        return fail(f, GRADC_E_ARG, "it is of version %s of the library, and this one is %s", version + 8,
                    gradc_version());
    while ((line = next_line(&text))) {
        struct tuned e;
        struct verdict v;
        if (strncmp(line, "sum ", 4) == 0)
            break;
        const int failed = read_entry(d, line, &e) ? put(t, &e) : read_verdict(line, &v) ? judge(t, &v) : 1;
        if (failed < 0)
            return fail(f, GRADC_E_MEMORY, "no host memory for a tuning store");
        if (failed)
            return fail(f, GRADC_E_ARG, "its line \"%.200s\" means nothing to this device", line);
    }
    renew_digest(t);
    return GRADC_OK;
}

static void clear(struct tuning *t)
{
    host_free(t->entries);
    host_free(t->verdicts);
    t->entries = NULL;
    t->verdicts = NULL;
    t->nentries = t->capacity = t->nverdicts = t->verdicts_capacity = 0;
    t->digest = 0;
}

/* A failure leaves t as it was. */
static gradc_status read_file(const struct device *d, const char *path, struct tuning *t, struct failure *f)
{
    struct tuning found = {0};
    char *text, reason[128];
    size_t bytes;
    const int code = os_file_read(path, &text, &bytes);
    if (code)
        return fail(f, code == ENOMEM ? GRADC_E_MEMORY : GRADC_E_IO, "%s", os_error(code, reason, sizeof reason));
    const gradc_status status = read_lines(d, text, bytes, &found, f);
    host_free(text);
    if (status) {
        clear(&found);
        return status;
    }
    clear(t);
    found.forced = t->forced;
    memcpy(found.path, t->path, sizeof found.path);
    *t = found;
    return GRADC_OK;
}

/* ---- Files ---- */

gradc_status tuning_open(struct device *d, const char *folder, struct failure *f)
{
    struct tuning *t = opencl_tuning(d);
    struct failure why = {0};
    char text[DEVICE_BYTES];
    device_line(d, text, sizeof text);
    const int n = snprintf(t->path, sizeof t->path, "%s/tuning-%016" PRIx64, folder,
                           digest(digest_start, text, strlen(text)));
    if (!folder[0] || n < 0 || (size_t)n >= sizeof t->path)
        t->path[0] = 0;
    else if (read_file(d, t->path, t, &why) == GRADC_E_MEMORY)
        return fail(f, why.status, "%s", why.text);
    return GRADC_OK;
}

void tuning_close(struct device *d)
{
    clear(opencl_tuning(d));
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
