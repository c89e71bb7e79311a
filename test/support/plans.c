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
