/* tensor.h - the body behind a handle: dtype, layout, whose memory, where it came from.
 *
 * A tensor is either *owned* (gradc_new, gradc_param, gradc_to: mutable, counts its versions), or a *result* (a node's
 * output, a value), or a *view* of one of these: a layout over its root's elements. */
#ifndef GRADC_TENSOR_H
#define GRADC_TENSOR_H

#include "base/failure.h"
#include "device/device.h"

struct node;
struct buffer;

struct tensor {
    gradc_context *g;
    gradc_dtype dtype;
    struct layout layout;  /* strides and offset count elements from the start of the root's place */
    struct tensor *root;   /* whose memory it is: itself unless a view */
    struct buffer *buffer; /* root: memory that outlives a run, or NULL */
    struct place at;       /* root: where the elements are now; slab NULL: not computed, or freed */
    struct node *maker;    /* NULL: owned, or its history was cleared */
    int64_t version;       /* owned root: counts writes and assigns */
    int64_t checked; /* the epoch at which all versions that it came from stood, or the last walk that found it
                             * not to be GONE because something is kept */
    gradc_tensor *handle; /* NULL: none now */
    int32_t refs;         /* handles, nodes, views, bindings */
    int32_t owners;       /* by gradc_new and gradc_retain */
    int32_t kept;         /* reasons of this tensor (DESIGN 3, a-d) to survive a run */
    int32_t root_kept;    /* root: reasons of all tensors over it */
    int64_t seen;         /* root: the pass that numbered it, while a plan is made */
    int32_t number;
    unsigned owned : 1; /* root: owned */
    unsigned open : 1;  /* counted in kept: given to the caller, not released, not consumed */
    unsigned wants_grad : 1;
    unsigned lost : 1;        /* root: an update was cut off */
    unsigned is_gradient : 1; /* the stand-in of a leaf's gradient: `bound` is its value */
    unsigned changed : 1;     /* is_gradient: bound or used up since the last run; `before` is what it was */
    unsigned target : 1;      /* while gradients are recorded: one that was asked for */
    struct tensor *bound;     /* is_gradient: the value, or NULL (used up, dropped) */
    struct tensor *grad;      /* leaf: its gradient's stand-in, or NULL */
    struct tensor *before;    /* is_gradient: the value before the running call, until its run succeeded */
    gradc_tensor *flow;       /* while gradients are recorded: what has flowed into this tensor so far */
    struct tensor *next;      /* in the context's list of roots with memory, or of stand-ins */
    struct tensor **link;
};

/* ---- Layouts (core/shape.c) ---- */

int64_t layout_numel(const struct layout *l);     /* INT64_MAX where it does not fit */
void layout_contiguous(struct layout *l);         /* strides from shape, offset 0 */
int layout_is_contiguous(const struct layout *l); /* row-major without gaps; offset may be anything */
int layout_same_shape(const struct layout *x, const struct layout *y);

/* z's shape is x's and y's broadcast together, contiguous; 0, or -1 if they do not fit. */
int layout_broadcast(const struct layout *x, const struct layout *y, struct layout *z);

/* x seen with shape's sizes: stride 0 where it is repeated.  x must broadcast to shape. */
struct layout layout_expand(const struct layout *x, const struct layout *shape);

/* Merges neighbouring axes that all n layouts (of one shape) walk without a seam, drops axes of size 1. */
void layout_collapse(int n, struct layout *l);

/* "[64,784]", "[]" for 0-d. */
enum { SHAPE_TEXT = 192 };
const char *shape_text(char text[SHAPE_TEXT], const struct layout *l);
#define SHAPE(layout) shape_text((char[SHAPE_TEXT]){0}, (layout))

int dtype_is_float(gradc_dtype dtype);
int dtype_known(gradc_dtype dtype);

#endif
