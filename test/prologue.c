/* prologue.c - chains in front of reductions: the same bits as alone, in one launch. */
#include "support/plans.h"

enum { RESULTS = 8 };

/* All axes, the last, the first, the middle one, in another order; what is read by others too; random numbers. */
static void reductions(gradc_context *g, gradc_dtype dtype, const int64_t *shape, gradc_tensor *kept[RESULTS])
{
    const int first = 0, middle = 1, last = 2;
    const int is_float = dtype == GRADC_F32 || dtype == GRADC_F64;
    struct random r = {test_seed()};
    gradc_tensor *x = tensor_random(g, dtype, shape, -2, 2, &r),
                 *y = tensor_random(g, dtype, shape + 1, 1, 2, &r);
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

static void compare(struct fixture *f, gradc_dtype dtype, int64_t a, int64_t b, int64_t c)
{
    const int64_t shape[] = {a, b, c, -1};
    gradc_context *alone = test_open(f->device), *const g[2] = {f->g, alone};
    gradc_tensor *kept[2][RESULTS];
    char what[64];
    set(alone, "eager", "1");
    for (int k = 0; k < 2; k++) {
        assert_int_equal(gradc_seed(g[k], test_seed()), GRADC_OK);
        reductions(g[k], dtype, shape, kept[k]);
        assert_works(g[k]);
    }
    snprintf(what, sizeof what, "%s [%lld,%lld,%lld]", gradc_dtype_name(dtype), (long long)a, (long long)b,
             (long long)c);
    for (int i = 0; i < RESULTS; i++) {
        assert_same_bits(kept[0][i], kept[1][i], what, i);
        gradc_release(kept[0][i]);
        gradc_release(kept[1][i]);
    }
    gradc_tape_clear(f->g);
    gradc_close(alone);
}

static void with_chains(gradc_context *g)
{
    set(g, "plan.fuse", "1");
    set(g, "plan.prologue", "1");
}

static void reductions_change_no_bit(struct fixture *f)
{
    static const int64_t sizes[][3] = {{3, 4, 5},   {1, 1, 1},      {2, 3, 700},   {300, 7, 2},
                                       {5, 1, 129}, {40, 50, 1000}, {1, 200003, 1}};
    const int cpu = strcmp(f->device, "cpu") == 0;
    if (f->eager)
        return;
    with_chains(f->g);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        if (!cpu && i % 3 != 2) /* OpenCL on a CPU takes its time to compile them */
            continue;
        compare(f, GRADC_F32, sizes[i][0], sizes[i][1], sizes[i][2]);
        if (cpu)
            compare(f, GRADC_F64, sizes[i][0], sizes[i][1], sizes[i][2]);
        if (cpu || i == 2)
            compare(f, GRADC_I32, sizes[i][0], sizes[i][1], sizes[i][2]);
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

int main(void)
{
    static const struct test tests[] = {
        {"reductions change no bit", reductions_change_no_bit},
        {"a loss is one launch", a_loss_is_one_launch},
    };
    return RUN_SUITE("prologue", tests);
}
