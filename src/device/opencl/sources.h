/* sources.h - the kernel sources in opencl/ and the tuning stores in opencl/tuned/, embedded by scripts/embed.sh. */
#ifndef GRADC_SOURCES_H
#define GRADC_SOURCES_H

#include <stddef.h>

struct source {
    const char *name;         /* basename of opencl/NAME.cl, or elementwise.def */
    const char *const *lines; /* each with its newline, ended by NULL */
};

/* Ended by a NULL name. */
extern const struct source source_list[];

/* Of devices that were measured (tuning.h), ended likewise; name: of opencl/tuned/NAME.txt. */
extern const struct source shipped_stores[];

#endif
