/* one_hot.c - a one for each index, against loops; indices out of range. */
#include "../support/values.h"

static void values(struct fixture *f)
{
    static const int64_t shapes[][4] = {{4, -1}, {2, 3, -1}, {-1}, {3001, -1}, {3, 0, -1}};
    struct random r = {test_seed()};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (int form = 0; form < FORMS; form++) {
            int64_t shape[5], classes = form == 3 ? 1 : 11;
            gradc_tensor *index = operand(f->g, form & 2 ? GRADC_I32 : GRADC_I64, (enum form)form, shapes[s],
                                          0, (double)classes, &r);
            struct values k = values_read(index);
            memcpy(shape, k.shape, sizeof shape);
            shape[k.ndim] = classes;
            struct values want = values_new(GRADC_I64, k.ndim + 1, shape);
            for (int64_t i = 0; i < k.n; i++)
                want.at[i * classes + (int64_t)k.at[i]] = 1;
            assert_values(gradc_one_hot(index, classes), &want, 0, form_names[form]);
            values_free(&k);
            values_free(&want);
            operands_free(f->g);
        }
}

static void indices_out_of_range(struct fixture *f)
{
    static const int64_t bad[] = {4, -1, INT64_C(1) << 33};
    for (int i = 0; i < 3; i++) {
        gradc_tensor *index = tensor_i64(f->g, SHAPE_OF(3), (const int64_t[]){0, bad[i], 1});
        int64_t got[12];
        gradc_status status = gradc_read(gradc_one_hot(index, 4), got, sizeof got);
        assert_int_equal(status ? status : gradc_sync(f->g), GRADC_E_ARG);
        assert_non_null(strstr(gradc_message(f->g), "at position 1 is out of range"));
        assert_refused(f->g, NULL, GRADC_E_ARG, "one_hot");
        gradc_release(index);
        gradc_tape_clear(f->g);
    }
}

static void wrong_arguments(struct fixture *f)
{
    struct random r = {test_seed()};
    gradc_tensor *index = operand(f->g, GRADC_I32, PLAIN, SHAPE_OF(2), 0, 3, &r);
    gradc_tensor *deep = operand(f->g, GRADC_I32, PLAIN, SHAPE_OF(1, 1, 1, 1, 1, 1, 1, 1), 0, 3, &r);
    assert_null(gradc_one_hot(NULL, 3));
    assert_works(f->g);
    assert_refused(f->g, gradc_one_hot(index, 0), GRADC_E_ARG, "one_hot");
    assert_refused(f->g, gradc_one_hot(index, INT64_MAX), GRADC_E_SHAPE, "one_hot");
    assert_refused(f->g, gradc_one_hot(deep, 3), GRADC_E_SHAPE, "one_hot");
    assert_refused(f->g, gradc_one_hot(gradc_cast(index, GRADC_F32), 3), GRADC_E_DTYPE, "one_hot");
    operands_free(f->g);
}

int main(void)
{
    static const struct test tests[] = {{"values", values},
                                        {"indices out of range", indices_out_of_range},
                                        {"wrong arguments", wrong_arguments}};
    return RUN_SUITE("one_hot", tests);
}
