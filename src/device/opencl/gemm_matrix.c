/* gemm_matrix.c - matrix products on OpenCL by matrix units: the calls of opencl/gemm_matrix.cl. */
#include "device/opencl/gemm_product.h"
#include "device/opencl/matrix.h"

/* An operand of `lines` rows along the depth: element (i, k) is at i * row + k * deep. */
static enum matrix_way way_of(const struct gemm *p, const struct gemm_product *q, const struct view *v,
                              int64_t row, int64_t deep, int right)
{
    int64_t counts[2 + GRADC_MAX_NDIM] = {v->layout.offset, deep == 1 ? row : deep};
    int n = 2;

    for (int32_t i = 0; i < q->naxes; i++)
        counts[n++] = right ? q->axes[i].b : q->axes[i].a;
    if (matrix_aligned(p->dtype, counts, n)) {
        if (deep == 1)
            return WAY_ROWS;
        if (row == 1)
            return WAY_COLUMNS;
    }
    return deep < row ? WAY_DEEP : WAY_GATHER;
}

static struct gemm_product product_of(struct device *d, const struct gemm *p)
{
    struct gemm_product q = gemm_product_of(p);
    const enum matrix_way a = way_of(p, &q, &p->a, q.a_row, p->a_col, 0);
    const enum matrix_way b = way_of(p, &q, &p->b, p->b_col, p->b_row, 1);

    q.tiling = matrix_tiling(d, p->dtype, (const int64_t[]){q.m, p->n, p->k, q.count}, a, b);
    q.wide = gemm_product_wide(p, &q);
    q.source = "gemm_matrix";
    q.local[0] = MATRIX_GROUP;
    q.local[1] = 1;
    matrix_options(d, p->dtype, q.tiling.tile, a, b, q.options);
    return q;
}

static size_t matrix_workspace(struct device *d, const struct gemm *p)
{
    const struct gemm_product q = product_of(d, p);
    return gemm_product_workspace(p, &q);
}

static gradc_status matrix_run(struct device *d, const struct gemm *p, struct place workspace, int prepare,
                               struct failure *f)
{
    const struct gemm_product q = product_of(d, p);
    return gemm_product_run(d, p, &q, workspace, prepare, f);
}

static int matrix_applies(const struct device *d, const struct gemm *p)
{
    return (!p->exact || matrix_is_exact(d, p->dtype)) && matrix_computes(d, p->dtype) &&
           matrix_pays(gemm_product_of(p).m, p->n, p->k);
}

const struct gemm_form gemm_matrix = {"matrix", matrix_applies, matrix_workspace, matrix_run, FORM_NEEDS_TEST};
