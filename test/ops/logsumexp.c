/* logsumexp.c - ln sum e^x over axes against a loop; stable for large x, and what infinities give. */
#include <math.h>

#include "../support/reductions.h"

static double want(const double *items, int64_t n)
{
    double most = -INFINITY, sum = 0;
    for (int64_t i = 0; i < n; i++)
        if (isnan(items[i]) || items[i] > most)
            most = items[i];
    if (!isfinite(most))
        most = 0;
    for (int64_t i = 0; i < n; i++)
        sum += exp(items[i] - most);
    return most + log(sum);
}

static const struct reduction kind = {.name = "logsumexp", .op = gradc_logsumexp, .want = want};

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

static void large_and_infinite(struct fixture *f)
{
    static const double numbers[] = {1e4, 1e4, -INFINITY, -INFINITY, INFINITY, 3};
    gradc_tensor *x = operand_of(f->g, GRADC_F32, SHAPE_OF(3, 2), numbers);
    assert_f32(gradc_logsumexp(x, 1, (const int[]){1}, 0), 3, (const float[]){10000.6931f, -INFINITY, INFINITY});
    operands_free(f->g);
}

int main(void)
{
    static const struct test tests[] = {{"values", values},
                                        {"wrong arguments", wrong_arguments},
                                        {"devices agree", devices_agree},
                                        {"large and infinite", large_and_infinite}};
    return RUN_SUITE("logsumexp", tests);
}
