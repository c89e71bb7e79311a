/* gradient_indexing.c - the rows of test/gradients.c for ops that index, and for those that move elements. */
#include "gradient_rows.h"

static gradc_tensor *embedding(gradc_tensor *const *x)
{
    return gradc_embedding(gradient_constant(x[0], GRADC_I32, SHAPE_OF(3, 4), 5), x[0]);
}

static gradc_tensor *slice(gradc_tensor *const *x)
{
    return gradc_slice(gradc_slice(x[0], 0, 1, INT64_MAX, 1), 2, 0, 5, 2);
}

static gradc_tensor *index_select(gradc_tensor *const *x)
{
    return gradc_index_select(x[0], 1, gradient_constant(x[0], GRADC_I64, SHAPE_OF(5), 3));
}

static gradc_tensor *gather(gradc_tensor *const *x)
{
    return gradc_gather(x[0], -2, gradient_constant(x[0], GRADC_I32, SHAPE_OF(2, 40, 3), 3));
}

static gradc_tensor *scatter_add(gradc_tensor *const *x)
{
    return gradc_scatter_add(x[0], 1, gradient_constant(x[0], GRADC_I64, SHAPE_OF(2, 4, 3), 3), x[1]);
}

static gradc_tensor *concat(gradc_tensor *const *x)
{
    return gradc_concat((gradc_tensor *[]){x[0], x[1], x[2], x[1]}, 4, 1);
}

static gradc_tensor *stack(gradc_tensor *const *x)
{
    return gradc_stack((gradc_tensor *[]){x[0], x[1], x[0]}, 3, -1);
}

static gradc_tensor *split(gradc_tensor *const *x)
{
    gradc_tensor *part[3];
    gradc_split(x[0], 2, 1, 3, part);
    return gradc_mul(part[2], part[0]);
}

static gradc_tensor *pad(gradc_tensor *const *x)
{
    return gradc_pad(x[0], 6, (const int64_t[]){1, -1, 0, 2, -1, 0}, 3);
}

static gradc_tensor *flip(gradc_tensor *const *x)
{
    return gradc_flip(x[0], 2, (const int[]){0, -1});
}

static gradc_tensor *tril(gradc_tensor *const *x)
{
    return gradc_tril(x[0], 1);
}

static gradc_tensor *triu(gradc_tensor *const *x)
{
    return gradc_triu(x[0], -1);
}

const struct row gradient_indexing[] = {
    {"embedding", embedding, {{5, 3, -1}}, 0, 0, 3, 0, 0},
    {"slice", slice, {{3, 2, 5, -1}}, 0, 0, 3, 0, 0},
    {"index_select", index_select, {{4, 3, 2, -1}}, 0, 0, 3, 0, 0},
    {"gather", gather, {{2, 3, 4, -1}}, 0, 0, 3, 0, 0},
    {"scatter_add", scatter_add, {{3, 3, 3, -1}, {2, 5, 4, -1}}, 0, 0, 3, 0, 0},
    {"concat", concat, {{3, 2, -1}, {3, 1, -1}, {3, 4, -1}}, 0, 0, 3, 0, 0},
    {"stack", stack, {{3, 2, -1}, {3, 2, -1}}, 0, 0, 3, 0, 0},
    {"split", split, {{3, 5, 2, -1}}, 0, 0, 0, 0, 0},
    {"pad", pad, {{3, 2, 4, -1}}, 0, 0, 3, 0, 0},
    {"flip", flip, {{3, 2, 4, -1}}, 0, 0, 3, 0, 0},
    {"tril", tril, {{2, 4, 3, -1}}, 0, 0, 3, 0, 0},
    {"triu", triu, {{2, 4, 3, -1}}, 0, 0, 3, 0, 0},
    {NULL, NULL, {{0}}, 0, 0, 0, 0, 0},
};
