/* plans.c - settings, launches, memory, bits. */
#include "plans.h"

void set(gradc_context *g, const char *key, const char *value)
{
    assert_int_equal(gradc_set(g, key, value), GRADC_OK);
}

int64_t launches(gradc_context *g)
{
    int64_t n = -1;
    assert_int_equal(gradc_plan_info(g, &n, NULL, NULL, NULL), GRADC_OK);
    return n;
}

int64_t memory(gradc_context *g)
{
    int64_t bytes = -1;
    assert_int_equal(gradc_plan_info(g, NULL, &bytes, NULL, NULL), GRADC_OK);
    return bytes;
}

void *bits_of(gradc_tensor *t, size_t *bytes)
{
    *bytes = (size_t)gradc_bytes(t);
    void *data = malloc(*bytes + 1);
    assert_non_null(data);
    assert_int_equal(gradc_read(t, data, *bytes), GRADC_OK);
    return data;
}

void assert_same_bits(gradc_tensor *x, gradc_tensor *y, const char *what, int i)
{
    size_t nx, ny;
    void *a = bits_of(x, &nx), *b = bits_of(y, &ny);
    if (nx != ny || memcmp(a, b, nx) != 0)
        fail_msg("%s, result %d of %lld elements differs", what, i, (long long)gradc_numel(x));
    free(a);
    free(b);
}

gradc_tensor *values(gradc_context *g, gradc_dtype dtype, const int64_t *shape, struct random *r)
{
    return tensor_random(g, dtype, shape, -1, 1, r);
}

gradc_tensor *leaf(gradc_context *g, gradc_dtype dtype, const int64_t *shape, struct random *r)
{
    gradc_tensor *t = values(g, dtype, shape, r);
    assert_int_equal(gradc_requires_grad(t, 1), GRADC_OK);
    return t;
}

void with_chains(gradc_context *g)
{
    set(g, "plan.fuse", "1");
    set(g, "plan.epilogue", "1");
    set(g, "plan.prologue", "1");
}

void compare_with_eager(struct fixture *f, maker *make, gradc_dtype dtype, const struct sizes *s)
{
    gradc_context *alone = test_open(f->device), *const g[2] = {f->g, alone};
    gradc_tensor *kept[2][PLAN_RESULTS] = {{NULL}};
    char what[64];
    set(alone, "eager", "1");
    for (int k = 0; k < 2; k++) {
        struct random r = {test_seed()};
        assert_int_equal(gradc_seed(g[k], test_seed()), GRADC_OK);
        make(g[k], dtype, s, &r, kept[k]);
        assert_works(g[k]);
    }
    snprintf(what, sizeof what, "%s m %lld n %lld k %lld", gradc_dtype_name(dtype), (long long)s->m,
             (long long)s->n, (long long)s->k);
    for (int i = 0; i < PLAN_RESULTS && kept[0][i]; i++) {
        assert_same_bits(kept[0][i], kept[1][i], what, i);
        gradc_release(kept[0][i]);
        gradc_release(kept[1][i]);
    }
    gradc_tape_clear(f->g);
    gradc_close(alone);
}
