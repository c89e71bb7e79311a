/* gradient_losses.c - the rows of test/gradients.c for losses. */
#include "gradient_rows.h"

static gradc_tensor *cross_entropy(gradc_tensor *const *x)
{
    return gradc_cross_entropy(x[0], gradient_constant(x[0], GRADC_I64, SHAPE_OF(5), 4));
}

static gradc_tensor *mse_loss(gradc_tensor *const *x)
{
    return gradc_mse_loss(x[0], x[1], GRADC_REDUCE_MEAN);
}

/* Off the kink: squares are above what is below 0. */
static gradc_tensor *l1_loss(gradc_tensor *const *x)
{
    return gradc_l1_loss(gradc_mul(x[0], x[0]), gradc_neg(gradc_exp(x[1])), GRADC_REDUCE_NONE);
}

static gradc_tensor *smooth_l1_loss(gradc_tensor *const *x)
{
    return gradc_smooth_l1_loss(x[0], x[1], 10, GRADC_REDUCE_SUM);
}

static gradc_tensor *smooth_l1_loss_outside(gradc_tensor *const *x)
{
    return gradc_smooth_l1_loss(gradc_mul(x[0], x[0]), gradc_neg(gradc_exp(x[1])), 0.1, GRADC_REDUCE_NONE);
}

static gradc_tensor *bce_with_logits(gradc_tensor *const *x)
{
    gradc_tensor *weight = gradient_constant(x[0], GRADC_F64, SHAPE_OF(4), 2);
    return gradc_bce_with_logits(x[0], x[1], weight, weight, GRADC_REDUCE_MEAN);
}

static gradc_tensor *kl_div(gradc_tensor *const *x)
{
    return gradc_kl_div(x[0], gradc_exp(x[1]), 0, GRADC_REDUCE_BATCHMEAN);
}

static gradc_tensor *kl_div_of_logs(gradc_tensor *const *x)
{
    return gradc_kl_div(x[0], x[1], 1, GRADC_REDUCE_SUM);
}

static gradc_tensor *nll_loss(gradc_tensor *const *x)
{
    gradc_tensor *labels = gradient_constant(x[0], GRADC_I64, SHAPE_OF(3, 5), 4);
    gradc_tensor *weight = gradient_constant(x[0], GRADC_F64, SHAPE_OF(4), 2);
    return gradc_nll_loss(gradc_mul(x[0], x[0]), labels, weight, 1, GRADC_REDUCE_NONE);
}

static gradc_tensor *cross_entropy_smoothed(gradc_tensor *const *x)
{
    gradc_tensor *labels = gradient_constant(x[0], GRADC_I64, SHAPE_OF(5, 2), 4);
    gradc_tensor *weight = gradient_constant(x[0], GRADC_F64, SHAPE_OF(4), 2);
    return gradc_cross_entropy_full(x[0], labels, weight, 1, 0.2, GRADC_REDUCE_MEAN);
}

static gradc_tensor *cross_entropy_soft(gradc_tensor *const *x)
{
    return gradc_cross_entropy_full(x[0], x[1], NULL, -100, 0.2, GRADC_REDUCE_MEAN);
}

const struct row gradient_losses[] = {
    {"cross_entropy", cross_entropy, {{5, 4, -1}}, 0, 0, 3, 0, 0},
    {"mse_loss", mse_loss, {{3, 4, -1}, {4, -1}}, 0, 0, 0, 0, 0},
    {"l1_loss", l1_loss, {{3, 4, -1}, {4, -1}}, 0, 0, 0, 0, 0},
    {"smooth_l1_loss", smooth_l1_loss, {{3, 4, -1}, {3, 4, -1}}, 0, 0, 0, 0, 0},
    {"smooth_l1_loss outside", smooth_l1_loss_outside, {{3, 4, -1}, {4, -1}}, 0, 0, 0, 0, 0},
    {"bce_with_logits", bce_with_logits, {{3, 4, -1}, {3, 4, -1}}, 0, 0, 3, 0, 0},
    {"kl_div", kl_div, {{3, 4, -1}, {3, 4, -1}}, 0, 0, 0, 0, 0},
    {"kl_div of logs", kl_div_of_logs, {{3, 4, -1}, {4, -1}}, 0, 0, 0, 0, 0},
    {"nll_loss", nll_loss, {{3, 4, 5, -1}}, 0, 0, 3, 0, 0},
    {"cross_entropy_full, smoothed", cross_entropy_smoothed, {{5, 4, 2, -1}}, 0, 0, 0, 0, 0},
    {"cross_entropy_full of probabilities", cross_entropy_soft, {{5, 4, -1}, {5, 4, -1}}, 0, 0, 0, 0, 0},
    {NULL, NULL, {{0}}, 0, 0, 0, 0, 0},
};
