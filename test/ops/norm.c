/* norm.c - vector norms over axes against a loop, for each kind of p; gradients where x or the norm is 0. */
#include <math.h>

#include "../support/reductions.h"

static double want_count(const double *items, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += items[i] != 0;
    return sum;
}

static gradc_tensor *count(gradc_tensor *x, int naxes, const int *axes, int keepdim)
{
    return gradc_norm(x, 0, naxes, axes, keepdim);
}

static double want_taxi(const double *items, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += fabs(items[i]);
    return sum;
}

static gradc_tensor *taxi(gradc_tensor *x, int naxes, const int *axes, int keepdim)
{
    return gradc_norm(x, 1, naxes, axes, keepdim);
}

static double want_euclid(const double *items, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += items[i] * items[i];
    return sqrt(sum);
}

static gradc_tensor *euclid(gradc_tensor *x, int naxes, const int *axes, int keepdim)
{
    return gradc_norm(x, 2, naxes, axes, keepdim);
}

static double want_cubes(const double *items, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += pow(fabs(items[i]), 3);
    return cbrt(sum);
}

static gradc_tensor *cubes(gradc_tensor *x, int naxes, const int *axes, int keepdim)
{
    return gradc_norm(x, 3, naxes, axes, keepdim);
}

static double want_roots(const double *items, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += sqrt(fabs(items[i]));
    return sum * sum;
}

static gradc_tensor *roots(gradc_tensor *x, int naxes, const int *axes, int keepdim)
{
    return gradc_norm(x, 0.5, naxes, axes, keepdim);
}

static double want_largest(const double *items, int64_t n)
{
    double best = 0;
    for (int64_t i = 0; i < n && !isnan(best); i++)
        if (isnan(items[i]) || fabs(items[i]) > best)
            best = fabs(items[i]);
    return best;
}

static gradc_tensor *largest(gradc_tensor *x, int naxes, const int *axes, int keepdim)
{
    return gradc_norm(x, INFINITY, naxes, axes, keepdim);
}

static double want_smallest(const double *items, int64_t n)
{
    double best = INFINITY;
    for (int64_t i = 0; i < n && !isnan(best); i++)
        if (isnan(items[i]) || fabs(items[i]) < best)
            best = fabs(items[i]);
    return best;
}

static gradc_tensor *smallest(gradc_tensor *x, int naxes, const int *axes, int keepdim)
{
    return gradc_norm(x, -INFINITY, naxes, axes, keepdim);
}

static const struct reduction of_count = {.name = "norm", .op = count, .want = want_count};

static const struct reduction of_taxi = {.name = "norm", .op = taxi, .want = want_taxi};

static const struct reduction of_euclid = {.name = "norm", .op = euclid, .want = want_euclid};

static const struct reduction of_cubes = {.name = "norm", .op = cubes, .want = want_cubes};

static const struct reduction of_roots = {.name = "norm", .op = roots, .want = want_roots};

static const struct reduction of_largest = {
    .name = "norm", .op = largest, .want = want_largest, .refuses_empty = 1, .exact = 1};

static const struct reduction of_smallest = {
    .name = "norm", .op = smallest, .want = want_smallest, .refuses_empty = 1, .exact = 1};

static void values(struct fixture *f)
{
    reduction_values(f, &of_count);
    reduction_values(f, &of_taxi);
    reduction_values(f, &of_euclid);
    reduction_values(f, &of_cubes);
    reduction_values(f, &of_roots);
    reduction_values(f, &of_largest);
    reduction_values(f, &of_smallest);
}

static void wrong_arguments(struct fixture *f)
{
    reduction_refusals(f, &of_count);
    reduction_refusals(f, &of_taxi);
    reduction_refusals(f, &of_euclid);
    reduction_refusals(f, &of_cubes);
    reduction_refusals(f, &of_roots);
    reduction_refusals(f, &of_largest);
    reduction_refusals(f, &of_smallest);
    gradc_tensor *x = gradc_new(f->g, GRADC_F32, 1, (const int64_t[]){3}),
                 *none = gradc_new(f->g, GRADC_F32, 2, (const int64_t[]){0, 3});
    assert_refused(f->g, gradc_norm(x, NAN, 0, NULL, 0), GRADC_E_ARG, "norm");
    assert_refused(f->g, gradc_norm(none, INFINITY, 0, NULL, 0), GRADC_E_SHAPE, "norm");
    assert_refused(f->g, gradc_norm(none, -1, 1, (const int[]){0}, 0), GRADC_E_SHAPE, "norm");
    assert_int_equal(gradc_numel(gradc_norm(none, INFINITY, 1, (const int[]){1}, 0)), 0);
    gradc_release(x);
    gradc_release(none);
}

static void devices_agree(struct fixture *f)
{
    reduction_devices(f, &of_count, 2e-5);
    reduction_devices(f, &of_taxi, 2e-5);
    reduction_devices(f, &of_euclid, 2e-5);
    reduction_devices(f, &of_cubes, 2e-5);
    reduction_devices(f, &of_roots, 2e-5);
    reduction_devices(f, &of_largest, 0);
    reduction_devices(f, &of_smallest, 0);
}

/* No gradient for p 0; 0 at 0; largest ones share. */
static void subgradients(struct fixture *f)
{
    static const double numbers[] = {0, 0, 0, -2, 0, 2};
    static const double powers[] = {0, 1, 2, 3, INFINITY};
    static const float most[] = {0, 1, 0.70710678f, 0.62996052f, 0.5f};
    gradc_tensor *x = operand_of(f->g, GRADC_F32, SHAPE_OF(2, 3), numbers), *dx;
    assert_int_equal(gradc_requires_grad(x, 1), GRADC_OK);
    for (int i = 0; i < 5; i++) {
        float got[6];
        gradc_tensor *z = gradc_norm(x, powers[i], 1, (const int[]){1}, 0);
        assert_int_equal(gradc_gradients(z, NULL, 1, &x, &dx), GRADC_OK);
        assert_int_equal(gradc_read(dx, got, sizeof got), GRADC_OK);
        assert_true(got[0] == 0 && got[1] == 0 && got[2] == 0 && got[4] == 0);
        assert_true(fabsf(got[3] + most[i]) < 1e-6f && fabsf(got[5] - most[i]) < 1e-6f);
    }
    operands_free(f->g);
}

int main(void)
{
    static const struct test tests[] = {{"values", values},
                                        {"wrong arguments", wrong_arguments},
                                        {"devices agree", devices_agree},
                                        {"subgradients", subgradients}};
    return RUN_SUITE("norm", tests);
}
