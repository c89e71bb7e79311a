/* prod.c - the product over axes.  Floats; integers and bool into i64, wrapping around. */
#include "ops/elementwise.h"
#include "ops/ops.h"
#include "ops/reduce.h"
#include "ops/wide_gradient.h"
#include "ops/slice.h"

/* ints: REDUCE_*. */
static gradc_status prod_shape(struct record *r)
{
    r->out[0].dtype = reduce_result(REDUCE_PROD, r->in[0]->dtype);
    return reduce_shape(r);
}

static gradc_status prod_cpu(const struct launch *l, struct failure *f)
{
    return reduce_cpu(l, &(struct fold){.kind = REDUCE_PROD}, f);
}

static gradc_status prod_opencl(const struct launch *l, struct failure *f)
{
    return reduce_opencl(l, &(struct fold){.kind = REDUCE_PROD}, f);
}

/* ---- The gradient ----
 * dx_i = dz * (the product of the other x_j).  Nothing is divided, so zeros are elements like others, in derivatives of
 * any order: products of pairs go up a tree, and on the way down each of a pair gets what came to the pair, times the
 * other one. */

enum { PROD_LEVELS = 64 };

/* x [rows, n] with ones behind it up to `size`. */
static gradc_tensor *prod_pad(gradc_tensor *x, int64_t rows, int64_t n, int64_t size)
{
    gradc_tensor *ones;

    if (n == size)
        return x;
    ones = gradc_expand(number(x, 1), 2, (const int64_t[]){rows, size - n});
    return gradc_add(slice_into_zeros(x, 1, 0, size), slice_into_zeros(ones, 1, n, size));
}

/* An even size of at least n; one that stays even for several levels where that costs little. */
static int64_t prod_size(int64_t n)
{
    int64_t step = 2;

    if (n % 2 == 0)
        return n;
    while (step * step * 4 <= n)
        step *= 2;
    return (n + step - 1) / step * step;
}

/* x [rows, n], top [rows, 1]: each element is top times the product of the others of its row. */
static gradc_tensor *prod_others(gradc_tensor *x, gradc_tensor *top, int64_t rows, int64_t n)
{
    gradc_tensor *one = gradc_reshape(number(x, 1), 2, (const int64_t[]){1, 1});
    gradc_tensor *first = gradc_gt(slice_into_zeros(one, 0, 0, 2), number(x, 0)); /* [2, 1]: yes, no */
    gradc_tensor *left[PROD_LEVELS], *right[PROD_LEVELS];
    int64_t count[PROD_LEVELS];
    int levels = 0;

    for (; n > 1; n = prod_size(n) / 2) {
        int64_t half = prod_size(n) / 2;
        gradc_tensor *pairs = gradc_reshape(prod_pad(x, rows, n, 2 * half), 3, (const int64_t[]){rows, 2, half});

        count[levels] = n;
        left[levels] = gradc_slice(pairs, 1, 0, 1, 1);
        right[levels] = gradc_slice(pairs, 1, 1, 2, 1);
        x = gradc_reshape(gradc_mul(left[levels], right[levels]), 2, (const int64_t[]){rows, half});
        levels++;
    }
    while (levels-- > 0) {
        gradc_tensor *others = gradc_where(first, right[levels], left[levels]);

        top = gradc_mul(others, gradc_unsqueeze(top, 1));
        top = gradc_slice(gradc_flatten(top, 1, 2), 1, 0, count[levels], 1);
    }
    return top;
}

static void others_gradient(struct gradient *d)
{
    const struct layout *x = &tensor_of(d->x[0])->layout;
    int64_t mask = d->ints[REDUCE_MASK], n = (int64_t)reduce_count(x, mask), rows = 1, shape[GRADC_MAX_NDIM];
    gradc_tensor *dz = reduce_keepdim(d->dz[0], x, mask), *dx;
    int order[GRADC_MAX_NDIM], back[GRADC_MAX_NDIM], kept = 0;

    if (n <= 1 || layout_numel(x) == 0) {
        d->dx[0] = gradc_expand(dz, x->ndim, x->shape);
        return;
    }
    for (int reduced = 0; reduced < 2; reduced++)
        for (int i = 0; i < x->ndim; i++)
            if ((mask >> i & 1) == reduced)
                order[kept++] = i;
    for (int i = 0; i < x->ndim; i++) {
        back[order[i]] = i;
        shape[i] = x->shape[order[i]];
    }
    rows = layout_numel(x) / n;
    dx = gradc_reshape(gradc_permute(d->x[0], x->ndim, order), 2, (const int64_t[]){rows, n});
    dx = prod_others(dx, gradc_reshape(dz, 2, (const int64_t[]){rows, 1}), rows, n);
    d->dx[0] = gradc_permute(gradc_reshape(dx, x->ndim, shape), x->ndim, back);
}

static void prod_gradient(struct gradient *d)
{
    wide_gradient(d, &op_prod, others_gradient);
}

const struct op op_prod = {.name = "prod",
                           .nin = 1,
                           .nout = 1,
                           .flags = OP_PROLOGUE | OP_HALF | OP_SINGLE,
                           .keeps = KEEP_IN(0),
                           .shape = prod_shape,
                           .workspace = reduce_workspace,
                           .cpu = prod_cpu,
                           .opencl = prod_opencl,
                           .gradient = prod_gradient};

gradc_tensor *gradc_prod(gradc_tensor *x, int naxes, const int *axes, int keepdim)
{
    return reduce_record(&op_prod, x, naxes, axes, keepdim);
}
