/* pool.h - the process's threads: one pool for all contexts, used by one of them at a time.
 *
 * Threads are started when a job first needs them and stay until the process ends; a thread that can't
 * be started means fewer threads.  A fork's child has none. */
#ifndef GRADC_POOL_H
#define GRADC_POOL_H

#include <stdint.h>

enum { POOL_THREADS = 256 }; /* with the caller */

/* How many threads a job can have here, the caller included: 1 .. POOL_THREADS. */
int pool_most(void);

/* Allows another try at starting threads after one failed: called when a context opens. */
void pool_hope(void);

/* Calls run(arg, task, thread) for each task in 0 .. tasks-1 on up to `width` threads (the caller is 0)
 * and returns 1 when all are done; 0, with nothing called, where there is no pool to be had now. */
int pool_run(int width, int64_t tasks, void (*run)(void *arg, int64_t task, int thread), void *arg);

#endif
