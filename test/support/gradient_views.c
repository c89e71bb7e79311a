/* gradient_views.c - the rows of test/gradients.c for views and contiguous. */
#include "gradient_rows.h"

static gradc_tensor *contiguous(gradc_tensor *const *x)
{
    return gradc_contiguous(gradc_transpose(x[0], 0, 2));
}

static gradc_tensor *views(gradc_tensor *const *x)
{
    gradc_tensor *z = gradc_permute(gradc_unsqueeze(x[0], 1), 4, (const int[]){2, 0, 3, 1});
    return gradc_squeeze(gradc_flatten(z, 0, 1), -1);
}

static gradc_tensor *reshape(gradc_tensor *const *x)
{
    return gradc_reshape(gradc_transpose(x[0], 0, 1), 2, (const int64_t[]){-1, 2});
}

static gradc_tensor *expand(gradc_tensor *const *x)
{
    return gradc_expand(x[0], 3, (const int64_t[]){2, 3, 4});
}

const struct row gradient_views[] = {
    {"contiguous", contiguous, {{2, 3, 4, -1}}, 0, 0, 0, 0, 0},
    {"views", views, {{2, 3, 4, -1}}, 0, 0, 0, 0, 0},
    {"reshape", reshape, {{3, 4, -1}}, 0, 0, 0, 0, 0},
    {"expand", expand, {{3, 1, -1}}, 0, 0, 0, 0, 0},
    {NULL, NULL, {{0}}, 0, 0, 0, 0, 0},
};
