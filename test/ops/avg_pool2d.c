/* avg_pool2d.c - means of windows of both pools, and where their gradients go, against loops. */
#include <math.h>

#include "../support/values.h"

/* size 0: adaptive, z's size is `out`. */
struct pool {
    int64_t x[5];
    int size[2], stride[2], padding[2], count_padding, out[2];
};

static const struct pool rows[] = {
    {{2, 3, 6, 8, -1}, {2, 2}, {2, 2}, {0, 0}, 1, {0, 0}},
    {{2, 3, 7, 9, -1}, {3, 3}, {2, 2}, {1, 1}, 1, {0, 0}},
    {{2, 3, 7, 9, -1}, {3, 3}, {2, 2}, {1, 1}, 0, {0, 0}},
    {{1, 2, 7, 9, -1}, {3, 2}, {1, 3}, {0, 1}, 0, {0, 0}},
    {{1, 1, 3, 3, -1}, {3, 3}, {1, 1}, {1, 1}, 1, {0, 0}},
    {{2, 1, 5, 6, -1}, {1, 1}, {1, 1}, {0, 0}, 1, {0, 0}},
    {{0, 2, 4, 4, -1}, {2, 2}, {2, 2}, {0, 0}, 1, {0, 0}},
    {{1, 3, 31, 33, -1}, {2, 2}, {2, 2}, {0, 0}, 1, {0, 0}},
    {{2, 2, 5, 9, -1}, {2, 2}, {4, 3}, {0, 0}, 1, {0, 0}},
    {{1, 2, 6, 40, -1}, {4, 5}, {1, 1}, {2, 2}, 0, {0, 0}},
    {{9, 70, 4, 4, -1}, {2, 2}, {2, 2}, {0, 0}, 1, {0, 0}},
    {{1, 2, 6, 41, -1}, {2, 2}, {2, 2}, {1, 1}, 1, {0, 0}},
    {{2, 3, 7, 7, -1}, {0, 0}, {0, 0}, {0, 0}, 0, {1, 1}},
    {{2, 3, 7, 7, -1}, {0, 0}, {0, 0}, {0, 0}, 0, {7, 7}},
    {{2, 3, 13, 9, -1}, {0, 0}, {0, 0}, {0, 0}, 0, {6, 6}},
    {{2, 3, 2, 3, -1}, {0, 0}, {0, 0}, {0, 0}, 0, {5, 7}},
    {{1, 2, 70, 33, -1}, {0, 0}, {0, 0}, {0, 0}, 0, {3, 1}},
    {{0, 2, 4, 4, -1}, {0, 0}, {0, 0}, {0, 0}, 0, {3, 3}},
    {{3, 65, 9, 8, -1}, {0, 0}, {0, 0}, {0, 0}, 0, {4, 4}},
};

struct window {
    int64_t from, to, count;
};

static struct window window_of(const struct pool *p, int axis, int64_t i)
{
    int64_t n = p->x[2 + axis], size = p->size[axis], out = p->out[axis];
    if (size == 0) {
        struct window w = {(int64_t)floor((double)(i * n) / (double)out),
                           (int64_t)ceil((double)((i + 1) * n) / (double)out), 0};
        w.count = w.to - w.from;
        return w;
    }
    struct window w = {n, 0, 0};
    for (int64_t k = 0; k < size; k++) {
        int64_t at = i * p->stride[axis] - p->padding[axis] + k;
        if (at >= 0 && at < n) {
            w.from = at < w.from ? at : w.from;
            w.to = at + 1;
        }
        w.count += at < n + p->padding[axis] && (p->count_padding || (at >= 0 && at < n));
    }
    return w;
}

/* z, and dx += dz / count in the windows. */
static void want_pool(const struct pool *p, const struct values *x, struct values *z, const struct values *dz,
                      struct values *dx)
{
    for (int64_t n = 0; n < z->n; n++) {
        int64_t plane = n / z->shape[3] / z->shape[2];
        struct window h = window_of(p, 0, n / z->shape[3] % z->shape[2]), w = window_of(p, 1, n % z->shape[3]);
        double count = (double)(h.count * w.count), sum = 0;
        for (int64_t y = h.from; y < h.to; y++)
            for (int64_t c = w.from; c < w.to; c++) {
                int64_t at = (plane * p->x[2] + y) * p->x[3] + c;
                sum += x->at[at];
                dx->at[at] += dz->at[n] / count;
            }
        z->at[n] = sum / count;
    }
}

static gradc_tensor *apply(const struct pool *p, gradc_tensor *x)
{
    if (p->size[0] == 0)
        return gradc_adaptive_avg_pool2d(x, p->out[0], p->out[1]);
    return gradc_avg_pool2d_full(x, p->size[0], p->size[1], p->stride[0], p->stride[1], p->padding[0],
                                 p->padding[1], p->count_padding);
}

static void check(const struct pool *p, gradc_tensor *x, struct random *r, const char *what)
{
    int64_t shape[5] = {p->x[0], p->x[1], 0, 0, -1};
    for (int k = 0; k < 2; k++)
        shape[2 + k] =
            p->size[k] ? (p->x[2 + k] + 2 * p->padding[k] - p->size[k]) / p->stride[k] + 1 : p->out[k];
    gradc_tensor *leaf = gradc_to(x, gradc_context_of(x)), *dx;
    gradc_requires_grad(leaf, 1);
    gradc_tensor *dz = operand(gradc_context_of(x), gradc_dtype_of(x), PLAIN, shape, -1, 1, r);
    struct values a = values_read(x), flow = values_read(dz);
    struct values want = values_new(a.dtype, 4, shape), gradient = values_new(a.dtype, 4, p->x);
    want_pool(p, &a, &want, &flow, &gradient);
    assert_values(apply(p, x), &want, loose(a.dtype), what);
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

/* NaN and infinities stay in their windows. */
static void special_numbers(struct fixture *f)
{
    static const double numbers[] = {NAN, 1,         2, INFINITY, 0,         1, INFINITY, 3,
                                     1,   -INFINITY, 4, 4,        -INFINITY, 2, 7,        7};
    static const struct pool special[] = {{{1, 1, 4, 4, -1}, {2, 2}, {2, 2}, {0, 0}, 1, {0, 0}},
                                          {{1, 1, 4, 4, -1}, {2, 2}, {1, 1}, {1, 1}, 0, {0, 0}},
                                          {{1, 1, 4, 4, -1}, {0, 0}, {0, 0}, {0, 0}, 0, {3, 3}}};
    struct random r = {test_seed()};
    for (size_t i = 0; i < sizeof special / sizeof *special; i++)
        check(&special[i], operand_of(f->g, GRADC_F32, special[i].x, numbers), &r, "special numbers");
    operands_free(f->g);
}

/* The result for x's own size is not x: it does not follow a write. */
static void same_size(struct fixture *f)
{
    const float one[4] = {1, 2, 3, 4}, two[4] = {5, 6, 7, 8};
    gradc_tensor *x = tensor_f32(f->g, SHAPE_OF(1, 1, 2, 2), one);
    gradc_tensor *z = gradc_adaptive_avg_pool2d(x, 2, 2);
    gradc_retain(z);
    assert_int_equal(gradc_write(x, two, sizeof two), GRADC_OK);
    assert_f32(z, 4, one);
    gradc_release(z);
    gradc_release(x);
}

static void wrong_arguments(struct fixture *f)
{
    gradc_context *g = f->g;
    gradc_tensor *x = gradc_new(g, GRADC_F32, 4, (const int64_t[]){1, 1, 4, 5});
    gradc_tensor *whole = gradc_new(g, GRADC_I32, 4, (const int64_t[]){1, 1, 4, 5});
    assert_null(gradc_avg_pool2d(NULL, 2, 2));
    assert_null(gradc_adaptive_avg_pool2d(NULL, 2, 2));
    assert_works(g);
    assert_int_equal(gradc_size(gradc_avg_pool2d(x, 2, 0), 3), 2); /* stride 0: the size */
    assert_refused(g, gradc_avg_pool2d(x, 0, 1), GRADC_E_ARG, "avg_pool2d");
    assert_refused(g, gradc_avg_pool2d(x, 2, -1), GRADC_E_ARG, "avg_pool2d");
    assert_refused(g, gradc_avg_pool2d_full(x, 3, 3, 1, 1, 2, 0, 1), GRADC_E_ARG, "avg_pool2d");
    assert_refused(g, gradc_avg_pool2d_full(x, 3, 3, 1, 1, 0, -1, 1), GRADC_E_ARG, "avg_pool2d");
    assert_refused(g, gradc_avg_pool2d(x, 5, 1), GRADC_E_SHAPE, "avg_pool2d");
    assert_refused(g, gradc_avg_pool2d(gradc_flatten(x, 0, 1), 2, 2), GRADC_E_SHAPE, "avg_pool2d");
    assert_refused(g, gradc_avg_pool2d(whole, 2, 2), GRADC_E_DTYPE, "avg_pool2d");
    assert_refused(g, gradc_adaptive_avg_pool2d(x, 0, 1), GRADC_E_ARG, "adaptive_avg_pool2d");
    assert_refused(g, gradc_adaptive_avg_pool2d(x, 1 << 20, 1 << 20), GRADC_E_ARG, "adaptive_avg_pool2d");
    assert_refused(g, gradc_adaptive_avg_pool2d(gradc_flatten(x, 0, 1), 1, 1), GRADC_E_SHAPE,
                   "adaptive_avg_pool2d");
    assert_refused(g, gradc_adaptive_avg_pool2d(whole, 1, 1), GRADC_E_DTYPE, "adaptive_avg_pool2d");
    gradc_release(x);
    gradc_release(whole);
}

static const struct pool *chosen;

static gradc_tensor *both_ways(gradc_context *g, struct random *r)
{
    gradc_tensor *x = operand(g, GRADC_F32, PLAIN, chosen->x, -1, 1, r), *dx;
    gradc_requires_grad(x, 1);
    gradc_tensor *z = apply(chosen, x);
    gradc_gradients(gradc_sum(gradc_mul(z, z), 0, NULL, 0), NULL, 1, &x, &dx);
    return dx;
}

static void devices_agree(struct fixture *f)
{
    static const struct pool large[] = {{{8, 9, 29, 31, -1}, {3, 3}, {2, 2}, {1, 1}, 0, {0, 0}},
                                        {{8, 9, 30, 32, -1}, {2, 2}, {2, 2}, {0, 0}, 1, {0, 0}},
                                        {{8, 9, 29, 31, -1}, {0, 0}, {0, 0}, {0, 0}, 0, {6, 5}}};
    for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
        chosen = &large[i];
        assert_agrees(f, both_ways, 1e-6);
    }
}

int main(void)
{
    static const struct test tests[] = {{"values", values},
                                        {"special numbers", special_numbers},
                                        {"same size", same_size},
                                        {"wrong arguments", wrong_arguments},
                                        {"devices agree", devices_agree}};
    return RUN_SUITE("avg_pool2d", tests);
}
