/* program.h - from the name of a kernel source to a built cl_program, shared by all contexts on a device.
 * Private to device/opencl. */
#ifndef GRADC_OPENCL_PROGRAM_H
#define GRADC_OPENCL_PROGRAM_H

#include <stdatomic.h>

#include "device/opencl/platform.h"

/* What one context has caused. */
struct tally {
    atomic_llong built, loaded; /* from source; from disk */
};

enum { PROGRAM_OPTIONS = 512 };

/* The compiler's options for a call: language, `real`, index_t, the device's, the call's own.
 * GRADC_E_UNSUPPORTED if the device has no f64, or no kernel can have that dtype. */
gradc_status program_options(const struct hardware *h, const struct kernel_call *k,
                             char text[PROGRAM_OPTIONS], struct failure *f);

/* opencl/SOURCE.cl, with `more` (NULL: nothing) in front of it, built with these options: from the table, from disk, or
 * from source; if another thread is building it, waits for that.  It lives as long as h has users.  A build that fails
 * is GRADC_E_DEVICE with the build log. */
gradc_status program_get(struct hardware *h, const char *source, const char *options, const char *more,
                         struct tally *tally, cl_program *out, struct failure *f);

/* Forgets all programs of a device that has no user left. */
void programs_free(struct hardware *h);

#endif
