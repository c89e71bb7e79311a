/* tuning.c - the store of what a device was tuned to: classes of problems, entries, verdicts, the digest.  Its text is
 * in tuning_file.c. */
#include "device/opencl/tuning.h"

#include <stdio.h>
#include <string.h>

#include "base/host.h"

const char *const tuned_op_names[TUNED_OPS] = {"gemm", "forward", "input", "weight"};

enum { LINE_BYTES = 256 };

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
static int64_t find(const struct tuned_list *l, const struct tuned_class *of)
{
    int64_t low = 0, high = l->n;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (compare(&l->at[middle].of, of) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static const struct choice *choice_in(const struct tuned_list *l, const struct tuned_class *of)
{
    const int64_t i = find(l, of);
    return i < l->n && compare(&l->at[i].of, of) == 0 ? &l->at[i].choice : NULL;
}

const struct choice *tuning_find(const struct device *d, const struct tuned_class *of)
{
    const struct tuning *t = opencl_tuning(d);
    return t->forced ? t->forced : choice_in(&t->entries, of);
}

const struct choice *tuning_tile(const struct device *d, const struct tuned_class *of)
{
    const struct choice *entry = tuning_find(d, of);
    return entry ? entry : choice_in(&opencl_tuning(d)->tiles, of);
}

/* Whether a class needs to be known: each launch comes here, and mostly nothing was tuned. */
static int is_asked(const struct device *d)
{
    const struct tuning *t = opencl_tuning(d);
    return t->forced || t->entries.n;
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

const struct choice *tuning_tile_of_gemm(const struct device *d, const struct gemm *p)
{
    if (!is_asked(d) && !opencl_tuning(d)->tiles.n)
        return NULL;
    const struct tuned_class of = tuned_class_of_gemm(d, p);
    return tuning_tile(d, &of);
}

const struct choice *tuning_tile_of_conv(const struct device *d, const struct conv *p)
{
    if (!is_asked(d) && !opencl_tuning(d)->tiles.n)
        return NULL;
    const struct tuned_class of = tuned_class_of_conv(d, p);
    return tuning_tile(d, &of);
}

/* FNV-1a. */
uint64_t tuning_hash(uint64_t before, const char *text, size_t bytes)
{
    uint64_t hash = before ? before : 0xcbf29ce484222325u;
    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3u;
    return hash;
}

int tuned_describe(const struct tuned *e, char *text, size_t size)
{
    return snprintf(text, size, "%s %s %s %d %d %d %d %s %d %d", tuned_op_names[e->of.op],
                    gradc_dtype_name(e->of.dtype), math_names[e->of.math], (int)e->of.kind, (int)e->of.m,
                    (int)e->of.n, (int)e->of.k, e->choice.form, (int)e->choice.tile, (int)e->choice.splits);
}

void tuning_renew_digest(struct tuning *t)
{
    t->digest = 0;
    for (int64_t i = 0; i < t->entries.n; i++) {
        char line[LINE_BYTES];
        tuned_describe(&t->entries.at[i], line, sizeof line);
        t->digest = tuning_hash(t->digest, line, strlen(line) + 1);
    }
}

int tuned_put(struct tuned_list *l, const struct tuned *entry)
{
    const int64_t i = find(l, &entry->of);
    if (i == l->n || compare(&l->at[i].of, &entry->of) != 0) {
        if (host_grow(&l->at, &l->capacity, l->n + 1, sizeof *l->at))
            return -1;
        memmove(l->at + i + 1, l->at + i, (size_t)(l->n - i) * sizeof *l->at);
        l->n++;
    }
    l->at[i] = *entry;
    return 0;
}

int tuning_put(const struct device *d, const struct tuned *entry)
{
    struct tuning *t = opencl_tuning(d);
    const int failed = tuned_put(&t->entries, entry);
    tuning_renew_digest(t);
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

int tuning_take_verdict(struct tuning *t, const struct verdict *v)
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
    return tuning_take_verdict(opencl_tuning(d), &v);
}

void tuning_clear(struct tuning *t)
{
    host_free(t->entries.at);
    host_free(t->tiles.at);
    host_free(t->verdicts);
    t->entries = t->tiles = (struct tuned_list){0};
    t->verdicts = NULL;
    t->nverdicts = t->verdicts_capacity = 0;
    t->digest = 0;
}
