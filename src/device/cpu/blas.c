/* blas.c - finds and opens OpenBLAS; the setting "blas".  Which products go there is decided in gemm.c.
 *
 * Threads.  Sequential builds are safe to call from several threads only if they were built with USE_LOCKING, which
 * none of their functions tells.  Debian builds libopenblas0-serial so (its blas_memory_alloc takes a lock), and
 * threaded builds lock anyway; calls to any other library take turns. */
#include "device/cpu/blas.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/host.h"
#include "base/os.h"

enum { CBLAS_ROW_MAJOR = 101, CBLAS_NO_TRANS = 111, CBLAS_TRANS = 112 };

static const char *const serial_paths[] = {
    "/usr/lib/x86_64-linux-gnu/openblas-serial/libopenblas.so.0",
    "/usr/lib/aarch64-linux-gnu/openblas-serial/libopenblas.so.0",
    "/usr/lib/arm-linux-gnueabihf/openblas-serial/libopenblas.so.0",
    "/usr/lib/i386-linux-gnu/openblas-serial/libopenblas.so.0",
    "/usr/lib/powerpc64le-linux-gnu/openblas-serial/libopenblas.so.0",
    "/usr/lib/riscv64-linux-gnu/openblas-serial/libopenblas.so.0",
    "/usr/lib/s390x-linux-gnu/openblas-serial/libopenblas.so.0",
};

static pthread_mutex_t opening = PTHREAD_MUTEX_INITIALIZER; /* guards `opened` and the writing of the two below */
static struct blas *opened;                                 /* every library that was ever opened */
static atomic_int chosen;                                   /* 1: `current` is valid */
static _Atomic(struct blas *) current;

/* Writes the library's function to slot, a function pointer; 1 if it is not there. */
static int take(void *library, const char *name, void *slot, size_t size)
{
    void *symbol = os_symbol(library, name);
    memcpy(slot, &symbol, size);
    return !symbol;
}

/* How many functions are missing. */
static int blas_load(struct blas *b)
{
    int missing = 0;
#define BLAS_FUNCTION(result, name, parameters) missing += take(b->library, #name, &b->name, sizeof b->name);
#include "device/cpu/blas.def"
#undef BLAS_FUNCTION
    return missing;
}

static int is_serial_path(const char *path)
{
    for (size_t i = 0; i < sizeof serial_paths / sizeof *serial_paths; i++)
        if (strcmp(path, serial_paths[i]) == 0)
            return 1;
    return 0;
}

/* Why a library that is there can't be used; NULL: it can.  named: the user asked for it. */
static const char *blas_check(struct blas *b, int named)
{
    if (blas_load(b))
        return "it is not an OpenBLAS with the cblas interface";
    const char *config = b->openblas_get_config();
    if (strstr(config, "USE64BITINT"))
        return "it was built with 64-bit integers";
    if (!named && b->openblas_get_parallel() != 0)
        return "it is threaded";
    return NULL;
}

/* With `opening` held: the library at path, from the list or newly opened; NULL and a failure otherwise. */
static struct blas *blas_open(const char *path, int named, struct failure *f)
{
    for (struct blas *b = opened; b; b = b->next)
        if (strcmp(b->path, path) == 0)
            return b;
    struct blas *b = strlen(path) < sizeof b->path ? host_zalloc(1, sizeof *b) : NULL;
    if (!b) {
        fail(f, strlen(path) < sizeof b->path ? GRADC_E_MEMORY : GRADC_E_ARG, "blas: can't open \"%.200s\"",
             path);
        return NULL;
    }
    const char *why = "there is no such library";
    b->library = os_library(path);
    if (b->library)
        why = blas_check(b, named);
    if (why) {
        if (b->library)
            os_library_close(b->library);
        host_free(b);
        fail(f, GRADC_E_ARG, "blas: can't use \"%s\": %s", path, why);
        return NULL;
    }
    memcpy(b->path, path, strlen(path) + 1);
    int threaded = b->openblas_get_parallel() != 0;
    if (threaded)
        b->openblas_set_num_threads(1);
    b->one_at_a_time = !threaded && !is_serial_path(path);
    pthread_mutex_init(&b->turn, NULL);
    snprintf(b->label, sizeof b->label, "%.180s (%.60s)", b->openblas_get_config(), b->openblas_get_corename());
    b->next = opened;
    opened = b;
    return b;
}

static struct blas *blas_find(void)
{
    for (size_t i = 0; i < sizeof serial_paths / sizeof *serial_paths; i++) {
        struct blas *b = blas_open(serial_paths[i], 0, NULL);
        if (b)
            return b;
    }
    return blas_open("libopenblas.so.0", 0, NULL);
}

static void blas_choose(struct blas *b)
{
    atomic_store(&current, b);
    atomic_store(&chosen, 1);
}

struct blas *cpu_blas(void)
{
    if (!atomic_load_explicit(&chosen, memory_order_acquire)) {
        pthread_mutex_lock(&opening);
        if (!atomic_load(&chosen))
            blas_choose(blas_find());
        pthread_mutex_unlock(&opening);
    }
    return atomic_load_explicit(&current, memory_order_acquire);
}

gradc_status cpu_blas_set(struct device *d, const char *path, struct failure *f)
{
    (void)d;
    if (!path)
        return fail(f, GRADC_E_ARG, "blas: the path is NULL");
    pthread_mutex_lock(&opening);
    struct blas *b = *path ? blas_open(path, 1, f) : NULL;
    if (b || !*path)
        blas_choose(b);
    pthread_mutex_unlock(&opening);
    return b || !*path ? GRADC_OK : f ? f->status : GRADC_E_ARG;
}

const char *cpu_blas_name(void)
{
    struct blas *b = cpu_blas();
    return b ? b->label : "libgradc";
}

void blas_gemm(struct blas *b, gradc_dtype dtype, int a_trans, int b_trans, int m, int n, int k,
               const void *a, int a_pitch, const void *bb, int b_pitch, void *c, int c_pitch)
{
    int ta = a_trans ? CBLAS_TRANS : CBLAS_NO_TRANS, tb = b_trans ? CBLAS_TRANS : CBLAS_NO_TRANS;
    if (b->one_at_a_time)
        pthread_mutex_lock(&b->turn);
    if (dtype == GRADC_F32)
        b->cblas_sgemm(CBLAS_ROW_MAJOR, ta, tb, m, n, k, 1, a, a_pitch, bb, b_pitch, 0, c, c_pitch);
    else
        b->cblas_dgemm(CBLAS_ROW_MAJOR, ta, tb, m, n, k, 1, a, a_pitch, bb, b_pitch, 0, c, c_pitch);
    if (b->one_at_a_time)
        pthread_mutex_unlock(&b->turn);
}
