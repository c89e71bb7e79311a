/* loss.h - what the losses share: reductions, and checks that speak of their arguments. */
#ifndef GRADC_LOSS_H
#define GRADC_LOSS_H

#include "core/op.h"

/* Whether `reduction` is mean, sum or none: 0, or -1 with g's error set. */
int loss_reduction_known(gradc_context *g, const char *name, gradc_reduction reduction);

/* z by mean, sum or none. */
gradc_tensor *loss_reduce(gradc_tensor *z, gradc_reduction reduction);

/* Whether x [batch,classes,...], labels [batch,...] and weight [classes] or NULL fit: 0, or -1 (an error, a NULL). */
int loss_labels_fit(const char *name, gradc_tensor *x, gradc_tensor *labels, gradc_tensor *weight);

/* Whether weight, or NULL, is [classes] and of x's dtype and context. */
int loss_weight_fits(const char *name, const struct tensor *x, gradc_tensor *weight);

/* The labels that gradc_nll_loss is given, with what goes with them; they fit x. */
struct nll_labels {
    gradc_tensor *labels, *weight; /* contiguous; weight NULL: ones */
    int64_t ignore, classes;
    gradc_dtype dtype; /* of x */
};

struct nll_labels nll_labels_of(gradc_tensor *x, gradc_tensor *labels, gradc_tensor *weight,
                                int64_t ignore_index);

/* z[b,i] = -weight[label] x[b,label,i] */
gradc_tensor *nll_losses(const struct nll_labels *l, gradc_tensor *x);

/* z[b,i] = weight[label], 0 where it is ignored. */
gradc_tensor *nll_weights(const struct nll_labels *l);

/* Losses of labels by mean (divided by the sum of weights), sum or none. */
gradc_tensor *nll_reduce(const struct nll_labels *l, gradc_tensor *loss, gradc_reduction reduction);

#endif
