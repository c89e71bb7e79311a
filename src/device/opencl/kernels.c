/* kernels.c - the kernels of one context: found by source, name, dtype and options, built when needed,
 * launched.
 *
 * A cl_kernel holds its arguments, so it belongs to one context; the program behind it is shared
 * (program.c). */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/host.h"
#include "base/os.h"
#include "device/opencl/queue.h"

enum { BUILDERS = 8 };

/* A scalar argument as it was last given to the driver. */
struct given {
    size_t size; /* 0: none yet */
    union {
        int32_t i32;
        int64_t i64;
        float f32;
        double f64;
        uint64_t bits;
    } value;
};

struct kernel {
    uint64_t hash;
    gradc_dtype real;
    int wide, noted;
    cl_kernel object;                           /* NULL: not built yet */
    const char *source, *name, *options, *text; /* text may be NULL */
    struct given given[KERNEL_ARGS];
    char bytes[]; /* of these */
};

static struct opencl_device *of(struct device *d)
{
    return (struct opencl_device *)d;
}

/* "softmax/softmax_rows", for messages. */
enum { LABEL = 128 };

static const char *label(const struct kernel *a, char text[LABEL])
{
    snprintf(text, LABEL, "%s/%s", a->source, a->name);
    return text;
}

/* ---- The table ---- */

static uint64_t hash_call(const struct kernel_call *k)
{
    uint64_t h = (uint64_t)k->real * 2 + (k->wide != 0) + k->text_hash;
    h = (h ^ kernel_hash(k->source)) * 0x9fb21c651e98df25u;
    h = (h ^ kernel_hash(k->kernel) ^ h >> 29) * 0x9fb21c651e98df25u;
    h = (h ^ kernel_hash(k->options) ^ h >> 29) * 0xff51afd7ed558ccdu;
    return h ^ (h >> 32);
}

static int same_text(const char *x, const char *y)
{
    return x && y ? strcmp(x, y) == 0 : x == y;
}

static int same(const struct kernel *a, const struct kernel_call *k, uint64_t hash)
{
    return a->hash == hash && a->real == k->real && a->wide == (k->wide != 0) &&
           strcmp(a->name, k->kernel) == 0 && strcmp(a->source, k->source) == 0 &&
           strcmp(a->options, k->options) == 0 && same_text(a->text, k->text);
}

/* The slot of the call's kernel, or the free one where it would go.  The table is never full. */
static struct kernel **find_slot(struct opencl_device *d, const struct kernel_call *k, uint64_t hash)
{
    int64_t mask = d->capacity - 1;
    int64_t i = (int64_t)(hash & (uint64_t)mask);
    while (d->slots[i] && !same(d->slots[i], k, hash))
        i = (i + 1) & mask;
    return &d->slots[i];
}

/* Keeps at least half of the table free. */
static int make_room(struct opencl_device *d)
{
    if (d->capacity && d->nkernels < d->capacity / 2)
        return 0;
    int64_t capacity = d->capacity ? 2 * d->capacity : 128;
    struct kernel **slots = host_zalloc((size_t)capacity, sizeof *slots);
    if (!slots)
        return -1;
    for (int64_t i = 0; i < d->capacity; i++) {
        if (!d->slots[i])
            continue;
        int64_t to = (int64_t)(d->slots[i]->hash & (uint64_t)(capacity - 1));
        while (slots[to])
            to = (to + 1) & (capacity - 1);
        slots[to] = d->slots[i];
    }
    host_free(d->slots);
    d->slots = slots;
    d->capacity = capacity;
    return 0;
}

static struct kernel *kernel_new(const struct kernel_call *k, uint64_t hash)
{
    size_t source = strlen(k->source) + 1, name = strlen(k->kernel) + 1, options = strlen(k->options) + 1;
    size_t text = k->text ? strlen(k->text) + 1 : 0;
    struct kernel *a = host_zalloc(1, sizeof *a + source + name + options + text);
    if (!a)
        return NULL;
    a->hash = hash;
    a->real = k->real;
    a->wide = k->wide != 0;
    a->source = memcpy(a->bytes, k->source, source);
    a->name = memcpy(a->bytes + source, k->kernel, name);
    a->options = memcpy(a->bytes + source + name, k->options, options);
    a->text = k->text ? memcpy(a->bytes + source + name + options, k->text, text) : NULL;
    return a;
}

/* The call's kernel, built or not. */
static gradc_status kernel_of(struct opencl_device *d, const struct kernel_call *k, struct kernel **out,
                              struct failure *f)
{
    uint64_t hash = hash_call(k);
    if (k->nargs > KERNEL_ARGS)
        return fail(f, GRADC_E_UNSUPPORTED, "kernel %s/%s: too many arguments or options", k->source, k->kernel);
    *out = d->capacity ? *find_slot(d, k, hash) : NULL;
    if (*out)
        return GRADC_OK;
    if (make_room(d) == 0)
        *out = kernel_new(k, hash);
    if (!*out)
        return fail(f, GRADC_E_MEMORY, "no host memory for the kernel %s/%s", k->source, k->kernel);
    *find_slot(d, k, hash) = *out;
    d->nkernels++;
    return GRADC_OK;
}

void kernels_free(struct opencl_device *d)
{
    for (int64_t i = 0; i < d->capacity; i++) {
        if (d->slots[i] && d->slots[i]->object)
            cl.ReleaseKernel(d->slots[i]->object);
        host_free(d->slots[i]);
    }
    host_free(d->slots);
    host_free(d->noted);
}

/* ---- Building ---- */

static gradc_status program_of(struct opencl_device *d, const struct kernel *a, cl_program *out,
                               struct failure *f)
{
    struct kernel_call k = {.source = a->source, .kernel = a->name, .real = a->real, .wide = a->wide};
    char options[PROGRAM_OPTIONS];
    snprintf(k.options, sizeof k.options, "%s", a->options);
    gradc_status status = program_options(d->hardware, &k, options, f);
    if (!status)
        status = program_get(d->hardware, a->source, options, a->text, &d->tally, out, f);
    return status;
}

static gradc_status make(struct opencl_device *d, struct kernel *a, struct failure *f)
{
    cl_program program;
    cl_int code;
    gradc_status status = program_of(d, a, &program, f);
    if (status)
        return status;
    cl_kernel object = cl.CreateKernel(program, a->name, &code);
    char about[LABEL];
    if (code != CL_SUCCESS)
        return queue_refused(d, f, code, "clCreateKernel", label(a, about));
    a->object = object;
    return GRADC_OK;
}

gradc_status kernels_prepare(struct device *device, const struct kernel_call *k, struct failure *f)
{
    struct opencl_device *d = of(device);
    struct kernel *a = NULL;
    gradc_status status = queue_check(d, f);
    d->base.calls++;
    if (!status)
        status = kernel_of(d, k, &a, f);
    if (status)
        return status;
    if (a->object || a->noted)
        return GRADC_OK;
    if (host_grow(&d->noted, &d->noted_capacity, d->nnoted + 1, sizeof *d->noted))
        return fail(f, GRADC_E_MEMORY, "no host memory for the kernel %s/%s", k->source, k->kernel);
    a->noted = 1;
    d->noted[d->nnoted++] = a;
    return GRADC_OK;
}

/* Programs to build, shared by the threads that build them. */
struct work {
    struct opencl_device *device;
    struct kernel **kernels; /* one for each program */
    struct failure *failures;
    int64_t n;
    atomic_llong next;
};

static void *build_some(void *arg)
{
    struct work *w = arg;
    cl_program program;
    for (;;) {
        int64_t i = atomic_fetch_add(&w->next, 1);
        if (i >= w->n)
            return NULL;
        program_of(w->device, w->kernels[i], &program, &w->failures[i]);
    }
}

static void build_all(struct work *w)
{
    pthread_t threads[BUILDERS];
    int wanted = w->device->hardware->builds_alone ? 0 : os_cpu_count() - 1, started = 0;
    if (wanted > w->n - 1)
        wanted = (int)w->n - 1;
    if (wanted > BUILDERS)
        wanted = BUILDERS;
    while (started < wanted && os_thread_start(&threads[started], build_some, w) == 0)
        started++;
    build_some(w);
    for (int i = 0; i < started; i++)
        os_thread_join(threads[i]);
}

static int same_program(const struct kernel *a, const struct kernel *b)
{
    return a->real == b->real && a->wide == b->wide && strcmp(a->source, b->source) == 0 &&
           strcmp(a->options, b->options) == 0 && same_text(a->text, b->text);
}

/* Fills w->kernels with the noted kernels whose program no earlier one has. */
static void distinct_programs(const struct opencl_device *d, struct work *w)
{
    for (int64_t i = 0; i < d->nnoted; i++) {
        int64_t j = 0;
        while (j < w->n && !same_program(d->noted[i], w->kernels[j]))
            j++;
        if (j == w->n)
            w->kernels[w->n++] = d->noted[i];
    }
}

static gradc_status build_noted(struct opencl_device *d, struct failure *f)
{
    struct work w = {.device = d};
    gradc_status status = GRADC_OK;
    w.kernels = host_zalloc((size_t)d->nnoted, sizeof *w.kernels);
    w.failures = host_zalloc((size_t)d->nnoted, sizeof *w.failures);
    if (!w.kernels || !w.failures) {
        status = fail(f, GRADC_E_MEMORY, "no host memory to build %d kernels", (int)d->nnoted);
    } else {
        distinct_programs(d, &w);
        build_all(&w);
        for (int64_t i = 0; i < w.n && !status; i++)
            if (w.failures[i].status)
                status = fail(f, w.failures[i].status, "%s", w.failures[i].text);
    }
    for (int64_t i = 0; i < d->nnoted && !status; i++)
        if (!d->noted[i]->object)
            status = make(d, d->noted[i], f);
    host_free(w.kernels);
    host_free(w.failures);
    return status;
}

/* After a failure nothing is noted: who needs the kernels prepares them again. */
gradc_status kernels_prepared(struct device *device, struct failure *f)
{
    struct opencl_device *d = of(device);
    gradc_status status = queue_check(d, f);
    if (!status && d->nnoted)
        status = build_noted(d, f);
    for (int64_t i = 0; i < d->nnoted; i++)
        d->noted[i]->noted = 0;
    d->nnoted = 0;
    return status;
}

void kernels_set_aside(struct device *device, struct noted *outer)
{
    struct opencl_device *d = of(device);
    *outer = (struct noted){d->noted, d->nnoted, d->noted_capacity, d->base.calls};
    d->noted = NULL;
    d->nnoted = d->noted_capacity = 0;
}

void kernels_take_back(struct device *device, const struct noted *outer)
{
    struct opencl_device *d = of(device);
    for (int64_t i = 0; i < d->nnoted; i++)
        d->noted[i]->noted = 0;
    host_free(d->noted);
    d->noted = outer->kernels;
    d->nnoted = outer->n;
    d->noted_capacity = outer->capacity;
    d->base.calls = outer->calls;
}

/* ---- Launching ---- */

/* The bytes of a scalar argument, as `given` has them; size 0: it is no scalar. */
static struct given scalar(const struct kernel_arg *arg)
{
    struct given g = {.size = 0, .value.bits = 0};
    switch (arg->kind) {
    case ARG_I32:
        g.size = sizeof g.value.i32;
        g.value.i32 = arg->u.i32;
        break;
    case ARG_I64:
        g.size = sizeof g.value.i64;
        g.value.i64 = arg->u.i64;
        break;
    case ARG_F32:
        g.size = sizeof g.value.f32;
        g.value.f32 = arg->u.f32;
        break;
    case ARG_F64:
        g.size = sizeof g.value.f64;
        g.value.f64 = arg->u.f64;
        break;
    case ARG_PLACE:
    case ARG_LOCAL: break;
    }
    return g;
}

/* A buffer is set each time, for a new one may have an old one's address; a scalar only when it has changed.
 * */
static cl_int set_argument(struct kernel *a, cl_uint i, const struct kernel_arg *arg)
{
    if (arg->kind == ARG_LOCAL)
        return cl.SetKernelArg(a->object, i, arg->u.local, NULL);
    if (arg->kind == ARG_PLACE) {
        cl_mem memory = arg->u.place.slab ? arg->u.place.slab->memory : NULL;
        return cl.SetKernelArg(a->object, i, sizeof memory, &memory);
    }
    struct given g = scalar(arg);
    if (a->given[i].size == g.size && a->given[i].value.bits == g.value.bits)
        return CL_SUCCESS;
    cl_int code = cl.SetKernelArg(a->object, i, g.size, &g.value);
    a->given[i] = g;
    if (code != CL_SUCCESS)
        a->given[i].size = 0;
    return code;
}

static gradc_status set_arguments(struct opencl_device *d, struct kernel *a, const struct kernel_call *k,
                                  struct failure *f)
{
    for (int i = 0; i < k->nargs; i++) {
        cl_int code = set_argument(a, (cl_uint)i, &k->args[i]);
        char name[LABEL], about[LABEL + 32];
        if (code == CL_SUCCESS)
            continue;
        snprintf(about, sizeof about, "%s, argument %d", label(a, name), i);
        return queue_refused(d, f, code, "clSetKernelArg", about);
    }
    return GRADC_OK;
}

gradc_status kernels_launch(struct device *device, const struct kernel_call *k, struct failure *f)
{
    struct opencl_device *d = of(device);
    struct kernel *a = NULL;
    gradc_status status = queue_check(d, f);
    if (!status)
        status = kernel_of(d, k, &a, f);
    if (status)
        return status;
    if (!a->object)
        status = make(d, a, f);
    if (!status)
        status = set_arguments(d, a, k, f);
    for (int i = 0; i < k->ndim && !status; i++)
        if (k->global[i] == 0)
            return GRADC_OK; /* OpenCL 1.2 refuses an empty range */
    if (status)
        return status;
    cl_int code = cl.EnqueueNDRangeKernel(d->queue, a->object, (cl_uint)k->ndim, NULL, k->global,
                                          k->local[0] ? k->local : NULL, 0, NULL, NULL);
    char about[LABEL];
    return code == CL_SUCCESS ? GRADC_OK : queue_refused(d, f, code, "clEnqueueNDRangeKernel", label(a, about));
}
