/* contiguous.c - copies of every layout and dtype; what has no gaps is given back as it is. */
#include "../support/values.h"

static void copies(struct fixture *f)
{
    const gradc_dtype dtypes[] = {GRADC_F32, test_widest(f->g), GRADC_I64, GRADC_I32, GRADC_U8, GRADC_BOOL};
    static const int64_t shapes[][8] = {{4, 3, 5, -1}, {-1},         {1031, -1},
                                        {0, 3, -1},    {33, 65, -1}, {2, 1, 3, 2, 1, 2, -1}};
    struct random r = {test_seed()};
    for (size_t d = 0; d < sizeof dtypes / sizeof *dtypes; d++)
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
            for (int form = 0; form < FORMS; form++) {
                gradc_tensor *x = operand(f->g, dtypes[d], (enum form)form, shapes[s], 0, 2, &r);
                gradc_tensor *z = gradc_contiguous(x);
                struct values want = values_read(x);
                assert_values(z, &want, 0, form_names[form]);
                assert_ptr_equal(gradc_contiguous(z), z);
                values_free(&want);
                operands_free(f->g);
            }
}

static void what_it_gives_back(struct fixture *f)
{
    struct random r = {test_seed()};
    gradc_tensor *x = operand(f->g, GRADC_F32, PLAIN, SHAPE_OF(4, 6), 0, 1, &r);
    assert_ptr_equal(gradc_contiguous(x), x);
    assert_ptr_not_equal(gradc_contiguous(gradc_transpose(x, 0, 1)), x);
    gradc_tensor *rows = gradc_slice(x, 0, 1, 3, 1);
    assert_ptr_equal(gradc_contiguous(rows), rows);
    assert_null(gradc_contiguous(NULL));
    operands_free(f->g);
}

static gradc_tensor *large(gradc_context *g, struct random *r)
{
    return gradc_contiguous(operand(g, GRADC_F32, PERMUTED, SHAPE_OF(7, 130, 97), -1, 1, r));
}

static void devices_agree(struct fixture *f)
{
    assert_agrees(f, large, 0);
}

int main(void)
{
    static const struct test tests[] = {
        {"copies", copies}, {"what it gives back", what_it_gives_back}, {"devices agree", devices_agree}};
    return RUN_SUITE("contiguous", tests);
}
