/* amp.c - a small convolution net trained in mixed precision: the loss follows f32's, weights stay f32, activations
 * take half the memory. */
#include <math.h>

#include "support/values.h"

enum { BATCH = 16, SIZE = 12, CLASSES = 4, STEPS = 25, PARAMS = 10, BUFFERS = 4 };

struct net {
    gradc_context *g;
    gradc_tensor *x, *labels, *param[PARAMS], *buffer[BUFFERS];
    gradc_optim *optim;
};

/* Class c has a bright quarter c, in noise. */
static void fill(struct net *n)
{
    static float pixels[BATCH * SIZE * SIZE];
    int64_t labels[BATCH];
    struct random r = {7};
    for (int b = 0; b < BATCH; b++) {
        labels[b] = b % CLASSES;
        for (int i = 0; i < SIZE * SIZE; i++) {
            const int inside = i / SIZE / (SIZE / 2) == b % CLASSES / 2 && i % SIZE / (SIZE / 2) == b % 2;
            pixels[b * SIZE * SIZE + i] = (float)(random_real(&r, -1, 1) + 2 * inside);
        }
    }
    n->x = tensor_f32(n->g, SHAPE_OF(BATCH, 1, SIZE, SIZE), pixels);
    n->labels = tensor_i64(n->g, SHAPE_OF(BATCH), labels);
}

static struct net net_new(gradc_context *g)
{
    static const struct {
        gradc_init how;
        int64_t shape[5];
    } params[PARAMS] = {{GRADC_KAIMING, {8, 1, 3, 3, -1}},
                        {GRADC_ZEROS, {8, -1}},
                        {GRADC_ONES, {8, -1}},
                        {GRADC_ZEROS, {8, -1}},
                        {GRADC_KAIMING, {16, 8, 3, 3, -1}},
                        {GRADC_ZEROS, {16, -1}},
                        {GRADC_ONES, {16, -1}},
                        {GRADC_ZEROS, {16, -1}},
                        {GRADC_KAIMING, {CLASSES, 16, -1}},
                        {GRADC_ZEROS, {CLASSES, -1}}};
    struct net n = {.g = g};
    assert_int_equal(gradc_seed(g, 3), GRADC_OK);
    for (int i = 0; i < PARAMS; i++) {
        int ndim = 0;
        while (params[i].shape[ndim] >= 0)
            ndim++;
        n.param[i] = gradc_param(g, params[i].how, ndim, params[i].shape);
    }
    for (int i = 0; i < BUFFERS; i++)
        n.buffer[i] = gradc_to(gradc_add_scalar(n.param[i < 2 ? 3 : 7], i % 2), g); /* means 0, variances 1 */
    n.optim = gradc_sgd(n.param, PARAMS, 0.1, 0.9);
    fill(&n);
    assert_works(g);
    return n;
}

static void net_free(struct net *n)
{
    gradc_optim_free(n->optim);
    for (int i = 0; i < PARAMS; i++)
        gradc_release(n->param[i]);
    for (int i = 0; i < BUFFERS; i++)
        gradc_release(n->buffer[i]);
    gradc_release(n->x);
    gradc_release(n->labels);
    gradc_tape_clear(n->g);
}

static gradc_tensor *loss_of(const struct net *n)
{
    gradc_tensor *const *p = n->param, *const *b = n->buffer;
    gradc_tensor *y = gradc_conv2d(n->x, p[0], p[1], 1, 1);
    y = gradc_relu(gradc_batch_norm(y, b[0], b[1], p[2], p[3], 1, 0.1, 1e-5));
    y = gradc_max_pool2d(y, 2, 2);
    y = gradc_relu(gradc_batch_norm(gradc_conv2d(y, p[4], p[5], 1, 1), b[2], b[3], p[6], p[7], 1, 0.1, 1e-5));
    y = gradc_mean(gradc_avg_pool2d(y, 2, 2), 2, (const int[]){2, 3}, 0);
    return gradc_cross_entropy(gradc_linear(y, p[8], p[9]), n->labels);
}

/* Trains in dtype, with a scaler if there is one. */
static void train(gradc_context *g, gradc_dtype dtype, double scale, double *losses)
{
    struct net n = net_new(g);
    gradc_scaler *s = scale > 0 ? gradc_scaler_new(g, scale) : NULL;
    assert_int_equal(gradc_autocast(g, dtype), GRADC_OK);
    for (int step = 0; step < STEPS; step++) {
        gradc_tensor *loss = loss_of(&n);
        assert_int_equal(gradc_dtype_of(loss), GRADC_F32);
        assert_int_equal(gradc_backward(s ? gradc_scaler_scale(s, loss) : loss), GRADC_OK);
        for (int i = 0; i < PARAMS; i++)
            assert_int_equal(gradc_dtype_of(gradc_grad(n.param[i])), GRADC_F32);
        losses[step] = gradc_item(loss);
        assert_int_equal(s ? gradc_scaler_step(s, n.optim) : gradc_step(n.optim), GRADC_OK);
        if (s)
            assert_int_equal(gradc_scaler_update(s), GRADC_OK);
        gradc_tape_clear(g);
    }
    if (s)
        assert_true(gradc_scaler_get(s, "skipped") >= 1 && gradc_scaler_get(s, "skipped") <= 20);
    assert_int_equal(gradc_autocast(g, GRADC_F32), GRADC_OK);
    gradc_scaler_free(s);
    net_free(&n);
}

/* Single ops have programs of their own, which take long to build: elsewhere than on the CPU in the long form. */
static int is_left_out(const struct fixture *f)
{
    return f->eager && strcmp(f->device, "cpu") != 0 && !test_long();
}

static void bf16_follows_f32(struct fixture *f)
{
    if (is_left_out(f))
        return;
    double single[STEPS], half[STEPS];
    train(f->g, GRADC_F32, 0, single);
    train(f->g, GRADC_BF16, 0, half);
    assert_true(single[STEPS - 1] < 0.3 * single[0]);
    for (int step = 0; step < STEPS; step++)
        if (!(fabs(half[step] - single[step]) <= 0.03 * (1 + single[step])))
            fail_msg("step %d: the loss is %g, not %g", step, half[step], single[step]);
}

/* The scale is too large at first: as many steps are left out as it is halved; those that follow are f32's. */
static void f16_follows_f32(struct fixture *f)
{
    if (is_left_out(f))
        return;
    double single[STEPS], half[STEPS];
    train(f->g, GRADC_F32, 0, single);
    train(f->g, GRADC_F16, 0x1p30, half);
    int skipped = 0;
    while (skipped + 1 < STEPS && fabs(half[skipped + 1] - half[0]) < 1e-9)
        skipped++;
    assert_in_range(skipped, 1, 20);
    for (int step = skipped; step < STEPS; step++)
        if (!(fabs(half[step] - single[step - skipped]) <= 0.01 * (1 + single[step - skipped])))
            fail_msg("step %d: the loss is %g, not %g", step, half[step], single[step - skipped]);
}

static int64_t step_memory(gradc_context *g, gradc_dtype dtype)
{
    int64_t memory = 0;
    struct random r = {1};
    gradc_tensor *x = operand(g, GRADC_F32, PLAIN, SHAPE_OF(8, 4, 32, 32), -1, 1, &r), *y = x, *w[4];
    assert_int_equal(gradc_autocast(g, dtype), GRADC_OK);
    for (int i = 0; i < 4; i++) {
        w[i] = operand(g, GRADC_F32, PLAIN, SHAPE_OF(4, 4, 3, 3), -0.3, 0.3, &r);
        gradc_requires_grad(w[i], 1);
        y = gradc_relu(gradc_conv2d(y, w[i], NULL, 1, 1));
    }
    assert_int_equal(gradc_backward(gradc_mean(y, 0, NULL, 0)), GRADC_OK);
    assert_int_equal(gradc_plan_info(g, NULL, &memory, NULL, NULL), GRADC_OK);
    assert_int_equal(gradc_autocast(g, GRADC_F32), GRADC_OK);
    operands_free(g);
    return memory;
}

/* What a plan knows before it runs; on the CPU a convolution's own buffers count. */
static void activations_have_16_bits(struct fixture *f)
{
    if (f->eager)
        return;
    assert_int_equal(gradc_set(f->g, "threads", "1"), GRADC_OK);
    const int64_t single = step_memory(f->g, GRADC_F32), half = step_memory(f->g, GRADC_BF16);
    const int64_t activation = (int64_t)sizeof(float) * 8 * 4 * 32 * 32;
    if (!(half <= single - 3 * activation / 2))
        fail_msg("%lld bytes in f32, %lld in bf16", (long long)single, (long long)half);
}

int main(void)
{
    static const struct test tests[] = {{"bf16 follows f32", bf16_follows_f32},
                                        {"f16 follows f32", f16_follows_f32},
                                        {"activations have 16 bits", activations_have_16_bits}};
    return RUN_SUITE("amp", tests);
}
