/* halves.c - ops of f16 and bf16 on small shapes. */
#include "halves.h"

#include "values.h"

static gradc_tensor *leaf(gradc_context *g, gradc_dtype dtype, const int64_t *shape)
{
    struct random r = {1};
    gradc_tensor *x = operand(g, dtype, PLAIN, shape, 0.5, 1.5, &r);
    assert_int_equal(gradc_requires_grad(x, 1), GRADC_OK);
    return x;
}

/* ---- Elementwise ---- */

enum { ROWS_SAMPLED = 3 };

static gradc_tensor *row(gradc_context *g, gradc_dtype dtype, int which)
{
    gradc_tensor *x = leaf(g, dtype, SHAPE_OF(3, 5)), *y = leaf(g, dtype, SHAPE_OF(5));
    int at = 0;
#define EW1(name, kind, f, keeps, dx, low, high) \
    if (at++ == which)                           \
        return gradc_##name(x);
#define EW1A(name, kind, f, keeps, dx, low, high) \
    if (at++ == which)                            \
        return gradc_##name(x, 0.7);
#define EW1B(name, kind, f, keeps, dx, low, high) \
    if (at++ == which)                            \
        return gradc_##name(x, 0.7, 1.2);
#define EW2(name, kind, f, keeps, dx, dy, low, high) \
    if (at++ == which)                               \
        return gradc_##name(x, y);
#define EWT(name, f) EW1(name, , , , , , )
#define EWC(name, f) EW2(name, , , , , , , )
#define EW3(name, f, keeps, dx, dy, low, high) \
    if (at++ == which)                         \
        return gradc_##name(gradc_lt(x, y), x, y);
#include "ops/elementwise.def"
    return NULL;
}

/* ---- The others ---- */

static gradc_tensor *product(gradc_context *g, gradc_dtype dtype, int which)
{
    static const int64_t sizes[][3] = {{3, 2, 5}, {3, 20, 300}, {70, 20, 3}, {70, 70, 3}};
    const int64_t *s = sizes[which / 2];
    gradc_tensor *x = leaf(g, dtype, SHAPE_OF(s[0], s[2]));
    if (which % 2)
        return gradc_relu(gradc_linear(x, leaf(g, dtype, SHAPE_OF(s[1], s[2])), leaf(g, dtype, SHAPE_OF(s[1]))));
    return gradc_matmul(x, leaf(g, dtype, SHAPE_OF(s[2], s[1])));
}

static gradc_tensor *image(gradc_context *g, gradc_dtype dtype, int which)
{
    gradc_tensor *x = leaf(g, dtype, SHAPE_OF(2, 4, 6, 7)), *b = leaf(g, dtype, SHAPE_OF(4));
    gradc_tensor *single = leaf(g, GRADC_F32, SHAPE_OF(4)), *mean = leaf(g, GRADC_F32, SHAPE_OF(4));
    switch (which) {
    case 0: return gradc_relu(gradc_conv2d(x, leaf(g, dtype, SHAPE_OF(4, 4, 3, 3)), b, 1, 1));
    case 1: return gradc_conv2d_full(x, leaf(g, dtype, SHAPE_OF(4, 2, 3, 3)), NULL, 2, 1, 1, 1, 1, 1, 2);
    case 2: return gradc_conv2d(x, leaf(g, dtype, SHAPE_OF(4, 4, 1, 1)), b, 1, 0);
    case 3: return gradc_max_pool2d(gradc_relu(x), 2, 2);
    case 4: return gradc_avg_pool2d(x, 2, 2);
    case 5: return gradc_adaptive_avg_pool2d(x, 4, 3);
    case 6: return gradc_relu(gradc_batch_norm(gradc_neg(x), NULL, NULL, single, single, 1, 0.1, 1e-5));
    case 7: return gradc_batch_norm(x, mean, single, single, single, 0, 0.1, 1e-5);
    case 8: return gradc_sum(x, 0, NULL, 0);
    case 9: return gradc_mean(gradc_square(x), 2, (const int[]){2, 3}, 0);
    case 10: return gradc_sum(x, 2, (const int[]){0, 2}, 0);
    default: return NULL;
    }
}

static gradc_tensor *other(gradc_context *g, gradc_dtype dtype, int which)
{
    gradc_tensor *x = leaf(g, dtype, SHAPE_OF(2, 3, 5)), *single = leaf(g, GRADC_F32, SHAPE_OF(2, 3, 5));
    gradc_tensor *index = operand_of(g, GRADC_I64, SHAPE_OF(3), (const double[]){2, 0, 1});
    switch (which) {
    case 0: return gradc_cast(gradc_exp(x), GRADC_F32);
    case 1: return gradc_mul(gradc_cast(single, dtype), x);
    case 2: return gradc_cast(gradc_cast(gradc_cast(x, GRADC_I32), dtype), GRADC_BOOL);
    case 3: return gradc_dropout(x, 0.5);
    case 4: return gradc_contiguous(gradc_transpose(x, 0, 2));
    case 5: return gradc_concat((gradc_tensor *[]){x, gradc_flip(x, 1, (const int[]){2})}, 2, 1);
    case 6: return gradc_pad(gradc_slice(x, 1, 0, 3, 2), 2, (const int64_t[]){2, -1}, 1);
    case 7: return gradc_tril(x, 1);
    case 8: return gradc_index_select(x, 1, index);
    case 9: return gradc_embedding(index, gradc_reshape(x, 2, (const int64_t[]){6, 5}));
    default: return NULL;
    }
}

/* Short rows and long ones have kernels of their own. */
static gradc_tensor *reduced(gradc_context *g, gradc_dtype dtype, int which)
{
    static const int last[] = {1}, first[] = {0};
    gradc_tensor *x = leaf(g, dtype, SHAPE_OF(3, which % 2 ? 70 : 5));
    gradc_tensor *labels = operand_of(g, GRADC_I64, SHAPE_OF(3), (const double[]){2, 0, 1});
    const int64_t shape[] = {gradc_size(x, 1)};
    switch (which / 2) {
    case 0: return gradc_softmax(gradc_relu(x), 1);
    case 1: return gradc_log_softmax(x, 1);
    case 2: return gradc_cross_entropy(gradc_neg(x), labels);
    case 3:
        return gradc_relu(
            gradc_layer_norm(gradc_neg(x), 1, shape, leaf(g, dtype, SHAPE_OF(shape[0])), NULL, 1e-5));
    case 4: return gradc_max(x, 1, last, 0);
    case 5: return gradc_argmax(x, 1, last, 0);
    case 6: return gradc_var(x, 1, last, 0, 1);
    case 7: return gradc_logsumexp(x, 1, first, 0);
    case 8: return gradc_norm(x, which % 2 ? 2 : 3, 1, last, 0);
    case 9: return gradc_nll_loss(x, labels, NULL, -100, which % 2 ? GRADC_REDUCE_MEAN : GRADC_REDUCE_NONE);
    case 10: return which % 2 ? gradc_any(x, 0, NULL, 0) : gradc_prod(x, 1, last, 0);
    case 11: return gradc_scatter_add(x, 0, gradc_reshape(labels, 2, (const int64_t[]){3, 1}), x);
    default: return NULL;
    }
}

gradc_tensor *halves_result(gradc_context *g, gradc_dtype dtype, int which)
{
    enum { PRODUCTS = 8, IMAGES = 11, OTHERS = 10, REDUCED = 24 };
    if (which < PRODUCTS)
        return product(g, dtype, which);
    which -= PRODUCTS;
    if (which < IMAGES)
        return image(g, dtype, which);
    which -= IMAGES;
    if (which < OTHERS)
        return other(g, dtype, which);
    which -= OTHERS;
    if (which < REDUCED)
        return reduced(g, dtype, which);
    which -= REDUCED;
    return which < ROWS_SAMPLED || test_all() ? row(g, dtype, which) : NULL;
}

void halves_free(gradc_context *g)
{
    operands_free(g);
}
