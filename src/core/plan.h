/* plan.h - the plan of a run: which root lies where.  Found again by its key.
 *
 * A plan is the needed nodes in their order of recording.  It fuses nothing and reorders nothing. */
#ifndef GRADC_PLAN_H
#define GRADC_PLAN_H

#include "core/tape.h"

enum { ROOT_EXTERNAL, ROOT_SURVIVOR, ROOT_ARENA };

struct plan_root {
    int32_t kind, arena;
    size_t offset, bytes;
};

struct plan {
    struct plan *next;
    uint64_t hash;
    int64_t *key;
    int64_t nkey, nnodes, nroots;
    struct plan_root *roots;      /* by number */
    struct plan_root *workspaces; /* by node; bytes 0: none */
    size_t arena[ARENAS];         /* bytes of each */
    int narenas;
    int prepared; /* its programs are built */
};

/* The plan for g->run_nodes: numbers their roots into g->run_roots, builds the key, and takes the plan from the
 * cache or makes it.  NULL with f filled. */
struct plan *plan_for(gradc_context *g, struct failure *f);

/* Forgets all plans: a setting changed. */
void plans_close(gradc_context *g);

/* place.c: fills offsets and arena sizes by liveness, first fit. */
gradc_status plan_place(gradc_context *g, struct plan *p, struct failure *f);

/* What a form sees of a tensor: its root's place now. */
void view_of(const struct tensor *t, struct view *v);

/* The launch of a node; views has room for nin + nout. */
void launch_of(gradc_context *g, const struct node *n, struct view *views, struct launch *l);

#endif
