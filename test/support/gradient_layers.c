/* gradient_layers.c - the rows of test/gradients.c for softmax, matmul, linear, convolutions, pools and layers
 * of them. */
#include "gradient_rows.h"

static gradc_tensor *softmax_last(gradc_tensor *const *x)
{
    return gradc_softmax(x[0], -1);
}

static gradc_tensor *softmax_first(gradc_tensor *const *x)
{
    return gradc_softmax(x[0], 0);
}

static gradc_tensor *log_softmax_last(gradc_tensor *const *x)
{
    return gradc_log_softmax(x[0], -1);
}

static gradc_tensor *log_softmax_middle(gradc_tensor *const *x)
{
    return gradc_log_softmax(x[0], 1);
}

static gradc_tensor *matmul(gradc_tensor *const *x)
{
    return gradc_matmul(x[0], x[1]);
}

static gradc_tensor *matmul_transposed(gradc_tensor *const *x)
{
    return gradc_matmul(gradc_transpose(x[0], -1, -2), gradc_transpose(x[1], 0, 1));
}

static gradc_tensor *linear(gradc_tensor *const *x)
{
    return gradc_linear(x[0], x[1], x[2]);
}

static gradc_tensor *linear_without(gradc_tensor *const *x)
{
    return gradc_linear(x[0], x[1], NULL);
}

static gradc_tensor *conv2d(gradc_tensor *const *x)
{
    return gradc_conv2d(x[0], x[1], x[2], 1, 1);
}

static gradc_tensor *conv2d_strided(gradc_tensor *const *x)
{
    return gradc_conv2d_full(x[0], x[1], NULL, 2, 3, 1, 2, 2, 1, 2);
}

static gradc_tensor *max_pool2d(gradc_tensor *const *x)
{
    return gradc_max_pool2d(x[0], 2, 0);
}

/* What flows into the backward op's result depends on x then. */
static gradc_tensor *max_pool2d_of_squares(gradc_tensor *const *x)
{
    return gradc_max_pool2d(gradc_mul(x[0], x[0]), 2, 1);
}

static gradc_tensor *max_pool2d_over(gradc_tensor *const *x)
{
    return gradc_max_pool2d_full(x[0], 3, 2, 2, 1, 1, 1);
}

static gradc_tensor *layers(gradc_tensor *const *x)
{
    return gradc_log_softmax(gradc_matmul(gradc_tanh(gradc_matmul(x[0], x[1])), gradc_sigmoid(x[2])), 1);
}

const struct row gradient_layers[] = {
    {"softmax", softmax_last, {{3, 4, -1}}, 0, 0, 3, 0, 0},
    {"softmax of axis 0", softmax_first, {{3, 2, 2, -1}}, 0, 0, 0, 0, 0},
    {"log_softmax", log_softmax_last, {{3, 4, -1}}, 0, 0, 3, 0, 0},
    {"log_softmax of axis 1", log_softmax_middle, {{2, 3, 2, -1}}, 0, 0, 0, 0, 0},
    {"matmul", matmul, {{3, 4, -1}, {4, 2, -1}}, 0, 0, 3, 0, 0},
    {"matmul, broadcast", matmul, {{2, 1, 3, 4, -1}, {3, 4, 2, -1}}, 0, 0, 0, 0, 0},
    {"matmul of vectors", matmul, {{4, -1}, {4, -1}}, 0, 0, 0, 0, 0},
    {"matmul of a row", matmul, {{4, -1}, {2, 4, 3, -1}}, 0, 0, 0, 0, 0},
    {"matmul of a column", matmul, {{2, 3, 4, -1}, {4, -1}}, 0, 0, 0, 0, 0},
    {"matmul, transposed", matmul_transposed, {{2, 4, 3, -1}, {2, 4, -1}}, 0, 0, 0, 0, 0},
    {"linear", linear, {{2, 3, 4, -1}, {5, 4, -1}, {5, -1}}, 0, 0, 0, 0, 0},
    {"linear without b", linear_without, {{3, 4, -1}, {2, 4, -1}}, 0, 0, 0, 0, 0},
    {"linear of a vector", linear, {{4, -1}, {5, 4, -1}, {5, -1}}, 0, 0, 0, 0, 0},
    {"conv2d", conv2d, {{2, 3, 5, 4, -1}, {4, 3, 3, 3, -1}, {4, -1}}, 0, 0, 3, 0, 0},
    {"conv2d_full", conv2d_strided, {{2, 4, 7, 8, -1}, {6, 2, 3, 2, -1}}, 0, 0, 0, 0, 0},
    {"max_pool2d", max_pool2d, {{2, 2, 4, 5, -1}}, 0, 0, 3, 0, 0},
    {"max_pool2d of squares", max_pool2d_of_squares, {{1, 2, 4, 5, -1}}, 0, 0, 3, 0, 0},
    {"max_pool2d_full", max_pool2d_over, {{1, 2, 6, 5, -1}}, 0, 0, 3, 0, 0},
    {"layers", layers, {{2, 3, -1}, {3, 4, -1}, {4, 3, -1}}, 0, 0, 0, 0, 0},
    {NULL, NULL, {{0}}, 0, 0, 0, 0, 0},
};
