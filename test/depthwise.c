/* depthwise.c - convolutions with filters of their own for each channel against loops in double: random filters,
 * strides, paddings, dilations, and numbers of filters for a channel; what takes them up; the same bits each time. */
#include "support/naive.h"

enum { PROBLEMS = 60, MOST_FILTERS = 10 /* of a channel: more than the OpenCL form takes */ };

struct problem {
    struct naive_conv c;
    gradc_dtype dtype;
    int bias;
    int64_t x[5], w[5], z[5];
};

/* f64's kernels take long to build: elsewhere than on the CPU in the long form only. */
static struct problem make(const struct fixture *f, struct random *r)
{
    struct problem p = {.dtype = random_below(r, 3) ? GRADC_F32 : test_widest(f->g),
                        .bias = (int)random_below(r, 2)};
    if (strcmp(f->device, "cpu") != 0 && !test_long())
        p.dtype = GRADC_F32;
    do {
        const int usual = random_below(r, 2) == 0; /* a small odd filter, "same" */
        p.c.groups = 2 + (int)random_below(r, random_below(r, 4) ? 5 : 40);
        p.x[0] = 1 + random_below(r, random_below(r, 4) ? 3 : 12); /* many images and few channels: in parts */
        p.x[1] = p.c.groups;
        p.w[0] = p.c.groups * (random_below(r, 2) ? 1 : 1 + random_below(r, MOST_FILTERS));
        p.w[1] = 1;
        for (int k = 0; k < 2; k++) {
            p.w[2 + k] = usual ? 1 + 2 * random_below(r, 3) : 1 + random_below(r, 6);
            p.x[2 + k] = 1 + random_below(r, random_below(r, 4) ? 14 : 45);
            p.c.stride[k] = 1 + (int)random_below(r, usual ? 2 : 4);
            p.c.dilation[k] = usual ? 1 : 1 + (int)random_below(r, 4);
            p.c.padding[k] = usual ? (int)(p.w[2 + k] - 1) / 2 : (int)random_below(r, 5);
        }
        naive_conv_shape(&p.c, p.x, p.w, p.z);
    } while (p.z[2] < 1 || p.z[3] < 1);
    p.x[4] = p.w[4] = p.z[4] = -1;
    return p;
}

static gradc_tensor *apply(const struct naive_conv *c, gradc_tensor *const x[3])
{
    return gradc_conv2d_full(x[0], x[1], x[2], c->stride[0], c->stride[1], c->padding[0], c->padding[1],
                             c->dilation[0], c->dilation[1], c->groups);
}

enum { RESULTS = 4 /* z, dx, dw, db */ };

/* x is image, filters, bias or NULL, and the flow. */
static void make_operands(gradc_context *g, const struct problem *p, struct random *r, gradc_tensor *x[4])
{
    x[0] = operand(g, p->dtype, PLAIN, p->x, -1, 1, r);
    x[1] = operand(g, p->dtype, PLAIN, p->w, -1, 1, r);
    x[2] = p->bias ? operand(g, p->dtype, PLAIN, SHAPE_OF(p->w[0]), -1, 1, r) : NULL;
    x[3] = operand(g, p->dtype, PLAIN, p->z, -1, 1, r);
    for (int i = 0; i < 2 + p->bias; i++)
        gradc_requires_grad(x[i], 1);
}

static void wanted(const struct problem *p, gradc_tensor *const x[4], struct values want[RESULTS])
{
    struct values image = values_read(x[0]), filters = values_read(x[1]), flow = values_read(x[3]);
    const int64_t pixels = p->z[2] * p->z[3];
    want[0] = values_new(p->dtype, 4, p->z);
    want[1] = values_new(p->dtype, 4, p->x);
    want[2] = values_new(p->dtype, 4, p->w);
    want[3] = values_new(p->dtype, 1, p->w);
    naive_conv(&p->c, NAIVE_Z, &image, &filters, &want[0]);
    naive_conv(&p->c, NAIVE_X, &want[1], &filters, &flow);
    naive_conv(&p->c, NAIVE_W, &image, &want[2], &flow);
    for (int64_t i = 0; i < flow.n; i++)
        want[3].at[i / pixels % p->w[0]] += flow.at[i];
    if (p->bias) {
        struct values bias = values_read(x[2]);
        for (int64_t i = 0; i < want[0].n; i++)
            want[0].at[i] += bias.at[i / pixels % p->w[0]];
        values_free(&bias);
    }
    values_free(&image);
    values_free(&filters);
    values_free(&flow);
}

static void one_convolution(struct fixture *f, struct random *r, int number, struct problem p)
{
    static const char *const names[RESULTS] = {"forward", "input gradient", "weight gradient", "bias gradient"};
    gradc_tensor *x[4], *got[RESULTS];
    struct values want[RESULTS];
    make_operands(f->g, &p, r, x);
    wanted(&p, x, want);
    got[0] = apply(&p.c, x);
    assert_int_equal(gradc_gradients(got[0], x[3], 2 + p.bias, x, got + 1), GRADC_OK);
    for (int i = 0; i < RESULTS; i++) {
        const int64_t pixels = p.x[0] * p.z[2] * p.z[3], taps = p.w[2] * p.w[3] * p.w[0] / p.c.groups;
        char what[240];
        snprintf(what, sizeof what,
                 "convolution %d, %s: x [%d,%d,%d,%d], w [%d,1,%d,%d], stride %d,%d, padding %d,%d, dilation %d,%d, %s",
                 number, names[i], (int)p.x[0], (int)p.x[1], (int)p.x[2], (int)p.x[3], (int)p.w[0],
                 (int)p.w[2], (int)p.w[3], p.c.stride[0], p.c.stride[1], p.c.padding[0], p.c.padding[1],
                 p.c.dilation[0], p.c.dilation[1], gradc_dtype_name(p.dtype));
        if (i < 3 || p.bias)
            assert_values(got[i], &want[i], 2 * naive_tolerance(p.dtype, i < 2 ? taps : pixels), what);
        values_free(&want[i]);
    }
    operands_free(f->g);
}

/* Another set for each of planned and eager. */
static void random_convolutions(struct fixture *f)
{
    struct random r = {test_seed() * 2 + (uint64_t)f->eager};
    for (int i = 0; i < (test_long() ? 20 : 1) * PROBLEMS; i++)
        one_convolution(f, &r, i, make(f, &r));
}

/* relu(conv2d + residual), the gradients of the convolution alone, the first of them behind a relu. */
static void program(gradc_context *g, const struct problem *p, gradc_tensor *const x[4],
                    gradc_tensor *kept[RESULTS])
{
    gradc_tensor *dx[3];
    kept[0] = gradc_retain(gradc_relu(gradc_add(apply(&p->c, x), x[3])));
    assert_int_equal(gradc_gradients(apply(&p->c, x), x[3], 3, x, dx), GRADC_OK);
    for (int i = 0; i < 3; i++)
        kept[1 + i] = gradc_retain(i == 0 ? gradc_relu(dx[i]) : dx[i]);
    assert_int_equal(gradc_sync(g), GRADC_OK);
    gradc_tape_clear(g);
}

/* `times` more, each with the same bits as the first; chains: with what takes up the results in the same kernel. */
static void repeat(struct fixture *f, int stride, int times, int chains)
{
    struct random r = {test_seed()};
    struct problem p = {
        {{stride, stride}, {1, 1}, {1, 1}, 3}, GRADC_F32, 1, {9, 3, 11, 18, -1}, {6, 1, 3, 3, -1}, {0}};
    gradc_tensor *x[4], *first[RESULTS], *again[RESULTS];
    naive_conv_shape(&p.c, p.x, p.w, p.z);
    p.z[4] = -1;
    make_operands(f->g, &p, &r, x);
    program(f->g, &p, x, first);
    if (chains) {
        assert_int_equal(gradc_set(f->g, "plan.fuse", "1"), GRADC_OK);
        assert_int_equal(gradc_set(f->g, "plan.epilogue", "1"), GRADC_OK);
    }
    for (int step = 0; step < times; step++) {
        program(f->g, &p, x, again);
        for (int i = 0; i < RESULTS; i++) {
            assert_same(first[i], again[i], chains ? "a chain behind it" : "the same step");
            gradc_release(again[i]);
        }
    }
    for (int i = 0; i < RESULTS; i++)
        gradc_release(first[i]);
    operands_free(f->g);
}

static void chains_behind(struct fixture *f)
{
    assert_int_equal(gradc_set(f->g, "plan.epilogue", "0"), GRADC_OK);
    repeat(f, 1, 1, 1);
    assert_int_equal(gradc_set(f->g, "plan.epilogue", "0"), GRADC_OK);
    repeat(f, 2, 1, 1);
}

static void again_and_again(struct fixture *f)
{
    repeat(f, 1, 99, 0);
}

int main(void)
{
    static const struct test tests[] = {{"random convolutions", random_convolutions},
                                        {"chains behind", chains_behind},
                                        {"again and again", again_and_again}};
    return RUN_SUITE("depthwise", tests);
}
