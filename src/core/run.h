/* run.h - plans what waits, and runs it. */
#ifndef GRADC_RUN_H
#define GRADC_RUN_H

#include "core/context.h"

/* Runs every node that waits and is needed, and what `want` (NULL: nothing more) needs.  On failure the context's error
 * is set and the waiting nodes are dropped; what an update was cut off in is lost (DESIGN 4). */
gradc_status run_pending(gradc_context *g, struct tensor *want);

/* The plan of what waits, with its programs built, not run; where nothing waits, the last plan that ran,
 * or NULL. */
struct plan;
gradc_status run_plan(gradc_context *g, const struct plan **out);

/* t is about to be kept: if an earlier run freed its elements, they are computed now, while what they come from
 * stands. */
gradc_status run_kept(struct tensor *t);

/* Reads the device word if something could have been reported; a report becomes the context's error, and the steps
 * recorded after it are undone.  Waits for the device. */
gradc_status run_check_word(gradc_context *g);

#endif
