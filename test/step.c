/* step.c - gradients of leaves and the steps that use them up: binding, accumulation, data errors, replay. */
#include <math.h>

#include "support/support.h"

static const float ones[3] = {1, 1, 1}, twos[3] = {2, 2, 2}, fours[3] = {4, 4, 4};

static gradc_tensor *square_loss(gradc_tensor *x)
{
    return gradc_sum(gradc_mul(x, x), 0, NULL, 0);
}

static void there_is_no_gradient(struct fixture *f)
{
    gradc_tensor *x = leaf_f32(f->g, 3, ones), *y = tensor_f32(f->g, SHAPE_OF(3), ones);
    assert_null(gradc_grad(x));
    assert_null(gradc_grad(y));
    assert_null(gradc_grad(gradc_neg(x)));
    assert_works(f->g);
    assert_int_equal(gradc_backward(square_loss(y)), GRADC_E_ARG);
    assert_failed(f->g, GRADC_E_ARG, "gradient");
    assert_int_equal(gradc_backward(gradc_neg(x)), GRADC_E_SHAPE);
    assert_failed(f->g, GRADC_E_SHAPE, "[3]");
    gradc_release(x);
    gradc_release(y);
}

static void micro_batches_add_up(struct fixture *f)
{
    gradc_tensor *x = leaf_f32(f->g, 3, ones);
    gradc_tensor *gradient = NULL;
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(gradc_backward(square_loss(x)), GRADC_OK);
        gradc_tape_clear(f->g);
        if (i > 1)
            assert_ptr_equal(gradc_grad(x), gradient);
        gradient = gradc_grad(x);
        float sum = 2.0f * (float)i;
        assert_f32(gradient, 3, (const float[]){sum, sum, sum});
    }
    assert_int_equal(gradc_zero_grad(&x, 1), GRADC_OK);
    assert_null(gradc_grad(x));
    assert_int_equal(gradc_backward(square_loss(x)), GRADC_OK);
    assert_f32(gradc_grad(x), 3, twos);
    gradc_release(x);
    gradc_tape_clear(f->g); /* its nodes held the leaf */
    assert_int_equal(gradc_dtype_of(gradient), -1);
}

static void a_snapshot_stays(struct fixture *f)
{
    gradc_tensor *x = leaf_f32(f->g, 3, ones);
    gradc_optim *o = gradc_sgd(&x, 1, 0.5, 0);
    assert_int_equal(gradc_backward(square_loss(x)), GRADC_OK);
    gradc_tensor *snapshot = gradc_retain(gradc_grad(x));
    assert_ptr_not_equal(snapshot, gradc_grad(x));
    assert_int_equal(gradc_backward(square_loss(x)), GRADC_OK);
    assert_f32(gradc_grad(x), 3, fours);
    assert_f32(snapshot, 3, twos);
    assert_int_equal(gradc_step(o), GRADC_OK);
    gradc_tape_clear(f->g);
    assert_f32(snapshot, 3, twos);
    assert_f32(x, 3, (const float[]){-1, -1, -1});
    gradc_release(snapshot);
    gradc_optim_free(o);
    gradc_release(x);
}

static void a_step_uses_gradients_up(struct fixture *f)
{
    gradc_tensor *x[2] = {leaf_f32(f->g, 3, ones), leaf_f32(f->g, 3, twos)};
    gradc_optim *o = gradc_sgd(x, 2, 0.5, 0);
    assert_int_equal(gradc_backward(square_loss(x[0])), GRADC_OK);
    assert_int_equal(gradc_step(o), GRADC_OK);
    assert_null(gradc_grad(x[0]));
    assert_f32(x[0], 3, (const float[]){0, 0, 0});
    assert_f32(x[1], 3, twos); /* it had no gradient */
    assert_int_equal(gradc_step(o), GRADC_OK);
    assert_int_equal(gradc_optim_steps(o), 2);
    assert_f32(x[0], 3, (const float[]){0, 0, 0});
    gradc_release(x[0]); /* the optimiser holds it */
    gradc_release(x[1]);
    gradc_optim_free(o);
}

static void gradients_of_gradients(struct fixture *f)
{
    gradc_tensor *x = leaf_f32(f->g, 3, (const float[]){1, 2, 3}), *dx = NULL, *ddx = NULL;
    gradc_tensor *y = gradc_mul(x, gradc_mul(x, x));
    assert_int_equal(gradc_gradients(y, NULL, 1, &x, &dx), GRADC_OK);
    assert_f32(dx, 3, (const float[]){3, 12, 27});
    assert_int_equal(gradc_gradients(dx, NULL, 1, &x, &ddx), GRADC_OK);
    assert_f32(ddx, 3, (const float[]){6, 12, 18});
    assert_int_equal(gradc_backward(gradc_sum(ddx, 0, NULL, 0)), GRADC_OK);
    assert_f32(gradc_grad(x), 3, (const float[]){6, 6, 6});
    gradc_tensor *other = leaf_f32(f->g, 3, ones), *plain = tensor_f32(f->g, SHAPE_OF(3), ones);
    assert_int_equal(gradc_gradients(y, NULL, 1, &other, &dx), GRADC_OK);
    assert_f32(dx, 3, (const float[]){0, 0, 0});
    assert_int_equal(gradc_gradients(y, NULL, 1, &plain, &dx), GRADC_E_ARG);
    assert_null(dx);
    assert_failed(f->g, GRADC_E_ARG, "gradient");
    gradc_release(plain);
    gradc_release(other);
    gradc_release(x);
}

/* Of integers nothing flows, and what they leave behind harms no later gradient. */
static void gradients_of_integers(struct fixture *f)
{
    gradc_tensor *x = leaf_f32(f->g, 3, (const float[]){1, 2, 3}), *dx = NULL;
    gradc_tensor *y = gradc_cast(gradc_mul(x, x), GRADC_I64);
    assert_int_equal(gradc_gradients(y, NULL, 1, &x, &dx), GRADC_OK);
    assert_f32(dx, 3, (const float[]){0, 0, 0});
    assert_int_equal(gradc_backward(gradc_sum(x, 0, NULL, 0)), GRADC_OK);
    assert_f32(gradc_grad(x), 3, ones);
    gradc_release(x);
}

static void detach_stops_gradients(struct fixture *f)
{
    gradc_tensor *x = leaf_f32(f->g, 3, twos), *d = gradc_detach(gradc_mul(x, x));
    assert_int_equal(gradc_wants_grad(d), 0);
    assert_int_equal(gradc_backward(gradc_sum(gradc_mul(x, d), 0, NULL, 0)), GRADC_OK);
    assert_f32(gradc_grad(x), 3, fours);
    gradc_release(x);
}

static gradc_status train(gradc_tensor *w, gradc_optim *o, gradc_tensor *x, gradc_tensor *labels)
{
    gradc_status status = gradc_backward(gradc_cross_entropy(gradc_matmul(x, w), labels));
    return status ? status : gradc_step(o);
}

/* A label out of range: no update after it is made, and training goes on behind gradc_recover. */
static void a_bad_label_stops_updates(struct fixture *f)
{
    const float unit[4] = {1, 0, 0, 1};
    gradc_tensor *x = tensor_f32(f->g, SHAPE_OF(2, 2), unit), *w = tensor_f32(f->g, SHAPE_OF(2, 2), unit);
    gradc_tensor *labels = tensor_i64(f->g, SHAPE_OF(2), (const int64_t[]){0, 1});
    assert_int_equal(gradc_requires_grad(w, 1), GRADC_OK);
    gradc_optim *o = gradc_adam(&w, 1, 0.1);
    float before[4], after[4];
    assert_int_equal(train(w, o, x, labels), GRADC_OK);
    assert_int_equal(gradc_read(w, before, sizeof before), GRADC_OK);
    assert_int_equal(gradc_write(labels, (const int64_t[]){0, 7}, 16), GRADC_OK);
    train(w, o, x, labels);
    gradc_sync(f->g);
    assert_failed(f->g, GRADC_E_ARG, "7");
    assert_int_equal(gradc_optim_steps(o), 1);
    assert_null(gradc_grad(w));
    assert_int_equal(gradc_read(w, after, sizeof after), GRADC_OK);
    assert_memory_equal(before, after, sizeof before);
    gradc_tape_clear(f->g);
    assert_int_equal(gradc_write(labels, (const int64_t[]){1, 0}, 16), GRADC_OK);
    assert_int_equal(train(w, o, x, labels), GRADC_OK);
    assert_int_equal(gradc_sync(f->g), GRADC_OK);
    assert_int_equal(gradc_optim_steps(o), 2);
    assert_int_equal(gradc_read(w, after, sizeof after), GRADC_OK);
    assert_memory_not_equal(before, after, sizeof before);
    gradc_optim_free(o);
    gradc_release(labels);
    gradc_release(w);
    gradc_release(x);
}

static gradc_status step_on(gradc_tensor *w, gradc_optim *o, gradc_tensor *x)
{
    gradc_status status = gradc_backward(square_loss(gradc_matmul(x, w)));
    status = status ? status : gradc_step(o);
    gradc_tape_clear(gradc_context_of(w));
    return status;
}

static int64_t planned_so_far(gradc_context *g)
{
    int64_t planned = -1;
    assert_int_equal(gradc_counters(g, &planned, NULL, NULL, NULL), GRADC_OK);
    return planned;
}

static void equal_steps_replay(struct fixture *f)
{
    struct random r = {test_seed()};
    gradc_tensor *small = tensor_random(f->g, GRADC_F32, SHAPE_OF(2, 3), -1, 1, &r);
    gradc_tensor *large = tensor_random(f->g, GRADC_F32, SHAPE_OF(4, 3), -1, 1, &r);
    gradc_tensor *w = tensor_random(f->g, GRADC_F32, SHAPE_OF(3, 2), -1, 1, &r);
    assert_int_equal(gradc_requires_grad(w, 1), GRADC_OK);
    gradc_optim *o = gradc_adam(&w, 1, 0.1);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(step_on(w, o, small), GRADC_OK);
        assert_int_equal(step_on(w, o, large), GRADC_OK);
    }
    int64_t planned = planned_so_far(f->g), before = 0, after = 0;
    gradc_counters(f->g, NULL, &before, NULL, NULL);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(gradc_optim_set(o, "lr", 0.1 / (i + 1)), GRADC_OK);
        assert_int_equal(step_on(w, o, i % 3 ? small : large), GRADC_OK);
    }
    assert_int_equal(planned_so_far(f->g), planned);
    gradc_counters(f->g, NULL, &after, NULL, NULL);
    assert_true(after >= before + 10);
    gradc_optim_free(o);
    gradc_release(w);
    gradc_release(large);
    gradc_release(small);
}

/* The first failure stays until gradc_recover, and meanwhile nothing happens. */
static void the_first_failure_sticks(struct fixture *f)
{
    gradc_tensor *x = leaf_f32(f->g, 3, ones), *y = gradc_neg(x), *loss = square_loss(x), *dx = x;
    gradc_optim *o = gradc_sgd(&x, 1, 1, 0);
    gradc_tensor *small = tensor_f32(f->g, SHAPE_OF(2), ones);
    float got[3];
    assert_null(gradc_add(x, small));
    assert_null(gradc_reshape(x, 1, (const int64_t[]){5}));
    assert_non_null(strstr(gradc_message(f->g), "add"));
    assert_non_null(strstr(gradc_message(f->g), "[3]"));
    assert_non_null(strstr(gradc_message(f->g), "[2]"));
    assert_int_equal(gradc_check(f->g), GRADC_E_SHAPE);
    assert_null(gradc_neg(x));
    assert_null(gradc_new(f->g, GRADC_F32, 0, NULL));
    assert_int_equal(gradc_write(x, twos, sizeof twos), GRADC_E_SHAPE);
    assert_int_equal(gradc_read(y, got, sizeof got), GRADC_E_SHAPE);
    assert_int_equal(gradc_assign(x, y), GRADC_E_SHAPE);
    assert_int_equal(gradc_backward(loss), GRADC_E_SHAPE);
    assert_int_equal(gradc_gradients(loss, NULL, 1, &x, &dx), GRADC_E_SHAPE);
    assert_null(dx);
    assert_int_equal(gradc_step(o), GRADC_E_SHAPE);
    assert_true(isnan(gradc_item(loss)));
    gradc_recover(f->g);
    assert_string_equal(gradc_message(f->g), "");
    assert_f32(y, 3, (const float[]){-1, -1, -1});
    assert_f32(x, 3, ones);
    assert_int_equal(gradc_optim_steps(o), 0);
    assert_null(gradc_add(x, gradc_cast(x, GRADC_F64)));
    assert_non_null(strstr(gradc_message(f->g), "f64"));
    assert_failed(f->g, GRADC_E_DTYPE, "add");
    assert_null(gradc_add(x, small));
    gradc_release(small);
    gradc_optim_free(o);
    gradc_tape_clear(f->g);
    gradc_recover(f->g);
    gradc_release(x);
}

int main(void)
{
    static const struct test tests[] = {
        {"there is no gradient", there_is_no_gradient},
        {"micro-batches add up", micro_batches_add_up},
        {"a snapshot stays", a_snapshot_stays},
        {"a step uses gradients up", a_step_uses_gradients_up},
        {"gradients of gradients", gradients_of_gradients},
        {"gradients of integers", gradients_of_integers},
        {"detach stops gradients", detach_stops_gradients},
        {"a bad label stops updates", a_bad_label_stops_updates},
        {"equal steps replay", equal_steps_replay},
        {"the first failure sticks", the_first_failure_sticks},
    };
    return RUN_SUITE("step", tests);
}
