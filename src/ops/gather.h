/* gather.h - what the ops have in common that read or add along one axis by indices: gather, index_select, embedding
 * (gather.c), scatter_add and the gradients (scatter_add.c). */
#ifndef GRADC_GATHER_H
#define GRADC_GATHER_H

#include "core/op.h"

/* ints of all of them: the axis, and whether the index is a list for the whole axis (else it has an element for each
 * of the result); gather_backward: the axis' size in dx too. */
enum { GATHER_AXIS, GATHER_LIST, GATHER_INTS, GATHER_SIZE = GATHER_INTS, GATHER_BACKWARD_INTS };

/* x [outer, size, inner]; what is picked from it or added to it [outer, count, inner]; the index lies as the latter,
 * or is a list [count].  All contiguous. */
struct gather_shape {
    int64_t outer, size, count, inner;
    int list;
};

struct gather_shape gather_shape_of(const struct layout *x, const struct view *index, const int64_t *ints);

/* The elements of the index. */
int64_t gather_indices(const struct gather_shape *s);

/* Element i of an index on the host. */
static inline int64_t gather_index(const struct view *index, const void *first, int64_t i)
{
    return index->dtype == GRADC_I64 ? ((const int64_t *)first)[i] : ((const int32_t *)first)[i];
}

/* A CPU form's tasks write the position of their first index out of range, or -1, to the workspace: words for so many
 * tasks; the first of them is reported. */
int64_t *gather_words(const struct launch *l);
void gather_report(const struct launch *l, const struct view *index, int64_t tasks);

extern const struct op op_gather, op_index_select, op_embedding, op_gather_backward;

/* In their public functions: axis made positive, or -1 with the error: index is not i32 or i64, or x has no such axis,
 * or other axes (unless `list`) are longer than x's. */
int gather_check(const char *op, const struct tensor *x, int axis, const struct tensor *index, int list);

/* The first elements of x's axes, as many as `shape` has, contiguous; `axis` (-1: none) stays whole. */
gradc_tensor *gather_part(gradc_tensor *x, int axis, const struct layout *shape);

#endif
