/* module_file.h - a module's tensors and a file's: which goes where, and the copy. */
#ifndef GRADC_MODULE_FILE_H
#define GRADC_MODULE_FILE_H

#include "io/safetensors.h"

/* The context of m, entered for the call `what`; NULL with the status, m NULL or nmeta pairs that are none too. */
gradc_context *module_enter(const gradc_module *m, const char *what, int nmeta, const char *const *keys,
                            const char *const *values, gradc_status *status);

/* at[i], gradc_module_count of them: the number of the module's i-th tensor in the file; all must be there and fit.
 * partial: -1 where it does not, and that is logged; one at least must. */
gradc_status module_match(const gradc_module *m, const gradc_file *file, int partial, int *at, struct failure *f);

/* Copies what was matched; a failure is the context's. */
gradc_status module_copy(gradc_module *m, const gradc_file *file, const int *at);

#endif
