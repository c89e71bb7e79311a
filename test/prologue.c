/* prologue.c - chains in front of reductions: the same bits as alone, in one launch. */
#include "support/plans.h"

/* All axes, the last, the first, the middle one, in another order; what is read by others too; random numbers. */
static void reductions(gradc_context *g, gradc_dtype dtype, const struct sizes *s, struct random *r,
                       gradc_tensor *kept[PLAN_RESULTS])
{
    const int64_t shape[] = {s->m, s->n, s->k, -1};
    const int first = 0, middle = 1, last = 2;
    const int is_float = dtype == GRADC_F32 || dtype == GRADC_F64;
    gradc_tensor *x = tensor_random(g, dtype, shape, -2, 2, r), *y = tensor_random(g, dtype, shape + 1, 1, 2, r);
    kept[0] = gradc_retain(gradc_sum(gradc_mul(gradc_add(x, y), x), 0, NULL, 0));
    kept[1] = gradc_retain(gradc_max(gradc_mul(x, y), 1, &last, 0));
    kept[2] = gradc_retain(gradc_sum(gradc_add(gradc_neg(x), y), 1, &first, 1));
    kept[3] = gradc_retain(gradc_sum(gradc_abs(gradc_sub(x, y)), 1, &middle, 0));
    kept[4] = gradc_retain(gradc_prod(gradc_sign(gradc_mul(x, x)), 2, (const int[]){0, 2}, 0));
    kept[5] = gradc_retain(gradc_square(x));
    kept[6] = gradc_retain(gradc_sum(gradc_transpose(kept[5], 0, 2), 1, &last, 0));
    kept[7] = gradc_retain(is_float ? gradc_mean(gradc_square(gradc_dropout(x, 0.4)), 0, NULL, 0)
                                    : gradc_min(gradc_square(x), 0, NULL, 0));
    gradc_release(x);
    gradc_release(y);
}

/* A loss whose gradient a chain makes behind a sum, so in front of the backward op of what made x. */
static gradc_tensor *apart(gradc_tensor *x)
{
    const int first = 0;
    return gradc_sum(gradc_square(gradc_sum(gradc_square(x), 1, &first, 0)), 0, NULL, 0);
}

/* What takes rows and channels: scaled and masked scores, a residual sum, a loss; and their gradients. */
static void rows(gradc_context *g, gradc_dtype dtype, const struct sizes *s, struct random *r,
                 gradc_tensor *kept[PLAN_RESULTS])
{
    gradc_tensor *x = leaf(g, dtype, SHAPE_OF(s->m, s->n, s->k), r),
                 *y = values(g, dtype, SHAPE_OF(s->m, s->n, s->k), r),
                 *mask = values(g, dtype, SHAPE_OF(s->k), r),
                 *labels = gradc_new(g, GRADC_I64, 1, (const int64_t[]){s->m});
    const int64_t flat[] = {s->m, s->n * s->k};
    gradc_tensor *scores = gradc_softmax(gradc_add(gradc_mul_scalar(x, 0.3), mask), -1);
    gradc_tensor *others = gradc_log_softmax(gradc_dropout(gradc_sub(x, y), 0.2), 1);
    gradc_tensor *sum = gradc_add(x, y), *normal = gradc_layer_norm(sum, 1, &s->k, mask, NULL, 1e-5);
    gradc_tensor *channels = gradc_batch_norm(gradc_mul(x, gradc_exp(y)), NULL, NULL, NULL, NULL, 1, 0.1, 1e-5);
    gradc_tensor *loss = gradc_cross_entropy(gradc_reshape(gradc_mul(x, y), 2, flat), labels);
    kept[0] = gradc_retain(scores);
    kept[1] = gradc_retain(others);
    kept[2] = gradc_retain(sum);
    kept[3] = gradc_retain(normal);
    kept[4] = gradc_retain(channels);
    kept[5] = gradc_retain(loss);
    loss = gradc_add(gradc_add(loss, apart(scores)), gradc_add(apart(others), apart(normal)));
    assert_int_equal(gradc_backward(gradc_add(loss, apart(channels))), GRADC_OK);
    kept[6] = gradc_retain(gradc_grad(x));
    gradc_release(x);
    gradc_release(y);
    gradc_release(mask);
    gradc_release(labels);
}

static void reductions_change_no_bit(struct fixture *f)
{
    static const struct sizes sizes[] = {{3, 4, 5},   {1, 1, 1},      {2, 3, 700},   {300, 7, 2},
                                         {5, 1, 129}, {40, 50, 1000}, {1, 200003, 1}};
    const int cpu = strcmp(f->device, "cpu") == 0;
    if (f->eager)
        return;
    with_chains(f->g);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        if (!cpu && i % 3 != 2) /* OpenCL on a CPU takes its time to compile them */
            continue;
        compare_with_eager(f, reductions, GRADC_F32, &sizes[i]);
        if (cpu)
            compare_with_eager(f, reductions, GRADC_F64, &sizes[i]);
        if (cpu || i == 2)
            compare_with_eager(f, reductions, GRADC_I32, &sizes[i]);
    }
}

/* Rows by items and by groups; runs of a channel that are long enough for a piece of their own, and not; segments. */
static void rows_change_no_bit(struct fixture *f)
{
    static const struct sizes sizes[] = {{3, 4, 5},   {2, 3, 700},   {300, 7, 2},
                                         {5, 1, 129}, {70, 2, 3000}, {1, 2000, 3}};
    const int cpu = strcmp(f->device, "cpu") == 0;
    if (f->eager)
        return;
    with_chains(f->g);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        if (!cpu && i != 1 && i != 2)
            continue;
        compare_with_eager(f, rows, GRADC_F32, &sizes[i]);
        if (cpu)
            compare_with_eager(f, rows, GRADC_F64, &sizes[i]);
    }
}

static void a_loss_is_one_launch(struct fixture *f)
{
    struct random r = {test_seed()};
    if (f->eager)
        return;
    with_chains(f->g);
    gradc_tensor *x = tensor_random(f->g, GRADC_F32, SHAPE_OF(4, 6), -1, 1, &r),
                 *y = tensor_random(f->g, GRADC_F32, SHAPE_OF(4, 6), -1, 1, &r);
    gradc_mse_loss(x, y, GRADC_REDUCE_MEAN);
    assert_int_equal(launches(f->g), 1);
    gradc_tape_clear(f->g);
    gradc_sum(gradc_slice(gradc_exp(x), 0, 1, 3, 1), 0, NULL, 0); /* a part of it */
    assert_int_equal(launches(f->g), 2);
    gradc_tape_clear(f->g);
    set(f->g, "plan.prologue", "0");
    gradc_mse_loss(x, y, GRADC_REDUCE_MEAN);
    assert_int_equal(launches(f->g), 2);
    gradc_tape_clear(f->g);
    gradc_release(x);
    gradc_release(y);
}

/* Each with what makes its operand; on OpenCL a norm has two. */
static void rows_are_one_launch(struct fixture *f)
{
    struct random r = {test_seed()};
    const int norm = strcmp(f->device, "cpu") == 0 ? 1 : 2;
    const int64_t inner = 300;
    if (f->eager)
        return;
    with_chains(f->g);
    gradc_tensor *x = leaf(f->g, GRADC_F32, SHAPE_OF(4, 300), &r),
                 *y = values(f->g, GRADC_F32, SHAPE_OF(4, 300), &r),
                 *w = values(f->g, GRADC_F32, SHAPE_OF(300), &r),
                 *labels = gradc_new(f->g, GRADC_I32, 1, (const int64_t[]){4});
    gradc_softmax(gradc_mul(x, y), -1);
    assert_int_equal(launches(f->g), 1);
    gradc_tape_clear(f->g);
    gradc_layer_norm(gradc_add(x, y), 1, &inner, w, w, 1e-5);
    assert_int_equal(launches(f->g), 1);
    gradc_tape_clear(f->g);
    gradc_batch_norm(gradc_add(x, y), NULL, NULL, w, w, 1, 0.1, 1e-5);
    assert_int_equal(launches(f->g), norm);
    gradc_tape_clear(f->g);
    gradc_cross_entropy(gradc_mul(x, y), labels);
    assert_int_equal(launches(f->g), norm); /* the rows' parts are added by a second */
    gradc_tape_clear(f->g);
    assert_int_equal(gradc_backward(gradc_sum(gradc_exp(gradc_softmax(x, -1)), 0, NULL, 0)), GRADC_OK);
    assert_int_equal(launches(f->g), 3); /* softmax with exp behind it, the sum, exp's gradient before softmax's */
    gradc_tape_clear(f->g);
    gradc_release(x);
    gradc_release(y);
    gradc_release(w);
    gradc_release(labels);
}

int main(void)
{
    static const struct test tests[] = {
        {"reductions change no bit", reductions_change_no_bit},
        {"rows change no bit", rows_change_no_bit},
        {"a loss is one launch", a_loss_is_one_launch},
        {"rows are one launch", rows_are_one_launch},
    };
    return RUN_SUITE("prologue", tests);
}
