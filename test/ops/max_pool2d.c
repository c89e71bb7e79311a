/* max_pool2d.c - maxima of windows and where their gradients go, against loops: exactly.  NaN wins, then the first. */
#include <math.h>

#include "../support/values.h"

struct pool {
    int64_t x[5];
    int size[2], stride[2], padding[2];
};

static const struct pool rows[] = {
    {{2, 3, 6, 8, -1}, {2, 2}, {2, 2}, {0, 0}},   {{2, 3, 7, 9, -1}, {3, 3}, {2, 2}, {1, 1}},
    {{1, 2, 7, 9, -1}, {3, 2}, {1, 3}, {0, 1}},   {{1, 1, 3, 3, -1}, {3, 3}, {1, 1}, {1, 1}},
    {{2, 1, 5, 6, -1}, {1, 1}, {1, 1}, {0, 0}},   {{0, 2, 4, 4, -1}, {2, 2}, {2, 2}, {0, 0}},
    {{1, 3, 31, 33, -1}, {2, 2}, {2, 2}, {0, 0}}, {{2, 2, 5, 9, -1}, {2, 2}, {4, 3}, {0, 0}},
    {{1, 2, 6, 40, -1}, {4, 5}, {1, 1}, {2, 2}},
};

/* z, and dx += dz at the maxima. */
static void want_pool(const struct pool *p, const struct values *x, struct values *z, const struct values *dz,
                      struct values *dx)
{
    for (int64_t n = 0; n < z->n; n++) {
        int64_t j = n % z->shape[3], i = n / z->shape[3] % z->shape[2], plane = n / z->shape[3] / z->shape[2];
        int64_t at = -1;
        for (int64_t k = 0; k < (int64_t)p->size[0] * p->size[1]; k++) {
            int64_t row = i * p->stride[0] - p->padding[0] + k / p->size[1];
            int64_t col = j * p->stride[1] - p->padding[1] + k % p->size[1];
            if (row < 0 || row >= p->x[2] || col < 0 || col >= p->x[3])
                continue;
            int64_t here = (plane * p->x[2] + row) * p->x[3] + col;
            if (at < 0 || x->at[here] > x->at[at] || (isnan(x->at[here]) && !isnan(x->at[at])))
                at = here;
        }
        z->at[n] = x->at[at];
        dx->at[at] += dz->at[n];
    }
}

static gradc_tensor *apply(const struct pool *p, gradc_tensor *x)
{
    return gradc_max_pool2d_full(x, p->size[0], p->size[1], p->stride[0], p->stride[1], p->padding[0],
                                 p->padding[1]);
}

static void check(const struct pool *p, gradc_tensor *x, struct random *r, const char *what)
{
    int64_t shape[5] = {p->x[0], p->x[1], 0, 0, -1};
    for (int k = 0; k < 2; k++)
        shape[2 + k] = (p->x[2 + k] + 2 * p->padding[k] - p->size[k]) / p->stride[k] + 1;
    gradc_tensor *leaf = gradc_to(x, gradc_context_of(x)), *dx;
    gradc_requires_grad(leaf, 1);
    gradc_tensor *dz = operand(gradc_context_of(x), gradc_dtype_of(x), PLAIN, shape, -1, 1, r);
    struct values a = values_read(x), flow = values_read(dz);
    struct values want = values_new(a.dtype, 4, shape), gradient = values_new(a.dtype, 4, p->x);
    want_pool(p, &a, &want, &flow, &gradient);
    assert_values(apply(p, x), &want, 0, what);
    assert_int_equal(gradc_gradients(apply(p, leaf), dz, 1, &leaf, &dx), GRADC_OK);
    assert_values(dx, &gradient, loose(a.dtype), what);
    values_free(&a);
    values_free(&flow);
    values_free(&want);
    values_free(&gradient);
    gradc_release(leaf);
}

static void values(struct fixture *f)
{
    struct random r = {test_seed()};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int form = 0; form < FORMS; form++) {
            gradc_dtype dtype = form & 1 ? test_widest(f->g) : GRADC_F32;
            check(&rows[i], operand(f->g, dtype, (enum form)form, rows[i].x, -2, 2, &r), &r, form_names[form]);
            operands_free(f->g);
        }
}

/* Equal numbers, NaN, and windows of nothing but -inf, padding included. */
static void special_numbers(struct fixture *f)
{
    static const double numbers[] = {NAN, 1,         2, INFINITY, 0,         1, NAN, 3,
                                     1,   -INFINITY, 4, 4,        -INFINITY, 2, 7,   7};
    struct random r = {test_seed()};
    double same[16];
    const struct pool over = {{1, 1, 4, 4, -1}, {2, 2}, {1, 1}, {1, 1}};
    check(&over, operand_of(f->g, GRADC_F32, over.x, numbers), &r, "special numbers");
    for (int i = 0; i < 16; i++)
        same[i] = -INFINITY;
    check(&over, operand_of(f->g, GRADC_F32, over.x, same), &r, "-inf");
    for (int i = 0; i < 16; i++)
        same[i] = 1;
    check(&over, operand_of(f->g, GRADC_F32, over.x, same), &r, "ones");
    operands_free(f->g);
}

static void wrong_arguments(struct fixture *f)
{
    gradc_context *g = f->g;
    gradc_tensor *x = gradc_new(g, GRADC_F32, 4, (const int64_t[]){1, 1, 4, 5});
    gradc_tensor *whole = gradc_new(g, GRADC_I32, 4, (const int64_t[]){1, 1, 4, 5});
    assert_null(gradc_max_pool2d(NULL, 2, 2));
    assert_works(g);
    assert_int_equal(gradc_size(gradc_max_pool2d(x, 2, 0), 3), 2); /* stride 0: the size */
    assert_refused(g, gradc_max_pool2d(x, 0, 1), GRADC_E_ARG, "max_pool2d");
    assert_refused(g, gradc_max_pool2d(x, 2, -1), GRADC_E_ARG, "max_pool2d");
    assert_refused(g, gradc_max_pool2d_full(x, 3, 3, 1, 1, 2, 0), GRADC_E_ARG, "max_pool2d");
    assert_refused(g, gradc_max_pool2d_full(x, 3, 3, 1, 1, 0, -1), GRADC_E_ARG, "max_pool2d");
    assert_refused(g, gradc_max_pool2d(x, 5, 1), GRADC_E_SHAPE, "max_pool2d");
    assert_refused(g, gradc_max_pool2d(gradc_flatten(x, 0, 1), 2, 2), GRADC_E_SHAPE, "max_pool2d");
    assert_refused(g, gradc_max_pool2d(whole, 2, 2), GRADC_E_DTYPE, "max_pool2d");
    gradc_release(x);
    gradc_release(whole);
}

static gradc_tensor *both_ways(gradc_context *g, struct random *r)
{
    gradc_tensor *x = operand(g, GRADC_F32, PLAIN, SHAPE_OF(8, 9, 29, 31), -1, 1, r), *dx;
    gradc_requires_grad(x, 1);
    gradc_tensor *z = gradc_max_pool2d_full(x, 3, 3, 2, 2, 1, 1);
    gradc_gradients(gradc_sum(gradc_mul(z, z), 0, NULL, 0), NULL, 1, &x, &dx);
    return dx;
}

static void devices_agree(struct fixture *f)
{
    assert_agrees(f, both_ways, 1e-6);
}

int main(void)
{
    static const struct test tests[] = {{"values", values},
                                        {"special numbers", special_numbers},
                                        {"wrong arguments", wrong_arguments},
                                        {"devices agree", devices_agree}};
    return RUN_SUITE("max_pool2d", tests);
}
