/* handles.c - handles that are no longer good: told from live ones through reuse, other contexts and the
 * end of theirs. */
#include "support/support.h"

enum { ROUNDS = 20, EACH = 100, MANY = 5000 };

static const float ones[3] = {1, 1, 1};

/* An old handle waits before it is used again. */
static void an_old_handle_is_not_a_new_one(struct fixture *f)
{
    gradc_tensor *old = tensor_f32(f->g, SHAPE_OF(3), ones);
    gradc_release(old);
    for (int i = 0; i < 500; i++) {
        gradc_tensor *x = gradc_new(f->g, GRADC_F32, 0, NULL);
        assert_ptr_not_equal(x, old);
        assert_int_equal(gradc_dtype_of(old), -1);
        gradc_release(x);
    }
}

/* Operands released just before, in every place, and every call that takes one. */
static void every_call_refuses_a_released_handle(struct fixture *f)
{
    float got[3];
    char text[16];
    gradc_tensor *y = leaf_f32(f->g, 3, ones), *dx;
    for (int call = 0; call < 16; call++) {
        gradc_tensor *x = leaf_f32(f->g, 3, ones);
        gradc_release(x);
        switch (call) {
        case 0: assert_int_equal(gradc_read(x, got, sizeof got), GRADC_E_CLEARED); break;
        case 1: assert_int_equal(gradc_write(x, ones, sizeof ones), GRADC_E_CLEARED); break;
        case 2: assert_true(gradc_item(x) != gradc_item(x)); break;
        case 3: assert_null(gradc_retain(x)); break;
        case 4: assert_null(gradc_to(x, f->g)); break;
        case 5: assert_int_equal(gradc_print(x, text, sizeof text), -1); break;
        case 6: assert_int_equal(gradc_backward(x), GRADC_E_CLEARED); break;
        case 7: assert_int_equal(gradc_gradients(y, NULL, 1, &x, &dx), GRADC_E_CLEARED); break;
        case 8: assert_int_equal(gradc_requires_grad(x, 1), GRADC_E_CLEARED); break;
        case 9: assert_int_equal(gradc_zero_grad(&x, 1), GRADC_E_CLEARED); break;
        case 10: assert_null(gradc_grad(x)); break;
        case 11: assert_null(gradc_add(y, x)); break;
        case 12: assert_int_equal(gradc_assign(y, x), GRADC_E_CLEARED); break;
        case 13: assert_null(gradc_reshape(x, 1, (const int64_t[]){3})); break;
        case 14: assert_null(gradc_sgd((gradc_tensor *const[]){y, x}, 2, 1, 0)); break;
        default: assert_int_equal(gradc_gradients(y, x, 1, &y, &dx), GRADC_E_CLEARED); break;
        }
        if (gradc_check(f->g) != GRADC_E_CLEARED)
            fail_msg("call %d: %s", call, gradc_message(f->g));
        gradc_recover(f->g);
    }
    gradc_release(y);
}

/* Many results, cleared: all are told. */
static void cleared_in_thousands(struct fixture *f)
{
    int many = strcmp(f->device, "cpu") == 0 ? MANY : 200;
    gradc_tensor *x = tensor_f32(f->g, SHAPE_OF(3), ones), **z = calloc((size_t)many, sizeof(gradc_tensor *));
    assert_non_null(z);
    for (int i = 0; i < many; i++)
        z[i] = gradc_neg(x);
    gradc_tape_clear(f->g);
    for (int i = 0; i < many; i++)
        assert_int_equal(gradc_dtype_of(z[i]), -1);
    free(z);
    gradc_release(x);
}

/* Handles of contexts that are gone, next to live ones. */
static void contexts_come_and_go(struct fixture *f)
{
    gradc_tensor *old[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        gradc_context *g = test_open("cpu");
        for (int k = 0; k < EACH; k++)
            old[i] = gradc_neg(k ? old[i] : gradc_rand(g, 1, (const int64_t[]){3}));
        gradc_close(g);
        assert_int_equal(gradc_numel(old[i]), -1);
        assert_null(gradc_neg(old[i]));
        assert_failed_here(GRADC_E_CLEARED, "neg");
    }
    gradc_tensor *x = tensor_f32(f->g, SHAPE_OF(3), ones);
    assert_f32(x, 3, ones);
    gradc_release(x);
}

int main(void)
{
    static const struct test tests[] = {
        {"an old handle is not a new one", an_old_handle_is_not_a_new_one},
        {"every call refuses a released handle", every_call_refuses_a_released_handle},
        {"cleared in thousands", cleared_in_thousands},
        {"contexts come and go", contexts_come_and_go},
    };
    return RUN_SUITE("handles", tests);
}
