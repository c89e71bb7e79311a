/* bundle.c - what is to be saved, collected piece by piece. */
#include "io/bundle.h"

#include "base/host.h"
#include "core/op.h"

static void append_text(struct bundle *b, char ***list, int64_t *capacity, int64_t at, const char *text)
{
    if (b->failed || host_grow(list, capacity, at + 1, sizeof **list) != 0 ||
        ((*list)[at] = host_strdup(text)) == NULL)
        b->failed = 1;
}

void bundle_tensor(struct bundle *b, const char *name, gradc_tensor *t)
{
    append_text(b, &b->names, &b->capacity[0], b->n, name);
    if (b->failed)
        return;
    if (host_grow(&b->tensors, &b->capacity[1], b->n + 1, sizeof *b->tensors) != 0) {
        host_free(b->names[b->n]);
        b->failed = 1;
        return;
    }
    b->tensors[b->n++] = t;
}

void bundle_text(struct bundle *b, const char *key, const char *value)
{
    append_text(b, &b->keys, &b->capacity[2], b->nmeta, key);
    if (b->failed)
        return;
    append_text(b, &b->values, &b->capacity[3], b->nmeta, value);
    if (b->failed)
        host_free(b->keys[b->nmeta]);
    else
        b->nmeta++;
}

void bundle_module(struct bundle *b, const gradc_module *m, int nmeta, const char *const *keys,
                   const char *const *values)
{
    for (int i = 0; i < gradc_module_count(m); i++)
        bundle_tensor(b, gradc_module_tensor_name(m, i), gradc_module_tensor(m, i));
    bundle_text(b, "model", gradc_module_option(m, "model"));
    bundle_text(b, "options", gradc_module_option(m, "options"));
    for (int i = 0; i < nmeta; i++)
        bundle_text(b, keys[i], values[i]);
}

gradc_status bundle_save(const struct bundle *b, gradc_context *g, const char *path, const char *what)
{
    if (b->failed)
        return context_fail(g, GRADC_E_MEMORY, "%s: no memory on the host", what);
    return gradc_save(path, (int)b->n, (const char *const *)b->names, b->tensors, (int)b->nmeta,
                      (const char *const *)b->keys, (const char *const *)b->values);
}

void bundle_free(struct bundle *b)
{
    for (int64_t i = 0; i < b->n; i++)
        host_free(b->names[i]);
    for (int64_t i = 0; i < b->nmeta; i++) {
        host_free(b->keys[i]);
        host_free(b->values[i]);
    }
    host_free(b->names);
    host_free(b->tensors);
    host_free(b->keys);
    host_free(b->values);
}
