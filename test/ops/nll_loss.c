/* nll_loss.c - gradc_nll_loss and gradc_cross_entropy_full against loops: weights, ignored labels, smoothing,
 * probabilities, axes behind the classes; labels out of range. */
#include <math.h>

#include "../support/values.h"

enum { BATCH = 6, CLASSES = 5, INNER = 7, LABELS = BATCH * INNER, IGNORED = 2 };

struct case_of {
    const struct values *x, *target, *weight; /* x: log-probabilities; weight: NULL */
    int soft;
    int64_t ignore;
    double smoothing;
};

static double at(const struct values *v, int64_t label, int64_t c)
{
    return v->at[(label / INNER * CLASSES + c) * INNER + label % INNER];
}

static double weight_of(const struct case_of *k, int64_t c)
{
    return k->weight ? k->weight->at[c] : 1;
}

/* The loss of a label, and in *share what the mean counts of it. */
static double want_one(const struct case_of *k, int64_t label, double *share)
{
    double sum = 0;
    if (!k->soft && (int64_t)k->target->at[label] == k->ignore) {
        *share = 0;
        return 0;
    }
    *share = k->soft ? 1 : weight_of(k, (int64_t)k->target->at[label]);
    for (int64_t c = 0; c < CLASSES; c++) {
        double t = k->soft ? at(k->target, label, c) : (double)(c == (int64_t)k->target->at[label]);
        t = (1 - k->smoothing) * t + k->smoothing / CLASSES;
        sum -= weight_of(k, c) * t * at(k->x, label, c);
    }
    return sum;
}

static void check(gradc_tensor *z, const struct case_of *k, gradc_reduction reduction, const char *what)
{
    static const int64_t shape[] = {BATCH, INNER};
    struct values want = values_new(k->x->dtype, reduction == GRADC_REDUCE_NONE ? 2 : 0, shape);
    double sum = 0, shares = 0;
    for (int64_t i = 0; i < LABELS; i++) {
        double share, one = want_one(k, i, &share);
        if (reduction == GRADC_REDUCE_NONE)
            want.at[i] = one;
        sum += one;
        shares += share;
    }
    if (reduction != GRADC_REDUCE_NONE)
        want.at[0] = reduction == GRADC_REDUCE_MEAN ? sum / shares : sum;
    assert_values(z, &want, loose(k->x->dtype), what);
    values_free(&want);
}

/* Each reduction of one choice of operands; form: of all operands that have it. */
static void check_both(gradc_context *g, gradc_dtype dtype, gradc_dtype labels_dtype, enum form form,
                       int weighted, int soft)
{
    struct random r = {test_seed()};
    gradc_tensor *x = operand(g, dtype, form, SHAPE_OF(BATCH, CLASSES, INNER), -5, 5, &r);
    gradc_tensor *labels = operand(g, labels_dtype, form, SHAPE_OF(BATCH, INNER), 0, CLASSES, &r);
    gradc_tensor *weight = weighted ? operand(g, dtype, form, SHAPE_OF(CLASSES), 0.2, 2, &r) : NULL;
    gradc_tensor *shares = operand(g, dtype, form, SHAPE_OF(BATCH, CLASSES, INNER), 0, 1, &r);
    gradc_tensor *log = gradc_log_softmax(x, 1), *target = soft ? shares : labels;
    struct values x_values = values_read(log), target_values = values_read(target), weight_values;
    struct case_of k = {&x_values, &target_values, NULL, soft, soft ? -100 : IGNORED, 0};
    if (weighted) {
        weight_values = values_read(weight);
        k.weight = &weight_values;
    }
    for (gradc_reduction way = GRADC_REDUCE_MEAN; way <= GRADC_REDUCE_NONE; way++) {
        k.smoothing = 0;
        if (!soft)
            check(gradc_nll_loss(log, labels, weight, IGNORED, way), &k, way, form_names[form]);
        for (int i = 0; i < 3; i++) {
            k.smoothing = i * 0.5;
            check(gradc_cross_entropy_full(x, target, weight, k.ignore, k.smoothing, way), &k, way,
                  form_names[form]);
        }
    }
    values_free(&x_values);
    values_free(&target_values);
    if (weighted)
        values_free(&weight_values);
    operands_free(g);
}

static void values(struct fixture *f)
{
    for (int i = 0; i < FORMS; i++)
        for (int weighted = 0; weighted < 2; weighted++)
            for (int soft = 0; soft < 2; soft++)
                check_both(f->g, i & 1 ? test_widest(f->g) : GRADC_F32, i & 2 ? GRADC_I32 : GRADC_I64,
                           (enum form)i, weighted, soft);
}

/* Without extras it is the plain cross entropy. */
static void as_the_plain_one(struct fixture *f)
{
    struct random r = {test_seed()};
    gradc_tensor *x = operand(f->g, test_widest(f->g), PLAIN, SHAPE_OF(50, 11), -5, 5, &r);
    gradc_tensor *labels = operand(f->g, GRADC_I64, PLAIN, SHAPE_OF(50), 0, 11, &r);
    double plain = gradc_item(gradc_cross_entropy(x, labels));
    double full = gradc_item(gradc_cross_entropy_full(x, labels, NULL, -100, 0, GRADC_REDUCE_MEAN));
    assert_true(fabs(plain - full) < (test_has_f64(f->g) ? 1e-12 : 1e-5));
    operands_free(f->g);
}

static void nothing_counts(struct fixture *f)
{
    static const double ignored[] = {-100, -100};
    gradc_tensor *x = operand_of(f->g, GRADC_F32, SHAPE_OF(2, 1), ignored);
    gradc_tensor *labels = operand_of(f->g, GRADC_I64, SHAPE_OF(2), ignored);
    gradc_tensor *empty = operand_of(f->g, GRADC_F32, SHAPE_OF(0, 3), NULL);
    gradc_tensor *none = operand_of(f->g, GRADC_I64, SHAPE_OF(0), NULL);
    assert_true(isnan(gradc_item(gradc_nll_loss(x, labels, NULL, -100, GRADC_REDUCE_MEAN))));
    assert_true(gradc_item(gradc_nll_loss(x, labels, NULL, -100, GRADC_REDUCE_SUM)) == 0);
    assert_true(isnan(gradc_item(gradc_cross_entropy_full(empty, none, NULL, -100, 0.1, GRADC_REDUCE_MEAN))));
    assert_true(gradc_item(gradc_cross_entropy_full(empty, none, NULL, -100, 0.1, GRADC_REDUCE_SUM)) == 0);
    assert_int_equal(gradc_size(gradc_cross_entropy_full(empty, none, NULL, -100, 0, GRADC_REDUCE_NONE), 0), 0);
    operands_free(f->g);
}

/* GRADC_E_ARG at the read, and updates recorded behind it do nothing; ignored, any number is right. */
static void labels_out_of_range(struct fixture *f)
{
    static const int64_t bad[] = {3, -1, -100, INT64_C(1) << 40};
    gradc_tensor *x = gradc_param(f->g, GRADC_ZEROS, 2, (const int64_t[]){2, 3});
    for (int i = 0; i < 4; i++) {
        gradc_tensor *labels = tensor_i64(f->g, SHAPE_OF(2), (const int64_t[]){1, bad[i]});
        assert_true(gradc_item(gradc_nll_loss(x, labels, NULL, bad[i], GRADC_REDUCE_SUM)) == 0);
        gradc_tensor *loss = gradc_cross_entropy_full(x, labels, NULL, 77, 0.1, GRADC_REDUCE_SUM);
        gradc_assign(x, gradc_add_scalar(x, 1));
        float value;
        gradc_status status = gradc_read(loss, &value, sizeof value);
        assert_int_equal(status ? status : gradc_sync(f->g), GRADC_E_ARG);
        assert_refused(f->g, NULL, GRADC_E_ARG, "nll_loss");
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
    gradc_tensor *long_ones = operand(g, GRADC_I64, PLAIN, SHAPE_OF(2, 1), 0, 3, &r);
    gradc_tensor *weight = operand(g, GRADC_F32, PLAIN, SHAPE_OF(3), 0, 3, &r),
                 *few = gradc_slice(weight, 0, 0, 2, 1);
    assert_null(gradc_nll_loss(x, NULL, NULL, -100, GRADC_REDUCE_MEAN));
    assert_null(gradc_nll_loss(NULL, labels, NULL, -100, GRADC_REDUCE_MEAN));
    assert_null(gradc_cross_entropy_full(NULL, labels, NULL, -100, 0, GRADC_REDUCE_MEAN));
    assert_null(gradc_cross_entropy_full(x, NULL, NULL, -100, 0, GRADC_REDUCE_MEAN));
    assert_works(g);
    assert_refused(g, gradc_nll_loss(x, x, NULL, -100, 0), GRADC_E_DTYPE, "nll_loss");
    assert_refused(g, gradc_nll_loss(labels, labels, NULL, -100, 0), GRADC_E_DTYPE, "nll_loss");
    assert_refused(g, gradc_nll_loss(x, long_ones, NULL, -100, 0), GRADC_E_SHAPE, "nll_loss");
    assert_refused(g, gradc_nll_loss(x, labels, few, -100, 0), GRADC_E_SHAPE, "nll_loss");
    assert_refused(g, gradc_nll_loss(x, labels, labels, -100, 0), GRADC_E_DTYPE, "nll_loss");
    assert_refused(g, gradc_nll_loss(x, labels, NULL, -100, 3), GRADC_E_ARG, "nll_loss");
    assert_refused(g, gradc_cross_entropy_full(x, long_ones, NULL, -100, 0, 0), GRADC_E_SHAPE,
                   "cross_entropy_full");
    assert_refused(g, gradc_cross_entropy_full(x, weight, NULL, -100, 0, 0), GRADC_E_SHAPE, "cross_entropy_full");
    assert_refused(g, gradc_cross_entropy_full(x, labels, few, -100, 0, 0), GRADC_E_SHAPE, "cross_entropy_full");
    assert_refused(g, gradc_cross_entropy_full(x, x, NULL, 0, 0, 0), GRADC_E_ARG, "cross_entropy_full");
    assert_refused(g, gradc_cross_entropy_full(x, labels, NULL, -100, 2, 0), GRADC_E_ARG, "cross_entropy_full");
    assert_refused(g, gradc_cross_entropy_full(x, labels, NULL, -100, (double)NAN, 0), GRADC_E_ARG,
                   "cross_entropy_full");
    operands_free(g);
}

static gradc_tensor *gradient(gradc_context *g, struct random *r)
{
    gradc_tensor *x = operand(g, GRADC_F32, PLAIN, SHAPE_OF(301, 33, 70), -3, 3, r), *dx;
    gradc_tensor *weight = operand(g, GRADC_F32, PLAIN, SHAPE_OF(33), 0.5, 2, r);
    gradc_requires_grad(x, 1);
    gradc_tensor *loss = gradc_cross_entropy_full(x, operand(g, GRADC_I64, PLAIN, SHAPE_OF(301, 70), 0, 33, r),
                                                  weight, 3, 0.1, GRADC_REDUCE_SUM);
    gradc_gradients(loss, NULL, 1, &x, &dx);
    return gradc_add(dx, gradc_mul_scalar(loss, 1e-5));
}

static void devices_agree(struct fixture *f)
{
    assert_agrees(f, gradient, 2e-5);
}

int main(void)
{
    static const struct test tests[] = {{"values", values},
                                        {"as the plain one", as_the_plain_one},
                                        {"nothing counts", nothing_counts},
                                        {"labels out of range", labels_out_of_range},
                                        {"wrong arguments", wrong_arguments},
                                        {"devices agree", devices_agree}};
    return RUN_SUITE("nll_loss", tests);
}
