/* cross_entropy.c - the mean negative log likelihood and its gradient against loops; labels out of range. */
#include <math.h>

#include "../support/values.h"

/* The loss; dx becomes (softmax(x) - onehot) / rows. */
static double want_loss(const struct values *x, const struct values *labels, double *dx)
{
    int64_t rows = x->shape[0], classes = x->shape[1];
    double loss = 0;
    for (int64_t i = 0; i < rows; i++) {
        const double *row = x->at + i * classes;
        double most = row[0], sum = 0;
        for (int64_t k = 1; k < classes; k++)
            most = fmax(most, row[k]);
        for (int64_t k = 0; k < classes; k++)
            sum += exp(row[k] - most);
        int64_t label = (int64_t)labels->at[i];
        loss += most + log(sum) - row[label];
        for (int64_t k = 0; k < classes; k++)
            dx[i * classes + k] = (exp(row[k] - most) / sum - (k == label)) / (double)rows;
    }
    return loss / (double)rows;
}

static void check(gradc_tensor *x, gradc_tensor *labels, double tolerance, const char *what)
{
    gradc_tensor *dx;
    struct values a = values_read(x), b = values_read(labels);
    struct values want = values_new(a.dtype, 0, NULL), gradient = values_new(a.dtype, 2, a.shape);
    want.at[0] = want_loss(&a, &b, gradient.at);
    gradc_tensor *z = gradc_cross_entropy(x, labels);
    assert_values(z, &want, tolerance, what);
    assert_int_equal(gradc_gradients(z, NULL, 1, &x, &dx), GRADC_OK);
    assert_values(dx, &gradient, tolerance, what);
    values_free(&a);
    values_free(&b);
    values_free(&want);
    values_free(&gradient);
}

static void values(struct fixture *f)
{
    static const int64_t sizes[][2] = {{4, 3}, {1, 1}, {7, 10}, {64, 10}, {65, 103}, {3, 2049}};
    struct random r = {test_seed()};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int i = 0; i < 4; i++) {
            const int64_t *n = sizes[s], classes = n[1];
            gradc_dtype dtype = i & 1 ? test_widest(f->g) : GRADC_F32;
            gradc_tensor *x = operand(f->g, dtype, (enum form)i, SHAPE_OF(n[0], classes), -5, 5, &r);
            gradc_tensor *labels = operand(f->g, i & 2 ? GRADC_I32 : GRADC_I64, (enum form)((i + 2) % FORMS),
                                           SHAPE_OF(n[0]), 0, (double)classes, &r);
            gradc_tensor *leaf = gradc_to(x, f->g);
            gradc_requires_grad(leaf, 1);
            check(i < 2 ? leaf : gradc_mul_scalar(leaf, 1), labels, loose(dtype), form_names[i]);
            assert_true(fabs(gradc_item(gradc_sub(gradc_cross_entropy(x, labels),
                                                  gradc_cross_entropy(leaf, labels)))) < 1e-5);
            gradc_release(leaf);
            operands_free(f->g);
        }
}

/* Logits far apart neither overflow nor lose the loss; a NaN shows. */
static void large_logits(struct fixture *f)
{
    static const double numbers[] = {1e4, 0, -1e4, -1e4, 1e4, 0}, zeros[] = {0, 0},
                        nans[] = {NAN, 0, 0, 0, 1, 2};
    gradc_tensor *labels = operand_of(f->g, GRADC_I32, SHAPE_OF(2), zeros);
    double loss = gradc_item(gradc_cross_entropy(operand_of(f->g, GRADC_F32, SHAPE_OF(2, 3), numbers), labels));
    assert_true(fabs(loss - 1e4) < 1e-2);
    assert_true(
        isnan(gradc_item(gradc_cross_entropy(operand_of(f->g, GRADC_F32, SHAPE_OF(2, 3), nans), labels))));
    operands_free(f->g);
}

/* GRADC_E_ARG at the read, and updates recorded behind it do nothing. */
static void labels_out_of_range(struct fixture *f)
{
    static const int64_t bad[] = {3, -1, -100, INT64_C(1) << 40};
    gradc_tensor *x = gradc_param(f->g, GRADC_ZEROS, 2, (const int64_t[]){2, 3});
    for (int i = 0; i < 4; i++) {
        gradc_tensor *labels = tensor_i64(f->g, SHAPE_OF(2), (const int64_t[]){1, bad[i]});
        gradc_tensor *loss = gradc_cross_entropy(x, labels);
        gradc_assign(x, gradc_add_scalar(x, 1));
        float value;
        gradc_status status = gradc_read(loss, &value, sizeof value);
        assert_int_equal(status ? status : gradc_sync(f->g), GRADC_E_ARG);
        assert_refused(f->g, NULL, GRADC_E_ARG, "cross_entropy");
        gradc_release(labels);
        gradc_tape_clear(f->g);
        assert_f32(x, 6, (const float[6]){0});
    }
    gradc_release(x);
}

static void wrong_arguments(struct fixture *f)
{
    gradc_context *g = f->g;
    struct random r = {test_seed()};
    gradc_tensor *x = operand(g, GRADC_F32, PLAIN, SHAPE_OF(2, 3), 0, 1, &r);
    gradc_tensor *labels = operand(g, GRADC_I64, PLAIN, SHAPE_OF(2), 0, 3, &r);
    gradc_tensor *other = operand(g, GRADC_I64, PLAIN, SHAPE_OF(2, 1), 0, 3, &r);
    gradc_tensor *bytes = operand(g, GRADC_U8, PLAIN, SHAPE_OF(2), 0, 3, &r);
    assert_null(gradc_cross_entropy(x, NULL));
    assert_null(gradc_cross_entropy(NULL, labels));
    assert_works(g);
    assert_refused(g, gradc_cross_entropy(labels, labels), GRADC_E_DTYPE, "cross_entropy");
    assert_refused(g, gradc_cross_entropy(x, bytes), GRADC_E_DTYPE, "cross_entropy");
    assert_refused(g, gradc_cross_entropy(x, other), GRADC_E_SHAPE, "cross_entropy");
    assert_refused(g, gradc_cross_entropy(gradc_flatten(x, 0, -1), labels), GRADC_E_SHAPE, "cross_entropy");
    assert_refused(g, gradc_cross_entropy(gradc_transpose(x, 0, 1), labels), GRADC_E_SHAPE, "cross_entropy");
    operands_free(g);
}

static gradc_tensor *gradient(gradc_context *g, struct random *r)
{
    gradc_tensor *x = operand(g, GRADC_F32, PLAIN, SHAPE_OF(3001, 33), -3, 3, r), *dx;
    gradc_requires_grad(x, 1);
    gradc_tensor *loss = gradc_cross_entropy(x, operand(g, GRADC_I64, PLAIN, SHAPE_OF(3001), 0, 33, r));
    gradc_gradients(loss, NULL, 1, &x, &dx);
    return gradc_add(gradc_mul_scalar(dx, 3001), loss);
}

static void devices_agree(struct fixture *f)
{
    assert_agrees(f, gradient, 2e-5);
}

int main(void)
{
    static const struct test tests[] = {{"values", values},
                                        {"large logits", large_logits},
                                        {"labels out of range", labels_out_of_range},
                                        {"wrong arguments", wrong_arguments},
                                        {"devices agree", devices_agree}};
    return RUN_SUITE("cross_entropy", tests);
}
