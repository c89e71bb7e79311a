/* text.h - a program's text: prelude.cl and NAME.cl, with its includes.  Private to device/opencl. */
#ifndef GRADC_OPENCL_TEXT_H
#define GRADC_OPENCL_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "base/failure.h"

enum { TEXT_INCLUDES = 32 };

/* A text that grows; after a failure further additions do nothing, so that one check at the end is enough. */
struct text {
    char *data; /* ended by NUL once something was added; host_free'd by the owner */
    int64_t size, capacity;
    int failed;
    int nincluded;
    const char *included[TEXT_INCLUDES]; /* names of the sources that are in it through #include */
};

void text_add(struct text *t, const char *more);

/* Adds prelude.cl, `more` (a chain's text) behind steps.cl, or NULL for neither, and SOURCE.cl, every
 * #include "OTHER.cl"  line (or "OTHER.def") replaced by that source at its first mention.
 * GRADC_E_UNSUPPORTED for a source that was not embedded. */
gradc_status text_program(struct text *t, const char *source, const char *more, struct failure *f);

#endif
