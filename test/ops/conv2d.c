/* conv2d.c - conv2d and conv2d_full: layouts, what they refuse.  Random shapes and the gradients are in test/conv.c. */
#include <math.h>

#include "../support/naive.h"

static const struct {
    int64_t x[5], w[5];
    struct naive_conv c;
} rows[] = {
    {{2, 3, 7, 9, -1}, {4, 3, 3, 3, -1}, {{1, 1}, {1, 1}, {1, 1}, 1}},
    {{2, 4, 7, 6, -1}, {6, 2, 3, 2, -1}, {{2, 1}, {0, 2}, {1, 2}, 2}},
    {{1, 5, 7, 6, -1}, {5, 1, 3, 3, -1}, {{1, 1}, {1, 0}, {1, 1}, 5}},
    {{3, 2, 1, 1, -1}, {3, 2, 1, 1, -1}, {{3, 3}, {0, 0}, {4, 4}, 1}},
    {{0, 2, 5, 5, -1}, {3, 2, 3, 3, -1}, {{1, 1}, {0, 0}, {1, 1}, 1}},
    {{1, 2, 2, 3, -1}, {2, 2, 3, 3, -1}, {{1, 2}, {4, 3}, {1, 1}, 1}},
};

static gradc_tensor *apply(const struct naive_conv *c, gradc_tensor *x, gradc_tensor *w, gradc_tensor *b)
{
    return gradc_conv2d_full(x, w, b, c->stride[0], c->stride[1], c->padding[0], c->padding[1],
                             c->dilation[0], c->dilation[1], c->groups);
}

static void values(struct fixture *f)
{
    struct random r = {test_seed()};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int form = 0; form < FORMS; form++) {
            int64_t shape[4];
            gradc_dtype dtype = form & 1 ? test_widest(f->g) : GRADC_F32;
            gradc_tensor *x = operand(f->g, dtype, (enum form)form, rows[i].x, -1, 1, &r);
            gradc_tensor *w = operand(f->g, dtype, (enum form)random_below(&r, FORMS), rows[i].w, -1, 1, &r);
            gradc_tensor *b = operand(f->g, dtype, (enum form)form, SHAPE_OF(rows[i].w[0]), -1, 1, &r);
            naive_conv_shape(&rows[i].c, rows[i].x, rows[i].w, shape);
            struct values p = values_read(x), q = values_read(w), bias = values_read(b);
            struct values want = values_new(dtype, 4, shape);
            naive_conv(&rows[i].c, NAIVE_Z, &p, &q, &want);
            assert_values(apply(&rows[i].c, x, w, NULL), &want, naive_tolerance(dtype, 60), form_names[form]);
            for (int64_t k = 0; k < want.n; k++)
                want.at[k] += bias.at[k / (shape[2] * shape[3]) % shape[1]];
            assert_values(apply(&rows[i].c, x, w, b), &want, naive_tolerance(dtype, 60), form_names[form]);
            values_free(&p);
            values_free(&q);
            values_free(&bias);
            values_free(&want);
            operands_free(f->g);
        }
}

/* A NaN reaches the windows that it lies in, and no others. */
static void special_numbers(struct fixture *f)
{
    double image[25] = {0};
    static const double ones[4] = {1, 1, 1, 1};
    image[6] = NAN;
    image[24] = INFINITY;
    gradc_tensor *x = operand_of(f->g, GRADC_F32, SHAPE_OF(1, 1, 5, 5), image);
    gradc_tensor *w = operand_of(f->g, GRADC_F32, SHAPE_OF(1, 1, 2, 2), ones);
    struct values p = values_read(x), q = values_read(w), want = values_new(GRADC_F32, 4, SHAPE_OF(1, 1, 4, 4));
    naive_conv(&(struct naive_conv){{1, 1}, {0, 0}, {1, 1}, 1}, NAIVE_Z, &p, &q, &want);
    assert_values(gradc_conv2d(x, w, NULL, 1, 0), &want, 1e-6, "special numbers");
    values_free(&p);
    values_free(&q);
    values_free(&want);
    operands_free(f->g);
}

static void wrong_arguments(struct fixture *f)
{
    gradc_context *g = f->g;
    struct random r = {test_seed()};
    gradc_tensor *x = operand(g, GRADC_F32, PLAIN, SHAPE_OF(1, 4, 5, 5), 0, 1, &r);
    gradc_tensor *w = operand(g, GRADC_F32, PLAIN, SHAPE_OF(6, 4, 3, 3), 0, 1, &r);
    gradc_tensor *half = operand(g, GRADC_F32, PLAIN, SHAPE_OF(3, 2, 3, 3), 0, 1, &r);
    gradc_tensor *b = operand(g, GRADC_F32, PLAIN, SHAPE_OF(5), 0, 1, &r);
    gradc_tensor *f16 = operand(g, GRADC_F16, PLAIN, SHAPE_OF(6, 4, 3, 3), 0, 1, &r);
    gradc_tensor *whole = operand(g, GRADC_I32, PLAIN, SHAPE_OF(1, 4, 5, 5), 0, 1, &r);
    assert_null(gradc_conv2d(x, NULL, NULL, 1, 0));
    assert_null(gradc_conv2d(NULL, w, NULL, 1, 0));
    assert_works(g);
    assert_refused(g, gradc_conv2d(x, w, NULL, 0, 0), GRADC_E_ARG, "conv2d");
    assert_refused(g, gradc_conv2d(x, w, NULL, 1, -1), GRADC_E_ARG, "conv2d");
    assert_refused(g, gradc_conv2d_full(x, w, NULL, 1, 1, 0, 0, 0, 1, 1), GRADC_E_ARG, "conv2d");
    assert_refused(g, gradc_conv2d_full(x, w, NULL, 1, 1, 0, 0, 1, 1, 0), GRADC_E_ARG, "conv2d");
    assert_refused(g, gradc_conv2d_full(x, w, NULL, 1, 1, 0, 0, 3, 1, 1), GRADC_E_SHAPE, "conv2d");
    assert_refused(g, gradc_conv2d_full(x, w, NULL, 1, 1, 0, 0, 1, 1, 2), GRADC_E_SHAPE, "conv2d");
    assert_refused(g, gradc_conv2d_full(x, half, NULL, 1, 1, 0, 0, 1, 1, 2), GRADC_E_SHAPE, "conv2d");
    assert_refused(g, gradc_conv2d(x, half, NULL, 1, 0), GRADC_E_SHAPE, "conv2d");
    assert_refused(g, gradc_conv2d(x, w, b, 1, 0), GRADC_E_SHAPE, "conv2d");
    assert_refused(g, gradc_conv2d(gradc_flatten(x, 0, 1), w, NULL, 1, 0), GRADC_E_SHAPE, "conv2d");
    assert_refused(g, gradc_conv2d(x, f16, NULL, 1, 0), GRADC_E_DTYPE, "conv2d");
    assert_refused(g, gradc_conv2d(whole, whole, NULL, 1, 0), GRADC_E_DTYPE, "conv2d");
    operands_free(g);
}

/* The second layer of a small net. */
static gradc_tensor *layer(gradc_context *g, struct random *r)
{
    gradc_tensor *x = operand(g, GRADC_F32, PLAIN, SHAPE_OF(8, 32, 14, 14), -1, 1, r);
    gradc_tensor *w = operand(g, GRADC_F32, PLAIN, SHAPE_OF(16, 32, 3, 3), -0.1, 0.1, r);
    return gradc_conv2d(x, w, operand(g, GRADC_F32, PLAIN, SHAPE_OF(16), -1, 1, r), 1, 1);
}

static void devices_agree(struct fixture *f)
{
    assert_agrees(f, layer, 1e-5);
}

int main(void)
{
    static const struct test tests[] = {{"values", values},
                                        {"special numbers", special_numbers},
                                        {"wrong arguments", wrong_arguments},
                                        {"devices agree", devices_agree}};
    return RUN_SUITE("conv2d", tests);
}
