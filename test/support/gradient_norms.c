/* gradient_norms.c - the rows of test/gradients.c for norms, average pools and transposed convolutions. */
#include "gradient_rows.h"

static gradc_tensor *square_of(gradc_tensor *x)
{
    return gradc_mul(x, x);
}

static gradc_tensor *batch_norm(gradc_tensor *const *x)
{
    return gradc_batch_norm(x[0], NULL, NULL, x[1], x[2], 1, 0.1, 0.1);
}

static gradc_tensor *batch_norm_plain(gradc_tensor *const *x)
{
    return gradc_batch_norm(x[0], NULL, NULL, NULL, NULL, 1, 0.1, 0.1);
}

static gradc_tensor *batch_norm_eval(gradc_tensor *const *x)
{
    const int64_t *shape = (const int64_t[]){gradc_size(x[0], 1), -1};
    gradc_tensor *mean = gradient_constant(x[0], GRADC_F64, shape, 1),
                 *var = gradc_add_scalar(gradient_constant(x[0], GRADC_F64, shape, 1), 0.5);
    return gradc_batch_norm(x[0], mean, var, x[1], x[2], 0, 0.1, 1e-5);
}

static gradc_tensor *avg_pool2d(gradc_tensor *const *x)
{
    return gradc_avg_pool2d(x[0], 2, 0);
}

/* What flows into the backward op's result depends on x then. */
static gradc_tensor *avg_pool2d_of_squares(gradc_tensor *const *x)
{
    return square_of(gradc_avg_pool2d_full(square_of(x[0]), 3, 2, 2, 1, 1, 1, 0));
}

static gradc_tensor *adaptive_avg_pool2d(gradc_tensor *const *x)
{
    return square_of(gradc_adaptive_avg_pool2d(square_of(x[0]), 3, 2));
}

static gradc_tensor *layer_norm(gradc_tensor *const *x)
{
    return gradc_layer_norm(x[0], 2, (const int64_t[]){2, 3}, x[1], x[2], 0.1);
}

static gradc_tensor *layer_norm_plain(gradc_tensor *const *x)
{
    return gradc_layer_norm(x[0], 1, (const int64_t[]){5}, NULL, NULL, 0.1);
}

static gradc_tensor *group_norm(gradc_tensor *const *x)
{
    return gradc_group_norm(x[0], 2, x[1], x[2], 0.1);
}

static gradc_tensor *conv_transpose2d(gradc_tensor *const *x)
{
    return gradc_conv_transpose2d(x[0], x[1], x[2], 2, 1);
}

/* Wider padding of the output than the stride. */
static gradc_tensor *conv_transpose2d_wide(gradc_tensor *const *x)
{
    return gradc_conv_transpose2d_full(x[0], x[1], NULL, 1, 2, 1, 0, 2, 1, 3, 1, 2);
}

const struct row gradient_norms[] = {
    {"batch_norm", batch_norm, {{3, 2, 2, 3, -1}, {2, -1}, {2, -1}}, 0, 0, 3, 0, 0},
    {"batch_norm of rows", batch_norm, {{5, 3, -1}, {3, -1}, {3, -1}}, 0, 0, 3, 0, 0},
    {"batch_norm without weight", batch_norm_plain, {{2, 2, 17, -1}}, 0, 0, 0, 0, 0},
    {"batch_norm, not training", batch_norm_eval, {{2, 3, 2, 2, -1}, {3, -1}, {3, -1}}, 0, 0, 3, 0, 0},
    {"avg_pool2d", avg_pool2d, {{2, 2, 4, 5, -1}}, 0, 0, 3, 0, 0},
    {"avg_pool2d_full of squares", avg_pool2d_of_squares, {{1, 2, 6, 5, -1}}, 0, 0, 3, 0, 0},
    {"adaptive_avg_pool2d of squares", adaptive_avg_pool2d, {{1, 2, 5, 4, -1}}, 0, 0, 3, 0, 0},
    {"layer_norm", layer_norm, {{3, 2, 3, -1}, {2, 3, -1}, {2, 3, -1}}, 0, 0, 3, 0, 0},
    {"layer_norm without weight", layer_norm_plain, {{2, 5, -1}}, 0, 0, 3, 0, 0},
    {"group_norm", group_norm, {{2, 4, 3, -1}, {4, -1}, {4, -1}}, 0, 0, 3, 0, 0},
    {"conv_transpose2d", conv_transpose2d, {{2, 3, 3, 4, -1}, {3, 2, 3, 3, -1}, {2, -1}}, 0, 0, 3, 0, 0},
    {"conv_transpose2d_full", conv_transpose2d_wide, {{1, 4, 3, 3, -1}, {4, 2, 2, 3, -1}}, 0, 0, 3, 0, 0},
    {NULL, NULL, {{0}}, 0, 0, 0, 0, 0},
};
