/* context.h - what a gradc_context holds, and the way in and out of a public call. */
#ifndef GRADC_CONTEXT_H
#define GRADC_CONTEXT_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/alloc.h"
#include "core/op.h"
#include "core/tensor.h"

struct node;
struct plan;
struct step_listener;

enum { NODE_CLASSES = 32, ARENAS = 8 };

/* A handle: what the caller holds.  Handles come from chunks of the process that are never freed, and wait before
 * they are used again, so that an old one is told from a live one. */
struct gradc_tensor {
    _Atomic int state;          /* HANDLE_* */
    _Atomic int releases;       /* gradc_release calls not yet taken up by the context */
    gradc_context *_Atomic g;   /* NULL: its context is gone */
    struct tensor *body;        /* NULL unless live */
    int waiting;                /* in the quarantine */
    gradc_tensor *next_release; /* in the context's queue of releases */
    gradc_tensor *next_free;    /* in the context's quarantine */
};

enum { HANDLE_FREE, HANDLE_LIVE, HANDLE_GONE, HANDLE_CLEARED };

struct handles {
    struct handle_chunk *chunks;
    gradc_tensor *first, *last; /* the quarantine: taken from the front once it is long enough */
    int64_t count;
};

/* The nodes in the order of recording; nodes[ran..count) wait for a run. */
struct tape {
    struct node **nodes;
    int64_t count, ran, capacity;
    int64_t sweep_at; /* count from which GONE nodes are looked for */
    int warned;
};

/* Pointers collected in a call. */
struct list {
    void **items;
    int64_t count, capacity;
};

struct gradc_context {
    struct failure failure;
    struct device *device;
    struct allocator *memory;
    int forks;          /* os_forks() when opened */
    _Atomic int closed; /* takes no new work */
    int busy;           /* inside a run or a callback */
    int eager, recording;
    gradc_dtype autocast; /* F32: off */
    void *casts;          /* autocast.c's: casts of parameters */
    int64_t ncasts, casts_capacity;
    unsigned passes;         /* of the planner, PASS_* */
    int depth;               /* > 0: inside backward, gradients or a step: results are the library's own */
    int in_step;             /* nothing runs until the step ends */
    int differentiable;      /* nodes recorded now may be differentiated */
    int64_t region, regions; /* of gradc_checkpoint_begin: the open one, or 0; how many there were */
    int64_t pending_limit;
    uint64_t seed, random_offset;
    int64_t epoch;      /* moves on when an owned tensor changes: what was not GONE must be looked at again */
    int64_t gone_walk;  /* stamps of walks that look for what is GONE: below 0, as epochs are not */
    int64_t serial;     /* of the last node */
    int64_t base;       /* the mark of an empty tape */
    int64_t first_mark; /* marks before it went with a sweep */
    int64_t pass;       /* stamps of walks over nodes and roots */
    struct tape tape;
    struct handles handles;
    int64_t owned;                    /* live handles with owners */
    _Atomic(gradc_tensor *) releases; /* queue, last in first; written under release_lock */
    int releases_taken;               /* some were applied since it was last 0 */
    struct list bodies;               /* chunks of struct tensor */
    struct tensor *free_bodies;
    struct list node_chunks;
    void *free_nodes[NODE_CLASSES];
    size_t chunk_left;
    char *chunk_at;
    struct tensor *roots;     /* results with memory of their own */
    struct list temporary;    /* handles made inside the running call */
    struct list held;         /* tensors kept until the running call ends (eager) */
    struct tensor *gradients; /* all stand-ins */
    int64_t call_serial;      /* the last node before the running call */
    struct list steps;        /* steps not yet known to be applied: struct step_entry */
    struct step_listener *listeners;
    struct tensor *one[4], *zero[4]; /* constants, by float dtype, made at first use */
    int isolate;                     /* one slab per tensor: bounds errors can not hide */
    struct buffer *word;
    int reports; /* a node that can report ran since the word was last read */
    struct buffer *arena[ARENAS];
    int narenas;
    struct plan *plans; /* most recently used first */
    int64_t nplans, planned, replayed;
    struct list stack, run_nodes,
        run_roots; /* scratch of walks; the running plan's nodes, and its roots by number */
    int64_t *key;
    int64_t key_count, key_capacity;
    struct view *views;
    struct launch *launches;
    int64_t views_capacity, launches_capacity;
};

int list_push(struct list *l, void *item); /* 0, or -1: no memory */

/* Whether a call may go on: g is not NULL, not closed, of this process, not busy, and has no failure.  Takes up queued
 * releases.  op names the call in messages.  GRADC_OK or the status. */
gradc_status context_enter(gradc_context *g, const char *op);

/* Enters the context of h: the body, or NULL with the status.  h may be NULL: GRADC_E_ARG, and no error. */
struct tensor *context_enter_by(gradc_tensor *h, const char *op, gradc_status *status);

/* The same for calls that also work while a failure sticks: it does not look at the failure. */
gradc_status context_enter_failed(gradc_context *g, const char *op);

/* Applies queued releases. */
void context_drain(gradc_context *g);
void context_drain_locked(gradc_context *g); /* with release_lock held */

/* Frees a closed context; nothing of it is owned any more. */
void context_destroy(gradc_context *g);

/* Guards the queue of releases of g, and its end. */
pthread_mutex_t *release_lock(const gradc_context *g);

/* GRADC_E_MEMORY on the host, said the same way everywhere. */
gradc_status context_no_memory(gradc_context *g, const char *op);

/* ---- handle.c ---- */

gradc_tensor *handle_new(gradc_context *g, struct tensor *body); /* live; NULL: no memory */
void handle_end(gradc_tensor *h, int state); /* to HANDLE_CLEARED: into quarantine.  To HANDLE_GONE: stays */
void handles_close(gradc_context *g);        /* gives the chunks back; their handles answer CLEARED */

/* The live handle of t, made (and noted as temporary) if there is none. */
gradc_tensor *tensor_handle(struct tensor *t);

/* HANDLE_*, after the releases that wait for it were taken up. */
int handle_state(const gradc_tensor *h);

/* The body, or NULL with the error set: CLEARED or GONE, on the handle's context if it still is, else thread-local. */
struct tensor *handle_body(gradc_tensor *h, const char *op);

/* ---- tensor.c ---- */

struct tensor *tensor_new(gradc_context *g, gradc_dtype dtype, const struct layout *l); /* refs 1, root itself */
struct tensor *tensor_view_of(struct tensor *root, gradc_dtype dtype, const struct layout *l);
void tensor_ref(struct tensor *t);
void tensor_unref(struct tensor *t);
void tensor_keep(struct tensor *t);                       /* one more reason to survive a run */
void tensor_unkeep(struct tensor *t);                     /* one less */
void tensor_close(struct tensor *t);                      /* no longer "given, not consumed" */
void tensor_adopt(struct tensor *root, struct buffer *b); /* b becomes its memory */
void tensor_drop_memory(struct tensor *root);
size_t tensor_bytes(const struct tensor *t);

/* The value behind an operand: itself, or what a gradient's stand-in is bound to (NULL: used up). */
struct tensor *tensor_value(struct tensor *t);

/* A contiguous layout from a caller's shape: checked against overflow, so that bytes fit an int64_t. */
gradc_status context_layout(gradc_context *g, const char *op, gradc_dtype dtype, int ndim,
                            const int64_t *shape, struct layout *l);

/* A constant scalar of the context, 0 or 1, f32 or f64; NULL on failure. */
gradc_tensor *context_constant(gradc_context *g, gradc_dtype dtype, int one);

#endif
