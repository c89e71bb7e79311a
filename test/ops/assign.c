/* assign.c - dst = src: into tensors and views of them, broadcast, overlapping, in the order of recording. */
#include "../support/values.h"

static void into_every_layout(struct fixture *f)
{
    static const int64_t sources[][4] = {{4, 3, -1}, {3, -1}, {4, 1, -1}, {-1}, {1, 1, -1}};
    struct random r = {test_seed()};
    for (gradc_dtype dtype = GRADC_F32; dtype <= GRADC_BOOL; dtype++)
        for (size_t s = 0; s < 5; s++)
            for (enum form form = PLAIN; form < EXPANDED; form++) {
                if (dtype == GRADC_F64 && !test_has_f64(f->g))
                    continue;
                gradc_tensor *x = operand(f->g, dtype, form, SHAPE_OF(4, 3), 0, 2, &r);
                gradc_tensor *y = operand(f->g, dtype, (enum form)random_below(&r, FORMS), sources[s], 0, 2, &r);
                struct values a = values_read(y), want = values_read(x);
                for (int64_t i = 0; i < want.n; i++)
                    want.at[i] = a.at[values_broadcast(&want, i, &a)];
                assert_int_equal(gradc_assign(x, y), GRADC_OK);
                assert_values(x, &want, 0, form_names[form]);
                values_free(&a);
                values_free(&want);
                operands_free(f->g);
            }
}

static const float counted[] = {1, 2, 3, 4, 5, 6};

/* What was recorded before reads the old value; what comes later the new one. */
static void in_the_order_of_recording(struct fixture *f)
{
    gradc_tensor *x = tensor_f32(f->g, SHAPE_OF(6), counted);
    gradc_tensor *before = gradc_mul_scalar(x, 10);
    assert_int_equal(gradc_assign(x, gradc_neg(x)), GRADC_OK);
    gradc_tensor *after = gradc_mul_scalar(x, 10);
    assert_int_equal(gradc_assign(gradc_slice(x, 0, 0, 2, 1), gradc_slice(x, 0, 4, 6, 1)), GRADC_OK);
    assert_f32(before, 6, (const float[]){10, 20, 30, 40, 50, 60});
    assert_f32(after, 6, (const float[]){-10, -20, -30, -40, -50, -60});
    assert_f32(x, 6, (const float[]){-5, -6, -3, -4, -5, -6});
    gradc_release(x);
}

/* From itself, shifted and turned: as if src had been read first. */
static void overlapping(struct fixture *f)
{
    gradc_tensor *x = tensor_f32(f->g, SHAPE_OF(6), counted);
    gradc_tensor *square = tensor_f32(f->g, SHAPE_OF(2, 2), counted);
    assert_int_equal(gradc_assign(gradc_slice(x, 0, 1, 6, 1), gradc_slice(x, 0, 0, 5, 1)), GRADC_OK);
    assert_f32(x, 6, (const float[]){1, 1, 2, 3, 4, 5});
    assert_int_equal(gradc_assign(square, gradc_transpose(square, 0, 1)), GRADC_OK);
    assert_f32(square, 4, (const float[]){1, 3, 2, 4});
    gradc_release(x);
    gradc_release(square);
}

static void refused(gradc_context *g, gradc_tensor *x, gradc_tensor *y, gradc_status status)
{
    assert_int_equal(gradc_assign(x, y), status);
    assert_refused(g, NULL, status, "assign");
}

static void wrong_arguments(struct fixture *f)
{
    struct random r = {test_seed()};
    gradc_context *g = f->g;
    gradc_tensor *x = operand(g, GRADC_F32, PLAIN, SHAPE_OF(3, 4), 0, 1, &r);
    refused(g, x, operand(g, GRADC_F16, PLAIN, SHAPE_OF(3, 4), 0, 1, &r), GRADC_E_DTYPE);
    refused(g, x, operand(g, GRADC_F32, PLAIN, SHAPE_OF(3, 5), 0, 1, &r), GRADC_E_SHAPE);
    refused(g, x, operand(g, GRADC_F32, PLAIN, SHAPE_OF(1, 3, 4), 0, 1, &r), GRADC_E_SHAPE);
    refused(g, gradc_neg(x), x, GRADC_E_ARG);
    refused(g, operand(g, GRADC_F32, EXPANDED, SHAPE_OF(3, 4), 0, 1, &r), x, GRADC_E_ARG);
    assert_int_not_equal(gradc_assign(x, NULL), GRADC_OK);
    assert_works(g);
    operands_free(g);
}

int main(void)
{
    static const struct test tests[] = {
        {"into every layout", into_every_layout},
        {"in the order of recording", in_the_order_of_recording},
        {"overlapping", overlapping},
        {"wrong arguments", wrong_arguments},
    };
    return RUN_SUITE("assign", tests);
}
