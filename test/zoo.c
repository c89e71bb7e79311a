/* zoo.c - the convolutions and linear layers of VGG16, ResNet-18, ResNet-50, MobileNetV2 and LeNet at their full sizes,
 * forward and both gradients, with "math" "fast" and "strict": elements picked at random against sums in double.  And a
 * training step of all kinds of them, a hundred times: the same bits. */
#include <math.h>

#include "core/context.h"
#include "support/support.h"

enum { PICKS = 48, STEPS = 100 };

/* ---- Layers ---- */

/* A square image and filter, "same" padding. */
struct layer {
    int64_t in, size, out, kernel, stride, groups;
};

static const struct layer layers[] = {
    /* VGG16 */
    {3, 224, 64, 3, 1, 1},
    {64, 224, 64, 3, 1, 1},
    {64, 112, 128, 3, 1, 1},
    {128, 112, 128, 3, 1, 1},
    {128, 56, 256, 3, 1, 1},
    {256, 56, 256, 3, 1, 1},
    {256, 28, 512, 3, 1, 1},
    {512, 28, 512, 3, 1, 1},
    {512, 14, 512, 3, 1, 1},
    /* ResNet-18 and ResNet-50 */
    {3, 224, 64, 7, 2, 1},
    {64, 56, 64, 3, 1, 1},
    {64, 56, 128, 3, 2, 1},
    {128, 28, 128, 3, 1, 1},
    {256, 14, 256, 3, 1, 1},
    {512, 7, 512, 3, 1, 1},
    {64, 56, 128, 1, 2, 1},
    {64, 56, 256, 1, 1, 1},
    {256, 56, 64, 1, 1, 1},
    {128, 56, 128, 3, 2, 1},
    {256, 56, 512, 1, 2, 1},
    {512, 28, 128, 1, 1, 1},
    {1024, 14, 2048, 1, 2, 1},
    {2048, 7, 512, 1, 1, 1},
    {512, 14, 512, 3, 2, 1},
    /* MobileNetV2 */
    {3, 224, 32, 3, 2, 1},
    {32, 112, 32, 3, 1, 32},
    {32, 112, 16, 1, 1, 1},
    {16, 112, 96, 1, 1, 1},
    {96, 112, 96, 3, 2, 96},
    {144, 56, 144, 3, 1, 144},
    {144, 56, 32, 1, 1, 1},
    {192, 28, 192, 3, 2, 192},
    {384, 14, 384, 3, 1, 384},
    {960, 7, 960, 3, 1, 960},
    {320, 7, 1280, 1, 1, 1},
    /* LeNet, and groups as ResNeXt has them */
    {1, 28, 32, 3, 1, 1},
    {32, 14, 64, 3, 1, 1},
    {128, 28, 128, 3, 1, 32},
};

static float *numbers(int64_t n, double size, struct random *r)
{
    float *x = malloc((size_t)n * sizeof *x);
    assert_non_null(x);
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)random_real(r, -size, size);
    return x;
}

static gradc_tensor *tensor(gradc_context *g, const int64_t *shape, const float *values)
{
    gradc_tensor *t = gradc_new(g, GRADC_F32, 4, shape);
    assert_int_equal(gradc_write(t, values, (size_t)gradc_bytes(t)), GRADC_OK);
    return t;
}

/* A layer with its operands and what came of them. */
struct problem {
    const struct layer *l;
    int64_t batch, pixels, per_in, per_out; /* pixels: a side of the result; channels of a group */
    int64_t x_shape[4], w_shape[4], z_shape[4];
    float *x, *w, *dz, *got[3]; /* got: z, dx, dw */
};

/* sum over one of the four of the product of the others; *size: the sum of absolute values. */
static double sum_z(const struct problem *p, const int64_t at[4], double *size)
{
    const struct layer *l = p->l;
    const int64_t pad = l->kernel / 2, group = at[1] / p->per_out;
    double sum = 0;
    for (int64_t c = 0; c < p->per_in; c++)
        for (int64_t i = 0; i < l->kernel; i++)
            for (int64_t j = 0; j < l->kernel; j++) {
                int64_t y = at[2] * l->stride + i - pad, x = at[3] * l->stride + j - pad;
                if (y < 0 || x < 0 || y >= l->size || x >= l->size)
                    continue;
                double v = (double)p->x[((at[0] * l->in + group * p->per_in + c) * l->size + y) * l->size + x] *
                           (double)p->w[((at[1] * p->per_in + c) * l->kernel + i) * l->kernel + j];
                sum += v;
                *size += fabs(v);
            }
    return sum;
}

static double sum_dx(const struct problem *p, const int64_t at[4], double *size)
{
    const struct layer *l = p->l;
    const int64_t pad = l->kernel / 2, group = at[1] / p->per_in;
    double sum = 0;
    for (int64_t o = group * p->per_out; o < (group + 1) * p->per_out; o++)
        for (int64_t i = 0; i < l->kernel; i++)
            for (int64_t j = 0; j < l->kernel; j++) {
                int64_t y = at[2] + pad - i, x = at[3] + pad - j;
                if (y < 0 || x < 0 || y % l->stride || x % l->stride || y / l->stride >= p->pixels ||
                    x / l->stride >= p->pixels)
                    continue;
                double v =
                    (double)p->dz[((at[0] * l->out + o) * p->pixels + y / l->stride) * p->pixels + x / l->stride] *
                    (double)p->w[((o * p->per_in + at[1] % p->per_in) * l->kernel + i) * l->kernel + j];
                sum += v;
                *size += fabs(v);
            }
    return sum;
}

static double sum_dw(const struct problem *p, const int64_t at[4], double *size)
{
    const struct layer *l = p->l;
    const int64_t pad = l->kernel / 2, channel = at[0] / p->per_out * p->per_in + at[1];
    double sum = 0;
    for (int64_t b = 0; b < p->batch; b++)
        for (int64_t i = 0; i < p->pixels; i++)
            for (int64_t j = 0; j < p->pixels; j++) {
                int64_t y = i * l->stride + at[2] - pad, x = j * l->stride + at[3] - pad;
                if (y < 0 || x < 0 || y >= l->size || x >= l->size)
                    continue;
                double v = (double)p->x[((b * l->in + channel) * l->size + y) * l->size + x] *
                           (double)p->dz[((b * l->out + at[0]) * p->pixels + i) * p->pixels + j];
                sum += v;
                *size += fabs(v);
            }
    return sum;
}

static int64_t count(const int64_t shape[4])
{
    return shape[0] * shape[1] * shape[2] * shape[3];
}

/* The error of an element may be this part of its sum of absolute values: Winograd's with 4x4 tiles is larger than a
 * plain sum's, and reaches an element from its neighbours, whose sums may be the larger ones. */
static double bound(const char *math)
{
    return strcmp(math, "strict") == 0 ? 4e-6 : 6e-5;
}

static void judge(const struct problem *p, const char *math, struct random *r)
{
    static double (*const sums[])(const struct problem *, const int64_t *, double *) = {sum_z, sum_dx, sum_dw};
    static const char *const names[] = {"z", "dx", "dw"};
    const int64_t *const shapes[] = {p->z_shape, p->x_shape, p->w_shape};
    for (int part = 0; part < 3; part++)
        for (int pick = 0; pick < PICKS; pick++) {
            int64_t at[4], place = 0;
            for (int k = 0; k < 4; k++) {
                at[k] = random_below(r, shapes[part][k]);
                place = place * shapes[part][k] + at[k];
            }
            double size = 0, want = sums[part](p, at, &size), got = (double)p->got[part][place];
            if (!(fabs(got - want) <= bound(math) * size + 1e-6))
                fail_msg("%d -> %d channels, %d pixels, kernel %d, stride %d, groups %d, %s: %s[%d,%d,%d,%d] is "
                         "%.9g, not %.9g (of %.3g)",
                         (int)p->l->in, (int)p->l->out, (int)p->l->size, (int)p->l->kernel, (int)p->l->stride,
                         (int)p->l->groups, math, names[part], (int)at[0], (int)at[1], (int)at[2], (int)at[3],
                         got, want, size);
        }
}

static void run_layer(gradc_context *g, struct problem *p)
{
    const struct layer *l = p->l;
    gradc_tensor *leaf[2] = {tensor(g, p->x_shape, p->x), tensor(g, p->w_shape, p->w)}, *dx[2];
    gradc_tensor *dz = tensor(g, p->z_shape, p->dz);
    gradc_requires_grad(leaf[0], 1);
    gradc_requires_grad(leaf[1], 1);
    const int stride = (int)l->stride, pad = (int)l->kernel / 2;
    gradc_tensor *z = gradc_conv2d_full(leaf[0], leaf[1], NULL, stride, stride, pad, pad, 1, 1, (int)l->groups);
    assert_int_equal(gradc_gradients(z, dz, 2, leaf, dx), GRADC_OK);
    gradc_tensor *const made[] = {z, dx[0], dx[1]};
    for (int part = 0; part < 3; part++)
        assert_int_equal(gradc_read(made[part], p->got[part], (size_t)gradc_bytes(made[part])), GRADC_OK);
    gradc_tape_clear(g);
    gradc_release(leaf[0]);
    gradc_release(leaf[1]);
    gradc_release(dz);
    assert_works(g);
}

static void one_layer(struct fixture *f, const struct layer *l, int64_t batch, struct random *r)
{
    static const char *const maths[] = {"fast", "strict"};
    const int64_t pixels = (l->size + 2 * (l->kernel / 2) - l->kernel) / l->stride + 1;
    struct problem p = {.l = l,
                        .batch = batch,
                        .pixels = pixels,
                        .per_in = l->in / l->groups,
                        .per_out = l->out / l->groups,
                        .x_shape = {batch, l->in, l->size, l->size},
                        .w_shape = {l->out, l->in / l->groups, l->kernel, l->kernel},
                        .z_shape = {batch, l->out, pixels, pixels}};
    p.x = numbers(count(p.x_shape), 1, r);
    p.w = numbers(count(p.w_shape), 1, r);
    p.dz = numbers(count(p.z_shape), 1, r);
    const int64_t *const shapes[] = {p.z_shape, p.x_shape, p.w_shape};
    for (int part = 0; part < 3; part++)
        p.got[part] = numbers(count(shapes[part]), 0, r);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(gradc_set(f->g, "math", maths[i]), GRADC_OK);
        run_layer(f->g, &p);
        judge(&p, maths[i], r);
    }
    for (int part = 0; part < 3; part++)
        free(p.got[part]);
    free(p.x);
    free(p.w);
    free(p.dz);
}

/* Where loops are cut, sums of up to so many are right. */
enum { SHORT_SUM = 4096 };

static int is_cut(const struct fixture *f, int64_t sum)
{
    return f->g->device->info.cuts_loops && sum > SHORT_SUM;
}

/* Of filters' gradients, results, and inputs' gradients. */
static int has_cut_sum(const struct fixture *f, const struct layer *l, int64_t batch)
{
    const int64_t taps = l->kernel * l->kernel, channels = l->in > l->out ? l->in : l->out;
    return is_cut(f, batch * l->size * l->size / (l->stride * l->stride)) ||
           is_cut(f, channels / l->groups * taps);
}

/* Elsewhere than on the CPU every third, unless this is the long form. */
static void layers_of_the_zoo(struct fixture *f)
{
    struct random r = {test_seed()};
    const size_t step = strcmp(f->device, "cpu") == 0 || test_long() ? 1 : 3;
    const int64_t least = test_long() ? 3 : 1;
    if (f->eager)
        return;
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i += step) {
        const int64_t batch = layers[i].in == 3 ? 2 : least;
        if (!has_cut_sum(f, &layers[i], batch))
            one_layer(f, &layers[i], batch, &r);
    }
}

/* ---- Linear layers ---- */

static void one_linear(struct fixture *f, int64_t rows, int64_t in, int64_t out, struct random *r)
{
    float *x = numbers(rows * in, 1, r), *w = numbers(out * in, 1, r), *z = numbers(rows * out, 0, r);
    gradc_tensor *a = gradc_new(f->g, GRADC_F32, 2, (const int64_t[]){rows, in});
    gradc_tensor *b = gradc_new(f->g, GRADC_F32, 2, (const int64_t[]){out, in});
    assert_int_equal(gradc_write(a, x, (size_t)gradc_bytes(a)), GRADC_OK);
    assert_int_equal(gradc_write(b, w, (size_t)gradc_bytes(b)), GRADC_OK);
    assert_int_equal(gradc_read(gradc_linear(a, b, NULL), z, (size_t)(rows * out) * sizeof *z), GRADC_OK);
    for (int pick = 0; pick < PICKS; pick++) {
        int64_t i = random_below(r, rows), j = random_below(r, out);
        double want = 0, size = 0;
        for (int64_t k = 0; k < in; k++) {
            want += (double)x[i * in + k] * (double)w[j * in + k];
            size += fabs((double)x[i * in + k] * (double)w[j * in + k]);
        }
        if (!(fabs((double)z[i * out + j] - want) <= 4e-6 * size))
            fail_msg("linear %d x %d x %d: z[%d,%d] is %.9g, not %.9g", (int)rows, (int)out, (int)in, (int)i,
                     (int)j, (double)z[i * out + j], want);
    }
    gradc_tape_clear(f->g);
    gradc_release(a);
    gradc_release(b);
    free(x);
    free(w);
    free(z);
}

static void linear_layers_of_the_zoo(struct fixture *f)
{
    static const int64_t sizes[][2] = {{25088, 4096}, {4096, 4096}, {4096, 1000}, {2048, 1000}, {1280, 1000},
                                       {512, 1000},   {3136, 128},  {784, 128},   {128, 10}};
    static const int64_t rows[] = {1, 8, 64};
    struct random r = {test_seed()};
    if (f->eager)
        return;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (size_t k = 0; k < 3; k++)
            if (!is_cut(f, sizes[i][0]) && (test_long() || sizes[i][0] < 10000 || k == 1))
                one_linear(f, rows[k], sizes[i][0], sizes[i][1], &r);
}

/* ---- The same step again ---- */

enum { BATCH = 2, CHANNELS = 32, SIDE = 20, PARAMS = 6, CLASSES = 10 };

/* A loss with 3x3 filters, filters of 1, a filter for each channel, a stride, a norm, a pool and a linear layer. */
static gradc_tensor *step_loss(gradc_tensor *const *p, gradc_tensor *x, gradc_tensor *labels)
{
    x = gradc_relu(gradc_conv2d(x, p[0], NULL, 1, 1));
    x = gradc_add(gradc_relu(gradc_conv2d(x, p[1], NULL, 1, 1)), x);
    x = gradc_relu(gradc_conv2d_full(x, p[2], NULL, 1, 1, 1, 1, 1, 1, CHANNELS));
    x = gradc_batch_norm(gradc_conv2d(x, p[3], NULL, 1, 0), NULL, NULL, NULL, NULL, 1, 0.1, 1e-5);
    x = gradc_max_pool2d(gradc_relu(gradc_conv2d(x, p[4], NULL, 2, 1)), 2, 2);
    x = gradc_reshape(x, 2, (const int64_t[]){BATCH, -1});
    return gradc_cross_entropy(gradc_linear(x, p[5], NULL), labels);
}

static void the_same_step_gives_the_same_bits(struct fixture *f)
{
    static const int64_t shapes[PARAMS][5] = {{CHANNELS, 3, 3, 3, -1},  {CHANNELS, CHANNELS, 3, 3, -1},
                                              {CHANNELS, 1, 3, 3, -1},  {CHANNELS, CHANNELS, 1, 1, -1},
                                              {64, CHANNELS, 3, 3, -1}, {CLASSES, 64 * 5 * 5, -1}};
    struct random r = {test_seed()};
    gradc_tensor *p[PARAMS];
    for (int i = 0; i < PARAMS; i++) {
        p[i] = tensor_random(f->g, GRADC_F32, shapes[i], -0.1, 0.1, &r);
        gradc_requires_grad(p[i], 1);
    }
    gradc_tensor *x = tensor_random(f->g, GRADC_F32, SHAPE_OF(BATCH, 3, SIDE, SIDE), -1, 1, &r);
    gradc_tensor *labels = tensor_i64(f->g, SHAPE_OF(BATCH), (const int64_t[]){3, 7});
    static float first[64 * CHANNELS * 9], again[64 * CHANNELS * 9];
    for (int i = 0; i < PARAMS; i++) {
        const int steps = f->eager ? 3 : STEPS / PARAMS + 1; /* a hundred in all */
        for (int step = 0; step < steps; step++) {
            float *to = step ? again : first;
            assert_int_equal(gradc_backward(step_loss(p, x, labels)), GRADC_OK);
            assert_int_equal(gradc_read(gradc_grad(p[i]), to, (size_t)gradc_bytes(p[i])), GRADC_OK);
            if (step)
                assert_memory_equal(first, again, (size_t)gradc_bytes(p[i]));
            gradc_zero_grad(p, PARAMS);
            gradc_tape_clear(f->g);
        }
    }
    for (int i = 0; i < PARAMS; i++)
        gradc_release(p[i]);
    gradc_release(x);
    gradc_release(labels);
}

int main(void)
{
    static const struct test tests[] = {{"layers of the zoo", layers_of_the_zoo},
                                        {"linear layers of the zoo", linear_layers_of_the_zoo},
                                        {"the same step gives the same bits", the_same_step_gives_the_same_bits}};
    return RUN_SUITE("zoo", tests);
}
