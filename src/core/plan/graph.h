/* graph.h - what the passes see while a plan is made: the nodes that run, what each must come behind, and the groups
 * that will run as one. */
#ifndef GRADC_PLAN_GRAPH_H
#define GRADC_PLAN_GRAPH_H

#include "core/tape.h"

struct graph {
    gradc_context *g;
    int64_t n;
    struct node **nodes; /* g->run_nodes, in the order of recording */
    /* Node k comes behind preds[at[k] .. at[k + 1]), which are all smaller than k. */
    int64_t *at;
    int32_t *preds;
    int64_t npreds, capacity;
    /* Groups: each node's group, and the group's nodes as a list in ascending order.  A group is named by its first
     * node. */
    int32_t *group, *next, *last, *size; /* last, size: of the group with this name; next: -1 at its end */
    int32_t *maker;                      /* by root number: the node that makes it; -1: it was there before */
    int32_t *uses;                       /* by root number: how often it is an operand */
    int32_t *stack;                      /* scratch of walks */
    struct chain *chain;                 /* scratch of passes that try how large a group's chain is */
    int64_t *seen, walk;                 /* stamps of walks, by group */
};

/* Nodes with their order, each a group of its own.  0, or -1: no memory.  graph_free is called either way. */
int graph_make(struct graph *q, gradc_context *g, int64_t nroots);
void graph_free(struct graph *q);

/* Whether the two groups can run as one: no third group must run between them. */
int graph_may_join(struct graph *q, int32_t a, int32_t b);

/* Makes the two groups one, named by the smaller name. */
void graph_join(struct graph *q, int32_t a, int32_t b);

/* Cuts the group behind its first `count` nodes; the name of the rest. */
int32_t graph_cut(struct graph *q, int32_t group, int32_t count);

#endif
