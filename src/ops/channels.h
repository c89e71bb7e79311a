/* channels.h - what batch_norm and its backward op share: how they see x and split their work, and the loops that
 * channels_isa.c compiles once per instruction set.
 *
 * x is [outer, channels, inner] without gaps; a span is a piece of it: some channels, and of each the same range.
 * Spans of long runs (inner >= NORM_RUN) are one channel, their range counts the channel's outer * inner elements;
 * others are up to NORM_WIDTH neighbouring columns (channels * inner), their range counts rows (outer). */
#ifndef GRADC_CHANNELS_H
#define GRADC_CHANNELS_H

#include "core/op.h"
#include "device/cpu/isa.h"

enum { NORM_RUN = 16, NORM_WIDTH = 64 };

struct norm_span {
    int64_t all, inner;      /* channels of x; inner */
    int64_t first, channels; /* those of the span */
    int64_t from, to;
};

/* Of n numbers: their mean, and the sum of (x - mean)^2. */
struct norm_moments {
    double n, mean, m2;
};

/* z = scale (x - mean) + shift, by channel. */
struct norm_affine {
    double mean, scale, shift;
};

/* dx = flow dz + slope (x - mean) + shift, by channel. */
struct norm_back {
    double mean, flow, slope, shift;
};

/* The sums of dz and of dz (x - mean). */
struct norm_sums {
    double dz, dzx;
};

/* One dtype's loops; arrays have an element for each channel of the span. */
struct norm_loops {
    void (*moments)(const struct norm_span *s, const void *x, struct norm_moments *m);
    void (*apply)(const struct norm_span *s, const void *x, void *z, const struct norm_affine *a);
    void (*sums)(const struct norm_span *s, const void *dz, const void *x, const struct norm_affine *a,
                 struct norm_sums *sums);
    void (*back)(const struct norm_span *s, const void *dz, const void *x, void *dx, const struct norm_back *b);
};

struct norm_table {
    struct norm_loops of[4]; /* by dtype */
};

/* a becomes the moments of a's numbers and b's together. */
static inline void norm_merge(struct norm_moments *a, struct norm_moments b)
{
    double n = a->n + b.n, delta = b.mean - a->mean;
    if (b.n == 0)
        return;
    a->mean = a->n == 0 ? b.mean : a->mean + delta * (b.n / n);
    a->m2 += b.m2 + (a->n == 0 ? 0 : delta * delta * (a->n * b.n / n));
    a->n = n;
}

/* ---- How x is seen and split (channels.c): by shape alone ---- */

/* x [batch,c,...] as [outer, channels, inner]; n numbers make a channel. */
struct norm_extent {
    int64_t outer, channels, inner, n;
};
struct norm_extent norm_extent_of(const struct layout *x);

/* The CPU's tasks: blocks of channels, and segments of each. */
struct norm_split {
    int64_t wide, blocks, segments, range; /* channels of a block; what a block's spans count, in all */
};
struct norm_split norm_split_of(const struct norm_extent *e);
struct norm_span norm_span_of(const struct norm_extent *e, const struct norm_split *s, int64_t task);

/* What the tasks of a call share. */
struct norm_work {
    const struct norm_loops *loops;
    const struct launch *l;
    struct norm_extent e;
    struct norm_split s;
    void *parts; /* of moments or sums, [channels, segments]: the workspace */
};
struct norm_work norm_work_of(const struct launch *l, int x); /* x: which operand */

/* The launch's prologue or epilogue (or NULL): of a span, where its pieces are long, else of all at once. */
void norm_run(const struct epilogue *e, const struct norm_span *s);
void norm_run_all(const struct norm_work *w, const struct epilogue *e);

/* Bytes of the workspace: the CPU's parts of `part` bytes, where there are segments, or OpenCL's. */
size_t norm_workspace(const struct launch *l, const struct norm_extent *e, size_t part);

/* Element c of a vector with any stride, in host memory. */
double norm_number(const struct view *v, int64_t c);
void norm_set_number(const struct view *v, int64_t c, double value);

/* ---- OpenCL: see batch_norm.cl ---- */

enum { NORM_GROUP = 256 }; /* items of a work-group */

/* Begins a kernel with the extent; norm_vector adds a vector of channels; norm_parts is the workspace. */
void norm_start(struct kernel_call *k, const struct launch *l, const char *kernel, const struct norm_extent *e);
void norm_vector(struct kernel_call *k, const struct view *v);
struct view norm_parts(const struct launch *l, const struct norm_extent *e);

/* Launches a kernel of work-groups, one for each channel and segment. */
int64_t norm_group_segments(const struct norm_extent *e);
gradc_status norm_launch_groups(const struct launch *l, struct kernel_call *k, const struct norm_extent *e,
                                struct failure *f);

/* ---- Compositions for gradients ---- */

gradc_tensor *norm_beside(gradc_tensor *v, gradc_tensor *x); /* v [c] as [c,1,...], which broadcasts to x */
gradc_tensor *norm_channel_sum(gradc_tensor *x);             /* over all axes but the channels' */
gradc_tensor *norm_centred(gradc_tensor *x, gradc_tensor *mean); /* x - mean */
double norm_count(const gradc_tensor *x);                        /* n */

/* ---- batch_norm.c, batch_norm_backward.c ---- */

/* in: dz, x, weight, mean, invstd (any strides in the last three) -> dx, dbias, dweight. */
enum { BACK_DZ, BACK_X, BACK_WEIGHT, BACK_MEAN, BACK_INVSTD, BACK_OPERANDS };
enum { BACK_DX, BACK_DBIAS, BACK_DWEIGHT, BACK_OUTPUTS };

/* out[0] is as in[x]; the others are vectors of its channels, f32 where x has 16 bits. */
gradc_status norm_shape(struct record *r, int x);

#endif
