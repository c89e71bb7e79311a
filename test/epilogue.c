/* epilogue.c - chains behind products and convolutions: the same bits as alone, in one launch. */
#include "support/plans.h"

enum { RESULTS = 3 };

/* ---- Products ---- */

static void layer(gradc_context *g, gradc_dtype dtype, const struct sizes *s, struct random *r,
                  gradc_tensor *kept[PLAN_RESULTS])
{
    gradc_tensor *x = leaf(g, dtype, SHAPE_OF(s->m, s->k), r), *w = leaf(g, dtype, SHAPE_OF(s->n, s->k), r),
                 *b = leaf(g, dtype, SHAPE_OF(s->n), r);
    gradc_tensor *z = gradc_relu(gradc_linear(x, w, b));
    assert_int_equal(gradc_backward(gradc_mean(gradc_mul(z, z), 0, NULL, 0)), GRADC_OK);
    for (int i = 0; i < RESULTS; i++)
        kept[i] = gradc_retain(gradc_grad(((gradc_tensor *[]){x, w, b})[i]));
    gradc_release(x);
    gradc_release(w);
    gradc_release(b);
}

/* The product itself is kept, and read by a chain with numbers, a row, a column and random numbers. */
static void kept_product(gradc_context *g, gradc_dtype dtype, const struct sizes *s, struct random *r,
                         gradc_tensor *kept[PLAN_RESULTS])
{
    gradc_tensor *x = values(g, dtype, SHAPE_OF(s->m, s->k), r), *w = values(g, dtype, SHAPE_OF(s->k, s->n), r),
                 *row = values(g, dtype, SHAPE_OF(s->n), r), *column = values(g, dtype, SHAPE_OF(s->m, 1), r);
    gradc_tensor *z = gradc_matmul(x, w);
    kept[0] = gradc_retain(z);
    kept[1] = gradc_retain(gradc_dropout(gradc_add(gradc_mul_scalar(z, 0.7), row), 0.3));
    kept[2] = gradc_retain(gradc_ge(gradc_mul(z, column), row));
    gradc_release(x);
    gradc_release(w);
    gradc_release(row);
    gradc_release(column);
}

/* Stacks; a residual that the product reads, too. */
static void residual(gradc_context *g, gradc_dtype dtype, const struct sizes *s, struct random *r,
                     gradc_tensor *kept[PLAN_RESULTS])
{
    gradc_tensor *x = values(g, dtype, SHAPE_OF(3, s->m, s->k), r),
                 *w = values(g, dtype, SHAPE_OF(3, s->k, s->k), r),
                 *v = values(g, dtype, SHAPE_OF(2, 1, s->k, s->n), r);
    gradc_tensor *h = gradc_neg(x),
                 *z = gradc_add(gradc_matmul(h, w), h); /* h ends here: its place could be taken */
    kept[0] = gradc_retain(gradc_contiguous(gradc_transpose(z, -1, -2)));
    kept[1] = gradc_retain(gradc_tanh(gradc_matmul(x, v)));
    kept[2] = gradc_retain(gradc_exp(gradc_transpose(gradc_matmul(x, v), -1, -2)));
    gradc_release(x);
    gradc_release(w);
    gradc_release(v);
}

/* ---- Convolutions ---- */

static void convolution(gradc_context *g, gradc_dtype dtype, const struct sizes *s, struct random *r,
                        gradc_tensor *kept[PLAN_RESULTS])
{
    int64_t side = s->k, groups = s->m % 2 ? 1 : 2;
    gradc_tensor *x = leaf(g, dtype, SHAPE_OF(2, s->m, side, side + 2), r),
                 *w = leaf(g, dtype, SHAPE_OF(s->n * groups, s->m / groups, 3, 3), r),
                 *b = leaf(g, dtype, SHAPE_OF(s->n * groups), r);
    gradc_tensor *z = gradc_conv2d_full(x, w, b, (int)(side % 3) + 1, 1, 1, 1, 1, 1, (int)groups);
    z = gradc_relu(gradc_add(gradc_square(z), z));
    assert_int_equal(gradc_backward(gradc_mean(z, 0, NULL, 0)), GRADC_OK);
    for (int i = 0; i < RESULTS; i++)
        kept[i] = gradc_retain(gradc_grad(((gradc_tensor *[]){x, w, b})[i]));
    gradc_release(x);
    gradc_release(w);
    gradc_release(b);
}

/* Its inputs' gradient, as a layer: strides that lie interleaved, a bias, a mask of random numbers. */
static void transposed(gradc_context *g, gradc_dtype dtype, const struct sizes *s, struct random *r,
                       gradc_tensor *kept[PLAN_RESULTS])
{
    gradc_tensor *x = values(g, dtype, SHAPE_OF(2, s->m, s->k, s->k), r),
                 *w = values(g, dtype, SHAPE_OF(s->m, s->n, 3, 3), r), *b = values(g, dtype, SHAPE_OF(s->n), r);
    kept[0] = gradc_retain(gradc_relu(gradc_conv_transpose2d(x, w, b, 1, 1)));
    kept[1] = gradc_retain(gradc_relu(gradc_conv_transpose2d(x, w, b, 2, 1)));
    kept[2] = gradc_retain(gradc_dropout(gradc_conv_transpose2d(x, w, b, 1, 0), 0.5));
    gradc_release(x);
    gradc_release(w);
    gradc_release(b);
}

/* A pool's gradient, as relu's mask takes it up, in windows that overlap; and next to another reader. */
static void pooled(gradc_context *g, gradc_dtype dtype, const struct sizes *s, struct random *r,
                   gradc_tensor *kept[PLAN_RESULTS])
{
    gradc_tensor *x = leaf(g, dtype, SHAPE_OF(2, s->m, s->k, s->k + 1), r),
                 *y = leaf(g, dtype, SHAPE_OF(2, s->m, s->k, s->k + 1), r);
    gradc_tensor *z = gradc_max_pool2d_full(gradc_relu(gradc_mul(x, y)), 3, 2, 2, 1, 1, 0);
    assert_int_equal(gradc_backward(gradc_sum(gradc_mul(z, z), 0, NULL, 0)), GRADC_OK);
    kept[0] = gradc_retain(z);
    kept[1] = gradc_retain(gradc_grad(x));
    kept[2] = gradc_retain(gradc_grad(y));
    gradc_release(x);
    gradc_release(y);
}

/* Norms, with the batch's statistics, given ones, and of rows. */
static void normalised(gradc_context *g, gradc_dtype dtype, const struct sizes *s, struct random *r,
                       gradc_tensor *kept[PLAN_RESULTS])
{
    gradc_tensor *x = leaf(g, dtype, SHAPE_OF(3, s->m, s->k, s->k), r),
                 *w = values(g, dtype, SHAPE_OF(s->m), r), *mean = values(g, dtype, SHAPE_OF(s->m), r),
                 *var = tensor_random(g, dtype, SHAPE_OF(s->m), 0.5, 1, r);
    gradc_tensor *z = gradc_relu(gradc_batch_norm(x, mean, var, w, w, 1, 0.1, 1e-5));
    z = gradc_layer_norm(z, 2, (const int64_t[]){s->k, s->k}, NULL, NULL, 1e-5);
    z = gradc_dropout(gradc_add(z, x), 0.2);
    assert_int_equal(gradc_backward(gradc_sum(gradc_mul(z, z), 0, NULL, 0)), GRADC_OK);
    kept[0] = gradc_retain(z);
    kept[1] = gradc_retain(gradc_grad(x));
    kept[2] = gradc_retain(gradc_sigmoid(gradc_batch_norm(x, mean, var, w, w, 0, 0.1, 1e-5)));
    gradc_release(x);
    gradc_release(w);
    gradc_release(mean);
    gradc_release(var);
}

/* Rows: probabilities as attention drops them, and gradients that meet another on their way (x is read twice). */
static void rows(gradc_context *g, gradc_dtype dtype, const struct sizes *s, struct random *r,
                 gradc_tensor *kept[PLAN_RESULTS])
{
    gradc_tensor *x = leaf(g, dtype, SHAPE_OF(s->n, s->k, s->m), r),
                 *y = leaf(g, dtype, SHAPE_OF(s->n, s->k, s->m), r),
                 *labels = gradc_new(g, GRADC_I32, 1, (const int64_t[]){s->n * s->k});
    const int64_t flat[] = {s->n * s->k, s->m};
    gradc_tensor *z = gradc_dropout(gradc_softmax(x, -1), 0.3);
    z = gradc_add(z, gradc_mul(gradc_log_softmax(y, 1), x));
    z = gradc_add(gradc_layer_norm(z, 1, &s->m, NULL, NULL, 1e-5), z);
    z = gradc_add(gradc_batch_norm(z, NULL, NULL, NULL, NULL, 1, 0.1, 1e-5), z);
    gradc_tensor *logits = gradc_reshape(z, 2, flat), *loss = gradc_cross_entropy(gradc_relu(logits), labels);
    assert_int_equal(gradc_backward(gradc_add(loss, gradc_sum(gradc_square(z), 0, NULL, 0))), GRADC_OK);
    kept[0] = gradc_retain(z);
    kept[1] = gradc_retain(gradc_grad(x));
    kept[2] = gradc_retain(gradc_grad(y));
    kept[3] = gradc_retain(gradc_neg(gradc_softmax(y, 1)));
    gradc_release(x);
    gradc_release(y);
    gradc_release(labels);
}

/* ---- The comparison ---- */

static void compare_all(struct fixture *f, maker *make, const struct sizes *s, size_t count)
{
    const int cpu = strcmp(f->device, "cpu") == 0;
    if (f->eager)
        return;
    with_chains(f->g);
    for (size_t i = 0; i < count; i++) {
        compare_with_eager(f, make, GRADC_F32, &s[i]);
        if (cpu)
            compare_with_eager(f, make, GRADC_F64, &s[i]);
        if (!cpu) /* OpenCL on a CPU takes seconds to compile them */
            break;
    }
}

#define COMPARE(f, make, sizes) compare_all(f, make, sizes, sizeof(sizes) / sizeof *(sizes))

/* Odd sizes; the sum in parts; a row, a column, one element; blocks of several columns. */
static const struct sizes products[] = {{17, 10, 23},   {3, 5, 4100},   {130, 530, 40},
                                        {1, 300, 70},   {300, 1, 70},   {1, 1, 5},
                                        {64, 128, 784}, {7, 1031, 600}, {513, 33, 1025}};

static void layers_change_no_bit(struct fixture *f)
{
    COMPARE(f, layer, products);
}

static void kept_products_change_no_bit(struct fixture *f)
{
    COMPARE(f, kept_product, products);
}

static void residuals_change_no_bit(struct fixture *f)
{
    COMPARE(f, residual, products);
}

/* m channels, n outputs (of each of two groups if m is even), k pixels a side. */
static const struct sizes images[] = {{3, 5, 8},   {4, 3, 9},  {1, 1, 5},    {2, 33, 6}, {5, 16, 28},
                                      {16, 8, 13}, {3, 2, 40}, {17, 20, 24}, {19, 17, 6}};

static void convolutions_change_no_bit(struct fixture *f)
{
    COMPARE(f, convolution, images);
}

static void transposed_convolutions_change_no_bit(struct fixture *f)
{
    COMPARE(f, transposed, images);
}

static void pools_change_no_bit(struct fixture *f)
{
    COMPARE(f, pooled, images);
}

static void norms_change_no_bit(struct fixture *f)
{
    COMPARE(f, normalised, images);
}

/* Rows of m numbers: by items, by groups; columns; and runs of a channel that are long enough for a piece. */
static void rows_change_no_bit(struct fixture *f)
{
    static const struct sizes sizes[] = {{300, 2, 3}, {3, 5, 8}, {9, 40, 70}, {1031, 1, 1}, {2, 33, 600}};
    COMPARE(f, rows, sizes);
}

/* ---- Launches ---- */

static void a_layer_is_one_launch(struct fixture *f)
{
    struct random r = {test_seed()};
    if (f->eager)
        return;
    with_chains(f->g);
    gradc_tensor *x = values(f->g, GRADC_F32, SHAPE_OF(4, 6), &r),
                 *w = values(f->g, GRADC_F32, SHAPE_OF(5, 6), &r),
                 *b = values(f->g, GRADC_F32, SHAPE_OF(5), &r);
    gradc_relu(gradc_linear(x, w, b));
    assert_int_equal(launches(f->g), 1);
    gradc_tape_clear(f->g);
    set(f->g, "plan.epilogue", "0");
    gradc_relu(gradc_linear(x, w, b));
    assert_int_equal(launches(f->g), 2);
    gradc_tape_clear(f->g);
    set(f->g, "plan.epilogue", "1");
    gradc_relu(gradc_transpose(gradc_linear(x, w, b), 0, 1)); /* another order */
    assert_int_equal(launches(f->g), 2);
    gradc_tape_clear(f->g);
    gradc_tensor *z =
        gradc_add(gradc_linear(x, w, b), gradc_linear(gradc_neg(x), w, b)); /* it takes up one of two */
    gradc_neg(z);
    assert_int_equal(launches(f->g), 3);
    gradc_tape_clear(f->g);
    gradc_release(x);
    gradc_release(w);
    gradc_release(b);
}

/* linear+relu+le, linear, cross_entropy, its gradient, matmul+where, two linear_weight, the updates. */
static void a_step_is_few_launches(struct fixture *f)
{
    struct random r = {test_seed()};
    if (f->eager)
        return;
    with_chains(f->g);
    set(f->g, "plan.updates", "1");
    const int64_t batch = 64;
    gradc_tensor *p[4] = {leaf(f->g, GRADC_F32, SHAPE_OF(128, 784), &r),
                          leaf(f->g, GRADC_F32, SHAPE_OF(128), &r),
                          leaf(f->g, GRADC_F32, SHAPE_OF(10, 128), &r), leaf(f->g, GRADC_F32, SHAPE_OF(10), &r)};
    gradc_tensor *x = values(f->g, GRADC_F32, SHAPE_OF(64, 784), &r), *y = gradc_new(f->g, GRADC_I32, 1, &batch);
    gradc_optim *o = gradc_sgd(p, 4, 0.1, 0.9);
    gradc_tensor *h = gradc_relu(gradc_linear(x, p[0], p[1]));
    assert_int_equal(gradc_backward(gradc_cross_entropy(gradc_linear(h, p[2], p[3]), y)), GRADC_OK);
    assert_int_equal(gradc_step(o), GRADC_OK);
    assert_int_equal(launches(f->g), 8);
    gradc_tape_clear(f->g);
    gradc_optim_free(o);
    gradc_release(x);
    gradc_release(y);
    for (int i = 0; i < 4; i++)
        gradc_release(p[i]);
}

int main(void)
{
    static const struct test tests[] = {
        {"layers change no bit", layers_change_no_bit},
        {"products that are kept change no bit", kept_products_change_no_bit},
        {"residuals change no bit", residuals_change_no_bit},
        {"convolutions change no bit", convolutions_change_no_bit},
        {"transposed convolutions change no bit", transposed_convolutions_change_no_bit},
        {"pools change no bit", pools_change_no_bit},
        {"norms change no bit", norms_change_no_bit},
        {"rows change no bit", rows_change_no_bit},
        {"a layer is one launch", a_layer_is_one_launch},
        {"a training step is few launches", a_step_is_few_launches},
    };
    return RUN_SUITE("epilogue", tests);
}
