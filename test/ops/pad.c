/* pad.c - x between elements of a value, or cut, in every layout and dtype, against loops. */
#include "../support/values.h"

static void check(gradc_tensor *x, int n, const int64_t *pads, double value, double rounded, const char *what)
{
    struct values a = values_read(x);
    int64_t shape[GRADC_MAX_NDIM], before[GRADC_MAX_NDIM] = {0};
    memcpy(shape, a.shape, sizeof shape);
    for (int i = 0; i < n; i += 2) {
        shape[a.ndim - 1 - i / 2] += pads[i] + pads[i + 1];
        before[a.ndim - 1 - i / 2] = pads[i];
    }
    struct values want = values_new(a.dtype, a.ndim, shape);
    for (int64_t i = 0; i < want.n; i++) {
        int64_t index[GRADC_MAX_NDIM];
        int inside = 1;
        values_index(&want, i, index);
        for (int k = 0; k < a.ndim; k++) {
            index[k] -= before[k];
            inside &= index[k] >= 0 && index[k] < a.shape[k];
        }
        want.at[i] = inside ? a.at[values_at(&a, index)] : rounded;
    }
    assert_values(gradc_pad(x, n, pads, value), &want, 0, what);
    values_free(&a);
    values_free(&want);
}

static void values(struct fixture *f)
{
    const gradc_dtype dtypes[] = {GRADC_F32, GRADC_I32, test_widest(f->g), GRADC_BOOL, GRADC_I64, GRADC_U8};
    static const double rounded[] = {-1.5, -2, -1.5, 0, -2, 0};
    struct random r = {test_seed()};
    for (int d = 0; d < 6; d++)
        for (int form = 0; form < FORMS; form++) {
            gradc_tensor *x = operand(f->g, dtypes[d], (enum form)form, SHAPE_OF(3, 1, 4, 5), 0, 9, &r);
            for (int n = 0; n <= 8; n += 2)
                for (int i = 0; i < 4; i++) {
                    int64_t pads[8];
                    for (int k = 0; k < n; k++)
                        pads[k] = k / 2 == 2 ? random_below(&r, 2) : random_below(&r, 4) - 1;
                    check(x, n, pads, -1.5, rounded[d], form_names[form]);
                }
            operands_free(f->g);
        }
}

/* Nothing left of x, nothing there of x, long rows. */
static void edges(struct fixture *f)
{
    struct random r = {test_seed()};
    check(operand(f->g, GRADC_F32, PLAIN, SHAPE_OF(2, 3), 0, 1, &r), 2, (const int64_t[]){-3, 0}, 1, 1,
          "cut to nothing");
    check(operand(f->g, GRADC_F32, PLAIN, SHAPE_OF(2, 3), 0, 1, &r), 2, (const int64_t[]){-5, 4}, 1, 1,
          "cut and more");
    for (int i = 0; i < 4; i++) {
        const int64_t by = (INT64_C(1) << (i < 2 ? 32 : 58)) * (i % 2 ? 1 : -1);
        check(operand(f->g, GRADC_F32, i < 2 ? PLAIN : PERMUTED, SHAPE_OF(2, 3), 0, 1, &r), 4,
              (const int64_t[]){by, -by, 1, 1}, 7, 7, "moved away, as far as can be");
    }
    check(operand(f->g, GRADC_F32, PLAIN, SHAPE_OF(0, 3), 0, 1, &r), 4, (const int64_t[]){0, 1, 2, 2}, 7, 7,
          "of nothing");
    check(operand(f->g, GRADC_F32, PLAIN, SHAPE_OF(-1), 0, 1, &r), 0, NULL, 1, 1, "a scalar");
    check(operand(f->g, GRADC_F32, PLAIN, SHAPE_OF(100003), 0, 1, &r), 2, (const int64_t[]){40001, 3}, 7, 7,
          "one row");
    check(operand(f->g, GRADC_F32, PERMUTED, SHAPE_OF(301, 303), 0, 1, &r), 4,
          (const int64_t[]){1, -2, -3, 4}, 7, 7, "rows");
    check(operand(f->g, GRADC_F32, SLICED, SHAPE_OF(2, 1, 2, 1, 2, 1, 2, 2), 0, 1, &r), 16,
          (const int64_t[]){1, 0, 0, 1, 1, 1, 0, 1, 1, 0, 0, 1, 1, 1, 2, 0}, 7, 7, "all axes");
    operands_free(f->g);
}

static void wrong_arguments(struct fixture *f)
{
    gradc_tensor *x = gradc_new(f->g, GRADC_F32, 2, (const int64_t[]){3, 4});
    static const int64_t far[] = {INT64_MAX, INT64_MAX, INT64_MIN, 0}, cut[] = {-3, -2},
                         one[] = {1, 1, 1, 1, 1, 1};
    assert_null(gradc_pad(NULL, 2, one, 0));
    assert_works(f->g);
    assert_refused(f->g, gradc_pad(x, 1, one, 0), GRADC_E_ARG, "pad");
    assert_refused(f->g, gradc_pad(x, -2, one, 0), GRADC_E_ARG, "pad");
    assert_refused(f->g, gradc_pad(x, 6, one, 0), GRADC_E_ARG, "pad");
    assert_refused(f->g, gradc_pad(x, 2, NULL, 0), GRADC_E_ARG, "pad");
    assert_refused(f->g, gradc_pad(x, 2, cut, 0), GRADC_E_SHAPE, "pad");
    assert_refused(f->g, gradc_pad(x, 2, far, 0), GRADC_E_SHAPE, "pad");
    assert_refused(f->g, gradc_pad(x, 2, far + 2, 0), GRADC_E_SHAPE, "pad");
    gradc_release(x);
}

int main(void)
{
    static const struct test tests[] = {
        {"values", values}, {"edges", edges}, {"wrong arguments", wrong_arguments}};
    return RUN_SUITE("pad", tests);
}
