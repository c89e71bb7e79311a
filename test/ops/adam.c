/* adam.c - Adam and AdamW against PyTorch's formulas, with the bias corrections of each parameter's own steps. */
#include <math.h>

#include "../support/optims.h"

enum { LR, DECAY, BETA1, BETA2, EPS, DECOUPLED };

static void formula(double *p, double gradient, double *state, int step, const double *n)
{
    double d = gradient;
    if (n[DECOUPLED] > 0)
        *p *= 1 - n[LR] * n[DECAY];
    else
        d += n[DECAY] * *p;
    state[0] = n[BETA1] * state[0] + (1 - n[BETA1]) * d;
    state[1] = n[BETA2] * state[1] + (1 - n[BETA2]) * d * d;
    double m = state[0] / (1 - pow(n[BETA1], step)), v = state[1] / (1 - pow(n[BETA2], step));
    *p -= n[LR] * m / (sqrt(v) + n[EPS]);
}

static gradc_optim *adam(gradc_tensor *const *params, int n)
{
    return gradc_adam(params, n, 0.05);
}

static gradc_optim *adamw(gradc_tensor *const *params, int n)
{
    return gradc_adamw(params, n, 0.05, 0.1);
}

static const struct optim_row rows[] = {
    {{NULL}, {0}, {0.05, 0, 0.9, 0.999, 1e-8}},
    {{"lr", "weight_decay"}, {0.02, 0.2}, {0.02, 0.2, 0.9, 0.999, 1e-8}},
    {{"beta1", "beta2", "eps"}, {0.5, 0.9, 1e-3}, {0.05, 0, 0.5, 0.9, 1e-3}},
    {{"beta1"}, {0}, {0.05, 0, 0, 0.999, 1e-8}},
};

static const struct optim_row decoupled[] = {
    {{NULL}, {0}, {0.05, 0.1, 0.9, 0.999, 1e-8, 1}},
    {{"weight_decay", "beta2"}, {0.5, 0.99}, {0.05, 0.5, 0.9, 0.99, 1e-8, 1}},
};

static void values(struct fixture *f)
{
    for (gradc_dtype dtype = GRADC_F32; dtype <= test_widest(f->g); dtype++) {
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
            check_optim(f, dtype, adam, formula, &rows[i]);
        for (size_t i = 0; i < sizeof decoupled / sizeof *decoupled; i++)
            check_optim(f, dtype, adamw, formula, &decoupled[i]);
    }
}

static void wrong_arguments(struct fixture *f)
{
    static const struct {
        const char *key;
        double value;
    } wrong[] = {{"beta1", 1}, {"beta2", -0.1}, {"eps", -1}, {"momentum", 0.9}};
    check_optim_refusals(f, adam, "adam");
    check_optim_refusals(f, adamw, "adamw");
    gradc_tensor *p = gradc_param(f->g, GRADC_ONES, 1, (const int64_t[]){3});
    gradc_optim *o = adam(&p, 1);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(gradc_optim_set(o, wrong[i].key, wrong[i].value), GRADC_E_ARG);
        assert_refused(f->g, NULL, GRADC_E_ARG, "adam");
    }
    gradc_optim_free(o);
    gradc_release(p);
}

static gradc_tensor *three_steps(gradc_context *g, struct random *r)
{
    return stepped(g, r, adamw);
}

static void devices_agree(struct fixture *f)
{
    assert_agrees(f, three_steps, 1e-6);
}

int main(void)
{
    static const struct test tests[] = {
        {"values", values}, {"wrong arguments", wrong_arguments}, {"devices agree", devices_agree}};
    return RUN_SUITE("adam", tests);
}
