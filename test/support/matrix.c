/* matrix.c - see matrix.h. */
#include "matrix.h"

#ifndef GRADC_NO_OPENCL
#include <math.h>

#include "device/opencl/matrix.h"

const char *const matrix_rounding_names[] = {"tf32", "bf16", "f16", "f32"};

/* To so many bits of precision, ties to even or away from zero. */
double matrix_rounded(double x, enum matrix_rounding to)
{
    static const int bits[] = {11, 8, 11, 24};
    int exponent;
    const double scaled = ldexp(frexp(x, &exponent), bits[to]);
    const double near = to == TF32 ? copysign(floor(fabs(scaled) + 0.5), x) : rint(scaled);
    return ldexp(near, exponent - bits[to]);
}

/* n numbers in [-1, 1), without small ones: f16's would be denormal. */
double *matrix_numbers(const struct matrix_machine *m, int64_t n, struct random *r)
{
    double *x = malloc((size_t)(n + 1) * sizeof *x);
    assert_non_null(x);
    for (int64_t i = 0; i < n; i++) {
        x[i] = (double)(float)random_real(r, -1, 1);
        if (fabs(x[i]) < 1e-3)
            x[i] = 0;
        if (m->dtype != GRADC_F32)
            x[i] = matrix_rounded(x[i], m->rounding);
    }
    return x;
}

void matrix_works(gradc_status status, const struct failure *f)
{
    if (status != GRADC_OK)
        fail_msg("%s", f->text);
}

/* Memory of n elements; NULL: NaN. */
struct view matrix_memory(const struct matrix_machine *m, const double *x, int64_t n)
{
    struct failure f = {0};
    struct view v = {.dtype = m->dtype};
    const size_t size = gradc_dtype_size(m->dtype);
    unsigned char *bytes = malloc((size_t)n * size + 1);
    memset(bytes, 0xff, (size_t)n * size);
    for (int64_t i = 0; x && i < n; i++) {
        const float single = (float)x[i];
        const uint16_t half = (uint16_t)(size == 2 ? half_pattern(m->dtype, x[i]) : 0);
        memcpy(bytes + (size_t)i * size, size == 4 ? (const void *)&single : (const void *)&half, size);
    }
    matrix_works(m->d->table->slab_new(m->d, (size_t)n * size + 16, &v.at.slab, &f), &f);
    matrix_works(m->d->table->write(m->d, v.at, bytes, (size_t)n * size, &f), &f);
    free(bytes);
    return v;
}

double *matrix_read(const struct matrix_machine *m, const struct view *v, int64_t n)
{
    struct failure f = {0};
    const size_t size = gradc_dtype_size(m->dtype);
    unsigned char *bytes = malloc((size_t)n * size + 1);
    double *x = malloc((size_t)(n + 1) * sizeof *x);
    matrix_works(m->d->table->read(m->d, bytes, v->at, (size_t)n * size, &f), &f);
    for (int64_t i = 0; i < n; i++) {
        float single = 0;
        uint16_t half = 0;
        memcpy(size == 4 ? (void *)&single : (void *)&half, bytes + (size_t)i * size, size);
        x[i] = size == 4 ? (double)single : half_number(m->dtype, half);
    }
    free(bytes);
    return x;
}

void matrix_forget(const struct matrix_machine *m, struct view *v)
{
    m->d->table->slab_free(m->d, v->at.slab);
}

struct place matrix_workspace_new(const struct matrix_machine *m, size_t bytes)
{
    struct failure f = {0};
    struct place place = {0};
    matrix_works(m->d->table->slab_new(m->d, bytes + 16, &place.slab, &f), &f);
    return place;
}

struct matrix_machine matrix_open(const struct fixture *f)
{
    struct matrix_machine m = {.dtype = GRADC_F32};
    struct failure failure = {0};
    matrix_works(device_open(f->device, &m.d, &failure), &failure);
    m.d->matrix = MATRIX_EMULATED;
    return m;
}

void matrix_choose(struct matrix_machine *m, int kind)
{
    static const gradc_dtype dtypes[MATRIX_KINDS] = {GRADC_F32, GRADC_BF16, GRADC_F16, GRADC_F32, GRADC_F32};
    static const enum matrix_rounding roundings[] = {BF16, BF16, F16, TF32, WHOLE};
    static const enum math maths[] = {MATH_BF16, MATH_FAST, MATH_FAST, MATH_TF32, MATH_FAST};
    m->dtype = dtypes[kind];
    m->rounding = roundings[kind];
    m->d->math = maths[kind];
}

/* got, of a sum of `depth` products whose absolute values add up to `size`: f32 sums, and one rounding of 16 bits. */
int matrix_near(const struct matrix_machine *m, double got, double want, double size, int64_t depth)
{
    const double half = m->dtype == GRADC_F32 ? 0 : m->dtype == GRADC_BF16 ? ldexp(1, -8) : ldexp(1, -10);
    return fabs(got - want) <= (double)(depth + 4) * ldexp(size, -24) + half * fabs(want) + 1e-7;
}

static const int32_t emulated[] = {MATRIX_EMULATED, MATRIX_AMD_EMULATED, MATRIX_MFMA_EMULATED,
                                   MATRIX_INTEL_8_EMULATED, MATRIX_INTEL_16_EMULATED};

/* Whether the unit computes in the kind that was chosen, and as that says. */
int matrix_has_kind(const struct matrix_machine *m)
{
    return matrix_computes(m->d, m->dtype) && (m->rounding == WHOLE) == matrix_is_exact(m->d, m->dtype);
}

/* Problems of all kinds in turn. */
void matrix_problems(struct fixture *f, int rounds,
                     void (*one)(const struct matrix_machine *, struct random *, int))
{
    if (strcmp(f->device, "cpu") == 0 || f->eager)
        return;
    struct random r = {test_seed()};
    struct matrix_machine m = matrix_open(f);
    for (int i = 0, number = 0; i < rounds; i++)
        for (size_t u = 0; u < sizeof emulated / sizeof emulated[0]; u++)
            for (int kind = 0; kind < MATRIX_KINDS; kind++) {
                m.d->matrix = emulated[u];
                matrix_choose(&m, kind);
                if (matrix_has_kind(&m))
                    one(&m, &r, number++);
            }
    m.d->table->close(m.d);
}
#endif
