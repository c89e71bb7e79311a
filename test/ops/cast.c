/* cast.c - every dtype to every other: truncated, saturated, NaN to 0, to bool by x != 0. */
#include <math.h>

#include "../support/values.h"

static const gradc_dtype dtypes[] = {GRADC_F32, GRADC_F64, GRADC_F16, GRADC_BF16,
                                     GRADC_I64, GRADC_I32, GRADC_U8,  GRADC_BOOL};
enum { DTYPES = sizeof dtypes / sizeof *dtypes, FLOATS = 4 };

/* Saturation of floats; integers wrap, but the numbers here stay where both agree. */
static double want_cast(double x, gradc_dtype to)
{
    static const double limits[][2] = {
        [GRADC_I64] = {-0x1p63, 0x1p63}, [GRADC_I32] = {-0x1p31, 0x1p31 - 1}, [GRADC_U8] = {0, 255}};
    switch (to) {
    case GRADC_F32: return (double)(float)x;
    case GRADC_F64: return x;
    case GRADC_F16:
    case GRADC_BF16: return value_rounded(to, (double)(float)x); /* by way of f32, as PyTorch */
    case GRADC_BOOL: return isnan(x) || x < 0 || x > 0;
    default: return isnan(x) ? 0 : trunc(fmin(fmax(x, limits[to][0]), limits[to][1])) + 0.0;
    }
}

static void check(gradc_tensor *x, gradc_dtype to, const char *what)
{
    char text[96];
    struct values want = values_read(x);
    for (int64_t i = 0; i < want.n; i++)
        want.at[i] = want_cast(want.at[i], to);
    snprintf(text, sizeof text, "cast of %s to %s, %s", gradc_dtype_name(want.dtype), gradc_dtype_name(to), what);
    want.dtype = to;
    assert_values(gradc_cast(x, to), &want, 0, text);
    values_free(&want);
}

static int is_missing(struct fixture *f, gradc_dtype from, gradc_dtype to)
{
    return (from == GRADC_F64 || to == GRADC_F64) && !test_has_f64(f->g);
}

static void values(struct fixture *f)
{
    struct random r = {test_seed()};
    for (int from = 0; from < DTYPES; from++)
        for (int to = 0; to < DTYPES; to++) {
            if (is_missing(f, dtypes[from], dtypes[to]))
                continue;
            double low = from < FLOATS ? 0.5 : 0, high = dtypes[from] == GRADC_BOOL ? 2 : 250;
            enum form form = (enum form)(random_next(&r) % FORMS);
            check(operand(f->g, dtypes[from], form, SHAPE_OF(3, 5, 7), low, high, &r), dtypes[to],
                  form_names[form]);
            check(operand(f->g, dtypes[from], PLAIN, SHAPE_OF(1031), low, high, &r), dtypes[to], "long");
            check(operand(f->g, dtypes[from], PLAIN, SHAPE_OF(0, 3), low, high, &r), dtypes[to], "empty");
            operands_free(f->g);
        }
}

static void special_numbers(struct fixture *f)
{
    static const double numbers[] = {NAN,  INFINITY, -INFINITY, 0,     -0.9,  -1.1,  255.9, 256,
                                     1e10, -1e10,    1e30,      -1e30, 1e-40, 0.999, -7.5,  2147483646};
    enum { N = sizeof numbers / sizeof *numbers };
    for (int from = 0; from < FLOATS; from++)
        for (int to = 2; to < DTYPES; to++)
            if (!is_missing(f, dtypes[from], dtypes[to]))
                check(operand_of(f->g, dtypes[from], SHAPE_OF(N), numbers), dtypes[to], "special numbers");
    operands_free(f->g);
}

static void wrong_arguments(struct fixture *f)
{
    gradc_tensor *x = gradc_new(f->g, GRADC_F32, 1, (const int64_t[]){3});
    assert_null(gradc_cast(NULL, GRADC_F32));
    assert_refused(f->g, gradc_cast(x, 77), GRADC_E_DTYPE, "cast");
    assert_refused(f->g, gradc_cast(x, -1), GRADC_E_DTYPE, "cast");
    assert_int_equal(gradc_requires_grad(x, 1), GRADC_OK);
    assert_int_equal(gradc_wants_grad(gradc_cast(x, GRADC_F64)), 1);
    assert_int_equal(gradc_wants_grad(gradc_cast(x, GRADC_F16)), 1);
    assert_int_equal(gradc_wants_grad(gradc_cast(x, GRADC_I32)), 0);
    gradc_release(x);
}

static gradc_tensor *long_one(gradc_context *g, struct random *r)
{
    return gradc_cast(operand(g, GRADC_F32, PLAIN, SHAPE_OF(70001), -300, 300, r), GRADC_U8);
}

static void devices_agree(struct fixture *f)
{
    assert_agrees(f, long_one, 0);
}

int main(void)
{
    static const struct test tests[] = {{"values", values},
                                        {"special numbers", special_numbers},
                                        {"wrong arguments", wrong_arguments},
                                        {"devices agree", devices_agree}};
    return RUN_SUITE("cast", tests);
}
