/* winograd.c - convolutions by Winograd's minimal filtering: the engines of the CPU and of OpenCL against loops in
 * double, whatever the rules would choose; the CPU's rule (winograd_forms.c has OpenCL's); and the setting "math" with
 * a program that a convolution ends. */
#include <math.h>

#include "core/context.h"
#include "device/cpu/conv_winograd.h"
#ifndef GRADC_NO_OPENCL
#include "device/opencl/conv_winograd.h"
#endif
#include "support/conv_rules.h"
#include "support/naive.h"

enum {
    PROBLEMS = 40,
    FUSED = 0 /* for m: OpenCL's form with tiles of 2x2 in one kernel */
};

/* ---- The engines ---- */

/* Most |error|, as a part of the sum of the absolute values of one operand times the largest of the other, for each m
 * and kind.  16-bit results are rounded once more. */
static const double bounds[2][3] = {{1e-6, 1e-6, 1e-6}, {1e-5, 1e-5, 1e-5}};

struct problem {
    struct naive_conv c;
    gradc_dtype dtype;
    int64_t x[5], w[5], z[5];
    int more;     /* a bias, or its gradient */
    int64_t most; /* OpenCL: bytes of a part */
};

/* Sometimes with more channels than a block has, but few pixels. */
static struct problem make(struct random *r, int groups)
{
    struct problem p = {.c = {{1, 1}, {0, 0}, {1, 1}, groups}, .w = {0, 0, 3, 3, -1}};
    p.more = (int)random_below(r, 2);
    const int many = random_below(r, 10) == 0;
    const int64_t most = random_below(r, 2) && !many ? 40 : 9, channels = many ? 600 / groups : 70 / groups;
    do {
        p.x[0] = 1 + random_below(r, 3);
        p.w[1] = 1 + random_below(r, random_below(r, 2) ? channels : 20);
        p.x[1] = p.w[1] * groups;
        p.w[0] = (1 + random_below(r, random_below(r, 2) ? channels : 20)) * groups;
        for (int k = 0; k < 2; k++) {
            p.x[2 + k] = 1 + random_below(r, most);
            p.c.padding[k] = (int)random_below(r, random_below(r, 4) ? 3 : 5);
        }
        naive_conv_shape(&p.c, p.x, p.w, p.z);
    } while (p.z[2] < 1 || p.z[3] < 1);
    return p;
}

static int is_half(gradc_dtype dtype)
{
    return dtype == GRADC_F16 || dtype == GRADC_BF16;
}

/* Numbers in [-1, 1) that the dtype and f32 hold. */
static struct values numbers(gradc_dtype dtype, int ndim, const int64_t *shape, struct random *r)
{
    struct values v = values_new(GRADC_F32, ndim, shape);
    for (int64_t i = 0; i < v.n; i++)
        v.at[i] = value_rounded(is_half(dtype) ? dtype : GRADC_F32, random_real(r, -1, 1));
    return v;
}

/* Sums of absolute values of v [n0,n1,...] for each index of an axis.  Of axis 1 there is one set for each of as many
 * groups along axis 0. */
static struct values sizes(const struct values *v, int axis, int groups)
{
    const int64_t n = v->shape[axis] * groups, each = v->shape[0] / groups;
    struct values s = values_new(GRADC_F32, 1, &n);
    int64_t index[GRADC_MAX_NDIM];
    for (int64_t i = 0; i < v->n; i++) {
        values_index(v, i, index);
        s.at[(groups > 1 ? index[0] / each * v->shape[axis] : 0) + index[axis]] += fabs(v->at[i]);
    }
    return s;
}

/* Memory of the device with v's numbers; NULL: NaN, `bytes` of them. */
static struct view memory(struct device *d, gradc_dtype dtype, const struct values *v, size_t bytes)
{
    struct failure f = {0};
    struct view view = {.dtype = dtype};
    const size_t size = gradc_dtype_size(dtype);
    bytes = v ? (size_t)v->n * size : bytes;
    void *numbers = malloc(bytes + 1);
    assert_non_null(numbers);
    memset(numbers, 0xff, bytes);
    for (int64_t i = 0; v && i < v->n; i++)
        set_number(dtype, numbers, i, v->at[i]);
    assert_int_equal(d->table->slab_new(d, bytes + 1, &view.at.slab, &f), GRADC_OK);
    assert_int_equal(d->table->write(d, view.at, numbers, bytes, &f), GRADC_OK);
    free(numbers);
    return view;
}

static void forget(struct device *d, struct view *v)
{
    d->table->slab_free(d, v->at.slab);
}

/* What is in a view: n numbers, to be freed. */
static void *look(struct device *d, const struct view *v, int64_t n)
{
    struct failure f = {0};
    const size_t bytes = (size_t)n * gradc_dtype_size(v->dtype);
    void *numbers = malloc(bytes + 1);
    assert_non_null(numbers);
    assert_int_equal(d->table->read(d, numbers, v->at, bytes, &f), GRADC_OK);
    return numbers;
}

static void run_cpu(struct device *d, struct conv *p, int m, const char *threads)
{
    struct failure f = {0};
    size_t (*engine)(struct device *, const struct conv *, int64_t, int) =
        p->kind == CONV_WEIGHT ? conv_winograd_weight : conv_winograd;
    assert_int_equal(d->table->set(d, "threads", threads, &f), GRADC_OK);
    struct view workspace = memory(d, p->dtype, NULL, engine(d, p, m, 0));
    p->workspace = workspace.at;
    engine(d, p, m, 1);
    forget(d, &workspace);
}

/* In parts of `most` bytes. */
static void run_opencl(struct device *d, struct conv *p, int m, int64_t most)
{
#ifndef GRADC_NO_OPENCL
    struct failure f = {0};
    const size_t bytes = m == FUSED ? opencl_fused_workspace(d, p) : opencl_winograd_workspace(d, p, m, most);
    struct view workspace = memory(d, p->dtype, NULL, bytes);
    p->workspace = workspace.at;
    for (int prepare = 1; prepare >= 0; prepare--) {
        assert_int_equal(m == FUSED ? opencl_fused(d, p, prepare, &f)
                                    : opencl_winograd(d, p, m, most, prepare, &f),
                         GRADC_OK);
        if (prepare)
            assert_int_equal(d->table->prepared(d, &f), GRADC_OK);
    }
    assert_int_equal(d->table->finish(d, &f), GRADC_OK);
    forget(d, &workspace);
#else
    (void)d, (void)p, (void)m, (void)most;
#endif
}

/* Runs a problem, the second time with more threads; the result is in the view of its operand. */
static void run(struct device *d, struct conv *p, int m, int64_t most, int time)
{
    if (d->opencl)
        run_opencl(d, p, m, most);
    else
        run_cpu(d, p, m, time == 0 ? "1" : "2");
}

static struct conv engine_problem(const struct problem *p, enum conv_kind kind)
{
    return (struct conv){.kind = kind,
                         .dtype = p->dtype,
                         .batch = p->x[0],
                         .in = p->x[1],
                         .height = p->x[2],
                         .width = p->x[3],
                         .out = p->w[0],
                         .kh = 3,
                         .kw = 3,
                         .out_height = p->z[2],
                         .out_width = p->z[3],
                         .groups = p->c.groups,
                         .stride_h = 1,
                         .stride_w = 1,
                         .padding_h = p->c.padding[0],
                         .padding_w = p->c.padding[1],
                         .dilation_h = 1,
                         .dilation_w = 1};
}

/* What a 16-bit number that was rounded once is off. */
static double own_rounding(gradc_dtype dtype, double number)
{
    if (!is_half(dtype))
        return 0;
    return (dtype == GRADC_F16 ? 0x1.01p-11 : 0x1.01p-8) * fabs(number) + 0x1p-25;
}

/* got against want; size: of the sums for each index of want's axis. */
static void judge(struct device *d, const struct view *got, const struct values *want,
                  const struct values *size, int axis, int m, int kind, const struct problem *p)
{
    void *all = look(d, got, want->n);
    int64_t index[GRADC_MAX_NDIM];
    const double bound = bounds[m == 4][kind] * (p->dtype == GRADC_F64 ? 0x1p-29 : 1);
    for (int64_t i = 0; i < want->n; i++) {
        const double z = number_at(p->dtype, all, i);
        values_index(want, i, index);
        const double most = bound * size->at[index[axis]] + own_rounding(p->dtype, want->at[i]);
        if (!(fabs(z - want->at[i]) <= most))
            fail_msg("m %d, kind %d: x [%d,%d,%d,%d], out %d, groups %d, padding %d,%d, %s in parts of %d bytes: "
                     "element %d is %g, not %g",
                     m, kind, (int)p->x[0], (int)p->x[1], (int)p->x[2], (int)p->x[3], (int)p->w[0],
                     p->c.groups, p->c.padding[0], p->c.padding[1], gradc_dtype_name(p->dtype), (int)p->most,
                     (int)i, z, want->at[i]);
    }
    free(all);
}

/* What one kind must give, and how large its sums are. */
struct wanted {
    enum naive_part to;
    struct values result, size, db;
    int axis; /* of the result that size counts */
};

static struct wanted want(const struct problem *p, int kind, const struct values v[3], const struct values *bias)
{
    static const enum naive_part parts[] = {NAIVE_Z, NAIVE_X, NAIVE_W};
    static const int axes[] = {1, 1, 0};
    struct wanted w = {.to = parts[kind], .axis = axes[kind], .db = values_new(GRADC_F32, 1, p->w)};
    struct values all[3] = {v[0], v[1], v[2]};
    w.result = all[w.to] = values_new(GRADC_F32, 4, v[w.to].shape);
    if (kind == CONV_WEIGHT)
        w.size = sizes(&v[NAIVE_Z], 1, 1);
    else
        w.size = sizes(&v[NAIVE_W], kind == CONV_INPUT, kind == CONV_INPUT ? p->c.groups : 1);
    const int64_t pixels = p->z[2] * p->z[3];
    for (int64_t i = 0; kind == CONV_FORWARD && p->more && i < w.result.n; i++)
        w.result.at[i] = bias->at[i / pixels % p->w[0]];
    for (int64_t i = 0; i < v[NAIVE_Z].n; i++)
        w.db.at[i / pixels % p->w[0]] += v[NAIVE_Z].at[i];
    naive_conv(&p->c, w.to, &all[NAIVE_X], &all[NAIVE_W], &all[NAIVE_Z]);
    return w;
}

/* One of the three, from the other two and the bias; twice. */
static void one_kind(struct device *d, const struct problem *p, int kind, const struct values v[3],
                     const struct values *bias, int m)
{
    struct wanted w = want(p, kind, v, bias);
    const size_t bytes = (size_t)w.result.n * gradc_dtype_size(p->dtype);
    struct view views[3], row = memory(d, p->dtype, bias, 0), again = memory(d, p->dtype, NULL, bytes);
    for (int i = 0; i < 3; i++)
        views[i] = memory(d, p->dtype, i == (int)w.to ? NULL : &v[i], bytes);
    struct conv c = engine_problem(p, (enum conv_kind)kind);
    c.bias = kind == CONV_FORWARD && p->more ? &row : NULL;
    c.db = kind == CONV_WEIGHT && p->more ? &row : NULL;
    for (int i = 0; i < 2; i++) {
        c.x = views[NAIVE_X];
        c.w = views[NAIVE_W];
        c.z = views[NAIVE_Z];
        run(d, &c, m, p->most, i);
        if (i == 0) {
            judge(d, &views[w.to], &w.result, &w.size, w.axis, m, kind, p);
            if (c.db)
                judge(d, &row, &w.db, &w.size, 0, m, kind, p);
            struct view first = views[w.to];
            views[w.to] = again;
            again = first;
        }
    }
    void *first = look(d, &again, w.result.n), *second = look(d, &views[w.to], w.result.n);
    assert_memory_equal(first, second, bytes);
    free(first);
    free(second);
    for (int i = 0; i < 3; i++)
        forget(d, &views[i]);
    forget(d, &again);
    forget(d, &row);
    values_free(&w.result);
    values_free(&w.size);
    values_free(&w.db);
}

/* As the device is, or as a large GPU would be cut and computed on. */
static void pretend(struct device *d, const struct device_info *facts, int is_gpu)
{
    d->info = *facts;
    if (!d->opencl || !is_gpu)
        return;
    strcpy(d->info.kind, "gpu");
    d->info.units = 1000;
}

/* f64 is OpenCL's alone.  Kernels take long to build: by default what a GPU gets is in f16, what a processor gets in
 * bf16. */
static gradc_dtype dtype_for(const struct device *d, int i)
{
    static const gradc_dtype all[] = {GRADC_F32, GRADC_F16, GRADC_BF16, GRADC_F64};
    if (!d->opencl)
        return all[i / 2 % 3];
    if (test_long())
        return d->info.f64 ? all[i % 4] : all[i % 3];
    if (i % 4 != 1)
        return GRADC_F32;
    return strcmp(d->info.kind, "gpu") == 0 ? GRADC_F16 : GRADC_BF16;
}

static void engines_against_loops(struct fixture *f)
{
    struct random r = {test_seed()};
    struct device *d = NULL;
    struct failure failure = {0};
    if (f->eager)
        return;
    assert_int_equal(device_open(f->device, &d, &failure), GRADC_OK);
    const struct device_info facts = d->info;
    for (int i = 0; i < (test_long() ? 20 : 1) * PROBLEMS; i++) {
        struct problem p = make(&r, random_below(&r, 3) == 0 ? 2 + (int)random_below(&r, 4) : 1);
        pretend(d, &facts, i % 3 == 2);
        p.dtype = dtype_for(d, i);
        p.most = i % 2 ? 1 << 26 : 1 << (i / 2 % 4 + 16);
        struct values v[3], bias = numbers(p.dtype, 1, p.w, &r);
        v[NAIVE_X] = numbers(p.dtype, 4, p.x, &r);
        v[NAIVE_W] = numbers(p.dtype, 4, p.w, &r);
        v[NAIVE_Z] = numbers(p.dtype, 4, p.z, &r);
        for (int kind = 0; kind < 3; kind++) {
            for (int m = 2; m <= 4; m += 2)
                one_kind(d, &p, kind, v, &bias, m);
            if (d->opencl && kind != CONV_WEIGHT && p.dtype != GRADC_F64)
                one_kind(d, &p, kind, v, &bias, FUSED);
        }
        for (int k = 0; k < 3; k++)
            values_free(&v[k]);
        values_free(&bias);
    }
    d->table->close(d);
}

/* ---- The CPU's rule ---- */

static const struct rule_row cpu_choices[] = {
    {8, 64, 224, 64, 4},    {8, 512, 14, 512, 4}, {1, 512, 14, 512, 2},  {1, 64, 28, 64, 4},
    {1, 64, 7, 64, 2},      {1, 64, 5, 64, 0},    {128, 512, 2, 512, 2}, {128, 512, 4, 512, 4},
    {8, 16, 28, 16, 4},     {8, 7, 28, 16, 0},    {8, 16, 28, 7, 0},     {8, 1024, 14, 1024, 2},
    {8, 2048, 14, 2048, 0}, {0, 64, 28, 64, 0},   {.batch = -1}};
static const struct rule_row cpu_few_channels[] = {{8, 15, 28, 16, 0}, {8, 16, 28, 15, 0}, {.batch = -1}};
static const struct rule_row cpu_few_of_weight[] = {{8, 8, 28, 16, 4}, {8, 15, 28, 8, 4}, {.batch = -1}};
static const struct rule_row cpu_groups[] = {{8, 128, 28, 128, 4},   {8, 56, 28, 128, 0},
                                             {8, 128, 28, 56, 0},    {1, 512, 14, 128, 2},
                                             {8, 2048, 14, 2048, 2}, {.batch = -1}};

static void shapes_choose(struct fixture *f)
{
    static const struct rule rules[] = {
        {"any", cpu_choices, winograd_tile, 1, ALL, 1},
        {"few channels", cpu_few_channels, winograd_tile, 1, FORWARD | INPUT, 1},
        {"few channels, weight gradient", cpu_few_of_weight, winograd_tile, 1, WEIGHT, 1},
        {"groups", cpu_groups, winograd_tile, 8, ALL, 1}};
    if (!f->eager && strcmp(f->device, "cpu") == 0)
        assert_rules(rules, sizeof rules / sizeof *rules);
}

/* ---- The setting ---- */

enum { RESULTS = 4 };

struct layer {
    gradc_dtype dtype;
    int64_t x[5], out, groups;
};

static gradc_tensor *convolve(gradc_tensor *const x[5])
{
    return gradc_conv2d_full(x[0], x[1], x[2], 1, 1, 1, 1, 1, 1,
                             (int)(gradc_size(x[0], 1) / gradc_size(x[1], 1)));
}

/* relu(conv2d + residual), and the gradients of the convolution alone: relu's mask is no matter of rounding. */
static void program(gradc_context *g, gradc_tensor *const x[5], const char *math, gradc_tensor *kept[RESULTS])
{
    gradc_tensor *dx[3];
    assert_int_equal(gradc_set(g, "math", math), GRADC_OK);
    kept[0] = gradc_retain(gradc_relu(gradc_add(convolve(x), x[3])));
    assert_int_equal(gradc_gradients(convolve(x), x[4], 3, x, dx), GRADC_OK);
    for (int i = 0; i < 3; i++)
        kept[1 + i] = gradc_retain(i == 0 ? gradc_relu(dx[i]) : dx[i]);
    assert_int_equal(gradc_sync(g), GRADC_OK);
    gradc_tape_clear(g);
}

static int differs(gradc_tensor *x, gradc_tensor *y)
{
    struct values p = values_read(x), q = values_read(y);
    const int different = memcmp(p.at, q.at, (size_t)p.n * sizeof *p.at) != 0;
    values_free(&p);
    values_free(&q);
    return different;
}

static void make_operands(gradc_context *g, const struct layer *l, gradc_tensor *x[5])
{
    struct random r = {test_seed()};
    x[0] = operand(g, l->dtype, PLAIN, l->x, -1, 1, &r);
    x[1] = operand(g, l->dtype, PLAIN, SHAPE_OF(l->out, l->x[1] / l->groups, 3, 3), -0.1, 0.1, &r);
    x[2] = operand(g, l->dtype, PLAIN, SHAPE_OF(l->out), -1, 1, &r);
    for (int i = 3; i < 5; i++)
        x[i] = operand(g, l->dtype, PLAIN, SHAPE_OF(l->x[0], l->out, l->x[2], l->x[3]), -0.1, 0.1, &r);
    for (int i = 0; i < 3; i++)
        gradc_requires_grad(x[i], 1);
}

static void forget_all(gradc_tensor *const kept[RESULTS])
{
    for (int i = 0; i < RESULTS; i++)
        gradc_release(kept[i]);
}

/* Whether its rule takes what these tests compute, which is too small for a GPU's. */
static int takes(gradc_context *g)
{
    char kind[16];
    assert_int_equal(gradc_device_info(gradc_context_device(g), "kind", kind, sizeof kind), GRADC_OK);
    return strcmp(kind, "cpu") == 0;
}

/* "strict" is something else, and nearly the same; "fast" again gives the same bits as before. */
static void math_of(struct fixture *f, const struct layer *l)
{
    gradc_context *g = f->g;
    gradc_tensor *fast[RESULTS], *strict[RESULTS], *again[RESULTS], *x[5];
    make_operands(g, l, x);
    program(g, x, "fast", fast);
    program(g, x, "strict", strict);
    program(g, x, "fast", again);
    for (int i = 0; i < RESULTS; i++) {
        struct values want = values_read(strict[i]);
        assert_values(fast[i], &want, 1e-4 + 2 * own_rounding(l->dtype, 2), "fast against strict");
        assert_same(fast[i], again[i], "fast again");
        if (i < 3 && l->dtype == GRADC_F32) /* not db; and rounding to 16 bits leaves few differences */
            assert_int_equal(differs(fast[i], strict[i]), takes(g));
        values_free(&want);
    }
    forget_all(fast);
    forget_all(strict);
    forget_all(again);
    operands_free(g);
}

/* Of so many layers; kernels take long to build, so OpenCL has the first of them. */
static size_t some_of(const struct fixture *f, size_t layers, size_t opencl)
{
    return f->g->device->opencl ? opencl : layers;
}

static void fast_and_strict(struct fixture *f)
{
    static const struct layer layers[] = {
        {GRADC_F32, {3, 20, 29, 27, -1}, 36, 1},  {GRADC_F32, {9, 33, 18, 17, -1}, 23, 1},
        {GRADC_BF16, {2, 40, 21, 18, -1}, 36, 2}, {GRADC_F32, {3, 48, 19, 27, -1}, 60, 3},
        {GRADC_F16, {3, 40, 29, 27, -1}, 36, 1},  {GRADC_F16, {3, 72, 19, 17, -1}, 80, 4}};
    for (size_t i = 0; i < some_of(f, sizeof layers / sizeof *layers, 3); i++)
        math_of(f, &layers[i]);
}

static void chain_behind(struct fixture *f, const struct layer *l)
{
    gradc_context *g = f->g;
    gradc_tensor *alone[RESULTS], *behind[RESULTS], *x[5];
    make_operands(g, l, x);
    assert_int_equal(gradc_set(g, "plan.epilogue", "0"), GRADC_OK);
    program(g, x, "fast", alone);
    assert_int_equal(gradc_set(g, "plan.fuse", "1"), GRADC_OK);
    assert_int_equal(gradc_set(g, "plan.epilogue", "1"), GRADC_OK);
    program(g, x, "fast", behind);
    for (int i = 0; i < RESULTS; i++)
        assert_same(alone[i], behind[i], "a chain behind it");
    forget_all(alone);
    forget_all(behind);
    operands_free(g);
}

/* What takes up the results, alone and in the same kernel. */
static void chains_behind(struct fixture *f)
{
    static const struct layer layers[] = {{GRADC_F32, {2, 24, 21, 23, -1}, 20, 1},
                                          {GRADC_BF16, {2, 34, 21, 23, -1}, 40, 2},
                                          {GRADC_F32, {2, 48, 21, 23, -1}, 51, 3},
                                          {GRADC_F16, {2, 72, 75, 9, -1}, 48, 3}};
    for (size_t i = 0; i < some_of(f, sizeof layers / sizeof *layers, 2); i++)
        chain_behind(f, &layers[i]);
}

/* By the kernels that a GPU gets. */
static void chains_on_a_gpu(struct fixture *f)
{
    static const struct layer layers[] = {{GRADC_F32, {2, 256, 16, 20, -1}, 256, 1},
                                          {GRADC_F32, {2, 64, 18, 19, -1}, 64, 1},
                                          {GRADC_F16, {2, 256, 18, 19, -1}, 256, 2}};
    const struct device_info facts = f->g->device->info;
    if (!f->g->device->opencl || f->eager)
        return;
    pretend(f->g->device, &facts, 1);
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        chain_behind(f, &layers[i]);
    f->g->device->info = facts;
}

static void again_and_again(struct fixture *f)
{
    static const struct layer layer = {GRADC_F32, {2, 16, 24, 23, -1}, 16, 1};
    gradc_tensor *first[RESULTS], *again[RESULTS], *x[5];
    make_operands(f->g, &layer, x);
    program(f->g, x, "fast", first);
    for (int step = 1; step < 100; step++) {
        program(f->g, x, "fast", again);
        for (int i = 0; i < RESULTS; i++)
            assert_same(first[i], again[i], "the same step");
        forget_all(again);
    }
    forget_all(first);
    operands_free(f->g);
}

int main(void)
{
    static const struct test tests[] = {{"engines against loops", engines_against_loops},
                                        {"shapes choose", shapes_choose},
                                        {"fast and strict", fast_and_strict},
                                        {"chains behind", chains_behind},
                                        {"chains on a GPU", chains_on_a_gpu},
                                        {"again and again", again_and_again}};
    return RUN_SUITE("winograd", tests);
}
