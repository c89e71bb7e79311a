/* conv.c - the engines of convolution, forward and both gradients, against loops: random shapes, strides, paddings,
 * dilations and groups, on every device. */
#include "support/naive.h"

enum { PROBLEMS = 100 };

struct problem {
    struct naive_conv c;
    gradc_dtype dtype;
    int bias;
    int64_t x[5], w[5], z[5];
};

/* One whose kernel fits.  Each dtype's kernels take long to build: elsewhere than on the CPU f32 alone, but in the long
 * form (and in test/half.c). */
static struct problem make(const struct fixture *f, struct random *r)
{
    const gradc_dtype dtypes[] = {GRADC_F32, GRADC_F32, test_widest(f->g), GRADC_F16, GRADC_BF16};
    struct problem p = {.dtype = dtypes[random_below(r, 5)], .bias = (int)random_below(r, 2)};
    if (strcmp(f->device, "cpu") != 0 && !test_long())
        p.dtype = GRADC_F32;
    do {
        int usual = random_below(r, 3) == 0; /* stride 1, "same" */
        int each = random_below(r, 8) == 0;  /* a filter for each channel */
        p.c.groups = each                 ? 1 + (int)random_below(r, 30)
                     : random_below(r, 3) ? 1
                                          : 1 + (int)random_below(r, 4);
        p.x[0] = 1 + random_below(r, 4);
        p.w[1] = 1 + random_below(r, random_below(r, 4) ? 5 : 20);
        p.x[1] = p.w[1] * p.c.groups;
        p.w[0] = p.c.groups * (1 + random_below(r, random_below(r, 4) ? 5 : 20));
        for (int k = 0; k < 2; k++) {
            p.w[2 + k] = 1 + random_below(r, 4);
            p.x[2 + k] = 1 + random_below(r, random_below(r, 4) ? 9 : 35);
            p.c.stride[k] = usual ? 1 : 1 + (int)random_below(r, 3);
            p.c.dilation[k] = usual ? 1 : 1 + (int)random_below(r, 3);
            p.c.padding[k] = usual ? (int)(p.w[2 + k] - 1) / 2 : (int)random_below(r, 4);
        }
        if (each) {
            p.w[1] = 1;
            p.x[1] = p.w[0] = p.c.groups;
        }
        naive_conv_shape(&p.c, p.x, p.w, p.z);
    } while (p.z[2] < 1 || p.z[3] < 1);
    p.x[4] = p.w[4] = p.z[4] = -1;
    return p;
}

static gradc_tensor *apply(const struct naive_conv *c, gradc_tensor *x, gradc_tensor *w, gradc_tensor *b)
{
    return gradc_conv2d_full(x, w, b, c->stride[0], c->stride[1], c->padding[0], c->padding[1],
                             c->dilation[0], c->dilation[1], c->groups);
}

static void expect(gradc_tensor *t, const struct problem *p, enum naive_part part, struct values *v,
                   const char *what)
{
    const int64_t taps = p->w[1] * p->w[2] * p->w[3], pixels = p->x[0] * p->z[2] * p->z[3];
    assert_values(t, &v[part],
                  naive_tolerance(p->dtype, 2 * (part == NAIVE_W ? pixels : taps + p->w[0] * 16) + 8), what);
}

static void one_convolution(struct fixture *f, struct random *r, int number, struct problem p)
{
    static const char *const parts[] = {"forward", "input gradient", "weight gradient"};
    gradc_tensor *leaf[2], *dx[2];
    leaf[0] = operand(f->g, p.dtype, PLAIN, p.x, -1, 1, r);
    leaf[1] = operand(f->g, p.dtype, PLAIN, p.w, -1, 1, r);
    gradc_tensor *b = p.bias ? operand(f->g, p.dtype, PLAIN, SHAPE_OF(p.w[0]), -1, 1, r) : NULL;
    gradc_tensor *dz = operand(f->g, p.dtype, PLAIN, p.z, -1, 1, r);
    gradc_requires_grad(leaf[0], 1);
    gradc_requires_grad(leaf[1], 1);
    struct values v[] = {values_new(p.dtype, 4, p.z), values_read(leaf[0]), values_read(leaf[1])};
    struct values want[] = {values_new(p.dtype, 4, p.z), values_new(p.dtype, 4, p.x),
                            values_new(p.dtype, 4, p.w)};
    struct values flow = values_read(dz), bias = {0};
    naive_conv(&p.c, NAIVE_Z, &v[NAIVE_X], &v[NAIVE_W], &want[NAIVE_Z]);
    naive_conv(&p.c, NAIVE_X, &want[NAIVE_X], &v[NAIVE_W], &flow);
    naive_conv(&p.c, NAIVE_W, &v[NAIVE_X], &want[NAIVE_W], &flow);
    if (b) {
        bias = values_read(b);
        for (int64_t i = 0; i < want[NAIVE_Z].n; i++)
            want[NAIVE_Z].at[i] += bias.at[i / (p.z[2] * p.z[3]) % p.z[1]];
    }
    gradc_tensor *z = apply(&p.c, leaf[0], leaf[1], b);
    assert_int_equal(gradc_gradients(z, dz, 2, leaf, dx), GRADC_OK);
    gradc_tensor *const got[] = {z, dx[0], dx[1]};
    for (int part = 0; part < 3; part++) {
        char what[200];
        snprintf(what, sizeof what,
                 "convolution %d, %s: x [%d,%d,%d,%d], w [%d,%d,%d,%d], stride %d,%d, padding %d,%d, "
                 "dilation %d,%d, %s",
                 number, parts[part], (int)p.x[0], (int)p.x[1], (int)p.x[2], (int)p.x[3], (int)p.w[0],
                 (int)p.w[1], (int)p.w[2], (int)p.w[3], p.c.stride[0], p.c.stride[1], p.c.padding[0],
                 p.c.padding[1], p.c.dilation[0], p.c.dilation[1], gradc_dtype_name(p.dtype));
        expect(got[part], &p, (enum naive_part)part, want, what);
        values_free(&v[part]);
        values_free(&want[part]);
    }
    values_free(&flow);
    values_free(&bias);
    operands_free(f->g);
}

/* Another set for each of planned and eager. */
static void random_convolutions(struct fixture *f)
{
    struct random r = {test_seed() * 2 + (uint64_t)f->eager};
    for (int i = 0; i < (test_long() ? 20 : 1) * PROBLEMS; i++)
        one_convolution(f, &r, i, make(f, &r));
}

/* A plane of results ends with its last element: nothing of the next plane, or of the next piece of a wide one, which
 * another thread makes, is written. */
static void filters_of_one_channel(struct fixture *f)
{
    static const int64_t images[][5] = {{3, 40, 9, 7, -1}, {2, 6, 30, 40, -1}, {2, 3, 70, 300, -1}};
    struct random r = {test_seed()};
    if (strcmp(f->device, "cpu") != 0)
        return;
    assert_int_equal(gradc_set(f->g, "threads", "4"), GRADC_OK);
    for (int i = 0; i < 24; i++) {
        const int64_t *x = images[i % 3], channels = x[1];
        const int stride = 1 + i / 12;
        struct problem p = {.dtype = (gradc_dtype)(i / 3 % 4), .bias = i % 2, .w = {channels, 1, 3, 3, -1}};
        p.c = (struct naive_conv){{stride, stride}, {1, 1}, {1, 1}, (int)channels};
        memcpy(p.x, x, sizeof p.x);
        naive_conv_shape(&p.c, p.x, p.w, p.z);
        p.z[4] = -1;
        one_convolution(f, &r, i, p);
    }
}

static int chosen;
static const char *math;

/* z, dx or dw of a layer whose work is cut into tasks. */
static gradc_tensor *layer(gradc_context *g, struct random *r)
{
    assert_int_equal(gradc_set(g, "math", math), GRADC_OK);
    gradc_tensor *x[2], *dx[2];
    x[0] = operand(g, GRADC_F32, PLAIN, SHAPE_OF(5, 16, 29, 27), -1, 1, r);
    x[1] = operand(g, GRADC_F32, PLAIN, SHAPE_OF(24, 16, 3, 3), -0.2, 0.2, r);
    gradc_requires_grad(x[0], 1);
    gradc_requires_grad(x[1], 1);
    gradc_tensor *z = gradc_conv2d(x[0], x[1], NULL, 1, 1);
    gradc_gradients(z, operand(g, GRADC_F32, PLAIN, SHAPE_OF(5, 24, 29, 27), -0.05, 0.05, r), 2, x, dx);
    return chosen % 3 == 0 ? z : dx[chosen % 3 - 1];
}

static void devices_agree(struct fixture *f)
{
    for (chosen = 0; chosen < 6; chosen++) {
        math = chosen < 3 ? "fast" : "strict";
        assert_agrees(f, layer, 2e-5);
    }
}

int main(void)
{
    static const struct test tests[] = {{"random convolutions", random_convolutions},
                                        {"filters of one channel", filters_of_one_channel},
                                        {"devices agree", devices_agree}};
    return RUN_SUITE("conv", tests);
}
