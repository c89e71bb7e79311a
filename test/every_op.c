/* every_op.c - every op once in each dtype, forward and backward, on shapes as small as each of its kernels needs.
 * Values are not looked at, the tests of ops do that: this is what Oclgrind watches (oclgrind.sh) and what makes each
 * program once (vendors.sh); both set GRADC_TEST_LONG=1.  Without it only the CPU runs it.
 * GRADC_TEST_DTYPES="f32 i32": only in these dtypes, where ops take several.
 * usage: every_op [FILTER]     such as "*planned": only the tests whose name matches */
#include <math.h>

#include "support/each_winograd.h"
#include "support/halves.h"
#include "support/tiles.h"

enum { FEW = 5, LONG = 70, LONGEST = 600 };

/* The results of one test are summed, differentiated and read. */
static void finish(struct fixture *f, gradc_tensor *z)
{
    char data[8 * 80 * 80];
    assert_works(f->g);
    assert_non_null(z);
    if (gradc_wants_grad(z)) {
        gradc_tensor *loss = gradc_sum(gradc_mul(z, z), 0, NULL, 0);
        assert_int_equal(gradc_backward(loss), GRADC_OK);
    }
    assert_in_range(gradc_bytes(z), 0, sizeof data);
    assert_int_equal(gradc_read(z, data, (size_t)gradc_bytes(z)), GRADC_OK);
    assert_int_equal(gradc_sync(f->g), GRADC_OK);
    assert_works(f->g);
}

static gradc_tensor *leaf(struct fixture *f, gradc_dtype dtype, const int64_t *shape)
{
    struct random r = {1};
    gradc_tensor *x = tensor_random(f->g, dtype, shape, 0.5, 1.5, &r);
    if (dtype == GRADC_F32 || dtype == GRADC_F64)
        assert_int_equal(gradc_requires_grad(x, 1), GRADC_OK);
    return x;
}

static gradc_tensor *indices(struct fixture *f, gradc_dtype dtype, int64_t n, int64_t limit)
{
    int64_t value[LONGEST];
    assert_in_range(n, 0, LONGEST);
    for (int64_t i = 0; i < n; i++)
        value[i] = i * 3 % limit;
    gradc_tensor *t = tensor_i64(f->g, (const int64_t[]){n, -1}, value);
    if (dtype == GRADC_I64)
        return t;
    gradc_tensor *z = gradc_to(gradc_cast(t, dtype), f->g);
    gradc_release(t);
    return z;
}

static const gradc_dtype floats[] = {GRADC_F32, GRADC_F64},
                         numbers[] = {GRADC_F32, GRADC_F64, GRADC_I64, GRADC_I32, GRADC_U8, GRADC_BOOL};
enum { FLOATS = 2, NUMBERS = 5, DTYPES = 6 };

static int leaves_out(const struct fixture *f, gradc_dtype dtype)
{
    return !test_takes(dtype) || (dtype == GRADC_F64 && !test_has_f64(f->g));
}

/* ---- Elementwise ---- */

static gradc_tensor *clamp(gradc_tensor *x)
{
    return gradc_clamp(x, 0.7, 1.2);
}

static gradc_tensor *add_scalar(gradc_tensor *x)
{
    return gradc_add_scalar(x, 2);
}

static gradc_tensor *mul_scalar(gradc_tensor *x)
{
    return gradc_mul_scalar(x, 2);
}

static gradc_tensor *pow_scalar(gradc_tensor *x)
{
    return gradc_pow_scalar(x, 1.5);
}

static gradc_tensor *leaky_relu(gradc_tensor *x)
{
    return gradc_leaky_relu(x, 0.01);
}

static gradc_tensor *elu(gradc_tensor *x)
{
    return gradc_elu(x, 1);
}

static gradc_tensor *lerp(gradc_tensor *x, gradc_tensor *y)
{
    return gradc_lerp(x, y, 0.75);
}

/* The first ones take every number, the others floats. */
enum { UNARY_NUMBERS = 7, BINARY_NUMBERS = 5 };
static gradc_tensor *(*const unary[])(gradc_tensor *) = {
    gradc_neg,       add_scalar,  mul_scalar,       clamp,           gradc_abs,         gradc_sign,
    gradc_square,    gradc_exp,   gradc_log,        gradc_sqrt,      gradc_sigmoid,     gradc_tanh,
    gradc_relu,      gradc_floor, gradc_ceil,       gradc_round,     gradc_rsqrt,       gradc_reciprocal,
    gradc_sin,       gradc_cos,   gradc_erf,        gradc_log1p,     gradc_expm1,       gradc_gelu,
    gradc_gelu_tanh, gradc_silu,  gradc_softplus,   gradc_hardswish, gradc_hardsigmoid, pow_scalar,
    leaky_relu,      elu,         gradc_log_sigmoid};
static gradc_tensor *(*const binary[])(gradc_tensor *, gradc_tensor *) = {
    gradc_add, gradc_sub, gradc_mul, gradc_maximum, gradc_minimum, gradc_div, gradc_pow, gradc_fmod, lerp};
static gradc_tensor *(*const compare[])(gradc_tensor *, gradc_tensor *) = {
    gradc_eq, gradc_ne,          gradc_lt,         gradc_le,         gradc_gt,
    gradc_ge, gradc_logical_and, gradc_logical_or, gradc_logical_xor};
static gradc_tensor *(*const test[])(gradc_tensor *) = {gradc_logical_not, gradc_isnan};
#define COUNT(table) (sizeof(table) / sizeof *(table))

static void each_elementwise(struct fixture *f)
{
    for (int d = 0; d < NUMBERS; d++) {
        if (leaves_out(f, numbers[d]))
            continue;
        gradc_tensor *x = leaf(f, numbers[d], SHAPE_OF(3, FEW)), *y = leaf(f, numbers[d], SHAPE_OF(FEW));
        for (size_t i = 0; i < (d < FLOATS ? COUNT(unary) : UNARY_NUMBERS); i++)
            finish(f, unary[i](x));
        for (size_t i = 0; i < (d < FLOATS ? COUNT(binary) : BINARY_NUMBERS); i++)
            finish(f, binary[i](x, y));
        for (size_t i = 0; i < COUNT(compare); i++)
            finish(f, compare[i](y, x));
        for (size_t i = 0; i < COUNT(test); i++)
            finish(f, test[i](x));
        finish(f, gradc_where(gradc_lt(x, y), x, y));
        gradc_release(x);
        gradc_release(y);
        gradc_tape_clear(f->g);
    }
}

static void each_cast(struct fixture *f)
{
    for (int from = 0; from < DTYPES; from++)
        for (int to = 0; to < DTYPES; to++) {
            if (leaves_out(f, numbers[from]) || leaves_out(f, numbers[to]))
                continue;
            gradc_tensor *x = leaf(f, numbers[from], SHAPE_OF(FEW));
            finish(f, gradc_cast(x, numbers[to]));
            gradc_release(x);
        }
}

/* ---- Layouts ---- */

static void each_view(struct fixture *f)
{
    static const int64_t deep[] = {2, 1, 2, 3, 1, 2, 2, 2, -1}, wide[] = {2, 3, 2, 3, 2, 2, 2, 2};
    for (int d = 0; d < DTYPES; d++) {
        if (leaves_out(f, numbers[d]))
            continue;
        gradc_tensor *x = leaf(f, numbers[d], SHAPE_OF(2, 3, 4)), *y = leaf(f, numbers[d], deep);
        gradc_tensor *z = gradc_new(f->g, numbers[d], 3, (const int64_t[]){4, 3, 2}),
                     *v = leaf(f, numbers[d], SHAPE_OF(2));
        finish(f, gradc_contiguous(gradc_permute(x, 3, (const int[]){2, 1, 0})));
        finish(f, gradc_contiguous(gradc_slice(gradc_transpose(x, 0, 2), 0, 1, 4, 2)));
        finish(f, gradc_contiguous(
                      gradc_permute(gradc_expand(y, 8, wide), 8, (const int[]){7, 1, 5, 3, 4, 2, 6, 0})));
        assert_int_equal(gradc_assign(z, gradc_transpose(x, 0, 2)), GRADC_OK);
        assert_int_equal(gradc_assign(gradc_slice(z, 1, 0, 3, 2), v), GRADC_OK);
        finish(f, z);
        gradc_release(x);
        gradc_release(y);
        gradc_release(z);
        gradc_release(v);
        gradc_tape_clear(f->g);
    }
}

/* ---- Random numbers ---- */

static void each_random(struct fixture *f)
{
    finish(f, gradc_rand(f->g, 2, (const int64_t[]){3, FEW}));
    finish(f, gradc_randn(f->g, 2, (const int64_t[]){3, FEW}));
    for (int d = 0; d < FLOATS; d++) {
        if (leaves_out(f, floats[d]))
            continue;
        gradc_tensor *x = leaf(f, floats[d], SHAPE_OF(3, FEW));
        finish(f, gradc_dropout(x, 0.5));
        gradc_release(x);
    }
}

/* ---- Reductions ---- */

typedef gradc_tensor *reduction(gradc_tensor *x, int naxes, const int *axes, int keepdim);

static void reduce(struct fixture *f, reduction *op, gradc_dtype dtype)
{
    gradc_tensor *x = leaf(f, dtype, SHAPE_OF(4, FEW)), *y = leaf(f, dtype, SHAPE_OF(2, LONGEST));
    gradc_tensor *w = leaf(f, dtype, SHAPE_OF(2, 3, 2, 3));
    finish(f, op(x, 0, NULL, 0));
    finish(f, op(x, 1, (const int[]){0}, 1));
    finish(f, op(x, 1, (const int[]){1}, 0));
    finish(f, op(y, 1, (const int[]){1}, 0));
    finish(f, op(gradc_transpose(y, 0, 1), 1, (const int[]){0}, 0));
    finish(f, op(w, 2, (const int[]){0, 2}, 0));
    finish(f, op(w, 2, (const int[]){1, 3}, 0));
    gradc_release(x);
    gradc_release(y);
    gradc_release(w);
    gradc_tape_clear(f->g);
}

static gradc_tensor *var(gradc_tensor *x, int naxes, const int *axes, int keepdim)
{
    return gradc_var(x, naxes, axes, keepdim, 1);
}

static gradc_tensor *deviation(gradc_tensor *x, int naxes, const int *axes, int keepdim)
{
    return gradc_std(x, naxes, axes, keepdim, 1);
}

static gradc_tensor *every_norm(gradc_tensor *x, int naxes, const int *axes, int keepdim)
{
    static const double powers[] = {0, 1, 3, INFINITY, -INFINITY};
    gradc_tensor *z = gradc_norm(x, 2, naxes, axes, keepdim);
    for (size_t i = 0; i < sizeof powers / sizeof *powers; i++)
        z = gradc_add(z, gradc_norm(x, powers[i], naxes, axes, keepdim));
    return z;
}

static void each_reduction(struct fixture *f)
{
    for (int d = 0; d < DTYPES; d++) {
        if (leaves_out(f, numbers[d]))
            continue;
        reduce(f, gradc_sum, numbers[d]);
        reduce(f, gradc_prod, numbers[d]);
        reduce(f, gradc_any, numbers[d]);
        reduce(f, gradc_all, numbers[d]);
        if (d < FLOATS) {
            reduce(f, gradc_mean, numbers[d]);
            reduce(f, var, numbers[d]);
            reduce(f, deviation, numbers[d]);
            reduce(f, every_norm, numbers[d]);
            reduce(f, gradc_logsumexp, numbers[d]);
        }
        if (d < NUMBERS) {
            reduce(f, gradc_max, numbers[d]);
            reduce(f, gradc_argmax, numbers[d]);
            reduce(f, gradc_min, numbers[d]);
            reduce(f, gradc_argmin, numbers[d]);
        }
    }
}

/* ---- Products ---- */

static void multiply(struct fixture *f, gradc_dtype dtype, int64_t m, int64_t n, int64_t k)
{
    gradc_tensor *x = leaf(f, dtype, SHAPE_OF(m, k)), *y = leaf(f, dtype, SHAPE_OF(k, n));
    gradc_tensor *w = leaf(f, dtype, SHAPE_OF(n, k)), *b = leaf(f, dtype, SHAPE_OF(n));
    finish(f, gradc_matmul(x, y));
    finish(f, gradc_linear(x, w, b));
    gradc_release(x);
    gradc_release(y);
    gradc_release(w);
    gradc_release(b);
    gradc_tape_clear(f->g);
}

static void each_product(struct fixture *f)
{
    for (int d = 0; d < FLOATS; d++) {
        if (leaves_out(f, floats[d]))
            continue;
        multiply(f, floats[d], 3, 2, FEW);
        multiply(f, floats[d], 3, 20, 300); /* split */
        multiply(f, floats[d], 40, 20, 3);
        multiply(f, floats[d], 20, 40, 3);
        multiply(f, floats[d], 20, 70, 3);
        multiply(f, floats[d], 70, 20, 3);
        multiply(f, floats[d], 70, 70, 3);
        gradc_tensor *x = leaf(f, floats[d], SHAPE_OF(2, 1, 3, FEW)),
                     *y = leaf(f, floats[d], SHAPE_OF(3, FEW, 2));
        gradc_tensor *v = leaf(f, floats[d], SHAPE_OF(FEW));
        finish(f, gradc_matmul(x, y));
        finish(f, gradc_matmul(x, v));
        gradc_release(x);
        gradc_release(y);
        gradc_release(v);
    }
}

static void convolve(struct fixture *f, gradc_dtype dtype, int kernel, int stride, int padding, int dilation,
                     int groups)
{
    gradc_tensor *x = leaf(f, dtype, SHAPE_OF(2, 4, 6, 7));
    gradc_tensor *w = leaf(f, dtype, (const int64_t[]){2 * groups, 4 / groups, kernel, kernel, -1});
    gradc_tensor *b = leaf(f, dtype, (const int64_t[]){2 * groups, -1});
    finish(f, gradc_conv2d_full(x, w, b, stride, stride, padding, padding, dilation, dilation, groups));
    finish(f, gradc_conv2d_full(x, w, NULL, stride, stride, padding, padding, dilation, dilation, groups));
    gradc_tensor *z =
        gradc_conv2d_full(x, w, NULL, stride, stride, padding, padding, dilation, dilation, groups);
    finish(f, gradc_conv_transpose2d_full(z, w, NULL, stride, stride, padding, padding, 0, 0, dilation,
                                          dilation, groups));
    gradc_release(x);
    gradc_release(w);
    gradc_release(b);
    gradc_tape_clear(f->g);
}

static void each_convolution(struct fixture *f)
{
    for (int d = 0; d < FLOATS; d++) {
        if (leaves_out(f, floats[d]))
            continue;
        convolve(f, floats[d], 3, 1, 1, 1, 1);
        convolve(f, floats[d], 3, 2, 1, 1, 2);
        convolve(f, floats[d], 2, 1, 0, 2, 4);
        convolve(f, floats[d], 1, 1, 0, 1, 1);
        convolve(f, floats[d], 3, 2, 1, 1, 4);
        gradc_tensor *x = leaf(f, floats[d], SHAPE_OF(2, 2, 6, 7)),
                     *w = leaf(f, floats[d], SHAPE_OF(2, 1, 3, 3)), *b = leaf(f, floats[d], SHAPE_OF(2));
        finish(f, gradc_conv2d_full(x, w, b, 1, 1, 1, 1, 1, 1, 2)); /* few channels: sums in parts */
        finish(f, gradc_max_pool2d(x, 2, 2));
        finish(f, gradc_max_pool2d_full(x, 3, 2, 2, 1, 1, 0));
        finish(f, gradc_avg_pool2d(x, 2, 2));
        finish(f, gradc_avg_pool2d_full(x, 3, 2, 2, 1, 1, 0, 0));
        finish(f, gradc_adaptive_avg_pool2d(x, 4, 3));
        gradc_tensor *z = gradc_max_pool2d(x, 2, 1), *dx = NULL;
        if (gradc_gradients(gradc_mul(z, z), NULL, 1, &x, &dx) == GRADC_OK) /* differentiated again */
            finish(f, gradc_add(dx, x));
        gradc_release(x);
        gradc_release(w);
        gradc_release(b);
        gradc_tape_clear(f->g);
    }
}

/* The engine by itself, for a GPU's rule gives it large convolutions alone. */
static void each_winograd(struct fixture *f)
{
    run_each_winograd(f->device);
}

/* ---- What takes up products and convolutions ---- */

static void each_epilogue(struct fixture *f)
{
    assert_int_equal(gradc_set(f->g, "plan.fuse", "1"), GRADC_OK);
    assert_int_equal(gradc_set(f->g, "plan.epilogue", "1"), GRADC_OK);
    assert_int_equal(gradc_set(f->g, "plan.prologue", "1"), GRADC_OK); /* finish has one */
    for (int d = 0; d < FLOATS; d++) {
        if (leaves_out(f, floats[d]))
            continue;
        gradc_tensor *x = leaf(f, floats[d], SHAPE_OF(3, 300)), *w = leaf(f, floats[d], SHAPE_OF(20, 300)),
                     *b = leaf(f, floats[d], SHAPE_OF(20)), *image = leaf(f, floats[d], SHAPE_OF(2, 4, 6, 7)),
                     *filter = leaf(f, floats[d], SHAPE_OF(4, 2, 3, 3)), *c = leaf(f, floats[d], SHAPE_OF(4)),
                     *labels = gradc_new(f->g, GRADC_I32, 1, (const int64_t[]){3});
        finish(f, gradc_relu(gradc_linear(x, w, b))); /* the sum in parts */
        finish(f, gradc_relu(gradc_linear(gradc_slice(x, 1, 0, 7, 1), gradc_slice(w, 1, 0, 7, 1), b)));
        finish(f, gradc_sum(gradc_exp(x), 1, (const int[]){0}, 0)); /* columns */
        finish(f, gradc_mean(gradc_add_scalar(gradc_square(x), 1), 1, (const int[]){1}, 0));
        finish(f, gradc_relu(gradc_conv2d_full(image, filter, c, 2, 1, 1, 1, 1, 1, 2)));
        finish(f, gradc_max_pool2d(gradc_relu(image), 2, 2));
        finish(f, gradc_relu(gradc_layer_norm(x, 1, (const int64_t[]){300}, NULL, NULL, 1e-5)));
        finish(f, gradc_relu(gradc_batch_norm(image, NULL, NULL, c, c, 1, 0.1, 1e-5)));
        finish(f, gradc_layer_norm(gradc_neg(x), 1, (const int64_t[]){300}, NULL, NULL, 1e-5)); /* in front */
        finish(f, gradc_batch_norm(gradc_neg(image), NULL, NULL, c, c, 1, 0.1, 1e-5));
        finish(f, gradc_softmax(gradc_neg(x), -1));
        finish(f, gradc_log_softmax(gradc_neg(image), 1));
        finish(f, gradc_relu(gradc_softmax(x, -1)));
        finish(f, gradc_cross_entropy(gradc_neg(x), labels));
        gradc_tensor *const all[] = {x, w, b, image, filter, c, labels};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
            gradc_release(all[i]);
        gradc_tape_clear(f->g);
    }
}

/* ---- Norms ---- */

static void each_norm(struct fixture *f)
{
    static const int64_t inner[] = {3, 17, LONG};
    for (int d = 0; d < FLOATS; d++)
        for (size_t i = 0; i < COUNT(inner); i++) {
            if (leaves_out(f, floats[d]))
                continue;
            gradc_tensor *x = leaf(f, floats[d], SHAPE_OF(2, FEW, inner[i]));
            gradc_tensor *w = leaf(f, floats[d], SHAPE_OF(FEW)), *b = leaf(f, floats[d], SHAPE_OF(FEW));
            gradc_tensor *mean = gradc_new(f->g, floats[d], 1, (const int64_t[]){FEW});
            gradc_tensor *var = gradc_new(f->g, floats[d], 1, (const int64_t[]){FEW});
            finish(f, gradc_batch_norm(x, mean, var, w, b, 1, 0.1, 1e-5));
            finish(f, gradc_batch_norm(x, mean, var, w, b, 0, 0.1, 1e-5));
            finish(f, gradc_layer_norm(x, 1, &inner[i], NULL, NULL, 1e-5));
            finish(f, gradc_group_norm(x, 1, w, b, 1e-5));
            finish(f, gradc_group_norm(x, FEW, w, b, 1e-5));
            gradc_release(x);
            gradc_release(w);
            gradc_release(b);
            gradc_release(mean);
            gradc_release(var);
            gradc_tape_clear(f->g);
        }
}

/* ---- Softmax, losses, embeddings ---- */

static void each_softmax(struct fixture *f)
{
    static const int64_t lengths[] = {FEW, LONG, LONGEST};
    for (int d = 0; d < FLOATS; d++)
        for (size_t i = 0; i < COUNT(lengths); i++) {
            if (leaves_out(f, floats[d]))
                continue;
            gradc_tensor *x = leaf(f, floats[d], SHAPE_OF(3, lengths[i]));
            for (int axis = 0; axis < 2; axis++) {
                finish(f, gradc_softmax(x, axis));
                finish(f, gradc_log_softmax(x, axis));
            }
            gradc_tensor *long_ones = indices(f, GRADC_I64, 3, lengths[i]),
                         *ints = indices(f, GRADC_I32, 3, lengths[i]);
            finish(f, gradc_cross_entropy(x, long_ones));
            finish(f, gradc_cross_entropy(x, ints));
            gradc_release(x);
            gradc_release(long_ones);
            gradc_release(ints);
            gradc_tape_clear(f->g);
        }
}

static void each_loss(struct fixture *f)
{
    for (int d = 0; d < FLOATS; d++) {
        if (leaves_out(f, floats[d]))
            continue;
        gradc_tensor *x = leaf(f, floats[d], SHAPE_OF(3, FEW)), *y = leaf(f, floats[d], SHAPE_OF(3, FEW));
        gradc_tensor *weight = leaf(f, floats[d], SHAPE_OF(FEW));
        for (gradc_reduction way = GRADC_REDUCE_MEAN; way <= GRADC_REDUCE_NONE; way++) {
            finish(f, gradc_mse_loss(x, y, way));
            finish(f, gradc_l1_loss(x, y, way));
            finish(f, gradc_smooth_l1_loss(x, y, 0.5, way));
            finish(f, gradc_bce_with_logits(x, y, weight, weight, way));
            finish(f, gradc_kl_div(x, y, 0, way));
            finish(f, gradc_cross_entropy_full(x, y, weight, -100, 0.1, way));
            for (int i = 0; i < 2; i++) {
                gradc_tensor *labels = indices(f, i ? GRADC_I32 : GRADC_I64, 3, FEW);
                finish(f, gradc_nll_loss(x, labels, weight, 1, way));
                finish(f, gradc_cross_entropy_full(x, labels, i ? weight : NULL, -100, 0.1, way));
                gradc_release(labels);
            }
        }
        gradc_release(x);
        gradc_release(y);
        gradc_release(weight);
        gradc_tape_clear(f->g);
    }
}

static void each_embedding(struct fixture *f)
{
    for (int d = 0; d < FLOATS; d++)
        for (int i = 0; i < 2; i++) {
            if (leaves_out(f, floats[d]))
                continue;
            gradc_tensor *w = leaf(f, floats[d], SHAPE_OF(FEW, 3));
            gradc_tensor *few = indices(f, i ? GRADC_I32 : GRADC_I64, 7, FEW);
            gradc_tensor *many = indices(f, i ? GRADC_I32 : GRADC_I64, 300, FEW);
            finish(f, gradc_embedding(few, w));
            finish(f, gradc_embedding(many, w));
            gradc_release(w);
            gradc_release(few);
            gradc_release(many);
            gradc_tape_clear(f->g);
        }
}

/* ---- Indices along an axis, elements moved ---- */

static void each_index(struct fixture *f)
{
    for (int d = 0; d < DTYPES; d++)
        for (int i = 0; i < 2; i++) {
            if (leaves_out(f, numbers[d]))
                continue;
            gradc_tensor *x = leaf(f, numbers[d], SHAPE_OF(3, FEW)),
                         *src = leaf(f, numbers[d], SHAPE_OF(3, LONG));
            gradc_tensor *few = indices(f, i ? GRADC_I32 : GRADC_I64, 7, 3);
            gradc_tensor *many = indices(f, i ? GRADC_I32 : GRADC_I64, LONG, FEW);
            gradc_tensor *wide = gradc_expand(many, 2, (const int64_t[]){3, LONG});
            finish(f, gradc_index_select(x, 0, few));
            finish(f, gradc_index_select(x, 1, many));
            finish(f, gradc_gather(x, 0, gradc_unsqueeze(few, 1)));
            finish(f, gradc_gather(x, 1, wide));
            if (d < NUMBERS) {
                finish(f, gradc_scatter_add(x, 1, gradc_slice(wide, 1, 0, 4, 1), src));
                finish(f, gradc_scatter_add(x, 1, wide, src));
            }
            finish(f, gradc_one_hot(few, FEW));
            gradc_release(x);
            gradc_release(src);
            gradc_release(few);
            gradc_release(many);
            gradc_tape_clear(f->g);
        }
}

static void each_move(struct fixture *f)
{
    for (int d = 0; d < DTYPES; d++) {
        if (leaves_out(f, numbers[d]))
            continue;
        gradc_tensor *x = leaf(f, numbers[d], SHAPE_OF(2, 3, FEW)), *part[3];
        finish(f, gradc_concat((gradc_tensor *[]){x, x}, 2, 1));
        finish(f, gradc_stack((gradc_tensor *[]){x, gradc_flip(x, 1, (const int[]){2})}, 2, 3));
        assert_int_equal(gradc_split(x, 2, 2, 3, part), GRADC_OK);
        finish(f, part[2]);
        finish(f, gradc_pad(x, 2, (const int64_t[]){2, -1}, 1));
        finish(f, gradc_pad(x, 6, (const int64_t[]){1, 1, 1, 1, 1, 1}, 1));
        finish(f, gradc_flip(gradc_transpose(x, 0, 2), 2, (const int[]){0, 1}));
        finish(f, gradc_tril(x, 1));
        finish(f, gradc_triu(gradc_transpose(x, 1, 2), 0));
        gradc_release(x);
        gradc_tape_clear(f->g);
    }
}

/* ---- Optimisers ---- */

static void each_optimiser(struct fixture *f)
{
    for (int d = 0; d < FLOATS; d++) {
        if (leaves_out(f, floats[d]))
            continue;
        gradc_tensor *x = leaf(f, floats[d], SHAPE_OF(3, FEW));
        gradc_optim *optims[] = {gradc_sgd(&x, 1, 0.1, 0),  gradc_sgd(&x, 1, 0.1, 0.9),
                                 gradc_adam(&x, 1, 0.1),    gradc_adamw(&x, 1, 0.1, 0.01),
                                 gradc_rmsprop(&x, 1, 0.1), gradc_rmsprop(&x, 1, 0.1),
                                 gradc_rmsprop(&x, 1, 0.1), gradc_rmsprop(&x, 1, 0.1)};
        for (size_t i = 0; i < 4; i++) {
            assert_int_equal(gradc_optim_set(optims[4 + i], "centered", (double)(i & 1)), GRADC_OK);
            assert_int_equal(gradc_optim_set(optims[4 + i], "momentum", i & 2 ? 0.9 : 0), GRADC_OK);
        }
        for (size_t i = 0; i < COUNT(optims); i++)
            for (int step = 0; step < 2; step++) {
                assert_int_equal(gradc_backward(gradc_sum(gradc_mul(x, x), 0, NULL, 0)), GRADC_OK);
                assert_non_null(gradc_clip_grad_norm(&x, 1, 1));
                assert_int_equal(gradc_step(optims[i]), GRADC_OK);
                gradc_tape_clear(f->g);
            }
        finish(f, x);
        for (size_t i = 0; i < COUNT(optims); i++)
            gradc_optim_free(optims[i]);
        gradc_release(x);
    }
}

/* ---- 16 bits ---- */

static void each_half(struct fixture *f)
{
    gradc_tensor *z;
    for (gradc_dtype dtype = GRADC_F16; dtype <= GRADC_BF16; dtype++)
        for (int i = 0; !leaves_out(f, dtype) && (z = halves_result(f->g, dtype, i)) != NULL; i++) {
            finish(f, z);
            halves_free(f->g);
        }
    assert_works(f->g);
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        {"elementwise", each_elementwise},
        {"cast", each_cast},
        {"views", each_view},
        {"random", each_random},
        {"reductions", each_reduction},
        {"products", each_product},
        {"convolution", each_convolution},
        {"winograd", each_winograd},
        {"tiles", some_tiles},
        {"all tiles", each_tile},
        {"epilogues", each_epilogue},
        {"norms", each_norm},
        {"softmax", each_softmax},
        {"losses", each_loss},
        {"embedding", each_embedding},
        {"indices", each_index},
        {"moves", each_move},
        {"optimisers", each_optimiser},
        {"halves", each_half},
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    if (!test_long()) /* OpenCL on a CPU would take minutes to build all programs, and the tests of ops build most */
        setenv("GRADC_TEST_DEVICES", "cpu", 1);
    return RUN_SUITE("every op", tests);
}
