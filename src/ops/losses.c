/* losses.c - losses that are compositions of ops.  Their pieces with kernels are in nll_loss.c and cross_entropy.c. */
#include "core/context.h"
#include "ops/loss.h"

#include <math.h>

/* ---- Reductions ---- */

int loss_reduction_known(gradc_context *g, const char *name, gradc_reduction reduction)
{
    if (reduction >= GRADC_REDUCE_MEAN && reduction <= GRADC_REDUCE_NONE)
        return 0;
    context_fail(g, GRADC_E_ARG, "%s: the reduction %d is not mean, sum or none", name, (int)reduction);
    return -1;
}

gradc_tensor *loss_reduce(gradc_tensor *z, gradc_reduction reduction)
{
    if (reduction == GRADC_REDUCE_NONE)
        return z;
    return reduction == GRADC_REDUCE_SUM ? gradc_sum(z, 0, NULL, 0) : gradc_mean(z, 0, NULL, 0);
}

/* ---- Checks ---- */

/* The second of two operands of one context and float dtype, or NULL. */
static const struct tensor *same_kind(const char *name, const struct tensor *x, gradc_tensor *h, const char *what)
{
    const struct tensor *t = x ? op_operand(h, name) : NULL;
    if (!t)
        return NULL;
    if (t->g != x->g)
        context_fail(x->g, GRADC_E_ARG, "%s: %s is of another context", name, what);
    else if (!dtype_is_float(x->dtype))
        context_fail(x->g, GRADC_E_DTYPE, "%s: x is %s, no float", name, gradc_dtype_name(x->dtype));
    else if (t->dtype != x->dtype)
        context_fail(x->g, GRADC_E_DTYPE, "%s: %s is %s but x is %s", name, what, gradc_dtype_name(t->dtype),
                     gradc_dtype_name(x->dtype));
    else
        return t;
    return NULL;
}

/* x, if x and target are of one kind and broadcast, and the reduction is known. */
static const struct tensor *pair(const char *name, gradc_tensor *x, gradc_tensor *target, gradc_reduction reduction)
{
    const struct tensor *a = op_operand(x, name), *b = same_kind(name, a, target, "target");
    struct layout both;
    if (!b || loss_reduction_known(a->g, name, reduction))
        return NULL;
    if (layout_broadcast(&a->layout, &b->layout, &both) == 0)
        return a;
    context_fail(a->g, GRADC_E_SHAPE, "%s: x %s and target %s do not broadcast", name, SHAPE(&a->layout),
                 SHAPE(&b->layout));
    return NULL;
}

/* Whether a weight, or NULL, broadcasts to x: 0 or -1. */
static int weighs(const char *name, const struct tensor *x, gradc_tensor *weight, const char *what)
{
    const struct tensor *w = weight ? same_kind(name, x, weight, what) : NULL;
    struct layout both;
    if (!weight)
        return 0;
    if (!w)
        return -1;
    if (layout_broadcast(&x->layout, &w->layout, &both) == 0 && layout_same_shape(&both, &x->layout))
        return 0;
    context_fail(x->g, GRADC_E_SHAPE, "%s: %s %s does not broadcast to x %s", name, what, SHAPE(&w->layout),
                 SHAPE(&x->layout));
    return -1;
}

int loss_weight_fits(const char *name, const struct tensor *x, gradc_tensor *weight)
{
    const struct tensor *w = weight ? same_kind(name, x, weight, "weight") : NULL;
    if (!weight)
        return 0;
    if (!w)
        return -1;
    if (w->layout.ndim == 1 && w->layout.shape[0] == x->layout.shape[1])
        return 0;
    context_fail(x->g, GRADC_E_SHAPE, "%s: weight %s does not match the classes of x %s", name,
                 SHAPE(&w->layout), SHAPE(&x->layout));
    return -1;
}

/* ---- Differences ---- */

gradc_tensor *gradc_mse_loss(gradc_tensor *x, gradc_tensor *target, gradc_reduction reduction)
{
    x = autocast_single(x);
    target = autocast_single(target);
    if (!pair("mse_loss", x, target, reduction))
        return NULL;
    return loss_reduce(gradc_square(gradc_sub(x, target)), reduction);
}

gradc_tensor *gradc_l1_loss(gradc_tensor *x, gradc_tensor *target, gradc_reduction reduction)
{
    x = autocast_single(x);
    target = autocast_single(target);
    if (!pair("l1_loss", x, target, reduction))
        return NULL;
    return loss_reduce(gradc_abs(gradc_sub(x, target)), reduction);
}

/* With c = clamp(d, -beta, beta) both cases are c (d - c / 2) / beta. */
gradc_tensor *gradc_smooth_l1_loss(gradc_tensor *x, gradc_tensor *target, double beta, gradc_reduction reduction)
{
    x = autocast_single(x);
    target = autocast_single(target);
    const struct tensor *t = pair("smooth_l1_loss", x, target, reduction);
    if (!t)
        return NULL;
    if (!(beta >= 0 && isfinite(beta))) {
        context_fail(t->g, GRADC_E_ARG, "smooth_l1_loss: beta must be a number from 0");
        return NULL;
    }
    if (beta == 0)
        return gradc_l1_loss(x, target, reduction);
    gradc_tensor *d = gradc_sub(x, target), *c = gradc_clamp(d, -beta, beta);
    gradc_tensor *z = gradc_mul(c, gradc_sub(d, gradc_mul_scalar(c, 0.5)));
    return loss_reduce(gradc_mul_scalar(z, 1 / beta), reduction);
}

/* ---- Probabilities ---- */

/* 1 - x */
static gradc_tensor *one_minus(gradc_tensor *x)
{
    return gradc_add_scalar(gradc_neg(x), 1);
}

/* ln(1 - s(x)) is ln s(x) - x, so z = (1 - target) x - (1 + (pos_weight - 1) target) ln s(x). */
gradc_tensor *gradc_bce_with_logits(gradc_tensor *x, gradc_tensor *target, gradc_tensor *weight,
                                    gradc_tensor *pos_weight, gradc_reduction reduction)
{
    x = autocast_single(x);
    target = autocast_single(target);
    weight = autocast_single(weight);
    pos_weight = autocast_single(pos_weight);
    const char *name = "bce_with_logits";
    const struct tensor *t = pair(name, x, target, reduction);
    if (!t || weighs(name, t, weight, "weight") || weighs(name, t, pos_weight, "pos_weight"))
        return NULL;
    if (!layout_same_shape(&t->layout, &tensor_of(target)->layout)) {
        context_fail(t->g, GRADC_E_SHAPE, "%s: target %s does not have the shape of x %s", name,
                     SHAPE(&tensor_of(target)->layout), SHAPE(&t->layout));
        return NULL;
    }
    gradc_tensor *log = gradc_log_sigmoid(x);
    if (pos_weight) {
        gradc_tensor *more = gradc_add_scalar(gradc_detach(pos_weight), -1);
        log = gradc_mul(gradc_add_scalar(gradc_mul(more, target), 1), log);
    }
    gradc_tensor *z = gradc_sub(gradc_mul(one_minus(target), x), log);
    return loss_reduce(weight ? gradc_mul(z, gradc_detach(weight)) : z, reduction);
}

/* target ln target, 0 where target is 0. */
static gradc_tensor *times_log(gradc_tensor *target)
{
    gradc_context *g = gradc_context_of(target);
    gradc_dtype dtype = gradc_dtype_of(target);
    gradc_tensor *zero = context_constant(g, dtype, 0), *one = context_constant(g, dtype, 1);
    return gradc_mul(target, gradc_log(gradc_where(gradc_eq(target, zero), one, target)));
}

gradc_tensor *gradc_kl_div(gradc_tensor *x, gradc_tensor *target, int log_target, gradc_reduction reduction)
{
    x = autocast_single(x);
    target = autocast_single(target);
    int batchmean = reduction == GRADC_REDUCE_BATCHMEAN;
    const struct tensor *t = pair("kl_div", x, target, batchmean ? GRADC_REDUCE_SUM : reduction);
    if (!t)
        return NULL;
    if (batchmean && t->layout.ndim == 0) {
        context_fail(t->g, GRADC_E_SHAPE, "kl_div: x [] has no batch to take the mean of");
        return NULL;
    }
    gradc_tensor *z = log_target ? gradc_mul(gradc_exp(target), gradc_sub(target, x))
                                 : gradc_sub(times_log(target), gradc_mul(target, x));
    if (!batchmean)
        return loss_reduce(z, reduction);
    return gradc_mul_scalar(gradc_sum(z, 0, NULL, 0), 1 / (double)gradc_size(x, 0));
}

/* ---- Cross entropy ---- */

/* weight [classes] along axis 1 of x. */
static gradc_tensor *along_classes(gradc_tensor *weight, gradc_tensor *x)
{
    int64_t shape[GRADC_MAX_NDIM] = {1, gradc_size(x, 1), 1, 1, 1, 1, 1, 1};
    return gradc_reshape(gradc_detach(weight), gradc_ndim(x), shape);
}

/* -sum_c weight[c] x[b,c,...], weight NULL: ones. */
static gradc_tensor *over_classes(gradc_tensor *x, gradc_tensor *weight)
{
    const int classes = 1;
    return gradc_neg(gradc_sum(weight ? gradc_mul(x, along_classes(weight, x)) : x, 1, &classes, 0));
}

static gradc_tensor *cross_entropy_of_labels(gradc_tensor *x, gradc_tensor *labels, gradc_tensor *weight,
                                             int64_t ignore_index, double smoothing, gradc_reduction reduction)
{
    struct nll_labels l = nll_labels_of(x, labels, weight, ignore_index), plain = l;
    gradc_tensor *z = nll_losses(&l, x);
    plain.weight = NULL;
    if (smoothing > 0) {
        gradc_tensor *zero = context_constant(gradc_context_of(x), gradc_dtype_of(x), 0);
        gradc_tensor *others = gradc_where(gradc_ne(nll_weights(&plain), zero), over_classes(x, weight), zero);
        z = gradc_add(gradc_mul_scalar(z, 1 - smoothing),
                      gradc_mul_scalar(others, smoothing / (double)gradc_size(x, 1)));
    }
    return nll_reduce(&l, z, reduction);
}

static gradc_tensor *cross_entropy_of_probabilities(gradc_tensor *x, gradc_tensor *target, gradc_tensor *weight,
                                                    double smoothing, gradc_reduction reduction)
{
    if (smoothing > 0)
        target = gradc_add_scalar(gradc_mul_scalar(target, 1 - smoothing), smoothing / (double)gradc_size(x, 1));
    return loss_reduce(over_classes(gradc_mul(x, target), weight), reduction);
}

/* Whether probabilities and weight fit the logits: 0 or -1. */
static int probabilities_fit(const char *name, gradc_tensor *logits, gradc_tensor *target,
                             gradc_tensor *weight, int64_t ignore_index)
{
    const struct tensor *x = op_operand(logits, name), *t = same_kind(name, x, target, "target");
    if (!t)
        return -1;
    if (x->layout.ndim < 2 || !layout_same_shape(&x->layout, &t->layout))
        context_fail(x->g, GRADC_E_SHAPE,
                     "%s: probabilities %s for logits %s are not [batch,classes,...] of one shape", name,
                     SHAPE(&t->layout), SHAPE(&x->layout));
    else if (ignore_index >= 0)
        context_fail(x->g, GRADC_E_ARG, "%s: probabilities take no ignore_index %lld", name,
                     (long long)ignore_index);
    else
        return loss_weight_fits(name, x, weight);
    return -1;
}

gradc_tensor *gradc_cross_entropy_full(gradc_tensor *logits, gradc_tensor *target, gradc_tensor *weight,
                                       int64_t ignore_index, double label_smoothing, gradc_reduction reduction)
{
    logits = autocast_single(logits);
    target = autocast_single(target);
    weight = autocast_single(weight);
    const char *name = "cross_entropy_full";
    const struct tensor *x = op_operand(logits, name), *t = x ? op_operand(target, name) : NULL;
    if (!t)
        return NULL;
    int soft = dtype_is_float(t->dtype);
    if (soft ? probabilities_fit(name, logits, target, weight, ignore_index)
             : loss_labels_fit(name, logits, target, weight))
        return NULL;
    if (loss_reduction_known(x->g, name, reduction))
        return NULL;
    if (!(label_smoothing >= 0 && label_smoothing <= 1)) {
        context_fail(x->g, GRADC_E_ARG, "%s: label_smoothing is not in 0..1", name);
        return NULL;
    }
    gradc_tensor *log = gradc_log_softmax(logits, 1);
    if (soft)
        return cross_entropy_of_probabilities(log, target, weight, label_smoothing, reduction);
    return cross_entropy_of_labels(log, target, weight, ignore_index, label_smoothing, reduction);
}
