/* queue.h - the OpenCL device of one context: an in-order queue, a second one for uploads, stages, kernels.
 * Private to device/opencl. */
#ifndef GRADC_OPENCL_QUEUE_H
#define GRADC_OPENCL_QUEUE_H

#include "device/opencl/platform.h"
#include "device/opencl/program.h"

enum { STAGES = 4 };

/* Where writes wait for their way (upload.c). */
struct stage {
    cl_mem pinned, device; /* made at first use */
    char *memory;          /* pinned, as the host sees it */
    size_t bytes, used;
    cl_event done; /* all its copies are over; NULL: it is the current one, or was not used since */
};

struct kernel;
struct tuning;

struct opencl_device {
    struct device base;
    struct hardware *hardware;
    cl_command_queue queue, uploads; /* uploads: made at the first large write */
    struct stage stages[STAGES];
    int stage;             /* the current one */
    struct kernel **slots; /* hash table, open addressing; capacity is a power of two, or 0 */
    int64_t nkernels, capacity;
    struct kernel **noted; /* by prepare, in its order */
    int64_t nnoted, noted_capacity;
    struct tally tally;
    struct tuning *tuning;
};

/* As opencl_refused; an error after which the context will not work again marks the device. */
gradc_status queue_refused(struct opencl_device *d, struct failure *f, cl_int code, const char *call,
                           const char *about);

/* GRADC_E_DEVICE if the device is marked. */
gradc_status queue_check(const struct opencl_device *d, struct failure *f);

/* ---- queue.c, upload.c: what struct device_table says of them ---- */

gradc_status queue_slab_new(struct device *d, size_t bytes, struct slab **out, struct failure *f);
void queue_slab_free(struct device *d, struct slab *s);
gradc_status queue_write(struct device *d, struct place to, const void *src, size_t bytes, struct failure *f);
gradc_status queue_read(struct device *d, void *dst, struct place from, size_t bytes, struct failure *f);
gradc_status queue_zero(struct device *d, struct place to, size_t bytes, struct failure *f);
gradc_status queue_repeat(struct device *d, struct slab *s, size_t first,
                          struct failure *f); /* its first bytes, to its end */
gradc_status queue_flush(struct device *d, struct failure *f);
gradc_status queue_finish(struct device *d, struct failure *f);

/* Waits for the copies, then frees the stages. */
void queue_stages_free(struct opencl_device *d);

/* ---- kernels.c: the same ---- */

gradc_status kernels_prepare(struct device *d, const struct kernel_call *k, struct failure *f);
gradc_status kernels_prepared(struct device *d, struct failure *f);
/* What is noted waits while something else is prepared, built and run between the two calls, and counts no calls. */
struct noted {
    struct kernel **kernels;
    int64_t n, capacity, calls;
};
void kernels_set_aside(struct device *d, struct noted *outer);
void kernels_take_back(struct device *d, const struct noted *outer);

gradc_status kernels_launch(struct device *d, const struct kernel_call *k, struct failure *f);
void kernels_free(struct opencl_device *d);

#endif
