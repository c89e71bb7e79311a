/* init.c - what parameters start as: PyTorch's formulas, seeds, and what is refused. */
#include <math.h>

#include "../support/values.h"

static const struct {
    gradc_init how;
    int64_t shape[5];
    double low, high; /* of uniform numbers; equal: all are that */
} rows[] = {
    {GRADC_ZEROS, {3, 4, -1}, 0, 0},
    {GRADC_ONES, {-1}, 1, 1},
    {GRADC_ONES, {0, 5, -1}, 1, 1},
    {GRADC_UNIFORM, {70, 101, -1}, 0, 1},
    {GRADC_KAIMING, {200, 49, -1}, -1.0 / 7, 1.0 / 7},
    {GRADC_KAIMING, {64, 4, 3, 3, -1}, -1.0 / 6, 1.0 / 6},
    {GRADC_XAVIER, {100, 50, -1}, -0.2, 0.2},
    {GRADC_XAVIER, {48, 6, 5, 5, -1}, -0.066666666666666666, 0.066666666666666666}, /* sqrt(6 / (150 + 1200)) */
};

static gradc_tensor *param(gradc_context *g, gradc_init how, const int64_t *shape)
{
    int ndim = 0;
    while (shape[ndim] >= 0)
        ndim++;
    return gradc_param(g, how, ndim, shape);
}

static void formulas(struct fixture *f)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        gradc_tensor *t = param(f->g, rows[i].how, rows[i].shape);
        struct values v = values_read(t);
        double low = INFINITY, high = -INFINITY, sum = 0, wide = rows[i].high - rows[i].low;
        for (int64_t k = 0; k < v.n; k++) {
            low = fmin(low, v.at[k]);
            high = fmax(high, v.at[k]);
            sum += v.at[k];
        }
        assert_int_equal(v.dtype, GRADC_F32);
        assert_int_equal(gradc_wants_grad(t), 1);
        if (v.n > 0) {
            assert_true(low >= rows[i].low - 1e-8 && low <= rows[i].low + wide * 0.01);
            assert_true(high <= rows[i].high + 1e-8 && high >= rows[i].high - wide * 0.01);
            assert_true(fabs(sum / (double)v.n - (rows[i].high + rows[i].low) / 2) <= wide * 0.02);
        }
        values_free(&v);
        gradc_release(t);
    }
}

static void normal(struct fixture *f)
{
    gradc_tensor *t = param(f->g, GRADC_NORMAL, SHAPE_OF(100, 101));
    double mean = gradc_item(gradc_mean(t, 0, NULL, 0));
    double square = gradc_item(gradc_mean(gradc_mul(t, t), 0, NULL, 0));
    assert_true(fabs(mean) < 0.04 && fabs(square - 1) < 0.06);
    gradc_release(t);
}

/* A seed gives the same parameters again, and two parameters are not alike. */
static void seeds(struct fixture *f)
{
    gradc_tensor *t[3];
    for (int i = 0; i < 3; i++) {
        if (i < 2)
            gradc_seed(f->g, 5);
        t[i] = param(f->g, GRADC_KAIMING, SHAPE_OF(30, 20));
    }
    assert_same(t[0], t[1], "of one seed");
    assert_true(gradc_item(gradc_max(gradc_sub(t[1], t[2]), 0, NULL, 0)) > 0);
    for (int i = 0; i < 3; i++)
        gradc_release(t[i]);
}

static void wrong_arguments(struct fixture *f)
{
    gradc_context *g = f->g;
    assert_refused(g, param(g, GRADC_KAIMING, SHAPE_OF(3)), GRADC_E_SHAPE, "param");
    assert_refused(g, param(g, GRADC_XAVIER, SHAPE_OF(-1)), GRADC_E_SHAPE, "param");
    assert_refused(g, param(g, 6, SHAPE_OF(3, 3)), GRADC_E_ARG, "param");
    assert_refused(g, param(g, -1, SHAPE_OF(3, 3)), GRADC_E_ARG, "param");
    assert_refused(g, gradc_param(g, GRADC_ONES, 1, (const int64_t[]){-2}), GRADC_E_SHAPE, "param");
    assert_refused(g, gradc_param(g, GRADC_ONES, -1, NULL), GRADC_E_SHAPE, "param");
}

static gradc_tensor *kaiming(gradc_context *g, struct random *r)
{
    gradc_seed(g, random_next(r));
    gradc_tensor *t = param(g, GRADC_KAIMING, SHAPE_OF(101, 777)), *z = gradc_neg(t);
    gradc_sync(g);
    gradc_release(t);
    return z;
}

static void devices_agree(struct fixture *f)
{
    assert_agrees(f, kaiming, 0);
}

int main(void)
{
    static const struct test tests[] = {{"formulas", formulas},
                                        {"normal", normal},
                                        {"seeds", seeds},
                                        {"wrong arguments", wrong_arguments},
                                        {"devices agree", devices_agree}};
    return RUN_SUITE("init", tests);
}
