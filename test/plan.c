/* plan.c - the planner's passes: the same bits as without them, fewer launches, less memory.  Memory limits and
 * checkpoints are in limit.c. */
#include <math.h>

#include "support/plans.h"

static int is_cpu(const struct fixture *f)
{
    return strcmp(f->device, "cpu") == 0;
}

/* ---- Chains give the same bits ---- */

enum { RESULTS = 8 };

/* What a chain is made of: operands of the sizes [a,b], [b], [a,1] and 0-d, strided ones, bytes and truths. */
struct operands {
    gradc_tensor *x, *y, *row, *column, *scalar, *turned, *bytes;
};

static void operands_make(struct operands *o, gradc_context *g, gradc_dtype dtype, int64_t a, int64_t b)
{
    struct random r = {test_seed()};
    o->x = tensor_random(g, dtype, SHAPE_OF(a, b), -2, 2, &r);
    o->y = tensor_random(g, dtype, SHAPE_OF(a, b), 0.5, 2, &r);
    o->row = tensor_random(g, dtype, SHAPE_OF(b), -2, 2, &r);
    o->column = tensor_random(g, dtype, SHAPE_OF(a, 1), -2, 2, &r);
    o->scalar = tensor_random(g, dtype, (const int64_t[]){-1}, -2, 2, &r);
    o->turned = tensor_random(g, dtype, SHAPE_OF(b, a), -2, 2, &r);
    o->bytes = tensor_random(g, GRADC_U8, SHAPE_OF(a, b), 0, 255, &r);
}

static void operands_free(struct operands *o)
{
    gradc_tensor *const all[] = {o->x, o->y, o->row, o->column, o->scalar, o->turned, o->bytes};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        gradc_release(all[i]);
}

/* One long chain, with values that others read, and some that are kept. */
static void chain_of_floats(const struct operands *o, gradc_tensor *kept[RESULTS])
{
    gradc_dtype dtype = gradc_dtype_of(o->x);
    int64_t n = gradc_numel(o->x);
    gradc_tensor *z = gradc_add(gradc_mul(o->x, o->row), o->column);
    kept[0] = gradc_gelu(gradc_sub(z, o->scalar));
    kept[1] = gradc_where(gradc_le(kept[0], o->y), gradc_mul_scalar(kept[0], 0.3), gradc_exp(o->x));
    kept[2] = gradc_add(gradc_transpose(o->turned, 0, 1), gradc_dropout(kept[1], 0.4));
    kept[3] = gradc_cast(gradc_logical_and(gradc_isnan(kept[2]), gradc_gt(kept[2], o->x)), dtype);
    z = gradc_add(gradc_cast(o->bytes, dtype), gradc_flip(o->x, 1, (const int[]){0}));
    z = gradc_tanh(gradc_mul_scalar(z, 0.01));
    kept[4] = gradc_sin(gradc_reshape(z, 1, &n)); /* a flat view: still the same positions */
    z = gradc_transpose(gradc_neg(o->y), 0, 1);   /* another order: made before it is read */
    kept[5] = gradc_mul(z, o->turned);
    kept[6] = gradc_sum(gradc_square(gradc_div(kept[1], o->y)), 1, (const int[]){0}, 0);
    kept[7] = gradc_clamp(gradc_mul(gradc_mul(o->scalar, o->scalar), kept[3]), -1, 1);
}

static void chain_of_integers(const struct operands *o, gradc_tensor *kept[RESULTS])
{
    gradc_tensor *z = gradc_mul(gradc_add_scalar(o->x, 7), o->row);
    kept[0] = gradc_maximum(gradc_neg(z), o->column);
    kept[1] = gradc_where(gradc_ne(kept[0], o->scalar), kept[0], gradc_abs(gradc_transpose(o->turned, 0, 1)));
    kept[2] = gradc_logical_not(gradc_logical_or(gradc_cast(kept[1], GRADC_BOOL), gradc_eq(o->x, o->y)));
    kept[3] = gradc_square(gradc_cast(o->bytes, gradc_dtype_of(o->x)));
    kept[4] = gradc_cast(gradc_mul_scalar(gradc_cast(kept[3], GRADC_F32), 0.1), GRADC_I32);
    kept[5] = gradc_where(kept[2], gradc_logical_not(kept[2]), gradc_ge(o->x, o->y));
    kept[6] = gradc_sum(gradc_sign(kept[1]), 0, NULL, 0);
    kept[7] = gradc_minimum(kept[3], kept[3]);
}

typedef void chain_maker(const struct operands *o, gradc_tensor *kept[RESULTS]);

/* The chain on f's context, and on another where each op runs alone. */
static void compare(struct fixture *f, chain_maker *make, gradc_dtype dtype, int64_t a, int64_t b)
{
    gradc_context *alone = test_open(f->device);
    struct operands o[2];
    gradc_tensor *kept[2][RESULTS];
    char what[64];
    set(alone, "eager", "1");
    for (int k = 0; k < 2; k++) {
        gradc_context *g = k ? alone : f->g;
        assert_int_equal(gradc_seed(g, test_seed()), GRADC_OK);
        operands_make(&o[k], g, dtype, a, b);
        make(&o[k], kept[k]);
        assert_works(g);
    }
    snprintf(what, sizeof what, "%s [%lld,%lld]", gradc_dtype_name(dtype), (long long)a, (long long)b);
    for (int i = 0; i < RESULTS; i++)
        assert_same_bits(kept[0][i], kept[1][i], what, i);
    for (int k = 0; k < 2; k++)
        operands_free(&o[k]);
    gradc_tape_clear(f->g);
    gradc_close(alone);
}

static void chains_change_no_bit(struct fixture *f)
{
    static const int64_t sizes[][2] = {{3, 5}, {1, 1}, {1, 1031}, {1025, 1}, {0, 4}, {64, 257}, {3, 40000}};
    if (f->eager)
        return;
    set(f->g, "plan.fuse", "1");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        compare(f, chain_of_floats, GRADC_F32, sizes[i][0], sizes[i][1]);
        compare(f, chain_of_integers, GRADC_I64, sizes[i][0], sizes[i][1]);
        if (is_cpu(f)) {
            compare(f, chain_of_floats, GRADC_F64, sizes[i][0], sizes[i][1]);
            compare(f, chain_of_integers, GRADC_I32, sizes[i][0], sizes[i][1]);
            compare(f, chain_of_integers, GRADC_U8, sizes[i][0], sizes[i][1]);
        }
    }
}

/* ---- Launches ---- */

static gradc_tensor *repeated(gradc_tensor *x, int times)
{
    for (int i = 0; i < times; i++)
        x = gradc_add_scalar(gradc_mul_scalar(x, 0.5), 1);
    return x;
}

static void a_chain_is_one_launch(struct fixture *f)
{
    float values[40];
    int64_t count = 40;
    if (f->eager)
        return;
    gradc_tensor *x = gradc_new(f->g, GRADC_F32, 1, &count);
    set(f->g, "plan.fuse", "1");
    gradc_tensor *z = repeated(x, 5);
    assert_int_equal(launches(f->g), 1);
    z = repeated(z, 15); /* 40 steps: more than one kernel takes */
    assert_int_equal(launches(f->g), 2);
    assert_int_equal(gradc_read(z, values, sizeof values), GRADC_OK);
    for (int i = 0; i < 40; i++)
        assert_true(fabsf(values[i] - 2) < 1e-5f);
    assert_int_equal(launches(f->g), 2); /* the plan that ran last */
    gradc_tape_clear(f->g);
    set(f->g, "plan.fuse", "0");
    repeated(x, 5);
    assert_int_equal(launches(f->g), 10);
    gradc_tape_clear(f->g);
    gradc_release(x);
}

static void nothing_is_no_launch(struct fixture *f)
{
    char text[256];
    int64_t none = 0;
    assert_int_equal(launches(f->g), 0);
    assert_true(gradc_plan_report(f->g, text, sizeof text) > 0);
    assert_non_null(strstr(text, "\n0 launches, 0 bytes, 0 flop\n"));
    gradc_tensor *x = gradc_new(f->g, GRADC_F32, 1, &none);
    gradc_neg(x);
    assert_int_equal(launches(f->g), 0);
    assert_int_equal(gradc_plan_report(NULL, text, sizeof text), -1);
    assert_string_equal(text, "");
    assert_failed_here(GRADC_E_ARG, "plan_report");
    gradc_release(x);
}

static void a_report_names_what_runs(struct fixture *f)
{
    char text[1024], little[8];
    if (f->eager)
        return;
    set(f->g, "plan.fuse", "1");
    gradc_tensor *x = tensor_f32(f->g, SHAPE_OF(2, 3), (const float[]){1, 2, 3, 4, 5, 6});
    gradc_matmul(gradc_exp(gradc_neg(x)), gradc_transpose(x, 0, 1));
    int64_t length = gradc_plan_report(f->g, text, sizeof text);
    assert_int_equal(length, strlen(text));
    assert_non_null(strstr(text, "neg+exp [2,3]\n"));
    assert_non_null(strstr(text, "matmul [2,2]\n"));
    assert_non_null(strstr(text, "\n2 launches, 112 bytes, 36 flop\n")); /* 48 and 64 bytes; 12 and 24 flop */
    assert_int_equal(gradc_plan_report(f->g, little, sizeof little), length);
    assert_memory_equal(little, text, 7);
    assert_int_equal(little[7], 0);
    gradc_release(x);
}

/* ---- Memory ---- */

static void results_take_the_place_of_operands(struct fixture *f)
{
    int64_t n = 1 << 16;
    int64_t bytes = n * 4;
    if (f->eager)
        return;
    set(f->g, "plan.fuse", "0");
    set(f->g, "plan.inplace", "1");
    gradc_tensor *x = gradc_new(f->g, GRADC_F32, 1, &n);
    gradc_sum(repeated(x, 4), 0, NULL, 0);
    int64_t in_place = memory(f->g);
    gradc_tape_clear(f->g);
    set(f->g, "plan.inplace", "0");
    gradc_sum(repeated(x, 4), 0, NULL, 0);
    int64_t apart = memory(f->g);
    assert_true(in_place >= bytes && in_place < bytes + bytes / 2);
    assert_true(apart >= 2 * bytes && apart < 2 * bytes + bytes / 2);
    gradc_tape_clear(f->g);
    gradc_release(x);
}

enum { LAYERS = 6 };

/* A loss through layers of equal size. */
static gradc_tensor *deep_loss(gradc_tensor *x, gradc_tensor *const *w)
{
    for (int i = 0; i < LAYERS; i++)
        x = gradc_matmul(x, w[i]);
    return gradc_mean(x, 0, NULL, 0);
}

/* What the plan of a step needs, with one launch for each update. */
static int64_t step_memory(gradc_context *g, gradc_tensor *x, gradc_tensor *const *w)
{
    gradc_optim *o = gradc_sgd(w, LAYERS, 0.1, 0);
    set(g, "plan.updates", "0");
    assert_int_equal(gradc_backward(deep_loss(x, w)), GRADC_OK);
    assert_int_equal(gradc_step(o), GRADC_OK);
    gradc_tape_clear(g);
    gradc_optim_free(o);
    return memory(g);
}

static void gradients_die_early(struct fixture *f)
{
    const int64_t side = 128, bytes = side * side * 4;
    gradc_tensor *w[LAYERS], *x;
    if (f->eager)
        return;
    x = gradc_param(f->g, GRADC_NORMAL, 2, (const int64_t[]){1, side});
    for (int i = 0; i < LAYERS; i++)
        w[i] = gradc_param(f->g, GRADC_XAVIER, 2, (const int64_t[]){side, side});
    set(f->g, "plan.order", "1");
    int64_t early = step_memory(f->g, x, w);
    set(f->g, "plan.order", "0");
    int64_t late = step_memory(f->g, x, w);
    assert_true(late - early >= (LAYERS - 2) * bytes);
    gradc_release(x);
    for (int i = 0; i < LAYERS; i++)
        gradc_release(w[i]);
}

/* ---- Updates ---- */

enum { PARAMS = 150 };

typedef gradc_optim *optim_maker(gradc_tensor *const *params, int n);

static gradc_optim *make_sgd(gradc_tensor *const *params, int n)
{
    return gradc_sgd(params, n, 0.1, 0);
}

static gradc_optim *make_momentum(gradc_tensor *const *params, int n)
{
    return gradc_sgd(params, n, 0.1, 0.9);
}

static gradc_optim *make_adam(gradc_tensor *const *params, int n)
{
    return gradc_adam(params, n, 0.01);
}

static gradc_optim *make_adamw(gradc_tensor *const *params, int n)
{
    return gradc_adamw(params, n, 0.01, 0.1);
}

static gradc_optim *make_rmsprop(gradc_tensor *const *params, int n)
{
    return gradc_rmsprop(params, n, 0.01);
}

/* Parameters of many sizes, every ninth of f64 where the device has it, every seventh without elements. */
static void params_make(gradc_context *g, int f64, gradc_tensor **params)
{
    struct random r = {test_seed()};
    for (int i = 0; i < PARAMS; i++) {
        const int64_t n = i % 7 == 6 ? 0 : 1 + (int64_t)i * i * (i % 13 == 1 ? 5 : 1);
        gradc_dtype dtype = f64 && i % 9 == 4 ? GRADC_F64 : GRADC_F32;
        params[i] = tensor_random(g, dtype, SHAPE_OF(n), -1, 1, &r);
        assert_int_equal(gradc_requires_grad(params[i], 1), GRADC_OK);
    }
}

/* Three steps; the second without the gradients of some, so that counts of updates differ from then on. */
static void params_train(gradc_tensor **params, gradc_optim *o)
{
    gradc_context *g = gradc_context_of(params[0]);
    for (int step = 0; step < 3; step++) {
        for (int i = 0; i < PARAMS; i++) {
            if (step == 1 && i % 5 == 0)
                continue;
            gradc_tensor *loss = gradc_sum(gradc_mul(params[i], params[i]), 0, NULL, 0);
            assert_int_equal(gradc_backward(loss), GRADC_OK);
        }
        assert_int_equal(gradc_step(o), GRADC_OK);
        gradc_tape_clear(g);
    }
}

static void compare_updates(struct fixture *f, optim_maker *make)
{
    gradc_context *alone = test_open(f->device);
    gradc_tensor *params[2][PARAMS];
    gradc_context *g[2] = {f->g, alone};
    set(f->g, "plan.updates", "1");
    set(alone, "plan.updates", "0");
    for (int k = 0; k < 2; k++) {
        params_make(g[k], test_has_f64(g[k]), params[k]);
        gradc_optim *o = make(params[k], PARAMS);
        params_train(params[k], o);
        gradc_optim_free(o);
        assert_works(g[k]);
    }
    for (int i = 0; i < PARAMS; i++) {
        assert_same_bits(params[0][i], params[1][i], "parameter", i);
        gradc_release(params[0][i]);
        gradc_release(params[1][i]);
    }
    gradc_close(alone);
}

static void updates_together_are_updates_alone(struct fixture *f)
{
    static optim_maker *const makers[] = {make_sgd, make_momentum, make_adam, make_adamw, make_rmsprop};
    for (size_t i = 0; i < sizeof makers / sizeof *makers; i++)
        compare_updates(f, makers[i]);
}

static void updates_are_one_launch(struct fixture *f)
{
    gradc_tensor *params[20];
    int64_t together = 0, alone = 0;
    if (f->eager)
        return;
    set(f->g, "plan.updates", "1");
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 20; i++)
            params[i] = gradc_param(f->g, GRADC_ONES, 1, (const int64_t[]){3 + i});
        gradc_optim *o = gradc_adam(params, 20, 0.1);
        for (int i = 0; i < 20; i++)
            assert_int_equal(gradc_backward(gradc_sum(params[i], 0, NULL, 0)), GRADC_OK);
        assert_int_equal(gradc_step(o), GRADC_OK);
        *(round ? &alone : &together) = launches(f->g);
        gradc_optim_free(o);
        gradc_tape_clear(f->g);
        for (int i = 0; i < 20; i++)
            gradc_release(params[i]);
        set(f->g, "plan.updates", "0");
    }
    assert_int_equal(alone - together, 19);
}

static void clipping_is_few_launches(struct fixture *f)
{
    gradc_tensor *params[40];
    char text[8192];
    int64_t count[2] = {0, 0};
    if (f->eager)
        return;
    set(f->g, "plan.updates", "1");
    for (int i = 0; i < 40; i++)
        params[i] = gradc_param(f->g, GRADC_ONES, 1, (const int64_t[]){3 + i});
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 40; i++)
            assert_int_equal(gradc_backward(gradc_sum(gradc_exp(params[i]), 0, NULL, 0)), GRADC_OK);
        gradc_tensor *norm = round ? gradc_clip_grad_norm(params, 40, 1) : NULL;
        count[round] = launches(f->g);
        assert_true(gradc_plan_report(f->g, text, sizeof text) > 0);
        assert_int_equal(strstr(text, "total_norm") != NULL && strstr(text, "clip_grad") != NULL, round);
        if (norm) /* 3 + 4 + ... + 42 elements, all e */
            assert_true(fabs(gradc_item(norm) / (exp(1) * sqrt(900)) - 1) < 1e-5);
        gradc_tape_clear(f->g);
        assert_int_equal(gradc_zero_grad(params, 40), GRADC_OK);
    }
    assert_in_range(count[1] - count[0], 2, 3); /* the norm, on OpenCL in two; all gradients */
    for (int i = 0; i < 40; i++)
        gradc_release(params[i]);
}

/* Two optimisers on one parameter: the second's update comes behind the first's. */
static void a_parameter_is_updated_twice(struct fixture *f)
{
    float ones[3] = {1, 1, 1};
    gradc_tensor *x = leaf_f32(f->g, 3, ones);
    gradc_optim *a = gradc_sgd(&x, 1, 0.25, 0), *b = gradc_sgd(&x, 1, 0.5, 0);
    for (int k = 0; k < 2; k++) {
        assert_int_equal(gradc_backward(gradc_sum(gradc_mul(x, x), 0, NULL, 0)), GRADC_OK);
        assert_int_equal(gradc_step(k ? b : a), GRADC_OK); /* x - 0.5 x, then x - x */
    }
    assert_f32(x, 3, (const float[]){0, 0, 0});
    gradc_optim_free(a);
    gradc_optim_free(b);
    gradc_release(x);
}

static void passes_are_settings(struct fixture *f)
{
    static const char *const passes[] = {"plan.fuse",      "plan.updates",  "plan.order",   "plan.inplace",
                                         "plan.recompute", "plan.epilogue", "plan.prologue"};
    for (size_t i = 0; i < sizeof passes / sizeof *passes; i++) {
        set(f->g, passes[i], "0");
        set(f->g, passes[i], "1");
        assert_int_equal(gradc_set(f->g, passes[i], "2"), GRADC_E_ARG);
        assert_failed(f->g, GRADC_E_ARG, passes[i]);
    }
    assert_int_equal(gradc_set(f->g, "plan.", "1"), GRADC_E_ARG);
    assert_failed(f->g, GRADC_E_ARG, "no setting");
    assert_int_equal(gradc_set(f->g, "plan.fused", "1"), GRADC_E_ARG);
    assert_failed(f->g, GRADC_E_ARG, "no setting");
}

int main(void)
{
    static const struct test tests[] = {
        {"chains change no bit", chains_change_no_bit},
        {"a chain is one launch", a_chain_is_one_launch},
        {"nothing is no launch", nothing_is_no_launch},
        {"a report names what runs", a_report_names_what_runs},
        {"results take the place of operands", results_take_the_place_of_operands},
        {"gradients die early", gradients_die_early},
        {"updates together are updates alone", updates_together_are_updates_alone},
        {"updates are one launch", updates_are_one_launch},
        {"clipping is few launches", clipping_is_few_launches},
        {"a parameter is updated twice", a_parameter_is_updated_twice},
        {"passes are settings", passes_are_settings},
    };
    return RUN_SUITE("plan", tests);
}
