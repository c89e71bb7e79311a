/* strided.c - loops over strided operands: collapsed axes, tasks of fixed grain, and the arguments of kernels. */
#include "ops/strided.h"

#include <string.h>

#include "device/cpu/half.h"

enum { GRAIN = 16384, WIDENED = 512 };

struct job {
    int n, ndim;
    int64_t count;
    strided_loop *loop;
    const double *reals;
    int widened; /* the loop computes, and some operand has 16 bits */
    gradc_dtype dtypes[STRIDED_OPERANDS];
    char *base[STRIDED_OPERANDS];
    int64_t shape[GRADC_MAX_NDIM];
    int64_t step[GRADC_MAX_NDIM][STRIDED_OPERANDS];  /* in elements, by axis */
    int64_t bytes[GRADC_MAX_NDIM][STRIDED_OPERANDS]; /* the same in bytes */
};

/* Operand x is one element, or lies exactly as the contiguous z does: *step 0 or 1.  Else 0 is returned. */
static int is_flat(const struct layout *x, const struct layout *z, int64_t *step)
{
    *step = 0;
    if (layout_numel(x) == 1)
        return 1;
    *step = 1;
    return layout_same_shape(x, z) && layout_is_contiguous(x);
}

/* Block by block, so that the f32 stay in the first cache. */
void strided_widened(strided_loop *loop, int operands, const gradc_dtype *dtypes, int64_t n, char *const *p,
                     const int64_t *step, const double *reals)
{
    _Alignas(64) float blocks[STRIDED_OPERANDS][WIDENED];
    for (int64_t first = 0; first < n; first += WIDENED) {
        const int64_t count = n - first < WIDENED ? n - first : WIDENED;
        char *at[STRIDED_OPERANDS];
        int64_t by[STRIDED_OPERANDS];
        for (int k = 0; k < operands; k++) {
            at[k] = p[k] + first * step[k] * (int64_t)gradc_dtype_size(dtypes[k]);
            by[k] = step[k];
            if (!dtype_is_half(dtypes[k]))
                continue;
            by[k] = step[k] != 0;
            if (k > 0)
                half_widen(dtypes[k], by[k] ? count : 1, at[k], step[k], blocks[k]);
            at[k] = (char *)blocks[k];
        }
        loop(count, at, by, reals);
        if (dtype_is_half(dtypes[0]))
            half_narrow(dtypes[0], count, blocks[0], p[0] + first * (int64_t)sizeof(uint16_t));
    }
}

static void run_loop(const struct job *j, int64_t n, char *const *p, const int64_t *step)
{
    if (j->widened)
        strided_widened(j->loop, j->n, j->dtypes, n, p, step, j->reals);
    else
        j->loop(n, p, step, j->reals);
}

static void run_flat(void *arg, int64_t task, int thread)
{
    (void)thread;
    const struct job *j = arg;
    int64_t first = task * GRAIN;
    char *p[STRIDED_OPERANDS];
    for (int k = 0; k < j->n; k++)
        p[k] = j->base[k] + first * j->bytes[0][k];
    run_loop(j, j->count - first < GRAIN ? j->count - first : GRAIN, p, j->step[0]);
}

/* Elements first .. first + GRAIN - 1 of the row-major order: row after row of the last axis. */
static void run_rows(void *arg, int64_t task, int thread)
{
    (void)thread;
    const struct job *j = arg;
    int last = j->ndim - 1;
    int64_t first = task * GRAIN, left = j->count - first < GRAIN ? j->count - first : GRAIN;
    int64_t index[GRADC_MAX_NDIM], rest = first;
    char *p[STRIDED_OPERANDS];
    memcpy(p, j->base, sizeof p);
    for (int axis = last; axis >= 0; axis--) {
        index[axis] = rest % j->shape[axis];
        rest /= j->shape[axis];
        for (int k = 0; k < j->n; k++)
            p[k] += index[axis] * j->bytes[axis][k];
    }
    int64_t row = j->shape[last] - index[last];
    for (;;) {
        int64_t n = row < left ? row : left;
        run_loop(j, n, p, j->step[last]);
        left -= n;
        if (left == 0)
            return;
        for (int k = 0; k < j->n; k++)
            p[k] -= (j->shape[last] - row) * j->bytes[last][k];
        row = j->shape[last];
        for (int axis = last - 1; axis >= 0; axis--) {
            for (int k = 0; k < j->n; k++)
                p[k] += j->bytes[axis][k];
            if (++index[axis] < j->shape[axis])
                break;
            for (int k = 0; k < j->n; k++)
                p[k] -= j->shape[axis] * j->bytes[axis][k];
            index[axis] = 0;
        }
    }
}

/* All operands over z's shape, collapsed; at least one axis. */
static void collapse(int n, const struct view *const *views, struct layout *l)
{
    for (int k = 0; k < n; k++)
        l[k] = layout_expand(&views[k]->layout, &views[0]->layout);
    layout_collapse(n, l);
    for (int k = 0; k < n && l[k].ndim == 0; k++) {
        l[k].ndim = 1;
        l[k].shape[0] = 1;
        l[k].stride[0] = 0;
    }
}

static int flat(struct job *j, const struct view *const *views)
{
    const struct layout *z = &views[0]->layout;
    if (!layout_is_contiguous(z))
        return 0;
    j->step[0][0] = 1;
    for (int k = 1; k < j->n; k++)
        if (!is_flat(&views[k]->layout, z, &j->step[0][k]))
            return 0;
    return 1;
}

static void run(struct device *d, int n, const struct view *const *views, strided_loop *loop,
                const double *reals, int computes)
{
    struct job j;
    j.widened = 0;
    for (int k = 0; k < n; k++) {
        j.dtypes[k] = views[k]->dtype;
        j.widened |= computes && dtype_is_half(views[k]->dtype);
    }
    j.n = n;
    j.loop = loop;
    j.reals = reals;
    j.count = layout_numel(&views[0]->layout);
    for (int k = 0; k < n; k++)
        j.base[k] = view_host(views[k]);
    if (flat(&j, views)) {
        if (j.count <= GRAIN) {
            run_loop(&j, j.count, j.base, j.step[0]);
            return;
        }
        for (int k = 0; k < n; k++)
            j.bytes[0][k] = j.step[0][k] * (int64_t)gradc_dtype_size(views[k]->dtype);
        cpu_parallel(d, cpu_tasks(j.count, GRAIN), run_flat, &j);
        return;
    }
    struct layout l[STRIDED_OPERANDS];
    collapse(n, views, l);
    j.ndim = l[0].ndim;
    memcpy(j.shape, l[0].shape, sizeof j.shape);
    for (int axis = 0; axis < j.ndim; axis++)
        for (int k = 0; k < n; k++) {
            j.step[axis][k] = l[k].stride[axis];
            j.bytes[axis][k] = l[k].stride[axis] * (int64_t)gradc_dtype_size(views[k]->dtype);
        }
    if (j.count <= GRAIN)
        run_rows(&j, 0, 0);
    else
        cpu_parallel(d, cpu_tasks(j.count, GRAIN), run_rows, &j);
}

void strided_run(struct device *d, int n, const struct view *const *views, strided_loop *loop, const double *reals)
{
    run(d, n, views, loop, reals, 0);
}

void strided_compute(struct device *d, int n, const struct view *const *views, strided_loop *loop,
                     const double *reals)
{
    run(d, n, views, loop, reals, 1);
}

/* ---- Copies ---- */

#define COPY_LOOP(T)                                                                          \
    static void copy_##T(int64_t n, char *const *p, const int64_t *step, const double *reals) \
    {                                                                                         \
        (void)reals;                                                                          \
        T *z = (T *)(void *)p[0];                                                             \
        const T *x = (const T *)(void *)p[1];                                                 \
        const int64_t sz = step[0], sx = step[1];                                             \
        if (sz == 1 && sx == 1)                                                               \
            memcpy(z, x, (size_t)n * sizeof *z);                                              \
        else if (sz == 1 && sx == -1)                                                         \
            for (int64_t i = 0; i < n; i++)                                                   \
                z[i] = x[-i];                                                                 \
        else if (sz == 1)                                                                     \
            for (int64_t i = 0; i < n; i++)                                                   \
                z[i] = x[i * sx];                                                             \
        else                                                                                  \
            for (int64_t i = 0; i < n; i++)                                                   \
                z[i * sz] = x[i * sx];                                                        \
    }
COPY_LOOP(uint8_t)
COPY_LOOP(uint16_t)
COPY_LOOP(uint32_t)
COPY_LOOP(uint64_t)

gradc_dtype strided_bits(gradc_dtype dtype)
{
    size_t size = gradc_dtype_size(dtype);
    if (size <= 2)
        return size == 1 ? GRADC_U8 : GRADC_F16;
    return size == 4 ? GRADC_I32 : GRADC_I64;
}

strided_loop *strided_copy(gradc_dtype dtype)
{
    static strided_loop *const loops[] = {
        [GRADC_U8] = copy_uint8_t,
        [GRADC_F16] = copy_uint16_t,
        [GRADC_I32] = copy_uint32_t,
        [GRADC_I64] = copy_uint64_t,
    };
    return loops[strided_bits(dtype)];
}

/* ---- OpenCL ---- */

/* How far a collapsed operand's elements are from its first, at most. */
static int64_t span(const struct layout *l)
{
    int64_t last = 0;
    for (int axis = 0; axis < l->ndim; axis++)
        last += (l->shape[axis] - 1) * (l->stride[axis] < 0 ? -l->stride[axis] : l->stride[axis]);
    return last;
}

/* Programs are made for 1, 2, 4 and 8 axes: axes of size 1 in front fill up. */
static void pad(struct layout *l, int ndim)
{
    int more = ndim - l->ndim;
    memmove(l->shape + more, l->shape, (size_t)l->ndim * sizeof l->shape[0]);
    memmove(l->stride + more, l->stride, (size_t)l->ndim * sizeof l->stride[0]);
    for (int axis = 0; axis < more; axis++) {
        l->shape[axis] = 1;
        l->stride[axis] = 0;
    }
    l->ndim = ndim;
}

void strided_start(struct strided *s, struct kernel_call *k, int n, const struct view *const *views)
{
    struct job j;
    j.n = n;
    s->n = n;
    s->views = views;
    s->count = layout_numel(&views[0]->layout);
    s->axes = 0;
    if (flat(&j, views)) {
        for (int i = 0; i < n; i++)
            s->layout[i].stride[0] = j.step[0][i];
        return;
    }
    collapse(n, views, s->layout);
    for (s->axes = 1; s->axes < s->layout[0].ndim;)
        s->axes *= 2;
    for (int i = 0; i < n; i++) {
        pad(&s->layout[i], s->axes);
        if (span(&s->layout[i]) > INT32_MAX)
            k->wide = 1;
    }
    kernel_option(k, "-DAXES=%d", s->axes);
}

void strided_sizes(struct kernel_call *k, const struct strided *s)
{
    kernel_i64(k, s->count);
    for (int axis = 0; axis < s->axes; axis++)
        kernel_i64(k, s->layout[0].shape[axis]);
}

void strided_operand(struct kernel_call *k, const struct strided *s, int i)
{
    kernel_tensor(k, s->views[i]);
    if (s->axes == 0)
        kernel_i64(k, s->layout[i].stride[0]);
    for (int axis = 0; axis < s->axes; axis++)
        kernel_i64(k, s->layout[i].stride[axis]);
}

void strided_range(struct kernel_call *k, const struct strided *s)
{
    kernel_range(k, s->count);
}
