/* min.c - minima over axes against a loop: exact, and NaN wins. */
#include <math.h>

#include "../support/reductions.h"

static double want(const double *items, int64_t n)
{
    double least = INFINITY;
    for (int64_t i = 0; i < n && !isnan(least); i++)
        if (isnan(items[i]) || items[i] < least)
            least = items[i];
    return least;
}

static const struct reduction kind = {
    .name = "min", .op = gradc_min, .want = want, .whole = 1, .refuses_empty = 1, .exact = 1};

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
    reduction_devices(f, &kind, 0);
}

/* Equal minima share the gradient evenly. */
static void ties_share(struct fixture *f)
{
    static const double numbers[] = {-3, 1, -3, 0, -2, -2};
    gradc_tensor *x = operand_of(f->g, GRADC_F32, SHAPE_OF(2, 3), numbers);
    assert_int_equal(gradc_requires_grad(x, 1), GRADC_OK);
    gradc_backward(gradc_sum(gradc_min(x, 1, (const int[]){1}, 0), 0, NULL, 0));
    assert_f32(gradc_grad(x), 6, (const float[]){0.5f, 0, 0.5f, 0, 0.5f, 0.5f});
    operands_free(f->g);
}

int main(void)
{
    static const struct test tests[] = {{"values", values},
                                        {"wrong arguments", wrong_arguments},
                                        {"devices agree", devices_agree},
                                        {"ties share", ties_share}};
    return RUN_SUITE("min", tests);
}
