/* var.c - variances and deviations over axes against a loop, far from 0 too; the deviation's gradient at 0. */
#include <math.h>

#include "../support/reductions.h"

static double spread(const double *items, int64_t n, double divisor)
{
    double mean = 0, sum = 0;
    for (int64_t i = 0; i < n; i++)
        mean += items[i] / (double)n;
    for (int64_t i = 0; i < n; i++)
        sum += (items[i] - mean) * (items[i] - mean);
    return sum / (divisor > 0 ? divisor : 0);
}

static double want_var(const double *items, int64_t n)
{
    return n == 1 ? NAN : spread(items, n, (double)n - 1);
}

static double want_std(const double *items, int64_t n)
{
    return sqrt(spread(items, n, (double)n));
}

static gradc_tensor *var(gradc_tensor *x, int naxes, const int *axes, int keepdim)
{
    return gradc_var(x, naxes, axes, keepdim, 1);
}

static gradc_tensor *deviation(gradc_tensor *x, int naxes, const int *axes, int keepdim)
{
    return gradc_std(x, naxes, axes, keepdim, 0);
}

static const struct reduction of_var = {.name = "var", .op = var, .want = want_var};

static const struct reduction of_std = {.name = "std", .op = deviation, .want = want_std};

static void values(struct fixture *f)
{
    reduction_values(f, &of_var);
    reduction_values(f, &of_std);
}

static void wrong_arguments(struct fixture *f)
{
    reduction_refusals(f, &of_var);
    reduction_refusals(f, &of_std);
}

static void devices_agree(struct fixture *f)
{
    reduction_devices(f, &of_var, 2e-5);
    reduction_devices(f, &of_std, 2e-5);
}

/* Numbers near 1e4 that are 1 apart: their variance has all its digits. */
static void far_from_zero(struct fixture *f)
{
    enum { COUNT = 100001 };
    static float numbers[COUNT];
    for (int i = 0; i < COUNT; i++)
        numbers[i] = 10000.0f + (float)(i % 2 ? 1 : -1);
    gradc_tensor *x = gradc_new(f->g, GRADC_F32, 1, (const int64_t[]){COUNT});
    assert_int_equal(gradc_write(x, numbers, sizeof numbers), GRADC_OK);
    assert_true(fabs(gradc_item(gradc_var(x, 0, NULL, 0, 0)) - 1) < 1e-6);
    gradc_release(x);
}

/* Too few elements for the correction; and equal ones, which deviate by exactly 0 and whose gradient is 0. */
static void degenerate(struct fixture *f)
{
    static const double numbers[] = {0.1, 0.1, 0.1}, two[] = {1, 2};
    gradc_tensor *x = operand_of(f->g, GRADC_F32, SHAPE_OF(3), numbers);
    assert_int_equal(gradc_requires_grad(x, 1), GRADC_OK);
    gradc_tensor *z = gradc_std(x, 0, NULL, 0, 1);
    assert_true(gradc_item(z) == 0);
    assert_int_equal(gradc_backward(z), GRADC_OK);
    assert_f32(gradc_grad(x), 3, (const float[]){0, 0, 0});
    assert_true(isnan(gradc_item(gradc_var(x, 0, NULL, 0, 3))));
    gradc_tensor *y = operand_of(f->g, GRADC_F32, SHAPE_OF(2), two);
    assert_true(isinf(gradc_item(gradc_var(y, 0, NULL, 0, 2))));
    assert_true(isinf(gradc_item(gradc_var(y, 0, NULL, 0, 9))));
    operands_free(f->g);
}

int main(void)
{
    static const struct test tests[] = {{"values", values},
                                        {"wrong arguments", wrong_arguments},
                                        {"devices agree", devices_agree},
                                        {"far from zero", far_from_zero},
                                        {"degenerate", degenerate}};
    return RUN_SUITE("var", tests);
}
