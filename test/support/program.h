/* program.h - random programs: each a pure function of its seed, run on a context into a text of all it saw.
 *
 * The same program must give the same text on an eager context and on a planned one. */
#ifndef GRADC_TEST_PROGRAM_H
#define GRADC_TEST_PROGRAM_H

#include "support.h"

enum { PROGRAM_OPERATIONS = 96 };

/* What an operation means depends on the values that exist when it runs: x, y and w say where the search for a fitting
 * value begins, pick decides the rest.  So any operations may be left out of a program, and it is still one. */
struct operation {
    int kind; /* -1: left out */
    uint32_t x, y, w, pick;
    int wild;   /* takes whatever value x, y, w name, fitting or not */
    int sticks; /* the failure that it meets is not recovered from at once */
};

struct program {
    uint64_t seed;
    int count;
    int again_from, again_to, times; /* operations [again_from, again_to) run so often in all */
    int pending;                     /* the planned context's "pending", 0: as it is */
    struct operation operations[PROGRAM_OPERATIONS];
};

struct text {
    char *bytes;
    size_t count, capacity;
};

void program_make(struct program *p, uint64_t seed);

/* Runs p on a new context of the device; out: one line an operation, with what it answered. */
void program_run(const struct program *p, const char *device, int eager, struct text *out);

#endif
