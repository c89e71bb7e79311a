/* batch_norm.c - batch_norm, its gradients and the running statistics against sums in long double; large means, many
 * shapes, what an update does and does not do. */
#include <math.h>

#include "../support/values.h"

static const int64_t shapes[][6] = {
    {4, 3, -1},        {2, 3, 5, -1},    {2, 3, 4, 5, -1},    {300, 70, -1},    {3, 70, 2, 2, -1},
    {2, 1, 33, 1, -1}, {5, 2, 7, 7, -1}, {2, 3, 3, 2, 2, -1}, {1, 2, 9001, -1}, {40, 3, 31, 33, -1},
    {2000, 5, 3, -1},  {64, 65, 16, -1}, {1, 1, 2, -1},       {3, 9, 15, -1},
};

struct channel {
    long double mean, var; /* biased */
    double weight, bias, eps;
    int64_t n;
};

/* Number k of channel c in x, seen as [outer, channels, inner]. */
static int64_t place(const struct values *x, int64_t c, int64_t k)
{
    int64_t inner = 1;
    for (int i = 2; i < x->ndim; i++)
        inner *= x->shape[i];
    return (k / inner * x->shape[1] + c) * inner + k % inner;
}

static struct channel statistics(const struct values *x, int64_t c)
{
    struct channel s = {.n = x->n / x->shape[1], .weight = 1, .eps = 1e-5};
    for (int64_t k = 0; k < s.n; k++)
        s.mean += x->at[place(x, c, k)];
    s.mean /= s.n;
    for (int64_t k = 0; k < s.n; k++)
        s.var += (x->at[place(x, c, k)] - s.mean) * (x->at[place(x, c, k)] - s.mean);
    s.var /= s.n;
    return s;
}

static void want_z(const struct channel *s, const struct values *x, int64_t c, struct values *z)
{
    for (int64_t k = 0; k < s->n; k++) {
        int64_t at = place(x, c, k);
        z->at[at] = (double)((x->at[at] - s->mean) / sqrtl(s->var + s->eps) * s->weight + s->bias);
    }
}

/* dx, dweight, dbias of channel c; fixed: the statistics are given ones. */
static void want_gradients(const struct channel *s, int fixed, const struct values *x,
                           const struct values *dz, int64_t c, struct values *d)
{
    long double r = 1 / sqrtl(s->var + s->eps), flow = 0, product = 0;
    for (int64_t k = 0; k < s->n; k++) {
        int64_t at = place(x, c, k);
        flow += dz->at[at];
        product += dz->at[at] * (x->at[at] - s->mean) * r;
    }
    for (int64_t k = 0; k < s->n; k++) {
        int64_t at = place(x, c, k);
        long double y = (x->at[at] - s->mean) * r;
        d[0].at[at] = (double)(s->weight * r * (dz->at[at] - (fixed ? 0 : (flow + y * product) / s->n)));
    }
    d[1].at[c] = (double)product;
    d[2].at[c] = (double)flow;
}

static void check_running(gradc_tensor *running, const struct values *before, const struct values *statistic,
                          const char *what)
{
    struct values want = values_new(before->dtype, 1, before->shape);
    for (int64_t c = 0; c < want.n; c++)
        want.at[c] = 0.75 * before->at[c] + 0.25 * statistic->at[c];
    assert_values(running, &want, before->dtype == GRADC_F64 ? 1e-13 : 1e-6, what);
    values_free(&want);
}

/* t: x, running_mean, running_var, weight, bias, dz. */
static void check(gradc_tensor *const *t, int training, const char *what)
{
    struct values v[6], z, d[3], statistic[2];
    gradc_tensor *leaves[] = {t[0], t[3], t[4]}, *dx[3];
    for (int i = 0; i < 6; i++)
        v[i] = values_read(t[i]);
    z = values_new(v[0].dtype, v[0].ndim, v[0].shape);
    for (int i = 0; i < 3; i++)
        d[i] = values_new(v[0].dtype, i ? 1 : v[0].ndim, i ? &v[0].shape[1] : v[0].shape);
    for (int i = 0; i < 2; i++)
        statistic[i] = values_new(v[0].dtype, 1, &v[0].shape[1]);
    for (int64_t c = 0; c < v[1].n; c++) {
        struct channel s = statistics(&v[0], c);
        statistic[0].at[c] = (double)s.mean;
        statistic[1].at[c] = (double)(s.var * s.n / (s.n - 1));
        s.weight = v[3].at[c];
        s.bias = v[4].at[c];
        if (!training) {
            s.mean = v[1].at[c];
            s.var = v[2].at[c];
        }
        want_z(&s, &v[0], c, &z);
        want_gradients(&s, !training, &v[0], &v[5], c, d);
    }
    gradc_tensor *y = gradc_batch_norm(t[0], t[1], t[2], t[3], t[4], training, 0.25, 1e-5);
    double tolerance = z.dtype == GRADC_F64 ? 1e-11 : 2e-5;
    assert_values(y, &z, tolerance, what);
    assert_int_equal(gradc_gradients(y, t[5], 3, leaves, dx), GRADC_OK);
    for (int i = 0; i < 3; i++)
        assert_values(dx[i], &d[i], tolerance * 10, what);
    for (int i = 0; i < 2; i++)
        if (training)
            check_running(t[1 + i], &v[1 + i], &statistic[i], what);
        else
            assert_values(t[1 + i], &v[1 + i], 0, what);
    for (int i = 0; i < 6; i++)
        values_free(&v[i]);
    for (int i = 0; i < 3; i++)
        values_free(&d[i]);
    for (int i = 0; i < 2; i++)
        values_free(&statistic[i]);
    values_free(&z);
}

/* The running statistics are released by the caller. */
static void operands(struct fixture *f, gradc_dtype dtype, enum form form, const int64_t *shape, double low,
                     gradc_tensor **t, struct random *r)
{
    const int64_t vector[] = {shape[1], -1};
    t[0] = operand(f->g, dtype, form, shape, low, low + 3, r);
    t[1] = tensor_random(f->g, dtype, vector, -1, 1, r);
    t[2] = tensor_random(f->g, dtype, vector, 0.5, 2, r);
    t[3] = operand(f->g, dtype, form == EXPANDED ? PLAIN : form, vector, -2, 2, r);
    t[4] = operand(f->g, dtype, PLAIN, vector, -2, 2, r);
    t[5] = operand(f->g, dtype, PLAIN, shape, -1, 1, r);
    for (int i = 0; i < 5; i++)
        if (i != 1 && i != 2) {
            gradc_tensor *leaf = gradc_to(t[i], f->g);
            assert_non_null(leaf);
            gradc_requires_grad(leaf, 1);
            t[i] = leaf;
        }
}

static void release(struct fixture *f, gradc_tensor **t)
{
    for (int i = 0; i < 5; i++)
        gradc_release(t[i]);
    operands_free(f->g);
}

static void values(struct fixture *f)
{
    struct random r = {test_seed()};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int training = 0; training < 2; training++)
            for (gradc_dtype dtype = GRADC_F32; dtype <= test_widest(f->g); dtype++) {
                gradc_tensor *t[6];
                operands(f, dtype, PLAIN, shapes[i], -1, t, &r);
                check(t, training, "values");
                release(f, t);
            }
}

/* x lies otherwise, without a copy of ours before. */
static void strided_operands(struct fixture *f)
{
    struct random r = {test_seed()};
    for (int form = 0; form < FORMS; form++)
        for (int training = 0; training < 2; training++) {
            gradc_tensor *t[6];
            operands(f, GRADC_F32, PLAIN, SHAPE_OF(4, 3, 5, 6), -1, t, &r);
            gradc_release(t[0]);
            t[0] = operand(f->g, GRADC_F32, (enum form)form, SHAPE_OF(4, 3, 5, 6), -1, 2, &r);
            struct values x = values_read(t[0]);
            gradc_tensor *flat = operand_of(f->g, GRADC_F32, SHAPE_OF(4, 3, 5, 6), x.at);
            struct values z = values_read(gradc_batch_norm(flat, NULL, NULL, t[3], t[4], 1, 0.1, 1e-5));
            assert_values(gradc_batch_norm(t[0], NULL, NULL, t[3], t[4], 1, 0.1, 1e-5), &z, 1e-6,
                          form_names[form]);
            values_free(&x);
            values_free(&z);
            t[0] = NULL;
            release(f, t);
        }
}

/* A mean of a thousand deviations, and no deviation at all: f32 keeps what its x keep. */
static void large_means(struct fixture *f)
{
    static const int64_t large[][5] = {{8, 3, 31, -1}, {500, 3, -1}, {2, 2, 3001, -1}, {128, 2, 2, 2, -1}};
    struct random r = {test_seed()};
    for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
        gradc_tensor *t[6];
        operands(f, GRADC_F32, PLAIN, large[i], 1000, t, &r);
        struct values x = values_read(t[0]), z = values_new(GRADC_F32, x.ndim, x.shape);
        for (int64_t c = 0; c < x.shape[1]; c++) {
            struct channel s = statistics(&x, c);
            want_z(&s, &x, c, &z);
        }
        assert_values(gradc_batch_norm(t[0], NULL, NULL, NULL, NULL, 1, 0.1, 1e-5), &z,
                      strcmp(f->device, "cpu") ? 1e-4 : 5e-6, "mean 1000");
        values_free(&x);
        values_free(&z);
        release(f, t);
    }
    gradc_tensor *zeros = gradc_new(f->g, GRADC_F32, 3, (const int64_t[]){4, 2, 30});
    gradc_tensor *same = gradc_add_scalar(zeros, 7.25);
    struct values zero = values_new(GRADC_F32, 3, (const int64_t[]){4, 2, 30});
    assert_values(gradc_batch_norm(same, NULL, NULL, NULL, NULL, 1, 0.1, 1e-5), &zero, 1e-6, "all the same");
    values_free(&zero);
    gradc_release(zeros);
}

/* The statistics move with every call, without gradients too; a failed call leaves them. */
static void running_statistics(struct fixture *f)
{
    struct random r = {test_seed()};
    gradc_tensor *t[6];
    operands(f, GRADC_F32, PLAIN, SHAPE_OF(6, 3, 4), -1, t, &r);
    gradc_record(f->g, 0);
    for (int i = 0; i < 3; i++) {
        struct values x = values_read(t[0]), before[2] = {values_read(t[1]), values_read(t[2])};
        struct values mean = values_new(GRADC_F32, 1, &x.shape[1]), var = values_new(GRADC_F32, 1, &x.shape[1]);
        for (int64_t c = 0; c < 3; c++) {
            struct channel s = statistics(&x, c);
            mean.at[c] = (double)s.mean;
            var.at[c] = (double)(s.var * s.n / (s.n - 1));
        }
        assert_non_null(gradc_batch_norm(t[0], t[1], t[2], t[3], t[4], 1, 0.25, 1e-5));
        gradc_tape_clear(f->g); /* nobody read z: the update is made */
        check_running(t[1], &before[0], &mean, "running_mean");
        check_running(t[2], &before[1], &var, "running_var");
        for (int k = 0; k < 2; k++)
            values_free(&before[k]);
        values_free(&x);
        values_free(&mean);
        values_free(&var);
    }
    gradc_record(f->g, 1);
    struct values mean = values_read(t[1]), var = values_read(t[2]);
    gradc_tensor *fresh = gradc_mul_scalar(t[1], 1);
    assert_refused(f->g, gradc_batch_norm(t[0], t[1], fresh, t[3], t[4], 1, 0.25, 1e-5), GRADC_E_ARG,
                   "batch_norm");
    assert_refused(f->g,
                   gradc_batch_norm(t[0], gradc_expand(gradc_slice(t[1], 0, 0, 1, 1), 1, (const int64_t[]){3}),
                                    t[2], t[3], t[4], 1, 0.25, 1e-5),
                   GRADC_E_ARG, "batch_norm");
    assert_refused(f->g, gradc_batch_norm(t[0], t[1], t[2], t[3], t[5], 1, 0.25, 1e-5), GRADC_E_SHAPE,
                   "batch_norm");
    assert_values(t[1], &mean, 0, "running_mean after a failure");
    assert_values(t[2], &var, 0, "running_var after a failure");
    values_free(&mean);
    values_free(&var);
    release(f, t);
}

/* An update behind a label out of range is not made. */
static void data_errors(struct fixture *f)
{
    struct random r = {test_seed()};
    gradc_tensor *t[6];
    operands(f, GRADC_F32, PLAIN, SHAPE_OF(6, 3), -1, t, &r);
    struct values mean = values_read(t[1]);
    gradc_tensor *labels = tensor_i64(f->g, SHAPE_OF(6), (const int64_t[]){0, 1, 2, 7, 0, 1});
    gradc_tensor *loss = gradc_cross_entropy(t[0], labels);
    if (gradc_check(f->g) == GRADC_OK) {
        gradc_batch_norm(t[0], t[1], t[2], t[3], t[4], 1, 0.25, 1e-5);
        gradc_item(loss);
    }
    assert_failed(f->g, GRADC_E_ARG, "cross_entropy");
    assert_values(t[1], &mean, 0, "running_mean behind a data error");
    values_free(&mean);
    gradc_release(labels);
    release(f, t);
}

static void wrong_arguments(struct fixture *f)
{
    gradc_context *g = f->g;
    gradc_tensor *x = gradc_new(g, GRADC_F32, 3, (const int64_t[]){2, 3, 4});
    gradc_tensor *c = gradc_new(g, GRADC_F32, 1, (const int64_t[]){3}),
                 *d = gradc_new(g, GRADC_F16, 1, (const int64_t[]){3});
    gradc_tensor *whole = gradc_new(g, GRADC_I32, 2, (const int64_t[]){2, 3});
    gradc_tensor *one = gradc_new(g, GRADC_F32, 3, (const int64_t[]){1, 3, 1});
    gradc_tensor *none = gradc_new(g, GRADC_F32, 3, (const int64_t[]){0, 3, 4});
    gradc_context *other = gradc_open("cpu");
    gradc_tensor *apart = gradc_new(other, GRADC_F32, 1, (const int64_t[]){3});
    for (int i = 0; i < 4; i++)
        assert_refused(g,
                       gradc_batch_norm(x, i == 0 ? apart : c, i == 1 ? apart : c, i == 2 ? apart : c,
                                        i == 3 ? apart : c, 1, 0.1, 1e-5),
                       GRADC_E_ARG, "batch_norm");
    gradc_release(apart);
    gradc_close(other);
    assert_null(gradc_batch_norm(NULL, c, c, c, c, 1, 0.1, 1e-5));
    assert_works(g);
    assert_refused(g, gradc_batch_norm(x, NULL, NULL, c, c, 0, 0.1, 1e-5), GRADC_E_ARG, "batch_norm");
    assert_refused(g, gradc_batch_norm(x, c, NULL, c, c, 1, 0.1, 1e-5), GRADC_E_ARG, "batch_norm");
    assert_refused(g, gradc_batch_norm(x, c, c, d, c, 0, 0.1, 1e-5), GRADC_E_DTYPE, "batch_norm");
    assert_refused(g, gradc_batch_norm(x, c, c, x, c, 0, 0.1, 1e-5), GRADC_E_SHAPE, "batch_norm");
    assert_refused(g, gradc_batch_norm(c, c, c, c, c, 0, 0.1, 1e-5), GRADC_E_SHAPE, "batch_norm");
    assert_refused(g, gradc_batch_norm(whole, NULL, NULL, NULL, NULL, 1, 0.1, 1e-5), GRADC_E_DTYPE, "batch_norm");
    assert_refused(g, gradc_batch_norm(one, c, c, c, c, 1, 0.1, 1e-5), GRADC_E_SHAPE, "batch_norm");
    assert_refused(g, gradc_batch_norm(x, c, c, c, c, 1, NAN, 1e-5), GRADC_E_ARG, "batch_norm");
    assert_refused(g, gradc_batch_norm(x, c, c, c, c, 1, 0.1, -1), GRADC_E_ARG, "batch_norm");
    assert_int_equal(gradc_numel(gradc_batch_norm(none, c, c, c, c, 1, 0.1, 1e-5)), 0);
    assert_works(g);
    gradc_tensor *all[] = {x, c, d, whole, one, none};
    for (int i = 0; i < 6; i++)
        gradc_release(all[i]);
}

static int64_t agreed[6];

static gradc_tensor *both_ways(gradc_context *g, struct random *r)
{
    gradc_tensor *x = operand(g, GRADC_F32, PLAIN, agreed, -1, 1, r), *w, *dx[2];
    w = operand(g, GRADC_F32, PLAIN, (const int64_t[]){agreed[1], -1}, -1, 1, r);
    gradc_requires_grad(x, 1);
    gradc_requires_grad(w, 1);
    gradc_tensor *z = gradc_batch_norm(x, NULL, NULL, w, NULL, 1, 0.1, 1e-5);
    gradc_gradients(z, operand(g, GRADC_F32, PLAIN, agreed, -1, 1, r), 2, (gradc_tensor *[]){x, w}, dx);
    return gradc_add(gradc_add(z, dx[0]), gradc_sum(dx[1], 0, NULL, 0));
}

static void devices_agree(struct fixture *f)
{
    static const int64_t some[][6] = {{8, 9, 29, 31, -1}, {300, 67, -1}, {3, 2, 20011, -1}};
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        memcpy(agreed, some[i], sizeof agreed);
        assert_agrees(f, both_ways, 5e-4);
    }
}

int main(void)
{
    static const struct test tests[] = {{"values", values},
                                        {"strided operands", strided_operands},
                                        {"large means", large_means},
                                        {"running statistics", running_statistics},
                                        {"data errors", data_errors},
                                        {"wrong arguments", wrong_arguments},
                                        {"devices agree", devices_agree}};
    return RUN_SUITE("batch_norm", tests);
}
