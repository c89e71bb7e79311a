/* half.c - f16 and bf16: every pattern cast, other ops against what they are in f32, rounded; autocast and the
 * scaler. */
#include <math.h>

#include "support/values.h"

static const gradc_dtype halves[] = {GRADC_F16, GRADC_BF16};

enum { PATTERNS = 65536 };

/* Released by operands_free. */
static gradc_tensor *patterns(gradc_context *g, gradc_dtype dtype)
{
    static uint16_t all[PATTERNS];
    struct random r = {1};
    gradc_tensor *t = operand(g, dtype, PLAIN, SHAPE_OF(PATTERNS), 0, 1, &r);
    for (int i = 0; i < PATTERNS; i++)
        all[i] = (uint16_t)i;
    assert_int_equal(gradc_write(t, all, sizeof all), GRADC_OK);
    return t;
}

/* ---- Casts ---- */

static void every_pattern_widens(struct fixture *f)
{
    for (int d = 0; d < 2; d++) {
        gradc_tensor *x = patterns(f->g, halves[d]), *wide = gradc_cast(x, GRADC_F32);
        struct values want = values_new(GRADC_F32, 1, SHAPE_OF(PATTERNS));
        for (unsigned i = 0; i < PATTERNS; i++)
            want.at[i] = half_number(halves[d], i);
        assert_values(wide, &want, 0, "widened");
        want.dtype = halves[d];
        assert_values(gradc_cast(wide, halves[d]), &want, 0, "there and back");
        want.dtype = halves[!d];
        for (unsigned i = 0; i < PATTERNS; i++)
            want.at[i] = value_rounded(halves[!d], want.at[i]);
        assert_values(gradc_cast(x, halves[!d]), &want, 0, "one 16-bit float to the other");
        values_free(&want);
        operands_free(f->g);
    }
}

/* Every number, what lies half way to the next one, and the f32 beside that. */
static void ties_go_to_even(struct fixture *f)
{
    enum { NUMBERS = 5 * PATTERNS };
    double *numbers = calloc(NUMBERS, sizeof *numbers);
    assert_non_null(numbers);
    for (int d = 0; d < 2; d++) {
        for (unsigned i = 0; i < PATTERNS; i++) {
            const double x = half_number(halves[d], i),
                         next = half_number(halves[d], i + 1 < PATTERNS ? i + 1 : i);
            const float middle =
                (float)(isinf(next) ? x + (x - half_number(halves[d], i - 1)) / 2 : (x + next) / 2);
            numbers[5 * i] = x;
            numbers[5 * i + 1] = (double)middle;
            numbers[5 * i + 2] = (double)nextafterf(middle, INFINITY);
            numbers[5 * i + 3] = (double)nextafterf(middle, -INFINITY);
            numbers[5 * i + 4] = (double)(float)(x * 1.37);
        }
        gradc_tensor *x = operand_of(f->g, GRADC_F32, SHAPE_OF(NUMBERS), numbers);
        struct values want = values_new(halves[d], 1, SHAPE_OF(NUMBERS));
        for (int i = 0; i < NUMBERS; i++)
            want.at[i] = value_rounded(halves[d], (double)(float)numbers[i]);
        assert_values(gradc_cast(x, halves[d]), &want, 0, "narrowed");
        values_free(&want);
        operands_free(f->g);
    }
    free(numbers);
}

static void other_dtypes(struct fixture *f)
{
    static const gradc_dtype others[] = {GRADC_F64, GRADC_I64, GRADC_I32, GRADC_U8, GRADC_BOOL};
    for (int d = 0; d < 2; d++)
        for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
            gradc_tensor *x = patterns(f->g, halves[d]);
            if (others[i] == GRADC_F64 && !test_has_f64(f->g))
                continue;
            gradc_tensor *want = gradc_cast(gradc_cast(x, GRADC_F32), others[i]), *z = gradc_cast(x, others[i]);
            struct values wanted = values_read(want);
            assert_values(z, &wanted, 0, gradc_dtype_name(others[i]));
            values_free(&wanted);
            operands_free(f->g);
        }
}

/* ---- Reading ---- */

static void numbers_are_read(struct fixture *f)
{
    static const double numbers[] = {1, 0.1, -2.5, 65504, 1e-7, 3};
    char text[256];
    gradc_tensor *x = operand_of(f->g, GRADC_F16, SHAPE_OF(6), numbers);
    for (int i = 0; i < 6; i++)
        assert_true(gradc_item(gradc_slice(x, 0, i, i + 1, 1)) == value_rounded(GRADC_F16, numbers[i]));
    assert_true(gradc_print(gradc_slice(x, 0, 0, 3, 1), text, sizeof text) > 0);
    assert_string_equal(text, "[ 1.   0.1 -2.5]");
    assert_true(gradc_print(gradc_cast(gradc_slice(x, 0, 0, 3, 1), GRADC_BF16), text, sizeof text) > 0);
    assert_string_equal(text, "[ 1.   0.1 -2.5]");
    operands_free(f->g);
}

static gradc_tensor *to_half(gradc_tensor *x, gradc_dtype dtype)
{
    return gradc_dtype_of(x) == GRADC_BOOL ? x : gradc_cast(x, dtype);
}

/* ---- Elementwise ---- */

static gradc_tensor *wide(gradc_tensor *x)
{
    return gradc_dtype_of(x) == GRADC_BOOL ? x : gradc_cast(x, GRADC_F32);
}

/* The f32 op of the same operands, rounded. */
static void check(gradc_tensor *z, gradc_tensor *f32, gradc_dtype dtype, const char *name)
{
    char text[64];
    snprintf(text, sizeof text, "%s of %s", name, gradc_dtype_name(dtype));
    gradc_tensor *want = to_half(f32, dtype);
    if (!z || !want)
        fail_msg("%s: %s", text, gradc_message(gradc_context_of(f32)));
    struct values wanted = values_read(want);
    assert_values(z, &wanted, 0, text);
    values_free(&wanted);
}

struct operands {
    gradc_tensor *c, *x, *y;
    gradc_dtype dtype;
};

static void check_rows(struct operands o)
{
    gradc_tensor *x = wide(o.x), *y = wide(o.y);
#define EW1(name, kind, f, keeps, dx, low, high) check(gradc_##name(o.x), gradc_##name(x), o.dtype, #name);
#define EW1A(name, kind, f, keeps, dx, low, high) \
    check(gradc_##name(o.x, 0.7), gradc_##name(x, 0.7), o.dtype, #name);
#define EW1B(name, kind, f, keeps, dx, low, high) \
    check(gradc_##name(o.x, -0.3, 1.7), gradc_##name(x, -0.3, 1.7), o.dtype, #name);
#define EW2(name, kind, f, keeps, dx, dy, low, high) \
    check(gradc_##name(o.x, o.y), gradc_##name(x, y), o.dtype, #name);
#define EWT(name, f) EW1(name, , , , , , )
#define EWC(name, f) EW2(name, , , , , , , )
#define EW3(name, f, keeps, dx, dy, low, high) \
    check(gradc_##name(o.c, o.x, o.y), gradc_##name(o.c, x, y), o.dtype, #name);
#include "ops/elementwise.def"
}

static void elementwise(struct fixture *f)
{
    struct random r = {test_seed()};
    for (int d = 0; d < 2; d++)
        for (int form = 0; form < FORMS; form++) {
            check_rows((struct operands){
                operand(f->g, GRADC_BOOL, PLAIN, SHAPE_OF(3, 1, 301), 0, 2, &r),
                operand(f->g, halves[d], (enum form)form, SHAPE_OF(3, 5, 301), -2, 2, &r),
                operand(f->g, halves[d], (enum form)form, SHAPE_OF(5, 301), -2, 2, &r), halves[d]});
            operands_free(f->g);
            if (!test_long() && strcmp(f->device, "cpu") != 0)
                break;
        }
}

static void refused(struct fixture *f)
{
    struct random r = {test_seed()};
    gradc_tensor *x = operand(f->g, GRADC_F16, PLAIN, SHAPE_OF(3, 5), 0, 1, &r);
    assert_refused(f->g, gradc_add(x, gradc_cast(x, GRADC_BF16)), GRADC_E_DTYPE, "add");
    assert_refused(f->g, gradc_add(x, gradc_cast(x, GRADC_F32)), GRADC_E_DTYPE, "add");
    assert_refused(f->g, gradc_lerp(x, gradc_cast(x, GRADC_BF16), 0.5), GRADC_E_DTYPE, "lerp");
    operands_free(f->g);
}

/* ---- Chains ---- */

/* A program of a few steps, from f32 and back, with a row that repeats and a mask. */
static gradc_tensor *several(gradc_context *g, gradc_dtype dtype, struct random *r)
{
    gradc_tensor *x = operand(g, dtype, SLICED, SHAPE_OF(7, 803), -2, 2, r);
    gradc_tensor *row = operand(g, dtype, PLAIN, SHAPE_OF(803), -2, 2, r);
    gradc_tensor *single = operand(g, GRADC_F32, PLAIN, SHAPE_OF(7, 803), -2, 2, r);
    gradc_tensor *y = gradc_mul(gradc_add(x, row), gradc_cast(single, dtype));
    y = gradc_where(gradc_gt(y, row), gradc_exp(y), gradc_mul_scalar(y, 0.3));
    return gradc_dropout(gradc_sub(y, gradc_relu(x)), 0.4);
}

static gradc_tensor *several_f16(gradc_context *g, struct random *r)
{
    return gradc_cast(several(g, GRADC_F16, r), GRADC_F32);
}

static gradc_tensor *several_bf16(gradc_context *g, struct random *r)
{
    return gradc_cast(several(g, GRADC_BF16, r), GRADC_F32);
}

static void devices_agree(struct fixture *f)
{
    assert_int_equal(gradc_seed(f->g, 1), GRADC_OK);
    for (int fuse = 0; fuse < 2; fuse++) {
        assert_int_equal(gradc_set(f->g, "plan.fuse", fuse ? "1" : "0"), GRADC_OK);
        assert_int_equal(gradc_seed(f->g, 0), GRADC_OK);
        assert_agrees(f, several_f16, 0);
        assert_int_equal(gradc_seed(f->g, 0), GRADC_OK);
        assert_agrees(f, several_bf16, 0);
    }
}

/* On OpenCL, where each dtype makes programs of its own, eager runs have the one and planned runs the other, but in the
 * long form. */
static int leaves_out(const struct fixture *f, int d)
{
    return !test_long() && strcmp(f->device, "cpu") != 0 && d != f->eager;
}

/* ---- Data movement ---- */

static gradc_tensor *moved(gradc_tensor *x, gradc_tensor *index, int which)
{
    switch (which) {
    case 0: return gradc_contiguous(gradc_transpose(x, 0, 1));
    case 1: return gradc_pad(x, 4, (const int64_t[]){1, 2, 0, 3}, 0.3);
    case 2: return gradc_flip(x, 2, (const int[]){0, 1});
    case 3: return gradc_concat((gradc_tensor *[]){x, gradc_flip(x, 1, (const int[]){1})}, 2, 1);
    case 4: return gradc_stack((gradc_tensor *[]){x, x}, 2, 0);
    case 5: return gradc_tril(x, 1);
    case 6: return gradc_index_select(x, 1, index);
    case 7:
        return gradc_gather(x, 1,
                            gradc_expand(index, 2, (const int64_t[]){gradc_size(x, 0), gradc_size(index, 0)}));
    case 8: return gradc_embedding(index, gradc_transpose(x, 0, 1));
    default: return NULL;
    }
}

static void data_moves(struct fixture *f)
{
    struct random r = {test_seed()};
    for (int d = 0; d < 2; d++)
        for (int which = 0; !leaves_out(f, d) && which < 9; which++) {
            gradc_tensor *x = operand(f->g, halves[d], (enum form)(which % FORMS), SHAPE_OF(37, 41), -2, 2, &r);
            gradc_tensor *index = operand(f->g, GRADC_I64, PLAIN, SHAPE_OF(17), 0, 41, &r);
            check(moved(x, index, which), moved(wide(x), index, which), halves[d], "a movement");
            operands_free(f->g);
        }
}

static void assigned(struct fixture *f)
{
    struct random r = {test_seed()};
    for (int d = 0; d < 2; d++) {
        gradc_tensor *to = operand(f->g, halves[d], PLAIN, SHAPE_OF(5, 7), 0, 1, &r);
        gradc_tensor *x = operand(f->g, halves[d], PLAIN, SHAPE_OF(7, 5), 0, 1, &r);
        assert_int_equal(gradc_assign(gradc_transpose(to, 0, 1), x), GRADC_OK);
        assert_same(gradc_contiguous(gradc_transpose(to, 0, 1)), x, "assigned");
        operands_free(f->g);
    }
}

/* ---- Pools and sums ---- */

static gradc_tensor *reduced(gradc_tensor *x, int which)
{
    static const int rows[] = {2, 3}, first[] = {0};
    switch (which) {
    case 0: return gradc_max_pool2d(x, 2, 2);
    case 1: return gradc_max_pool2d_full(x, 3, 3, 2, 2, 1, 1);
    case 2: return gradc_avg_pool2d(x, 2, 2);
    case 3: return gradc_avg_pool2d_full(x, 3, 2, 2, 1, 1, 1, 0);
    case 4: return gradc_adaptive_avg_pool2d(x, 3, 4);
    case 5: return gradc_sum(x, 0, NULL, 0);
    case 6: return gradc_sum(x, 2, rows, 1);
    case 7: return gradc_mean(x, 1, first, 0);
    case 8: return gradc_mean(x, 2, rows, 0);
    default: return NULL;
    }
}

static void pools_and_sums(struct fixture *f)
{
    struct random r = {test_seed()};
    for (int d = 0; d < 2; d++)
        for (int which = 0; !leaves_out(f, d) && which < 9; which++) {
            gradc_tensor *x = operand(f->g, halves[d], PLAIN, SHAPE_OF(3, 5, 13, 10), -2, 2, &r), *dx, *dw;
            gradc_requires_grad(x, 1);
            gradc_tensor *w = wide(x), *z = reduced(x, which), *want = reduced(w, which);
            check(z, want, halves[d], "a pool or sum");
            gradc_tensor *flow = operand(f->g, halves[d], PLAIN, SHAPE_OF(3, 5, 13, 10), -2, 2, &r);
            flow = gradc_dtype_of(z) == halves[d] ? gradc_mul(z, gradc_mean(flow, 0, NULL, 0)) : NULL;
            flow = gradc_detach(flow);
            assert_int_equal(gradc_gradients(z, flow, 1, &x, &dx), GRADC_OK);
            assert_int_equal(gradc_gradients(want, wide(flow), 1, &w, &dw), GRADC_OK);
            if (which != 7 && which != 8) /* a mean's gradient rounds 1 / n on its way */
                check(dx, dw, halves[d], "its gradient");
            operands_free(f->g);
        }
}

/* Rows that are cut into segments, and many columns. */
static void long_sums(struct fixture *f)
{
    struct random r = {test_seed()};
    for (int d = 0; d < 2; d++) {
        gradc_tensor *x = operand(f->g, halves[d], PLAIN, SHAPE_OF(3, 200003), -1, 1, &r);
        check(gradc_sum(x, 0, NULL, 0), gradc_sum(wide(x), 0, NULL, 0), halves[d], "a long sum");
        check(gradc_mean(x, 1, (const int[]){1}, 0), gradc_mean(wide(x), 1, (const int[]){1}, 0), halves[d],
              "long means");
        check(gradc_sum(x, 1, (const int[]){0}, 0), gradc_sum(wide(x), 1, (const int[]){0}, 0), halves[d],
              "columns");
        operands_free(f->g);
    }
}

/* ---- Products ---- */

/* z and the gradients of x, w and b in 16 bits against those of f32, each rounded once. */
static void check_layer(gradc_tensor *(*layer)(gradc_tensor *const *in), gradc_dtype dtype,
                        gradc_tensor *const *in, gradc_tensor *flow, const char *what)
{
    gradc_tensor *f32[3], *dx[3], *dw[3];
    for (int i = 0; i < 3; i++) {
        gradc_requires_grad(in[i], 1);
        f32[i] = wide(in[i]);
    }
    gradc_tensor *z = layer(in), *want = layer(f32);
    assert_int_equal(gradc_gradients(z, flow, 3, in, dx), GRADC_OK);
    assert_int_equal(gradc_gradients(want, wide(flow), 3, f32, dw), GRADC_OK);
    gradc_tensor *const got[] = {z, dx[0], dx[1], dx[2]}, *const wanted[] = {want, dw[0], dw[1], dw[2]};
    for (int i = 0; i < 4; i++) {
        struct values v = values_read(wanted[i]);
        v.dtype = dtype;
        assert_values(got[i], &v, dtype == GRADC_F16 ? 0x1.1p-11 : 0x1.1p-8, what);
        values_free(&v);
    }
}

static gradc_tensor *linear(gradc_tensor *const *in)
{
    return gradc_linear(in[0], in[1], in[2]);
}

static gradc_tensor *convolution(gradc_tensor *const *in)
{
    return gradc_conv2d(in[0], in[1], in[2], 1, 1);
}

static void layers(struct fixture *f)
{
    struct random r = {test_seed()};
    assert_int_equal(gradc_set(f->g, "math", "strict"), GRADC_OK); /* Winograd's sums stray further */
    const int few = !test_long() && strcmp(f->device, "cpu") != 0;
    for (int d = 0; d < 2; d++)
        for (int64_t rows = few ? 99 : 1; !leaves_out(f, d) && rows < (few ? 100 : 200); rows += 98) {
            gradc_tensor *in[3];
            in[0] = operand(f->g, halves[d], PLAIN, SHAPE_OF(rows, 301), -1, 1, &r);
            in[1] = operand(f->g, halves[d], PLAIN, SHAPE_OF(47, 301), -1, 1, &r);
            in[2] = operand(f->g, halves[d], PLAIN, SHAPE_OF(47), -1, 1, &r);
            gradc_tensor *flow = operand(f->g, halves[d], PLAIN, SHAPE_OF(rows, 47), -1, 1, &r);
            if (!few || !f->eager) /* a convolution's programs take long to build: few of them */
                check_layer(linear, halves[d], in, flow, "a dense layer");
            in[0] = operand(f->g, halves[d], PLAIN, SHAPE_OF(3, 18, 9, 1 + rows / 8), -1, 1, &r);
            in[1] = operand(f->g, halves[d], PLAIN, SHAPE_OF(21, 18, 3, 3), -1, 1, &r);
            in[2] = operand(f->g, halves[d], PLAIN, SHAPE_OF(21), -1, 1, &r);
            flow = operand(f->g, halves[d], PLAIN, SHAPE_OF(3, 21, 9, 1 + rows / 8), -1, 1, &r);
            if (!few || f->eager)
                check_layer(convolution, halves[d], in, flow, "a convolution");
            operands_free(f->g);
        }
}

/* ---- batch_norm: x of 16 bits, all else f32 ---- */

struct normed {
    gradc_tensor *z, *dx[3], *mean; /* mean: the running one, the caller's */
};

static struct normed norm_of(gradc_tensor *x, gradc_tensor *const *vectors, gradc_tensor *flow, int training)
{
    struct normed n;
    gradc_tensor *in[] = {x, vectors[0], vectors[1]};
    n.mean = gradc_new(gradc_context_of(x), GRADC_F32, 1, (const int64_t[]){gradc_size(x, 1)});
    gradc_tensor *var = gradc_new(gradc_context_of(x), GRADC_F32, 1, (const int64_t[]){gradc_size(x, 1)});
    gradc_assign(n.mean, vectors[2]);
    gradc_assign(var, vectors[3]);
    n.z = gradc_batch_norm(x, n.mean, var, vectors[0], vectors[1], training, 0.1, 1e-5);
    assert_int_equal(gradc_gradients(n.z, flow, 3, in, n.dx), GRADC_OK);
    gradc_release(var);
    return n;
}

static void batch_norms(struct fixture *f)
{
    static const int64_t shapes[][5] = {{5, 7, 9, 11, -1}, {70, 6, 2, 3, -1}, {33, 67, -1}};
    struct random r = {test_seed()};
    for (int d = 0; d < 2; d++)
        for (int i = 0; !leaves_out(f, d) && i < 6; i++) {
            const int64_t *shape = shapes[i % 3], channels[2] = {shape[1], -1};
            gradc_tensor *x = operand(f->g, halves[d], PLAIN, shape, -2, 2, &r), *vectors[4];
            gradc_tensor *flow = operand(f->g, halves[d], PLAIN, shape, -1, 1, &r);
            for (int k = 0; k < 4; k++)
                vectors[k] = operand(f->g, GRADC_F32, PLAIN, channels, 0.5, 1.5, &r);
            gradc_requires_grad(x, 1);
            gradc_requires_grad(vectors[0], 1);
            gradc_requires_grad(vectors[1], 1);
            struct normed z = norm_of(x, vectors, flow, i < 3),
                          want = norm_of(wide(x), vectors, wide(flow), i < 3);
            check(z.z, want.z, halves[d], "batch_norm");
            check(z.dx[0], want.dx[0], halves[d], "batch_norm's dx");
            for (int k = 1; k < 3; k++)
                assert_same(z.dx[k], want.dx[k], "batch_norm's dweight and dbias");
            assert_same(z.mean, want.mean, "the running mean");
            gradc_release(z.mean);
            gradc_release(want.mean);
            operands_free(f->g);
        }
    gradc_tensor *x = operand(f->g, GRADC_F16, PLAIN, SHAPE_OF(3, 5), -2, 2, &r);
    assert_refused(f->g,
                   gradc_batch_norm(x, NULL, NULL, gradc_cast(gradc_max(x, 1, (const int[]){0}, 0), GRADC_BF16),
                                    NULL, 1, 0.1, 1e-5),
                   GRADC_E_DTYPE, "batch_norm");
    operands_free(f->g);
}

/* ---- Autocast ---- */

static void autocast_casts(struct fixture *f)
{
    gradc_context *g = f->g;
    struct random r = {test_seed()};
    if (f->eager && strcmp(f->device, "cpu") != 0 && !test_long()) /* a program for each, and nothing else to see */
        return;
    gradc_tensor *x = operand(g, GRADC_F32, PLAIN, SHAPE_OF(2, 4, 6, 6), -1, 1, &r);
    gradc_tensor *w = operand(g, GRADC_F32, PLAIN, SHAPE_OF(4, 4, 3, 3), -1, 1, &r);
    gradc_tensor *half = operand(g, GRADC_F16, PLAIN, SHAPE_OF(2, 4, 6, 6), -1, 1, &r);
    gradc_requires_grad(w, 1);
    assert_int_equal(gradc_autocast(g, GRADC_I32), GRADC_E_DTYPE);
    assert_failed(g, GRADC_E_DTYPE, "autocast");
    assert_int_equal(gradc_autocast(g, GRADC_F16), GRADC_OK);
    const struct {
        gradc_tensor *z;
        gradc_dtype dtype;
    } cases[] = {{gradc_conv2d(x, w, NULL, 1, 1), GRADC_F16},
                 {gradc_matmul(x, x), GRADC_F16},
                 {gradc_matmul(x, half), GRADC_F16},
                 {gradc_exp(half), GRADC_F32},
                 {gradc_softmax(half, 1), GRADC_F32},
                 {gradc_log_softmax(half, 1), GRADC_F32},
                 {gradc_sum(half, 0, NULL, 0), GRADC_F32},
                 {gradc_mean(half, 0, NULL, 0), GRADC_F16},
                 {gradc_var(half, 0, NULL, 0, 1), GRADC_F32},
                 {gradc_mse_loss(half, x, GRADC_REDUCE_MEAN), GRADC_F32},
                 {gradc_layer_norm(half, 1, (const int64_t[]){6}, NULL, NULL, 1e-5), GRADC_F32},
                 {gradc_add(x, half), GRADC_F32},
                 {gradc_add(half, half), GRADC_F16},
                 {gradc_relu(half), GRADC_F16},
                 {gradc_relu(x), GRADC_F32},
                 {gradc_concat((gradc_tensor *[]){half, x}, 2, 0), GRADC_F32},
                 {gradc_max(half, 0, NULL, 0), GRADC_F16},
                 {gradc_norm(half, 2, 0, NULL, 0), GRADC_F32},
                 {gradc_prod(half, 0, NULL, 0), GRADC_F32},
                 {gradc_logsumexp(half, 0, NULL, 0), GRADC_F32},
                 {gradc_std(half, 0, NULL, 0, 1), GRADC_F32},
                 {gradc_cross_entropy(gradc_reshape(half, 2, (const int64_t[]){2, 144}),
                                      gradc_cast(gradc_argmax(gradc_reshape(half, 2, (const int64_t[]){2, 144}),
                                                              1, (const int[]){1}, 0),
                                                 GRADC_I64)),
                  GRADC_F32},
                 {gradc_max_pool2d(half, 2, 2), GRADC_F16}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (!cases[i].z)
            fail_msg("case %zu: %s", i, gradc_message(g));
        if (gradc_dtype_of(cases[i].z) != cases[i].dtype)
            fail_msg("case %zu is %s", i, gradc_dtype_name(gradc_dtype_of(cases[i].z)));
    }
    gradc_tensor *loss = gradc_sum(gradc_conv2d(x, w, NULL, 1, 1), 0, NULL, 0);
    assert_int_equal(gradc_backward(loss), GRADC_OK);
    assert_int_equal(gradc_dtype_of(gradc_grad(w)), GRADC_F32);
    assert_int_equal(gradc_autocast(g, GRADC_F32), GRADC_OK);
    assert_int_equal(gradc_dtype_of(gradc_matmul(x, x)), GRADC_F32);
    operands_free(g);
}

/* The cast of a parameter is one node for all that read it, until it is written. */
static void autocast_keeps_casts(struct fixture *f)
{
    gradc_context *g = f->g;
    struct random r = {test_seed()};
    gradc_tensor *x = operand(g, GRADC_F32, PLAIN, SHAPE_OF(3, 5), -1, 1, &r);
    gradc_tensor *w = operand(g, GRADC_F32, PLAIN, SHAPE_OF(5, 5), -1, 1, &r);
    gradc_requires_grad(w, 1);
    assert_int_equal(gradc_autocast(g, GRADC_BF16), GRADC_OK);
    const int64_t start = gradc_tape_mark(g);
    gradc_tensor *y = gradc_linear(x, w, NULL);
    const int64_t first = gradc_tape_mark(g) - start;
    gradc_linear(y, w, NULL);
    const int64_t second = gradc_tape_mark(g) - start - first;
    assert_int_equal(first, 3);
    assert_int_equal(second, 1);
    gradc_assign(w, x = gradc_mul_scalar(w, 2));
    const int64_t third = gradc_tape_mark(g);
    gradc_tensor *z = gradc_linear(y, w, NULL);
    assert_int_equal(gradc_tape_mark(g) - third, 2);
    gradc_tensor *want =
        gradc_cast(gradc_matmul(gradc_cast(y, GRADC_F32),
                                gradc_transpose(gradc_cast(gradc_cast(w, GRADC_BF16), GRADC_F32), 0, 1)),
                   GRADC_BF16);
    struct values v = values_read(want);
    assert_values(z, &v, 0x1.1p-7, "the new weights");
    values_free(&v);
    operands_free(g);
}

/* ---- The scaler ---- */

static void scaler_scales(struct fixture *f)
{
    gradc_context *g = f->g;
    const float start[2] = {1, 2}, grows[2] = {3, INFINITY};
    gradc_tensor *w = leaf_f32(g, 2, start), *x = tensor_f32(g, SHAPE_OF(2), (const float[]){3, 4});
    gradc_optim *o = gradc_sgd(&w, 1, 0.5, 0);
    gradc_scaler *s = gradc_scaler_new(g, 1024);
    assert_non_null(s);
    assert_int_equal(gradc_scaler_set(s, "growth_interval", 2), GRADC_OK);
    for (int step = 0; step < 5; step++) {
        if (step == 1)
            assert_int_equal(gradc_write(x, grows, sizeof grows), GRADC_OK);
        if (step == 2)
            assert_int_equal(gradc_write(x, (const float[]){1, 1}, sizeof grows), GRADC_OK);
        gradc_tensor *loss = gradc_sum(gradc_mul(w, x), 0, NULL, 0);
        assert_int_equal(gradc_backward(gradc_scaler_scale(s, loss)), GRADC_OK);
        if (step == 3) {
            assert_int_equal(gradc_scaler_unscale(s, o), GRADC_OK);
            assert_f32(gradc_grad(w), 2, (const float[]){1, 1});
            assert_int_equal(gradc_scaler_unscale(s, o), GRADC_E_ARG);
            assert_failed(g, GRADC_E_ARG, "scaler_unscale");
        }
        assert_int_equal(gradc_scaler_step(s, o), GRADC_OK);
        assert_int_equal(gradc_scaler_update(s), GRADC_OK);
        if (step == 0)
            assert_f32(loss, 1, (const float[]){11}); /* as a loss that backward was given */
        static const double scales[] = {1024, 512, 512, 1024, 1024}, trackers[] = {1, 0, 1, 0, 1};
        static const float first[] = {-0.5f, -0.5f, -1, -1.5f, -2}, second[] = {0, 0, -0.5f, -1, -1.5f};
        assert_true(gradc_scaler_get(s, "scale") == scales[step]);
        assert_true(gradc_scaler_get(s, "growth_tracker") == trackers[step]);
        assert_f32(w, 2, (const float[]){first[step], second[step]});
        gradc_tape_clear(g);
    }
    assert_true(gradc_scaler_get(s, "skipped") == 1);
    assert_int_equal(gradc_scaler_set(s, "scale", -1), GRADC_E_ARG);
    assert_failed(g, GRADC_E_ARG, "scale");
    assert_int_equal(gradc_scaler_set(s, "colour", 1), GRADC_E_ARG);
    assert_failed(g, GRADC_E_ARG, "colour");
    gradc_scaler_free(s);
    gradc_scaler_free(NULL);
    gradc_optim_free(o);
    gradc_release(w);
    gradc_release(x);
}

int main(void)
{
    static const struct test tests[] = {
        {"every pattern widens", every_pattern_widens},
        {"ties go to even", ties_go_to_even},
        {"other dtypes", other_dtypes},
        {"numbers are read", numbers_are_read},
        {"elementwise", elementwise},
        {"refused", refused},
        {"devices agree", devices_agree},
        {"data moves", data_moves},
        {"assigned", assigned},
        {"pools and sums", pools_and_sums},
        {"long sums", long_sums},
        {"layers", layers},
        {"batch norms", batch_norms},
        {"autocast casts", autocast_casts},
        {"autocast keeps casts", autocast_keeps_casts},
        {"scaler scales", scaler_scales},
    };
    return RUN_SUITE("half", tests);
}
