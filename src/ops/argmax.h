/* argmax.h - what argmax.c (argmax, argmin) hands to its loops (argmax_isa.c). */
#ifndef GRADC_ARGMAX_H
#define GRADC_ARGMAX_H

#include "ops/reduce.h"

/* A task searches several outputs, or one segment of one: few outputs of many elements are cut into segments,
 * whose positions lie in the workspace, [segments][outputs]. */
struct argmax_job {
    struct reduction r;
    const void *x;
    int64_t *z;        /* or the workspace */
    reduce_loop *best; /* the fold by maximum, or by minimum */
    int64_t per_task, segment, segments;
};

/* A task of cpu_parallel on a struct argmax_job. */
typedef void argmax_task(void *job, int64_t task, int thread);

/* z[o] = the best of the segments' positions. */
typedef void argmax_merge(const struct argmax_job *job, int64_t *z);

enum { ARGMAX, ARGMIN, ARGMAX_KINDS };

struct argmax_loops {
    argmax_task *task[ARGMAX_KINDS][REDUCE_DTYPES]; /* NULL: not taken */
    argmax_merge *merge[ARGMAX_KINDS][REDUCE_DTYPES];
};

#endif
