/* half.c - f16 and bf16: every pattern cast, every elementwise op against the f32 op, rounded. */
#include <math.h>

#include "support/values.h"

static const gradc_dtype halves[] = {GRADC_F16, GRADC_BF16};

enum { PATTERNS = 65536 };

/* Released by operands_free. */
static gradc_tensor *patterns(gradc_context *g, gradc_dtype dtype)
{
    static uint16_t all[PATTERNS];
    struct random r = {1};
    gradc_tensor *t = operand(g, dtype, PLAIN, SHAPE_OF(PATTERNS), 0, 1, &r);
    for (int i = 0; i < PATTERNS; i++)
        all[i] = (uint16_t)i;
    assert_int_equal(gradc_write(t, all, sizeof all), GRADC_OK);
    return t;
}

/* ---- Casts ---- */

static void every_pattern_widens(struct fixture *f)
{
    for (int d = 0; d < 2; d++) {
        gradc_tensor *x = patterns(f->g, halves[d]), *wide = gradc_cast(x, GRADC_F32);
        struct values want = values_new(GRADC_F32, 1, SHAPE_OF(PATTERNS));
        for (unsigned i = 0; i < PATTERNS; i++)
            want.at[i] = half_number(halves[d], i);
        assert_values(wide, &want, 0, "widened");
        want.dtype = halves[d];
        assert_values(gradc_cast(wide, halves[d]), &want, 0, "there and back");
        want.dtype = halves[!d];
        for (unsigned i = 0; i < PATTERNS; i++)
            want.at[i] = value_rounded(halves[!d], want.at[i]);
        assert_values(gradc_cast(x, halves[!d]), &want, 0, "one 16-bit float to the other");
        values_free(&want);
        operands_free(f->g);
    }
}

/* Every number, what lies half way to the next one, and the f32 beside that. */
static void ties_go_to_even(struct fixture *f)
{
    enum { NUMBERS = 5 * PATTERNS };
    double *numbers = calloc(NUMBERS, sizeof *numbers);
    assert_non_null(numbers);
    for (int d = 0; d < 2; d++) {
        for (unsigned i = 0; i < PATTERNS; i++) {
            const double x = half_number(halves[d], i),
                         next = half_number(halves[d], i + 1 < PATTERNS ? i + 1 : i);
            const float middle =
                (float)(isinf(next) ? x + (x - half_number(halves[d], i - 1)) / 2 : (x + next) / 2);
            numbers[5 * i] = x;
            numbers[5 * i + 1] = (double)middle;
            numbers[5 * i + 2] = (double)nextafterf(middle, INFINITY);
            numbers[5 * i + 3] = (double)nextafterf(middle, -INFINITY);
            numbers[5 * i + 4] = (double)(float)(x * 1.37);
        }
        gradc_tensor *x = operand_of(f->g, GRADC_F32, SHAPE_OF(NUMBERS), numbers);
        struct values want = values_new(halves[d], 1, SHAPE_OF(NUMBERS));
        for (int i = 0; i < NUMBERS; i++)
            want.at[i] = value_rounded(halves[d], (double)(float)numbers[i]);
        assert_values(gradc_cast(x, halves[d]), &want, 0, "narrowed");
        values_free(&want);
        operands_free(f->g);
    }
    free(numbers);
}

static void other_dtypes(struct fixture *f)
{
    static const gradc_dtype others[] = {GRADC_F64, GRADC_I64, GRADC_I32, GRADC_U8, GRADC_BOOL};
    for (int d = 0; d < 2; d++)
        for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
            gradc_tensor *x = patterns(f->g, halves[d]);
            if (others[i] == GRADC_F64 && !test_has_f64(f->g))
                continue;
            gradc_tensor *want = gradc_cast(gradc_cast(x, GRADC_F32), others[i]), *z = gradc_cast(x, others[i]);
            struct values wanted = values_read(want);
            assert_values(z, &wanted, 0, gradc_dtype_name(others[i]));
            values_free(&wanted);
            operands_free(f->g);
        }
}

/* ---- Reading ---- */

static void numbers_are_read(struct fixture *f)
{
    static const double numbers[] = {1, 0.1, -2.5, 65504, 1e-7, 3};
    char text[256];
    gradc_tensor *x = operand_of(f->g, GRADC_F16, SHAPE_OF(6), numbers);
    for (int i = 0; i < 6; i++)
        assert_true(gradc_item(gradc_slice(x, 0, i, i + 1, 1)) == value_rounded(GRADC_F16, numbers[i]));
    assert_true(gradc_print(gradc_slice(x, 0, 0, 3, 1), text, sizeof text) > 0);
    assert_string_equal(text, "[ 1.   0.1 -2.5]");
    assert_true(gradc_print(gradc_cast(gradc_slice(x, 0, 0, 3, 1), GRADC_BF16), text, sizeof text) > 0);
    assert_string_equal(text, "[ 1.   0.1 -2.5]");
    operands_free(f->g);
}

static gradc_tensor *to_half(gradc_tensor *x, gradc_dtype dtype)
{
    return gradc_dtype_of(x) == GRADC_BOOL ? x : gradc_cast(x, dtype);
}

/* ---- Elementwise ---- */

static gradc_tensor *wide(gradc_tensor *x)
{
    return gradc_dtype_of(x) == GRADC_BOOL ? x : gradc_cast(x, GRADC_F32);
}

/* The f32 op of the same operands, rounded. */
static void check(gradc_tensor *z, gradc_tensor *f32, gradc_dtype dtype, const char *name)
{
    char text[64];
    snprintf(text, sizeof text, "%s of %s", name, gradc_dtype_name(dtype));
    gradc_tensor *want = to_half(f32, dtype);
    if (!z || !want)
        fail_msg("%s: %s", text, gradc_message(gradc_context_of(f32)));
    struct values wanted = values_read(want);
    assert_values(z, &wanted, 0, text);
    values_free(&wanted);
}

struct operands {
    gradc_tensor *c, *x, *y;
    gradc_dtype dtype;
};

static void check_rows(struct operands o, enum form form)
{
    gradc_tensor *x = wide(o.x), *y = wide(o.y);
    (void)form;
#define EW1(name, kind, f, keeps, dx, low, high) check(gradc_##name(o.x), gradc_##name(x), o.dtype, #name);
#define EW1A(name, kind, f, keeps, dx, low, high) \
    check(gradc_##name(o.x, 0.7), gradc_##name(x, 0.7), o.dtype, #name);
#define EW1B(name, kind, f, keeps, dx, low, high) \
    check(gradc_##name(o.x, -0.3, 1.7), gradc_##name(x, -0.3, 1.7), o.dtype, #name);
#define EW2(name, kind, f, keeps, dx, dy, low, high) \
    check(gradc_##name(o.x, o.y), gradc_##name(x, y), o.dtype, #name);
#define EWT(name, f) EW1(name, , , , , , )
#define EWC(name, f) EW2(name, , , , , , , )
#define EW3(name, f, keeps, dx, dy, low, high) \
    check(gradc_##name(o.c, o.x, o.y), gradc_##name(o.c, x, y), o.dtype, #name);
#include "ops/elementwise.def"
}

static void elementwise(struct fixture *f)
{
    struct random r = {test_seed()};
    for (int d = 0; d < 2; d++)
        for (int form = 0; form < FORMS; form++) {
            check_rows(
                (struct operands){operand(f->g, GRADC_BOOL, PLAIN, SHAPE_OF(3, 1, 301), 0, 2, &r),
                                  operand(f->g, halves[d], (enum form)form, SHAPE_OF(3, 5, 301), -2, 2, &r),
                                  operand(f->g, halves[d], (enum form)form, SHAPE_OF(5, 301), -2, 2, &r),
                                  halves[d]},
                (enum form)form);
            operands_free(f->g);
            if (!test_long() && strcmp(f->device, "cpu") != 0)
                break;
        }
}

static void refused(struct fixture *f)
{
    struct random r = {test_seed()};
    gradc_tensor *x = operand(f->g, GRADC_F16, PLAIN, SHAPE_OF(3, 5), 0, 1, &r);
    assert_refused(f->g, gradc_add(x, gradc_cast(x, GRADC_BF16)), GRADC_E_DTYPE, "add");
    assert_refused(f->g, gradc_add(x, gradc_cast(x, GRADC_F32)), GRADC_E_DTYPE, "add");
    operands_free(f->g);
}

/* ---- Chains ---- */

/* A program of a few steps, from f32 and back, with a row that repeats and a mask. */
static gradc_tensor *several(gradc_context *g, gradc_dtype dtype, struct random *r)
{
    gradc_tensor *x = operand(g, dtype, SLICED, SHAPE_OF(7, 803), -2, 2, r);
    gradc_tensor *row = operand(g, dtype, PLAIN, SHAPE_OF(803), -2, 2, r);
    gradc_tensor *single = operand(g, GRADC_F32, PLAIN, SHAPE_OF(7, 803), -2, 2, r);
    gradc_tensor *y = gradc_mul(gradc_add(x, row), gradc_cast(single, dtype));
    y = gradc_where(gradc_gt(y, row), gradc_exp(y), gradc_mul_scalar(y, 0.3));
    return gradc_dropout(gradc_sub(y, gradc_relu(x)), 0.4);
}

static gradc_tensor *several_f16(gradc_context *g, struct random *r)
{
    return gradc_cast(several(g, GRADC_F16, r), GRADC_F32);
}

static gradc_tensor *several_bf16(gradc_context *g, struct random *r)
{
    return gradc_cast(several(g, GRADC_BF16, r), GRADC_F32);
}

static void devices_agree(struct fixture *f)
{
    assert_int_equal(gradc_seed(f->g, 1), GRADC_OK);
    for (int fuse = 0; fuse < 2; fuse++) {
        assert_int_equal(gradc_set(f->g, "plan.fuse", fuse ? "1" : "0"), GRADC_OK);
        assert_int_equal(gradc_seed(f->g, 0), GRADC_OK);
        assert_agrees(f, several_f16, 0);
        assert_int_equal(gradc_seed(f->g, 0), GRADC_OK);
        assert_agrees(f, several_bf16, 0);
    }
}

/* ---- Data movement ---- */

static gradc_tensor *moved(gradc_tensor *x, gradc_tensor *index, int which)
{
    switch (which) {
    case 0: return gradc_contiguous(gradc_transpose(x, 0, 1));
    case 1: return gradc_pad(x, 4, (const int64_t[]){1, 2, 0, 3}, 0.3);
    case 2: return gradc_flip(x, 2, (const int[]){0, 1});
    case 3: return gradc_concat((gradc_tensor *[]){x, gradc_flip(x, 1, (const int[]){1})}, 2, 1);
    case 4: return gradc_stack((gradc_tensor *[]){x, x}, 2, 0);
    case 5: return gradc_tril(x, 1);
    case 6: return gradc_index_select(x, 1, index);
    case 7:
        return gradc_gather(x, 1,
                            gradc_expand(index, 2, (const int64_t[]){gradc_size(x, 0), gradc_size(index, 0)}));
    case 8: return gradc_embedding(index, gradc_transpose(x, 0, 1));
    default: return NULL;
    }
}

static void data_moves(struct fixture *f)
{
    struct random r = {test_seed()};
    for (int d = 0; d < 2; d++)
        for (int which = 0; which < 9; which++) {
            gradc_tensor *x = operand(f->g, halves[d], (enum form)(which % FORMS), SHAPE_OF(37, 41), -2, 2, &r);
            gradc_tensor *index = operand(f->g, GRADC_I64, PLAIN, SHAPE_OF(17), 0, 41, &r);
            check(moved(x, index, which), moved(wide(x), index, which), halves[d], "a movement");
            operands_free(f->g);
        }
}

static void assigned(struct fixture *f)
{
    struct random r = {test_seed()};
    for (int d = 0; d < 2; d++) {
        gradc_tensor *to = operand(f->g, halves[d], PLAIN, SHAPE_OF(5, 7), 0, 1, &r);
        gradc_tensor *x = operand(f->g, halves[d], PLAIN, SHAPE_OF(7, 5), 0, 1, &r);
        assert_int_equal(gradc_assign(gradc_transpose(to, 0, 1), x), GRADC_OK);
        assert_same(gradc_contiguous(gradc_transpose(to, 0, 1)), x, "assigned");
        operands_free(f->g);
    }
}

int main(void)
{
    static const struct test tests[] = {
        {"every pattern widens", every_pattern_widens},
        {"ties go to even", ties_go_to_even},
        {"other dtypes", other_dtypes},
        {"numbers are read", numbers_are_read},
        {"elementwise", elementwise},
        {"refused", refused},
        {"devices agree", devices_agree},
        {"data moves", data_moves},
        {"assigned", assigned},
    };
    return RUN_SUITE("half", tests);
}
