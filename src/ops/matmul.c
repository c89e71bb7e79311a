/* matmul.c - the product of two matrices, stacks of them, and vectors.  The products themselves are the device's
 * engine (struct gemm); here are shapes, broadcasting, and what is read in place. */
#include "ops/matrix.h"

int matrix_strides(int64_t rows, int64_t cols, int64_t row, int64_t col, int64_t *row_out, int64_t *col_out)
{
    if (cols <= 1) {
        col = 1;
        if (rows <= 1)
            row = 1;
    } else if (rows <= 1) {
        row = col == 1 ? cols : 1;
    }
    *row_out = row;
    *col_out = col;
    return (col == 1 && row >= cols) || (row == 1 && col >= rows) || rows <= 0 || cols <= 0;
}

int matrix_fold(const struct layout *l, int64_t *rows, int64_t *row)
{
    int64_t next = 0;
    *rows = 1;
    *row = 0;
    for (int i = l->ndim - 2; i >= 0; i--) {
        if (l->shape[i] == 1)
            continue;
        if (*rows == 1)
            *row = l->stride[i];
        else if (l->stride[i] != next)
            return 0;
        *rows *= l->shape[i];
        next = l->stride[i] * l->shape[i];
    }
    return 1;
}

static int in_place(const struct layout *l, int folded)
{
    int64_t rows = 1, row = 0, col = 0;
    int n = l->ndim;
    if (n == 0 || layout_is_contiguous(l))
        return 1;
    if (folded && !matrix_fold(l, &rows, &row))
        return 0;
    if (!folded && n > 1) {
        rows = l->shape[n - 2];
        row = l->stride[n - 2];
    }
    return matrix_strides(rows, l->shape[n - 1], row, l->stride[n - 1], &row, &col);
}

gradc_tensor *matrix_operand(gradc_tensor *t, const char *op, int folded)
{
    const struct tensor *body = op_operand(t, op);
    if (!body)
        return NULL;
    return in_place(&body->layout, folded) ? t : gradc_contiguous(t);
}

gradc_tensor *matrix_rows(gradc_tensor *t, int64_t cols)
{
    int64_t rows = 1;
    for (int i = 0; i + 1 < gradc_ndim(t); i++)
        rows *= gradc_size(t, i);
    return gradc_reshape(t, 2, (const int64_t[]){rows, cols});
}

/* ---- Shape rule ---- */

/* An operand as a stack of matrices: a 1-d x is a row, a 1-d y a column; the batch axes in front. */
struct matrix {
    int64_t rows, cols, row, col;
    struct layout batch;
};

static struct matrix as_matrix(const struct layout *l, int column)
{
    struct matrix m = {1, 1, 1, 1, {0}};
    int n = l->ndim;
    if (n == 1 && column) {
        m.rows = l->shape[0];
        m.row = l->stride[0];
        return m;
    }
    m.cols = l->shape[n - 1];
    m.col = l->stride[n - 1];
    if (n == 1)
        return m;
    m.rows = l->shape[n - 2];
    m.row = l->stride[n - 2];
    m.batch = *l;
    m.batch.ndim = n - 2;
    return m;
}

/* z[..., m, n] = sum_k x[..., m, k] y[..., k, n] */
static gradc_status matmul_shape(struct record *r)
{
    const struct tensor *x = r->in[0], *y = r->in[1];
    if (!dtype_is_float(x->dtype) || x->dtype != y->dtype)
        return record_fail(r, GRADC_E_DTYPE, "x %s and y %s must be floats of one dtype",
                           gradc_dtype_name(x->dtype), gradc_dtype_name(y->dtype));
    if (x->layout.ndim == 0 || y->layout.ndim == 0)
        return record_fail(r, GRADC_E_SHAPE, "x %s and y %s need one axis at least", SHAPE(&x->layout),
                           SHAPE(&y->layout));
    struct matrix a = as_matrix(&x->layout, 0), b = as_matrix(&y->layout, 1);
    struct layout *z = &r->out[0].layout;
    if (a.cols != b.rows || layout_broadcast(&a.batch, &b.batch, z) != 0)
        return record_fail(r, GRADC_E_SHAPE, "x %s does not match y %s", SHAPE(&x->layout), SHAPE(&y->layout));
    if (x->layout.ndim > 1)
        z->shape[z->ndim++] = a.rows;
    if (y->layout.ndim > 1)
        z->shape[z->ndim++] = b.cols;
    r->out[0].dtype = x->dtype;
    return GRADC_OK;
}

/* ---- Both devices ---- */

/* Writes operand m's strides along the batch axes of z. */
static void batch_strides(const struct matrix *m, const struct layout *batch, int64_t *stride)
{
    struct layout l = layout_expand(&m->batch, batch);
    for (int i = 0; i < batch->ndim; i++)
        stride[i] = l.stride[i];
}

static void drop_batch(struct gemm *p, int axis)
{
    p->nbatch--;
    for (int i = axis; i < p->nbatch; i++) {
        p->batch[i] = p->batch[i + 1];
        p->a_batch[i] = p->a_batch[i + 1];
        p->b_batch[i] = p->b_batch[i + 1];
        p->c_batch[i] = p->c_batch[i + 1];
    }
}

/* Joins batch axes that all operands walk without a seam, and takes the innermost ones into m where one y serves
 * them all and x's rows go on evenly: x[b,m,k] y[k,n] is one product of b*m rows. */
static void fold_batch(struct gemm *p)
{
    for (int i = p->nbatch - 1; i >= 0; i--)
        if (p->batch[i] == 1)
            drop_batch(p, i);
    while (p->nbatch > 0) {
        int i = p->nbatch - 1;
        int even = p->m == 1 ? p->a_col == 1 && p->a_batch[i] >= p->k : p->a_batch[i] == p->m * p->a_row;
        if (p->b_batch[i] != 0 || !even)
            break;
        if (p->m == 1)
            p->a_row = p->a_batch[i];
        p->m *= p->batch[i];
        drop_batch(p, i);
    }
    for (int i = p->nbatch - 2; i >= 0; i--) {
        int64_t n = p->batch[i + 1];
        if (p->a_batch[i] != n * p->a_batch[i + 1] || p->b_batch[i] != n * p->b_batch[i + 1])
            continue;
        p->batch[i + 1] *= p->batch[i];
        drop_batch(p, i);
    }
}

static void matmul_problem(const struct launch *l, struct gemm *p)
{
    struct matrix a = as_matrix(&l->in[0].layout, 0), b = as_matrix(&l->in[1].layout, 1);
    struct layout batch = {0};
    *p = (struct gemm){.dtype = l->out[0].dtype, .m = a.rows, .n = b.cols, .k = a.cols};
    p->a = l->in[0];
    p->b = l->in[1];
    p->c = l->out[0];
    matrix_strides(a.rows, a.cols, a.row, a.col, &p->a_row, &p->a_col);
    matrix_strides(b.rows, b.cols, b.row, b.col, &p->b_row, &p->b_col);
    p->c_row = b.cols;
    (void)layout_broadcast(&a.batch, &b.batch, &batch); /* the shape rule has seen that they fit */
    p->nbatch = batch.ndim;
    batch_strides(&a, &batch, p->a_batch);
    batch_strides(&b, &batch, p->b_batch);
    int64_t step = a.rows * b.cols;
    for (int i = batch.ndim - 1; i >= 0; i--) {
        p->batch[i] = batch.shape[i];
        p->c_batch[i] = step;
        step *= batch.shape[i];
    }
    fold_batch(p);
    p->epilogue = l->epilogue;
}

static size_t matmul_workspace(const struct launch *l)
{
    struct gemm p;
    matmul_problem(l, &p);
    return l->device->table->gemm_workspace(l->device, &p);
}

static gradc_status matmul_run(const struct launch *l, struct failure *f)
{
    struct gemm p;
    matmul_problem(l, &p);
    return l->device->table->gemm(l->device, &p, l->workspace, l->prepare, f);
}

double gemm_flop(const struct gemm *p)
{
    double flop = 2.0 * (double)p->m * (double)p->n * (double)p->k;
    for (int32_t axis = 0; axis < p->nbatch; axis++)
        flop *= (double)p->batch[axis];
    return flop;
}

static double matmul_flop(const struct launch *l)
{
    struct gemm p;
    matmul_problem(l, &p);
    return gemm_flop(&p);
}

/* ---- Gradient ---- */

/* dx = dz y', dy = x' dz for operands of two axes or more.  The caller sums repeated batch axes; a y without batch
 * axes sums them inside the product. */
static void matrices_gradient(struct gradient *d)
{
    gradc_tensor *x = d->x[0], *y = d->x[1], *dz = d->dz[0];
    if (d->wants[0])
        d->dx[0] = gradc_matmul(dz, gradc_transpose(y, -2, -1));
    if (!d->wants[1])
        return;
    if (gradc_ndim(y) == 2 && gradc_ndim(x) > 2) {
        x = matrix_rows(x, gradc_size(y, 0));
        dz = matrix_rows(dz, gradc_size(y, 1));
    }
    d->dx[1] = gradc_matmul(gradc_transpose(x, -2, -1), dz);
}

/* x[k] is a row: dx[..., k] = y dz, dy = x dz (an outer product). */
static void row_gradient(struct gradient *d)
{
    gradc_tensor *x = d->x[0], *y = d->x[1], *dz = d->dz[0];
    if (d->wants[0])
        d->dx[0] = gradc_squeeze(gradc_matmul(y, gradc_unsqueeze(dz, -1)), -1);
    if (d->wants[1])
        d->dx[1] = gradc_matmul(gradc_unsqueeze(x, 1), gradc_unsqueeze(dz, -2));
}

/* y[k] is a column: dx[..., m, k] = dz y (an outer product), dy = x' dz, all rows at once. */
static void column_gradient(struct gradient *d)
{
    gradc_tensor *x = d->x[0], *y = d->x[1], *dz = d->dz[0];
    if (d->wants[0])
        d->dx[0] = gradc_matmul(gradc_unsqueeze(dz, -1), gradc_unsqueeze(y, 0));
    if (d->wants[1]) {
        gradc_tensor *rows = gradc_transpose(matrix_rows(x, gradc_numel(y)), 0, 1);
        d->dx[1] = gradc_matmul(rows, gradc_reshape(dz, 1, (const int64_t[]){gradc_numel(dz)}));
    }
}

static void matmul_gradient(struct gradient *d)
{
    gradc_tensor *x = d->x[0], *y = d->x[1], *dz = d->dz[0];
    if (gradc_ndim(x) > 1 && gradc_ndim(y) > 1) {
        matrices_gradient(d);
    } else if (gradc_ndim(x) > 1) {
        column_gradient(d);
    } else if (gradc_ndim(y) > 1) {
        row_gradient(d);
    } else {
        d->dx[0] = d->wants[0] ? gradc_mul(dz, y) : NULL;
        d->dx[1] = d->wants[1] ? gradc_mul(dz, x) : NULL;
    }
}

const struct op op_matmul = {
    .name = "matmul",
    .nin = 2,
    .nout = 1,
    .keeps = KEEP_IN(0) | KEEP_IN(1),
    .flags = OP_EPILOGUE | OP_HALF | OP_LOW,
    .shape = matmul_shape,
    .workspace = matmul_workspace,
    .cpu = matmul_run,
    .opencl = matmul_run,
    .gradient = matmul_gradient,
    .flop = matmul_flop,
};

gradc_tensor *gradc_matmul(gradc_tensor *x, gradc_tensor *y)
{
    x = matrix_operand(x, "matmul", 0);
    y = x ? matrix_operand(y, "matmul", 0) : NULL;
    return op_record(&op_matmul, 2, (gradc_tensor *const[]){x, y}, &(struct attributes){0});
}
