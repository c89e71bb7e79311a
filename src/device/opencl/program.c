/* program.c - builds programs lazily, once per process and device, and keeps them on disk. */
#include "device/opencl/program.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/host.h"
#include "device/opencl/cache.h"
#include "device/opencl/text.h"

struct program {
    char *source, *options, *more; /* more: NULL, or a text in front of the source */
    cl_program built;              /* NULL: not yet, or it could not be */
    int building;                  /* by some thread; the others wait */
    struct program *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;  /* guards all programs of all devices */
static pthread_cond_t done = PTHREAD_COND_INITIALIZER;    /* a build has ended */
static pthread_mutex_t alone = PTHREAD_MUTEX_INITIALIZER; /* held by a build on hardware that builds_alone */

/* ---- Options ---- */

static const char *const real_option[] = {
    [GRADC_F32] = "-DREAL_IS_F32", [GRADC_F64] = "-DREAL_IS_F64", [GRADC_I64] = "-DREAL_IS_I64",
    [GRADC_I32] = "-DREAL_IS_I32", [GRADC_U8] = "-DREAL_IS_U8",   [GRADC_BOOL] = "-DREAL_IS_BOOL",
    [GRADC_F16] = "-DREAL_IS_F16", [GRADC_BF16] = "-DREAL_IS_BF16",
};

gradc_status program_options(const struct hardware *h, const struct kernel_call *k,
                             char text[PROGRAM_OPTIONS], struct failure *f)
{
    int known = k->real >= 0 && (size_t)k->real < sizeof real_option / sizeof real_option[0];
    if (!known || !real_option[k->real])
        return fail(f, GRADC_E_UNSUPPORTED, "kernel %s/%s can't compute in dtype %d", k->source, k->kernel,
                    (int)k->real);
    if (k->real == GRADC_F64 && !h->info.f64)
        return fail(f, GRADC_E_UNSUPPORTED, "%s (%s) has no f64", h->info.device, h->info.name);
    snprintf(text, PROGRAM_OPTIONS, "-cl-std=CL1.2 %s%s%s%s%s", real_option[k->real],
             k->wide ? " -DINDEX_WIDE" : "", h->info.f64 ? " -DDEVICE_F64" : "",
             h->divides_correctly ? " -cl-fp32-correctly-rounded-divide-sqrt" : "", k->options);
    return GRADC_OK;
}

/* ---- Building ---- */

/* What the program depends on, as one text; its last part, from *source on, is the program's own text. */
static gradc_status key_text(const struct hardware *h, const struct program *p, struct text *t,
                             int64_t *source, struct failure *f)
{
    const char *const facts[] = {h->info.platform, h->version,     h->info.vendor,
                                 h->info.name,     h->info.driver, p->options};
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++) {
        text_add(t, facts[i]);
        text_add(t, "\n");
    }
    *source = t->size;
    return text_program(t, p->source, p->more, f);
}

/* The log, cut to what a message holds; without one, nothing but the error's name. */
static gradc_status build_failed(const struct hardware *h, const struct program *p, cl_program object,
                                 cl_int code, struct failure *f)
{
    char about[192];
    size_t bytes = 0;
    snprintf(about, sizeof about, "%s.cl on %s, %s", p->source, h->info.device, h->info.name);
    cl.GetProgramBuildInfo(object, h->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &bytes);
    char *log = code == CL_OUT_OF_HOST_MEMORY ? NULL : host_zalloc(bytes + 1, 1);
    if (log && bytes && cl.GetProgramBuildInfo(object, h->id, CL_PROGRAM_BUILD_LOG, bytes, log, NULL) != CL_SUCCESS)
        log[0] = 0;
    gradc_status status = GRADC_E_DEVICE;
    char text[32];
    if (log && log[0])
        fail(f, status, "clBuildProgram: %s (%s)\n%s", opencl_error_name(code, text), about, log);
    else
        status = opencl_refused(f, code, "clBuildProgram", about);
    host_free(log);
    return status;
}

static gradc_status build_source(struct hardware *h, struct program *p, const char *source, cl_program *out,
                                 struct failure *f)
{
    cl_int code;
    cl_program object = cl.CreateProgramWithSource(h->context, 1, &source, NULL, &code);
    if (code != CL_SUCCESS)
        return opencl_refused(f, code, "clCreateProgramWithSource", p->source);
    code = cl.BuildProgram(object, 1, &h->id, p->options, NULL, NULL);
    if (code != CL_SUCCESS) {
        gradc_status status = build_failed(h, p, object, code, f);
        cl.ReleaseProgram(object);
        return status;
    }
    *out = object;
    return GRADC_OK;
}

/* From disk; NULL if it is not there, or the driver does not want it. */
static cl_program load(struct hardware *h, struct program *p, const struct text *key)
{
    struct cached found;
    cl_int verdict = CL_SUCCESS, code;
    if (!h->cache[0] || !cache_read(h->cache, key->data, (size_t)key->size, &found))
        return NULL;
    cl_program object =
        cl.CreateProgramWithBinary(h->context, 1, &h->id, &found.bytes, &found.binary, &verdict, &code);
    if (code == CL_SUCCESS && verdict == CL_SUCCESS)
        code = cl.BuildProgram(object, 1, &h->id, p->options, NULL, NULL);
    host_free(found.file);
    if (code == CL_SUCCESS && verdict == CL_SUCCESS)
        return object;
    if (object)
        cl.ReleaseProgram(object);
    return NULL;
}

/* To disk, if the driver gives the binary away. */
static void store(struct hardware *h, cl_program object, const struct text *key)
{
    size_t bytes = 0;
    if (!h->cache[0] ||
        cl.GetProgramInfo(object, CL_PROGRAM_BINARY_SIZES, sizeof bytes, &bytes, NULL) != CL_SUCCESS)
        return;
    unsigned char *binary = bytes ? host_alloc(bytes) : NULL;
    if (!binary)
        return;
    if (cl.GetProgramInfo(object, CL_PROGRAM_BINARIES, sizeof binary, &binary, NULL) == CL_SUCCESS)
        cache_write(h->cache, key->data, (size_t)key->size, binary, bytes);
    host_free(binary);
}

static gradc_status load_or_build(struct hardware *h, struct program *p, const struct text *key,
                                  const char *source, struct tally *tally, cl_program *out, struct failure *f)
{
    *out = load(h, p, key);
    if (*out) {
        atomic_fetch_add(&tally->loaded, 1);
        return GRADC_OK;
    }
    gradc_status status = build_source(h, p, source, out, f);
    if (status)
        return status;
    atomic_fetch_add(&tally->built, 1);
    store(h, *out, key);
    return GRADC_OK;
}

/* Without the lock: p is marked as building, so it is ours. */
static gradc_status build(struct hardware *h, struct program *p, struct tally *tally, cl_program *out,
                          struct failure *f)
{
    struct text key = {0};
    int64_t source;
    gradc_status status = key_text(h, p, &key, &source, f);
    if (h->builds_alone)
        pthread_mutex_lock(&alone);
    if (!status)
        status = load_or_build(h, p, &key, key.data + source, tally, out, f);
    if (h->builds_alone)
        pthread_mutex_unlock(&alone);
    host_free(key.data);
    return status;
}

/* ---- The table ---- */

static void program_free(struct program *p)
{
    if (!p)
        return;
    if (p->built)
        cl.ReleaseProgram(p->built);
    host_free(p->source);
    host_free(p->options);
    host_free(p->more);
    host_free(p);
}

/* With the lock held: the entry, made if it is not there; NULL without memory. */
static struct program *entry(struct hardware *h, const char *source, const char *options, const char *more)
{
    for (struct program *p = h->programs; p; p = p->next)
        if (strcmp(p->source, source) == 0 && strcmp(p->options, options) == 0 &&
            strcmp(p->more ? p->more : "", more ? more : "") == 0)
            return p;
    struct program *p = host_zalloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->source = host_strdup(source);
    p->options = host_strdup(options);
    p->more = more ? host_strdup(more) : NULL;
    if (!p->source || !p->options || (more && !p->more)) {
        program_free(p);
        return NULL;
    }
    p->next = h->programs;
    h->programs = p;
    return p;
}

gradc_status program_get(struct hardware *h, const char *source, const char *options, const char *more,
                         struct tally *tally, cl_program *out, struct failure *f)
{
    gradc_status status = GRADC_OK;
    pthread_mutex_lock(&lock);
    struct program *p = entry(h, source, options, more);
    while (p && p->building)
        pthread_cond_wait(&done, &lock);
    if (p && !p->built) {
        cl_program object = NULL;
        p->building = 1;
        pthread_mutex_unlock(&lock);
        status = build(h, p, tally, &object, f);
        pthread_mutex_lock(&lock);
        p->building = 0;
        p->built = object;
        pthread_cond_broadcast(&done);
    }
    if (p)
        *out = p->built;
    else
        status = fail(f, GRADC_E_MEMORY, "no host memory for the program %s.cl", source);
    pthread_mutex_unlock(&lock);
    return status;
}

void programs_free(struct hardware *h)
{
    pthread_mutex_lock(&lock);
    while (h->programs) {
        struct program *p = h->programs;
        h->programs = p->next;
        program_free(p);
    }
    pthread_mutex_unlock(&lock);
}
