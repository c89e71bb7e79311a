/* half_steps.c - parameters of f16 and bf16: optimisers, clipping, norms with 16-bit vectors, a model all of whose
 * tensors have 16 bits; and what has no elements. */
#include <math.h>

#include "support/values.h"

static const gradc_dtype halves[] = {GRADC_F16, GRADC_BF16};

enum { PARAMS = 3, STEPS = 3, STATES = 3 };

/* ---- Optimisers: a step in 16 bits is one of f32, rounded ---- */

static gradc_optim *optim_of(int kind, gradc_tensor *const *params, int n)
{
    gradc_optim *o = kind == 0   ? gradc_sgd(params, n, 0.1, 0)
                     : kind == 1 ? gradc_sgd(params, n, 0.1, 0.9)
                     : kind == 2 ? gradc_adam(params, n, 0.01)
                     : kind == 3 ? gradc_adamw(params, n, 0.01, 0.1)
                                 : gradc_rmsprop(params, n, 0.01);
    assert_non_null(o);
    if (kind == 1)
        gradc_optim_set(o, "nesterov", 1);
    if (kind == 4) {
        gradc_optim_set(o, "momentum", 0.9);
        gradc_optim_set(o, "centered", 1);
    }
    gradc_optim_set(o, "weight_decay", 0.1);
    return o;
}
enum { KINDS = 5 };

/* to = from, whose numbers to's dtype has. */
static void copy_to(gradc_tensor *to, gradc_tensor *from)
{
    assert_int_equal(gradc_assign(to, gradc_cast(from, gradc_dtype_of(to))), GRADC_OK);
}

static void step_with(gradc_optim *o, gradc_tensor *const *params, gradc_tensor *const *flows)
{
    gradc_tensor *sum = NULL;
    for (int i = 0; i < PARAMS; i++) {
        gradc_tensor *part = gradc_sum(gradc_mul(params[i], flows[i]), 0, NULL, 0);
        sum = sum ? gradc_add(sum, part) : part;
    }
    assert_int_equal(gradc_backward(sum), GRADC_OK);
    assert_int_equal(gradc_step(o), GRADC_OK);
}

static void check_steps(struct fixture *f, int kind, gradc_dtype dtype)
{
    static const int64_t shapes[PARAMS][3] = {{7, -1}, {3, 400, -1}, {20011, -1}};
    struct random r = {test_seed() + (uint64_t)kind};
    gradc_tensor *x[PARAMS], *wide[PARAMS], *flow[PARAMS], *wide_flow[PARAMS];
    for (int i = 0; i < PARAMS; i++) {
        x[i] = operand(f->g, dtype, PLAIN, shapes[i], -1, 1, &r);
        wide[i] = operand(f->g, GRADC_F32, PLAIN, shapes[i], 0, 1, &r);
        copy_to(wide[i], x[i]);
        flow[i] = operand(f->g, dtype, PLAIN, shapes[i], -1, 1, &r);
        gradc_requires_grad(x[i], 1);
        gradc_requires_grad(wide[i], 1);
    }
    gradc_optim *o = optim_of(kind, x, PARAMS), *f32 = optim_of(kind, wide, PARAMS);
    for (int step = 0; step < STEPS; step++) {
        for (int i = 0; i < PARAMS; i++)
            wide_flow[i] = gradc_cast(flow[i], GRADC_F32);
        step_with(o, x, flow);
        step_with(f32, wide, wide_flow);
        for (int i = 0; i < PARAMS; i++) {
            assert_same(x[i], gradc_cast(wide[i], dtype), gradc_optim_kind(o));
            copy_to(wide[i], x[i]);
            for (int k = 0; gradc_optim_state_name(o, k); k++) {
                const char *name = gradc_optim_state_name(o, k);
                gradc_tensor *state = gradc_optim_state(o, i, name), *other = gradc_optim_state(f32, i, name);
                assert_same(state, gradc_cast(other, dtype), name);
                copy_to(other, state);
            }
        }
        gradc_tape_clear(f->g);
    }
    gradc_optim_free(o);
    gradc_optim_free(f32);
    operands_free(f->g);
}

/* Programs take their time to build: elsewhere than on the CPU one dtype is tried, planned. */
static int is_left_out(const struct fixture *f, int d)
{
    if (strcmp(f->device, "cpu") == 0 || test_long())
        return 0;
    return f->eager || d != 0;
}

static void optimisers(struct fixture *f)
{
    const int all = strcmp(f->device, "cpu") == 0 || test_long();
    for (int kind = 0; kind < KINDS; kind++)
        for (int d = 0; d < 2; d++)
            if (all || (!f->eager && (kind == 1 || kind == 2) && kind % 2 == d))
                check_steps(f, kind, halves[d]);
}

/* ---- The norm of all gradients ---- */

static void clipped(struct fixture *f)
{
    enum { N = 30011 };
    static double numbers[N];
    struct random r = {test_seed()};
    for (int d = 0; d < 2 && !is_left_out(f, d); d++) {
        double squares = 0;
        for (int i = 0; i < N; i++) {
            numbers[i] = value_rounded(halves[d], random_real(&r, -1000, 1000));
            squares += numbers[i] * numbers[i];
        }
        gradc_tensor *flow = operand_of(f->g, halves[d], SHAPE_OF(N), numbers), *p[2];
        p[0] = operand(f->g, halves[d], PLAIN, SHAPE_OF(N), 0, 1, &r);
        p[1] = operand(f->g, GRADC_F32, PLAIN, SHAPE_OF(5), 0, 1, &r);
        gradc_requires_grad(p[0], 1);
        gradc_requires_grad(p[1], 1);
        gradc_tensor *loss = gradc_add(gradc_sum(gradc_cast(gradc_mul(p[0], flow), GRADC_F32), 0, NULL, 0),
                                       gradc_sum(p[1], 0, NULL, 0));
        assert_int_equal(gradc_backward(loss), GRADC_OK);
        gradc_tensor *norm = gradc_clip_grad_norm(p, 2, 50); /* beyond f16's range */
        assert_works(f->g);
        assert_int_equal(gradc_dtype_of(norm), GRADC_F32);
        const double want = sqrt(squares + 5), share = 50 / want;
        if (!(fabs(gradc_item(norm) - want) <= 1e-5 * want))
            fail_msg("the norm is %.9g, not %.9g", gradc_item(norm), want);
        struct values v = values_read(gradc_grad(p[0]));
        assert_int_equal(v.dtype, halves[d]);
        for (int i = 0; i < N; i++)
            if (!(fabs(v.at[i] - numbers[i] * share) <=
                  (d ? 0x1.01p-8 : 0x1.01p-11) * fabs(numbers[i] * share) + 0x1p-24))
                fail_msg("element %d is %g, not %g", i, v.at[i], numbers[i] * share);
        values_free(&v);
        operands_free(f->g);
    }
}

/* bf16 has no need of a scaler, but may have one; f16's gradients would lose what it saves. */
static void scaled(struct fixture *f)
{
    struct random r = {test_seed()};
    if (is_left_out(f, 1))
        return;
    for (int d = 0; d < 2; d++) {
        gradc_tensor *p = operand(f->g, halves[d], PLAIN, SHAPE_OF(4), 1, 2, &r), *before = gradc_to(p, f->g);
        gradc_requires_grad(p, 1);
        gradc_optim *o = gradc_sgd(&p, 1, 0.5, 0);
        gradc_scaler *s = gradc_scaler_new(f->g, 1024);
        assert_int_equal(gradc_backward(gradc_scaler_scale(s, gradc_sum(p, 0, NULL, 0))), GRADC_OK);
        if (halves[d] == GRADC_F16) {
            assert_int_equal(gradc_scaler_step(s, o), GRADC_E_DTYPE);
            assert_failed(f->g, GRADC_E_DTYPE, "is f16");
        } else {
            assert_int_equal(gradc_scaler_step(s, o), GRADC_OK);
            assert_same(p, gradc_add_scalar(before, -0.5), "a scaled step");
        }
        gradc_scaler_free(s);
        gradc_optim_free(o);
        gradc_release(before);
        operands_free(f->g);
    }
}

/* ---- Norms whose vectors have 16 bits ---- */

/* What they are in f32, rounded where it is stored. */
static void batch_norm_vectors(struct fixture *f)
{
    struct random r = {test_seed()};
    for (int d = 0; d < 2 && !is_left_out(f, d); d++)
        for (int training = 0; training < 2; training++) {
            if (!training && is_left_out(f, 1))
                continue;
            gradc_tensor *x = operand(f->g, halves[d], PLAIN, SHAPE_OF(6, 5, 3), -2, 2, &r), *v[4], *wide[4];
            gradc_tensor *dv[3], *dw[3];
            for (int k = 0; k < 4; k++) {
                v[k] = operand(f->g, halves[d], PLAIN, SHAPE_OF(5), 0.5, 1.5, &r);
                wide[k] = gradc_to(gradc_cast(v[k], GRADC_F32), f->g);
                gradc_requires_grad(v[k], k >= 2);
                gradc_requires_grad(wide[k], k >= 2);
            }
            gradc_tensor *z = gradc_batch_norm(x, v[0], v[1], v[2], v[3], training, 0.1, 1e-5);
            gradc_tensor *want = gradc_batch_norm(x, wide[0], wide[1], wide[2], wide[3], training, 0.1, 1e-5);
            assert_works(f->g);
            gradc_tensor *flow = operand(f->g, halves[d], PLAIN, SHAPE_OF(6, 5, 3), -1, 1, &r);
            assert_int_equal(gradc_gradients(z, flow, 2, v + 2, dv), GRADC_OK);
            assert_int_equal(gradc_gradients(want, flow, 2, wide + 2, dw), GRADC_OK);
            assert_same(z, want, "batch_norm");
            for (int k = 0; k < 2; k++) {
                assert_same(dv[k], gradc_cast(dw[k], halves[d]), "the gradients of weight and bias");
                assert_same(v[k], gradc_cast(wide[k], halves[d]), "the running statistics");
            }
            for (int k = 0; k < 4; k++)
                gradc_release(wide[k]);
            operands_free(f->g);
        }
}

static void layer_norm_vectors(struct fixture *f)
{
    struct random r = {test_seed()};
    for (int d = 0; d < 2 && !is_left_out(f, d); d++) {
        gradc_tensor *x = operand(f->g, halves[d], SLICED, SHAPE_OF(6, 50), -2, 2, &r), *v[2], *wide[2];
        gradc_tensor *flow = operand(f->g, halves[d], PLAIN, SHAPE_OF(6, 50), -1, 1, &r), *dv[2], *dw[2];
        for (int k = 0; k < 2; k++) {
            v[k] = operand(f->g, halves[d], PLAIN, SHAPE_OF(50), 0.5, 1.5, &r);
            wide[k] = operand(f->g, GRADC_F32, PLAIN, SHAPE_OF(50), 0.5, 1.5, &r);
            copy_to(wide[k], v[k]);
            gradc_requires_grad(v[k], 1);
            gradc_requires_grad(wide[k], 1);
        }
        gradc_tensor *z = gradc_layer_norm(x, 1, (const int64_t[]){50}, v[0], v[1], 1e-5);
        gradc_tensor *want = gradc_layer_norm(x, 1, (const int64_t[]){50}, wide[0], wide[1], 1e-5);
        assert_works(f->g);
        assert_int_equal(gradc_gradients(z, flow, 2, v, dv), GRADC_OK);
        assert_int_equal(gradc_gradients(want, flow, 2, wide, dw), GRADC_OK);
        assert_same(z, want, "layer_norm");
        for (int k = 0; k < 2; k++)
            assert_same(dv[k], gradc_cast(dw[k], halves[d]), "the gradients of weight and bias");
        gradc_tensor *other = gradc_cast(v[0], halves[!d]);
        assert_refused(f->g, gradc_layer_norm(x, 1, (const int64_t[]){50}, other, NULL, 1e-5), GRADC_E_DTYPE,
                       "layer_norm");
        operands_free(f->g);
    }
}

/* ---- Nothing, and what is no number ---- */

static gradc_tensor *of_nothing(gradc_tensor *x, int which)
{
    static const int first[] = {0};
    switch (which) {
    case 0: return gradc_prod(x, 1, first, 0);
    case 1: return gradc_any(x, 1, first, 0);
    case 2: return gradc_all(x, 1, first, 1);
    case 3: return gradc_var(x, 1, first, 0, 1);
    case 4: return gradc_norm(x, 2, 1, first, 0);
    case 5: return gradc_logsumexp(x, 1, first, 0);
    case 6: return gradc_softmax(x, 1);
    case 7: return gradc_log_softmax(x, 0);
    case 8: return gradc_layer_norm(x, 1, (const int64_t[]){3}, NULL, NULL, 1e-5);
    case 9: return gradc_cross_entropy(x, gradc_cast(gradc_sum(x, 1, (const int[]){1}, 0), GRADC_I64));
    default: return NULL;
    }
}

static void nothing(struct fixture *f)
{
    struct random r = {test_seed()};
    if (strcmp(f->device, "cpu") != 0 && !test_long())
        return;
    for (int d = 0; d < 2; d++)
        for (int which = 0; which < 10; which++) {
            gradc_tensor *x = operand(f->g, halves[d], PLAIN, SHAPE_OF(0, 3), 0, 1, &r);
            gradc_tensor *want = of_nothing(gradc_cast(x, GRADC_F32), which), *z = of_nothing(x, which);
            assert_works(f->g);
            struct values v = values_read(want);
            v.dtype = v.dtype == GRADC_F32 ? halves[d] : v.dtype;
            assert_values(z, &v, 0, "of nothing");
            values_free(&v);
            operands_free(f->g);
        }
}

/* NaN wins, inf is no overflow of a sum, and of equal ones the first is found. */
static void special(struct fixture *f)
{
    static const double rows[] = {1, NAN, 3, NAN, INFINITY, 2, -INFINITY, INFINITY, 5, 7, 7, 7};
    static const int last[] = {1};
    static const double most[] = {NAN, NAN, INFINITY, 7}, at[] = {1, 0, 1, 0};
    for (int d = 0; d < 2 && !is_left_out(f, d); d++) {
        gradc_tensor *x = operand_of(f->g, halves[d], SHAPE_OF(4, 3), rows);
        struct values want = values_new(halves[d], 1, SHAPE_OF(4));
        for (int i = 0; i < 4; i++)
            want.at[i] = most[i];
        assert_values(gradc_max(x, 1, last, 0), &want, 0, "max");
        want.dtype = GRADC_I64;
        for (int i = 0; i < 4; i++)
            want.at[i] = at[i];
        assert_values(gradc_argmax(x, 1, last, 0), &want, 0, "argmax");
        values_free(&want);
        gradc_tensor *large = gradc_expand(operand_of(f->g, halves[d], SHAPE_OF(1), (const double[]){60000}),
                                           1, (const int64_t[]){100});
        large = gradc_expand(gradc_reshape(gradc_slice(large, 0, 0, 2, 1), 2, (const int64_t[]){1, 2}), 2,
                             (const int64_t[]){70000, 2}); /* more labels than f16's largest number */
        gradc_tensor *labels = gradc_cast(gradc_slice(gradc_cast(large, GRADC_I64), 1, 0, 1, 1), GRADC_I64);
        labels = gradc_reshape(gradc_mul_scalar(labels, 0), 1, (const int64_t[]){70000});
        gradc_tensor *mean = gradc_nll_loss(large, labels, NULL, -100, GRADC_REDUCE_MEAN);
        assert_true(fabs(gradc_item(mean) / -60000 - 1) < 0.01);
        large = gradc_slice(gradc_reshape(large, 1, (const int64_t[]){140000}), 0, 0, 100, 1);
        assert_true(fabs(gradc_item(gradc_norm(gradc_mul_scalar(large, 0.01), 2, 0, NULL, 0)) / 6000 - 1) < 0.01);
        operands_free(f->g);
    }
}

/* ---- A model of 16 bits ---- */

enum { BATCH = 32, IN = 8, HIDDEN = 16, CLASSES = 4, ROUNDS = 60 };

static void trains(struct fixture *f)
{
    struct random r = {7};
    double before = 0, loss = 0;
    if (strcmp(f->device, "cpu") != 0 && (f->eager || !test_long()))
        return;
    for (int d = 0; d < 2; d++) {
        double numbers[BATCH * IN];
        int64_t labels[BATCH];
        for (int i = 0; i < BATCH * IN; i++)
            numbers[i] = random_real(&r, -1, 1) + 2 * (i % IN == i / IN % CLASSES);
        for (int i = 0; i < BATCH; i++)
            labels[i] = i % CLASSES;
        gradc_tensor *x = operand_of(f->g, halves[d], SHAPE_OF(BATCH, IN), numbers);
        gradc_tensor *y = tensor_i64(f->g, SHAPE_OF(BATCH), labels), *p[6];
        static const int64_t shapes[][3] = {{HIDDEN, IN, -1}, {HIDDEN, -1},          {HIDDEN, -1},
                                            {HIDDEN, -1},     {CLASSES, HIDDEN, -1}, {CLASSES, -1}};
        for (int i = 0; i < 6; i++) {
            const double low = i == 2 ? 1 : i % 4 == 0 ? -0.3 : 0;
            p[i] = operand(f->g, halves[d], PLAIN, shapes[i], low, i == 2 ? 1.0001 : -low, &r);
            gradc_requires_grad(p[i], 1);
        }
        gradc_optim *o = gradc_adam(p, 6, 0.01);
        gradc_optim_set(o, "eps", 1e-4);
        for (int step = 0; step < ROUNDS; step++) {
            gradc_tensor *z = gradc_linear(x, p[0], p[1]);
            z = gradc_gelu(gradc_layer_norm(z, 1, (const int64_t[]){HIDDEN}, p[2], p[3], 1e-5));
            z = gradc_cross_entropy(gradc_linear(z, p[4], p[5]), y);
            assert_int_equal(gradc_dtype_of(z), halves[d]);
            assert_int_equal(gradc_backward(z), GRADC_OK);
            assert_int_equal(gradc_step(o), GRADC_OK);
            loss = gradc_item(z);
            before = step == 0 ? loss : before;
            gradc_tape_clear(f->g);
        }
        if (!(loss < 0.5 * before))
            fail_msg("%s: the loss goes from %g to %g", gradc_dtype_name(halves[d]), before, loss);
        gradc_optim_free(o);
        gradc_release(y);
        operands_free(f->g);
    }
}

int main(int argc, char **argv)
{
    static const struct test tests[] = {
        {"optimisers", optimisers},
        {"clipped", clipped},
        {"scaled", scaled},
        {"batch_norm's vectors", batch_norm_vectors},
        {"layer_norm's vectors", layer_norm_vectors},
        {"nothing", nothing},
        {"special", special},
        {"trains", trains},
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return RUN_SUITE("half_steps", tests);
}
