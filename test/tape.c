/* tape.c - the order of recording: versions, writes in front of readers, assigns, pending work, plans. */
#include "support/support.h"

static const float ones[3] = {1, 1, 1}, twos[3] = {2, 2, 2};

static void readers_keep_the_old_value(struct fixture *f)
{
    gradc_tensor *x = tensor_f32(f->g, SHAPE_OF(3), ones), *y[4];
    for (int i = 0; i < 4; i++) {
        y[i] = gradc_mul_scalar(x, 10);
        float next = (float)(i + 2), values[3] = {next, next, next};
        assert_int_equal(gradc_write(x, values, sizeof values), GRADC_OK);
        values[0] = -1; /* it was copied before write returned */
    }
    for (int i = 0; i < 4; i++) {
        float was = (float)(10 * (i + 1));
        assert_f32(y[i], 3, (const float[]){was, was, was});
    }
    gradc_release(x);
}

/* Writes of all sizes that OpenCL's stages tell apart, each read by an op before the next one comes; the caller's
 * memory is written over at once. */
static void large_writes_keep_their_order(struct fixture *f)
{
    static const int64_t sizes[] = {3, (64 << 8) + 1, (1 << 18) + 5, (17 << 18) + 3};
    enum { TURNS = 9 };
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        int64_t n = sizes[s];
        float *values = malloc((size_t)n * sizeof *values);
        gradc_tensor *x = gradc_new(f->g, GRADC_F32, 1, &n), *y[TURNS];
        assert_non_null(values);
        for (int turn = 0; turn < TURNS; turn++) {
            for (int64_t i = 0; i < n; i++)
                values[i] = (float)((i + turn) % 1021);
            assert_int_equal(gradc_write(x, values, (size_t)n * sizeof *values), GRADC_OK);
            memset(values, 0xff, (size_t)n * sizeof *values);
            y[turn] = gradc_retain(gradc_add_scalar(x, 1));
        }
        for (int turn = 0; turn < TURNS; turn++) {
            assert_int_equal(gradc_read(y[turn], values, (size_t)n * sizeof *values), GRADC_OK);
            for (int64_t i = 0; i < n; i++)
                if (values[i] != (float)((i + turn) % 1021) + 1)
                    fail_msg("%lld elements, turn %d: element %lld is %g", (long long)n, turn, (long long)i,
                             (double)values[i]);
            gradc_release(y[turn]);
        }
        gradc_release(x);
        gradc_tape_clear(f->g);
        free(values);
    }
}

static void assigns_keep_their_order(struct fixture *f)
{
    gradc_tensor *x = tensor_f32(f->g, SHAPE_OF(3), ones), *a = gradc_add(x, x);
    assert_int_equal(gradc_assign(x, a), GRADC_OK);
    gradc_tensor *b = gradc_add(x, x);
    assert_int_equal(gradc_assign(x, gradc_mul(x, x)), GRADC_OK);
    assert_int_equal(gradc_assign(x, gradc_add_scalar(x, 1)), GRADC_OK);
    assert_f32(b, 3, (const float[]){4, 4, 4});
    assert_f32(x, 3, (const float[]){5, 5, 5});
    assert_f32(x, 3, (const float[]){5, 5, 5}); /* and never twice */
    gradc_tensor *small = tensor_f32(f->g, SHAPE_OF(2), ones);
    assert_int_equal(gradc_assign(x, small), GRADC_E_SHAPE);
    gradc_release(small);
    assert_failed(f->g, GRADC_E_SHAPE, "assign");
    assert_int_equal(gradc_assign(a, x), GRADC_E_ARG);
    assert_failed(f->g, GRADC_E_ARG, "result");
    gradc_release(x);
}

static void dead_nodes_do_not_run(struct fixture *f)
{
    gradc_tensor *x = tensor_f32(f->g, SHAPE_OF(3), ones);
    for (int i = 0; i < 100; i++)
        gradc_release(gradc_exp(x));
    assert_int_equal(gradc_sync(f->g), GRADC_OK);
    assert_f32(x, 3, ones);
    gradc_release(x);
}

static void pending_work_is_bounded(struct fixture *f)
{
    assert_int_equal(gradc_set(f->g, "pending", "5"), GRADC_OK);
    gradc_tensor *x = tensor_f32(f->g, SHAPE_OF(3), ones), *y = x;
    for (int i = 0; i < 23; i++)
        y = gradc_add(y, x);
    assert_f32(y, 3, (const float[]){24, 24, 24});
    gradc_release(x);
}

/* Random numbers are taken when they are recorded, run or not; a recomputed dropout has the same mask. */
static void random_numbers_are_of_the_record(struct fixture *f)
{
    float first[4], second[4], again[4];
    const int64_t shape[] = {4};
    assert_int_equal(gradc_seed(f->g, 7), GRADC_OK);
    gradc_tensor *x = gradc_rand(f->g, 1, shape), *y = gradc_rand(f->g, 1, shape);
    assert_int_equal(gradc_read(y, second, sizeof second), GRADC_OK);
    assert_int_equal(gradc_read(x, first, sizeof first), GRADC_OK);
    assert_memory_not_equal(first, second, sizeof first);
    gradc_tape_clear(f->g);
    assert_int_equal(gradc_seed(f->g, 7), GRADC_OK);
    gradc_release(gradc_rand(f->g, 1, shape));
    assert_int_equal(gradc_read(gradc_rand(f->g, 1, shape), again, sizeof again), GRADC_OK);
    assert_memory_equal(again, second, sizeof again);
    gradc_tensor *d = gradc_dropout(x = gradc_rand(f->g, 1, shape), 0.5);
    gradc_neg(d);
    assert_int_equal(gradc_read(d, first, sizeof first), GRADC_OK);
    assert_int_equal(gradc_sync(f->g), GRADC_OK);
    assert_int_equal(gradc_read(d, again, sizeof again), GRADC_OK);
    assert_memory_equal(first, again, sizeof first);
}

static void recording_off(struct fixture *f)
{
    gradc_tensor *w = leaf_f32(f->g, 3, twos);
    gradc_record(f->g, 0);
    gradc_tensor *y = gradc_mul(w, w);
    assert_int_equal(gradc_wants_grad(y), 0);
    gradc_record(f->g, 1);
    gradc_tensor *z = gradc_mul(w, y);
    assert_int_equal(gradc_wants_grad(z), 1);
    assert_int_equal(gradc_backward(gradc_sum(z, 0, NULL, 0)), GRADC_OK);
    assert_f32(gradc_grad(w), 3, (const float[]){4, 4, 4});
    gradc_release(w);
}

/* A value that was freed is computed again when somebody asks; a node of several results keeps the others. */
static void freed_values_are_computed_again(struct fixture *f)
{
    gradc_tensor *x = leaf_f32(f->g, 3, ones), *logits = gradc_reshape(x, 2, (const int64_t[]){1, 3});
    gradc_tensor *labels = tensor_i64(f->g, SHAPE_OF(1), (const int64_t[]){2});
    gradc_tensor *loss = gradc_cross_entropy(logits, labels), *dx;
    const float log3 = 1.0986123f;
    assert_int_equal(gradc_backward(loss), GRADC_OK);
    assert_f32_near(loss, 1, &log3, 1e-6);
    assert_int_equal(gradc_sync(f->g), GRADC_OK);
    assert_int_equal(gradc_gradients(loss, NULL, 1, &x, &dx), GRADC_OK);
    assert_f32_near(dx, 3, (const float[]){1 / 3.0f, 1 / 3.0f, -2 / 3.0f}, 1e-6);
    assert_f32_near(loss, 1, &log3, 1e-6);
    gradc_release(labels);
    gradc_release(x);
}

int main(void)
{
    static const struct test tests[] = {
        {"readers keep the old value", readers_keep_the_old_value},
        {"large writes keep their order", large_writes_keep_their_order},
        {"assigns keep their order", assigns_keep_their_order},
        {"dead nodes do not run", dead_nodes_do_not_run},
        {"pending work is bounded", pending_work_is_bounded},
        {"random numbers are of the record", random_numbers_are_of_the_record},
        {"recording off", recording_off},
        {"freed values are computed again", freed_values_are_computed_again},
    };
    return RUN_SUITE("tape", tests);
}
