/* elementwise.c - every row of elementwise.def against C's own arithmetic: exactly, but for exp, log and the others
 * that are marked, and with the same bits on every device. */
#include <math.h>

#include "../support/values.h"

enum { FLOATS = 1, NEARLY = 2, COMPARES = 4 };

struct row {
    const char *name;
    gradc_tensor *(*one)(gradc_tensor *x);
    gradc_tensor *(*two)(gradc_tensor *x, gradc_tensor *y);
    double (*want)(double x, double y);
    int facts;
};

/* The scalars of the rows that take some: exact in each dtype. */
static double low_scalar, high_scalar;

static gradc_tensor *add_low(gradc_tensor *x)
{
    return gradc_add_scalar(x, low_scalar);
}

static gradc_tensor *mul_high(gradc_tensor *x)
{
    return gradc_mul_scalar(x, high_scalar);
}

static gradc_tensor *clamp_both(gradc_tensor *x)
{
    return gradc_clamp(x, low_scalar, high_scalar);
}

static gradc_tensor *pow_high(gradc_tensor *x)
{
    return gradc_pow_scalar(x, high_scalar);
}

static gradc_tensor *leaky_low(gradc_tensor *x)
{
    return gradc_leaky_relu(x, low_scalar);
}

static gradc_tensor *elu_high(gradc_tensor *x)
{
    return gradc_elu(x, high_scalar);
}

#define WANT(name, expression)                    \
    static double want_##name(double x, double y) \
    {                                             \
        (void)y;                                  \
        return expression;                        \
    }
WANT(add, x + y)
WANT(sub, x - y)
WANT(mul, x *y)
WANT(div, x / y)
WANT(maximum, isnan(x) || isnan(y) ? NAN : fmax(x, y))
WANT(minimum, isnan(x) || isnan(y) ? NAN : fmin(x, y))
WANT(pow, pow(x, y))
WANT(fmod, fmod(x, y))
WANT(neg, -x)
WANT(exp, exp(x))
WANT(log, log(x))
WANT(sqrt, sqrt(x))
WANT(tanh, tanh(x))
WANT(sigmoid, 1 / (1 + exp(-x)))
WANT(log_sigmoid, (x < 0 ? x : -0.0) - log1p(exp(-fabs(x))))
WANT(relu, isnan(x) ? x : fmax(x, 0))
WANT(abs, fabs(x))
WANT(sign, (x > 0) - (x < 0))
WANT(square, x *x)
WANT(floor, floor(x))
WANT(ceil, ceil(x))
WANT(round, rint(x))
WANT(rsqrt, 1 / sqrt(x))
WANT(reciprocal, 1 / x)
WANT(sin, sin(x))
WANT(cos, cos(x))
WANT(erf, erf(x))
WANT(log1p, log1p(x))
WANT(expm1, expm1(x))
WANT(gelu, x * 0.5 * erfc(-x * sqrt(0.5)))
WANT(gelu_tanh, 0.5 * x * (1 + tanh(sqrt(2 / acos(-1)) * (x + 0.044715 * x * x * x))))
WANT(silu, x / (1 + exp(-x)))
WANT(softplus, x > 20 ? x : log1p(exp(x)))
WANT(hardsigmoid, isnan(x) ? x : fmin(fmax(x + 3, 0), 6) / 6)
WANT(hardswish, x *want_hardsigmoid(x, y))
WANT(pow_scalar, pow(x, high_scalar))
WANT(leaky_relu, x > 0 ? x : x * low_scalar)
WANT(elu, x > 0 ? x : high_scalar * expm1(x))
WANT(add_scalar, x + low_scalar)
WANT(mul_scalar, x *high_scalar)
WANT(clamp, isnan(x) ? x : fmin(fmax(x, low_scalar), high_scalar))
WANT(eq, !(x < y) && !(x > y) && !isnan(x) && !isnan(y))
WANT(ne, x<y || x> y || isnan(x) || isnan(y))
WANT(lt, x < y)
WANT(le, x <= y)
WANT(gt, x > y)
WANT(ge, x >= y)
WANT(logical_and, (isnan(x) || fabs(x) > 0) && (isnan(y) || fabs(y) > 0))
WANT(logical_or, isnan(x) || isnan(y) || fabs(x) + fabs(y) > 0)
WANT(logical_xor, (isnan(x) || fabs(x) > 0) != (isnan(y) || fabs(y) > 0))
WANT(logical_not, fabs(x) <= 0)
WANT(isnan, isnan(x) != 0)

static const struct row rows[] = {
    {"add", NULL, gradc_add, want_add, 0},
    {"sub", NULL, gradc_sub, want_sub, 0},
    {"mul", NULL, gradc_mul, want_mul, 0},
    {"div", NULL, gradc_div, want_div, FLOATS},
    {"maximum", NULL, gradc_maximum, want_maximum, 0},
    {"minimum", NULL, gradc_minimum, want_minimum, 0},
    {"pow", NULL, gradc_pow, want_pow, FLOATS | NEARLY},
    {"fmod", NULL, gradc_fmod, want_fmod, FLOATS},
    {"neg", gradc_neg, NULL, want_neg, 0},
    {"exp", gradc_exp, NULL, want_exp, FLOATS | NEARLY},
    {"log", gradc_log, NULL, want_log, FLOATS | NEARLY},
    {"sqrt", gradc_sqrt, NULL, want_sqrt, FLOATS},
    {"tanh", gradc_tanh, NULL, want_tanh, FLOATS | NEARLY},
    {"sigmoid", gradc_sigmoid, NULL, want_sigmoid, FLOATS | NEARLY},
    {"log_sigmoid", gradc_log_sigmoid, NULL, want_log_sigmoid, FLOATS | NEARLY},
    {"relu", gradc_relu, NULL, want_relu, FLOATS},
    {"abs", gradc_abs, NULL, want_abs, 0},
    {"sign", gradc_sign, NULL, want_sign, 0},
    {"square", gradc_square, NULL, want_square, 0},
    {"floor", gradc_floor, NULL, want_floor, FLOATS},
    {"ceil", gradc_ceil, NULL, want_ceil, FLOATS},
    {"round", gradc_round, NULL, want_round, FLOATS},
    {"reciprocal", gradc_reciprocal, NULL, want_reciprocal, FLOATS},
    {"rsqrt", gradc_rsqrt, NULL, want_rsqrt, FLOATS | NEARLY},
    {"sin", gradc_sin, NULL, want_sin, FLOATS | NEARLY},
    {"cos", gradc_cos, NULL, want_cos, FLOATS | NEARLY},
    {"erf", gradc_erf, NULL, want_erf, FLOATS | NEARLY},
    {"log1p", gradc_log1p, NULL, want_log1p, FLOATS | NEARLY},
    {"expm1", gradc_expm1, NULL, want_expm1, FLOATS | NEARLY},
    {"gelu", gradc_gelu, NULL, want_gelu, FLOATS | NEARLY},
    {"gelu_tanh", gradc_gelu_tanh, NULL, want_gelu_tanh, FLOATS | NEARLY},
    {"silu", gradc_silu, NULL, want_silu, FLOATS | NEARLY},
    {"softplus", gradc_softplus, NULL, want_softplus, FLOATS | NEARLY},
    {"hardswish", gradc_hardswish, NULL, want_hardswish, FLOATS | NEARLY},
    {"hardsigmoid", gradc_hardsigmoid, NULL, want_hardsigmoid, FLOATS | NEARLY},
    {"pow_scalar", pow_high, NULL, want_pow_scalar, FLOATS | NEARLY},
    {"leaky_relu", leaky_low, NULL, want_leaky_relu, FLOATS},
    {"elu", elu_high, NULL, want_elu, FLOATS | NEARLY},
    {"add_scalar", add_low, NULL, want_add_scalar, 0},
    {"mul_scalar", mul_high, NULL, want_mul_scalar, 0},
    {"clamp", clamp_both, NULL, want_clamp, 0},
    {"eq", NULL, gradc_eq, want_eq, COMPARES},
    {"ne", NULL, gradc_ne, want_ne, COMPARES},
    {"lt", NULL, gradc_lt, want_lt, COMPARES},
    {"le", NULL, gradc_le, want_le, COMPARES},
    {"gt", NULL, gradc_gt, want_gt, COMPARES},
    {"ge", NULL, gradc_ge, want_ge, COMPARES},
    {"logical_and", NULL, gradc_logical_and, want_logical_and, COMPARES},
    {"logical_or", NULL, gradc_logical_or, want_logical_or, COMPARES},
    {"logical_xor", NULL, gradc_logical_xor, want_logical_xor, COMPARES},
    {"logical_not", gradc_logical_not, NULL, want_logical_not, COMPARES},
    {"isnan", gradc_isnan, NULL, want_isnan, COMPARES},
};
enum { ROWS = sizeof rows / sizeof *rows };

static void set_scalars(gradc_dtype dtype)
{
    low_scalar = dtype == GRADC_F32 || dtype == GRADC_F64 ? -0.75 : 2;
    high_scalar = dtype == GRADC_F32 || dtype == GRADC_F64 ? 1.25 : 100;
}

/* A number as dtype has it: floats rounded once, integers wrapped. */
static double as(gradc_dtype dtype, double value)
{
    switch (dtype) {
    case GRADC_F32: return (double)(float)value;
    case GRADC_I32: return (double)(int32_t)(uint32_t)(int64_t)value;
    case GRADC_U8: return (double)(uint8_t)(int64_t)value;
    default: return value;
    }
}

static gradc_tensor *apply(const struct row *row, gradc_tensor *x, gradc_tensor *y)
{
    return row->one ? row->one(x) : row->two(x, y);
}

static void check(const struct row *row, gradc_tensor *x, gradc_tensor *y, const char *what)
{
    char text[96];
    gradc_dtype dtype = gradc_dtype_of(x);
    struct values a = values_read(x), b = values_read(y);
    gradc_tensor *z = apply(row, x, y);
    struct values want = {0};
    if (z)
        want = values_read(z);
    for (int64_t i = 0; i < want.n; i++) {
        double value = row->want(a.at[values_broadcast(&want, i, &a)],
                                 row->two ? b.at[values_broadcast(&want, i, &b)] : 0);
        want.at[i] = as(dtype, value);
    }
    want.dtype = row->facts & COMPARES ? GRADC_BOOL : dtype;
    double nearly = dtype == GRADC_F32 ? 4e-7 : 1e-15;
    snprintf(text, sizeof text, "%s of %s, %s", row->name, gradc_dtype_name(dtype), what);
    assert_values(z, &want, row->facts & NEARLY ? nearly : 0, text);
    values_free(&a);
    values_free(&b);
    values_free(&want);
}

static const int64_t pairs[][2][6] = {
    {{3, 5, -1}, {3, 5, -1}},
    {{-1}, {-1}},
    {{7, -1}, {-1}},
    {{4, 3, 5, -1}, {3, 1, -1}},
    {{1, 33, -1}, {1, 33, -1}},
    {{0, 3, -1}, {0, 1, -1}},
    {{1031, -1}, {1031, -1}},
    {{2, 1, 17, -1}, {3, 1, -1}},
};

static void values_are_c_s(struct fixture *f)
{
    const gradc_dtype dtypes[] = {GRADC_F32, test_widest(f->g), GRADC_I64, GRADC_I32, GRADC_U8};
    struct random r = {test_seed()};
    for (int i = 0; i < ROWS; i++)
        for (int d = 0; d < ((rows[i].facts & FLOATS) ? 2 : 5); d++) {
            if (dtypes[d] == GRADC_I64 && strcmp(f->device, "cpu") != 0 && !test_long())
                continue; /* a kernel more for each row */
            set_scalars(dtypes[d]);
            double low = d < 2 ? -3 : d == 4 ? 0 : -100000, high = d < 2 ? 3 : d == 4 ? 256 : 100000;
            for (size_t p = 0; p < sizeof pairs / sizeof *pairs; p++) {
                enum form form = (enum form)(random_next(&r) % FORMS),
                          other = (enum form)(random_next(&r) % FORMS);
                gradc_tensor *x = operand(f->g, dtypes[d], form, pairs[p][0], low, high, &r);
                check(&rows[i], x, operand(f->g, dtypes[d], other, pairs[p][1], low, high, &r), form_names[form]);
            }
            operands_free(f->g);
        }
}

/* Every special number with every other one. */
static void special_numbers(struct fixture *f)
{
    static const double numbers[] = {NAN, INFINITY, -INFINITY, 0, 1, -1, 3e38, -3e38, 1e-30, 88.8, -104};
    enum { N = sizeof numbers / sizeof *numbers };
    double x[N * N], y[N * N];
    for (int i = 0; i < N * N; i++) {
        x[i] = numbers[i / N];
        y[i] = numbers[i % N];
    }
    for (int i = 0; i < ROWS; i++)
        for (gradc_dtype dtype = GRADC_F32; dtype <= test_widest(f->g); dtype++) {
            set_scalars(dtype);
            gradc_tensor *operands[] = {operand_of(f->g, dtype, SHAPE_OF(N * N), x),
                                        operand_of(f->g, dtype, SHAPE_OF(N * N), y)};
            check(&rows[i], operands[0], operands[1], "special numbers");
            operands_free(f->g);
        }
}

/* Scalars are rounded to the dtype: to the nearest, and for integers saturated. */
static void scalars_are_rounded(struct fixture *f)
{
    static const double numbers[] = {1, 100, 200};
    gradc_tensor *u8 = operand_of(f->g, GRADC_U8, SHAPE_OF(3), numbers);
    gradc_tensor *f32 = operand_of(f->g, GRADC_F32, SHAPE_OF(3), numbers);
    struct values want = values_new(GRADC_U8, 1, SHAPE_OF(3));
    memcpy(want.at, (const double[]){4, 103, 203}, 3 * sizeof(double));
    assert_values(gradc_add_scalar(u8, 2.6), &want, 0, "add_scalar 2.6");
    memcpy(want.at, (const double[]){3, 100, 200}, 3 * sizeof(double));
    assert_values(gradc_clamp(u8, 2.6, 1e9), &want, 0, "clamp 2.6, 1e9");
    want.dtype = GRADC_F32;
    for (int i = 0; i < 3; i++)
        want.at[i] = (double)((float)numbers[i] * 0.1f);
    assert_values(gradc_mul_scalar(f32, 0.1), &want, 0, "mul_scalar 0.1");
    values_free(&want);
    operands_free(f->g);
}

static void where_chooses(struct fixture *f)
{
    struct random r = {test_seed()};
    for (int form = 0; form < FORMS; form++)
        for (gradc_dtype dtype = GRADC_F32; dtype <= GRADC_BOOL; dtype++) {
            if (dtype == GRADC_F64 && !test_has_f64(f->g))
                continue;
            gradc_tensor *c = operand(f->g, GRADC_BOOL, (enum form)form, SHAPE_OF(4, 1, 5), 0, 2, &r);
            gradc_tensor *x = operand(f->g, dtype, (enum form)form, SHAPE_OF(3, 5), 0, 2, &r);
            gradc_tensor *y = operand(f->g, dtype, PLAIN, SHAPE_OF(3, 1), 0, 2, &r);
            struct values a = values_read(c), b = values_read(x), d = values_read(y);
            struct values want = values_new(dtype, 3, SHAPE_OF(4, 3, 5));
            for (int64_t i = 0; i < want.n; i++)
                want.at[i] = a.at[values_broadcast(&want, i, &a)] > 0 ? b.at[values_broadcast(&want, i, &b)]
                                                                      : d.at[values_broadcast(&want, i, &d)];
            assert_values(gradc_where(c, x, y), &want, 0, form_names[form]);
            values_free(&a);
            values_free(&b);
            values_free(&d);
            values_free(&want);
            operands_free(f->g);
        }
}

static void wrong_arguments(struct fixture *f)
{
    struct random r = {test_seed()};
    gradc_context *g = f->g;
    gradc_tensor *x = operand(g, GRADC_F32, PLAIN, SHAPE_OF(3, 5), 0, 1, &r);
    gradc_tensor *y = operand(g, GRADC_F32, PLAIN, SHAPE_OF(4, 5), 0, 1, &r);
    gradc_tensor *f16 = operand(g, GRADC_F16, PLAIN, SHAPE_OF(3, 5), 0, 1, &r);
    gradc_tensor *whole = operand(g, GRADC_I32, PLAIN, SHAPE_OF(3, 5), 0, 9, &r);
    gradc_tensor *c = operand(g, GRADC_BOOL, PLAIN, SHAPE_OF(3, 5), 0, 2, &r);
    set_scalars(GRADC_F32);
    for (int i = 0; i < ROWS; i++) {
        assert_null(apply(&rows[i], NULL, x));
        assert_works(g);
        if (!(rows[i].facts & COMPARES))
            assert_refused(g, apply(&rows[i], c, c), GRADC_E_DTYPE, rows[i].name);
        if (rows[i].facts & FLOATS)
            assert_refused(g, apply(&rows[i], whole, whole), GRADC_E_DTYPE, rows[i].name);
        if (rows[i].one)
            continue;
        assert_null(rows[i].two(x, NULL));
        assert_works(g);
        assert_refused(g, rows[i].two(x, y), GRADC_E_SHAPE, rows[i].name);
        assert_refused(g, rows[i].two(x, f16), GRADC_E_DTYPE, rows[i].name);
    }
    assert_refused(g, gradc_where(x, x, x), GRADC_E_DTYPE, "where");
    assert_refused(g, gradc_where(c, x, f16), GRADC_E_DTYPE, "where");
    assert_refused(g, gradc_where(c, y, y), GRADC_E_SHAPE, "where");
    operands_free(g);
}

static const struct row *chosen;

static gradc_tensor *many(gradc_context *g, struct random *r)
{
    gradc_tensor *x = operand(g, GRADC_F32, PLAIN, SHAPE_OF(331, 207), -4, 4, r);
    return apply(chosen, x, operand(g, GRADC_F32, SLICED, SHAPE_OF(331, 207), -4, 4, r));
}

static void devices_agree(struct fixture *f)
{
    set_scalars(GRADC_F32);
    for (chosen = rows; chosen < rows + ROWS; chosen++)
        assert_agrees(f, many, 0);
}

static int is_here(const char *name)
{
    for (int i = 0; i < ROWS; i++)
        if (strcmp(rows[i].name, name) == 0)
            return 1;
    return strcmp(name, "where") == 0;
}

/* A new row of elementwise.def needs one here. */
static void no_row_is_missing(struct fixture *f)
{
    static const char *const names[] = {
#define EW1(name, kind, expression, keeps, dx, low, high) #name,
#define EW1A EW1
#define EW1B EW1
#define EW2(name, kind, expression, keeps, dx, dy, low, high) #name,
#define EWT(name, expression) #name,
#define EWC(name, expression) #name,
#define EW3(name, expression, keeps, dx, dy, low, high) #name,
#include "ops/elementwise.def"
    };
    (void)f;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!is_here(names[i]))
            fail_msg("%s is not in the table of test/ops/elementwise.c", names[i]);
}

int main(void)
{
    static const struct test tests[] = {
        {"values are C's", values_are_c_s},           {"special numbers", special_numbers},
        {"scalars are rounded", scalars_are_rounded}, {"where chooses", where_chooses},
        {"wrong arguments", wrong_arguments},         {"devices agree", devices_agree},
        {"no row is missing", no_row_is_missing},
    };
    return RUN_SUITE("elementwise", tests);
}
