/* blas.h - the OpenBLAS library that matrix products may use: opened at run time, one for the process.
 *
 * There is none until cpu_blas_set names one, which counts for all contexts of the process; a library once opened stays
 * open. */
#ifndef GRADC_BLAS_H
#define GRADC_BLAS_H

#include <pthread.h>

#include "device/device.h"

struct blas {
#define BLAS_FUNCTION(result, name, parameters) result(*name) parameters;
#include "device/cpu/blas.def"
#undef BLAS_FUNCTION
    void *library;
    struct blas *next; /* opened before this one */
    char path[256], label[256];
    int one_at_a_time; /* calls from several threads at once are not safe: hold `turn` */
    pthread_mutex_t turn;
};

/* The library that products use now, or NULL: our own packed product. */
struct blas *cpu_blas(void);

/* The setting "blas".  path "": our own product; else the library to open, a threaded one too (it is told to use one
 * thread, which counts for the whole process).  GRADC_E_ARG, and nothing changes, if it can't be used. */
gradc_status cpu_blas_set(struct device *d, const char *path, struct failure *f);

/* What is in use, for benches and logs: OpenBLAS's own words, or "libgradc". */
const char *cpu_blas_name(void);

/* C = op(A) op(B), row-major; a_trans: A is stored [k,m]; b_trans: B is stored [n,k].  f32 or f64. */
void blas_gemm(struct blas *b, gradc_dtype dtype, int a_trans, int b_trans, int m, int n, int k,
               const void *a, int a_pitch, const void *bb, int b_pitch, void *c, int c_pitch);

#endif
