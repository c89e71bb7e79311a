/* layer_norm.c - layer_norm and group_norm, and their gradients, against sums in long double; large means. */
#include <math.h>

#include "../support/values.h"

/* Operands seen as [batch, groups, channels, inner]; groups 0: layer_norm over what follows axis `outer`. */
struct norm {
    int64_t x[6];
    int groups, outer;
};

static const struct norm rows[] = {
    {{4, 5, -1}, 0, 1},       {{2, 3, 4, 5, -1}, 0, 2},    {{7, -1}, 0, 0},
    {{3, 1031, -1}, 0, 1},    {{1500, 3, -1}, 0, 1},       {{33, 70, -1}, 0, 1},
    {{2, 20011, -1}, 0, 1},   {{5, 1, -1}, 0, 1},          {{300, 257, -1}, 0, 1},
    {{2, 6, 4, 5, -1}, 3, 0}, {{2, 6, 4, 5, -1}, 1, 0},    {{2, 6, 4, 5, -1}, 6, 0},
    {{4, 6, -1}, 2, 0},       {{150, 4, 3, -1}, 2, 0},     {{2, 70, 8, 9, -1}, 7, 0},
    {{2, 4, 3001, -1}, 2, 0}, {{2, 4, 2, 3, 2, -1}, 2, 0}, {{40, 32, 14, 14, -1}, 8, 0},
};

static void extent(const struct norm *p, int64_t *e)
{
    e[0] = e[1] = e[2] = e[3] = 1;
    for (int i = 0; p->x[i] >= 0; i++)
        if (p->groups == 0)
            e[i < p->outer ? 0 : 2] *= p->x[i];
        else
            e[i == 0 ? 0 : i == 1 ? 2 : 3] *= p->x[i];
    if (p->groups) {
        e[1] = p->groups;
        e[2] /= p->groups;
    }
}

static gradc_tensor *apply(const struct norm *p, gradc_tensor *x, gradc_tensor *weight, gradc_tensor *bias)
{
    if (p->groups)
        return gradc_group_norm(x, p->groups, weight, bias, 1e-5);
    return gradc_layer_norm(x, gradc_ndim(x) - p->outer, p->x + p->outer, weight, bias, 1e-5);
}

/* z, and dx, dweight, dbias, of v: x, weight, bias, dz; all of one row. */
static void want_row(const int64_t *e, int64_t row, const struct values *v, struct values *z, struct values *d)
{
    int64_t n = e[2] * e[3], first = row * n, weights = row % e[1] * e[2];
    long double mean = 0, var = 0, sum = 0, products = 0;
    for (int64_t k = first; k < first + n; k++)
        mean += v[0].at[k] / (long double)n;
    for (int64_t k = first; k < first + n; k++)
        var += (v[0].at[k] - mean) * (v[0].at[k] - mean) / (long double)n;
    long double r = 1 / sqrtl(var + 1e-5L);
    for (int64_t k = first; k < first + n; k++) {
        int64_t c = weights + (k - first) / e[3];
        long double y = (v[0].at[k] - mean) * r;
        z->at[k] = (double)(y * v[1].at[c] + v[2].at[c]);
        sum += v[3].at[k] * v[1].at[c];
        products += v[3].at[k] * v[1].at[c] * y;
        d[1].at[c] += (double)(v[3].at[k] * y);
        d[2].at[c] += v[3].at[k];
    }
    for (int64_t k = first; k < first + n; k++) {
        long double y = (v[0].at[k] - mean) * r, g = v[3].at[k] * v[1].at[weights + (k - first) / e[3]];
        d[0].at[k] = (double)(r * (g - sum / (long double)n - y * products / (long double)n));
    }
}

static gradc_tensor *leaf(struct fixture *f, gradc_tensor *x)
{
    gradc_tensor *t = gradc_to(x, f->g);
    assert_non_null(t);
    gradc_requires_grad(t, 1);
    return t;
}

static void check(struct fixture *f, const struct norm *p, gradc_dtype dtype, enum form form, double low,
                  double tolerance, struct random *r)
{
    int64_t e[4], channels[] = {p->groups ? p->x[1] : 0, -1};
    const int64_t *vector = p->groups ? channels : p->x + p->outer;
    gradc_tensor *t[] = {
        operand(f->g, dtype, form, p->x, low, low + 3, r), operand(f->g, dtype, form, vector, -2, 2, r),
        operand(f->g, dtype, form, vector, -2, 2, r), operand(f->g, dtype, PLAIN, p->x, -1, 1, r)};
    gradc_tensor *leaves[3], *dx[3];
    struct values v[4], z, d[3];
    extent(p, e);
    for (int i = 0; i < 4; i++)
        v[i] = values_read(t[i]);
    z = values_new(dtype, v[0].ndim, v[0].shape);
    for (int i = 0; i < 3; i++) {
        d[i] = values_new(dtype, v[i].ndim, v[i].shape);
        leaves[i] = leaf(f, t[i]);
    }
    for (int64_t row = 0; row < e[0] * e[1]; row++)
        want_row(e, row, v, &z, d);
    assert_values(apply(p, t[0], t[1], t[2]), &z, tolerance, form_names[form]);
    assert_int_equal(gradc_gradients(apply(p, leaves[0], leaves[1], leaves[2]), t[3], 3, leaves, dx), GRADC_OK);
    for (int i = 0; low < 100 && i < 3; i++)
        assert_values(dx[i], &d[i], tolerance * 10, form_names[form]);
    for (int i = 0; i < 4; i++)
        values_free(&v[i]);
    for (int i = 0; i < 3; i++) {
        values_free(&d[i]);
        gradc_release(leaves[i]);
    }
    values_free(&z);
    operands_free(f->g);
}

static void values(struct fixture *f)
{
    struct random r = {test_seed()};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int form = 0; form < FORMS; form++) {
            int f64 = form & 1 && test_has_f64(f->g), constant = form == EXPANDED && rows[i].groups == 0;
            if (!constant) /* no variance in an expanded row */
                check(f, &rows[i], f64 ? GRADC_F64 : GRADC_F32, (enum form)form, -1, f64 ? 1e-10 : 5e-5, &r);
        }
}

static void large_means(struct fixture *f)
{
    static const struct norm large[] = {
        {{8, 31, -1}, 0, 1}, {{3, 3001, -1}, 0, 1}, {{9, 64, -1}, 0, 1}, {{2, 6, 40, -1}, 3, 0}};
    struct random r = {test_seed()};
    for (size_t i = 0; i < sizeof large / sizeof *large; i++)
        check(f, &large[i], GRADC_F32, PLAIN, 1000, strcmp(f->device, "cpu") ? 1e-4 : 5e-6, &r);
}

static void wrong_arguments(struct fixture *f)
{
    gradc_context *g = f->g;
    const int64_t four[] = {4}, three[] = {3}, none[] = {0, 3};
    gradc_tensor *x = gradc_new(g, GRADC_F32, 3, (const int64_t[]){2, 3, 4});
    gradc_tensor *c = gradc_new(g, GRADC_F32, 1, three), *d = gradc_new(g, GRADC_F16, 1, four);
    gradc_tensor *whole = gradc_new(g, GRADC_I32, 2, (const int64_t[]){2, 4}),
                 *empty = gradc_new(g, GRADC_F32, 2, none);
    assert_null(gradc_layer_norm(NULL, 1, four, NULL, NULL, 1e-5));
    assert_null(gradc_group_norm(NULL, 1, NULL, NULL, 1e-5));
    assert_works(g);
    assert_refused(g, gradc_layer_norm(x, 1, three, NULL, NULL, 1e-5), GRADC_E_SHAPE, "layer_norm");
    assert_refused(g, gradc_layer_norm(x, 0, NULL, NULL, NULL, 1e-5), GRADC_E_SHAPE, "layer_norm");
    assert_refused(g, gradc_layer_norm(x, 1, four, c, NULL, 1e-5), GRADC_E_SHAPE, "layer_norm");
    assert_refused(g, gradc_layer_norm(x, 1, four, NULL, d, 1e-5), GRADC_E_DTYPE, "layer_norm");
    assert_refused(g, gradc_layer_norm(whole, 1, four, NULL, NULL, 1e-5), GRADC_E_DTYPE, "layer_norm");
    assert_refused(g, gradc_layer_norm(x, 1, four, NULL, NULL, NAN), GRADC_E_ARG, "layer_norm");
    assert_refused(g, gradc_group_norm(x, 2, NULL, NULL, 1e-5), GRADC_E_SHAPE, "group_norm");
    assert_refused(g, gradc_group_norm(x, 0, NULL, NULL, 1e-5), GRADC_E_ARG, "group_norm");
    assert_refused(g, gradc_group_norm(c, 1, NULL, NULL, 1e-5), GRADC_E_SHAPE, "group_norm");
    assert_refused(g, gradc_group_norm(x, 3, x, NULL, 1e-5), GRADC_E_SHAPE, "group_norm");
    assert_refused(g, gradc_group_norm(whole, 2, NULL, NULL, 1e-5), GRADC_E_DTYPE, "group_norm");
    assert_int_equal(gradc_numel(gradc_layer_norm(empty, 1, three, c, NULL, 1e-5)), 0);
    assert_int_equal(gradc_numel(gradc_group_norm(empty, 3, c, c, 1e-5)), 0);
    assert_works(g);
    gradc_tensor *all[] = {x, c, d, whole, empty};
    for (int i = 0; i < 5; i++)
        gradc_release(all[i]);
}

static const struct norm *chosen;

static gradc_tensor *both_ways(gradc_context *g, struct random *r)
{
    const int64_t channels[] = {chosen->x[1], -1};
    gradc_tensor *x = operand(g, GRADC_F32, PLAIN, chosen->x, -1, 1, r), *dx[2];
    gradc_tensor *w = operand(g, GRADC_F32, PLAIN, channels, -1, 1, r);
    gradc_requires_grad(x, 1);
    gradc_requires_grad(w, 1);
    gradc_tensor *z = apply(chosen, x, w, NULL);
    gradc_gradients(z, operand(g, GRADC_F32, PLAIN, chosen->x, -1, 1, r), 2, (gradc_tensor *[]){x, w}, dx);
    return gradc_add(gradc_add(z, dx[0]), gradc_sum(dx[1], 0, NULL, 0));
}

static void devices_agree(struct fixture *f)
{
    static const struct norm some[] = {
        {{307, 133, -1}, 0, 1}, {{5000, 10, -1}, 0, 1}, {{8, 24, 29, 31, -1}, 6, 0}, {{300, 24, 3, -1}, 4, 0}};
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        chosen = &some[i];
        assert_agrees(f, both_ways, 5e-4);
    }
}

int main(void)
{
    static const struct test tests[] = {{"values", values},
                                        {"large means", large_means},
                                        {"wrong arguments", wrong_arguments},
                                        {"devices agree", devices_agree}};
    return RUN_SUITE("layer_norm", tests);
}
