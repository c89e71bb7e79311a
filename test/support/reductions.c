/* reductions.c - what the tests of reductions share. */
#include "reductions.h"

#include <math.h>

/* ---- The reference ---- */

static int is_reduced(int axis, int ndim, int naxes, const int *axes)
{
    for (int i = 0; i < naxes; i++)
        if ((axes[i] + ndim) % ndim == axis)
            return 1;
    return naxes == 0;
}

static gradc_dtype result_dtype(const struct reduction *k, gradc_dtype dtype)
{
    int floats = dtype == GRADC_F32 || dtype == GRADC_F64;
    if (k->always_bool)
        return GRADC_BOOL;
    return k->always_i64 || (k->whole_is_i64 && !floats) ? GRADC_I64 : dtype;
}

/* Splits x's axes: kept ones into `kept`, reduced ones into `gone`, with their places in x. */
static struct values reduce(const struct reduction *k, const struct values *x, int naxes, const int *axes,
                            int keepdim)
{
    int kept_axes[GRADC_MAX_NDIM], gone_axes[GRADC_MAX_NDIM], kept = 0, gone = 0, ndim = 0;
    int64_t kept_shape[GRADC_MAX_NDIM], gone_shape[GRADC_MAX_NDIM], shape[GRADC_MAX_NDIM];
    for (int axis = 0; axis < x->ndim; axis++) {
        int reduced = is_reduced(axis, x->ndim, naxes, axes);
        if (reduced) {
            gone_axes[gone] = axis;
            gone_shape[gone++] = x->shape[axis];
        } else {
            kept_axes[kept] = axis;
            kept_shape[kept++] = x->shape[axis];
        }
        if (!reduced || keepdim)
            shape[ndim++] = reduced ? 1 : x->shape[axis];
    }
    struct values all = values_new(x->dtype, kept, kept_shape), items = values_new(x->dtype, gone, gone_shape);
    struct values want = values_new(result_dtype(k, x->dtype), ndim, shape);
    for (int64_t i = 0; i < want.n; i++) {
        for (int64_t j = 0; j < items.n; j++)
            items.at[j] = x->at[values_along(&all, i, x, kept_axes) + values_along(&items, j, x, gone_axes)];
        want.at[i] = k->want(items.at, items.n);
    }
    values_free(&all);
    values_free(&items);
    return want;
}

void check_reduction(const struct reduction *k, gradc_tensor *x, int naxes, const int *axes, int keepdim,
                     const char *what)
{
    char text[96];
    struct values a = values_read(x), want = reduce(k, &a, naxes, axes, keepdim);
    snprintf(text, sizeof text, "%s of %s, %d axes from %d, %s", k->name, gradc_dtype_name(a.dtype), naxes,
             naxes ? axes[0] : 0, what);
    assert_values(k->op(x, naxes, axes, keepdim), &want, k->exact ? 0 : loose(want.dtype), text);
    values_free(&a);
    values_free(&want);
}

/* ---- What is tried ---- */

static const int64_t shapes[][8] = {
    {3, 4, 5, -1}, {-1}, {1, -1}, {1031, -1}, {2, 3, 1, 5, 2, -1}, {37, 130, -1}, {7, 67, 33, -1}, {0, 3, -1},
};

static void check_axes(const struct reduction *k, gradc_tensor *x, const char *what)
{
    int ndim = gradc_ndim(x);
    int empty = gradc_numel(x) == 0;
    for (int keepdim = 0; keepdim < 2; keepdim++) {
        if (!empty || !k->refuses_empty)
            check_reduction(k, x, 0, NULL, keepdim, what);
        for (int axis = -ndim; axis < ndim; axis++)
            if (gradc_size(x, axis) > 0 || !k->refuses_empty)
                check_reduction(k, x, 1, &axis, keepdim, what);
        if (ndim > 2 && !empty) {
            check_reduction(k, x, 2, (const int[]){0, -1}, keepdim, what);
            check_reduction(k, x, 2, (const int[]){2, 1}, keepdim, what);
        }
    }
}

static void check_special(struct fixture *f, const struct reduction *k)
{
    static const double numbers[] = {NAN,       1,         2,  3, INFINITY, -INFINITY,
                                     -INFINITY, -INFINITY, -1, 4, NAN,      INFINITY};
    gradc_tensor *x = operand_of(f->g, GRADC_F32, SHAPE_OF(4, 3), numbers);
    for (int axis = 0; axis < 2; axis++)
        check_reduction(k, x, 1, &axis, 0, "special numbers");
    check_reduction(k, x, 0, NULL, 0, "special numbers");
    operands_free(f->g);
}

/* Numbers mostly of one sign, so that a sum's error is small beside the sum; near 1 where a product is. */
void reduction_values(struct fixture *f, const struct reduction *k)
{
    const double low = k->wraps ? -1.25 : -0.25, high = k->wraps ? 1.25 : 2;
    struct random r = {test_seed()};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (int form = 0; form < FORMS; form++) {
            check_axes(k, operand(f->g, GRADC_F32, (enum form)form, shapes[s], low, high, &r), form_names[form]);
            operands_free(f->g);
        }
    check_axes(k, operand(f->g, test_widest(f->g), SLICED, shapes[0], low, high, &r), "widest");
    check_axes(k, operand(f->g, test_widest(f->g), PLAIN, shapes[5], low, high, &r), "widest");
    operands_free(f->g);
    for (gradc_dtype dtype = GRADC_I64; dtype <= GRADC_U8 && k->whole && !k->wraps; dtype++) {
        check_axes(k, operand(f->g, dtype, PERMUTED, shapes[0], 0, 250, &r), "permuted");
        check_axes(k, operand(f->g, dtype, PLAIN, shapes[5], dtype == GRADC_U8 ? 0 : -99, 250, &r), "plain");
        operands_free(f->g);
    }
    check_special(f, k);
}

void reduction_refusals(struct fixture *f, const struct reduction *k)
{
    struct random r = {test_seed()};
    gradc_context *g = f->g;
    gradc_tensor *x = operand(g, GRADC_F32, PLAIN, SHAPE_OF(2, 3), 0, 1, &r);
    gradc_tensor *bools = operand(g, GRADC_BOOL, PLAIN, SHAPE_OF(2, 3), 0, 2, &r);
    gradc_tensor *whole = operand(g, GRADC_I32, PLAIN, SHAPE_OF(2, 3), 0, 9, &r);
    gradc_tensor *empty = operand(g, GRADC_F32, PLAIN, SHAPE_OF(3, 0), 0, 1, &r);
    assert_null(k->op(NULL, 0, NULL, 0));
    assert_works(g);
    assert_refused(g, k->op(x, 1, (const int[]){2}, 0), GRADC_E_ARG, k->name);
    assert_refused(g, k->op(x, 1, (const int[]){-3}, 0), GRADC_E_ARG, k->name);
    assert_refused(g, k->op(x, 2, (const int[]){1, -1}, 0), GRADC_E_ARG, k->name);
    assert_refused(g, k->op(x, 3, (const int[]){0, 1, 2}, 0), GRADC_E_ARG, k->name);
    assert_refused(g, k->op(x, -1, NULL, 0), GRADC_E_ARG, k->name);
    if (!k->whole)
        assert_refused(g, k->op(whole, 0, NULL, 0), GRADC_E_DTYPE, k->name);
    if (!k->whole_is_i64 && !k->always_bool)
        assert_refused(g, k->op(bools, 0, NULL, 0), GRADC_E_DTYPE, k->name);
    if (k->refuses_empty) {
        assert_refused(g, k->op(empty, 0, NULL, 0), GRADC_E_SHAPE, k->name);
        assert_refused(g, k->op(empty, 1, (const int[]){1}, 0), GRADC_E_SHAPE, k->name);
    }
    operands_free(g);
}

/* ---- Devices ---- */

static const struct reduction *chosen;
static int chosen_axes;

static gradc_tensor *long_ones(gradc_context *g, struct random *r)
{
    static const int64_t sizes[][3] = {{3, 70001, -1}, {1500, 130, -1}, {1500, 130, -1}};
    gradc_tensor *x = operand(g, GRADC_F32, PLAIN, sizes[chosen_axes], -0.25, 2, r);
    return chosen->op(x, chosen_axes ? 1 : 0, (const int[]){chosen_axes - 1}, 0);
}

void reduction_devices(struct fixture *f, const struct reduction *k, double tolerance)
{
    chosen = k;
    for (chosen_axes = 0; chosen_axes < 3; chosen_axes++)
        assert_agrees(f, long_ones, tolerance);
}
