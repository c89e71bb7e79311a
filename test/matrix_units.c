/* matrix_units.c - products and convolutions by matrix units, with the unit emulated (opencl/matrix_emulated.cl), against
 * loops in double over operands that are rounded as the unit rounds them; and when these forms are taken.
 *
 * Only OpenCL devices are looked at. */
#include <math.h>

#include "device/opencl/matrix.h"
#include "support/naive.h"

/* ---- Numbers and memory ---- */

/* What operands are rounded to. */
enum rounding { TF32, BF16, F16, ROUNDINGS };
static const char *const rounding_names[] = {"tf32", "bf16", "f16"};

/* To so many bits of precision, ties to even or away from zero. */
static double rounded(double x, enum rounding to)
{
    static const int bits[] = {11, 8, 11};
    int exponent;
    const double scaled = ldexp(frexp(x, &exponent), bits[to]);
    const double near = to == TF32 ? copysign(floor(fabs(scaled) + 0.5), x) : rint(scaled);
    return ldexp(near, exponent - bits[to]);
}

/* A number that f16 and bf16 hold, and its bits. */
static uint16_t bits_of(double x, gradc_dtype dtype)
{
    float single = (float)x;
    uint32_t bits;
    memcpy(&bits, &single, sizeof bits);
    if (dtype == GRADC_BF16)
        return (uint16_t)(bits >> 16);
    if (x == 0)
        return 0;
    return (uint16_t)((bits >> 16 & 0x8000) | (((bits >> 23 & 0xff) - 112) << 10) | (bits >> 13 & 0x3ff));
}

static double number_of(uint16_t bits, gradc_dtype dtype)
{
    const uint32_t wide = (uint32_t)bits << 16;
    const int exponent = bits >> 10 & 31;
    float single;
    memcpy(&single, &wide, sizeof single);
    if (dtype == GRADC_BF16)
        return (double)single;
    const double part = exponent ? 1024 + (bits & 1023) : bits & 1023;
    return ldexp(bits & 0x8000 ? -part : part, (exponent ? exponent : 1) - 25);
}

struct machine {
    struct device *d;
    gradc_dtype dtype;
    enum rounding rounding;
};

/* n numbers in [-1, 1), without small ones: f16's would be denormal. */
static double *numbers(const struct machine *m, int64_t n, struct random *r)
{
    double *x = malloc((size_t)(n + 1) * sizeof *x);
    assert_non_null(x);
    for (int64_t i = 0; i < n; i++) {
        x[i] = (double)(float)random_real(r, -1, 1);
        if (fabs(x[i]) < 1e-3)
            x[i] = 0;
        if (m->dtype != GRADC_F32)
            x[i] = rounded(x[i], m->rounding);
    }
    return x;
}

static void works(gradc_status status, const struct failure *f)
{
    if (status != GRADC_OK)
        fail_msg("%s", f->text);
}

/* Memory of n elements; NULL: NaN. */
static struct view memory(const struct machine *m, const double *x, int64_t n)
{
    struct failure f = {0};
    struct view v = {.dtype = m->dtype};
    const size_t size = gradc_dtype_size(m->dtype);
    unsigned char *bytes = malloc((size_t)n * size + 1);
    memset(bytes, 0xff, (size_t)n * size);
    for (int64_t i = 0; x && i < n; i++) {
        const float single = (float)x[i];
        const uint16_t half = bits_of(x[i], m->dtype);
        memcpy(bytes + (size_t)i * size, size == 4 ? (const void *)&single : (const void *)&half, size);
    }
    works(m->d->table->slab_new(m->d, (size_t)n * size + 16, &v.at.slab, &f), &f);
    works(m->d->table->write(m->d, v.at, bytes, (size_t)n * size, &f), &f);
    free(bytes);
    return v;
}

static double *read_back(const struct machine *m, const struct view *v, int64_t n)
{
    struct failure f = {0};
    const size_t size = gradc_dtype_size(m->dtype);
    unsigned char *bytes = malloc((size_t)n * size + 1);
    double *x = malloc((size_t)(n + 1) * sizeof *x);
    works(m->d->table->read(m->d, bytes, v->at, (size_t)n * size, &f), &f);
    for (int64_t i = 0; i < n; i++) {
        float single = 0;
        uint16_t half = 0;
        memcpy(size == 4 ? (void *)&single : (void *)&half, bytes + (size_t)i * size, size);
        x[i] = size == 4 ? (double)single : number_of(half, m->dtype);
    }
    free(bytes);
    return x;
}

static void forget(const struct machine *m, struct view *v)
{
    m->d->table->slab_free(m->d, v->at.slab);
}

static struct place workspace_new(const struct machine *m, size_t bytes)
{
    struct failure f = {0};
    struct place place = {0};
    works(m->d->table->slab_new(m->d, bytes + 16, &place.slab, &f), &f);
    return place;
}

/* Each operand is of f32, or of 16 bits where they are rounded so. */
static struct machine machine_open(const struct fixture *f)
{
    struct machine m = {.dtype = GRADC_F32};
    struct failure failure = {0};
    works(device_open(f->device, &m.d, &failure), &failure);
    m.d->matrix = MATRIX_EMULATED;
    return m;
}

static void machine_choose(struct machine *m, int kind)
{
    static const gradc_dtype dtypes[] = {GRADC_F32, GRADC_F32, GRADC_BF16, GRADC_F16};
    static const enum rounding roundings[] = {TF32, BF16, BF16, F16};
    static const enum math maths[] = {MATH_TF32, MATH_BF16, MATH_FAST, MATH_FAST};
    m->dtype = dtypes[kind];
    m->rounding = roundings[kind];
    m->d->math = maths[kind];
}

/* got, of a sum of `depth` products whose absolute values add up to `size`: f32 sums, and one rounding of 16 bits. */
static int is_near(const struct machine *m, double got, double want, double size, int64_t depth)
{
    const double half = m->dtype == GRADC_F32 ? 0 : m->dtype == GRADC_BF16 ? ldexp(1, -8) : ldexp(1, -10);
    return fabs(got - want) <= (double)(depth + 4) * ldexp(size, -24) + half * fabs(want) + 1e-7;
}

/* ---- Products ---- */

struct problem {
    struct gemm p;
    int64_t sizes[3]; /* elements of A, B, C */
    struct view bias, sums;
};

static int64_t size(struct random *r, int64_t longest)
{
    static const int64_t edges[] = {1, 2, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 96, 127, 128, 129};
    switch (random_below(r, 6)) {
    case 0: return 1 + random_below(r, longest);
    case 1:
    case 2:
    case 3: return edges[random_below(r, sizeof edges / sizeof *edges)];
    default: return 1 + random_below(r, 40);
    }
}

/* Strides of rows x columns, with gaps; returns the elements up to the end. */
static int64_t lay(int64_t rows, int64_t columns, int64_t *row, int64_t *column, struct random *r)
{
    const int64_t gap = random_below(r, 3) ? 0 : 1 + random_below(r, 9);
    const int even = (int)random_below(r, 2), turned = (int)random_below(r, 2);
    int64_t pitch = (turned ? rows : columns) + gap;
    if (even)
        pitch = (pitch + 7) / 8 * 8;
    *row = turned ? 1 : pitch;
    *column = turned ? pitch : 1;
    if (random_below(r, 10) == 0) {
        *row *= 2;
        *column *= 2;
    }
    return (rows - 1) * *row + (columns - 1) * *column + 1;
}

static struct problem make(const struct machine *m, struct random *r)
{
    struct problem q = {.p = {.dtype = m->dtype, .m = size(r, 300), .n = size(r, 300), .k = size(r, 200)}};
    struct gemm *p = &q.p;
    if (random_below(r, 4) == 0)
        p->k = 256 + random_below(r, 900); /* split, where tiles are few */
    q.sizes[0] = lay(p->m, p->k, &p->a_row, &p->a_col, r);
    q.sizes[1] = lay(p->k, p->n, &p->b_row, &p->b_col, r);
    p->c_row = p->n + (random_below(r, 4) ? 0 : 3);
    q.sizes[2] = p->m * p->c_row;
    p->nbatch = random_below(r, 3) ? 0 : 1 + (int32_t)random_below(r, 3);
    for (int32_t i = p->nbatch - 1; i >= 0; i--) {
        p->batch[i] = 1 + random_below(r, 3);
        p->a_batch[i] = random_below(r, 4) ? (q.sizes[0] + 3) / 4 * 4 : 0;
        p->b_batch[i] = random_below(r, 4) ? q.sizes[1] + (random_below(r, 2) ? 8 - q.sizes[1] % 8 : 0) : 0;
        p->c_batch[i] = q.sizes[2];
        q.sizes[0] += (p->batch[i] - 1) * p->a_batch[i];
        q.sizes[1] += (p->batch[i] - 1) * p->b_batch[i];
        q.sizes[2] *= p->batch[i];
    }
    p->a.layout.offset = random_below(r, 3) ? 0 : random_below(r, 9);
    p->b.layout.offset = random_below(r, 3) ? 0 : 8;
    q.sizes[0] += p->a.layout.offset;
    q.sizes[1] += p->b.layout.offset;
    return q;
}

/* One element of C and the row sum; the sum of the absolute values of what was added. */
static void loops(const struct machine *m, const struct gemm *p, const double *a, const double *b, double *sum,
                  double *row_sum, double *total)
{
    *sum = *row_sum = *total = 0;
    for (int64_t k = 0; k < p->k; k++) {
        const double x = a[k * p->a_col], y = rounded(b[k * p->b_row], m->rounding);
        *sum += rounded(x, m->rounding) * y;
        *total += fabs(x * y);
        *row_sum += x;
    }
}

/* Element (i, j) of every matrix of the batch. */
static void judge(const struct machine *m, const struct problem *q, double *const x[5], const char *what)
{
    const struct gemm *p = &q->p;
    int64_t count = 1;
    for (int32_t i = 0; i < p->nbatch; i++)
        count *= p->batch[i];
    for (int64_t at = 0; at < count * p->m * p->n; at++) {
        const int64_t i = at / p->n % p->m, j = at % p->n;
        int64_t batch = at / p->n / p->m, a = p->a.layout.offset, b = p->b.layout.offset, c = 0;
        for (int32_t axis = p->nbatch - 1; axis >= 0; axis--) {
            const int64_t index = batch % p->batch[axis];
            batch /= p->batch[axis];
            a += index * p->a_batch[axis];
            b += index * p->b_batch[axis];
            c += index * p->c_batch[axis];
        }
        double want, row_sum, total;
        loops(m, p, x[0] + a + i * p->a_row, x[1] + b + j * p->b_col, &want, &row_sum, &total);
        if (p->bias)
            want += x[3][j];
        const double got = x[2][c + i * p->c_row + j];
        if (!is_near(m, got, want, total, p->k))
            fail_msg("%s: [%d,%d] of batch %d is %.9g, not %.9g", what, (int)i, (int)j, (int)(at / p->n / p->m),
                     got, want);
        if (p->row_sums && j == 0 && !is_near(m, x[4][i], row_sum, (double)p->k, p->k))
            fail_msg("%s: the sum of row %d is %.9g, not %.9g", what, (int)i, x[4][i], row_sum);
    }
}

static void run_product(const struct machine *m, const struct gemm *p)
{
    struct failure f = {0};
    struct place workspace = workspace_new(m, gemm_matrix.workspace(m->d, p));
    works(gemm_matrix.run(m->d, p, workspace, 1, &f), &f);
    works(m->d->table->prepared(m->d, &f), &f);
    works(gemm_matrix.run(m->d, p, workspace, 0, &f), &f);
    works(m->d->table->finish(m->d, &f), &f);
    m->d->table->slab_free(m->d, workspace.slab);
}

static void one_product(const struct machine *m, struct random *r, int number)
{
    struct problem q = make(m, r);
    struct gemm *p = &q.p;
    char what[200];
    double *x[5] = {numbers(m, q.sizes[0], r), numbers(m, q.sizes[1], r), NULL, numbers(m, p->n, r), NULL};
    struct view a = memory(m, x[0], q.sizes[0]), b = memory(m, x[1], q.sizes[1]), c = memory(m, NULL, q.sizes[2]);
    q.bias = memory(m, x[3], p->n);
    q.bias.layout = (struct layout){.ndim = 1, .shape = {p->n}, .stride = {1}};
    q.sums = memory(m, NULL, p->m);
    a.layout = p->a.layout;
    b.layout = p->b.layout;
    p->a = a;
    p->b = b;
    p->c = c;
    if (random_below(r, 2))
        p->bias = &q.bias;
    if (p->nbatch == 0 && random_below(r, 2))
        p->row_sums = &q.sums;
    snprintf(what, sizeof what, "product %d, %s of %s: %d x %d x %d, A %d,%d, B %d,%d, %d batch axes%s%s", number,
             rounding_names[m->rounding], gradc_dtype_name(m->dtype), (int)p->m, (int)p->n, (int)p->k,
             (int)p->a_row, (int)p->a_col, (int)p->b_row, (int)p->b_col, (int)p->nbatch, p->bias ? ", bias" : "",
             p->row_sums ? ", sums" : "");
    run_product(m, p);
    x[2] = read_back(m, &c, q.sizes[2]);
    x[4] = read_back(m, &q.sums, p->m);
    judge(m, &q, x, what);
    forget(m, &a);
    forget(m, &b);
    forget(m, &c);
    forget(m, &q.bias);
    forget(m, &q.sums);
    for (int i = 0; i < 5; i++)
        free(x[i]);
}

/* ---- Convolutions ---- */

struct layer {
    struct naive_conv c;
    enum conv_kind kind;
    int64_t x[5], w[5], z[5];
    int more; /* a bias, or its gradient */
};

static struct layer make_layer(const struct machine *m, struct random *r, int kind)
{
    struct layer l = {.kind = (enum conv_kind)(kind % 3), .more = (int)random_below(r, 2)};
    (void)m;
    do {
        const int usual = (int)random_below(r, 2);
        l.c.groups = random_below(r, 4) ? 1 : 2;
        l.x[0] = 1 + random_below(r, 3);
        l.w[1] = 1 + random_below(r, random_below(r, 2) ? 40 : 9);
        l.x[1] = l.w[1] * l.c.groups;
        l.w[0] = l.c.groups * (1 + random_below(r, random_below(r, 3) ? 40 : 100));
        if (random_below(r, 2))
            l.w[1] = l.x[1] = 8 * (1 + random_below(r, 4)) * (l.c.groups = 1);
        for (int k = 0; k < 2; k++) {
            l.w[2 + k] = usual ? 3 : 1 + random_below(r, 4);
            l.x[2 + k] = random_below(r, 2) ? 8 : 1 + random_below(r, 15);
            l.c.stride[k] = usual ? 1 : 1 + (int)random_below(r, 3);
            l.c.dilation[k] = usual ? 1 : 1 + (int)random_below(r, 2);
            l.c.padding[k] = usual ? 1 : (int)random_below(r, 3);
        }
        naive_conv_shape(&l.c, l.x, l.w, l.z);
    } while (l.z[2] < 1 || l.z[3] < 1);
    return l;
}

/* The operand, each number changed by f. */
static struct values changed(const double *x, const int64_t *shape, const struct machine *m,
                             double (*f)(double x, enum rounding to))
{
    struct values v = values_new(GRADC_F32, 4, shape);
    for (int64_t i = 0; x && i < v.n; i++)
        v.at[i] = f(x[i], m->rounding);
    return v;
}

static double absolute(double x, enum rounding to)
{
    (void)to;
    return fabs(x);
}

/* The result of `made` from the other two operands, through f. */
static struct values convolved(const struct layer *l, const struct machine *m, double *const x[3],
                               double (*f)(double x, enum rounding to))
{
    const int64_t *const shapes[] = {[NAIVE_Z] = l->z, [NAIVE_X] = l->x, [NAIVE_W] = l->w};
    static const enum naive_part parts[] = {NAIVE_Z, NAIVE_X, NAIVE_W};
    struct values v[3];
    for (int i = 0; i < 3; i++)
        v[i] = changed(x[i], shapes[i], m, f);
    naive_conv(&l->c, parts[l->kind], &v[NAIVE_X], &v[NAIVE_W], &v[NAIVE_Z]);
    for (int i = 0; i < 3; i++)
        if (i != (int)parts[l->kind])
            values_free(&v[i]);
    return v[parts[l->kind]];
}

static struct conv engine_layer(const struct layer *l, const struct machine *m)
{
    return (struct conv){.kind = l->kind,
                         .dtype = m->dtype,
                         .batch = l->x[0],
                         .in = l->x[1],
                         .height = l->x[2],
                         .width = l->x[3],
                         .out = l->w[0],
                         .kh = l->w[2],
                         .kw = l->w[3],
                         .out_height = l->z[2],
                         .out_width = l->z[3],
                         .groups = l->c.groups,
                         .stride_h = l->c.stride[0],
                         .stride_w = l->c.stride[1],
                         .padding_h = l->c.padding[0],
                         .padding_w = l->c.padding[1],
                         .dilation_h = l->c.dilation[0],
                         .dilation_w = l->c.dilation[1]};
}

static void run_layer(const struct machine *m, struct conv *p)
{
    struct failure f = {0};
    p->workspace = workspace_new(m, conv_matrix.workspace(m->d, p));
    works(conv_matrix.run(m->d, p, 1, &f), &f);
    works(m->d->table->prepared(m->d, &f), &f);
    works(conv_matrix.run(m->d, p, 0, &f), &f);
    works(m->d->table->finish(m->d, &f), &f);
    m->d->table->slab_free(m->d, p->workspace.slab);
}

/* got[0] the result, got[1] the bias's gradient. */
static void judge_layer(const struct machine *m, const struct layer *l, double *const x[4], double *const got[2],
                        const char *what)
{
    const int64_t pixels = l->z[2] * l->z[3], depths[] = {l->w[1] * l->w[2] * l->w[3], l->w[0] * l->w[2] * l->w[3],
                                                          l->z[0] * pixels};
    struct values want = convolved(l, m, x, rounded), total = convolved(l, m, x, absolute);
    for (int64_t i = 0; i < want.n; i++) {
        if (l->kind == CONV_FORWARD && l->more)
            want.at[i] += x[3][i / pixels % l->z[1]];
        if (!is_near(m, got[0][i], want.at[i], total.at[i], depths[l->kind]))
            fail_msg("%s: element %d is %.9g, not %.9g", what, (int)i, got[0][i], want.at[i]);
    }
    for (int64_t channel = 0; l->kind == CONV_WEIGHT && l->more && channel < l->w[0]; channel++) {
        double sum = 0;
        for (int64_t i = 0; i < l->z[0] * pixels; i++)
            sum += x[NAIVE_Z][(i / pixels * l->z[1] + channel) * pixels + i % pixels];
        if (!is_near(m, got[1][channel], sum, (double)(l->z[0] * pixels), l->z[0] * pixels))
            fail_msg("%s: the sum of channel %d is %.9g, not %.9g", what, (int)channel, got[1][channel], sum);
    }
    values_free(&want);
    values_free(&total);
}

static void one_layer(const struct machine *m, struct random *r, int number)
{
    static const char *const kinds[] = {"forward", "input", "weight"};
    static const enum naive_part parts[] = {NAIVE_Z, NAIVE_X, NAIVE_W};
    const struct layer l = make_layer(m, r, number);
    const int64_t *const shapes[] = {[NAIVE_Z] = l.z, [NAIVE_X] = l.x, [NAIVE_W] = l.w};
    const enum naive_part made = parts[l.kind];
    int64_t counts[3];
    double *x[4], *got[2];
    struct view v[3], row;
    struct conv p = engine_layer(&l, m);
    char what[240];
    for (int i = 0; i < 3; i++) {
        counts[i] = shapes[i][0] * shapes[i][1] * shapes[i][2] * shapes[i][3];
        x[i] = i == (int)made ? NULL : numbers(m, counts[i], r);
        v[i] = memory(m, x[i], counts[i]);
    }
    x[3] = numbers(m, l.w[0], r);
    row = memory(m, l.kind == CONV_FORWARD ? x[3] : NULL, l.w[0]);
    p.x = v[NAIVE_X];
    p.w = v[NAIVE_W];
    p.z = v[NAIVE_Z];
    p.bias = l.kind == CONV_FORWARD && l.more ? &row : NULL;
    p.db = l.kind == CONV_WEIGHT && l.more ? &row : NULL;
    snprintf(what, sizeof what,
             "convolution %d, %s, %s of %s: x [%d,%d,%d,%d], w [%d,%d,%d,%d], stride %d,%d, padding %d,%d, "
             "dilation %d,%d%s",
             number, kinds[l.kind], rounding_names[m->rounding], gradc_dtype_name(m->dtype), (int)l.x[0],
             (int)l.x[1], (int)l.x[2], (int)l.x[3], (int)l.w[0], (int)l.w[1], (int)l.w[2], (int)l.w[3],
             l.c.stride[0], l.c.stride[1], l.c.padding[0], l.c.padding[1], l.c.dilation[0], l.c.dilation[1],
             l.more ? ", bias" : "");
    run_layer(m, &p);
    got[0] = read_back(m, &v[made], counts[made]);
    got[1] = read_back(m, &row, l.w[0]);
    judge_layer(m, &l, x, got, what);
    for (int i = 0; i < 3; i++)
        forget(m, &v[i]);
    forget(m, &row);
    for (int i = 0; i < 4; i++)
        free(x[i]);
    free(got[0]);
    free(got[1]);
}

static void random_problems(struct fixture *f, int count, void (*one)(const struct machine *, struct random *, int))
{
    if (strcmp(f->device, "cpu") == 0 || f->eager)
        return;
    struct random r = {test_seed()};
    struct machine m = machine_open(f);
    for (int i = 0; i < count; i++) {
        machine_choose(&m, i % 4);
        one(&m, &r, i);
    }
    m.d->table->close(m.d);
}

/* Nearly each has a program of its own, which takes its time to build. */
static void random_products(struct fixture *f)
{
    random_problems(f, test_long() ? 400 : 12, one_product);
}

static void random_convolutions(struct fixture *f)
{
    random_problems(f, test_long() ? 400 : 12, one_layer);
}

int main(void)
{
    static const struct test tests[] = {{"random products", random_products},
                                        {"random convolutions", random_convolutions}};
    return RUN_SUITE("matrix_units", tests);
}
