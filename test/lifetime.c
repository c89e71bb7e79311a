/* lifetime.c - what is yours and what is the tape's: owners, clear, rewind, close, contexts apart, memory that
 * stays flat. */
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/support.h"

enum {
    FEW_INFERENCES = 100000,
    MANY_INFERENCES = 1000000,
    EAGER_INFERENCES = 20000,
    OPENCL_INFERENCES = 500
};

static const float ones[3] = {1, 1, 1}, twos[3] = {2, 2, 2}, threes[3] = {3, 3, 3}, fours[3] = {4, 4, 4};

static void released_is_cleared(struct fixture *f)
{
    gradc_tensor *x = tensor_f32(f->g, SHAPE_OF(3), ones), *z = gradc_neg(x);
    gradc_release(x);
    assert_cleared(x);
    assert_failed(f->g, GRADC_E_CLEARED, "released");
    assert_null(gradc_neg(x));
    assert_failed(f->g, GRADC_E_CLEARED, "neg");
    assert_f32(z, 3, (const float[]){-1, -1, -1});
    gradc_release(z);
    assert_cleared(z);
    gradc_recover(f->g);
    gradc_release(z);
    assert_failed_here(GRADC_E_CLEARED, "release");
    gradc_release(NULL);
    assert_int_equal(gradc_check(NULL), GRADC_OK);
}

static void owners_are_counted(struct fixture *f)
{
    gradc_tensor *x = tensor_f32(f->g, SHAPE_OF(3), ones);
    assert_ptr_equal(gradc_retain(x), x);
    gradc_release(x);
    assert_f32(x, 3, ones);
    gradc_release(x);
    assert_cleared(x);
    gradc_recover(f->g);
}

static void clear_takes_results(struct fixture *f)
{
    gradc_tensor *x = tensor_f32(f->g, SHAPE_OF(3), ones), *y = gradc_add(x, x),
                 *z = gradc_retain(gradc_add(y, x));
    gradc_tape_clear(f->g);
    assert_cleared(y);
    gradc_recover(f->g);
    assert_f32(z, 3, threes);
    assert_f32(x, 3, ones);
    assert_int_equal(gradc_wants_grad(z), 0);
    assert_f32(gradc_add(z, x), 3, fours);
    gradc_release(z);
    gradc_tape_clear(f->g);
    assert_cleared(z);
    gradc_recover(f->g);
    gradc_release(x);
}

static void clear_runs_state_changes(struct fixture *f)
{
    gradc_tensor *x = tensor_f32(f->g, SHAPE_OF(3), ones);
    assert_int_equal(gradc_assign(x, gradc_add(x, x)), GRADC_OK);
    gradc_tape_clear(f->g);
    assert_f32(x, 3, twos);
    gradc_release(x);
}

static void rewind_takes_what_is_behind(struct fixture *f)
{
    gradc_tensor *x = tensor_f32(f->g, SHAPE_OF(3), ones), *y = gradc_add(x, x);
    int64_t mark = gradc_tape_mark(f->g);
    gradc_tensor *z = gradc_add(y, x);
    int64_t later = gradc_tape_mark(f->g);
    assert_int_equal(gradc_assign(x, z), GRADC_OK);
    assert_int_equal(gradc_tape_rewind(f->g, mark), GRADC_OK);
    assert_cleared(z);
    gradc_recover(f->g);
    assert_f32(x, 3, threes);
    assert_int_equal(gradc_tape_rewind(f->g, later), GRADC_E_ARG);
    assert_failed(f->g, GRADC_E_ARG, "mark");
    gradc_tape_clear(f->g);
    assert_int_equal(gradc_tape_rewind(f->g, mark), GRADC_E_ARG);
    assert_failed(f->g, GRADC_E_ARG, "mark");
    mark = gradc_tape_mark(f->g);
    gradc_neg(x);
    assert_int_equal(gradc_tape_rewind(f->g, mark), GRADC_OK);
    assert_int_equal(gradc_tape_mark(NULL), -1);
    gradc_release(x);
}

static void close_keeps_what_is_yours(struct fixture *f)
{
    gradc_tensor *x = tensor_f32(f->g, SHAPE_OF(3), ones), *y = gradc_retain(gradc_neg(x)), *z = gradc_neg(y);
    gradc_close(f->g);
    f->g = NULL;
    assert_int_equal(gradc_dtype_of(z), -1);
    assert_int_equal(gradc_numel(x), 3);
    assert_null(gradc_neg(x));
    assert_failed_here(GRADC_E_ARG, "closed");
    gradc_release(x);
    gradc_release(y); /* the context goes with it */
    assert_int_equal(gradc_dtype_of(x), -1);
    assert_null(gradc_neg(y));
    assert_failed_here(GRADC_E_CLEARED, "neg");
    assert_int_equal(gradc_read(z, NULL, 0), GRADC_E_CLEARED);
    assert_failed_here(GRADC_E_CLEARED, "read");
}

static void *release_elsewhere(void *x)
{
    gradc_release(x);
    return NULL;
}

static void any_thread_may_release(struct fixture *f)
{
    gradc_tensor *x[64];
    pthread_t threads[64];
    int64_t before, after;
    assert_int_equal(gradc_memory_info(f->g, &before, NULL, NULL), GRADC_OK);
    for (int i = 0; i < 64; i++)
        x[i] = tensor_f32(f->g, SHAPE_OF(3), ones);
    for (int i = 0; i < 64; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, release_elsewhere, x[i]), 0);
    for (int i = 0; i < 64; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < 64; i++)
        assert_int_equal(gradc_dtype_of(x[i]), -1);
    assert_int_equal(gradc_memory_info(f->g, &after, NULL, NULL), GRADC_OK);
    assert_int_equal(after, before);
}

static void contexts_do_not_mix(struct fixture *f)
{
    gradc_context *other = test_open(f->device);
    gradc_tensor *x = tensor_f32(f->g, SHAPE_OF(3), ones), *y = tensor_f32(other, SHAPE_OF(3), twos);
    assert_null(gradc_add(x, y));
    assert_failed(f->g, GRADC_E_ARG, "another context");
    assert_works(other);
    assert_int_equal(gradc_assign(y, x), GRADC_E_ARG);
    assert_failed(other, GRADC_E_ARG, "another context");
    gradc_tensor *z = gradc_to(gradc_neg(x), other);
    assert_ptr_equal(gradc_context_of(z), other);
    assert_f32(gradc_add(y, z), 3, ones);
    gradc_tensor *copy = gradc_to(x, f->g);
    assert_int_equal(gradc_write(x, twos, sizeof twos), GRADC_OK);
    assert_f32(copy, 3, ones);
    gradc_release(copy);
    gradc_release(x);
    gradc_release(y);
    gradc_release(z);
    gradc_close(other);
}

static void a_forked_child_is_refused(struct fixture *f)
{
    gradc_tensor *x = tensor_f32(f->g, SHAPE_OF(3), ones);
    pid_t child = fork();
    if (child == 0) {
        float got[3];
        int refused = gradc_read(x, got, sizeof got) == GRADC_E_DEVICE && gradc_neg(x) == NULL &&
                      gradc_check(NULL) == GRADC_E_DEVICE && strstr(gradc_message(NULL), "fork") != NULL;
        _exit(refused ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_f32(x, 3, ones);
    gradc_release(x);
}

static void null_in_null_out(struct fixture *f)
{
    int64_t shape[1] = {3};
    gradc_tensor *x = tensor_f32(f->g, SHAPE_OF(3), ones), *none = NULL, *dx = x;
    assert_null(gradc_neg(NULL));
    assert_null(gradc_add(x, NULL));
    assert_null(gradc_add(NULL, x));
    assert_null(gradc_sum(NULL, 0, NULL, 0));
    assert_null(gradc_reshape(NULL, 1, shape));
    assert_null(gradc_retain(NULL));
    assert_null(gradc_detach(NULL));
    assert_null(gradc_grad(NULL));
    assert_int_not_equal(gradc_backward(NULL), GRADC_OK);
    assert_int_not_equal(gradc_gradients(NULL, NULL, 1, &x, &dx), GRADC_OK);
    assert_null(dx);
    assert_int_not_equal(gradc_zero_grad(&none, 1), GRADC_OK);
    assert_int_not_equal(gradc_write(NULL, ones, sizeof ones), GRADC_OK);
    assert_int_not_equal(gradc_assign(x, NULL), GRADC_OK);
    assert_true(gradc_item(NULL) != gradc_item(NULL));
    assert_works(f->g);
    gradc_release(x);
}

static void inferences_stay_flat(struct fixture *f)
{
    const int n = strcmp(f->device, "cpu") != 0 ? OPENCL_INFERENCES
                  : f->eager                    ? EAGER_INFERENCES
                  : test_long()                 ? MANY_INFERENCES
                                                : FEW_INFERENCES;
    int64_t early = 0, late = 0, planned_early = 0, planned = 0;
    gradc_tensor *w = gradc_param(f->g, GRADC_ONES, 1, (const int64_t[]){3}),
                 *x = tensor_f32(f->g, SHAPE_OF(3), ones);
    gradc_record(f->g, 0);
    for (int i = 0; i < n; i++) {
        float sum = (float)(i % 7), got;
        assert_int_equal(gradc_write(x, (const float[]){sum, 0, 0}, 12), GRADC_OK);
        assert_int_equal(gradc_read(gradc_sum(gradc_mul(x, w), 0, NULL, 0), &got, 4), GRADC_OK);
        assert_true(got == sum);
        gradc_tape_clear(f->g);
        gradc_memory_info(f->g, i == 10 ? &early : &late, NULL, NULL);
        gradc_counters(f->g, i == 10 ? &planned_early : &planned, NULL, NULL, NULL);
    }
    assert_int_equal(late, early);
    assert_int_equal(planned, planned_early);
    gradc_release(x);
    gradc_release(w);
}

int main(void)
{
    static const struct test tests[] = {
        {"a released handle answers CLEARED", released_is_cleared},
        {"owners are counted", owners_are_counted},
        {"clear takes results back", clear_takes_results},
        {"clear runs state changes", clear_runs_state_changes},
        {"rewind takes back what is behind the mark", rewind_takes_what_is_behind},
        {"close keeps what is yours", close_keeps_what_is_yours},
        {"any thread may release", any_thread_may_release},
        {"contexts do not mix", contexts_do_not_mix},
        {"a forked child is refused", a_forked_child_is_refused},
        {"NULL in, NULL out", null_in_null_out},
        {"memory stays flat over inferences", inferences_stay_flat},
    };
    return RUN_SUITE("lifetime", tests);
}
