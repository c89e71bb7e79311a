/* gradient_elementwise.c - the rows of test/gradients.c for the ops of elementwise.def, where, lerp, cast
 * and dropout. */
#include "gradient_rows.h"

#define EW1(name, kind, expression, keeps, dx, low, high)   \
    static gradc_tensor *run_##name(gradc_tensor *const *x) \
    {                                                       \
        return gradc_##name(x[0]);                          \
    }
#define EW1A(name, kind, expression, keeps, dx, low, high)  \
    static gradc_tensor *run_##name(gradc_tensor *const *x) \
    {                                                       \
        return gradc_##name(x[0], -0.7);                    \
    }
#define EW1B(name, kind, expression, keeps, dx, low, high)  \
    static gradc_tensor *run_##name(gradc_tensor *const *x) \
    {                                                       \
        return gradc_##name(x[0], -0.9, 1.1);               \
    }
#define EW2(name, kind, expression, keeps, dx, dy, low, high) \
    static gradc_tensor *run_##name(gradc_tensor *const *x)   \
    {                                                         \
        return gradc_##name(x[0], x[1]);                      \
    }
#define EW3(name, expression, keeps, dx, dy, low, high)                   \
    static gradc_tensor *run_##name(gradc_tensor *const *x)               \
    {                                                                     \
        return gradc_##name(gradc_gt(x[0], gradc_exp(x[0])), x[0], x[1]); \
    }
#include "ops/elementwise.def"

static gradc_tensor *where_both(gradc_tensor *const *x)
{
    return gradc_where(gradc_cast(gradient_constant(x[0], GRADC_I64, SHAPE_OF(2, 3, 1), 2), GRADC_BOOL), x[0],
                       x[1]);
}

static gradc_tensor *lerp_low(gradc_tensor *const *x)
{
    return gradc_lerp(x[0], x[1], 0.3);
}

static gradc_tensor *lerp_high(gradc_tensor *const *x)
{
    return gradc_lerp(x[0], x[1], 1.6);
}

static gradc_tensor *cast_twice(gradc_tensor *const *x)
{
    return gradc_cast(gradc_cast(x[0], GRADC_F32), GRADC_F64);
}

static gradc_tensor *dropout(gradc_tensor *const *x)
{
    gradc_seed(gradc_context_of(x[0]), 5);
    return gradc_dropout(x[0], 0.4);
}

static gradc_tensor *many_places(gradc_tensor *const *x)
{
    return gradc_add(gradc_mul(x[0], gradc_exp(x[0])), x[0]);
}

#define EW1(name, kind, expression, keeps, dx, low, high) \
    {#name, run_##name, {{3, 4, -1}}, low, high, 0, 0, 0},
#define EW1A EW1
#define EW1B EW1
#define EW2(name, kind, expression, keeps, dx, dy, low, high)             \
    {#name, run_##name, {{3, 1, 4, -1}, {2, 1, -1}}, low, high, 0, 0, 0}, \
        {#name " of one shape", run_##name, {{5, -1}, {5, -1}}, low, high, 0, 0, 0},
#define EW3(name, expression, keeps, dx, dy, low, high) \
    {#name, run_##name, {{3, 4, -1}, {4, -1}}, low, high, 0, 0, 0},

const struct row gradient_elementwise[] = {
#include "ops/elementwise.def"
    {"where of both", where_both, {{3, 4, -1}, {2, 1, 4, -1}}, 0, 0, 0, 0, 0},
    {"lerp", lerp_low, {{3, 1, 4, -1}, {2, 1, -1}}, 0, 0, 0, 0, 0},
    {"lerp beyond y", lerp_high, {{3, 4, -1}, {3, 4, -1}}, 0, 0, 0, 0, 0},
    {"cast", cast_twice, {{3, 4, -1}}, 0, 0, 0, 0.5, 1e-5},
    {"dropout", dropout, {{4, 5, -1}}, 0, 0, 0, 0, 0},
    {"an operand in many places", many_places, {{3, -1}}, 0, 0, 0, 0, 0},
    {NULL, NULL, {{0}}, 0, 0, 0, 0, 0},
};
