/* views.c - aliases of your tensors, views of results, and shapes at the edges: 0-d, 8-d, empty. */
#include "support/support.h"

static const float six[6] = {0, 1, 2, 3, 4, 5};

static void aliases_follow_a_write(struct fixture *f)
{
    gradc_tensor *x = tensor_f32(f->g, SHAPE_OF(2, 3), six), *t = gradc_transpose(x, 0, 1),
                 *s = gradc_slice(x, 1, 1, 3, 1);
    assert_f32(t, 6, (const float[]){0, 3, 1, 4, 2, 5});
    assert_int_equal(gradc_write(x, (const float[]){5, 4, 3, 2, 1, 0}, sizeof six), GRADC_OK);
    assert_f32(t, 6, (const float[]){5, 2, 4, 1, 3, 0});
    assert_f32(s, 4, (const float[]){4, 3, 1, 0});
    gradc_release(x);
    assert_f32(s, 4, (const float[]){4, 3, 1, 0}); /* a view holds what it is a view of */
}

static void a_write_to_a_view_changes_the_base(struct fixture *f)
{
    gradc_tensor *x = tensor_f32(f->g, SHAPE_OF(2, 3), six), *t = gradc_transpose(x, 0, 1),
                 *s = gradc_slice(t, 0, 1, 2, 1);
    gradc_tensor *before = gradc_mul_scalar(x, 2);
    assert_int_equal(gradc_write(s, (const float[]){-1, -4}, 8), GRADC_OK);
    assert_f32(x, 6, (const float[]){0, -1, 2, 3, -4, 5});
    assert_f32(before, 6, (const float[]){0, 2, 4, 6, 8, 10});
    assert_int_equal(gradc_write(s, six, 4), GRADC_E_ARG);
    assert_failed(f->g, GRADC_E_ARG, "[1,2]");
    gradc_release(x);
}

static void assigns_go_through_views(struct fixture *f)
{
    gradc_tensor *x = tensor_f32(f->g, SHAPE_OF(2, 3), six), *row = gradc_slice(x, 0, 1, 2, 1);
    gradc_tensor *sum = gradc_sum(x, 0, NULL, 0), *first = gradc_slice(x, 0, 0, 1, 1);
    assert_int_equal(gradc_assign(row, gradc_neg(first)), GRADC_OK);
    assert_f32(row, 3, (const float[]){-0.0f, -1, -2});
    assert_f32(x, 6, (const float[]){0, 1, 2, -0.0f, -1, -2});
    assert_f32(sum, 1, (const float[]){15});
    /* The source overlaps what it overwrites. */
    gradc_tensor *y = tensor_f32(f->g, SHAPE_OF(6), six);
    assert_int_equal(gradc_assign(gradc_slice(y, 0, 1, 6, 1), gradc_slice(y, 0, 0, 5, 1)), GRADC_OK);
    assert_f32(y, 6, (const float[]){0, 0, 1, 2, 3, 4});
    gradc_release(y);
    gradc_release(x);
}

static void gradients_flow_through_views(struct fixture *f)
{
    gradc_tensor *x = leaf_f32(f->g, 3, six),
                 *wide = gradc_expand(gradc_unsqueeze(x, 0), 2, (const int64_t[]){4, 3});
    gradc_tensor *part = gradc_slice(gradc_transpose(wide, 0, 1), 0, 0, INT64_MAX, 2);
    assert_int_equal(gradc_backward(gradc_sum(part, 0, NULL, 0)), GRADC_OK);
    assert_f32(gradc_grad(x), 3, (const float[]){4, 0, 4});
    gradc_release(x);
}

static void contiguous_and_reshape_copy_when_they_must(struct fixture *f)
{
    gradc_tensor *x = tensor_f32(f->g, SHAPE_OF(2, 3), six), *t = gradc_transpose(x, 0, 1);
    gradc_tensor *flat = gradc_reshape(t, 1, (const int64_t[]){-1}), *c = gradc_contiguous(t);
    assert_int_equal(gradc_write(x, (const float[6]){0}, sizeof six), GRADC_OK);
    assert_f32(flat, 6, (const float[]){0, 3, 1, 4, 2, 5});
    assert_f32(c, 6, (const float[]){0, 3, 1, 4, 2, 5});
    assert_f32(t, 6, (const float[6]){0});
    assert_null(gradc_reshape(x, 1, (const int64_t[]){5}));
    assert_failed(f->g, GRADC_E_SHAPE, "[2,3]");
    assert_null(gradc_transpose(x, 0, 2));
    assert_failed(f->g, GRADC_E_ARG, "axis");
    gradc_release(x);
}

static void shapes_at_the_edges(struct fixture *f)
{
    gradc_tensor *scalar = tensor_f32(f->g, (const int64_t[]){-1}, (const float[]){7});
    const int64_t eight[] = {1, 2, 1, 3, 1, 1, 1, 1, -1};
    gradc_tensor *deep = tensor_f32(f->g, eight, six), *empty = tensor_f32(f->g, SHAPE_OF(0, 4), NULL);
    assert_int_equal(gradc_ndim(scalar), 0);
    assert_true(gradc_item(scalar) == 7);
    assert_int_equal(gradc_size(deep, -5), 3);
    assert_int_equal(gradc_size(deep, 8), -1);
    assert_f32(gradc_add(deep, scalar), 6, (const float[]){7, 8, 9, 10, 11, 12});
    assert_f32(gradc_transpose(deep, 1, 3), 6, (const float[]){0, 3, 1, 4, 2, 5});
    assert_null(gradc_unsqueeze(deep, 0));
    assert_true(gradc_check(f->g) < 0);
    gradc_recover(f->g);
    assert_int_equal(gradc_numel(empty), 0);
    assert_int_equal(gradc_read(gradc_neg(empty), NULL, 0), GRADC_OK);
    assert_int_equal(gradc_write(empty, NULL, 0), GRADC_OK);
    assert_f32(gradc_sum(empty, 0, NULL, 0), 1, (const float[]){0});
    assert_f32(gradc_sum(empty, 1, (const int[]){0}, 0), 4, (const float[4]){0});
    assert_null(gradc_new(f->g, GRADC_F32, 9, eight));
    assert_failed(f->g, GRADC_E_SHAPE, "9");
    gradc_release(scalar);
    gradc_release(deep);
    gradc_release(empty);
}

int main(void)
{
    static const struct test tests[] = {
        {"aliases follow a write", aliases_follow_a_write},
        {"a write to a view changes the base", a_write_to_a_view_changes_the_base},
        {"assigns go through views", assigns_go_through_views},
        {"gradients flow through views", gradients_flow_through_views},
        {"contiguous and reshape copy when they must", contiguous_and_reshape_copy_when_they_must},
        {"shapes at the edges", shapes_at_the_edges},
    };
    return RUN_SUITE("views", tests);
}
