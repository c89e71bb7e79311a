/* pieces.h - a table of the pieces of many tensors, for OpenCL kernels that go over all of them in one launch
 * (opencl/pieces.cl).
 *
 * A row is up to PIECE elements, of one tensor or at the same place of several of one shape: how many, and where each
 * tensor's piece begins, as a first element above a slab's number in the lowest 3 bits.  Tensors lie without gaps. */
#ifndef GRADC_PIECES_H
#define GRADC_PIECES_H

#include "core/op.h"

enum { PIECE = 16384, PIECE_SLABS = 8, PIECE_TENSORS = 5, PIECE_GROUP = 256 };

/* The slabs of one launch. */
struct slabs {
    int n;
    struct place at[PIECE_SLABS];
};

/* The table as the host has it. */
struct pieces {
    struct slabs slabs; /* of the rows since the last launch */
    int64_t *table;
    int64_t rows;
    int changed; /* 1: a row is not as it was */
};

/* Rows of n elements. */
int64_t piece_rows(int64_t n);

/* CPU: which of `count` works the task is of.  A work, of `size` bytes, begins with the int64_t number of its first
 * task; they ascend. */
int64_t piece_owner(const void *works, size_t size, int64_t count, int64_t task);

/* Adds the rows of `count` tensors of n elements; of tensor i with bit i of `scalars` there is one element alone.  0:
 * with them the slabs are too many for one launch, nothing was added. */
int piece_add(struct pieces *p, const struct view *const *t, int count, unsigned scalars, int64_t n);

/* The table to the device, if it changed. */
gradc_status piece_write(const struct pieces *p, struct device *d, struct place table, size_t bytes,
                         struct failure *f);

/* A kernel over rows first .. last - 1: its arguments first, last, table and slabs; and its work size. */
void piece_give(struct kernel_call *k, const struct slabs *s, struct place table, int64_t first, int64_t last);
void piece_groups(struct kernel_call *k, int64_t rows);

#endif
