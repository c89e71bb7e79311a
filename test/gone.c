/* gone.c - what a run leaves behind, and what is GONE: the same, eager or planned. */
#include "support/support.h"

static const float ones[3] = {1, 1, 1}, twos[3] = {2, 2, 2}, fives[3] = {5, 5, 5};

/* Runs what is pending without asking for anything. */
static void settle(struct fixture *f)
{
    assert_int_equal(gradc_sync(f->g), GRADC_OK);
}

static gradc_tensor *mine(struct fixture *f)
{
    return tensor_f32(f->g, SHAPE_OF(3), ones);
}

static void rewrite(gradc_tensor *x)
{
    assert_int_equal(gradc_write(x, fives, sizeof fives), GRADC_OK);
}

/* (a) */
static void retained_stays(struct fixture *f)
{
    gradc_tensor *x = mine(f), *y = gradc_retain(gradc_add(x, x));
    gradc_neg(y);
    rewrite(x);
    assert_f32(y, 3, twos);
    gradc_release(y);
    gradc_release(x);
}

/* (a): retained after a run freed its elements, while they could still be made. */
static void retained_late_stays(struct fixture *f)
{
    gradc_tensor *x = mine(f), *y = gradc_add(x, x), *z = gradc_neg(y);
    settle(f);
    assert_non_null(gradc_retain(y));
    rewrite(x);
    assert_f32(y, 3, twos);
    assert_f32(z, 3, (const float[]){-2, -2, -2});
    gradc_release(y);
    gradc_release(x);
}

/* (b) */
static void loss_and_gradients_stay(struct fixture *f)
{
    gradc_tensor *x = leaf_f32(f->g, 3, ones), *loss = gradc_sum(gradc_mul(x, x), 0, NULL, 0),
                 *more = gradc_neg(loss);
    settle(f);
    assert_int_equal(gradc_backward(loss), GRADC_OK);
    rewrite(x);
    assert_f32(loss, 1, (const float[]){3});
    assert_f32(more, 1, (const float[]){-3});
    assert_f32(gradc_grad(x), 3, twos);
    gradc_release(x);
}

/* (b): the loss was dropped before backward, and what it came from, an older value of x, goes with backward. */
static void dropped_loss_stays(struct fixture *f)
{
    const float zeros[3] = {0, 0, 0};
    gradc_tensor *x = leaf_f32(f->g, 3, ones);
    gradc_tensor *old = gradc_detach(gradc_reshape(gradc_mul(x, x), 2, (const int64_t[]){1, 3}));
    gradc_optim *o = gradc_sgd(&x, 1, 1, 0);
    assert_int_equal(gradc_backward(gradc_sum(x, 0, NULL, 0)), GRADC_OK);
    assert_int_equal(gradc_step(o), GRADC_OK); /* x is 0 from here on */
    gradc_tensor *loss = gradc_matmul(old, gradc_add_scalar(x, 2));
    gradc_neg(loss);
    settle(f);
    assert_int_equal(gradc_backward(loss), GRADC_OK);
    settle(f);
    assert_f32(loss, 1, (const float[]){6});
    assert_f32(x, 3, zeros);
    assert_f32(gradc_grad(x), 3, ones);
    gradc_optim_free(o);
    gradc_release(x);
}

/* (c) */
static void unconsumed_result_stays(struct fixture *f)
{
    gradc_tensor *x = mine(f), *y = gradc_add(x, x);
    rewrite(x);
    assert_f32(y, 3, twos);
    gradc_release(x);
}

/* Not (c): consumed, and then its origin changed. */
static void consumed_result_goes(struct fixture *f)
{
    gradc_tensor *x = mine(f), *y = gradc_add(x, x), *z = gradc_neg(y);
    assert_f32(y, 3, twos); /* as long as what it came from stands */
    rewrite(x);
    assert_gone(y);
    assert_f32(z, 3, (const float[]){-2, -2, -2});
    gradc_release(x);
}

/* (d) */
static void what_a_gradient_reads_stays(struct fixture *f)
{
    gradc_tensor *x = leaf_f32(f->g, 3, ones), *b = mine(f), *y = gradc_add(x, b), *z = gradc_mul(y, y);
    rewrite(b);
    assert_f32(y, 3, twos); /* mul's gradient reads it */
    assert_int_equal(gradc_backward(gradc_sum(z, 0, NULL, 0)), GRADC_OK);
    assert_f32(gradc_grad(x), 3, (const float[]){4, 4, 4});
    assert_gone(y); /* differentiated: nothing keeps it any longer */
    gradc_release(x);
    gradc_release(b);
}

/* Not (d): recorded without gradients. */
static void nothing_is_kept_unrecorded(struct fixture *f)
{
    gradc_tensor *x = leaf_f32(f->g, 3, ones), *b = mine(f);
    gradc_record(f->g, 0);
    gradc_tensor *y = gradc_add(x, b), *z = gradc_mul(y, y);
    gradc_record(f->g, 1);
    rewrite(b);
    assert_gone(y);
    assert_f32(z, 3, (const float[]){4, 4, 4});
    assert_int_equal(gradc_wants_grad(z), 0);
    gradc_release(x);
    gradc_release(b);
}

/* An operand kept only for a gradient, which an earlier run had freed. */
static void kept_again_for_a_gradient(struct fixture *f)
{
    gradc_tensor *x = leaf_f32(f->g, 3, ones), *b = mine(f), *y = gradc_add(x, b);
    gradc_neg(y);
    settle(f);
    gradc_tensor *z = gradc_mul(y, y);
    gradc_tensor *loss = gradc_sum(z, 0, NULL, 0);
    rewrite(b);
    assert_int_equal(gradc_backward(loss), GRADC_OK);
    assert_f32(gradc_grad(x), 3, (const float[]){4, 4, 4});
    gradc_release(x);
    gradc_release(b);
}

static void gone_operand_sticks(struct fixture *f)
{
    gradc_tensor *x = mine(f), *y = gradc_add(x, x);
    gradc_neg(y);
    rewrite(x);
    assert_gone(y);
    assert_null(gradc_exp(y));
    assert_int_equal(gradc_check(f->g), GRADC_E_GONE);
    assert_failed(f->g, GRADC_E_GONE, "exp");
    gradc_tensor *s = gradc_sum(x, 0, NULL, 0);
    gradc_neg(s);
    rewrite(x);
    assert_true(gradc_item(s) != gradc_item(s));
    assert_failed(f->g, GRADC_E_GONE, "item");
    assert_null(gradc_retain(y));
    assert_failed(f->g, GRADC_E_GONE, "retain");
    gradc_release(x);
}

static void written_operand_of_a_gradient(struct fixture *f)
{
    gradc_tensor *x = leaf_f32(f->g, 3, ones), *b = mine(f), *loss = gradc_sum(gradc_mul(x, b), 0, NULL, 0);
    rewrite(b);
    assert_int_equal(gradc_backward(loss), GRADC_E_GONE);
    assert_failed(f->g, GRADC_E_GONE, "mul");
    assert_null(gradc_grad(x));
    gradc_tensor *dx;
    assert_int_equal(gradc_gradients(loss, NULL, 1, &x, &dx), GRADC_E_GONE);
    assert_null(dx);
    assert_failed(f->g, GRADC_E_GONE, "[3]");
    gradc_release(x);
    gradc_release(b);
}

static void aliases_are_never_gone(struct fixture *f)
{
    gradc_tensor *x = mine(f), *v = gradc_reshape(x, 2, (const int64_t[]){1, 3});
    gradc_tensor *before = gradc_neg(v);
    gradc_neg(v);
    rewrite(x);
    assert_f32(v, 3, fives);
    assert_f32(before, 3, (const float[]){-1, -1, -1});
    assert_f32(gradc_neg(v), 3, (const float[]){-5, -5, -5});
    gradc_release(x);
}

static void a_view_of_a_result_is_a_value(struct fixture *f)
{
    gradc_tensor *x = mine(f), *v = gradc_reshape(gradc_add(x, x), 2, (const int64_t[]){1, 3});
    rewrite(x);
    assert_f32(v, 3, twos);
    gradc_neg(v);
    rewrite(x);
    assert_gone(v);
    assert_int_equal(gradc_write(v, twos, sizeof twos), GRADC_E_ARG);
    assert_failed(f->g, GRADC_E_ARG, "result");
    gradc_release(x);
}

static void a_used_up_gradient_is_gone(struct fixture *f)
{
    gradc_tensor *x = leaf_f32(f->g, 3, ones);
    gradc_optim *o = gradc_sgd(&x, 1, 1, 0);
    assert_int_equal(gradc_backward(gradc_sum(gradc_mul(x, x), 0, NULL, 0)), GRADC_OK);
    gradc_tensor *gradient = gradc_grad(x);
    assert_int_equal(gradc_step(o), GRADC_OK);
    float got[3];
    assert_int_equal(gradc_read(gradient, got, sizeof got), GRADC_E_GONE);
    assert_failed_here(GRADC_E_GONE, "step");
    assert_works(f->g);
    assert_null(gradc_neg(gradient));
    assert_failed(f->g, GRADC_E_GONE, "step");
    assert_null(gradc_grad(x));
    gradc_optim_free(o);
    gradc_release(x);
}

int main(void)
{
    static const struct test tests[] = {
        {"retained stays", retained_stays},
        {"retained after it was freed stays", retained_late_stays},
        {"the loss and the gradients stay", loss_and_gradients_stay},
        {"a loss that was dropped stays", dropped_loss_stays},
        {"an unconsumed result stays", unconsumed_result_stays},
        {"a consumed result goes", consumed_result_goes},
        {"what a gradient reads stays", what_a_gradient_reads_stays},
        {"nothing is kept without recording", nothing_is_kept_unrecorded},
        {"kept again for a gradient", kept_again_for_a_gradient},
        {"a GONE operand sticks", gone_operand_sticks},
        {"a gradient's operand was written", written_operand_of_a_gradient},
        {"aliases are never GONE", aliases_are_never_gone},
        {"a view of a result is a value", a_view_of_a_result_is_a_value},
        {"a gradient that was used up", a_used_up_gradient_is_gone},
    };
    return RUN_SUITE("gone", tests);
}
