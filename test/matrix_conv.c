/* matrix_conv.c - convolutions by matrix units in their three directions, as matrix_units.c tests products.  OpenCL
 * devices alone.
 *
 * usage: matrix_conv [FILTER]     such as "*planned": only the tests whose name matches */
#include <math.h>

#include "support/conv_rules.h"
#include "support/matrix.h"

#ifndef GRADC_NO_OPENCL
#include "device/opencl/matrix.h"
#include "device/opencl/tuning.h"

/* ---- Convolutions ---- */

struct layer {
    struct naive_conv c;
    enum conv_kind kind;
    int64_t x[5], w[5], z[5];
    int more; /* a bias, or its gradient */
};

static struct layer make_layer(struct random *r, int kind)
{
    struct layer l = {.kind = (enum conv_kind)(kind % 3), .more = (int)random_below(r, 2)};
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
static struct values changed(const double *x, const int64_t *shape, const struct matrix_machine *m,
                             double (*f)(double x, enum matrix_rounding to))
{
    struct values v = values_new(GRADC_F32, 4, shape);
    for (int64_t i = 0; x && i < v.n; i++)
        v.at[i] = f(x[i], m->rounding);
    return v;
}

static double absolute(double x, enum matrix_rounding to)
{
    (void)to;
    return fabs(x);
}

/* The result of `made` from the other two operands, through f. */
static struct values convolved(const struct layer *l, const struct matrix_machine *m, double *const x[3],
                               double (*f)(double x, enum matrix_rounding to))
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

static struct conv engine_layer(const struct layer *l, const struct matrix_machine *m)
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

static void run_layer(const struct matrix_machine *m, struct conv *p)
{
    struct failure f = {0};
    p->workspace = matrix_workspace_new(m, conv_matrix.workspace(m->d, p));
    matrix_works(conv_matrix.run(m->d, p, 1, &f), &f);
    matrix_works(m->d->table->prepared(m->d, &f), &f);
    matrix_works(conv_matrix.run(m->d, p, 0, &f), &f);
    matrix_works(m->d->table->finish(m->d, &f), &f);
    m->d->table->slab_free(m->d, p->workspace.slab);
}

/* got[0] the result, got[1] the bias's gradient. */
static void judge_layer(const struct matrix_machine *m, const struct layer *l, double *const x[4],
                        double *const got[2], const char *what)
{
    const int64_t pixels = l->z[2] * l->z[3],
                  depths[] = {l->w[1] * l->w[2] * l->w[3], l->w[0] * l->w[2] * l->w[3], l->z[0] * pixels};
    struct values want = convolved(l, m, x, matrix_rounded), total = convolved(l, m, x, absolute);
    for (int64_t i = 0; i < want.n; i++) {
        if (l->kind == CONV_FORWARD && l->more)
            want.at[i] += x[3][i / pixels % l->z[1]];
        if (!matrix_near(m, got[0][i], want.at[i], total.at[i], depths[l->kind]))
            fail_msg("%s: element %d is %.9g, not %.9g", what, (int)i, got[0][i], want.at[i]);
    }
    for (int64_t channel = 0; l->kind == CONV_WEIGHT && l->more && channel < l->w[0]; channel++) {
        double sum = 0;
        for (int64_t i = 0; i < l->z[0] * pixels; i++)
            sum += x[NAIVE_Z][(i / pixels * l->z[1] + channel) * pixels + i % pixels];
        if (!matrix_near(m, got[1][channel], sum, (double)(l->z[0] * pixels), l->z[0] * pixels))
            fail_msg("%s: the sum of channel %d is %.9g, not %.9g", what, (int)channel, got[1][channel], sum);
    }
    values_free(&want);
    values_free(&total);
}

static void one_layer(const struct matrix_machine *m, struct layer l, struct random *r, int number)
{
    static const char *const kinds[] = {"forward", "input", "weight"};
    static const enum naive_part parts[] = {NAIVE_Z, NAIVE_X, NAIVE_W};
    const int64_t *const shapes[] = {[NAIVE_Z] = l.z, [NAIVE_X] = l.x, [NAIVE_W] = l.w};
    const enum naive_part made = parts[l.kind];
    int64_t counts[3];
    double *x[4], *got[2];
    struct view v[3], row;
    struct conv p = engine_layer(&l, m);
    char what[240];
    for (int i = 0; i < 3; i++) {
        counts[i] = shapes[i][0] * shapes[i][1] * shapes[i][2] * shapes[i][3];
        x[i] = i == (int)made ? NULL : matrix_numbers(m, counts[i], r);
        v[i] = matrix_memory(m, x[i], counts[i]);
    }
    x[3] = matrix_numbers(m, l.w[0], r);
    row = matrix_memory(m, l.kind == CONV_FORWARD ? x[3] : NULL, l.w[0]);
    p.x = v[NAIVE_X];
    p.w = v[NAIVE_W];
    p.z = v[NAIVE_Z];
    p.bias = l.kind == CONV_FORWARD && l.more ? &row : NULL;
    p.db = l.kind == CONV_WEIGHT && l.more ? &row : NULL;
    snprintf(what, sizeof what,
             "convolution %d, %s, %s of %s: x [%d,%d,%d,%d], w [%d,%d,%d,%d], stride %d,%d, padding %d,%d, "
             "dilation %d,%d%s",
             number, kinds[l.kind], matrix_rounding_names[m->rounding], gradc_dtype_name(m->dtype),
             (int)l.x[0], (int)l.x[1], (int)l.x[2], (int)l.x[3], (int)l.w[0], (int)l.w[1], (int)l.w[2],
             (int)l.w[3], l.c.stride[0], l.c.stride[1], l.c.padding[0], l.c.padding[1], l.c.dilation[0],
             l.c.dilation[1], l.more ? ", bias" : "");
    run_layer(m, &p);
    got[0] = matrix_read(m, &v[made], counts[made]);
    got[1] = matrix_read(m, &row, l.w[0]);
    judge_layer(m, &l, x, got, what);
    for (int i = 0; i < 3; i++)
        matrix_forget(m, &v[i]);
    matrix_forget(m, &row);
    for (int i = 0; i < 4; i++)
        free(x[i]);
    free(got[0]);
    free(got[1]);
}

static void random_layer(const struct matrix_machine *m, struct random *r, int number)
{
    one_layer(m, make_layer(r, number), r, number);
}

/* Nearly each has a program of its own, which takes its time to build. */
static void random_convolutions(struct fixture *f)
{
    matrix_problems(f, test_long() ? 30 : 2, random_layer);
}

/* For Oclgrind, as in matrix_units.c. */
static void tiny_layer(const struct matrix_machine *m, struct random *r, int number)
{
    if (number % 2 && !test_all())
        return;
    struct layer l = {
        .c = {{1 + number / 3, 1}, {1, 0}, {1, 1}, 1}, .kind = (enum conv_kind)(number % 3), .more = 1};
    memcpy(l.x, (int64_t[]){2, 2, 5, 4}, 4 * sizeof *l.x);
    memcpy(l.w, (int64_t[]){3, 2, 3, 1}, 4 * sizeof *l.w);
    naive_conv_shape(&l.c, l.x, l.w, l.z);
    one_layer(m, l, r, number);
}

static void tiny_convolutions(struct fixture *f)
{
    if (test_long())
        matrix_problems(f, 1, tiny_layer);
}

/* ---- Programs, for vendors.sh: on a device with a matrix unit those that differ are built, and nothing is run ---- */

static void build_layer(const struct matrix_machine *m, int kind, int64_t width)
{
    struct failure f = {0};
    struct view view = {.dtype = m->dtype};
    struct layer l = {.c = {{1, 1}, {1, 1}, {1, 1}, 1},
                      .kind = (enum conv_kind)kind,
                      .x = {8, 128, 8, width},
                      .w = {128, 128, 3, 3}};
    naive_conv_shape(&l.c, l.x, l.w, l.z);
    struct conv p = engine_layer(&l, m);
    p.db = kind == CONV_WEIGHT ? &view : NULL;
    matrix_works(conv_matrix.run(m->d, &p, 1, &f), &f);
}

static void programs_build(struct fixture *f)
{
    struct matrix_machine m = {0};
    struct failure failure = {0};
    matrix_works(device_open(f->device, &m.d, &failure), &failure);
    for (int kind = 0; kind < MATRIX_KINDS && !f->eager; kind++) {
        matrix_choose(&m, kind);
        if (!matrix_has_kind(&m))
            continue;
        for (int i = 0; i < 6; i++)
            build_layer(&m, i % 3, i / 3 ? 7 : 8);
        matrix_works(m.d->table->prepared(m.d, &failure), &failure);
    }
    m.d->table->close(m.d);
}

/* ---- When it is taken ---- */

static int takes_layer(struct device *d, gradc_dtype dtype, enum math math, int groups)
{
    static const struct rule_row layer = {2, 64, 8, 64, 0};
    struct conv p = rule_problem(&layer, groups, CONV_FORWARD);
    p.dtype = dtype;
    d->math = math;
    return conv_matrix.applies(d, &p) && conv_matrix.pays(d, &p);
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
            assert_int_equal(takes_layer(m.d, dtype, (enum math)math, 1), rows[i].taken[math]);
            assert_int_equal(takes_layer(m.d, dtype, (enum math)math, 64), 0);
            /* f32 are not rounded there: Winograd's form comes first, where it applies. */
            m.d->matrix = MATRIX_MFMA_EMULATED;
            assert_int_equal(takes_layer(m.d, dtype, (enum math)math, 1),
                             rows[i].taken[math] && !(dtype == GRADC_F32 && math == MATH_TF32));
            assert_int_equal(takes_layer(m.d, dtype, (enum math)math, 2),
                             rows[i].taken[math] || (dtype == GRADC_F32 && math == MATH_FAST));
            m.d->matrix = MATRIX_INTEL_8_EMULATED;
            assert_int_equal(takes_layer(m.d, dtype, (enum math)math, 1),
                             rows[i].taken[math] && !(dtype == GRADC_F32 && math == MATH_TF32));
            m.d->matrix = MATRIX_INTEL_16_EMULATED;
            assert_int_equal(takes_layer(m.d, dtype, (enum math)math, 1), rows[i].taken[math]);
            m.d->matrix = MATRIX_NONE;
            assert_int_equal(takes_layer(m.d, dtype, (enum math)math, 1), 0);
        }
    m.d->table->close(m.d);
}

/* A form that would not be taken is not tested, which takes seconds. */
static void untaken_is_not_tried(struct fixture *f)
{
    static const struct rule_row layer = {2, 64, 8, 64, 0};
    const struct conv p = rule_problem(&layer, 1, CONV_FORWARD);
    if (strcmp(f->device, "cpu") == 0 || f->eager)
        return;
    struct matrix_machine m = matrix_open(f);
    m.d->matrix = MATRIX_MFMA_EMULATED;
    m.d->math = MATH_FAST;
    assert_true(conv_matrix.applies(m.d, &p));
    assert_false(conv_matrix.pays(m.d, &p));
    (void)opencl_conv_workspace(m.d, &p);
    assert_null(tuning_verdict(m.d, TUNED_FORWARD, p.dtype, "matrix"));
    m.d->table->close(m.d);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {{"random convolutions", random_convolutions},
                                        {"tiny convolutions", tiny_convolutions},
                                        {"programs", programs_build},
                                        {"settings choose", settings_choose},
                                        {"what is not taken is not tried", untaken_is_not_tried}};
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return RUN_SUITE("matrix_conv", tests);
}

#else
int main(void)
{
    return 0;
}
#endif
