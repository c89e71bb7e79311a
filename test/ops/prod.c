/* prod.c - products over axes against a loop; of integers and bools too; the gradient where there are zeros. */
#include <math.h>

#include "../support/reductions.h"

static double want(const double *items, int64_t n)
{
    double product = 1;
    for (int64_t i = 0; i < n; i++)
        product *= items[i];
    return product;
}

static const struct reduction kind = {
    .name = "prod", .op = gradc_prod, .want = want, .whole = 1, .whole_is_i64 = 1, .wraps = 1};

static void values(struct fixture *f)
{
    reduction_values(f, &kind);
}

static void wrong_arguments(struct fixture *f)
{
    reduction_refusals(f, &kind);
}

static void devices_agree(struct fixture *f)
{
    reduction_devices(f, &kind, 2e-5);
}

/* Integers multiply in i64: beyond what their dtype holds, and wrapping beyond that. */
static void integers_and_bools(struct fixture *f)
{
    static const double numbers[] = {2147483647, -3, 5}, twos[] = {4294967296.0, 4294967296.0, 3},
                        bits[] = {1, 1, 1};
    assert_true(gradc_item(gradc_prod(operand_of(f->g, GRADC_I32, SHAPE_OF(3), numbers), 0, NULL, 0)) ==
                -32212254705.0);
    assert_true(gradc_item(gradc_prod(operand_of(f->g, GRADC_I64, SHAPE_OF(3), twos), 0, NULL, 0)) == 0);
    gradc_tensor *z = gradc_prod(operand_of(f->g, GRADC_BOOL, SHAPE_OF(3), bits), 0, NULL, 0);
    assert_int_equal(gradc_dtype_of(z), GRADC_I64);
    assert_true(gradc_item(z) == 1);
    operands_free(f->g);
}

/* dx_i is the product of the others: of rows with no zero, one and two; and so is the sum of its derivatives. */
static void zeros(struct fixture *f)
{
    static const double numbers[] = {2, -3, 5, 0, -3, 5, 0, 7, 0};
    gradc_tensor *x = operand_of(f->g, GRADC_F32, SHAPE_OF(3, 3), numbers), *dx, *ddx;
    assert_int_equal(gradc_requires_grad(x, 1), GRADC_OK);
    assert_int_equal(gradc_gradients(gradc_prod(x, 1, (const int[]){1}, 0), NULL, 1, &x, &dx), GRADC_OK);
    assert_f32(dx, 9, (const float[]){-15, 10, -6, -15, 0, -0.0f, 0, 0, 0});
    assert_int_equal(gradc_gradients(dx, NULL, 1, &x, &ddx), GRADC_OK);
    assert_f32(ddx, 9, (const float[]){2, 7, -1, 2, 5, -3, 7, 0, 7});
    operands_free(f->g);
}

int main(void)
{
    static const struct test tests[] = {{"values", values},
                                        {"wrong arguments", wrong_arguments},
                                        {"devices agree", devices_agree},
                                        {"integers and bools", integers_and_bools},
                                        {"zeros", zeros}};
    return RUN_SUITE("prod", tests);
}
