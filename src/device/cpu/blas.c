/* blas.c - opens the OpenBLAS that the setting "blas" names.  Which products go there is decided in gemm.c.
 *
 * Threads.  Sequential builds are not safe to call from several threads at once: Debian's 0.3.21 takes its lock for
 * the first call's set-up only, and hands one scratch buffer to two threads, with wrong products now and then.  A
 * build with USE_LOCKING is safe, but no function tells.  So calls to a sequential library take turns.  Threaded
 * builds lock. */
#include "device/cpu/blas.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/host.h"
#include "base/os.h"

enum { CBLAS_ROW_MAJOR = 101, CBLAS_NO_TRANS = 111, CBLAS_TRANS = 112 };

static pthread_mutex_t opening = PTHREAD_MUTEX_INITIALIZER; /* guards `opened` and the writing of `current` */
static struct blas *opened;                                 /* every library that was ever opened */
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

/* Why a library that is there can't be used; NULL: it can. */
static const char *blas_check(struct blas *b)
{
    if (blas_load(b))
        return "it is not an OpenBLAS with the cblas interface";
    return strstr(b->openblas_get_config(), "USE64BITINT") ? "it was built with 64-bit integers" : NULL;
}

/* With `opening` held: the library at path, from the list or newly opened; NULL and a failure otherwise. */
static struct blas *blas_open(const char *path, struct failure *f)
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
        why = blas_check(b);
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
    b->one_at_a_time = !threaded;
    pthread_mutex_init(&b->turn, NULL);
    snprintf(b->label, sizeof b->label, "%.180s (%.60s)", b->openblas_get_config(), b->openblas_get_corename());
    b->next = opened;
    opened = b;
    return b;
}

struct blas *cpu_blas(void)
{
    return atomic_load_explicit(&current, memory_order_acquire);
}

gradc_status cpu_blas_set(struct device *d, const char *path, struct failure *f)
{
    (void)d;
    if (!path)
        return fail(f, GRADC_E_ARG, "blas: the path is NULL");
    pthread_mutex_lock(&opening);
    struct blas *b = *path ? blas_open(path, f) : NULL;
    if (b || !*path)
        atomic_store(&current, b);
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
