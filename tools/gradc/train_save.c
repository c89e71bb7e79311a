/* train_save.c - what a training leaves behind: the model, and the checkpoint from which it can go on. */
#include <stdlib.h>

#include "train.h"

enum { KEYS = 12 };

struct metadata {
    int n;
    const char *keys[KEYS], *values[KEYS];
    char accuracy[32], seconds[32], scaler[80];
};

static void add(struct metadata *m, const char *key, const char *value)
{
    m->keys[m->n] = key;
    m->values[m->n++] = value;
}

/* What everyone who uses the model must know. */
static void describe(const struct training *t, struct metadata *m)
{
    m->n = 0;
    add(m, "library", gradc_version());
    add(m, "data", t->o.data);
    add(m, "classes", t->classes);
    add(m, "mean", t->input.mean);
    add(m, "std", t->input.std);
    add(m, "resize", t->input.resize);
    if (t->accuracy < 0)
        return;
    snprintf(m->accuracy, sizeof m->accuracy, "%.4f", t->accuracy);
    add(m, "test_accuracy", m->accuracy);
}

int save_model(const struct training *t)
{
    struct metadata m;
    describe(t, &m);
    if (gradc_module_save(t->module, t->o.save, m.n, m.keys, m.values) != GRADC_OK)
        return tool_failed(t->g, "");
    printf("saved %s\n", t->o.save);
    return TOOL_OK;
}

int save_checkpoint(struct training *t, const char *path)
{
    struct metadata m;
    char *words = train_options_write(t), *history = history_write(&t->history);
    gradc_status status = GRADC_E_MEMORY;
    if (t->losses != NULL)
        fflush(t->losses); /* so that it holds what the checkpoint knows */
    if (words != NULL && history != NULL) {
        describe(t, &m);
        snprintf(m.seconds, sizeof m.seconds, "%.3f", t->seconds + now() - t->started);
        add(&m, "gradc.train", words);
        add(&m, "gradc.train.seconds", m.seconds);
        if (t->scaler != NULL) {
            snprintf(m.scaler, sizeof m.scaler, "%.17g %.17g %.17g", gradc_scaler_get(t->scaler, "scale"),
                     gradc_scaler_get(t->scaler, "growth_tracker"), (double)t->step);
            add(&m, "gradc.train.scaler", m.scaler);
        }
        add(&m, "gradc.train.history", history);
        status = gradc_checkpoint_save(path, t->module, t->optim, t->loader, m.n, m.keys, m.values);
    } else {
        tool_no_memory();
    }
    free(words);
    free(history);
    if (status == GRADC_OK)
        return TOOL_OK;
    return status == GRADC_E_MEMORY && gradc_check(t->g) == GRADC_OK ? TOOL_FAILED : tool_failed(t->g, "");
}

/* The scaler's state, and the step, which runs ahead of the optimiser's where steps were left out. */
static int load_scaler(struct training *t)
{
    const char *text = gradc_file_metadata(t->from, "gradc.train.scaler");
    if (t->scaler == NULL || text == NULL)
        return TOOL_OK;
    double numbers[3];
    for (int i = 0; i < 3; i++) {
        char *end;
        numbers[i] = strtod(text, &end);
        text = end;
    }
    gradc_scaler_set(t->scaler, "scale", numbers[0]);
    gradc_scaler_set(t->scaler, "growth_tracker", numbers[1]);
    t->step = (int64_t)numbers[2];
    return gradc_check(t->g) == GRADC_OK && t->step >= 0 ? TOOL_OK : tool_failed(t->g, "--resume");
}

int load_checkpoint(struct training *t)
{
    if (t->from == NULL)
        return TOOL_OK;
    const char *seconds = gradc_file_metadata(t->from, "gradc.train.seconds");
    const char *history = gradc_file_metadata(t->from, "gradc.train.history");
    const char *accuracy = gradc_file_metadata(t->from, "test_accuracy");
    if (gradc_checkpoint_load(t->o.resume, t->module, t->optim, t->loader) != GRADC_OK)
        return tool_failed(t->g, "--resume");
    if (seconds == NULL || history == NULL || history_read(&t->history, history) != TOOL_OK) {
        fprintf(stderr, "gradc: %s does not say where its training was\n", t->o.resume);
        return TOOL_FAILED;
    }
    t->step = gradc_optim_steps(t->optim);
    t->seconds = strtod(seconds, NULL);
    if (load_scaler(t) != TOOL_OK)
        return TOOL_FAILED;
    t->point_step = t->step;
    if (accuracy != NULL)
        t->accuracy = strtod(accuracy, NULL);
    return TOOL_OK;
}
