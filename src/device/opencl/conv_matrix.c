/* conv_matrix.c - convolutions on OpenCL by matrix units: the calls of opencl/conv_matrix.cl. */
#include "device/opencl/conv_product.h"
#include "device/opencl/matrix.h"

#include <string.h>

/* The left operand: 16 bytes along the depth are contiguous where the depth counts weights, or pixels of planes that
 * are whole pieces of 16 bytes. */
static enum matrix_way left_way(const struct conv *p, const struct conv_product *q)
{
    const int64_t counts[] = {q->a->layout.offset, q->a_row};

    if (p->kind == CONV_INPUT)
        return q->a_row == 1 ? WAY_GATHER : WAY_DEEP;
    return matrix_aligned(p->dtype, counts, 2) ? WAY_ROWS : WAY_DEEP;
}

static struct conv_product product_of(struct device *d, const struct conv *p)
{
    struct conv_product q = conv_product_of(p);
    const enum matrix_way a = left_way(p, &q), b = q.deep ? WAY_DEEP : WAY_GATHER;

    q.tiling = matrix_tiling(d, p->dtype, (const int64_t[]){q.m, q.n, q.depth, p->groups}, a, b);
    q.wide = conv_product_wide(p, &q);
    q.source = "conv_matrix";
    q.local[0] = MATRIX_GROUP;
    q.local[1] = 1;
    matrix_options(d, p->dtype, q.tiling.tile, a, b, q.options);
    if (q.strided)
        strcat(q.options, " -DSTRIDED");
    return q;
}

static size_t matrix_workspace(struct device *d, const struct conv *p)
{
    const struct conv_product q = product_of(d, p);
    return conv_product_workspace(p, &q);
}

static gradc_status matrix_run(struct device *d, const struct conv *p, int prepare, struct failure *f)
{
    const struct conv_product q = product_of(d, p);
    return conv_product_run(d, p, &q, prepare, f);
}

static int matrix_applies(const struct device *d, const struct conv *p)
{
    const struct conv_product q = conv_product_of(p);

    return matrix_computes(d, p->dtype) && matrix_pays(q.m, q.n, q.depth);
}

/* Where nothing is rounded Winograd's form does as well and multiplies less; its products go by the unit. */
static int is_first(const struct device *d, const struct conv *p)
{
    return !matrix_is_exact(d, p->dtype) || !conv_form_winograd.applies(d, p) || !conv_form_winograd.pays(d, p);
}

const struct conv_form conv_matrix = {"matrix",         matrix_applies, is_first,
                                      matrix_workspace, matrix_run,     FORM_NEEDS_TEST};
