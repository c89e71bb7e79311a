/* gradient_rows.c - what the rows of test/gradients.c share. */
#include "gradient_rows.h"

gradc_tensor *gradient_constant(gradc_tensor *x, gradc_dtype dtype, const int64_t *shape, double high)
{
    struct random r = {3};
    gradc_tensor *t = tensor_random(gradc_context_of(x), dtype, shape, 0, high, &r), *z = gradc_add_scalar(t, 0);
    gradc_release(t);
    return z;
}
