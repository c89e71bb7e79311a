/* linear.c - the dense layer: one product with the rows of x, and the bias; and the gradients of weights and bias in
 * one product (linear_weight). */
#include "ops/matrix.h"

/* ---- Shape rule ---- */

/* z[..., out] = sum_in x[..., in] w[out, in] + b[out] */
static gradc_status linear_shape(struct record *r)
{
    const struct tensor *x = r->in[0], *w = r->in[1], *b = r->nin > 2 ? r->in[2] : NULL;
    if (!dtype_is_float(x->dtype) || x->dtype != w->dtype || (b && b->dtype != x->dtype))
        return record_fail(r, GRADC_E_DTYPE, "x %s, w %s%s%s must be floats of one dtype",
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
    if (!matrix_fold(x, &rows, &row)) /* an empty x: matrix_operand saw to it that others fold */
        rows = w->shape[0] ? layout_numel(&l->out[0].layout) / w->shape[0] : 0;
    *p = (struct gemm){.dtype = l->out[0].dtype, .m = rows, .n = w->shape[0], .k = w->shape[1]};
    p->a = l->in[0];
    p->b = l->in[1];
    p->c = l->out[0];
    matrix_strides(rows, p->k, row, x->stride[x->ndim - 1], &p->a_row, &p->a_col);
    matrix_strides(p->n, p->k, w->stride[0], w->stride[1], &p->b_col, &p->b_row);
    p->c_row = p->n;
    p->bias = l->nin > 2 ? &l->in[2] : NULL;
    p->epilogue = l->epilogue;
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

/* ---- linear_weight: x [rows,in], dz [rows,out] -> dw = dz' x, db[out] = dz summed over the rows ---- */

enum { DW, DB, LINEAR_WEIGHT_OUTPUTS };

static gradc_status linear_weight_shape(struct record *r)
{
    const struct tensor *x = r->in[0], *dz = r->in[1];
    const int64_t in = x->layout.shape[1], out = dz->layout.shape[1];
    r->out[DW].dtype = r->out[DB].dtype = x->dtype;
    r->out[DW].layout = (struct layout){.ndim = 2, .shape = {out, in}};
    r->out[DB].layout = (struct layout){.ndim = 1, .shape = {out}};
    return GRADC_OK;
}

static void linear_weight_problem(const struct launch *l, struct gemm *p)
{
    const struct layout *x = &l->in[0].layout, *dz = &l->in[1].layout;
    *p = (struct gemm){.dtype = l->out[DW].dtype, .m = dz->shape[1], .n = x->shape[1], .k = x->shape[0]};
    p->a = l->in[1];
    p->b = l->in[0];
    p->c = l->out[DW];
    matrix_strides(p->k, p->m, dz->stride[0], dz->stride[1], &p->a_col, &p->a_row);
    matrix_strides(p->k, p->n, x->stride[0], x->stride[1], &p->b_row, &p->b_col);
    p->c_row = p->n;
    p->row_sums = &l->out[DB];
}

static size_t linear_weight_workspace(const struct launch *l)
{
    struct gemm p;
    linear_weight_problem(l, &p);
    return l->device->table->gemm_workspace(l->device, &p);
}

static gradc_status linear_weight_run(const struct launch *l, struct failure *f)
{
    struct gemm p;
    linear_weight_problem(l, &p);
    return l->device->table->gemm(l->device, &p, l->workspace, l->prepare, f);
}

static double linear_weight_flop(const struct launch *l)
{
    struct gemm p;
    linear_weight_problem(l, &p);
    return gemm_flop(&p);
}

/* Of u into dw and v into db:  dx = dz u,  ddz = x u' + v. */
static void linear_weight_gradient(struct gradient *d)
{
    gradc_tensor *x = d->x[0], *dz = d->x[1], *u = d->dz[DW], *v = d->dz[DB];
    if (d->wants[0] && u)
        d->dx[0] = gradc_matmul(dz, u);
    if (d->wants[1])
        d->dx[1] = u ? gradc_linear(x, u, v) : gradc_expand(v, 2, tensor_of(dz)->layout.shape);
}

const struct op op_linear_weight = {
    .name = "linear_weight",
    .nin = 2,
    .nout = LINEAR_WEIGHT_OUTPUTS,
    .keeps = KEEP_IN(0) | KEEP_IN(1),
    .flags = OP_FLOWS | OP_HALF,
    .shape = linear_weight_shape,
    .workspace = linear_weight_workspace,
    .cpu = linear_weight_run,
    .opencl = linear_weight_run,
    .gradient = linear_weight_gradient,
    .flop = linear_weight_flop,
};

/* ---- Gradient ---- */

/* dw and db in one. */
static void weight_and_bias(struct gradient *d)
{
    gradc_tensor *in[2] = {matrix_rows(d->x[0], gradc_size(d->x[1], 1)),
                           matrix_rows(d->dz[0], gradc_size(d->x[1], 0))};
    gradc_tensor *out[LINEAR_WEIGHT_OUTPUTS];
    for (int i = 0; i < 2; i++)
        in[i] = matrix_operand(in[i], "linear", 1);
    if (op_record_all(&op_linear_weight, 2, in, NULL, out))
        return;
    d->dx[1] = out[DW];
    d->dx[2] = out[DB];
}

/* dx = dz w, dw = dz' x over all rows, db = dz summed over the rows (alone by the caller). */
static void linear_gradient(struct gradient *d)
{
    gradc_tensor *x = d->x[0], *w = d->x[1], *dz = d->dz[0];
    const int with_bias = d->nin > 2 && d->wants[2];
    if (d->wants[0])
        d->dx[0] = gradc_matmul(dz, w);
    if (d->wants[1] && with_bias && gradc_numel(w) > 0) {
        weight_and_bias(d);
        return;
    }
    if (d->wants[1])
        d->dx[1] = gradc_matmul(gradc_transpose(matrix_rows(dz, gradc_size(w, 0)), 0, 1),
                                matrix_rows(x, gradc_size(w, 1)));
    if (with_bias)
        d->dx[2] = dz;
}

const struct op op_linear = {
    .name = "linear",
    .nin = -1,
    .nout = 1,
    .keeps = KEEP_IN(0) | KEEP_IN(1),
    .flags = OP_EPILOGUE | OP_HALF | OP_LOW,
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
