/* matmul.c - products of matrices, stacks of them and vectors against loops; random shapes are in test/gemm.c. */
#include <math.h>

#include "../support/naive.h"

static const int64_t rows[][2][6] = {
    {{3, 4, -1}, {4, 5, -1}},     {{4, -1}, {4, -1}},
    {{4, -1}, {4, 5, -1}},        {{3, 4, -1}, {4, -1}},
    {{2, 3, 4, -1}, {4, 5, -1}},  {{2, 1, 3, 4, -1}, {5, 4, 2, -1}},
    {{3, 4, -1}, {2, 4, 5, -1}},  {{4, -1}, {2, 4, 5, -1}},
    {{2, 3, 4, -1}, {4, -1}},     {{1, 1, -1}, {1, 1, -1}},
    {{3, 0, -1}, {0, 4, -1}},     {{0, 4, -1}, {4, 3, -1}},
    {{2, 3, 0, -1}, {0, -1}},     {{0, -1}, {0, -1}},
    {{0, 2, 3, -1}, {3, 4, -1}},  {{2, 2, 2, 3, -1}, {2, 1, 3, 2, -1}},
    {{65, 33, -1}, {33, 70, -1}},
};

static void values(struct fixture *f)
{
    struct random r = {test_seed()};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int form = 0; form < 2 * FORMS; form++) {
            gradc_dtype dtype = form & 1 ? test_widest(f->g) : GRADC_F32;
            gradc_tensor *x = operand(f->g, dtype, (enum form)(form / 2), rows[i][0], -1, 1, &r);
            gradc_tensor *y = operand(f->g, dtype, (enum form)random_below(&r, FORMS), rows[i][1], -1, 1, &r);
            struct values a = values_read(x), b = values_read(y), want = naive_matmul(&a, &b);
            assert_values(gradc_matmul(x, y), &want, naive_tolerance(dtype, 65), form_names[form / 2]);
            values_free(&a);
            values_free(&b);
            values_free(&want);
            operands_free(f->g);
        }
}

/* A NaN or an infinity reaches its row and column, also through a factor of 0. */
static void special_numbers(struct fixture *f)
{
    static const double left[] = {NAN, 1, INFINITY, 0, 1, 1}, right[] = {1, 2, 0, 1};
    gradc_tensor *x = operand_of(f->g, GRADC_F32, SHAPE_OF(3, 2), left);
    gradc_tensor *y = operand_of(f->g, GRADC_F32, SHAPE_OF(2, 2), right);
    struct values a = values_read(x), b = values_read(y), want = naive_matmul(&a, &b);
    assert_values(gradc_matmul(x, y), &want, 1e-6, "special numbers");
    values_free(&a);
    values_free(&b);
    values_free(&want);
    operands_free(f->g);
}

static void wrong_arguments(struct fixture *f)
{
    static const int64_t misfits[][2][4] = {{{3, 4, -1}, {5, 6, -1}},
                                            {{-1}, {3, -1}},
                                            {{3, -1}, {-1}},
                                            {{3, -1}, {4, -1}},
                                            {{2, 3, 4, -1}, {3, 4, 5, -1}}};
    struct random r = {test_seed()};
    gradc_tensor *x = operand(f->g, GRADC_F32, PLAIN, SHAPE_OF(3, 3), 0, 1, &r);
    gradc_tensor *f16 = operand(f->g, GRADC_F16, PLAIN, SHAPE_OF(3, 3), 0, 1, &r);
    gradc_tensor *whole = operand(f->g, GRADC_I32, PLAIN, SHAPE_OF(3, 3), 0, 1, &r);
    for (size_t i = 0; i < sizeof misfits / sizeof *misfits; i++) {
        gradc_tensor *one = operand(f->g, GRADC_F32, PLAIN, misfits[i][0], 0, 1, &r);
        gradc_tensor *two = operand(f->g, GRADC_F32, PLAIN, misfits[i][1], 0, 1, &r);
        assert_refused(f->g, gradc_matmul(one, two), GRADC_E_SHAPE, "matmul");
    }
    assert_refused(f->g, gradc_matmul(x, f16), GRADC_E_DTYPE, "matmul");
    assert_refused(f->g, gradc_matmul(whole, whole), GRADC_E_DTYPE, "matmul");
    assert_null(gradc_matmul(x, NULL));
    assert_null(gradc_matmul(NULL, x));
    operands_free(f->g);
}

static gradc_tensor *stack(gradc_context *g, struct random *r)
{
    gradc_tensor *x = operand(g, GRADC_F32, PLAIN, SHAPE_OF(6, 75, 40), -1, 1, r);
    return gradc_matmul(x, gradc_transpose(operand(g, GRADC_F32, PLAIN, SHAPE_OF(6, 50, 40), -1, 1, r), 1, 2));
}

static void devices_agree(struct fixture *f)
{
    assert_agrees(f, stack, 1e-5);
}

int main(void)
{
    static const struct test tests[] = {{"values", values},
                                        {"special numbers", special_numbers},
                                        {"wrong arguments", wrong_arguments},
                                        {"devices agree", devices_agree}};
    return RUN_SUITE("matmul", tests);
}
