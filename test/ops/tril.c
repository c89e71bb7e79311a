/* tril.c - both triangles of matrices, of every layout, dtype and diagonal, against loops. */
#include "../support/values.h"

static void check(gradc_tensor *x, int diagonal, int upper, const char *what)
{
    struct values a = values_read(x);
    int64_t cols = a.shape[a.ndim - 1], rows = a.shape[a.ndim - 2];
    for (int64_t i = 0; i < a.n; i++) {
        int64_t off = i % cols - i / cols % rows;
        if (upper ? off < diagonal : off > diagonal)
            a.at[i] = 0;
    }
    assert_values(upper ? gradc_triu(x, diagonal) : gradc_tril(x, diagonal), &a, 0, what);
    values_free(&a);
}

static void values(struct fixture *f)
{
    const gradc_dtype dtypes[] = {GRADC_F32, GRADC_I32, test_widest(f->g), GRADC_BOOL, GRADC_I64, GRADC_U8};
    static const int64_t shapes[][5] = {{4, 4, -1}, {2, 5, 3, -1}, {2, 2, 1, 7, -1}, {3, 0, -1}, {0, 3, 2, -1}};
    static const int far[] = {INT32_MAX, INT32_MIN};
    struct random r = {test_seed()};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (int form = 0; form < FORMS; form++) {
            gradc_dtype dtype = dtypes[(s + (size_t)form) % 6];
            gradc_tensor *x = operand(f->g, dtype, (enum form)form, shapes[s], 1, 9, &r);
            for (int i = -10; i < 10; i++)
                check(x, i == 6 || i == 7 ? far[i - 6] : i / 2, i & 1, form_names[form]);
            operands_free(f->g);
        }
    check(operand(f->g, GRADC_F32, PERMUTED, SHAPE_OF(301, 303), 1, 2, &r), -3, 0, "a long one");
    check(operand(f->g, GRADC_F32, PLAIN, SHAPE_OF(3, 2, 70001), 1, 2, &r), 35000, 1, "long rows");
    operands_free(f->g);
}

static void wrong_arguments(struct fixture *f)
{
    gradc_tensor *x = gradc_new(f->g, GRADC_F32, 1, (const int64_t[]){3}),
                 *scalar = gradc_new(f->g, GRADC_F32, 0, NULL);
    assert_null(gradc_tril(NULL, 0));
    assert_null(gradc_triu(NULL, 0));
    assert_works(f->g);
    assert_refused(f->g, gradc_tril(x, 0), GRADC_E_SHAPE, "tril");
    assert_refused(f->g, gradc_triu(x, 0), GRADC_E_SHAPE, "triu");
    assert_refused(f->g, gradc_tril(scalar, 0), GRADC_E_SHAPE, "tril");
    gradc_release(x);
    gradc_release(scalar);
}

int main(void)
{
    static const struct test tests[] = {{"values", values}, {"wrong arguments", wrong_arguments}};
    return RUN_SUITE("tril", tests);
}
