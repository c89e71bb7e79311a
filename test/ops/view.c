/* view.c - reshape, permute, transpose, expand, squeeze, unsqueeze, flatten, detach: whose element is whose; that views
 * follow their tensor; and what is refused. */
#include "../support/values.h"

/* z, a view or copy with z's axis k along x's axis axes[k], holds x's elements. */
static void check_axes(gradc_tensor *x, gradc_tensor *z, int ndim, const int *axes, const char *what)
{
    int64_t shape[GRADC_MAX_NDIM];
    for (int k = 0; k < ndim; k++)
        shape[k] = gradc_size(x, axes[k]);
    struct values a = values_read(x), want = values_new(a.dtype, ndim, shape);
    for (int64_t i = 0; i < want.n; i++)
        want.at[i] = a.at[values_along(&want, i, &a, axes)];
    assert_values(z, &want, 0, what);
    values_free(&a);
    values_free(&want);
}

/* z has the elements of x in their order, and this shape. */
static void check_order(gradc_tensor *x, gradc_tensor *z, const int64_t *shape, const char *what)
{
    int ndim = 0;
    while (shape[ndim] >= 0)
        ndim++;
    struct values a = values_read(x), want = values_new(a.dtype, ndim, shape);
    assert_int_equal(a.n, want.n);
    memcpy(want.at, a.at, (size_t)a.n * sizeof *a.at);
    assert_values(z, &want, 0, what);
    values_free(&a);
    values_free(&want);
}

static void exchanged_axes(struct fixture *f)
{
    struct random r = {test_seed()};
    for (int form = 0; form < FORMS; form++) {
        gradc_tensor *x = operand(f->g, GRADC_I32, (enum form)form, SHAPE_OF(2, 3, 4), -99, 99, &r);
        check_axes(x, gradc_permute(x, 3, (const int[]){2, 0, -2}), 3, (const int[]){2, 0, 1}, "permute");
        check_axes(x, gradc_transpose(x, 0, -1), 3, (const int[]){2, 1, 0}, "transpose");
        check_axes(x, gradc_transpose(x, 1, 1), 3, (const int[]){0, 1, 2}, "transpose of one axis");
        operands_free(f->g);
    }
    gradc_tensor *scalar = operand(f->g, GRADC_F32, PLAIN, SHAPE_OF(-1), 0, 1, &r);
    check_axes(scalar, gradc_permute(scalar, 0, NULL), 0, NULL, "permute of 0-d");
    operands_free(f->g);
}

static void other_shapes(struct fixture *f)
{
    struct random r = {test_seed()};
    for (int form = 0; form < FORMS; form++) {
        gradc_tensor *x = operand(f->g, GRADC_F32, (enum form)form, SHAPE_OF(2, 3, 4), -9, 9, &r);
        check_order(x, gradc_reshape(x, 2, (const int64_t[]){-1, 6}), SHAPE_OF(4, 6), "reshape");
        check_order(x, gradc_reshape(x, 4, (const int64_t[]){2, 1, 3, 4}), SHAPE_OF(2, 1, 3, 4), "reshape");
        check_order(x, gradc_flatten(x, 1, -1), SHAPE_OF(2, 12), "flatten");
        check_order(x, gradc_flatten(x, 0, 1), SHAPE_OF(6, 4), "flatten");
        check_order(x, gradc_unsqueeze(x, -1), SHAPE_OF(2, 3, 4, 1), "unsqueeze");
        check_order(x, gradc_unsqueeze(x, 1), SHAPE_OF(2, 1, 3, 4), "unsqueeze");
        check_order(x, gradc_squeeze(gradc_unsqueeze(x, 2), 2), SHAPE_OF(2, 3, 4), "squeeze");
        check_order(x, gradc_squeeze(x, 0), SHAPE_OF(2, 3, 4), "squeeze of another size");
        check_order(x, gradc_detach(x), SHAPE_OF(2, 3, 4), "detach");
        operands_free(f->g);
    }
    gradc_tensor *none = operand(f->g, GRADC_F32, PLAIN, SHAPE_OF(0, 3), 0, 1, &r);
    check_order(none, gradc_reshape(none, 3, (const int64_t[]){3, 0, 5}), SHAPE_OF(3, 0, 5),
                "reshape of nothing");
    check_order(none, gradc_flatten(none, 0, -1), SHAPE_OF(0), "flatten of nothing");
    gradc_tensor *scalar = operand(f->g, GRADC_F32, PLAIN, SHAPE_OF(-1), 0, 1, &r);
    check_order(scalar, gradc_reshape(scalar, 2, (const int64_t[]){1, 1}), SHAPE_OF(1, 1), "reshape of 0-d");
    check_order(scalar, gradc_flatten(scalar, 0, -1), SHAPE_OF(1), "flatten of 0-d");
    operands_free(f->g);
}

static void repeated_elements(struct fixture *f)
{
    struct random r = {test_seed()};
    for (int form = 0; form < FORMS; form++) {
        const gradc_dtype dtype = test_widest(f->g);
        gradc_tensor *x = operand(f->g, dtype, (enum form)form, SHAPE_OF(3, 1, 2), -9, 9, &r);
        struct values a = values_read(x), want = values_new(dtype, 4, SHAPE_OF(5, 3, 4, 2));
        for (int64_t i = 0; i < want.n; i++)
            want.at[i] = a.at[values_broadcast(&want, i, &a)];
        assert_values(gradc_expand(x, 4, (const int64_t[]){5, -1, 4, 2}), &want, 0, "expand");
        values_free(&a);
        values_free(&want);
        operands_free(f->g);
    }
    gradc_tensor *one = operand(f->g, GRADC_F32, PLAIN, SHAPE_OF(1), 0, 1, &r);
    assert_int_equal(gradc_numel(gradc_expand(one, 2, (const int64_t[]){3, 0})), 0);
    operands_free(f->g);
}

/* A view of your tensor shows what is written to the tensor, and writes into it. */
static void views_follow(struct fixture *f)
{
    gradc_tensor *x = tensor_f32(f->g, SHAPE_OF(2, 3), (const float[]){1, 2, 3, 4, 5, 6});
    gradc_tensor *turned = gradc_transpose(x, 0, 1), *flat = gradc_reshape(x, 1, (const int64_t[]){6});
    assert_f32(turned, 6, (const float[]){1, 4, 2, 5, 3, 6});
    assert_int_equal(gradc_write(x, (const float[]){6, 5, 4, 3, 2, 1}, 24), GRADC_OK);
    assert_f32(turned, 6, (const float[]){6, 3, 5, 2, 4, 1});
    assert_f32(flat, 6, (const float[]){6, 5, 4, 3, 2, 1});
    assert_int_equal(gradc_write(turned, (const float[]){1, 4, 2, 5, 3, 6}, 24), GRADC_OK);
    assert_f32(x, 6, (const float[]){1, 2, 3, 4, 5, 6});
    gradc_release(x);
}

static void wrong_arguments(struct fixture *f)
{
    gradc_context *g = f->g;
    gradc_tensor *x = gradc_new(g, GRADC_F32, 2, (const int64_t[]){3, 4});
    gradc_tensor *deep = gradc_new(g, GRADC_F32, 8, (const int64_t[]){1, 1, 1, 1, 1, 1, 1, 1});
    const int64_t nine[] = {1, 1, 1, 1, 1, 1, 1, 1, 12};
    assert_null(gradc_reshape(NULL, 1, nine));
    assert_works(g);
    assert_refused(g, gradc_reshape(x, 2, (const int64_t[]){5, 2}), GRADC_E_SHAPE, "reshape");
    assert_refused(g, gradc_reshape(x, 2, (const int64_t[]){-1, -1}), GRADC_E_SHAPE, "reshape");
    assert_refused(g, gradc_reshape(x, 2, (const int64_t[]){-1, 5}), GRADC_E_SHAPE, "reshape");
    assert_refused(g, gradc_reshape(x, 2, (const int64_t[]){-1, 0}), GRADC_E_SHAPE, "reshape");
    assert_refused(g, gradc_reshape(x, 9, nine), GRADC_E_SHAPE, "reshape");
    assert_refused(g, gradc_reshape(x, 2, (const int64_t[]){INT64_MAX, INT64_MAX}), GRADC_E_SHAPE, "reshape");
    assert_refused(g, gradc_reshape(x, 1, NULL), GRADC_E_ARG, "reshape");
    assert_refused(g, gradc_permute(x, 1, (const int[]){0}), GRADC_E_ARG, "permute");
    assert_refused(g, gradc_permute(x, 2, (const int[]){1, -1}), GRADC_E_ARG, "permute");
    assert_refused(g, gradc_transpose(x, 0, 2), GRADC_E_ARG, "transpose");
    assert_refused(g, gradc_expand(x, 2, (const int64_t[]){3, 5}), GRADC_E_SHAPE, "expand");
    assert_refused(g, gradc_expand(x, 1, (const int64_t[]){4}), GRADC_E_SHAPE, "expand");
    assert_refused(g, gradc_expand(x, 3, (const int64_t[]){-1, 3, 4}), GRADC_E_SHAPE, "expand");
    assert_refused(g, gradc_squeeze(x, 2), GRADC_E_ARG, "squeeze");
    assert_refused(g, gradc_unsqueeze(x, -4), GRADC_E_ARG, "unsqueeze");
    assert_refused(g, gradc_unsqueeze(deep, 0), GRADC_E_SHAPE, "unsqueeze");
    assert_refused(g, gradc_flatten(x, 1, 0), GRADC_E_ARG, "flatten");
    assert_refused(g, gradc_flatten(x, 0, 2), GRADC_E_ARG, "flatten");
    gradc_requires_grad(x, 1);
    assert_int_equal(gradc_wants_grad(gradc_transpose(x, 0, 1)), 1);
    assert_int_equal(gradc_wants_grad(gradc_detach(x)), 0);
    gradc_release(x);
    gradc_release(deep);
}

int main(void)
{
    static const struct test tests[] = {
        {"exchanged axes", exchanged_axes},       {"other shapes", other_shapes},
        {"repeated elements", repeated_elements}, {"views follow their tensor", views_follow},
        {"wrong arguments", wrong_arguments},
    };
    return RUN_SUITE("view", tests);
}
