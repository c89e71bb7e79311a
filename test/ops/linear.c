/* linear.c - x w' + b against loops: any axes in front, with and without b. */
#include "../support/naive.h"

static const struct {
    int64_t x[5], w[3];
} rows[] = {
    {{5, 7, -1}, {3, 7, -1}},       {{7, -1}, {3, 7, -1}},          {{2, 3, 7, -1}, {5, 7, -1}},
    {{0, 7, -1}, {3, 7, -1}},       {{1, 1, -1}, {1, 1, -1}},       {{5, 0, -1}, {3, 0, -1}},
    {{65, 130, -1}, {67, 130, -1}}, {{2, 1, 3, 4, -1}, {3, 4, -1}},
};

static void check(gradc_tensor *x, gradc_tensor *w, gradc_tensor *b, const char *what)
{
    struct values p = values_read(x), q = values_read(gradc_transpose(w, 0, 1));
    struct values want = naive_matmul(&p, &q), bias = {0};
    if (b)
        bias = values_read(b);
    for (int64_t i = 0; b && i < want.n; i++)
        want.at[i] += bias.at[i % bias.n];
    assert_values(gradc_linear(x, w, b), &want, naive_tolerance(p.dtype, 130), what);
    values_free(&p);
    values_free(&q);
    values_free(&want);
    values_free(&bias);
}

static void values(struct fixture *f)
{
    struct random r = {test_seed()};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int form = 0; form < FORMS; form++) {
            gradc_dtype dtype = form & 1 ? test_widest(f->g) : GRADC_F32;
            gradc_tensor *x = operand(f->g, dtype, (enum form)form, rows[i].x, -1, 1, &r);
            gradc_tensor *w = operand(f->g, dtype, (enum form)random_below(&r, FORMS), rows[i].w, -1, 1, &r);
            check(x, w, NULL, form_names[form]);
            check(x, w, operand(f->g, dtype, (enum form)form, SHAPE_OF(rows[i].w[0]), -1, 1, &r),
                  form_names[form]);
            operands_free(f->g);
        }
    gradc_tensor *none = operand(f->g, GRADC_F32, PLAIN, SHAPE_OF(3, 0), 0, 1, &r);
    none = gradc_expand(none, 3, (const int64_t[]){2, 3, 0}); /* its rows do not walk evenly, but they are rows */
    check(none, operand(f->g, GRADC_F32, PLAIN, SHAPE_OF(5, 0), 0, 1, &r),
          operand(f->g, GRADC_F32, PLAIN, SHAPE_OF(5), 1, 2, &r), "no sum, repeated rows");
    operands_free(f->g);
}

static void wrong_arguments(struct fixture *f)
{
    gradc_context *g = f->g;
    struct random r = {test_seed()};
    gradc_tensor *x = operand(g, GRADC_F32, PLAIN, SHAPE_OF(5, 7), 0, 1, &r);
    gradc_tensor *w = operand(g, GRADC_F32, PLAIN, SHAPE_OF(3, 7), 0, 1, &r);
    gradc_tensor *b = operand(g, GRADC_F32, PLAIN, SHAPE_OF(4), 0, 1, &r);
    gradc_tensor *f16 = operand(g, GRADC_F16, PLAIN, SHAPE_OF(3, 7), 0, 1, &r);
    gradc_tensor *whole = operand(g, GRADC_I32, PLAIN, SHAPE_OF(3), 0, 1, &r);
    assert_null(gradc_linear(NULL, w, NULL));
    assert_null(gradc_linear(x, NULL, NULL));
    assert_works(g);
    assert_refused(g, gradc_linear(x, w, b), GRADC_E_SHAPE, "linear");
    assert_refused(g, gradc_linear(x, gradc_transpose(w, 0, 1), NULL), GRADC_E_SHAPE, "linear");
    assert_refused(g, gradc_linear(x, b, NULL), GRADC_E_SHAPE, "linear");
    assert_refused(g, gradc_linear(gradc_sum(x, 0, NULL, 0), w, NULL), GRADC_E_SHAPE, "linear");
    assert_refused(g, gradc_linear(x, f16, NULL), GRADC_E_DTYPE, "linear");
    assert_refused(g, gradc_linear(x, w, whole), GRADC_E_DTYPE, "linear");
    operands_free(g);
}

static gradc_tensor *layer(gradc_context *g, struct random *r)
{
    gradc_tensor *x = operand(g, GRADC_F32, PLAIN, SHAPE_OF(64, 784), -1, 1, r);
    gradc_tensor *w = operand(g, GRADC_F32, PLAIN, SHAPE_OF(129, 784), -0.1, 0.1, r);
    return gradc_linear(x, w, operand(g, GRADC_F32, PLAIN, SHAPE_OF(129), -1, 1, r));
}

static void devices_agree(struct fixture *f)
{
    assert_agrees(f, layer, 1e-5);
}

int main(void)
{
    static const struct test tests[] = {
        {"values", values}, {"wrong arguments", wrong_arguments}, {"devices agree", devices_agree}};
    return RUN_SUITE("linear", tests);
}
