/* strided.h - running a loop over elements of strided operands, on both devices: what elementwise ops, casts, copies
 * and assigns have in common.  It knows layouts, not what the loop computes. */
#ifndef GRADC_STRIDED_H
#define GRADC_STRIDED_H

#include "core/op.h"

enum { STRIDED_OPERANDS = 4 };

/* n steps along one axis: operand k starts at p[k] and moves by step[k] elements; p[0] is written.
 * reals are the caller's. */
typedef void strided_loop(int64_t n, char *const *p, const int64_t *step, const double *reals);

/* On the CPU: views[0], with all its strides, is written; the others broadcast to its shape.  In parallel by fixed
 * grain.  Where all operands are contiguous or one element, the loop sees steps of 1 and 0. */
void strided_run(struct device *d, int n, const struct view *const *views, strided_loop *loop,
                 const double *reals);

/* The same for loops that compute: of an operand of f16 or bf16 the loop sees f32, and its result is rounded to
 * views[0]'s dtype.  views[0] is contiguous. */
void strided_compute(struct device *d, int n, const struct view *const *views, strided_loop *loop,
                     const double *reals);

/* Runs a loop that computes on operands of these dtypes, n elements, in the caller's thread; the result's step is 1. */
void strided_widened(strided_loop *loop, int operands, const gradc_dtype *dtypes, int64_t n, char *const *p,
                     const int64_t *step, const double *reals);

/* The loop that copies elements, and the dtype whose `stored` is an integer of the same size, for kernels that copy. */
strided_loop *strided_copy(gradc_dtype dtype);
gradc_dtype strided_bits(gradc_dtype dtype);

/* z = x, of one shape and dtype and any strides, those of x negative ones too; where x is transposed, by tiles
 * (ops/contiguous.c). */
void copy_cpu(struct device *d, const struct view *z, const struct view *x);
gradc_status copy_opencl(const struct launch *l, const struct view *z, const struct view *x, struct failure *f);

/* On OpenCL: what the macros of opencl/strided.cl expect.  strided_start sets AXES for these views and fills *s; then
 * the caller adds the arguments in the order of its kernel: strided_sizes for COUNT(n), strided_operand for RESULT and
 * OPERAND; at the end strided_range. */
struct strided {
    int n, axes; /* axes 0: flat */
    int64_t count;
    const struct view *const *views;
    struct layout layout[STRIDED_OPERANDS];
};

void strided_start(struct strided *s, struct kernel_call *k, int n, const struct view *const *views);
void strided_sizes(struct kernel_call *k, const struct strided *s);
void strided_operand(struct kernel_call *k, const struct strided *s, int i);
void strided_range(struct kernel_call *k, const struct strided *s);

#endif
