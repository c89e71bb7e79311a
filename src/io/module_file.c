/* module_file.c - modules to and from safetensors files. */
#include "io/module_file.h"

#include "base/host.h"
#include "core/context.h"
#include "io/bundle.h"

gradc_context *module_enter(const gradc_module *m, const char *what, int nmeta, const char *const *keys,
                            const char *const *values, gradc_status *status)
{
    gradc_context *g = gradc_context_of(gradc_module_tensor(m, 0));
    if (m == NULL || g == NULL) {
        *status = fail_thread(GRADC_E_ARG, "%s: %s", what,
                              m == NULL ? "the module is NULL" : "its context is closed");
        return NULL;
    }
    *status = context_enter(g, what);
    int bad = nmeta < 0 || (nmeta > 0 && (keys == NULL || values == NULL));
    for (int i = 0; !bad && i < nmeta; i++)
        bad = keys[i] == NULL || values[i] == NULL;
    if (*status == GRADC_OK && bad)
        *status = context_fail(g, GRADC_E_ARG, "%s: the metadata have a negative count or a NULL", what);
    return *status == GRADC_OK ? g : NULL;
}

gradc_status gradc_module_save(gradc_module *m, const char *path, int nmeta, const char *const *keys,
                               const char *const *values)
{
    gradc_status status;
    gradc_context *g = module_enter(m, "module_save", nmeta, keys, values, &status);
    if (g == NULL)
        return status;
    struct bundle b = {0};
    bundle_module(&b, m, nmeta, keys, values);
    status = bundle_save(&b, g, path, "module_save");
    bundle_free(&b);
    return status;
}

/* ---- Load ---- */

/* The number of tensor i in the file, or -1 with the reason. */
static int match_one(const gradc_module *m, const gradc_file *file, int i, struct failure *f)
{
    const char *name = gradc_module_tensor_name(m, i);
    int found = gradc_file_find(file, name);
    if (found < 0)
        fail(f, GRADC_E_IO, "%s has no tensor \"%s\"", file->path, name);
    else if (safetensors_fits(file, found, tensor_of(gradc_module_tensor(m, i)), f) != GRADC_OK)
        found = -1;
    return found;
}

gradc_status module_match(const gradc_module *m, const gradc_file *file, int partial, int *at, struct failure *f)
{
    int taken = 0;
    for (int i = 0; i < gradc_module_count(m); i++) {
        struct failure why;
        failure_clear(&why);
        at[i] = match_one(m, file, i, &why);
        taken += at[i] >= 0;
        if (at[i] < 0 && !partial)
            return fail(f, why.status, "%s", why.text);
        if (at[i] < 0)
            host_log("module_load: %s stays as it is: %s", gradc_module_tensor_name(m, i), why.text);
    }
    if (taken == 0)
        return fail(f, GRADC_E_IO, "%s has no tensor that fits the model \"%s\"", file->path,
                    gradc_module_option(m, "model"));
    return GRADC_OK;
}

gradc_status module_copy(gradc_module *m, const gradc_file *file, const int *at)
{
    gradc_status status = GRADC_OK;
    for (int i = 0; i < gradc_module_count(m) && status == GRADC_OK; i++)
        if (at[i] >= 0)
            status = gradc_file_read(file, at[i], gradc_module_tensor(m, i));
    return status;
}

static gradc_status load(gradc_module *m, const gradc_file *file, int partial, gradc_context *g, const char *what)
{
    struct failure f = {0};
    int *at = host_zalloc((size_t)gradc_module_count(m) + 1, sizeof *at);
    if (at == NULL)
        return context_no_memory(g, what);
    gradc_status status = module_match(m, file, partial, at, &f);
    status = status == GRADC_OK ? module_copy(m, file, at) : context_fail(g, status, "%s: %s", what, f.text);
    host_free(at);
    return status;
}

gradc_status gradc_module_load(gradc_module *m, const char *path, int partial)
{
    struct failure f = {0};
    gradc_status status;
    gradc_context *g = module_enter(m, "module_load", 0, NULL, NULL, &status);
    if (g == NULL)
        return status;
    gradc_file *file = safetensors_open(path, &f);
    if (file == NULL)
        return context_fail(g, f.status, "module_load: %s", f.text);
    status = load(m, file, partial, g, "module_load");
    gradc_file_close(file);
    return status;
}

/* ---- Open ---- */

static gradc_module *open_file(gradc_context *g, const gradc_file *file)
{
    const char *model = gradc_file_metadata(file, "model");
    if (model == NULL) {
        context_fail(g, GRADC_E_IO, "module_open: %s does not name its model", file->path);
        return NULL;
    }
    gradc_module *m = gradc_model(g, model, gradc_file_metadata(file, "options"));
    if (m == NULL)
        return NULL;
    gradc_status status = load(m, file, 0, g, "module_open");
    if (status == GRADC_OK)
        status = gradc_module_train(m, 0);
    if (status == GRADC_OK)
        return m;
    gradc_module_free(m);
    return NULL;
}

gradc_module *gradc_module_open(gradc_context *g, const char *path)
{
    struct failure f = {0};
    if (g == NULL || context_enter(g, "module_open") != GRADC_OK)
        return NULL;
    gradc_file *file = safetensors_open(path, &f);
    if (file == NULL) {
        context_fail(g, f.status, "module_open: %s", f.text);
        return NULL;
    }
    gradc_module *m = open_file(g, file);
    gradc_file_close(file);
    return m;
}
