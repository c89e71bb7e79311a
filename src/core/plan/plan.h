/* plan.h - the plan of a run: what runs in which order, and which root lies where.  Found again by its key.
 *
 * plan.c makes the key and keeps the plans; a new plan goes through the passes, a file each:
 *   graph.c   what must come behind what
 *   fuse.c    elementwise nodes become chains
 *   epilogue.c, prologue.c  a chain runs behind the product, convolution or norm that it takes up, or in front of the
 *             reduction or norm that takes it up
 *   updates.c the updates of many parameters become one launch
 *   order.c   entries in the order in which they run
 *   limit.c   values made again where memory is limited
 *   place.c   where temporaries lie
 * What no one needs is left out before (collect in run.c). */
#ifndef GRADC_PLAN_H
#define GRADC_PLAN_H

#include "core/plan/graph.h"

/* Bits of gradc_context.passes, by their names in gradc_set: "plan.fuse" ... */
enum {
    PASS_FUSE = 1,
    PASS_UPDATES = 2,
    PASS_ORDER = 4,
    PASS_INPLACE = 8,
    PASS_RECOMPUTE = 16,
    PASS_EPILOGUE = 32,
    PASS_PROLOGUE = 64,
    PASSES_ALL = 127
};

/* The bit of a pass, "fuse"; 0: there is none of that name. */
int plan_pass(const char *name);

/* INSIDE: a chain makes it and alone reads it; it has no memory. */
enum { ROOT_EXTERNAL, ROOT_SURVIVOR, ROOT_ARENA, ROOT_INSIDE };

struct plan_root {
    int32_t kind, arena;
    size_t offset, bytes;
    int64_t last; /* the last entry that touches it */
};

/* A root that entry `entry` makes once more, and where it lies from then on. */
struct plan_again {
    int32_t root;
    int64_t entry;
    struct plan_root place;
};

/* What runs as one: a node, a chain, or updates. */
struct plan_entry {
    int32_t first, count; /* its nodes: members[first ..], numbers of the run's nodes, ascending */
    struct chain *chain;  /* NULL: one node, by its own form; or, where there are more, updates */
    int32_t again;        /* 1: it ran before; its chain is the other entry's */
    struct plan_root workspace;
    void *scratch; /* updates: as struct launch_many has them */
    struct buffer *table;
    int32_t kernels; /* launches; on OpenCL known once it is prepared */
    int64_t bytes;   /* read and written */
    double flop;
    struct layout shape; /* of its last result */
};

struct plan {
    struct plan *next;
    uint64_t hash;
    int64_t *key;
    int64_t nkey, nnodes, nroots, nentries;
    const struct op **ops;   /* by node */
    struct plan_root *roots; /* by number */
    struct plan_entry *entries;
    int32_t *members;
    struct plan_again *again; /* in the order of their entries */
    int64_t nagain, again_capacity, entries_capacity;
    size_t arena[ARENAS]; /* bytes of each */
    int narenas;
    int prepared; /* its programs are built */
};

/* The plan for g->run_nodes: numbers their roots into g->run_roots, builds the key, and takes the plan from the
 * cache or makes it.  NULL with f filled. */
struct plan *plan_for(gradc_context *g, struct failure *f);

/* Forgets all plans: a setting changed. */
void plans_close(gradc_context *g);

/* ---- The passes: those that can fail fill f and return a status ---- */

/* Joins what may be a chain, in groups that chain_build takes. */
void plan_fuse(struct graph *q);

/* Joins chains to what makes one of their operands. */
void plan_epilogue(struct graph *q);

/* Joins chains to what takes one of their values. */
void plan_prologue(struct graph *q);

/* Joins updates. */
void plan_updates(struct graph *q);

/* Fills entries and members, with the chains, from the groups. */
gradc_status plan_order(struct graph *q, struct plan *p, struct failure *f);

/* Gives up what gradc_checkpoint_begin and _end say: it is made again for the backward pass. */
gradc_status plan_checkpoint(gradc_context *g, struct plan *p, struct failure *f);

/* Lets entries run again, so that the temporaries fit what the context's memory limit leaves; fails where that can't
 * be. */
gradc_status plan_limit(gradc_context *g, struct plan *p, struct failure *f);

/* Fills offsets and arena sizes by liveness. */
gradc_status plan_place(gradc_context *g, struct plan *p, struct failure *f);

/* Fills `last` of all values. */
void plan_last_uses(gradc_context *g, struct plan *p);

/* The node of an entry's member m. */
const struct node *plan_node(const gradc_context *g, const struct plan *p, const struct plan_entry *e, int32_t m);

/* Whether one of the entry's own nodes makes the root. */
int plan_makes(const gradc_context *g, const struct plan *p, const struct plan_entry *e,
               const struct tensor *root);

/* Where a root lies behind entry e; before 1: in front of it. */
struct plan_root *plan_value(const struct plan *p, int32_t root, int64_t e, int before);

/* Where a root that entry e reads lies. */
struct plan_root *plan_operand(const gradc_context *g, const struct plan *p, int64_t e,
                               const struct tensor *root);

/* ---- report.c ---- */

/* Adds what a node costs to its entry's cost; and once what a chain reads and writes. */
void plan_cost(struct plan_entry *e, const struct launch *l);
void plan_cost_chain(gradc_context *g, struct plan_entry *e);

/* ---- chain.c ---- */

/* The dtype that a chain of the group's first `count` nodes computes in; -1: they don't go together. */
gradc_dtype chain_real(const struct graph *q, int32_t group, int32_t count);

/* Whether a node of the group makes node n's operand i. */
int chain_makes(const struct graph *q, int32_t group, const struct node *n, int i);

/* Whether operand i of the node is, element by element, what its maker made. */
int chain_in_step(const struct node *n, int i);

/* The chain of the group's first `count` nodes, into *c; 0: it is too large for one. */
int chain_build(const struct graph *q, int32_t group, int32_t count, struct chain *c);
void chain_free(struct chain *c);

/* ---- launch.c: what a form is handed, and its run ---- */

/* What a form sees of a tensor: its root's place now. */
void view_of(const struct tensor *t, struct view *v);

/* The launch of a node; views has room for nin + nout. */
void launch_of(gradc_context *g, const struct node *n, struct view *views, struct launch *l);

/* What the entry needs besides its roots, made once. */
gradc_status plan_reserve(gradc_context *g, const struct plan *p, struct plan_entry *e, struct failure *f);

/* Runs it; prepare: only notes its programs. */
gradc_status plan_launch(gradc_context *g, const struct plan *p, const struct plan_entry *e, int prepare,
                         struct failure *f);

#endif
