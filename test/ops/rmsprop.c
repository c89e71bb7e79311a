/* rmsprop.c - RMSprop against PyTorch's formula: momentum, centered, weight decay, and their states. */
#include <math.h>

#include "../support/optims.h"

enum { LR, DECAY, ALPHA, EPS, MOMENTUM, CENTERED };

static void formula(double *p, double gradient, double *state, int step, const double *n)
{
    double d = gradient + n[DECAY] * *p;
    (void)step;
    state[0] = n[ALPHA] * state[0] + (1 - n[ALPHA]) * d * d;
    state[1] = n[ALPHA] * state[1] + (1 - n[ALPHA]) * d;
    double root = sqrt(state[0] - (n[CENTERED] > 0 ? state[1] * state[1] : 0));
    state[2] = n[MOMENTUM] * state[2] + d / (root + n[EPS]);
    *p -= n[LR] * state[2];
}

static gradc_optim *make(gradc_tensor *const *params, int n)
{
    return gradc_rmsprop(params, n, 0.01);
}

static gradc_optim *full(gradc_tensor *const *params, int n)
{
    gradc_optim *o = make(params, n);
    gradc_optim_set(o, "momentum", 0.9);
    gradc_optim_set(o, "centered", 1);
    return o;
}

static const struct optim_row rows[] = {
    {{NULL}, {0}, {0.01, 0, 0.99, 1e-8}},
    {{"lr", "weight_decay"}, {0.03, 0.05}, {0.03, 0.05, 0.99, 1e-8}},
    {{"momentum", "eps"}, {0.9, 0.5}, {0.01, 0, 0.99, 0.5, 0.9}},
    {{"centered", "alpha"}, {1, 0.9}, {0.01, 0, 0.9, 1e-8, 0, 1}},
    {{"centered", "momentum", "weight_decay", "alpha"}, {1, 0.5, 0.1, 0.8}, {0.01, 0.1, 0.8, 1e-8, 0.5, 1}},
};

static void values(struct fixture *f)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (gradc_dtype dtype = GRADC_F32; dtype <= test_widest(f->g); dtype++)
            check_optim(f, dtype, make, formula, &rows[i]);
}

/* s - m^2 of gradients that are always the same is rounded to either side of 0. */
static void no_nan_where_gradients_are_equal(struct fixture *f)
{
    gradc_tensor *p = leaf_f32(f->g, 3, (const float[]){1, 2, 3}),
                 *scale = tensor_f32(f->g, SHAPE_OF(3), (const float[]){0.1f, 0.7f, 1.3f});
    gradc_optim *o = make(&p, 1);
    gradc_optim_set(o, "centered", 1);
    gradc_optim_set(o, "alpha", 0.1);
    gradc_optim_set(o, "eps", 1);
    for (int i = 0; i < 40; i++) {
        assert_int_equal(gradc_backward(gradc_sum(gradc_mul(p, scale), 0, NULL, 0)), GRADC_OK);
        assert_int_equal(gradc_step(o), GRADC_OK);
        gradc_tape_clear(f->g);
    }
    float got[3];
    assert_int_equal(gradc_read(p, got, sizeof got), GRADC_OK);
    for (int i = 0; i < 3; i++)
        assert_true(isfinite(got[i]));
    gradc_optim_free(o);
    gradc_release(scale);
    gradc_release(p);
}

static void wrong_arguments(struct fixture *f)
{
    static const struct {
        const char *key;
        double value;
    } wrong[] = {{"alpha", -0.1},   {"eps", -1},     {"momentum", -0.9},
                 {"centered", 0.5}, {"centered", 2}, {"beta1", 0.5}};
    check_optim_refusals(f, make, "rmsprop");
    gradc_tensor *p = gradc_param(f->g, GRADC_ONES, 1, (const int64_t[]){3});
    gradc_optim *o = make(&p, 1);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(gradc_optim_set(o, wrong[i].key, wrong[i].value), GRADC_E_ARG);
        assert_refused(f->g, NULL, GRADC_E_ARG, "rmsprop");
    }
    gradc_optim_free(o);
    gradc_release(p);
}

static gradc_tensor *three_steps(gradc_context *g, struct random *r)
{
    return stepped(g, r, full);
}

static void devices_agree(struct fixture *f)
{
    assert_agrees(f, three_steps, 1e-5);
}

int main(void)
{
    static const struct test tests[] = {{"values", values},
                                        {"no NaN where gradients are equal", no_nan_where_gradients_are_equal},
                                        {"wrong arguments", wrong_arguments},
                                        {"devices agree", devices_agree}};
    return RUN_SUITE("rmsprop", tests);
}
