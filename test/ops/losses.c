/* losses.c - the losses of pairs against loops: every reduction, operands in every layout, extremes. */
#include <math.h>

#include "../support/values.h"

enum { ROWS = 5, COLUMNS = 7 };

struct row {
    const char *name;
    gradc_tensor *(*loss)(gradc_tensor *x, gradc_tensor *t, gradc_reduction reduction);
    double (*want)(double x, double t);
    int equal_shapes;
};

static gradc_tensor *smooth(gradc_tensor *x, gradc_tensor *t, gradc_reduction reduction)
{
    return gradc_smooth_l1_loss(x, t, 0.5, reduction);
}

static gradc_tensor *smooth_at_0(gradc_tensor *x, gradc_tensor *t, gradc_reduction reduction)
{
    return gradc_smooth_l1_loss(x, t, 0, reduction);
}

static gradc_tensor *bce(gradc_tensor *x, gradc_tensor *t, gradc_reduction reduction)
{
    return gradc_bce_with_logits(x, t, NULL, NULL, reduction);
}

static gradc_tensor *kl(gradc_tensor *x, gradc_tensor *t, gradc_reduction reduction)
{
    return gradc_kl_div(x, t, 0, reduction);
}

static gradc_tensor *kl_of_logs(gradc_tensor *x, gradc_tensor *t, gradc_reduction reduction)
{
    return gradc_kl_div(x, t, 1, reduction);
}

#define WANT(name, expression)                    \
    static double want_##name(double x, double t) \
    {                                             \
        return expression;                        \
    }
WANT(mse, (x - t) * (x - t))
WANT(l1, fabs(x - t))
WANT(smooth, fabs(x - t) < 0.5 ? (x - t) * (x - t) : fabs(x - t) - 0.25)
WANT(bce, (1 - t) * x + fmax(-x, 0) + log1p(exp(-fabs(x))))
WANT(kl, t *(log(t) - x))
WANT(kl_of_logs, exp(t) * (t - x))

static const struct row rows[] = {
    {"mse_loss", gradc_mse_loss, want_mse, 0},  {"l1_loss", gradc_l1_loss, want_l1, 0},
    {"smooth_l1_loss", smooth, want_smooth, 0}, {"smooth_l1_loss", smooth_at_0, want_l1, 0},
    {"bce_with_logits", bce, want_bce, 1},      {"kl_div", kl, want_kl, 0},
    {"kl_div", kl_of_logs, want_kl_of_logs, 0},
};

enum { LOSSES = sizeof rows / sizeof *rows };

static void check(const struct row *row, gradc_tensor *x, gradc_tensor *t, const char *what)
{
    struct values a = values_read(x), b = values_read(t), one = values_new(a.dtype, 0, NULL);
    struct values each = values_new(a.dtype, a.ndim, a.shape);
    double sum = 0;
    for (int64_t i = 0; i < each.n; i++) {
        each.at[i] = row->want(a.at[i], b.at[values_broadcast(&each, i, &b)]);
        sum += each.at[i];
    }
    assert_values(row->loss(x, t, GRADC_REDUCE_NONE), &each, loose(a.dtype), what);
    one.at[0] = sum;
    assert_values(row->loss(x, t, GRADC_REDUCE_SUM), &one, loose(a.dtype), what);
    one.at[0] = sum / (double)each.n;
    assert_values(row->loss(x, t, GRADC_REDUCE_MEAN), &one, loose(a.dtype), what);
    values_free(&a);
    values_free(&b);
    values_free(&one);
    values_free(&each);
}

static void values(struct fixture *f)
{
    struct random r = {test_seed()};
    for (int i = 0; i < LOSSES; i++)
        for (int form = 0; form < FORMS; form++) {
            gradc_dtype dtype = form & 1 ? test_widest(f->g) : GRADC_F32;
            gradc_tensor *x = operand(f->g, dtype, (enum form)form, SHAPE_OF(ROWS, COLUMNS), -3, 3, &r);
            gradc_tensor *t =
                operand(f->g, dtype, (enum form)((form + 1) % FORMS), SHAPE_OF(ROWS, COLUMNS), 0.1, 1, &r);
            gradc_tensor *line = operand(f->g, dtype, PLAIN, SHAPE_OF(COLUMNS), 0.1, 1, &r);
            check(&rows[i], x, t, rows[i].name);
            if (!rows[i].equal_shapes)
                check(&rows[i], x, line, rows[i].name);
            operands_free(f->g);
        }
}

/* Logits far out neither overflow nor lose the loss, and at 0 the gradient is that of the sigmoid. */
static void bce_at_extremes(struct fixture *f)
{
    static const double x_values[] = {0, 1e4, -1e4, 40, -40}, t_values[] = {0.25, 1, 1, 0.5, 0};
    static const double dx_values[] = {0.25, 0, -1, 0.5, 4.248354255291589e-18};
    const gradc_dtype dtype = test_widest(f->g);
    const double tolerance = dtype == GRADC_F64 ? 1e-14 : 1e-6;
    gradc_tensor *x = operand_of(f->g, dtype, SHAPE_OF(5), x_values), *dx;
    gradc_tensor *t = operand_of(f->g, dtype, SHAPE_OF(5), t_values);
    struct values want = values_new(dtype, 1, (const int64_t[]){5});
    gradc_requires_grad(x, 1);
    gradc_tensor *z = bce(x, t, GRADC_REDUCE_NONE);
    for (int i = 0; i < 5; i++)
        want.at[i] = want_bce(x_values[i], t_values[i]);
    assert_values(z, &want, tolerance, "bce_with_logits");
    assert_int_equal(gradc_gradients(z, NULL, 1, &x, &dx), GRADC_OK);
    for (int i = 0; i < 5; i++)
        want.at[i] = dx_values[i];
    assert_values(dx, &want, tolerance, "bce_with_logits");
    values_free(&want);
    operands_free(f->g);
}

static void kl_where_the_target_is_0(struct fixture *f)
{
    static const double x_values[] = {-1, -2}, t_values[] = {0, 1};
    gradc_tensor *x = operand_of(f->g, GRADC_F32, SHAPE_OF(1, 2), x_values);
    gradc_tensor *t = operand_of(f->g, GRADC_F32, SHAPE_OF(1, 2), t_values), *dt;
    float got[2];
    gradc_requires_grad(t, 1);
    gradc_tensor *z = kl(x, t, GRADC_REDUCE_BATCHMEAN);
    assert_true(gradc_item(z) == 2);
    assert_int_equal(gradc_gradients(z, NULL, 1, &t, &dt), GRADC_OK);
    assert_int_equal(gradc_read(dt, got, sizeof got), GRADC_OK);
    assert_true(isfinite(got[0]) && got[1] == 3);
    operands_free(f->g);
}

static void nothing(struct fixture *f)
{
    for (int i = 0; i < LOSSES; i++) {
        gradc_tensor *x = operand_of(f->g, GRADC_F32, SHAPE_OF(0, 3), NULL);
        assert_true(isnan(gradc_item(rows[i].loss(x, x, GRADC_REDUCE_MEAN))));
        assert_true(gradc_item(rows[i].loss(x, x, GRADC_REDUCE_SUM)) == 0);
        assert_int_equal(gradc_numel(rows[i].loss(x, x, GRADC_REDUCE_NONE)), 0);
        operands_free(f->g);
    }
}

static void wrong_arguments(struct fixture *f)
{
    gradc_context *g = f->g, *other = test_open("cpu");
    struct random r = {test_seed()};
    gradc_tensor *x = operand(g, GRADC_F32, PLAIN, SHAPE_OF(2, 3), 0, 1, &r);
    gradc_tensor *f16 = operand(g, GRADC_F16, PLAIN, SHAPE_OF(2, 3), 0, 1, &r);
    gradc_tensor *whole = operand(g, GRADC_I64, PLAIN, SHAPE_OF(2, 3), 0, 3, &r);
    gradc_tensor *far = leaf_f32(other, 3, (const float[]){1, 2, 3});
    for (int i = 0; i < LOSSES; i++) {
        const struct row *row = &rows[i];
        assert_null(row->loss(x, NULL, GRADC_REDUCE_MEAN));
        assert_null(row->loss(NULL, x, GRADC_REDUCE_MEAN));
        assert_works(g);
        assert_refused(g, row->loss(x, gradc_transpose(x, 0, 1), GRADC_REDUCE_MEAN), GRADC_E_SHAPE, row->name);
        assert_refused(g, row->loss(x, f16, GRADC_REDUCE_MEAN), GRADC_E_DTYPE, row->name);
        assert_refused(g, row->loss(whole, whole, GRADC_REDUCE_MEAN), GRADC_E_DTYPE, row->name);
        assert_refused(g, row->loss(x, far, GRADC_REDUCE_MEAN), GRADC_E_ARG, row->name);
        assert_refused(g, row->loss(x, x, 4), GRADC_E_ARG, row->name);
        assert_refused(g, row->loss(x, x, -1), GRADC_E_ARG, row->name);
    }
    gradc_tensor *line = gradc_slice(x, 0, 0, 1, 1);
    assert_refused(g, gradc_smooth_l1_loss(x, x, -1, GRADC_REDUCE_MEAN), GRADC_E_ARG, "smooth_l1_loss");
    assert_refused(g, gradc_smooth_l1_loss(x, x, (double)NAN, GRADC_REDUCE_MEAN), GRADC_E_ARG, "smooth_l1_loss");
    assert_refused(g, bce(x, line, GRADC_REDUCE_MEAN), GRADC_E_SHAPE, "bce_with_logits");
    assert_refused(g, gradc_bce_with_logits(line, line, x, NULL, GRADC_REDUCE_MEAN), GRADC_E_SHAPE,
                   "bce_with_logits");
    assert_refused(g, gradc_bce_with_logits(x, x, NULL, f16, GRADC_REDUCE_MEAN), GRADC_E_DTYPE,
                   "bce_with_logits");
    assert_refused(g, gradc_mse_loss(x, x, GRADC_REDUCE_BATCHMEAN), GRADC_E_ARG, "mse_loss");
    gradc_tensor *scalar = gradc_sum(x, 0, NULL, 0);
    assert_refused(g, kl(scalar, scalar, GRADC_REDUCE_BATCHMEAN), GRADC_E_SHAPE, "kl_div");
    gradc_release(far);
    gradc_close(other);
    operands_free(g);
}

static gradc_tensor *all_losses(gradc_context *g, struct random *r)
{
    gradc_tensor *x = operand(g, GRADC_F32, PLAIN, SHAPE_OF(301, 333), -3, 3, r), *dx;
    gradc_tensor *t = operand(g, GRADC_F32, PLAIN, SHAPE_OF(301, 333), 0.1, 1, r), *total = NULL;
    gradc_requires_grad(x, 1);
    for (int i = 0; i < LOSSES; i++) {
        gradc_tensor *z = rows[i].loss(x, t, GRADC_REDUCE_NONE);
        total = total ? gradc_add(total, z) : z;
    }
    gradc_gradients(total, NULL, 1, &x, &dx);
    return gradc_add(dx, total);
}

static void devices_agree(struct fixture *f)
{
    assert_agrees(f, all_losses, 2e-5);
}

int main(void)
{
    static const struct test tests[] = {{"values", values},
                                        {"bce at extremes", bce_at_extremes},
                                        {"kl where the target is 0", kl_where_the_target_is_0},
                                        {"nothing", nothing},
                                        {"wrong arguments", wrong_arguments},
                                        {"devices agree", devices_agree}};
    return RUN_SUITE("losses", tests);
}
