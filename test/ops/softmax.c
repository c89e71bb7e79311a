/* softmax.c - softmax and log_softmax along every axis against long double sums; large logits, NaN and infinities. */
#include <math.h>

#include "../support/values.h"

static gradc_tensor *(*const ops[])(gradc_tensor *x, int axis) = {gradc_softmax, gradc_log_softmax};
static const char *const names[] = {"softmax", "log_softmax"};

/* Along rows of n numbers, `step` apart. */
static void want_row(double *row, int64_t n, int64_t step, int logarithm)
{
    long double most = -INFINITY, sum = 0;
    for (int64_t i = 0; i < n; i++)
        most = row[i * step] > most || isnan(row[i * step]) ? row[i * step] : most;
    for (int64_t i = 0; i < n; i++)
        sum += expl(row[i * step] - most);
    for (int64_t i = 0; i < n; i++) {
        long double x = row[i * step] - most;
        row[i * step] = (double)(logarithm ? x - logl(sum) : expl(x) / sum);
    }
}

static void check(gradc_tensor *x, int axis, int logarithm, const char *what)
{
    struct values want = values_read(x);
    int at = want.ndim ? (axis + want.ndim) % want.ndim : 0;
    int64_t step = 1, n = want.ndim ? want.shape[at] : 1;
    for (int k = at + 1; k < want.ndim; k++)
        step *= want.shape[k];
    for (int64_t i = 0; n > 0 && i < want.n; i++)
        if (i / step % n == 0)
            want_row(want.at + i, n, step, logarithm);
    char text[96];
    snprintf(text, sizeof text, "%s of axis %d, %s", names[logarithm], axis, what);
    assert_values(ops[logarithm](x, axis), &want, want.dtype == GRADC_F64 ? 1e-14 : 2e-6, text);
    values_free(&want);
}

static void values(struct fixture *f)
{
    static const int64_t shapes[][5] = {{3, 4, 5, -1},   {1, -1},     {1031, -1}, {37, 70, -1},
                                        {2, 17, 33, -1}, {5, 10, -1}, {0, 3, -1}, {3, 0, -1}};
    struct random r = {test_seed()};
    for (int k = 0; k < 2; k++) {
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
            for (int form = 0; form < FORMS; form++) {
                gradc_dtype dtype = random_below(&r, 2) ? GRADC_F32 : test_widest(f->g);
                gradc_tensor *x = operand(f->g, dtype, (enum form)form, shapes[s], -6, 6, &r);
                for (int axis = -gradc_ndim(x); axis < gradc_ndim(x); axis++)
                    check(x, axis, k, form_names[form]);
                operands_free(f->g);
            }
        gradc_tensor *scalar = operand(f->g, GRADC_F32, PLAIN, SHAPE_OF(-1), 0, 1, &r);
        check(scalar, 0, k, "0-d");
        check(scalar, -1, k, "0-d");
        operands_free(f->g);
    }
}

static void special_numbers(struct fixture *f)
{
    static const double numbers[] = {1e4,      0, -1e4, -2e3,      -2e3,      -2001,
                                     NAN,      0, 1,    -INFINITY, 0,         1,
                                     INFINITY, 0, 1,    -INFINITY, -INFINITY, -INFINITY};
    for (int k = 0; k < 2; k++)
        for (gradc_dtype dtype = GRADC_F32; dtype <= test_widest(f->g); dtype++) {
            gradc_tensor *x = operand_of(f->g, dtype, SHAPE_OF(6, 3), numbers);
            check(x, 1, k, "special numbers");
            check(gradc_contiguous(gradc_transpose(x, 0, 1)), 0, k, "special columns");
            operands_free(f->g);
        }
}

static void wrong_arguments(struct fixture *f)
{
    gradc_tensor *x = gradc_new(f->g, GRADC_F32, 2, (const int64_t[]){2, 3});
    gradc_tensor *whole = gradc_new(f->g, GRADC_I64, 1, (const int64_t[]){3});
    for (int k = 0; k < 2; k++) {
        assert_null(ops[k](NULL, 0));
        assert_refused(f->g, ops[k](x, 2), GRADC_E_ARG, names[k]);
        assert_refused(f->g, ops[k](x, -3), GRADC_E_ARG, names[k]);
        assert_refused(f->g, ops[k](whole, 0), GRADC_E_DTYPE, names[k]);
    }
    gradc_release(x);
    gradc_release(whole);
}

static int chosen, chosen_axis;

/* Forward and backward. */
static gradc_tensor *both_ways(gradc_context *g, struct random *r)
{
    gradc_tensor *x = operand(g, GRADC_F32, PLAIN, SHAPE_OF(307, 133), -3, 3, r), *dx;
    gradc_requires_grad(x, 1);
    gradc_tensor *z = ops[chosen](x, chosen_axis);
    gradc_gradients(z, operand(g, GRADC_F32, PLAIN, SHAPE_OF(307, 133), -1, 1, r), 1, &x, &dx);
    return gradc_add(z, dx);
}

static void devices_agree(struct fixture *f)
{
    for (chosen = 0; chosen < 2; chosen++)
        for (chosen_axis = 0; chosen_axis < 2; chosen_axis++)
            assert_agrees(f, both_ways, 2e-5);
}

int main(void)
{
    static const struct test tests[] = {{"values", values},
                                        {"special numbers", special_numbers},
                                        {"wrong arguments", wrong_arguments},
                                        {"devices agree", devices_agree}};
    return RUN_SUITE("softmax", tests);
}
