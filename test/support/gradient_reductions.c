/* gradient_reductions.c - the rows of test/gradients.c for reductions. */
#include "gradient_rows.h"

#include <math.h>

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

static gradc_tensor *min_two(gradc_tensor *const *x)
{
    return gradc_min(x[0], 2, (const int[]){0, 2}, 0);
}

static gradc_tensor *prod_middle(gradc_tensor *const *x)
{
    return gradc_prod(x[0], 1, (const int[]){1}, 1);
}

static gradc_tensor *prod_two(gradc_tensor *const *x)
{
    return gradc_prod(x[0], 2, (const int[]){-1, 0}, 0);
}

static gradc_tensor *var_two(gradc_tensor *const *x)
{
    return gradc_var(x[0], 2, (const int[]){2, 0}, 1, 1);
}

static gradc_tensor *std_one(gradc_tensor *const *x)
{
    return gradc_std(x[0], 1, (const int[]){1}, 0, 0);
}

static gradc_tensor *norm_1(gradc_tensor *const *x)
{
    return gradc_norm(x[0], 1, 1, (const int[]){1}, 0);
}

static gradc_tensor *norm_2(gradc_tensor *const *x)
{
    return gradc_norm(x[0], 2, 0, NULL, 0);
}

static gradc_tensor *norm_3(gradc_tensor *const *x)
{
    return gradc_norm(x[0], 3, 1, (const int[]){0}, 1);
}

static gradc_tensor *norm_half(gradc_tensor *const *x)
{
    return gradc_norm(x[0], 0.5, 1, (const int[]){1}, 0);
}

static gradc_tensor *norm_most(gradc_tensor *const *x)
{
    return gradc_norm(x[0], INFINITY, 1, (const int[]){1}, 0);
}

static gradc_tensor *logsumexp_two(gradc_tensor *const *x)
{
    return gradc_logsumexp(x[0], 2, (const int[]){1, 2}, 0);
}

const struct row gradient_reductions[] = {
    {"sum", sum_all, {{3, 4, -1}}, 0, 0, 0, 0, 0},
    {"sum of 0-d", sum_all, {{-1}}, 0, 0, 0, 0, 0},
    {"sum of an axis", sum_middle, {{2, 3, 4, -1}}, 0, 0, 0, 0, 0},
    {"mean", mean_two, {{2, 3, 4, -1}}, 0, 0, 0, 0, 0},
    {"max", max_all, {{3, 4, -1}}, 0, 0, 0, 0, 0},
    {"max of axes", max_two, {{2, 3, 4, -1}}, 0, 0, 0, 0, 0},
    {"min of axes", min_two, {{2, 3, 4, -1}}, 0, 0, 0, 0, 0},
    {"prod", prod_middle, {{2, 5, 3, -1}}, 0.5, 1.5, 3, 0, 0},
    {"prod of axes", prod_two, {{2, 3, 4, -1}}, 0.5, 1.5, 0, 0, 0},
    {"var", var_two, {{2, 3, 4, -1}}, 0, 0, 3, 0, 0},
    {"std", std_one, {{3, 4, -1}}, 0, 0, 0, 0, 0},
    {"norm, p 1", norm_1, {{3, 4, -1}}, 0.5, 2, 0, 0, 0},
    {"norm, p 2", norm_2, {{3, 4, -1}}, 0, 0, 0, 0, 0},
    {"norm, p 3", norm_3, {{3, 4, -1}}, -2, -0.5, 0, 0, 0},
    {"norm, p 1/2", norm_half, {{3, 4, -1}}, 0.5, 2, 0, 0, 0},
    {"norm, p inf", norm_most, {{3, 4, -1}}, 0.5, 2, 0, 0, 0},
    {"logsumexp", logsumexp_two, {{2, 3, 4, -1}}, 0, 0, 0, 0, 0},
    {NULL, NULL, {{0}}, 0, 0, 0, 0, 0},
};
