/* lerp.c - from x to y by a weight: a composition, in PyTorch's two forms, so that weight 0 is x and weight 1 is y. */
#include "core/context.h"
#include "core/op.h"

static gradc_status lerp_check(const struct tensor *from, const struct tensor *to)
{
    struct layout both;
    gradc_context *g = from->g;
    if (to->g != g)
        return context_fail(g, GRADC_E_ARG, "lerp: y is of another context");
    if (!dtype_is_float(from->dtype) || from->dtype != to->dtype)
        return context_fail(g, GRADC_E_DTYPE, "lerp: x %s and y %s must both be f32 or both f64",
                            gradc_dtype_name(from->dtype), gradc_dtype_name(to->dtype));
    if (layout_broadcast(&from->layout, &to->layout, &both))
        return context_fail(g, GRADC_E_SHAPE, "lerp: x %s and y %s do not broadcast", SHAPE(&from->layout),
                            SHAPE(&to->layout));
    return GRADC_OK;
}

gradc_tensor *gradc_lerp(gradc_tensor *x, gradc_tensor *y, double weight)
{
    x = autocast_single(x);
    y = autocast_single(y);
    struct tensor *from = op_operand(x, "lerp"), *to = op_operand(y, "lerp");
    if (!from || !to || lerp_check(from, to))
        return NULL;
    gradc_tensor *way = gradc_sub(y, x);
    if (weight < 0.5)
        return gradc_add(x, gradc_mul_scalar(way, weight));
    return gradc_sub(y, gradc_mul_scalar(way, 1 - weight));
}
