/* gemm_product.c - matrix products as kernels see them: batch axes, the arguments, splits and their sum
 * (opencl/gemm_sum.cl).
 *
 * A kernel takes two batch axes; more of them, where axes can't be joined, are looped over here. */
#include "device/opencl/gemm_product.h"

#include <string.h>

#include "device/opencl/calls.h"

/* Joins neighbouring batch axes that are one axis in all operands. */
static void join_axes(struct gemm_product *q, const struct gemm *p)
{
    for (int32_t i = p->nbatch - 1; i >= 0; i--) {
        struct gemm_axis axis = {p->batch[i], p->a_batch[i], p->b_batch[i], p->c_batch[i]};
        struct gemm_axis *last = q->naxes > 0 ? &q->axes[q->naxes - 1] : NULL;

        if (axis.size == 1)
            continue;
        if (last && axis.a == last->a * last->size && axis.b == last->b * last->size &&
            axis.c == last->c * last->size)
            last->size *= axis.size;
        else
            q->axes[q->naxes++] = axis;
    }
}

/* B repeated over the innermost axis: its matrices of A are more rows, if they lie like rows. */
static void batch_to_rows(struct gemm_product *q)
{
    while (q->naxes > 0 && q->axes[0].b == 0) {
        struct gemm_axis axis = q->axes[0];

        if (q->m != 1 && (axis.a != q->a_row * q->m || axis.c != q->c_row * q->m))
            return;
        if (q->m == 1) {
            q->a_row = axis.a;
            q->c_row = axis.c;
        }
        q->m *= axis.size;
        q->naxes--;
        memmove(q->axes, q->axes + 1, (size_t)q->naxes * sizeof q->axes[0]);
    }
}

int gemm_product_wide(const struct gemm *p, const struct gemm_product *q)
{
    const int64_t limit = (int64_t)1 << 31, edge = 128;
    const int64_t strides[4] = {q->a_row, p->a_col, p->b_row, p->b_col};
    const struct tiling *t = &q->tiling;

    for (int i = 0; i < 4; i++)
        if (strides[i] >= limit / (2 * edge))
            return 1;
    return q->m + edge >= limit || p->n + edge >= limit || p->k + edge >= limit ||
           q->count * q->m * p->n * t->splits >= limit;
}

struct gemm_product gemm_product_of(const struct gemm *p)
{
    struct gemm_product q = {.m = p->m, .a_row = p->a_row, .c_row = p->c_row};

    join_axes(&q, p);
    batch_to_rows(&q);
    while (q.naxes < KERNEL_BATCHES)
        q.axes[q.naxes++] = (struct gemm_axis){1, 0, 0, 0};
    q.count = q.axes[0].size * q.axes[1].size;
    return q;
}

size_t gemm_product_workspace(const struct gemm *p, const struct gemm_product *q)
{
    if (q->tiling.splits == 1)
        return 0;
    return (size_t)(q->tiling.splits * (q->count * q->m * p->n + (p->row_sums ? q->m : 0))) *
           gradc_dtype_size(real_of(p->dtype));
}

/* ---- Calls ---- */

static void add_bias(struct kernel_call *k, const struct view *bias)
{
    if (!bias)
        return;
    struct view flat = opencl_flat(bias);
    int32_t ndim = bias->layout.ndim;

    kernel_option(k, "-DBIAS");
    kernel_tensor(k, &flat);
    kernel_i64(k, ndim > 0 ? bias->layout.stride[ndim - 1] : 0);
}

static void add_row_sums(struct kernel_call *k, const struct view *sums)
{
    if (!sums)
        return;
    kernel_option(k, "-DROW_SUMS");
    kernel_tensor(k, sums);
}

/* Elements of C in front of an item of the batch. */
static int64_t done(const struct gemm *p, const struct view *c)
{
    return c->layout.offset - p->c.layout.offset;
}

static gradc_status call_product(struct device *d, const struct gemm *p, const struct gemm_product *q,
                                 const struct view operands[3], int prepare, struct failure *f)
{
    const struct tiling *t = &q->tiling;
    const struct gemm_axis *inner = &q->axes[0], *outer = &q->axes[1];
    const int whole = t->splits == 1; /* else c is the workspace, the row sums' parts behind */
    const int64_t matrix = q->m * p->n;
    const struct epilogue *e = whole ? p->epilogue : NULL;
    struct view sums = whole && p->row_sums ? *p->row_sums : operands[2];
    if (!whole)
        sums.layout.offset += t->splits * q->count * matrix;
    const int64_t integers[] = {
        q->m,
        p->n,
        p->k,
        t->chunk,
        q->a_row,
        p->a_col,
        p->b_row,
        p->b_col,
        whole ? q->c_row : p->n,
        outer->size,
        inner->size,
        outer->a,
        inner->a,
        outer->b,
        inner->b,
        whole ? outer->c : inner->size * matrix,
        whole ? inner->c : matrix,
        q->count * matrix,
    };
    struct kernel_call k;

    kernel_start(&k, q->source, q->source, p->dtype);
    k.wide = q->wide;
    kernel_option(&k, "%s%s", q->options, whole ? "" : " -DPARTS");
    for (int i = 0; i < 2; i++)
        kernel_tensor(&k, &operands[i]);
    add_bias(&k, whole ? p->bias : NULL);
    add_row_sums(&k, p->row_sums ? &sums : NULL);
    add_integers(&k, integers, sizeof integers / sizeof integers[0]);
    kernel_result(&k, e, &operands[2], done(p, &operands[2]));
    kernel_groups(&k, 2, (const size_t[]){(size_t)(t->across * t->down * q->count * t->splits), 1}, q->local);
    return opencl_submit(d, &k, prepare, f);
}

static gradc_status call_sum(struct device *d, const struct gemm *p, const struct gemm_product *q,
                             const struct view *part, const struct view *c, int prepare, struct failure *f)
{
    const struct gemm_axis *inner = &q->axes[0], *outer = &q->axes[1];
    const int64_t integers[] = {q->tiling.splits, q->m,        p->n,     q->c_row,
                                outer->size,      inner->size, outer->c, inner->c};
    struct kernel_call k;

    kernel_start(&k, "gemm_sum", "gemm_sum", p->dtype);
    k.wide = q->wide;
    kernel_tensor(&k, part);
    add_bias(&k, p->bias);
    add_row_sums(&k, p->row_sums);
    add_integers(&k, integers, sizeof integers / sizeof integers[0]);
    kernel_result(&k, p->epilogue, c, done(p, c));
    kernel_range(&k, q->count * q->m * p->n);
    return opencl_submit(d, &k, prepare, f);
}

/* Two batch axes of the product, at the operands' offsets. */
static gradc_status run_product(struct device *d, const struct gemm *p, const struct gemm_product *q,
                                const struct view operands[3], struct place workspace, int prepare,
                                struct failure *f)
{
    struct view split[3] = {operands[0], operands[1], {.at = workspace, .dtype = real_of(p->dtype)}};

    if (q->tiling.splits == 1)
        return call_product(d, p, q, operands, prepare, f);
    gradc_status status = call_product(d, p, q, split, prepare, f);
    if (status != GRADC_OK)
        return status;
    return call_sum(d, p, q, &split[2], &operands[2], prepare, f);
}

gradc_status gemm_product_run(struct device *d, const struct gemm *p, const struct gemm_product *q,
                              struct place workspace, int prepare, struct failure *f)
{
    int64_t index[GRADC_MAX_NDIM] = {0};
    struct view operands[3] = {opencl_flat(&p->a), opencl_flat(&p->b), opencl_flat(&p->c)};

    for (;;) {
        gradc_status status = run_product(d, p, q, operands, workspace, prepare, f);
        if (status != GRADC_OK || prepare)
            return status;

        int32_t i = KERNEL_BATCHES;
        for (; i < q->naxes; i++) {
            const struct gemm_axis *axis = &q->axes[i];
            int64_t steps = index[i] + 1 < axis->size ? 1 : -index[i];

            index[i] += steps;
            operands[0].layout.offset += steps * axis->a;
            operands[1].layout.offset += steps * axis->b;
            operands[2].layout.offset += steps * axis->c;
            if (steps == 1)
                break;
        }
        if (i == q->naxes)
            return GRADC_OK;
    }
}
