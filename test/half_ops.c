/* half_ops.c - f16 and bf16 through reductions, softmax, norms and losses, against the same in double.
 * usage: half_ops [FILTER] */
#include <math.h>

#include "support/gradient_rows.h"
#include "support/values.h"

static const gradc_dtype halves[] = {GRADC_F16, GRADC_BF16};

/* ---- References in f64 on the CPU ---- */

static gradc_context *cpu; /* of the test that runs */

static void reference_open(void)
{
    cpu = gradc_open("cpu");
    assert_non_null(cpu);
}

static void reference_close(struct fixture *f)
{
    operands_free(cpu);
    gradc_close(cpu);
    cpu = NULL;
    operands_free(f->g);
}

/* x's numbers on the CPU, floats as f64. */
static gradc_tensor *in_f64(gradc_tensor *x)
{
    struct values v = values_read(x);
    int64_t shape[GRADC_MAX_NDIM + 1];
    for (int i = 0; i < v.ndim; i++)
        shape[i] = v.shape[i];
    shape[v.ndim] = -1;
    const int whole = v.dtype >= GRADC_I64;
    gradc_tensor *z = operand_of(cpu, whole ? v.dtype : GRADC_F64, shape, v.at);
    values_free(&v);
    return z;
}

/* Half of what a number's last place is worth, beside the number, and of the smallest numbers. */
static double unit_of(gradc_dtype dtype)
{
    return dtype == GRADC_F16 ? 0x1p-11 : 0x1p-8;
}

/* |z - want| <= unit |want| + slack, z of dtype and of want's shape; what is no number is the same. */
static void assert_near(gradc_tensor *z, gradc_tensor *want, gradc_dtype dtype, double units, double slack,
                        const char *what)
{
    struct values w = values_read(want), v;
    if (!z)
        fail_msg("%s of %s is refused", what, gradc_dtype_name(dtype));
    v = values_read(z);
    if (v.dtype != dtype || v.ndim != w.ndim || v.n != w.n)
        fail_msg("%s of %s is %s, %d axes", what, gradc_dtype_name(dtype), gradc_dtype_name(v.dtype), v.ndim);
    for (int64_t i = 0; i < w.n; i++) {
        const double at = w.at[i], bound = units * unit_of(dtype) * fabs(at) + slack + 0x1p-25;
        const double most = dtype == GRADC_F16 ? 65520 : INFINITY;
        if (isfinite(at) && fabs(at) < most
                ? !(fabs(v.at[i] - at) <= bound)
                : !(v.at[i] == at || (isnan(v.at[i]) && isnan(at)) || fabs(at) >= most))
            fail_msg("%s of %s: element %lld is %.9g, not %.9g (%g off)", what, gradc_dtype_name(dtype),
                     (long long)i, v.at[i], at, fabs(v.at[i] - at));
    }
    values_free(&v);
    values_free(&w);
}

/* Programs take their time to build: elsewhere than on the CPU each case has one of the dtypes, planned. */
static int is_left_out(const struct fixture *f, size_t which, int d)
{
    if (strcmp(f->device, "cpu") == 0 || test_long())
        return 0;
    return f->eager || (int)(which % 2) != d;
}

/* ---- Results that are rounded once ---- */

static const int last[] = {-1}, first[] = {0};

static gradc_tensor *labels_of(gradc_tensor *x, const int64_t *shape)
{
    return gradient_constant(x, GRADC_I64, shape, (double)gradc_size(x, 1));
}

static gradc_tensor *row_softmax(gradc_tensor *x)
{
    return gradc_softmax(x, -1);
}
static gradc_tensor *column_softmax(gradc_tensor *x)
{
    return gradc_softmax(x, 0);
}
static gradc_tensor *row_log_softmax(gradc_tensor *x)
{
    return gradc_log_softmax(x, -1);
}
static gradc_tensor *column_log_softmax(gradc_tensor *x)
{
    return gradc_log_softmax(x, 0);
}
static gradc_tensor *all_max(gradc_tensor *x)
{
    return gradc_max(x, 0, NULL, 0);
}
static gradc_tensor *row_max(gradc_tensor *x)
{
    return gradc_max(x, 1, last, 1);
}
static gradc_tensor *column_min(gradc_tensor *x)
{
    return gradc_min(x, 1, first, 0);
}
static gradc_tensor *all_min(gradc_tensor *x)
{
    return gradc_min(x, 0, NULL, 0);
}
static gradc_tensor *row_prod(gradc_tensor *x)
{
    return gradc_prod(gradc_mul_scalar(x, 0.5), 1, last, 0);
}
static gradc_tensor *all_any(gradc_tensor *x)
{
    return gradc_any(x, 0, NULL, 0);
}
static gradc_tensor *row_all(gradc_tensor *x)
{
    return gradc_all(gradc_round(x), 1, last, 0);
}
static gradc_tensor *row_argmax(gradc_tensor *x)
{
    return gradc_argmax(x, 1, last, 0);
}
static gradc_tensor *column_argmin(gradc_tensor *x)
{
    return gradc_argmin(x, 1, first, 1);
}
static gradc_tensor *all_argmax(gradc_tensor *x)
{
    return gradc_argmax(x, 0, NULL, 0);
}
static gradc_tensor *row_var(gradc_tensor *x)
{
    return gradc_var(gradc_add_scalar(x, 16), 1, last, 0, 1);
}
static gradc_tensor *all_std(gradc_tensor *x)
{
    return gradc_std(x, 0, NULL, 0, 1);
}
static gradc_tensor *column_var(gradc_tensor *x)
{
    return gradc_var(x, 1, first, 0, 0);
}
static gradc_tensor *all_norm(gradc_tensor *x)
{
    return gradc_norm(x, 2, 0, NULL, 0);
}
static gradc_tensor *row_norm_1(gradc_tensor *x)
{
    return gradc_norm(x, 1, 1, last, 0);
}
static gradc_tensor *row_norm_3(gradc_tensor *x)
{
    return gradc_norm(x, 3, 1, last, 0);
}
static gradc_tensor *column_norm_0(gradc_tensor *x)
{
    return gradc_norm(x, 0, 1, first, 0);
}
static gradc_tensor *row_norm_most(gradc_tensor *x)
{
    return gradc_norm(x, INFINITY, 1, last, 0);
}
static gradc_tensor *row_norm_least(gradc_tensor *x)
{
    return gradc_norm(x, -INFINITY, 1, last, 0);
}
static gradc_tensor *all_logsumexp(gradc_tensor *x)
{
    return gradc_logsumexp(x, 0, NULL, 0);
}
static gradc_tensor *column_logsumexp(gradc_tensor *x)
{
    return gradc_logsumexp(x, 1, first, 0);
}

static gradc_tensor *row_layer_norm(gradc_tensor *x)
{
    return gradc_layer_norm(x, 1, (const int64_t[]){gradc_size(x, -1)}, NULL, NULL, 1e-5);
}

static gradc_tensor *cross_entropy(gradc_tensor *x)
{
    return gradc_cross_entropy(x, labels_of(x, (const int64_t[]){gradc_size(x, 0), -1}));
}

static gradc_tensor *nll_loss(gradc_tensor *x)
{
    return gradc_nll_loss(x, labels_of(x, (const int64_t[]){gradc_size(x, 0), -1}), NULL, 1, GRADC_REDUCE_NONE);
}

/* exact: nothing is rounded. */
static const struct once {
    const char *name;
    gradc_tensor *(*f)(gradc_tensor *x);
    int exact;
} once[] = {{"softmax", row_softmax, 0},
            {"softmax of columns", column_softmax, 0},
            {"log_softmax of columns", column_log_softmax, 0},
            {"log_softmax", row_log_softmax, 0},
            {"cross_entropy", cross_entropy, 0},
            {"layer_norm", row_layer_norm, 0},
            {"nll_loss", nll_loss, 1},
            {"max of all", all_max, 1},
            {"argmax", row_argmax, 1},
            {"argmax of all", all_argmax, 1},
            {"norm of all", all_norm, 0},
            {"var", row_var, 0},
            {"logsumexp", all_logsumexp, 0},
            {"any", all_any, 1},
            {"max of rows", row_max, 1},
            {"min of columns", column_min, 1},
            {"min of all", all_min, 1},
            {"argmin of columns", column_argmin, 1},
            {"prod", row_prod, 0},
            {"all", row_all, 1},
            {"std of all", all_std, 0},
            {"var of columns", column_var, 0},
            {"norm, p 1", row_norm_1, 0},
            {"norm, p 3", row_norm_3, 0},
            {"norm of columns, p 0", column_norm_0, 0},
            {"norm, p inf", row_norm_most, 1},
            {"norm, p -inf", row_norm_least, 1},
            {"logsumexp of columns", column_logsumexp, 0}};
enum {
    ONCE = sizeof once / sizeof *once,
    TWO_SHAPES = 6,
    SOME = 14
}; /* of which elsewhere than on the CPU: */

/* One for each way through the forms: short rows and long ones, many columns, segments. */
static const int64_t shapes[][4] = {{37, 9, -1}, {5, 1201, -1}, {300, 67, -1}, {2, 66001, -1}, {1, 1, -1}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static void check_once(struct fixture *f, size_t which, int d, const int64_t *shape, enum form form)
{
    const struct once *c = &once[which];
    char what[96];
    struct random r = {test_seed() + which};
    gradc_tensor *x = operand(f->g, halves[d], form, shape, -2, 2, &r), *w = in_f64(x), *want;
    if (c->f == row_var) /* what is added is rounded in 16 bits */
        w = in_f64(gradc_add_scalar(gradc_add_scalar(x, 16), -16));
    snprintf(what, sizeof what, "%s [%d,%d], %s", c->name, (int)shape[0], (int)shape[1], form_names[form]);
    want = c->f(w);
    assert_works(cpu);
    gradc_tensor *z = c->f(x);
    if (!z)
        fail_msg("%s of %s: %s", what, gradc_dtype_name(halves[d]), gradc_message(f->g));
    const gradc_dtype dtype = gradc_dtype_of(want) == GRADC_F64 ? halves[d] : gradc_dtype_of(want);
    assert_near(z, want, dtype, c->exact ? 0 : 1.01, c->exact ? 0 : 2e-6, what);
    operands_free(cpu);
    operands_free(f->g);
}

static void rounded_once(struct fixture *f)
{
    reference_open();
    const int all = strcmp(f->device, "cpu") == 0 || test_long();
    for (size_t which = 0; which < ONCE; which++)
        for (int d = 0; d < 2; d++)
            for (int s = 0; s < SHAPES && !is_left_out(f, which, d); s++) {
                if (!all && (which >= SOME || s > 1 || (s == 0 && which >= TWO_SHAPES)))
                    continue;
                check_once(f, which, d, shapes[s], (enum form)((s + (int)which) % (all ? FORMS : 1)));
            }
    reference_close(f);
}

/* ---- Gradients: the rows of test/gradients.c ---- */

static const struct row *const tables[] = {gradient_reductions, gradient_layers, gradient_losses,
                                           gradient_norms, gradient_indexing};

/* The row's operands of dtype, or with `of` those numbers in f64; z, and what flows where something flows into z and
 * then into the gradients. */
struct traced {
    int n;
    gradc_tensor *x[ROW_OPERANDS], *z, *dx[ROW_OPERANDS], *again[ROW_OPERANDS];
};

static gradc_dtype dtype_of_sums(const gradc_tensor *z)
{
    return gradc_dtype_of(z) == GRADC_F64 ? GRADC_F64 : GRADC_F32;
}

static void trace(struct traced *t, const struct row *row, gradc_tensor *flow, gradc_tensor *const *more)
{
    for (int i = 0; i < t->n; i++)
        gradc_requires_grad(t->x[i], 1);
    t->z = row->f(t->x);
    if (!t->z || gradc_gradients(t->z, flow, t->n, t->x, t->dx))
        return;
    gradc_tensor *sum = NULL;
    for (int i = 0; i < t->n; i++) {
        gradc_tensor *part =
            gradc_sum(gradc_cast(gradc_mul(t->dx[i], more[i]), dtype_of_sums(t->z)), 0, NULL, 0);
        sum = sum ? gradc_add(sum, part) : part;
    }
    gradc_gradients(sum, NULL, t->n, t->x, t->again);
}

static double largest(gradc_tensor *x)
{
    double most = 0;
    struct values v = values_read(x);
    for (int64_t i = 0; i < v.n; i++)
        most = fabs(v.at[i]) > most ? fabs(v.at[i]) : most;
    values_free(&v);
    return most;
}

enum { ROUNDINGS = 8, ROUNDINGS_AGAIN = 64 };

static void check_row(struct fixture *f, const struct row *row, gradc_dtype dtype, uint64_t seed)
{
    struct random r = {seed};
    struct traced half = {.n = 0}, want;
    gradc_tensor *more[ROW_OPERANDS], *wide_more[ROW_OPERANDS];
    const int usual = row->low >= row->high;
    for (int i = 0; i < ROW_OPERANDS && row->shape[i][0]; i++) {
        const int k = half.n++;
        half.x[k] = operand(f->g, dtype, PLAIN, row->shape[i], usual ? -2 : row->low, usual ? 2 : row->high, &r);
        more[k] = operand(f->g, dtype, PLAIN, row->shape[i], -1, 1, &r);
        want.x[k] = in_f64(half.x[k]);
        wide_more[k] = in_f64(more[k]);
    }
    want.n = half.n;
    struct values z = values_read(row->f(want.x));
    assert_works(cpu);
    for (int64_t i = 0; i < z.n; i++)
        z.at[i] = random_real(&r, -1, 1);
    z.shape[z.ndim] = -1;
    gradc_tensor *flow = operand_of(f->g, dtype, z.shape, z.at);
    values_free(&z);
    trace(&half, row, flow, more);
    if (gradc_check(f->g))
        fail_msg("%s of %s: %s", row->name, gradc_dtype_name(dtype), gradc_message(f->g));
    trace(&want, row, in_f64(flow), wide_more);
    assert_works(cpu);
    const double u = unit_of(dtype);
    assert_near(half.z, want.z, dtype, ROUNDINGS, ROUNDINGS * u * largest(want.z), row->name);
    for (int i = 0; i < half.n; i++)
        assert_near(half.dx[i], want.dx[i], dtype, ROUNDINGS, ROUNDINGS * u * (0.1 + largest(want.dx[i])),
                    row->name);
    for (int i = 0; i < half.n; i++)
        assert_near(half.again[i], want.again[i], dtype, ROUNDINGS_AGAIN,
                    ROUNDINGS_AGAIN * u * (0.1 + largest(want.again[i])), row->name);
    operands_free(cpu);
    operands_free(f->g);
}

static void gradients(struct fixture *f)
{
    uint64_t seed = test_seed();
    if (strcmp(f->device, "cpu") != 0 && !test_long())
        return;
    reference_open();
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        for (const struct row *row = tables[i]; row->name; row++)
            for (int d = 0; d < 2; d++)
                check_row(f, row, halves[d], seed++);
    reference_close(f);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        {"rounded once", rounded_once},
        {"gradients", gradients},
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return RUN_SUITE("half_ops", tests);
}
