/* matrix_units.c - matrix products by matrix units, with the unit emulated (opencl/matrix_emulated.cl), against
 * loops in double over operands that are rounded as the unit rounds them; and when this form is taken.  OpenCL
 * devices alone.
 *
 * usage: matrix_units [FILTER]     such as "*planned": only the tests whose name matches */
#include <math.h>

#include "support/matrix.h"

#ifndef GRADC_NO_OPENCL
#include "core/context.h"
#include "device/opencl/matrix.h"

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

static struct problem make(const struct matrix_machine *m, struct random *r)
{
    struct problem q = {.p = {.dtype = m->dtype, .m = size(r, 300), .n = size(r, 300), .k = size(r, 200)}};
    struct gemm *p = &q.p;
    if (random_below(r, 4) == 0)
        p->k = 256 + random_below(r, 900); /* split, where tiles are few */
    if (m->d->info.cuts_loops && p->k > 256)
        p->k = 256;
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
static void loops(const struct matrix_machine *m, const struct gemm *p, const double *a, const double *b,
                  double *sum, double *row_sum, double *total)
{
    *sum = *row_sum = *total = 0;
    for (int64_t k = 0; k < p->k; k++) {
        const double x = a[k * p->a_col], y = matrix_rounded(b[k * p->b_row], m->rounding);
        *sum += matrix_rounded(x, m->rounding) * y;
        *total += fabs(x * y);
        *row_sum += x;
    }
}

/* Element (i, j) of every matrix of the batch. */
static void judge(const struct matrix_machine *m, const struct problem *q, double *const x[5], const char *what)
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
        if (!matrix_near(m, got, want, total, p->k))
            fail_msg("%s: [%d,%d] of batch %d is %.9g, not %.9g", what, (int)i, (int)j,
                     (int)(at / p->n / p->m), got, want);
        if (p->row_sums && j == 0 && !matrix_near(m, x[4][i], row_sum, (double)p->k, p->k))
            fail_msg("%s: the sum of row %d is %.9g, not %.9g", what, (int)i, x[4][i], row_sum);
    }
}

static void run_product(const struct matrix_machine *m, const struct gemm *p)
{
    struct failure f = {0};
    struct place workspace = matrix_workspace_new(m, gemm_matrix.workspace(m->d, p));
    matrix_works(gemm_matrix.run(m->d, p, workspace, 1, &f), &f);
    matrix_works(m->d->table->prepared(m->d, &f), &f);
    matrix_works(gemm_matrix.run(m->d, p, workspace, 0, &f), &f);
    matrix_works(m->d->table->finish(m->d, &f), &f);
    m->d->table->slab_free(m->d, workspace.slab);
}

static void one_product(const struct matrix_machine *m, struct problem q, struct random *r, int number)
{
    struct gemm *p = &q.p;
    char what[200];
    double *x[5] = {matrix_numbers(m, q.sizes[0], r), matrix_numbers(m, q.sizes[1], r), NULL,
                    matrix_numbers(m, p->n, r), NULL};
    struct view a = matrix_memory(m, x[0], q.sizes[0]), b = matrix_memory(m, x[1], q.sizes[1]),
                c = matrix_memory(m, NULL, q.sizes[2]);
    q.bias = matrix_memory(m, x[3], p->n);
    q.bias.layout = (struct layout){.ndim = 1, .shape = {p->n}, .stride = {1}};
    q.sums = matrix_memory(m, NULL, p->m);
    a.layout = p->a.layout;
    b.layout = p->b.layout;
    p->a = a;
    p->b = b;
    p->c = c;
    if (random_below(r, 2))
        p->bias = &q.bias;
    if (p->nbatch == 0 && random_below(r, 2))
        p->row_sums = &q.sums;
    snprintf(what, sizeof what, "product %d, %s of %s: %d x %d x %d, A %d,%d, B %d,%d, %d batch axes%s%s",
             number, matrix_rounding_names[m->rounding], gradc_dtype_name(m->dtype), (int)p->m, (int)p->n,
             (int)p->k, (int)p->a_row, (int)p->a_col, (int)p->b_row, (int)p->b_col, (int)p->nbatch,
             p->bias ? ", bias" : "", p->row_sums ? ", sums" : "");
    run_product(m, p);
    x[2] = matrix_read(m, &c, q.sizes[2]);
    x[4] = matrix_read(m, &q.sums, p->m);
    judge(m, &q, x, what);
    matrix_forget(m, &a);
    matrix_forget(m, &b);
    matrix_forget(m, &c);
    matrix_forget(m, &q.bias);
    matrix_forget(m, &q.sums);
    for (int i = 0; i < 5; i++)
        free(x[i]);
}

static void random_product(const struct matrix_machine *m, struct random *r, int number)
{
    one_product(m, make(m, r), r, number);
}

/* Nearly each has a program of its own, which takes its time to build. */
static void random_products(struct fixture *f)
{
    matrix_problems(f, test_long() ? 30 : 2, random_product);
}

/* For Oclgrind, which takes its time to run, so with GRADC_TEST_LONG, and every other one of all kinds of all units; A
 * and B by each of the ways. */
static void tiny_product(const struct matrix_machine *m, struct random *r, int number)
{
    const int aligned = number / 2 % 2, turned = number / 4 % 2;
    if (number % 2 && !test_all())
        return;
    struct problem q = {.p = {.dtype = m->dtype, .m = 3, .n = 10, .k = 18 + number}};
    const int64_t deep = aligned ? 24 : 23, across = aligned ? 16 : 15;
    q.p.a_row = turned ? 1 : deep;
    q.p.a_col = turned ? across : 1;
    q.p.b_row = turned ? across : 1;
    q.p.b_col = turned ? 1 : deep;
    q.p.c_row = q.p.n;
    q.sizes[0] = q.sizes[1] = 24 * 24;
    q.sizes[2] = q.p.m * q.p.n;
    one_product(m, q, r, number);
}

static void tiny_products(struct fixture *f)
{
    if (test_long())
        matrix_problems(f, 1, tiny_product);
}

/* ---- Programs, for vendors.sh: on a device with a matrix unit those that differ are built, and nothing is run ---- */

static void build_product(const struct matrix_machine *m, int64_t size, const int64_t strides[4])
{
    struct failure f = {0};
    struct view view = {.dtype = m->dtype};
    struct gemm p = {.dtype = m->dtype,
                     .m = size,
                     .n = size,
                     .k = size,
                     .a_row = strides[0],
                     .a_col = strides[1],
                     .b_row = strides[2],
                     .b_col = strides[3],
                     .c_row = size};
    if (strides[0] != 1)
        p.row_sums = &view;
    matrix_works(gemm_matrix.run(m->d, &p, (struct place){0}, 1, &f), &f);
}

static void programs_build(struct fixture *f)
{
    static const int64_t sizes[] = {64, 256},
                         layouts[][4] = {{256, 1, 1, 256}, {1, 256, 256, 1}, {256, 1, 256, 1},
                                         {257, 1, 1, 257}, {1, 257, 257, 1}, {256, 1, 257, 1}};
    struct matrix_machine m = {0};
    struct failure failure = {0};
    matrix_works(device_open(f->device, &m.d, &failure), &failure);
    for (int kind = 0; kind < MATRIX_KINDS && !f->eager; kind++) {
        matrix_choose(&m, kind);
        if (!matrix_has_kind(&m))
            continue;
        for (int i = 0; i < 2; i++)
            for (int j = 0; j < 6; j++)
                build_product(&m, sizes[i], layouts[j]);
        matrix_works(m.d->table->prepared(m.d, &failure), &failure);
    }
    m.d->table->close(m.d);
}

/* ---- When it is taken ---- */

static int takes_product(struct device *d, gradc_dtype dtype, enum math math, int64_t m, int64_t n, int64_t k)
{
    const struct gemm p = {.dtype = dtype, .m = m, .n = n, .k = k, .a_row = k, .a_col = 1, .b_row = n, .b_col = 1};
    d->math = math;
    return gemm_matrix.applies(d, &p);
}

/* Winograd's products, for one, may not be rounded. */
static int takes_exact(struct device *d, enum math math)
{
    const struct gemm p = {.dtype = GRADC_F32, .m = 64, .n = 64, .k = 64, .exact = 1};
    d->math = math;
    return gemm_matrix.applies(d, &p);
}

static void settings_choose(struct fixture *f)
{
    static const struct {
        gradc_dtype dtype;
        int taken[MATHS];
    } rows[] = {{GRADC_F32, {[MATH_TF32] = 1, [MATH_BF16] = 1}},
                {GRADC_F64, {0}},
                {GRADC_BF16, {[MATH_FAST] = 1, [MATH_TF32] = 1, [MATH_BF16] = 1}},
                {GRADC_F16, {[MATH_FAST] = 1, [MATH_TF32] = 1, [MATH_BF16] = 1}}};
    if (strcmp(f->device, "cpu") == 0 || f->eager)
        return;
    struct matrix_machine m = matrix_open(f);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int math = 0; math < MATHS; math++) {
            const gradc_dtype dtype = rows[i].dtype;
            m.d->matrix = MATRIX_EMULATED;
            assert_int_equal(takes_product(m.d, dtype, (enum math)math, 64, 64, 64), rows[i].taken[math]);
            assert_int_equal(takes_product(m.d, dtype, (enum math)math, 16, 64, 64), 0);
            m.d->matrix = MATRIX_AMD_EMULATED;
            assert_int_equal(takes_product(m.d, dtype, (enum math)math, 64, 64, 64),
                             rows[i].taken[math] && !(dtype == GRADC_F32 && math == MATH_TF32));
            m.d->matrix = MATRIX_MFMA_EMULATED;
            assert_int_equal(takes_product(m.d, dtype, (enum math)math, 64, 64, 64),
                             rows[i].taken[math] || (dtype == GRADC_F32 && math == MATH_FAST));
            m.d->matrix = MATRIX_INTEL_8_EMULATED;
            assert_int_equal(takes_product(m.d, dtype, (enum math)math, 64, 64, 64),
                             rows[i].taken[math] && !(dtype == GRADC_F32 && math == MATH_TF32));
            m.d->matrix = MATRIX_INTEL_16_EMULATED;
            assert_int_equal(takes_product(m.d, dtype, (enum math)math, 64, 64, 64), rows[i].taken[math]);
            m.d->matrix = MATRIX_NONE;
            assert_int_equal(takes_product(m.d, dtype, (enum math)math, 64, 64, 64), 0);
        }
    for (int math = 0; math < MATHS; math++) {
        m.d->matrix = MATRIX_EMULATED;
        assert_int_equal(takes_exact(m.d, (enum math)math), 0);
        m.d->matrix = MATRIX_MFMA_EMULATED;
        assert_int_equal(takes_exact(m.d, (enum math)math), math == MATH_FAST || math == MATH_TF32);
    }
    m.d->table->close(m.d);
}

/* ---- In a context: a chain takes up the results, and the bias's gradient is the sums of rows ---- */

enum { RESULTS = 4 };

/* relu(linear + residual), and the gradients of the linear part alone: relu's mask is no matter of rounding. */
static void program(gradc_context *g, gradc_tensor *const x[5], gradc_tensor *kept[RESULTS])
{
    gradc_tensor *dx[3];
    kept[0] = gradc_retain(gradc_relu(gradc_add(gradc_linear(x[0], x[1], x[2]), x[3])));
    assert_int_equal(gradc_gradients(gradc_linear(x[0], x[1], x[2]), x[4], 3, x, dx), GRADC_OK);
    for (int i = 0; i < 3; i++)
        kept[1 + i] = gradc_retain(dx[i]);
    assert_int_equal(gradc_sync(g), GRADC_OK);
    gradc_tape_clear(g);
}

/* Another setting rounds otherwise, as far as it may, and other numbers than strict's show that it does. */
static void contexts_use_them(struct fixture *f)
{
    static const int64_t shapes[5][3] = {{40, 36, -1}, {33, 36, -1}, {33, -1}, {40, 33, -1}, {40, 33, -1}};
    if (strcmp(f->device, "cpu") == 0)
        return;
    struct random r = {test_seed()};
    gradc_tensor *x[5], *plain[RESULTS], *rounded[RESULTS];
    for (int i = 0; i < 5; i++)
        x[i] = tensor_random(f->g, GRADC_F32, shapes[i], -1, 1, &r);
    for (int i = 0; i < 3; i++)
        gradc_requires_grad(x[i], 1);
    program(f->g, x, plain);
    assert_int_equal(gradc_set(f->g, "math", "tf32"), GRADC_OK);
    f->g->device->matrix = MATRIX_EMULATED;
    program(f->g, x, rounded);
    for (int i = 0; i < RESULTS; i++) {
        struct values want = values_read(plain[i]), got = values_read(rounded[i]);
        assert_values(rounded[i], &want, 8e-3, "with a matrix unit");
        int64_t other = 0;
        for (int64_t at = 0; at < want.n; at++)
            other += got.at[at] != want.at[at];
        assert_true(i == 3 ? other < want.n : other > want.n / 4);
        values_free(&want);
        values_free(&got);
        gradc_release(plain[i]);
        gradc_release(rounded[i]);
    }
    for (int i = 0; i < 5; i++)
        gradc_release(x[i]);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {{"random products", random_products},
                                        {"tiny products", tiny_products},
                                        {"programs", programs_build},
                                        {"settings choose", settings_choose},
                                        {"contexts use them", contexts_use_them}};
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return RUN_SUITE("matrix_units", tests);
}

#else
int main(void)
{
    return 0;
}
#endif
