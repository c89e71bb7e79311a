/* machine.h - what a random program runs on: its slots, and what its operations share.  For program.c and
 * operations.c alone. */
#ifndef GRADC_TEST_MACHINE_H
#define GRADC_TEST_MACHINE_H

#include "program.h"

enum { SLOTS = 2 * PROGRAM_OPERATIONS, MINE = 1024, OPTIMS = 3, MARKS = 4, OPTIM_PARAMS = 3 };

/* What is known of a slot besides its handle. */
enum { IS_MINE = 1, IS_ALIAS = 2, IS_GRADIENT = 4 };

struct machine {
    gradc_context *g;
    const struct program *p;
    const struct operation *now;
    struct text *out;
    struct random random; /* of this operation in this turn */
    int at;               /* the operation's number */
    gradc_tensor *slot[SLOTS];
    int facts[SLOTS];
    gradc_tensor *mine[MINE]; /* one entry for each owner */
    int mines;
    gradc_optim *optim[OPTIMS];
    int64_t mark[MARKS];
};

/* An operation: how often it is chosen, against the sum of all weights. */
struct kind {
    const char *name;
    int weight;
    void (*run)(struct machine *m);
};

extern const struct kind program_kinds[];
extern const int program_kind_count;

/* ---- Text ---- */

void say(struct text *out, const char *format, ...);
void say_bytes(struct text *out, const void *data, size_t bytes);
void say_facts(struct text *out, const gradc_tensor *t);
void say_status(struct text *out, gradc_status status);

/* Reads t and says what came of it. */
void look(struct machine *m, gradc_tensor *t);

/* ---- Slots ---- */

/* Whether t can be an operand, next to other. */
typedef int fits(const gradc_tensor *t, const gradc_tensor *other, int facts);

int is_leaf(const gradc_tensor *t, const gradc_tensor *other, int facts);

/* The first slot from `start` on that fits; -1: none.  Wild: the slot that start names. */
int find(struct machine *m, uint32_t start, fits *fit, const gradc_tensor *other);
gradc_tensor *take(struct machine *m, uint32_t start, fits *fit, const gradc_tensor *other);

/* The operation's result, or its second one. */
void put(struct machine *m, int second, gradc_tensor *t, int facts);

/* One owner more, to be released at the end. */
void own(struct machine *m, gradc_tensor *t);

/* 0 .. n-1, by the operation and its turn alone. */
uint32_t choose(struct machine *m, uint32_t n);

#endif
