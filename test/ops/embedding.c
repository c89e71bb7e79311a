/* embedding.c - rows by index and the sums that flow back, against loops; indices out of range. */
#include "../support/values.h"

static void check(gradc_tensor *indices, gradc_tensor *weight, struct random *r, const char *what)
{
    struct values a = values_read(indices), w = values_read(weight);
    int64_t shape[GRADC_MAX_NDIM + 1], width = w.shape[1];
    memcpy(shape, a.shape, sizeof a.shape);
    shape[a.ndim] = width;
    shape[a.ndim + 1] = -1;
    gradc_tensor *dz = operand(gradc_context_of(weight), w.dtype, PLAIN, shape, -1, 1, r), *dw;
    struct values want = values_new(w.dtype, a.ndim + 1, shape), flow = values_read(dz);
    struct values gradient = values_new(w.dtype, 2, w.shape);
    for (int64_t i = 0; i < want.n; i++) {
        int64_t at = (int64_t)a.at[i / width] * width + i % width;
        want.at[i] = w.at[at];
        gradient.at[at] += flow.at[i];
    }
    gradc_tensor *z = gradc_embedding(indices, weight);
    assert_values(z, &want, 0, what);
    assert_int_equal(gradc_gradients(z, dz, 1, &weight, &dw), GRADC_OK);
    assert_values(dw, &gradient, loose(w.dtype), what);
    values_free(&a);
    values_free(&w);
    values_free(&want);
    values_free(&flow);
    values_free(&gradient);
}

static void values(struct fixture *f)
{
    static const int64_t shapes[][4] = {{4, -1}, {2, 3, -1}, {-1}, {301, -1}, {3, 0, -1}};
    struct random r = {test_seed()};
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
        for (int form = 0; form < FORMS; form++) {
            gradc_dtype dtype = form & 1 ? test_widest(f->g) : GRADC_F32;
            gradc_tensor *indices =
                operand(f->g, form & 2 ? GRADC_I32 : GRADC_I64, (enum form)form, shapes[s], 0, 7, &r);
            gradc_tensor *weight = operand(f->g, dtype, PLAIN, SHAPE_OF(7, 5), -1, 1, &r);
            gradc_requires_grad(weight, 1);
            check(indices, weight, &r, form_names[form]);
            check(indices, gradc_transpose(gradc_transpose(weight, 0, 1), 0, 1), &r, "a view");
            operands_free(f->g);
        }
}

static void indices_out_of_range(struct fixture *f)
{
    static const int64_t bad[] = {4, -1, INT64_C(1) << 33};
    gradc_tensor *weight = gradc_param(f->g, GRADC_ONES, 2, (const int64_t[]){4, 2});
    for (int i = 0; i < 3; i++) {
        gradc_tensor *indices = tensor_i64(f->g, SHAPE_OF(3), (const int64_t[]){0, bad[i], 1});
        gradc_tensor *z = gradc_embedding(indices, weight);
        gradc_assign(weight, gradc_neg(weight));
        float got[6];
        gradc_status status = gradc_read(z, got, sizeof got);
        assert_int_equal(status ? status : gradc_sync(f->g), GRADC_E_ARG);
        assert_refused(f->g, NULL, GRADC_E_ARG, "embedding");
        gradc_release(indices);
        gradc_tape_clear(f->g);
        assert_f32(weight, 8, (const float[]){1, 1, 1, 1, 1, 1, 1, 1});
    }
    gradc_release(weight);
}

static void wrong_arguments(struct fixture *f)
{
    gradc_context *g = f->g;
    struct random r = {test_seed()};
    gradc_tensor *weight = operand(g, GRADC_F32, PLAIN, SHAPE_OF(3, 4), 0, 1, &r);
    gradc_tensor *indices = operand(g, GRADC_I32, PLAIN, SHAPE_OF(2), 0, 3, &r);
    gradc_tensor *deep = operand(g, GRADC_I32, PLAIN, SHAPE_OF(1, 1, 1, 1, 1, 1, 1, 1), 0, 3, &r);
    assert_null(gradc_embedding(NULL, weight));
    assert_null(gradc_embedding(indices, NULL));
    assert_works(g);
    assert_refused(g, gradc_embedding(weight, weight), GRADC_E_DTYPE, "embedding");
    assert_refused(g, gradc_embedding(indices, indices), GRADC_E_DTYPE, "embedding");
    assert_refused(g, gradc_embedding(indices, gradc_flatten(weight, 0, 1)), GRADC_E_SHAPE, "embedding");
    assert_refused(g, gradc_embedding(deep, weight), GRADC_E_SHAPE, "embedding");
    operands_free(g);
}

/* Many equal indices: their gradients are added in a fixed order. */
static gradc_tensor *gradient(gradc_context *g, struct random *r)
{
    gradc_tensor *weight = operand(g, GRADC_F32, PLAIN, SHAPE_OF(50, 37), -1, 1, r), *dw;
    gradc_requires_grad(weight, 1);
    gradc_tensor *z = gradc_embedding(operand(g, GRADC_I64, PLAIN, SHAPE_OF(4001), 0, 50, r), weight);
    gradc_gradients(z, operand(g, GRADC_F32, PLAIN, SHAPE_OF(4001, 37), 0, 1, r), 1, &weight, &dw);
    return dw;
}

static void devices_agree(struct fixture *f)
{
    assert_agrees(f, gradient, 2e-5);
}

int main(void)
{
    static const struct test tests[] = {{"values", values},
                                        {"indices out of range", indices_out_of_range},
                                        {"wrong arguments", wrong_arguments},
                                        {"devices agree", devices_agree}};
    return RUN_SUITE("embedding", tests);
}
