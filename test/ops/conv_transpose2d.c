/* conv_transpose2d.c - transposed convolutions against loops in double, in every layout; wrong arguments. */
#include "../support/values.h"

struct transpose {
    int64_t x[5], w[5];
    int stride[2], padding[2], more[2], dilation[2], groups;
};

static const struct transpose rows[] = {
    {{2, 3, 5, 7, -1}, {3, 4, 3, 3, -1}, {1, 1}, {0, 0}, {0, 0}, {1, 1}, 1},
    {{2, 3, 5, 7, -1}, {3, 4, 3, 2, -1}, {2, 3}, {1, 0}, {1, 2}, {1, 1}, 1},
    {{1, 4, 6, 5, -1}, {4, 3, 2, 3, -1}, {1, 2}, {0, 1}, {2, 1}, {3, 2}, 2},
    {{2, 5, 4, 4, -1}, {5, 1, 1, 1, -1}, {3, 1}, {0, 0}, {0, 0}, {1, 1}, 5},
    {{1, 2, 1, 1, -1}, {2, 2, 5, 4, -1}, {1, 1}, {2, 1}, {0, 0}, {1, 1}, 1},
    {{0, 2, 3, 3, -1}, {2, 2, 3, 3, -1}, {1, 1}, {1, 1}, {0, 0}, {1, 1}, 1},
    {{3, 17, 9, 8, -1}, {17, 9, 4, 4, -1}, {2, 2}, {1, 1}, {0, 0}, {1, 1}, 1},
};

static gradc_tensor *apply(const struct transpose *p, gradc_tensor *x, gradc_tensor *w, gradc_tensor *b)
{
    return gradc_conv_transpose2d_full(x, w, b, p->stride[0], p->stride[1], p->padding[0], p->padding[1],
                                       p->more[0], p->more[1], p->dilation[0], p->dilation[1], p->groups);
}

/* What x[n] gives to z under every tap. */
static void add_pixel(const struct transpose *p, const struct values *x, const struct values *w, int64_t n,
                      struct values *z)
{
    int64_t col = n % x->shape[3], row = n / x->shape[3] % x->shape[2],
            c = n / x->shape[3] / x->shape[2] % x->shape[1];
    int64_t image = n / x->shape[3] / x->shape[2] / x->shape[1], outs = w->shape[1];
    int64_t first = c / (x->shape[1] / p->groups) * outs, taps = w->shape[2] * w->shape[3];
    for (int64_t k = 0; k < outs * taps; k++) {
        int64_t o = first + k / taps,
                i = row * p->stride[0] - p->padding[0] + k % taps / w->shape[3] * p->dilation[0];
        int64_t j = col * p->stride[1] - p->padding[1] + k % w->shape[3] * p->dilation[1];
        if (i >= 0 && j >= 0 && i < z->shape[2] && j < z->shape[3])
            z->at[((image * z->shape[1] + o) * z->shape[2] + i) * z->shape[3] + j] +=
                x->at[n] * w->at[c * outs * taps + k];
    }
}

static void check(struct fixture *f, const struct transpose *p, gradc_dtype dtype, enum form form,
                  struct random *r)
{
    int64_t shape[4] = {p->x[0], p->w[1] * p->groups, 0, 0};
    for (int k = 0; k < 2; k++)
        shape[2 + k] = (p->x[2 + k] - 1) * p->stride[k] - 2 * p->padding[k] +
                       p->dilation[k] * (p->w[2 + k] - 1) + p->more[k] + 1;
    gradc_tensor *x = operand(f->g, dtype, form, p->x, -1, 1, r),
                 *w = operand(f->g, dtype, form, p->w, -1, 1, r);
    gradc_tensor *b = operand(f->g, dtype, PLAIN, (const int64_t[]){shape[1], -1}, -1, 1, r);
    struct values a = values_read(x), v = values_read(w), bias = values_read(b), z = values_new(dtype, 4, shape);
    for (int64_t i = 0; i < a.n; i++)
        add_pixel(p, &a, &v, i, &z);
    assert_values(apply(p, x, w, NULL), &z, loose(dtype), form_names[form]);
    for (int64_t i = 0; i < z.n; i++)
        z.at[i] += bias.at[i / (shape[2] * shape[3]) % shape[1]];
    assert_values(apply(p, x, w, b), &z, loose(dtype), form_names[form]);
    values_free(&a);
    values_free(&v);
    values_free(&bias);
    values_free(&z);
    operands_free(f->g);
}

static void values(struct fixture *f)
{
    struct random r = {test_seed()};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int form = 0; form < FORMS; form++)
            check(f, &rows[i], form & 1 ? test_widest(f->g) : GRADC_F32, (enum form)form, &r);
}

static void wrong_arguments(struct fixture *f)
{
    gradc_context *g = f->g;
    static const char name[] = "conv_transpose2d";
    gradc_tensor *x = gradc_new(g, GRADC_F32, 4, (const int64_t[]){1, 4, 3, 3});
    gradc_tensor *w = gradc_new(g, GRADC_F32, 4, (const int64_t[]){4, 2, 3, 3});
    gradc_tensor *b = gradc_new(g, GRADC_F32, 1, (const int64_t[]){2});
    gradc_tensor *whole = gradc_new(g, GRADC_I32, 4, (const int64_t[]){4, 2, 3, 3});
    assert_null(gradc_conv_transpose2d(NULL, w, b, 1, 0));
    assert_null(gradc_conv_transpose2d(x, NULL, b, 1, 0));
    assert_works(g);
    assert_refused(g, gradc_conv_transpose2d(x, w, b, 0, 0), GRADC_E_ARG, name);
    assert_refused(g, gradc_conv_transpose2d(x, w, b, 1, -1), GRADC_E_ARG, name);
    assert_refused(g, gradc_conv_transpose2d_full(x, w, b, 2, 2, 0, 0, 2, 0, 1, 1, 1), GRADC_E_ARG, name);
    assert_refused(g, gradc_conv_transpose2d_full(x, w, b, 2, 2, 0, 0, 0, 0, 1, 1, 3), GRADC_E_SHAPE, name);
    assert_refused(g, gradc_conv_transpose2d_full(x, w, b, 2, 2, 0, 0, 0, 0, 1, 1, 2), GRADC_E_SHAPE, name);
    assert_refused(g, gradc_conv_transpose2d(x, w, b, 1, 3), GRADC_E_SHAPE, name);
    assert_refused(g, gradc_conv_transpose2d(x, w, b, 1 << 30, 0), GRADC_E_SHAPE, name);
    assert_refused(g, gradc_conv_transpose2d(w, w, b, 1, 0), GRADC_E_SHAPE, name);
    assert_refused(g, gradc_conv_transpose2d(x, b, b, 1, 0), GRADC_E_SHAPE, name);
    assert_refused(g, gradc_conv_transpose2d(x, whole, b, 1, 0), GRADC_E_DTYPE, name);
    gradc_tensor *all[] = {x, w, b, whole};
    for (int i = 0; i < 4; i++)
        gradc_release(all[i]);
}

static gradc_tensor *both_ways(gradc_context *g, struct random *r)
{
    gradc_tensor *x = operand(g, GRADC_F32, PLAIN, SHAPE_OF(4, 8, 9, 11), -1, 1, r), *d[2];
    gradc_tensor *w = operand(g, GRADC_F32, PLAIN, SHAPE_OF(8, 5, 3, 3), -1, 1, r);
    gradc_requires_grad(x, 1);
    gradc_requires_grad(w, 1);
    gradc_tensor *z = gradc_conv_transpose2d_full(x, w, NULL, 2, 2, 1, 1, 1, 1, 1, 1, 2);
    gradc_gradients(gradc_sum(gradc_mul(z, z), 0, NULL, 0), NULL, 2, (gradc_tensor *[]){x, w}, d);
    return gradc_add(d[0], gradc_sum(d[1], 0, NULL, 0));
}

static void devices_agree(struct fixture *f)
{
    assert_agrees(f, both_ways, 1e-4);
}

int main(void)
{
    static const struct test tests[] = {
        {"values", values}, {"wrong arguments", wrong_arguments}, {"devices agree", devices_agree}};
    return RUN_SUITE("conv_transpose2d", tests);
}
