/* support.c - what the test programs share. */
#include "values.h"

#include <math.h>

/* ---- Devices ---- */

static char device_names[TEST_DEVICES][DEVICE_TEXT];
static int device_names_count = -1;

static void find_devices(void)
{
    const char *wanted = getenv("GRADC_TEST_DEVICES");
    char copy[TEST_DEVICES * DEVICE_TEXT];
    device_names_count = 0;
    if (wanted && *wanted) {
        snprintf(copy, sizeof copy, "%s", wanted);
        for (char *at = strtok(copy, " ,"); at && device_names_count < TEST_DEVICES; at = strtok(NULL, " ,"))
            snprintf(device_names[device_names_count++], DEVICE_TEXT, "%s", at);
        return;
    }
    for (int i = 0; i < gradc_device_count() && i < TEST_DEVICES; i++)
        if (gradc_device_info(i, "device", device_names[device_names_count], DEVICE_TEXT) == GRADC_OK)
            device_names_count++;
}

int test_device_count(void)
{
    if (device_names_count < 0)
        find_devices();
    return device_names_count;
}

const char *test_device(int i)
{
    return i < test_device_count() ? device_names[i] : NULL;
}

int test_has_f64(gradc_context *g)
{
    char f64[4] = "";
    gradc_device_info(gradc_context_device(g), "f64", f64, sizeof f64);
    return f64[0] == '1';
}

gradc_dtype test_widest(gradc_context *g)
{
    return test_has_f64(g) ? GRADC_F64 : GRADC_F32;
}

static int is_set(const char *name)
{
    const char *text = getenv(name);
    return text && strcmp(text, "0") != 0;
}

int test_long(void)
{
    return is_set("GRADC_TEST_LONG");
}

int test_all(void)
{
    return is_set("GRADC_TEST_ALL");
}

int test_takes(gradc_dtype dtype)
{
    const char *name = gradc_dtype_name(dtype), *at = getenv("GRADC_TEST_DTYPES");
    if (!at)
        return 1;
    for (; *at; at += strspn(at, " ")) {
        const size_t n = strcspn(at, " ");
        if (n == strlen(name) && memcmp(at, name, n) == 0)
            return 1;
        at += n;
    }
    return 0;
}

gradc_status test_without_chains(gradc_context *g, const char *device)
{
    if (test_long() || strcmp(device, "cpu") == 0)
        return GRADC_OK;
    gradc_status status = gradc_set(g, "plan.fuse", "0");
    if (!status)
        status = gradc_set(g, "plan.epilogue", "0");
    return status ? status : gradc_set(g, "plan.prologue", "0");
}

gradc_context *test_open(const char *device)
{
    gradc_context *g = gradc_open(device);
    if (!g || gradc_set(g, "eager", "0") || test_without_chains(g, device))
        fail_msg("gradc_open(\"%s\"): %s", device, gradc_message(NULL));
    return g;
}

/* ---- Suites ---- */

enum { NAME_TEXT = 128 };

struct on_device {
    const struct test *test;
    struct fixture fixture;
    char name[NAME_TEXT];
};

static int open_fixture(void **state)
{
    struct on_device *t = *state;
    t->fixture.g = gradc_open(t->fixture.device);
    if (!t->fixture.g) {
        print_error("gradc_open(\"%s\"): %s\n", t->fixture.device, gradc_message(NULL));
        return -1;
    }
    if (test_without_chains(t->fixture.g, t->fixture.device))
        return -1;
    return gradc_set(t->fixture.g, "eager", t->fixture.eager ? "1" : "0") == GRADC_OK ? 0 : -1;
}

static int close_fixture(void **state)
{
    struct on_device *t = *state;
    gradc_close(t->fixture.g);
    t->fixture.g = NULL;
    gradc_recover(NULL);
    return 0;
}

static void run_on_device(void **state)
{
    struct on_device *t = *state;
    t->test->run(&t->fixture);
    if (t->fixture.g)
        assert_works(t->fixture.g);
}

int run_suite(const char *name, const struct test *tests, int n)
{
    int count = n * test_device_count() * 2, k = 0;
    struct on_device *all = calloc((size_t)count, sizeof *all);
    struct CMUnitTest *units = calloc((size_t)count, sizeof *units);
    if (!all || !units) {
        fprintf(stderr, "%s: no memory\n", name);
        free(all);
        free(units);
        return 1;
    }
    for (int d = 0; d < test_device_count(); d++)
        for (int eager = 0; eager < 2; eager++)
            for (int i = 0; i < n; i++, k++) {
                all[k].test = &tests[i];
                all[k].fixture = (struct fixture){NULL, test_device(d), eager};
                snprintf(all[k].name, NAME_TEXT, "%s: %s, %s", tests[i].name, test_device(d),
                         eager ? "eager" : "planned");
                units[k] = (struct CMUnitTest){all[k].name, run_on_device, open_fixture, close_fixture, &all[k]};
            }
    int failed = _cmocka_run_group_tests(name, units, (size_t)count, NULL, NULL);
    free(units);
    free(all);
    return failed;
}

/* ---- Failures ---- */

void assert_works(gradc_context *g)
{
    if (gradc_check(g) != GRADC_OK)
        fail_msg("%s: %s", gradc_status_name(gradc_check(g)), gradc_message(g));
}

void assert_failed(gradc_context *g, gradc_status status, const char *text)
{
    if (gradc_check(g) != status)
        fail_msg("%s was expected, not %s: \"%s\"", gradc_status_name(status),
                 gradc_status_name(gradc_check(g)), gradc_message(g));
    if (text && !strstr(gradc_message(g), text))
        fail_msg("\"%s\" does not say \"%s\"", gradc_message(g), text);
    gradc_recover(g);
    assert_int_equal(gradc_check(g), GRADC_OK);
}

void assert_failed_here(gradc_status status, const char *text)
{
    assert_failed(NULL, status, text);
}

/* ---- Random numbers: splitmix64 ---- */

uint64_t random_next(struct random *r)
{
    uint64_t z = (r->state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

int64_t random_below(struct random *r, int64_t limit)
{
    return (int64_t)(random_next(r) % (uint64_t)limit);
}

double random_real(struct random *r, double low, double high)
{
    return low + (high - low) * ((double)(random_next(r) >> 11) / 9007199254740992.0);
}

uint64_t test_seed(void)
{
    static uint64_t seed;
    static int known;
    if (!known) {
        const char *text = getenv("GRADC_TEST_SEED");
        seed = text && *text ? strtoull(text, NULL, 0) : 1;
        known = 1;
        printf("GRADC_TEST_SEED=%llu\n", (unsigned long long)seed);
        fflush(stdout);
    }
    return seed;
}

/* ---- Tensors ---- */

static gradc_tensor *tensor_of_values(gradc_context *g, gradc_dtype dtype, const int64_t *shape, const void *values)
{
    int ndim = 0;
    while (shape[ndim] >= 0)
        ndim++;
    gradc_tensor *t = gradc_new(g, dtype, ndim, shape);
    if (!t)
        fail_msg("gradc_new: %s", gradc_message(g));
    if (values)
        assert_int_equal(gradc_write(t, values, (size_t)gradc_bytes(t)), GRADC_OK);
    return t;
}

gradc_tensor *tensor_f32(gradc_context *g, const int64_t *shape, const float *values)
{
    return tensor_of_values(g, GRADC_F32, shape, values);
}

gradc_tensor *tensor_i64(gradc_context *g, const int64_t *shape, const int64_t *values)
{
    return tensor_of_values(g, GRADC_I64, shape, values);
}

gradc_tensor *tensor_random(gradc_context *g, gradc_dtype dtype, const int64_t *shape, double low,
                            double high, struct random *r)
{
    gradc_tensor *t = tensor_of_values(g, dtype, shape, NULL);
    int64_t n = gradc_numel(t);
    size_t size = gradc_dtype_size(dtype);
    char *data = calloc((size_t)n + 1, size);
    assert_non_null(data);
    for (int64_t i = 0; i < n; i++) {
        double value = random_real(r, low, high);
        if (dtype == GRADC_F64)
            ((double *)(void *)data)[i] = value;
        else if (dtype == GRADC_F32)
            ((float *)(void *)data)[i] = (float)value;
        else if (dtype == GRADC_F16 || dtype == GRADC_BF16)
            ((uint16_t *)(void *)data)[i] = (uint16_t)half_pattern(dtype, value);
        else if (dtype == GRADC_I64)
            ((int64_t *)(void *)data)[i] = (int64_t)floor(value);
        else if (dtype == GRADC_I32)
            ((int32_t *)(void *)data)[i] = (int32_t)floor(value);
        else
            data[i] = (char)floor(value);
    }
    gradc_status status = gradc_write(t, data, (size_t)n * size);
    free(data);
    assert_int_equal(status, GRADC_OK);
    return t;
}

gradc_tensor *leaf_f32(gradc_context *g, int n, const float *values)
{
    gradc_tensor *t = tensor_f32(g, (const int64_t[]){n, -1}, values);
    assert_int_equal(gradc_requires_grad(t, 1), GRADC_OK);
    return t;
}

enum { SHOWN_VALUES = 64 };

static void read_f32(gradc_tensor *t, int n, float *values)
{
    assert_non_null(t);
    assert_int_equal(gradc_dtype_of(t), GRADC_F32);
    assert_int_equal(gradc_numel(t), n);
    gradc_status status = gradc_read(t, values, (size_t)n * sizeof *values);
    if (status != GRADC_OK)
        fail_msg("read: %s: %s%s", gradc_status_name(status), gradc_message(gradc_context_of(t)),
                 gradc_message(NULL));
}

void assert_f32(gradc_tensor *t, int n, const float *values)
{
    float got[SHOWN_VALUES];
    assert_in_range(n, 0, SHOWN_VALUES);
    read_f32(t, n, got);
    for (int i = 0; i < n; i++)
        if (memcmp(&got[i], &values[i], sizeof(float)) != 0)
            fail_msg("element %d is %.9g, not %.9g", i, (double)got[i], (double)values[i]);
}

void assert_f32_near(gradc_tensor *t, int n, const float *values, double tolerance)
{
    float got[SHOWN_VALUES];
    assert_in_range(n, 0, SHOWN_VALUES);
    read_f32(t, n, got);
    for (int i = 0; i < n; i++)
        if (!(fabs((double)got[i] - (double)values[i]) <= tolerance * (1 + fabs((double)values[i]))))
            fail_msg("element %d is %.9g, not %.9g", i, (double)got[i], (double)values[i]);
}

static gradc_status read_any(gradc_tensor *t)
{
    double data[SHOWN_VALUES];
    int64_t bytes = gradc_bytes(t);
    assert_true(bytes <= (int64_t)sizeof data);
    return gradc_read(t, data, bytes < 0 ? 0 : (size_t)bytes);
}

void assert_gone(gradc_tensor *t)
{
    gradc_context *g = gradc_context_of(t);
    gradc_status status = read_any(t);
    if (status != GRADC_E_GONE)
        fail_msg("a read says %s, not GRADC_E_GONE: %s", gradc_status_name(status), gradc_message(g));
    assert_int_equal(gradc_check(g), GRADC_OK);
    assert_failed_here(GRADC_E_GONE, "gone");
}

void assert_cleared(gradc_tensor *t)
{
    gradc_tensor *z;
    assert_int_equal(gradc_dtype_of(t), -1);
    assert_int_equal(gradc_ndim(t), -1);
    assert_int_equal(gradc_numel(t), -1);
    assert_null(gradc_context_of(t));
    assert_int_equal(gradc_read(t, &z, sizeof z), GRADC_E_CLEARED);
}
