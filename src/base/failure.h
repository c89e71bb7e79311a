/* failure.h - how a failure travels: a status and a sentence.
 *
 * Functions below the core fill a `struct failure` that the caller passes down; the context keeps its
 * first one.  Calls without a context leave theirs in a thread-local one. */
#ifndef GRADC_FAILURE_H
#define GRADC_FAILURE_H

#include "gradc.h"

#if defined(__GNUC__)
#define GRADC_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define GRADC_PRINTF(f, a)
#endif

enum { FAILURE_TEXT = 2048 };

struct failure {
    gradc_status status;
    char text[FAILURE_TEXT];
};

/* No failure.  On paths that are taken for every op: an initializer would clear the text as well, which costs more
 * than recording a node. */
static inline void failure_clear(struct failure *f)
{
    f->status = GRADC_OK;
    f->text[0] = 0;
}

/* Fills f (NULL: nothing) and returns status, so that a function can fail in one expression.
 * An earlier failure in f is kept: the first one counts.  Text too long is cut off. */
gradc_status fail(struct failure *f, gradc_status status, const char *format, ...) GRADC_PRINTF(3, 4);

/* Sets this thread's error (the last one counts) and returns status. */
gradc_status fail_thread(gradc_status status, const char *format, ...) GRADC_PRINTF(2, 3);

/* This thread's error, for gradc_check(NULL). */
struct failure *thread_failure(void);

#endif
