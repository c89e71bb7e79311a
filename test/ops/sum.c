/* sum.c - sums over axes against a loop; of integers and bools too. */
#include <math.h>

#include "../support/reductions.h"

static double want(const double *items, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += items[i];
    return sum;
}

static const struct reduction kind = {.name = "sum", .op = gradc_sum, .want = want, .whole = 1, .whole_is_i64 = 1};

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

/* Integers add up in i64: exactly, and beyond what their dtype holds. */
static void integers_and_bools(struct fixture *f)
{
    static const double numbers[] = {2147483647, 2147483647, -5, 1}, bits[] = {1, 0, 1, 1};
    assert_true(gradc_item(gradc_sum(operand_of(f->g, GRADC_I32, SHAPE_OF(4), numbers), 0, NULL, 0)) ==
                4294967290.0);
    gradc_tensor *bools = operand_of(f->g, GRADC_BOOL, SHAPE_OF(4), bits), *z = gradc_sum(bools, 0, NULL, 0);
    assert_int_equal(gradc_dtype_of(z), GRADC_I64);
    assert_true(gradc_item(z) == 3);
    operands_free(f->g);
}

/* A sum of many small numbers does not drift off as one running f32 would. */
static void long_sums_are_close(struct fixture *f)
{
    gradc_tensor *x = gradc_new(f->g, GRADC_F32, 1, (const int64_t[]){1 << 20});
    double all = gradc_item(gradc_sum(gradc_add_scalar(x, 0.1), 0, NULL, 0));
    assert_true(fabs(all / ((double)0.1f * (1 << 20)) - 1) < 2e-6);
    gradc_release(x);
}

int main(void)
{
    static const struct test tests[] = {{"values", values},
                                        {"integers and bools", integers_and_bools},
                                        {"long sums are close", long_sums_are_close},
                                        {"wrong arguments", wrong_arguments},
                                        {"devices agree", devices_agree}};
    return RUN_SUITE("sum", tests);
}
