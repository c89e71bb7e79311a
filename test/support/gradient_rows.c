/* gradient_rows.c - what the rows of test/gradients.c share. */
#include "gradient_rows.h"

/* Whole sixteenths, so that every float has the same numbers. */
gradc_tensor *gradient_constant(gradc_tensor *x, gradc_dtype dtype, const int64_t *shape, double high)
{
    struct random r = {3};
    const gradc_dtype of = gradc_dtype_of(x);
    const int whole = dtype != GRADC_F64;
    gradc_tensor *t =
        tensor_random(gradc_context_of(x), whole || of == GRADC_F64 ? dtype : GRADC_F32, shape, 0, high, &r);
    gradc_tensor *z = gradc_add_scalar(t, 0);
    gradc_release(t);
    return whole ? z : gradc_cast(gradc_mul_scalar(gradc_round(gradc_mul_scalar(z, 16)), 1 / 16.0), of);
}
