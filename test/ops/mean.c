/* mean.c - means over axes against a loop; over nothing it is NaN. */
#include <math.h>

#include "../support/reductions.h"

static double want(const double *items, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += items[i];
    return n ? sum / (double)n : NAN;
}

static const struct reduction kind = {.name = "mean", .op = gradc_mean, .want = want};

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

int main(void)
{
    static const struct test tests[] = {
        {"values", values}, {"wrong arguments", wrong_arguments}, {"devices agree", devices_agree}};
    return RUN_SUITE("mean", tests);
}
