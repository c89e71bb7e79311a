/* linear.c - the dense layer: one product with the rows of x, the bias in its epilogue. */
#include "ops/matrix.h"

/* ---- Shape rule ---- */

/* z[..., out] = sum_in x[..., in] w[out, in] + b[out] */
static gradc_status linear_shape(struct record *r)
{
    const struct tensor *x = r->in[0], *w = r->in[1], *b = r->nin > 2 ? r->in[2] : NULL;
    if (!dtype_is_float(x->dtype) || x->dtype != w->dtype || (b && b->dtype != x->dtype))
        return record_fail(r, GRADC_E_DTYPE, "x %s, w %s%s%s must all be f32 or all f64",
                           gradc_dtype_name(x->dtype), gradc_dtype_name(w->dtype), b ? " and b " : "",
                           b ? gradc_dtype_name(b->dtype) : "");
    if (w->layout.ndim != 2)
        return record_fail(r, GRADC_E_SHAPE, "w %s must be [out, in]", SHAPE(&w->layout));
    if (x->layout.ndim == 0 || x->layout.shape[x->layout.ndim - 1] != w->layout.shape[1])
        return record_fail(r, GRADC_E_SHAPE, "x %s does not match w %s", SHAPE(&x->layout), SHAPE(&w->layout));
    if (b && (b->layout.ndim != 1 || b->layout.shape[0] != w->layout.shape[0]))
        return record_fail(r, GRADC_E_SHAPE, "b %s does not match w %s", SHAPE(&b->layout), SHAPE(&w->layout));
    r->out[0].dtype = x->dtype;
    r->out[0].layout = x->layout;
    r->out[0].layout.shape[x->layout.ndim - 1] = w->layout.shape[0];
    return GRADC_OK;
}

/* ---- Both devices ---- */

static void linear_problem(const struct launch *l, struct gemm *p)
{
    const struct layout *x = &l->in[0].layout, *w = &l->in[1].layout;
    int64_t rows = 1, row = 0;
    (void)matrix_fold(x, &rows, &row); /* linear_operand saw to it that they fold */
    *p = (struct gemm){.dtype = l->out[0].dtype, .m = rows, .n = w->shape[0], .k = w->shape[1]};
    p->a = l->in[0];
    p->b = l->in[1];
    p->c = l->out[0];
    matrix_strides(rows, p->k, row, x->stride[x->ndim - 1], &p->a_row, &p->a_col);
    matrix_strides(p->n, p->k, w->stride[0], w->stride[1], &p->b_col, &p->b_row);
    p->c_row = p->n;
    p->bias = l->nin > 2 ? &l->in[2] : NULL;
}

static size_t linear_workspace(const struct launch *l)
{
    struct gemm p;
    linear_problem(l, &p);
    return l->device->table->gemm_workspace(l->device, &p);
}

static gradc_status linear_run(const struct launch *l, struct failure *f)
{
    struct gemm p;
    linear_problem(l, &p);
    return l->device->table->gemm(l->device, &p, l->workspace, l->prepare, f);
}

static double linear_flop(const struct launch *l)
{
    struct gemm p;
    linear_problem(l, &p);
    return gemm_flop(&p);
}

/* ---- Gradient ---- */

/* dx = dz w, dw = dz' x over all rows, db = dz summed over the rows, by the caller. */
static void linear_gradient(struct gradient *d)
{
    gradc_tensor *x = d->x[0], *w = d->x[1], *dz = d->dz[0];
    if (d->wants[0])
        d->dx[0] = gradc_matmul(dz, w);
    if (d->wants[1])
        d->dx[1] = gradc_matmul(gradc_transpose(matrix_rows(dz, gradc_size(w, 0)), 0, 1),
                                matrix_rows(x, gradc_size(w, 1)));
    if (d->nin > 2 && d->wants[2])
        d->dx[2] = dz;
}

const struct op op_linear = {
    .name = "linear",
    .nin = -1,
    .nout = 1,
    .keeps = KEEP_IN(0) | KEEP_IN(1),
    .shape = linear_shape,
    .workspace = linear_workspace,
    .cpu = linear_run,
    .opencl = linear_run,
    .gradient = linear_gradient,
    .flop = linear_flop,
};

gradc_tensor *gradc_linear(gradc_tensor *x, gradc_tensor *w, gradc_tensor *b)
{
    int nin = b ? 3 : 2;
    x = matrix_operand(x, "linear", 1);
    w = x ? matrix_operand(w, "linear", 1) : NULL;
    b = w ? gradc_contiguous(b) : NULL;
    return op_record(&op_linear, nin, (gradc_tensor *const[]){x, w, b}, &(struct attributes){0});
}
