/* lerp.c - lerp against C's arithmetic: weights inside and outside 0..1, its exact ends, wrong arguments. */
#include "../support/values.h"

static void values_are_c_s(struct fixture *f)
{
    static const double weights[] = {0, 0.25, 0.5, 0.9, 1, -1.5, 3};
    static const int64_t shapes[][2][4] = {{{3, 5, -1}, {3, 5, -1}},
                                           {{-1}, {-1}},
                                           {{4, 1, 7, -1}, {3, 1, -1}},
                                           {{0, 3, -1}, {3, -1}},
                                           {{1031, -1}, {1, -1}}};
    struct random r = {test_seed()};
    for (gradc_dtype dtype = GRADC_F32; dtype <= test_widest(f->g); dtype++)
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
            for (size_t k = 0; k < sizeof weights / sizeof *weights; k++) {
                gradc_tensor *x = operand(f->g, dtype, (enum form)(k % FORMS), shapes[i][0], -3, 3, &r);
                gradc_tensor *y = operand(f->g, dtype, PLAIN, shapes[i][1], -3, 3, &r);
                struct values a = values_read(x), b = values_read(y);
                gradc_tensor *z = gradc_lerp(x, y, weights[k]);
                struct values want = values_read(z);
                for (int64_t j = 0; j < want.n; j++) {
                    double from = a.at[values_broadcast(&want, j, &a)],
                           to = b.at[values_broadcast(&want, j, &b)];
                    want.at[j] = from + weights[k] * (to - from);
                }
                assert_values(z, &want, weights[k] == 0 ? 0 : loose(dtype), "lerp");
                values_free(&a);
                values_free(&b);
                values_free(&want);
                operands_free(f->g);
            }
}

/* Where y - x is rounded, x + (y - x) is not y. */
static void ends_are_exact(struct fixture *f)
{
    gradc_tensor *x = operand_of(f->g, GRADC_F32, SHAPE_OF(2), (const double[]){1e8, -3e7});
    gradc_tensor *y = operand_of(f->g, GRADC_F32, SHAPE_OF(2), (const double[]){0.125, 1.0 / 3});
    assert_same(gradc_lerp(x, y, 0), gradc_add_scalar(x, 0), "weight 0");
    assert_same(gradc_lerp(x, y, 1), gradc_add_scalar(y, 0), "weight 1");
    operands_free(f->g);
}

static void wrong_arguments(struct fixture *f)
{
    struct random r = {1};
    gradc_context *g = f->g;
    gradc_tensor *x = operand(g, GRADC_F32, PLAIN, SHAPE_OF(3, 5), 0, 1, &r);
    gradc_tensor *y = operand(g, GRADC_F32, PLAIN, SHAPE_OF(4, 5), 0, 1, &r);
    gradc_tensor *f16 = operand(g, GRADC_F16, PLAIN, SHAPE_OF(3, 5), 0, 1, &r);
    gradc_tensor *whole = operand(g, GRADC_I32, PLAIN, SHAPE_OF(3, 5), 0, 9, &r);
    gradc_context *other = gradc_open("cpu");
    gradc_tensor *apart = gradc_new(other, GRADC_F32, 2, (const int64_t[]){3, 5});
    assert_refused(g, gradc_lerp(x, apart, 0.5), GRADC_E_ARG, "lerp");
    gradc_release(apart);
    gradc_close(other);
    assert_null(gradc_lerp(NULL, x, 0.5));
    assert_null(gradc_lerp(x, NULL, 0.5));
    assert_works(g);
    assert_refused(g, gradc_lerp(x, y, 0.5), GRADC_E_SHAPE, "lerp");
    assert_refused(g, gradc_lerp(x, f16, 0.5), GRADC_E_DTYPE, "lerp");
    assert_refused(g, gradc_lerp(whole, whole, 0.5), GRADC_E_DTYPE, "lerp");
    operands_free(g);
}

int main(void)
{
    static const struct test tests[] = {
        {"values are C's", values_are_c_s},
        {"ends are exact", ends_are_exact},
        {"wrong arguments", wrong_arguments},
    };
    return RUN_SUITE("lerp", tests);
}
