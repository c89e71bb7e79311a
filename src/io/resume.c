/* resume.c - goes on from a checkpoint: everything is checked before anything is changed. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/host.h"
#include "base/options.h"
#include "core/op.h"
#include "io/checkpoint.h"
#include "io/module_file.h"
#include "io/tuning.h"

struct resume {
    gradc_context *g;
    gradc_module *m;
    gradc_optim *o;
    gradc_loader *l;
    const gradc_file *file;
    struct failure f;
    const struct optim_numbers *numbers; /* NULL without an optimiser */
    int nkeys;
    double before[OPTIM_KEYS], after[OPTIM_KEYS]; /* the optimiser's numbers */
    int *module_at, *state_at;                    /* tensors of the file */
    int64_t *updates, steps;
    uint64_t rng[2];
    int64_t loader[2];
};

static const char *metadata(struct resume *r, const char *key)
{
    const char *value = gradc_file_metadata(r->file, key);
    if (value == NULL)
        fail(&r->f, GRADC_E_IO, "%s has no metadata %s", r->file->path, key);
    return value;
}

/* Reads exactly n whole numbers, none above most, with a space between them. */
static gradc_status read_counts(struct resume *r, const char *key, uint64_t most, int n, uint64_t *counts)
{
    const char *text = metadata(r, key);
    int good = text != NULL;
    for (int i = 0; good && i < n; i++) {
        const char *start = text += i > 0 && *text == ' ';
        for (counts[i] = 0; good && *text >= '0' && *text <= '9'; text++) {
            const unsigned digit = (unsigned)(*text - '0');
            good = counts[i] <= (most - digit) / 10;
            counts[i] = 10 * counts[i] + digit;
        }
        good = good && text > start && (i == n - 1 ? *text == '\0' : *text == ' ');
    }
    return good ? GRADC_OK : fail(&r->f, GRADC_E_IO, "%s: %s is not %d whole numbers", r->file->path, key, n);
}

/* ---- The checks ---- */

static gradc_status check_model(struct resume *r)
{
    static const char *const keys[] = {"model", "options"};
    for (int k = 0; k < 2; k++) {
        const char *saved = metadata(r, keys[k]), *own = gradc_module_option(r->m, keys[k]);
        char label[SAFETENSORS_LABEL];
        if (saved == NULL)
            return r->f.status;
        if (strcmp(saved, own != NULL ? own : "") != 0)
            return fail(&r->f, GRADC_E_ARG, "%s was saved with %s %s, the module has \"%s\"", r->file->path,
                        keys[k], safetensors_label(label, saved), own != NULL ? own : "");
    }
    return module_match(r->m, r->file, 0, r->module_at, &r->f);
}

/* The kind, which must be the optimiser's, and its numbers. */
static gradc_status check_numbers(struct resume *r)
{
    struct option table[OPTIM_KEYS];
    char kind[OPTION_TEXT] = "";
    const char *text = metadata(r, "gradc.optim");
    if (text == NULL)
        return r->f.status;
    r->numbers = checkpoint_numbers(gradc_optim_kind(r->o));
    if (r->numbers == NULL)
        return fail(&r->f, GRADC_E_UNSUPPORTED, "%s can't be resumed", gradc_optim_kind(r->o));
    for (; r->numbers->keys[r->nkeys] != NULL; r->nkeys++) {
        const int k = r->nkeys;
        table[k] = (struct option){r->numbers->keys[k], OPTION_REAL, (size_t)k * sizeof(double), -1e300, 1e300};
        r->before[k] = gradc_optim_get(r->o, r->numbers->keys[k]);
        r->after[k] = (double)NAN;
    }
    const size_t length = strcspn(text, " ");
    if (length != strlen(r->numbers->kind) || memcmp(text, r->numbers->kind, length) != 0)
        return fail(&r->f, GRADC_E_ARG, "%s was saved with the optimiser %.*s, not %s", r->file->path,
                    length > 40 ? 40 : (int)length, text, r->numbers->kind);
    struct failure why = {0};
    if (options_read("gradc.optim", text, table, r->nkeys, r->after, kind, &why) != GRADC_OK)
        return fail(&r->f, GRADC_E_IO, "%s: %s", r->file->path, why.text);
    for (int k = 0; k < r->nkeys; k++)
        if (isnan(r->after[k]))
            return fail(&r->f, GRADC_E_IO, "%s: gradc.optim has no %s", r->file->path, r->numbers->keys[k]);
    return GRADC_OK;
}

/* The optimiser has the file's numbers by now, which decide the states that it needs.  They are made behind all checks,
 * for a new one counts anew; each has its parameter's shape and dtype. */
static gradc_status check_states(struct resume *r)
{
    const char *state;
    char name[STATE_NAME];
    int n = 0;
    for (int i = 0; i < gradc_optim_count(r->o); i++) {
        const struct tensor *t = tensor_of(gradc_optim_param(r->o, i));
        for (int k = 0; (state = gradc_optim_state_name(r->o, k)) != NULL; k++, n++) {
            r->state_at[n] = gradc_file_find(r->file, checkpoint_state_name(r->m, r->o, i, state, name));
            if (r->state_at[n] < 0)
                return fail(&r->f, GRADC_E_IO, "%s has no tensor \"%s\"", r->file->path, name);
            if (safetensors_fits(r->file, r->state_at[n], t, &r->f) != GRADC_OK)
                return r->f.status;
        }
    }
    for (int i = 0; i < gradc_optim_count(r->o); i++)
        for (int k = 0; (state = gradc_optim_state_name(r->o, k)) != NULL; k++)
            if (gradc_optim_state(r->o, i, state) == NULL)
                return fail(&r->f, gradc_check(r->g), "%s", gradc_message(r->g));
    return GRADC_OK;
}

/* What the optimiser counts; a parameter more or less, and another set was trained. */
static gradc_status check_parameters(struct resume *r)
{
    const int n = gradc_optim_count(r->o);
    char name[STATE_NAME];
    uint64_t steps;
    for (int i = 0; i < n; i++)
        if (checkpoint_state_name(r->m, r->o, i, "", name) == NULL)
            return fail(&r->f, GRADC_E_ARG, "parameter %d of the optimiser is none of the module's", i);
    if (read_counts(r, "gradc.steps", INT64_MAX, 1, &steps) != GRADC_OK)
        return r->f.status;
    r->steps = (int64_t)steps;
    const char *text = metadata(r, "gradc.updates");
    int saved = text != NULL && *text != '\0';
    for (; text != NULL && *text != '\0'; text++)
        saved += *text == ' ';
    if (text != NULL && saved != n)
        return fail(&r->f, GRADC_E_ARG, "%s was saved with %d parameters in the optimiser, not %d",
                    r->file->path, saved, n);
    return read_counts(r, "gradc.updates", INT64_MAX, n, (uint64_t *)r->updates);
}

static gradc_status check_loader(struct resume *r)
{
    uint64_t at[3];
    if (read_counts(r, "gradc.loader", INT64_MAX, 3, at) != GRADC_OK)
        return r->f.status;
    if ((int64_t)at[2] != gradc_loader_batches(r->l))
        return fail(&r->f, GRADC_E_ARG, "%s was saved with %" PRIu64 " batches an epoch, the loader has %" PRId64,
                    r->file->path, at[2], gradc_loader_batches(r->l));
    if (at[1] > at[2])
        return fail(&r->f, GRADC_E_IO, "%s: gradc.loader lies behind the end of the epoch", r->file->path);
    r->loader[0] = (int64_t)at[0];
    r->loader[1] = (int64_t)at[1];
    return GRADC_OK;
}

static gradc_status check(struct resume *r)
{
    gradc_status status = check_model(r);
    if (status == GRADC_OK)
        status = read_counts(r, "gradc.rng", UINT64_MAX, 2, r->rng);
    if (status == GRADC_OK && metadata(r, "gradc.tuning") == NULL)
        status = r->f.status;
    if (status == GRADC_OK && r->l != NULL)
        status = check_loader(r);
    if (status == GRADC_OK && r->o != NULL)
        status = check_parameters(r);
    if (status == GRADC_OK && r->o != NULL)
        status = check_numbers(r);
    return status;
}

/* ---- The change ---- */

/* The last number, nesterov, asks for others: 0 goes with all of them. */
static gradc_status set_numbers(struct resume *r, const double *values)
{
    gradc_status status = strcmp(r->numbers->kind, "sgd") == 0 ? gradc_optim_set(r->o, "nesterov", 0) : GRADC_OK;
    for (int k = 0; k < r->nkeys && status == GRADC_OK; k++)
        status = gradc_optim_set(r->o, r->numbers->keys[k], values[k]);
    return status;
}

static gradc_status copy_states(struct resume *r)
{
    const char *state;
    gradc_status status = GRADC_OK;
    int n = 0;
    for (int i = 0; i < gradc_optim_count(r->o); i++)
        for (int k = 0; status == GRADC_OK && (state = gradc_optim_state_name(r->o, k)) != NULL; k++, n++)
            status = gradc_file_read(r->file, r->state_at[n], gradc_optim_state(r->o, i, state));
    return status == GRADC_OK ? gradc_optim_restore(r->o, r->steps, r->updates) : status;
}

static gradc_status change(struct resume *r)
{
    gradc_status status = module_copy(r->m, r->file, r->module_at);
    if (status == GRADC_OK && r->o != NULL)
        status = copy_states(r);
    if (status == GRADC_OK)
        status = gradc_set_rng_state(r->g, r->rng);
    return status;
}

/* Numbers, and the loader's place, are refused by those that own them: they come first, and the numbers go back. */
static gradc_status try_numbers(struct resume *r)
{
    gradc_status status = r->o != NULL ? set_numbers(r, r->after) : GRADC_OK;
    if (status != GRADC_OK)
        fail(&r->f, status, "%s: %s", r->file->path, gradc_message(r->g));
    else if (r->o != NULL)
        status = check_states(r);
    if (status == GRADC_OK && r->l != NULL && gradc_loader_seek(r->l, r->loader[0], r->loader[1]) != GRADC_OK)
        status = fail(&r->f, gradc_check(NULL), "%s", gradc_message(NULL));
    if (status == GRADC_OK || r->o == NULL)
        return status;
    gradc_recover(r->g);
    set_numbers(r, r->before);
    return status;
}

static void compare_tuning(const struct resume *r)
{
    char own[TUNING_TEXT];
    const char *saved = gradc_file_metadata(r->file, "gradc.tuning");
    tuning_digest(r->g, own);
    if (strcmp(saved, own) != 0)
        host_log("checkpoint_load: %s was saved on another device, by another library or with other settings; the run "
                 "goes on, with other bits",
                 r->file->path);
}

static gradc_status resume(struct resume *r)
{
    const size_t params = r->o != NULL ? (size_t)gradc_optim_count(r->o) : 0;
    r->module_at = host_zalloc((size_t)gradc_module_count(r->m) + 1, sizeof *r->module_at);
    r->state_at = host_zalloc(params * OPTIM_KEYS + 1, sizeof *r->state_at);
    r->updates = host_zalloc(params + 1, sizeof *r->updates);
    gradc_status status = r->module_at != NULL && r->state_at != NULL && r->updates != NULL
                              ? check(r)
                              : fail(&r->f, GRADC_E_MEMORY, "no memory on the host");
    if (status == GRADC_OK)
        status = try_numbers(r);
    if (status == GRADC_OK)
        compare_tuning(r);
    status = status == GRADC_OK ? change(r) : context_fail(r->g, status, "checkpoint_load: %s", r->f.text);
    host_free(r->module_at);
    host_free(r->state_at);
    host_free(r->updates);
    return status;
}

gradc_status gradc_checkpoint_load(const char *path, gradc_module *m, gradc_optim *o, gradc_loader *l)
{
    gradc_status status;
    struct resume r = {.m = m, .o = o, .l = l};
    r.g = module_enter(m, "checkpoint_load", 0, NULL, NULL, &status);
    if (r.g == NULL)
        return status;
    gradc_file *file = safetensors_open(path, &r.f);
    if (file == NULL)
        return context_fail(r.g, r.f.status, "checkpoint_load: %s", r.f.text);
    r.file = file;
    status = resume(&r);
    gradc_file_close(file);
    return status;
}
