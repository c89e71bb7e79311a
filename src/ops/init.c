/* init.c - parameters and what they start as: gradc_param.  Kaiming and Xavier by PyTorch's formulas. */
#include "ops/init.h"

#include <math.h>

#include "core/context.h"
#include "ops/ops.h"
#include "ops/random.h"

/* shape[first] * shape[2] * shape[3] ... */
static double fan(const struct layout *l, int first)
{
    double n = (double)l->shape[first];
    for (int axis = 2; axis < l->ndim; axis++)
        n *= (double)l->shape[axis];
    return n;
}

/* The bounds of a kind: [reals[0], reals[1]); of NORMAL the deviation. */
static gradc_status range(gradc_context *g, gradc_init how, const struct layout *l, double reals[2])
{
    reals[0] = how == GRADC_ONES || how == GRADC_NORMAL;
    reals[1] = how == GRADC_ONES || how == GRADC_UNIFORM;
    if (how != GRADC_KAIMING && how != GRADC_XAVIER)
        return GRADC_OK;
    if (l->ndim < 2)
        return context_fail(g, GRADC_E_SHAPE, "param: %s needs two dimensions or more, not %s",
                            how == GRADC_KAIMING ? "GRADC_KAIMING" : "GRADC_XAVIER", SHAPE(l));
    double fan_in = fan(l, 1), fan_out = fan(l, 0);
    reals[1] = how == GRADC_KAIMING ? 1 / sqrt(fan_in) : sqrt(6 / (fan_in + fan_out));
    reals[0] = -reals[1];
    return GRADC_OK;
}

static gradc_status fill(gradc_context *g, gradc_init how, struct tensor *t, const double *numbers)
{
    struct random_shape s;
    int normal = how == GRADC_NORMAL;
    random_shape(&s, t->dtype, &t->layout);
    struct attributes a = {.nints = s.nints, .ints = s.ints, .nreals = normal ? 1 : 2, .reals = numbers};
    if (normal || numbers[0] != numbers[1])
        context_random(g, layout_numel(&t->layout), a.bound);
    return op_run_now(g, normal ? &op_normal : &op_uniform, 0, NULL, 1, &t, &a);
}

gradc_tensor *param_new(gradc_context *g, gradc_init how, const double numbers[2], const struct layout *l)
{
    gradc_tensor *t = tensor_new_owned(g, GRADC_F32, l, "param");
    if (!t)
        return NULL;
    if ((layout_numel(l) > 0 && fill(g, how, tensor_of(t), numbers)) || gradc_requires_grad(t, 1)) {
        gradc_release(t);
        return NULL;
    }
    return t;
}

gradc_tensor *gradc_param(gradc_context *g, gradc_init how, int ndim, const int64_t *shape)
{
    struct layout l;
    double reals[2];
    if (context_enter(g, "param"))
        return NULL;
    if (how < GRADC_ZEROS || how > GRADC_XAVIER) {
        context_fail(g, GRADC_E_ARG, "param: no init %d", (int)how);
        return NULL;
    }
    if (context_layout(g, "param", GRADC_F32, ndim, shape, &l) || range(g, how, &l, reals))
        return NULL;
    return param_new(g, how == GRADC_NORMAL ? GRADC_NORMAL : GRADC_UNIFORM, reals, &l);
}
