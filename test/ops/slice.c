/* slice.c - x[start:stop:step] as Python has it, on every axis, of every layout. */
#include "../support/values.h"

/* What Python takes: how many elements, and the first. */
static int64_t python(int64_t size, int64_t start, int64_t stop, int64_t step, int64_t *first)
{
    int64_t bound[] = {start, stop};
    for (int i = 0; i < 2; i++) {
        bound[i] += bound[i] < 0 ? size : 0;
        bound[i] = bound[i] < 0 ? 0 : bound[i] > size ? size : bound[i];
    }
    *first = bound[0];
    return bound[0] < bound[1] ? (bound[1] - bound[0] - 1) / step + 1 : 0;
}

static void check(gradc_tensor *x, int axis, int64_t start, int64_t stop, int64_t step, const char *what)
{
    char text[128];
    int64_t first;
    struct values a = values_read(x);
    int at = (axis + a.ndim) % a.ndim;
    int64_t shape[GRADC_MAX_NDIM], inner = 1, size = a.shape[at], n = python(size, start, stop, step, &first);
    memcpy(shape, a.shape, sizeof shape);
    shape[at] = n;
    for (int k = at + 1; k < a.ndim; k++)
        inner *= a.shape[k];
    struct values want = values_new(a.dtype, a.ndim, shape);
    for (int64_t i = 0; i < want.n; i++) {
        int64_t outer = i / inner / n, index = i / inner % n;
        want.at[i] = a.at[(outer * size + first + index * step) * inner + i % inner];
    }
    snprintf(text, sizeof text, "[%lld:%lld:%lld] of axis %d, %s", (long long)start, (long long)stop,
             (long long)step, axis, what);
    assert_values(gradc_slice(x, axis, start, stop, step), &want, 0, text);
    values_free(&a);
    values_free(&want);
}

static void values(struct fixture *f)
{
    static const int64_t bounds[] = {0, 1, 3, 5, 9, -1, -3, -99, INT64_MAX, INT64_MIN};
    enum { BOUNDS = sizeof bounds / sizeof *bounds };
    struct random r = {test_seed()};
    for (int form = 0; form < FORMS; form++) {
        gradc_tensor *x = operand(f->g, GRADC_I32, (enum form)form, SHAPE_OF(5, 2, 7), -99, 99, &r);
        for (int i = 0; i < 40; i++)
            check(x, (int)random_below(&r, 6) - 3, bounds[random_below(&r, BOUNDS)],
                  bounds[random_below(&r, BOUNDS)], 1 + random_below(&r, 4), form_names[form]);
        check(x, 0, 0, INT64_MAX, INT64_MAX, form_names[form]);
        operands_free(f->g);
    }
}

/* The gradient of a slice is the slice's, zeros around it; slices of slices, and written through. */
static void through_slices(struct fixture *f)
{
    gradc_tensor *x = tensor_f32(f->g, SHAPE_OF(6), (const float[]){1, 2, 3, 4, 5, 6});
    gradc_tensor *z = gradc_slice(gradc_slice(x, 0, 1, INT64_MAX, 1), 0, 0, -1, 3);
    assert_f32(z, 2, (const float[]){2, 5});
    assert_int_equal(gradc_write(z, (const float[]){20, 50}, 8), GRADC_OK);
    assert_f32(x, 6, (const float[]){1, 20, 3, 4, 50, 6});
    assert_int_equal(gradc_requires_grad(x, 1), GRADC_OK);
    z = gradc_slice(x, 0, 1, 5, 3);
    assert_int_equal(gradc_backward(gradc_sum(gradc_mul(z, z), 0, NULL, 0)), GRADC_OK);
    assert_f32(gradc_grad(x), 6, (const float[]){0, 40, 0, 0, 100, 0});
    gradc_release(x);
}

static void wrong_arguments(struct fixture *f)
{
    gradc_tensor *x = gradc_new(f->g, GRADC_F32, 2, (const int64_t[]){3, 4});
    gradc_tensor *scalar = gradc_new(f->g, GRADC_F32, 0, NULL);
    assert_null(gradc_slice(NULL, 0, 0, 1, 1));
    assert_works(f->g);
    assert_refused(f->g, gradc_slice(x, 2, 0, 1, 1), GRADC_E_ARG, "slice");
    assert_refused(f->g, gradc_slice(x, -3, 0, 1, 1), GRADC_E_ARG, "slice");
    assert_refused(f->g, gradc_slice(x, 0, 0, 1, 0), GRADC_E_ARG, "slice");
    assert_refused(f->g, gradc_slice(x, 0, 2, 0, -1), GRADC_E_ARG, "slice");
    assert_refused(f->g, gradc_slice(scalar, 0, 0, 1, 1), GRADC_E_SHAPE, "slice");
    gradc_release(x);
    gradc_release(scalar);
}

/* The gradient's kernel on a long tensor. */
static gradc_tensor *scattered(gradc_context *g, struct random *r)
{
    gradc_tensor *x = operand(g, GRADC_F32, PLAIN, SHAPE_OF(300, 301), -1, 1, r), *dx;
    gradc_requires_grad(x, 1);
    gradc_tensor *z = gradc_slice(gradc_slice(x, 1, 2, 290, 3), 0, 5, 299, 2);
    gradc_gradients(gradc_sum(gradc_mul(z, z), 0, NULL, 0), NULL, 1, &x, &dx);
    return dx;
}

static void devices_agree(struct fixture *f)
{
    assert_agrees(f, scattered, 0);
}

int main(void)
{
    static const struct test tests[] = {{"values", values},
                                        {"through slices", through_slices},
                                        {"wrong arguments", wrong_arguments},
                                        {"devices agree", devices_agree}};
    return RUN_SUITE("slice", tests);
}
