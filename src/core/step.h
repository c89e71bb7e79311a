/* step.h - what optimisers and gradients share with the run: updates that must happen together, and undoing. */
#ifndef GRADC_STEP_H
#define GRADC_STEP_H

#include "core/context.h"

/* Told that its last `steps` steps were not applied (a failed run, a data error before them). */
struct step_listener {
    void (*undo)(void *payload, int64_t steps);
    void *payload;
    struct step_listener *next;
    gradc_context *g;
};

/* Registers; both may be called from any thread. */
void step_listen(gradc_context *g, struct step_listener *l);
void step_unlisten(struct step_listener *l);

/* From here to step_end nothing runs, also in eager mode.  A status: do nothing, and don't call step_end. */
gradc_status step_begin(gradc_context *g);

/* The gradient of a parameter as an operand, or NULL: skip the parameter. */
gradc_tensor *step_gradient(gradc_tensor *param);

/* Uses the gradients of params up and runs what waits, all updates in one plan.  If recording failed since step_begin,
 * takes the recorded updates back instead.  The caller counts its step before, and is told to undo it on failure. */
gradc_status step_end(gradc_context *g, gradc_tensor *const *params, int n, struct step_listener *listener);

/* ---- For run.c ---- */

/* Every gradient bound or used up since the last run that succeeded goes back to what it was, or to none. */
void gradients_restore(gradc_context *g);
void gradients_settle(gradc_context *g);                     /* ... stays as it is */
void gradients_drop_after(gradc_context *g, int64_t serial); /* those recorded after a data error */

/* The stand-in now means value (NULL: used up, dropped); the old value waits for the run. */
void gradient_bind(struct tensor *stand_in, struct tensor *value);

/* A loss keeps its value until the tape is cleared. */
void loss_keep(struct tensor *loss);

/* The leaf's stand-in, made at the first gradient; NULL: no memory. */
struct tensor *gradient_stand_in(struct tensor *leaf);

void steps_undo_after(gradc_context *g, int64_t serial);
void steps_settle(gradc_context *g);

/* Begins and ends a call that records for itself: results inside are the library's own. */
void call_begin(gradc_context *g, int differentiable);
void call_end(gradc_context *g);

/* Takes back what the running call recorded, its updates too. */
void call_undo(gradc_context *g);

/* The context goes: its listeners are nobody's. */
void listeners_close(gradc_context *g);

#endif
