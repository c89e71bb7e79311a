/* gemm_skinny.c - matrix products with at most eight rows or columns on OpenCL, as the last layers of networks have
 * them at small batches: the calls of opencl/skinny.cl, which reads the large operand once.  Not for processors, whose
 * caches serve tiles as well; not for batches and sums of rows. */
#include "device/opencl/calls.h"

enum {
    ROWS = 8,    /* at most */
    LINES = 4,   /* of a group where depths are neighbours */
    GROUP = 256, /* items of a group */
    LEAST_DEPTH = 256,
    LEAST_LINES = 128, /* below, tiles do as well */
    MANY_LINES = 8192  /* from here on groups of 32 lines fill a device, below they have 8 */
};

/* T and W of the kernel, with their strides and C's. */
struct thin {
    const struct view *t, *w;
    int64_t rows, lines;
    int64_t t_row, t_depth, w_line, w_depth, c_row, c_line;
    int bias_is_row; /* the bias runs along the rows */
};

static struct thin thin_of(const struct gemm *p)
{
    if (p->m <= p->n)
        return (struct thin){&p->a,    &p->b,    p->m,     p->n, p->a_row, p->a_col,
                             p->b_col, p->b_row, p->c_row, 1,    0};
    return (struct thin){&p->b, &p->a, p->n, p->m, p->b_col, p->b_row, p->a_row, p->a_col, 1, p->c_row, 1};
}

static int skinny_applies(const struct device *d, const struct gemm *p)
{
    const struct thin q = thin_of(p);
    const int64_t limit = (int64_t)1 << 31;
    if (is_cpu(d) || p->row_sums || q.rows > ROWS)
        return 0;
    for (int32_t i = 0; i < p->nbatch; i++)
        if (p->batch[i] != 1)
            return 0;
    return p->k >= LEAST_DEPTH && q.lines >= LEAST_LINES && (q.w_depth == 1 || q.w_line == 1) &&
           q.lines * q.w_line + p->k * q.w_depth < limit - GROUP &&
           q.rows * q.t_row + p->k * q.t_depth < limit && q.rows * q.c_row + q.lines * q.c_line < limit;
}

static size_t skinny_workspace(struct device *d, const struct gemm *p)
{
    (void)d;
    (void)p;
    return 0;
}

static int are_fours(const struct view *v, int64_t stride, int64_t depth_stride)
{
    return depth_stride == 1 && stride % 4 == 0 && v->layout.offset % 4 == 0;
}

static void add_options(struct kernel_call *k, const struct thin *q, const struct gemm *p, int across)
{
    int rows = 1;
    while (rows < q->rows)
        rows *= 2;
    kernel_option(k, "-DROWS=%d", rows);
    if (q->w_depth != 1)
        kernel_option(k, "-DACROSS=%d", across);
    else
        kernel_option(k, "-DDEEP");
    if (q->w_depth == 1 && p->k % 4 == 0 && are_fours(q->w, q->w_line, q->w_depth) &&
        are_fours(q->t, q->t_row, q->t_depth))
        kernel_option(k, "-DFOURS");
}

static void add_bias(struct kernel_call *k, const struct gemm *p, int is_row)
{
    if (!p->bias)
        return;
    const struct view flat = opencl_flat(p->bias);
    const int32_t ndim = p->bias->layout.ndim;
    const int64_t stride = ndim > 0 ? p->bias->layout.stride[ndim - 1] : 0;
    kernel_option(k, "-DBIAS");
    kernel_tensor(k, &flat);
    kernel_i64(k, is_row ? stride : 0);
    kernel_i64(k, is_row ? 0 : stride);
}

static gradc_status skinny_run(struct device *d, const struct gemm *p, struct place workspace, int prepare,
                               struct failure *f)
{
    const struct thin q = thin_of(p);
    const struct view t = opencl_flat(q.t), w = opencl_flat(q.w), c = opencl_flat(&p->c);
    const int across = q.lines >= MANY_LINES ? 32 : 8;
    const int64_t lines = q.w_depth == 1 ? LINES : across;
    const size_t groups = (size_t)((q.lines + lines - 1) / lines), local = GROUP;
    const int64_t integers[] = {q.rows,   q.lines,   p->k,    q.t_row, q.t_depth,
                                q.w_line, q.w_depth, q.c_row, q.c_line};
    struct kernel_call k;
    (void)workspace;
    kernel_start(&k, "skinny", "skinny", p->dtype);
    add_options(&k, &q, p, across);
    kernel_tensor(&k, &t);
    kernel_tensor(&k, &w);
    add_bias(&k, p, q.bias_is_row);
    for (size_t i = 0; i < sizeof integers / sizeof integers[0]; i++)
        kernel_i64(&k, integers[i]);
    kernel_result(&k, p->epilogue, &c, 0);
    kernel_groups(&k, 1, &groups, &local);
    return opencl_submit(d, &k, prepare, f);
}

const struct gemm_form gemm_skinny = {"skinny", skinny_applies, skinny_workspace, skinny_run, 0};
