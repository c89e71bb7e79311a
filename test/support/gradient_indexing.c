/* gradient_indexing.c - the rows of test/gradients.c for ops that index: embedding and slice. */
#include "gradient_rows.h"

static gradc_tensor *embedding(gradc_tensor *const *x)
{
    return gradc_embedding(gradient_constant(x[0], GRADC_I32, SHAPE_OF(3, 4), 5), x[0]);
}

static gradc_tensor *slice(gradc_tensor *const *x)
{
    return gradc_slice(gradc_slice(x[0], 0, 1, INT64_MAX, 1), 2, 0, 5, 2);
}

const struct row gradient_indexing[] = {
    {"embedding", embedding, {{5, 3, -1}}, 0, 0, 3, 0, 0},
    {"slice", slice, {{3, 2, 5, -1}}, 0, 0, 3, 0, 0},
    {NULL, NULL, {{0}}, 0, 0, 0, 0, 0},
};
