/* flip.c - axes turned round, of every layout and dtype, against loops. */
#include "../support/values.h"

static void check(gradc_tensor *x, int naxes, const int *axes, const char *what)
{
    struct values a = values_read(x), want = values_new(a.dtype, a.ndim, a.shape);
    for (int64_t i = 0; i < want.n; i++) {
        int64_t index[GRADC_MAX_NDIM];
        values_index(&want, i, index);
        for (int k = 0; k < naxes; k++) {
            int axis = axes[k] < 0 ? axes[k] + a.ndim : axes[k];
            index[axis] = a.shape[axis] - 1 - index[axis];
        }
        want.at[i] = a.at[values_at(&a, index)];
    }
    assert_values(gradc_flip(x, naxes, axes), &want, 0, what);
    values_free(&a);
    values_free(&want);
}

static void values(struct fixture *f)
{
    const gradc_dtype dtypes[] = {GRADC_F32, GRADC_I32, test_widest(f->g), GRADC_BOOL, GRADC_I64, GRADC_U8};
    struct random r = {test_seed()};
    for (int d = 0; d < 6; d++)
        for (int form = 0; form < FORMS; form++)
            for (int mask = 0; mask < 16; mask++) {
                int axes[4], n = 0;
                for (int axis = 0; axis < 4; axis++)
                    if (mask & 1 << axis)
                        axes[n++] = axis - (mask % 3 ? 0 : 4);
                check(operand(f->g, dtypes[d], (enum form)form, SHAPE_OF(3, 2, 1, 5), 0, 9, &r), n, axes,
                      form_names[form]);
                operands_free(f->g);
            }
    check(operand(f->g, GRADC_F32, PLAIN, SHAPE_OF(0, 3), 0, 9, &r), 2, (const int[]){0, 1}, "nothing");
    check(operand(f->g, GRADC_F32, PLAIN, SHAPE_OF(-1), 0, 9, &r), 0, NULL, "a scalar");
    check(operand(f->g, GRADC_F32, PERMUTED, SHAPE_OF(301, 303), 0, 1, &r), 2, (const int[]){0, 1}, "a long one");
    check(operand(f->g, GRADC_U8, PLAIN, SHAPE_OF(70001), 0, 99, &r), 1, (const int[]){0}, "a row");
    operands_free(f->g);
}

static void wrong_arguments(struct fixture *f)
{
    gradc_tensor *x = gradc_new(f->g, GRADC_F32, 2, (const int64_t[]){3, 4}),
                 *scalar = gradc_new(f->g, GRADC_F32, 0, NULL);
    assert_null(gradc_flip(NULL, 1, (const int[]){0}));
    assert_works(f->g);
    assert_refused(f->g, gradc_flip(x, 1, (const int[]){2}), GRADC_E_ARG, "flip");
    assert_refused(f->g, gradc_flip(x, 2, (const int[]){1, -1}), GRADC_E_ARG, "flip");
    assert_refused(f->g, gradc_flip(x, 9, (const int[]){0, 1, 0, 1, 0, 1, 0, 1, 0}), GRADC_E_ARG, "flip");
    assert_refused(f->g, gradc_flip(x, -1, NULL), GRADC_E_ARG, "flip");
    assert_refused(f->g, gradc_flip(x, 1, NULL), GRADC_E_ARG, "flip");
    assert_refused(f->g, gradc_flip(scalar, 1, (const int[]){0}), GRADC_E_SHAPE, "flip");
    gradc_release(x);
    gradc_release(scalar);
}

int main(void)
{
    static const struct test tests[] = {{"values", values}, {"wrong arguments", wrong_arguments}};
    return RUN_SUITE("flip", tests);
}
