/* bundle.h - what is to be saved, collected piece by piece: named tensors and metadata.  A failure is remembered. */
#ifndef GRADC_BUNDLE_H
#define GRADC_BUNDLE_H

#include <stdint.h>

#include "base/failure.h"

/* Starts as {0}. */
struct bundle {
    char **names;
    gradc_tensor **tensors;
    char **keys, **values;
    int64_t n, nmeta, capacity[4];
    int failed; /* 1: no memory */
};

void bundle_tensor(struct bundle *b, const char *name, gradc_tensor *t); /* names and texts are copied */
void bundle_text(struct bundle *b, const char *key, const char *value);
void bundle_free(struct bundle *b);

/* The tensors of a module, its model and options, and the caller's pairs. */
void bundle_module(struct bundle *b, const gradc_module *m, int nmeta, const char *const *keys,
                   const char *const *values);

/* Writes it; g is the tensors' context.  what names the call. */
gradc_status bundle_save(const struct bundle *b, gradc_context *g, const char *path, const char *what);

#endif
