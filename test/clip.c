/* clip.c - gradients clipped by their norm: the step takes the clipped ones, a failed run leaves the old ones. */
#include <math.h>

#include "support/support.h"

/* Gradients {3, 0} and {0, 4}, norm 5. */
static void make_gradients(struct fixture *f, gradc_tensor *x[2])
{
    gradc_tensor *a = tensor_f32(f->g, SHAPE_OF(2), (const float[]){3, 0});
    gradc_tensor *b = tensor_f32(f->g, SHAPE_OF(2), (const float[]){0, 4});
    gradc_tensor *loss = gradc_add(gradc_mul(x[0], a), gradc_mul(x[1], b));
    assert_int_equal(gradc_backward(gradc_sum(loss, 0, NULL, 0)), GRADC_OK);
    gradc_release(a);
    gradc_release(b);
}

static void leaves(struct fixture *f, gradc_tensor *x[3])
{
    for (int i = 0; i < 3; i++)
        x[i] = leaf_f32(f->g, 2, (const float[]){1, 1});
}

static void let_go(gradc_tensor *x[3])
{
    for (int i = 0; i < 3; i++)
        gradc_release(x[i]);
}

static void steps_take_clipped_gradients(struct fixture *f)
{
    gradc_tensor *x[3];
    leaves(f, x);
    gradc_optim *o = gradc_sgd(x, 3, 1, 0);
    make_gradients(f, x);
    gradc_tensor *norm = gradc_clip_grad_norm(x, 3, 2.5);
    assert_int_equal(gradc_wants_grad(norm), 0);
    assert_null(gradc_grad(x[2]));
    assert_int_equal(gradc_step(o), GRADC_OK);
    assert_f32(norm, 1, (const float[]){5});
    assert_f32_near(x[0], 2, (const float[]){-0.5f, 1}, 1e-6);
    assert_f32_near(x[1], 2, (const float[]){1, -1}, 1e-6);
    gradc_tape_clear(f->g);
    assert_int_equal(gradc_ndim(norm), -1); /* it was the tape's */
    gradc_optim_free(o);
    let_go(x);
}

static void small_gradients_stay(struct fixture *f)
{
    gradc_tensor *x[3];
    leaves(f, x);
    assert_true(gradc_item(gradc_clip_grad_norm(x, 3, 1)) == 0); /* there is none */
    assert_null(gradc_grad(x[0]));
    make_gradients(f, x);
    gradc_tensor *snapshot = gradc_retain(gradc_grad(x[0]));
    gradc_clip_grad_norm(x, 3, 100);
    assert_f32(gradc_grad(x[0]), 2, (const float[]){3, 0});
    gradc_clip_grad_norm(x, 3, (double)INFINITY);
    assert_f32(gradc_grad(x[1]), 2, (const float[]){0, 4});
    gradc_clip_grad_norm(x, 3, 0);
    assert_f32(gradc_grad(x[1]), 2, (const float[]){0, 0});
    assert_f32(snapshot, 2, (const float[]){3, 0});
    make_gradients(f, x); /* adds to what was clipped */
    assert_f32(gradc_grad(x[1]), 2, (const float[]){0, 4});
    gradc_release(snapshot);
    let_go(x);
}

/* As PyTorch's with error_if_nonfinite=False. */
static void norms_that_are_no_numbers(struct fixture *f)
{
    static const float bad[2] = {NAN, INFINITY};
    for (int i = 0; i < 2; i++) {
        gradc_tensor *x = leaf_f32(f->g, 2, (const float[]){1, 1});
        gradc_tensor *by = tensor_f32(f->g, SHAPE_OF(2), (const float[]){bad[i], 2});
        float got[2];
        assert_int_equal(gradc_backward(gradc_sum(gradc_mul(x, by), 0, NULL, 0)), GRADC_OK);
        double norm = gradc_item(gradc_clip_grad_norm(&x, 1, 1));
        assert_true(i ? isinf(norm) : isnan(norm));
        assert_int_equal(gradc_read(gradc_grad(x), got, sizeof got), GRADC_OK);
        assert_true(isnan(got[0]) && (i ? got[1] == 0 : isnan(got[1])));
        gradc_release(by);
        gradc_release(x);
    }
}

static void f32_beside_f64(struct fixture *f)
{
    if (!test_has_f64(f->g))
        return;
    gradc_tensor *x[2] = {gradc_new(f->g, GRADC_F32, 0, NULL), gradc_new(f->g, GRADC_F64, 0, NULL)};
    gradc_requires_grad(x[0], 1);
    gradc_requires_grad(x[1], 1);
    gradc_tensor *loss = gradc_add(gradc_cast(gradc_mul_scalar(x[0], 3), GRADC_F64), gradc_mul_scalar(x[1], -4));
    assert_int_equal(gradc_backward(loss), GRADC_OK);
    gradc_tensor *norm = gradc_clip_grad_norm(x, 2, 2.5);
    assert_int_equal(gradc_dtype_of(norm), GRADC_F64);
    assert_true(gradc_item(norm) == 5);
    assert_true(fabs(gradc_item(gradc_grad(x[0])) - 1.5) < 1e-6);
    assert_true(fabs(gradc_item(gradc_grad(x[1])) + 2) < 1e-6);
    gradc_release(x[0]);
    gradc_release(x[1]);
}

/* A run for which there is no memory: the gradients are as before the call. */
static void a_failed_run_changes_nothing(struct fixture *f)
{
    enum { N = 1 << 20 };
    gradc_tensor *x = gradc_param(f->g, GRADC_ONES, 1, (const int64_t[]){N});
    int64_t live;
    char limit[32];
    assert_int_equal(gradc_backward(gradc_sum(gradc_mul_scalar(x, 3), 0, NULL, 0)), GRADC_OK);
    assert_int_equal(gradc_sync(f->g), GRADC_OK);
    gradc_tape_clear(f->g);
    assert_int_equal(gradc_memory_info(f->g, &live, NULL, NULL), GRADC_OK);
    snprintf(limit, sizeof limit, "%lld", (long long)live + 1024);
    assert_int_equal(gradc_set(f->g, "memory_limit", limit), GRADC_OK);
    gradc_clip_grad_norm(&x, 1, 1);
    if (!gradc_check(f->g))
        gradc_sync(f->g);
    if (!gradc_check(f->g))
        gradc_item(gradc_sum(gradc_grad(x), 0, NULL, 0));
    assert_failed(f->g, GRADC_E_MEMORY, NULL);
    assert_int_equal(gradc_set(f->g, "memory_limit", "0"), GRADC_OK);
    gradc_tape_clear(f->g);
    assert_true(gradc_item(gradc_sum(gradc_grad(x), 0, NULL, 0)) == 3.0 * N);
    gradc_release(x);
}

/* The norm comes from a loss with a bad label: no gradient is left, as after backward. */
static void a_bad_label_drops_gradients(struct fixture *f)
{
    gradc_tensor *x = gradc_param(f->g, GRADC_ONES, 2, (const int64_t[]){2, 3});
    gradc_tensor *labels = tensor_i64(f->g, SHAPE_OF(2), (const int64_t[]){1, 5});
    gradc_optim *o = gradc_sgd(&x, 1, 1, 0);
    gradc_backward(gradc_cross_entropy(x, labels));
    gradc_clip_grad_norm(&x, 1, 1);
    gradc_step(o);
    gradc_sync(f->g);
    assert_failed(f->g, GRADC_E_ARG, "5");
    assert_null(gradc_grad(x));
    assert_f32(x, 6, (const float[]){1, 1, 1, 1, 1, 1});
    gradc_tape_clear(f->g);
    gradc_optim_free(o);
    gradc_release(labels);
    gradc_release(x);
}

static void wrong_arguments(struct fixture *f)
{
    gradc_context *other = test_open("cpu");
    gradc_tensor *x[3], *far = leaf_f32(other, 1, (const float[]){1});
    gradc_tensor *whole = tensor_i64(f->g, SHAPE_OF(1), (const int64_t[]){1});
    leaves(f, x);
    make_gradients(f, x);
    assert_null(gradc_clip_grad_norm(NULL, 0, 1));
    assert_failed_here(GRADC_E_ARG, "no parameters");
    assert_null(gradc_clip_grad_norm((gradc_tensor *const[]){x[0], NULL}, 2, 1));
    assert_failed(f->g, GRADC_E_ARG, "parameter 1 is NULL");
    assert_null(gradc_clip_grad_norm((gradc_tensor *const[]){x[0], x[1], x[0]}, 3, 1));
    assert_failed(f->g, GRADC_E_ARG, "parameter 2 is parameter 0");
    assert_null(gradc_clip_grad_norm((gradc_tensor *const[]){x[0], far}, 2, 1));
    assert_failed(f->g, GRADC_E_ARG, "context");
    assert_null(gradc_clip_grad_norm((gradc_tensor *const[]){x[0], whole}, 2, 1));
    assert_failed(f->g, GRADC_E_DTYPE, "i64");
    assert_null(gradc_clip_grad_norm(x, 3, -1));
    assert_failed(f->g, GRADC_E_ARG, "max_norm");
    assert_null(gradc_clip_grad_norm(x, 3, (double)NAN));
    assert_failed(f->g, GRADC_E_ARG, "max_norm");
    assert_f32(gradc_grad(x[1]), 2, (const float[]){0, 4});
    gradc_release(whole);
    gradc_release(far);
    gradc_close(other);
    let_go(x);
}

int main(void)
{
    static const struct test tests[] = {
        {"steps take clipped gradients", steps_take_clipped_gradients},
        {"small gradients stay", small_gradients_stay},
        {"norms that are no numbers", norms_that_are_no_numbers},
        {"f32 beside f64", f32_beside_f64},
        {"a failed run changes nothing", a_failed_run_changes_nothing},
        {"a bad label drops gradients", a_bad_label_drops_gradients},
        {"wrong arguments", wrong_arguments},
    };
    return RUN_SUITE("clip", tests);
}
