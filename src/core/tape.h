/* tape.h - nodes: what was recorded, in order, and whether it still stands. */
#ifndef GRADC_TAPE_H
#define GRADC_TAPE_H

#include "core/context.h"

struct node {
    const struct op *op;
    int64_t serial; /* grows over the context's life; marks are serials */
    int64_t pass;   /* stamp of the last walk that took this node */
    int32_t nin, nout, nints, nreals;
    int32_t class;               /* of its memory */
    int64_t region;              /* between gradc_checkpoint_begin and _end: which; 0: none */
    unsigned own : 1;            /* recorded by a call of ours: a gradient, an update */
    unsigned differentiable : 1; /* records a gradient's way */
    unsigned saved : 1;          /* what its gradient reads is kept for it */
    unsigned dropped : 1;  /* a failed run left it out: its outputs are GONE, its updates did not happen */
    unsigned loss : 1;     /* out[0] was given to backward: kept until the tape is cleared */
    unsigned relevant : 1; /* while gradients are recorded: something wanted lies behind it */
    struct tensor **in;
    int64_t *versions; /* of each operand's root when it was recorded */
    struct tensor *out[OP_OUTPUTS];
    int64_t *ints;
    double *reals;
    uint64_t bound[OP_BOUND];
};

/* A new node with copies of the record's facts, not yet on the tape; NULL: no memory. */
struct node *node_new(const struct record *r);
void node_free(gradc_context *g, struct node *n); /* lets go of operands and outputs */

/* Its gradient was recorded: what was kept for that need not be any longer. */
void node_done(struct node *n);

/* Room for one more node; 0 or -1. */
int tape_reserve(gradc_context *g);
void tape_push(gradc_context *g, struct node *n);

/* Frees the nodes behind `serial` and what only they keep; their handles answer CLEARED. */
void tape_cut(gradc_context *g, int64_t serial);

/* Frees nodes that are done and GONE; warns once where a tape is never cleared. */
void tape_sweep(gradc_context *g);

/* The outputs of nodes[from..) are GONE.  undone 1: their updates did not happen, versions are as before them. */
void tape_drop(gradc_context *g, int64_t from, int undone);

/* DESIGN 3: whether t is none of what a run leaves behind and a version that it came from no longer stands.
 * -1: no memory for the walk. */
int tensor_gone(struct tensor *t);

/* gone, lost, or fine: GRADC_OK, _E_GONE, _E_LOST, _E_MEMORY; text says why (fill f). */
gradc_status tensor_stands(struct tensor *t, const char *op, struct failure *f);

/* Whether i is among the operands that the op overwrites. */
int node_writes(const struct op *op, int i);

#endif
