/* checkpoint.c - saves a training run. */
#include "io/checkpoint.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/host.h"
#include "core/op.h"
#include "io/bundle.h"
#include "io/json.h"
#include "io/module_file.h"
#include "io/tuning.h"

static const struct optim_numbers kinds[] = {
    {"sgd", {"lr", "weight_decay", "momentum", "dampening", "nesterov"}},
    {"adam", {"lr", "weight_decay", "beta1", "beta2", "eps"}},
    {"adamw", {"lr", "weight_decay", "beta1", "beta2", "eps"}},
    {"rmsprop", {"lr", "weight_decay", "alpha", "eps", "momentum", "centered"}},
};

const struct optim_numbers *checkpoint_numbers(const char *kind)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].kind, kind) == 0)
            return &kinds[i];
    return NULL;
}

const char *checkpoint_state_name(const gradc_module *m, const gradc_optim *o, int param, const char *state,
                                  char name[STATE_NAME])
{
    const gradc_tensor *t = gradc_optim_param(o, param);
    for (int i = 0; i < gradc_module_count(m); i++)
        if (gradc_module_tensor(m, i) == t) {
            snprintf(name, STATE_NAME, "optim/%s/%s", state, gradc_module_tensor_name(m, i));
            return name;
        }
    return NULL;
}

/* ---- Pieces of the metadata ---- */

/* Adds the text that was built in j, and frees it. */
static void add_text(struct bundle *b, const char *key, struct json *j)
{
    if (j->failed || host_grow(&j->text, &j->capacity, j->size + 1, 1) != 0) {
        b->failed = 1;
    } else {
        j->text[j->size] = '\0';
        bundle_text(b, key, j->text);
    }
    host_free(j->text);
}

/* "adam lr=0.001 weight_decay=0 ..." */
static void add_numbers(struct bundle *b, const gradc_optim *o)
{
    struct json j = {0};
    const struct optim_numbers *row = checkpoint_numbers(gradc_optim_kind(o));
    json_raw(&j, row->kind);
    for (int k = 0; row->keys[k] != NULL; k++) {
        char number[32];
        json_raw(&j, " ");
        json_raw(&j, row->keys[k]);
        json_raw(&j, "=");
        json_raw(&j, host_number(number, sizeof number, 17, gradc_optim_get(o, row->keys[k])));
    }
    add_text(b, "gradc.optim", &j);
}

static void add_counts(struct bundle *b, const char *key, int n, const int64_t *counts)
{
    struct json j = {0};
    for (int i = 0; i < n; i++) {
        json_raw(&j, i > 0 ? " " : "");
        json_integer(&j, counts[i]);
    }
    add_text(b, key, &j);
}

static void add_updates(struct bundle *b, const gradc_optim *o)
{
    const int n = gradc_optim_count(o);
    int64_t *updates = host_zalloc((size_t)n + 1, sizeof *updates);
    if (updates == NULL) {
        b->failed = 1;
        return;
    }
    for (int i = 0; i < n; i++)
        updates[i] = gradc_optim_updates(o, i);
    add_counts(b, "gradc.updates", n, updates);
    host_free(updates);
}

static gradc_status add_optim(struct bundle *b, gradc_context *g, const gradc_module *m, gradc_optim *o)
{
    char name[STATE_NAME];
    const int64_t steps = gradc_optim_steps(o);
    if (checkpoint_numbers(gradc_optim_kind(o)) == NULL)
        return context_fail(g, GRADC_E_UNSUPPORTED, "checkpoint_save: %s can't be saved", gradc_optim_kind(o));
    for (int i = 0; i < gradc_optim_count(o); i++) {
        if (checkpoint_state_name(m, o, i, "", name) == NULL)
            return context_fail(g, GRADC_E_ARG,
                                "checkpoint_save: parameter %d of the optimiser is none of the module's", i);
        const char *state;
        for (int k = 0; (state = gradc_optim_state_name(o, k)) != NULL; k++) {
            gradc_tensor *t = gradc_optim_state(o, i, state);
            if (t == NULL)
                return gradc_check(g);
            bundle_tensor(b, checkpoint_state_name(m, o, i, state, name), t);
        }
    }
    add_numbers(b, o);
    add_counts(b, "gradc.steps", 1, &steps);
    add_updates(b, o);
    return GRADC_OK;
}

static gradc_status add_loader(struct bundle *b, gradc_context *g, const gradc_loader *l)
{
    int64_t at[3] = {0, 0, gradc_loader_batches(l)};
    if (gradc_loader_state(l, &at[0], &at[1]) != GRADC_OK)
        return context_fail(g, gradc_check(NULL), "checkpoint_save: %s", gradc_message(NULL));
    add_counts(b, "gradc.loader", 3, at);
    return GRADC_OK;
}

static gradc_status add_context(struct bundle *b, gradc_context *g)
{
    uint64_t state[2];
    char text[48], tuning[TUNING_TEXT];
    gradc_status status = gradc_rng_state(g, state);
    if (status != GRADC_OK)
        return status;
    snprintf(text, sizeof text, "%" PRIu64 " %" PRIu64, state[0], state[1]);
    bundle_text(b, "gradc.rng", text);
    tuning_digest(g, tuning);
    bundle_text(b, "gradc.tuning", tuning);
    return GRADC_OK;
}

/* ---- Save ---- */

gradc_status gradc_checkpoint_save(const char *path, gradc_module *m, gradc_optim *o, gradc_loader *l,
                                   int nmeta, const char *const *keys, const char *const *values)
{
    gradc_status status;
    gradc_context *g = module_enter(m, "checkpoint_save", nmeta, keys, values, &status);
    if (g == NULL)
        return status;
    struct bundle b = {0};
    status = gradc_sync(g); /* so that every step is known to be applied, or not */
    bundle_module(&b, m, nmeta, keys, values);
    if (status == GRADC_OK && o != NULL)
        status = add_optim(&b, g, m, o);
    if (status == GRADC_OK && l != NULL)
        status = add_loader(&b, g, l);
    if (status == GRADC_OK)
        status = add_context(&b, g);
    if (status == GRADC_OK)
        status = bundle_save(&b, g, path, "checkpoint_save");
    bundle_free(&b);
    return status;
}
