/* random.c - rand, randn and dropout: Philox's published numbers, moments, seeds, and the same numbers on each
 * device. */
#include <math.h>

#include "../support/values.h"

enum { N = 40000 };

static struct values drawn(gradc_context *g, uint64_t seed, int normal)
{
    assert_int_equal(gradc_seed(g, seed), GRADC_OK);
    return values_read(normal ? gradc_randn(g, 1, (const int64_t[]){N}) : gradc_rand(g, 1, (const int64_t[]){N}));
}

/* Of z about 0: the mean of its n-th power. */
static double moment(const struct values *z, double about, int n)
{
    double sum = 0;
    for (int64_t i = 0; i < z->n; i++)
        sum += pow(z->at[i] - about, n);
    return sum / (double)z->n;
}

static void moments(struct fixture *f)
{
    struct values u = drawn(f->g, 11, 0), n = drawn(f->g, 12, 1);
    for (int64_t i = 0; i < u.n; i++)
        assert_true(u.at[i] >= 0 && u.at[i] < 1);
    assert_true(fabs(moment(&u, 0, 1) - 0.5) < 0.006);
    assert_true(fabs(moment(&u, 0.5, 2) - 1.0 / 12) < 0.002);
    assert_true(fabs(moment(&n, 0, 1)) < 0.02);
    assert_true(fabs(moment(&n, 0, 2) - 1) < 0.03);
    assert_true(fabs(moment(&n, 0, 3)) < 0.06);
    assert_true(fabs(moment(&n, 0, 4) - 3) < 0.2);
    double pairs = 0;
    for (int64_t i = 0; i + 1 < n.n; i++)
        pairs += n.at[i] * n.at[i + 1];
    assert_true(fabs(pairs / (double)n.n) < 0.02);
    values_free(&u);
    values_free(&n);
}

/* Philox4x32-10 of counter 0, key 0, from Random123's known answers: the words 6627e8d5 e169c58d bc57ac4c 9b00dbd8. */
static void the_numbers_are_philox(struct fixture *f)
{
    static const uint32_t words[] = {0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u};
    float want[4];
    for (int i = 0; i < 4; i++)
        want[i] = (float)(words[i] >> 8) * 0x1p-24f;
    assert_int_equal(gradc_seed(f->g, 0), GRADC_OK);
    assert_f32(gradc_rand(f->g, 1, (const int64_t[]){4}), 4, want);
}

static void seeds_repeat(struct fixture *f)
{
    struct values a = drawn(f->g, 7, 1), b = drawn(f->g, 7, 1), c = drawn(f->g, 8, 1);
    struct values next = values_read(gradc_randn(f->g, 1, (const int64_t[]){N}));
    int same = 0;
    for (int64_t i = 0; i < N; i++) {
        assert_true(!(a.at[i] < b.at[i]) && !(a.at[i] > b.at[i]));
        same += fabs(a.at[i] - c.at[i]) < 1e-9;
        same += fabs(c.at[i] - next.at[i]) < 1e-9;
    }
    assert_in_range(same, 0, 10);
    values_free(&a);
    values_free(&b);
    values_free(&c);
    values_free(&next);
}

static void dropout(struct fixture *f)
{
    gradc_tensor *x = gradc_new(f->g, GRADC_F32, 1, (const int64_t[]){N}), *dx;
    gradc_requires_grad(x, 1);
    gradc_seed(f->g, 3);
    gradc_tensor *z = gradc_dropout(gradc_add_scalar(x, 2), 0.25);
    assert_int_equal(gradc_gradients(z, NULL, 1, &x, &dx), GRADC_OK);
    struct values a = values_read(z), b = values_read(dx);
    int64_t kept = 0;
    for (int64_t i = 0; i < a.n; i++) {
        int on = a.at[i] > 0;
        kept += on;
        assert_true(fabs(a.at[i] - on * 2 / 0.75) < 1e-6);
        assert_true(fabs(b.at[i] - on / 0.75) < 1e-6); /* the same mask */
    }
    assert_true(fabs((double)kept / N - 0.75) < 0.01);
    values_free(&a);
    values_free(&b);
    assert_true(gradc_item(gradc_sum(gradc_dropout(x, 0), 0, NULL, 0)) < 1e-9);
    gradc_release(x);
}

static void wrong_arguments(struct fixture *f)
{
    gradc_context *g = f->g;
    gradc_tensor *x = gradc_new(g, GRADC_F32, 1, (const int64_t[]){3});
    gradc_tensor *whole = gradc_new(g, GRADC_I32, 1, (const int64_t[]){3});
    assert_null(gradc_dropout(NULL, 0.5));
    assert_refused(g, gradc_dropout(x, 1), GRADC_E_ARG, "dropout");
    assert_refused(g, gradc_dropout(x, -0.1), GRADC_E_ARG, "dropout");
    assert_refused(g, gradc_dropout(x, NAN), GRADC_E_ARG, "dropout");
    assert_refused(g, gradc_dropout(whole, 0.5), GRADC_E_DTYPE, "dropout");
    assert_refused(g, gradc_rand(g, 9, (const int64_t[9]){1}), GRADC_E_SHAPE, "rand");
    assert_refused(g, gradc_randn(g, 1, (const int64_t[]){-1}), GRADC_E_SHAPE, "randn");
    assert_null(gradc_rand(NULL, 0, NULL));
    gradc_recover(NULL);
    assert_int_equal(gradc_numel(gradc_rand(g, 2, (const int64_t[]){0, 3})), 0);
    assert_true(gradc_item(gradc_rand(g, 0, NULL)) < 1);
    gradc_release(x);
    gradc_release(whole);
}

static gradc_tensor *all_three(gradc_context *g, struct random *r)
{
    gradc_seed(g, random_next(r));
    gradc_tensor *x = gradc_randn(g, 2, (const int64_t[]){301, 333});
    x = gradc_add(x, gradc_rand(g, 2, (const int64_t[]){301, 333}));
    return gradc_dropout(x, 0.3);
}

static void devices_agree(struct fixture *f)
{
    assert_agrees(f, all_three, 0);
}

int main(void)
{
    static const struct test tests[] = {
        {"moments", moments},
        {"the numbers are Philox's", the_numbers_are_philox},
        {"seeds repeat", seeds_repeat},
        {"dropout", dropout},
        {"wrong arguments", wrong_arguments},
        {"devices agree", devices_agree},
    };
    return RUN_SUITE("random", tests);
}
