/* sgd.c - gradient descent against PyTorch's formula: momentum, dampening, Nesterov, weight decay. */
#include "../support/optims.h"

enum { LR, DECAY, MOMENTUM, DAMPENING, NESTEROV };

static void formula(double *p, double gradient, double *state, int step, const double *n)
{
    double d = gradient + n[DECAY] * *p;
    state[0] = step == 1 ? d : n[MOMENTUM] * state[0] + (1 - n[DAMPENING]) * d;
    *p -= n[LR] * (n[MOMENTUM] <= 0 ? d : n[NESTEROV] > 0 ? d + n[MOMENTUM] * state[0] : state[0]);
}

static gradc_optim *make(gradc_tensor *const *params, int n)
{
    return gradc_sgd(params, n, 0.1, 0);
}

static const struct optim_row rows[] = {
    {{NULL}, {0}, {0.1}},
    {{"lr", "weight_decay"}, {0.3, 0.05}, {0.3, 0.05}},
    {{"momentum"}, {0.9}, {0.1, 0, 0.9}},
    {{"momentum", "dampening", "weight_decay"}, {0.8, 0.3, 0.01}, {0.1, 0.01, 0.8, 0.3}},
    {{"momentum", "nesterov", "weight_decay"}, {0.9, 1, 0.1}, {0.1, 0.1, 0.9, 0, 1}},
};

static void values(struct fixture *f)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (gradc_dtype dtype = GRADC_F32; dtype <= test_widest(f->g); dtype++)
            check_optim(f, dtype, make, formula, &rows[i]);
}

static void wrong_arguments(struct fixture *f)
{
    check_optim_refusals(f, make, "sgd");
    gradc_tensor *p = gradc_param(f->g, GRADC_ONES, 1, (const int64_t[]){3});
    gradc_optim *o = make(&p, 1);
    assert_int_equal(gradc_optim_set(o, "nesterov", 1), GRADC_E_ARG); /* without momentum */
    assert_refused(f->g, NULL, GRADC_E_ARG, "sgd");
    assert_int_equal(gradc_optim_set(o, "beta1", 0.5), GRADC_E_ARG);
    assert_refused(f->g, NULL, GRADC_E_ARG, "sgd");
    gradc_optim_free(o);
    gradc_release(p);
}

static gradc_optim *heavy(gradc_tensor *const *params, int n)
{
    return gradc_sgd(params, n, 0.1, 0.9);
}

static gradc_tensor *three_steps(gradc_context *g, struct random *r)
{
    return stepped(g, r, heavy);
}

static void devices_agree(struct fixture *f)
{
    assert_agrees(f, three_steps, 1e-6);
}

int main(void)
{
    static const struct test tests[] = {
        {"values", values}, {"wrong arguments", wrong_arguments}, {"devices agree", devices_agree}};
    return RUN_SUITE("sgd", tests);
}
