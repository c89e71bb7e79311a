/* gradient_reductions.c - the rows of test/gradients.c for reductions. */
#include "gradient_rows.h"

static gradc_tensor *sum_all(gradc_tensor *const *x)
{
    return gradc_sum(x[0], 0, NULL, 0);
}

static gradc_tensor *sum_middle(gradc_tensor *const *x)
{
    return gradc_sum(x[0], 1, (const int[]){1}, 1);
}

static gradc_tensor *mean_two(gradc_tensor *const *x)
{
    return gradc_mean(x[0], 2, (const int[]){-1, 0}, 0);
}

static gradc_tensor *max_all(gradc_tensor *const *x)
{
    return gradc_max(x[0], 0, NULL, 1);
}

static gradc_tensor *max_two(gradc_tensor *const *x)
{
    return gradc_max(x[0], 2, (const int[]){0, 2}, 0);
}

const struct row gradient_reductions[] = {
    {"sum", sum_all, {{3, 4, -1}}, 0, 0, 0, 0, 0},
    {"sum of 0-d", sum_all, {{-1}}, 0, 0, 0, 0, 0},
    {"sum of an axis", sum_middle, {{2, 3, 4, -1}}, 0, 0, 0, 0, 0},
    {"mean", mean_two, {{2, 3, 4, -1}}, 0, 0, 0, 0, 0},
    {"max", max_all, {{3, 4, -1}}, 0, 0, 0, 0, 0},
    {"max of axes", max_two, {{2, 3, 4, -1}}, 0, 0, 0, 0, 0},
    {NULL, NULL, {{0}}, 0, 0, 0, 0, 0},
};
