/* values.c - tensors as arrays of doubles. */
#include "values.h"

#include <math.h>

/* ---- Values ---- */

struct values values_new(gradc_dtype dtype, int ndim, const int64_t *shape)
{
    struct values v = {.dtype = dtype, .ndim = ndim, .n = 1};
    for (int i = 0; i < ndim; i++) {
        v.shape[i] = shape[i];
        v.n *= shape[i];
    }
    v.at = calloc((size_t)v.n + 1, sizeof *v.at);
    assert_non_null(v.at);
    return v;
}

void values_free(struct values *v)
{
    free(v->at);
    v->at = NULL;
}

/* Digits of precision, the exponent of the least number, bits of fraction. */
static const struct {
    int digits, least, fraction;
} halves[] = {[GRADC_F16] = {11, -24, 10}, [GRADC_BF16] = {8, -133, 7}};

double half_number(gradc_dtype dtype, unsigned bits)
{
    const int n = halves[dtype].fraction, exponent = (int)(bits & 0x7fffu) >> n, all = 0x7fff >> n;
    const double sign = bits & 0x8000u ? -1 : 1, fraction = (double)(bits & ((1u << n) - 1));
    if (exponent == all)
        return fraction > 0 ? NAN : sign * (double)INFINITY;
    if (exponent == 0)
        return sign * ldexp(fraction, halves[dtype].least);
    return sign * ldexp(fraction + ldexp(1, n), exponent - 1 + halves[dtype].least);
}

double value_rounded(gradc_dtype dtype, double x)
{
    int exponent;
    if (dtype == GRADC_F32)
        return (double)(float)x;
    if ((dtype != GRADC_F16 && dtype != GRADC_BF16) || !isfinite(x) || fabs(x) <= 0)
        return x;
    frexp(x, &exponent);
    exponent -= halves[dtype].digits;
    if (exponent < halves[dtype].least)
        exponent = halves[dtype].least;
    const double z = copysign(ldexp(rint(ldexp(x, -exponent)), exponent), x);
    const double most = half_number(dtype, dtype == GRADC_F16 ? 0x7bffu : 0x7f7fu);
    return fabs(z) > most ? copysign((double)INFINITY, x) : z;
}

unsigned half_pattern(gradc_dtype dtype, double x)
{
    const double z = fabs(value_rounded(dtype, x));
    const unsigned sign = signbit(x) ? 0x8000u : 0, infinite = dtype == GRADC_F16 ? 0x7c00u : 0x7f80u;
    unsigned low = 0, high = infinite; /* patterns grow with the number */
    if (isnan(x))
        return sign | infinite | infinite >> 1;
    while (low < high) {
        const unsigned middle = (low + high) / 2;
        if (half_number(dtype, middle) < z)
            low = middle + 1;
        else
            high = middle;
    }
    return sign | low;
}

double number_at(gradc_dtype dtype, const void *data, int64_t i)
{
    switch (dtype) {
    case GRADC_F32: return (double)((const float *)data)[i];
    case GRADC_F64: return ((const double *)data)[i];
    case GRADC_I64: return (double)((const int64_t *)data)[i];
    case GRADC_I32: return (double)((const int32_t *)data)[i];
    case GRADC_F16:
    case GRADC_BF16: return half_number(dtype, ((const uint16_t *)data)[i]);
    default: return (double)((const unsigned char *)data)[i];
    }
}

void set_number(gradc_dtype dtype, void *data, int64_t i, double value)
{
    switch (dtype) {
    case GRADC_F32: ((float *)data)[i] = (float)value; break;
    case GRADC_F64: ((double *)data)[i] = value; break;
    case GRADC_I64: ((int64_t *)data)[i] = (int64_t)value; break;
    case GRADC_I32: ((int32_t *)data)[i] = (int32_t)value; break;
    case GRADC_F16:
    case GRADC_BF16: ((uint16_t *)data)[i] = (uint16_t)half_pattern(dtype, value); break;
    default: ((unsigned char *)data)[i] = (unsigned char)value; break;
    }
}

static void *read_bytes(gradc_tensor *t)
{
    int64_t bytes = gradc_bytes(t);
    if (bytes < 0)
        fail_msg("there is no tensor: %s %s", gradc_message(gradc_context_of(t)), gradc_message(NULL));
    void *data = calloc((size_t)bytes + 1, 1);
    assert_non_null(data);
    if (gradc_read(t, data, (size_t)bytes) != GRADC_OK)
        fail_msg("read: %s%s", gradc_message(gradc_context_of(t)), gradc_message(NULL));
    return data;
}

struct values values_read(gradc_tensor *t)
{
    void *data = read_bytes(t);
    int64_t shape[GRADC_MAX_NDIM];
    for (int i = 0; i < gradc_ndim(t); i++)
        shape[i] = gradc_size(t, i);
    struct values v = values_new(gradc_dtype_of(t), gradc_ndim(t), shape);
    for (int64_t i = 0; i < v.n; i++)
        v.at[i] = number_at(v.dtype, data, i);
    free(data);
    return v;
}

int64_t values_broadcast(const struct values *z, int64_t i, const struct values *x)
{
    int64_t at = 0, step = 1;
    for (int k = 1; k <= z->ndim; k++) {
        int64_t size = z->shape[z->ndim - k], index = i % size;
        i /= size;
        if (k > x->ndim)
            continue;
        int64_t own = x->shape[x->ndim - k];
        at += own == 1 ? 0 : index * step;
        step *= own;
    }
    return at;
}

int64_t values_along(const struct values *z, int64_t i, const struct values *x, const int *axes)
{
    int64_t at = 0;
    for (int k = z->ndim - 1; k >= 0; k--) {
        int64_t step = 1;
        for (int axis = axes[k] + 1; axis < x->ndim; axis++)
            step *= x->shape[axis];
        at += i % z->shape[k] * step;
        i /= z->shape[k];
    }
    return at;
}

void values_index(const struct values *v, int64_t i, int64_t *index)
{
    for (int axis = v->ndim - 1; axis >= 0; axis--) {
        index[axis] = i % v->shape[axis];
        i /= v->shape[axis];
    }
}

int64_t values_at(const struct values *v, const int64_t *index)
{
    int64_t at = 0;
    for (int axis = 0; axis < v->ndim; axis++)
        at = at * v->shape[axis] + index[axis];
    return at;
}

static int is_close(double z, double want, double tolerance)
{
    if (isnan(want) || isnan(z))
        return isnan(want) && isnan(z);
    if (tolerance <= 0 || isinf(want) || isinf(z))
        return !(z < want) && !(z > want) && (tolerance > 0 || !signbit(z) == !signbit(want));
    return fabs(z - want) <= tolerance * (1 + fabs(want));
}

void assert_values(gradc_tensor *z, const struct values *want, double tolerance, const char *what)
{
    struct values got = values_read(z);
    int same = got.dtype == want->dtype && got.ndim == want->ndim;
    for (int i = 0; same && i < got.ndim; i++)
        same = got.shape[i] == want->shape[i];
    if (!same)
        fail_msg("%s: %s of %d dimensions and %lld elements, not %s of %d and %lld", what,
                 gradc_dtype_name(got.dtype), got.ndim, (long long)got.n, gradc_dtype_name(want->dtype),
                 want->ndim, (long long)want->n);
    for (int64_t i = 0; i < got.n; i++)
        if (!is_close(got.at[i], want->at[i], tolerance))
            fail_msg("%s: element %lld of %lld is %.17g, not %.17g", what, (long long)i, (long long)got.n,
                     got.at[i], want->at[i]);
    values_free(&got);
}

void assert_same(gradc_tensor *x, gradc_tensor *y, const char *what)
{
    assert_int_equal(gradc_dtype_of(x), gradc_dtype_of(y));
    assert_int_equal(gradc_ndim(x), gradc_ndim(y));
    assert_int_equal(gradc_bytes(x), gradc_bytes(y));
    unsigned char *one = read_bytes(x), *two = read_bytes(y);
    int64_t size = (int64_t)gradc_dtype_size(gradc_dtype_of(x));
    for (int64_t i = 0; i < gradc_bytes(x); i++)
        if (one[i] != two[i])
            fail_msg("%s: element %lld is %.17g and %.17g", what, (long long)(i / size),
                     number_at(gradc_dtype_of(x), one, i / size), number_at(gradc_dtype_of(x), two, i / size));
    free(one);
    free(two);
}

double loose(gradc_dtype dtype)
{
    if (dtype == GRADC_F16)
        return 1e-3;
    if (dtype == GRADC_BF16)
        return 8e-3;
    return dtype == GRADC_F64 ? 1e-13 : 1e-5;
}

/* ---- Operands ---- */

const char *const form_names[FORMS] = {"plain", "permuted", "sliced", "expanded"};

enum { MOST_OPERANDS = 4096 };
static gradc_tensor *made[MOST_OPERANDS];
static int nmade;

static gradc_tensor *keep(gradc_tensor *t)
{
    assert_in_range(nmade, 0, MOST_OPERANDS - 1);
    made[nmade++] = t;
    return t;
}

void operands_free(gradc_context *g)
{
    gradc_tape_clear(g);
    while (nmade > 0)
        gradc_release(made[--nmade]);
}

gradc_tensor *operand(gradc_context *g, gradc_dtype dtype, enum form form, const int64_t *shape, double low,
                      double high, struct random *r)
{
    int64_t base[GRADC_MAX_NDIM + 1];
    int ndim = 0, axes[GRADC_MAX_NDIM];
    for (; shape[ndim] >= 0; ndim++)
        base[ndim] = shape[ndim];
    base[ndim] = -1;
    if (ndim == 0 || (form == EXPANDED && shape[ndim - 1] == 0))
        form = PLAIN;
    for (int i = 0; i < ndim; i++)
        axes[i] = ndim - 1 - i;
    if (form == PERMUTED)
        for (int i = 0; i < ndim; i++)
            base[i] = shape[axes[i]];
    if (form == SLICED)
        base[ndim - 1] = 2 * shape[ndim - 1] + 1;
    if (form == EXPANDED)
        base[ndim - 1] = 1;
    gradc_tensor *t = keep(tensor_random(g, dtype, base, low, high, r));
    switch (form) {
    case PERMUTED: return gradc_permute(t, ndim, axes);
    case SLICED: return gradc_slice(t, -1, 1, INT64_MAX, 2);
    case EXPANDED: return gradc_expand(t, ndim, shape);
    default: return t;
    }
}

gradc_tensor *operand_of(gradc_context *g, gradc_dtype dtype, const int64_t *shape, const double *numbers)
{
    struct random r = {1};
    gradc_tensor *t = keep(tensor_random(g, dtype, shape, 0, 1, &r));
    void *data = read_bytes(t);
    for (int64_t i = 0; i < gradc_numel(t); i++)
        set_number(dtype, data, i, numbers[i]);
    assert_int_equal(gradc_write(t, data, (size_t)gradc_bytes(t)), GRADC_OK);
    free(data);
    return t;
}

/* ---- Failures and devices ---- */

void assert_refused(gradc_context *g, gradc_tensor *z, gradc_status status, const char *op)
{
    char begin[64];
    snprintf(begin, sizeof begin, "%s:", op);
    assert_null(z);
    if (strncmp(gradc_message(g), begin, strlen(begin)) != 0)
        fail_msg("\"%s\" does not begin with \"%s\"", gradc_message(g), begin);
    assert_failed(g, status, NULL);
}

void assert_agrees(struct fixture *f, gradc_tensor *(*run)(gradc_context *g, struct random *r), double tolerance)
{
    int same = strcmp(f->device, "cpu") == 0;
    gradc_context *cpu = test_open("cpu");
    struct random one = {test_seed()}, two = one;
    assert_int_equal(gradc_set(cpu, "threads", "1"), GRADC_OK);
    if (same)
        assert_int_equal(gradc_set(f->g, "threads", "2"), GRADC_OK);
    gradc_tensor *x = run(f->g, &one), *y = run(cpu, &two);
    assert_works(f->g);
    assert_works(cpu);
    if (same || tolerance <= 0) {
        assert_same(x, y, same ? "two threads, one thread" : f->device);
    } else {
        struct values want = values_read(y);
        assert_values(x, &want, tolerance, f->device);
        values_free(&want);
    }
    gradc_tape_clear(cpu);
    operands_free(f->g);
    gradc_close(cpu);
}
