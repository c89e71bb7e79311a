/* scatter_add.c - additions by index against loops, in the order of the index; indices out of range. */
#include "../support/values.h"

static void check(gradc_tensor *x, int axis, gradc_tensor *index, gradc_tensor *src, const char *what)
{
    struct values want = values_read(x), k = values_read(index), s = values_read(src);
    int at = axis < 0 ? axis + want.ndim : axis;
    for (int64_t i = 0; i < k.n; i++) {
        int64_t place[GRADC_MAX_NDIM];
        values_index(&k, i, place);
        double more = s.at[values_at(&s, place)];
        place[at] = (int64_t)k.at[i];
        double *to = &want.at[values_at(&want, place)];
        *to = want.dtype == GRADC_F32 ? (double)((float)*to + (float)more) : *to + more;
        *to = want.dtype == GRADC_U8 ? (double)((int64_t)*to % 256) : *to;
    }
    assert_values(gradc_scatter_add(x, axis, index, src), &want, 0, what);
    values_free(&want);
    values_free(&k);
    values_free(&s);
}

/* The index: as long as a few, or long enough to be sorted; shorter than x and src along other axes. */
static void values(struct fixture *f)
{
    static const int64_t shapes[][4] = {{5, 4, 3, -1}, {5, 61, 3, -1}, {2, 40, 3, -1},
                                        {4, 7, 1, -1}, {5, 0, 3, -1},  {1, 1, 1, -1}};
    const gradc_dtype dtypes[] = {GRADC_F32, GRADC_I32, test_widest(f->g), GRADC_U8, GRADC_I64};
    struct random r = {test_seed()};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (int form = 0; form < FORMS; form++)
            for (int d = 0; d < 5; d++) {
                gradc_dtype kind = (form + d) & 1 ? GRADC_I32 : GRADC_I64;
                gradc_tensor *x = operand(f->g, dtypes[d], (enum form)form, SHAPE_OF(5, 7, 3), 0, 9, &r);
                gradc_tensor *index = operand(f->g, kind, (enum form)form, shapes[s], 0, 7, &r);
                gradc_tensor *src = operand(f->g, dtypes[d], (enum form)form, SHAPE_OF(5, 70, 3), 0, 9, &r);
                check(x, s % 2 ? 1 : -2, index, src, form_names[form]);
                operands_free(f->g);
            }
}

static void one_axis(struct fixture *f)
{
    struct random r = {test_seed()};
    for (int64_t rows = 1; rows <= 70000; rows = rows * 40 + 1) {
        gradc_tensor *x = operand(f->g, GRADC_F32, PLAIN, SHAPE_OF(rows), -1, 1, &r);
        check(x, 0, operand(f->g, GRADC_I64, PLAIN, SHAPE_OF(30001), 0, (double)rows, &r),
              operand(f->g, GRADC_F32, PLAIN, SHAPE_OF(30001), -1, 1, &r), "one axis");
        operands_free(f->g);
    }
}

static void indices_out_of_range(struct fixture *f)
{
    static const int64_t bad[] = {4, -1, INT64_C(1) << 33};
    gradc_tensor *x = gradc_param(f->g, GRADC_ONES, 1, (const int64_t[]){4});
    for (int i = 0; i < 6; i++) {
        int64_t n = i % 2 ? 3 : 99, numbers[99] = {0};
        numbers[2] = bad[i / 2];
        gradc_tensor *index = tensor_i64(f->g, (const int64_t[]){n, -1}, numbers);
        gradc_tensor *z = gradc_scatter_add(x, 0, index, gradc_expand(gradc_slice(x, 0, 0, 1, 1), 1, &n));
        gradc_assign(x, gradc_neg(x));
        float got[4];
        gradc_status status = gradc_read(z, got, sizeof got);
        assert_int_equal(status ? status : gradc_sync(f->g), GRADC_E_ARG);
        assert_non_null(strstr(gradc_message(f->g), "at position 2 is out of range"));
        assert_refused(f->g, NULL, GRADC_E_ARG, "scatter_add");
        gradc_release(index);
        gradc_tape_clear(f->g);
        assert_f32(x, 4, (const float[]){1, 1, 1, 1});
    }
    gradc_release(x);
}

static void wrong_arguments(struct fixture *f)
{
    gradc_context *g = f->g;
    struct random r = {test_seed()};
    gradc_tensor *x = operand(g, GRADC_F32, PLAIN, SHAPE_OF(3, 4), 0, 1, &r);
    gradc_tensor *none = operand(g, GRADC_F32, PLAIN, SHAPE_OF(0, 4), 0, 1, &r);
    gradc_tensor *index = operand(g, GRADC_I32, PLAIN, SHAPE_OF(3, 2), 0, 3, &r);
    gradc_tensor *wide = operand(g, GRADC_I64, PLAIN, SHAPE_OF(3, 5), 0, 3, &r);
    gradc_tensor *ints = operand(g, GRADC_I64, PLAIN, SHAPE_OF(3, 4), 0, 3, &r);
    gradc_tensor *bools = operand(g, GRADC_BOOL, PLAIN, SHAPE_OF(3, 4), 0, 2, &r);
    assert_null(gradc_scatter_add(NULL, 0, index, x));
    assert_null(gradc_scatter_add(x, 0, NULL, x));
    assert_null(gradc_scatter_add(x, 0, index, NULL));
    assert_works(g);
    assert_refused(g, gradc_scatter_add(x, 0, x, x), GRADC_E_DTYPE, "scatter_add");
    assert_refused(g, gradc_scatter_add(x, 0, index, ints), GRADC_E_DTYPE, "scatter_add");
    assert_refused(g, gradc_scatter_add(bools, 0, index, bools), GRADC_E_DTYPE, "scatter_add");
    assert_refused(g, gradc_scatter_add(x, 2, index, x), GRADC_E_ARG, "scatter_add");
    assert_refused(g, gradc_scatter_add(none, 0, index, x), GRADC_E_ARG, "scatter_add");
    assert_refused(g, gradc_scatter_add(x, 1, wide, x), GRADC_E_SHAPE, "scatter_add");
    assert_refused(g, gradc_scatter_add(x, 0, wide, wide), GRADC_E_SHAPE, "scatter_add");
    assert_refused(g, gradc_scatter_add(x, 0, gradc_flatten(index, 0, 1), x), GRADC_E_SHAPE, "scatter_add");
    operands_free(g);
}

/* Many additions into few elements, and the gradient: one order on every device, with any number of threads. */
static gradc_tensor *many(gradc_context *g, struct random *r)
{
    gradc_tensor *x = operand(g, GRADC_F32, PLAIN, SHAPE_OF(3, 200), -1, 1, r), *dsrc;
    gradc_tensor *src = operand(g, GRADC_F32, PLAIN, SHAPE_OF(5001, 200), -1, 1, r);
    gradc_requires_grad(src, 1);
    gradc_tensor *z = gradc_scatter_add(x, 0, operand(g, GRADC_I64, PLAIN, SHAPE_OF(5001, 200), 0, 3, r), src);
    gradc_gradients(z, z, 1, &src, &dsrc);
    return dsrc;
}

static void devices_agree(struct fixture *f)
{
    assert_agrees(f, many, 0);
}

int main(void)
{
    static const struct test tests[] = {{"values", values},
                                        {"one axis", one_axis},
                                        {"indices out of range", indices_out_of_range},
                                        {"wrong arguments", wrong_arguments},
                                        {"devices agree", devices_agree}};
    return RUN_SUITE("scatter_add", tests);
}
