/* optims.c - what the tests of the optimisers share. */
#include "optims.h"

#include <math.h>

enum { STEPS = 7, PARAMS = 2 };

/* The gradient of sum(c p^2) / 2: c p, c the coefficients. */
static void record_gradient(gradc_tensor *p, gradc_tensor *coefficients)
{
    gradc_tensor *loss = gradc_sum(gradc_mul(coefficients, gradc_mul(p, p)), 0, NULL, 0);
    assert_int_equal(gradc_backward(gradc_mul_scalar(loss, 0.5)), GRADC_OK);
}

static void set_numbers(gradc_optim *o, const struct optim_row *row)
{
    assert_non_null(o);
    for (int i = 0; i < OPTIM_NUMBERS && row->key[i]; i++)
        assert_int_equal(gradc_optim_set(o, row->key[i], row->value[i]), GRADC_OK);
}

void check_optim(struct fixture *f, gradc_dtype dtype, gradc_optim *(*make)(gradc_tensor *const *params, int n),
                 optim_formula *formula, const struct optim_row *row)
{
    static const int64_t shapes[PARAMS][3] = {{3, 7, -1}, {5, -1}};
    struct random r = {test_seed()};
    gradc_tensor *p[PARAMS], *c[PARAMS];
    struct values want[PARAMS], by[PARAMS];
    double state[PARAMS][OPTIM_STATES][21] = {0};
    int updates[PARAMS] = {0};
    for (int i = 0; i < PARAMS; i++) {
        p[i] = operand(f->g, dtype, PLAIN, shapes[i], -1, 1, &r);
        c[i] = operand(f->g, dtype, PLAIN, shapes[i], 0.2, 2, &r);
        want[i] = values_read(p[i]);
        by[i] = values_read(c[i]);
        gradc_requires_grad(p[i], 1);
    }
    gradc_optim *o = make(p, PARAMS);
    set_numbers(o, row);
    for (int step = 1; step <= STEPS; step++) {
        for (int i = 0; i < PARAMS; i++) {
            if (i == 1 && step % 3 == 0)
                continue; /* no gradient: not updated, and its count of updates stays */
            record_gradient(p[i], c[i]);
            updates[i]++;
            for (int64_t k = 0; k < want[i].n; k++) {
                double s[OPTIM_STATES];
                for (int j = 0; j < OPTIM_STATES; j++)
                    s[j] = state[i][j][k];
                formula(&want[i].at[k], by[i].at[k] * want[i].at[k], s, updates[i], row->numbers);
                for (int j = 0; j < OPTIM_STATES; j++)
                    state[i][j][k] = s[j];
            }
        }
        assert_int_equal(gradc_step(o), GRADC_OK);
        assert_int_equal(gradc_optim_steps(o), step);
        gradc_tape_clear(f->g);
        for (int i = 0; i < PARAMS; i++)
            assert_values(p[i], &want[i], dtype == GRADC_F64 ? 1e-12 : 3e-6,
                          row->key[0] ? row->key[0] : "defaults");
    }
    for (int i = 0; i < PARAMS; i++) {
        values_free(&want[i]);
        values_free(&by[i]);
    }
    gradc_optim_free(o);
    operands_free(f->g);
}

static void refused(gradc_context *g, gradc_optim *o, gradc_status status, const char *name)
{
    assert_null(o);
    assert_refused(g, NULL, status, name);
}

void check_optim_refusals(struct fixture *f, gradc_optim *(*make)(gradc_tensor *const *params, int n),
                          const char *name)
{
    gradc_context *g = f->g, *other = test_open("cpu");
    gradc_tensor *p = gradc_param(g, GRADC_ONES, 1, (const int64_t[]){3});
    gradc_tensor *plain = gradc_new(g, GRADC_F32, 1, (const int64_t[]){3});
    gradc_tensor *whole = gradc_new(g, GRADC_I32, 1, (const int64_t[]){3});
    gradc_tensor *far = gradc_param(other, GRADC_ONES, 1, (const int64_t[]){3});
    refused(g, make((gradc_tensor *const[]){p, plain}, 2), GRADC_E_ARG, name);
    refused(g, make((gradc_tensor *const[]){p, whole}, 2), GRADC_E_DTYPE, name);
    refused(g, make((gradc_tensor *const[]){p, p}, 2), GRADC_E_ARG, name);
    refused(g, make((gradc_tensor *const[]){p, NULL}, 2), GRADC_E_ARG, name);
    refused(g, make((gradc_tensor *const[]){gradc_neg(p)}, 1), GRADC_E_ARG, name);
    assert_null(make((gradc_tensor *const[]){p, far}, 2));
    assert_failed(g, GRADC_E_ARG, name);
    gradc_recover(other);
    gradc_recover(NULL);
    assert_null(make(NULL, 0));
    assert_failed_here(GRADC_E_ARG, name);
    gradc_optim *o = make(&p, 1);
    static const struct {
        const char *key;
        double value;
    } wrong[] = {{"lr", -1}, {"lr", NAN}, {"rate", 1}, {"weight_decay", -1}, {NULL, 1}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(gradc_optim_set(o, wrong[i].key, wrong[i].value), GRADC_E_ARG);
        assert_refused(g, NULL, GRADC_E_ARG, name);
    }
    gradc_release(p); /* the optimiser holds it */
    assert_int_equal(gradc_step(o), GRADC_OK);
    gradc_optim_free(o);
    gradc_optim_free(NULL);
    gradc_release(plain);
    gradc_release(whole);
    gradc_release(far);
    gradc_close(other);
}

gradc_tensor *stepped(gradc_context *g, struct random *r,
                      gradc_optim *(*make)(gradc_tensor *const *params, int n))
{
    gradc_tensor *p = operand(g, GRADC_F32, PLAIN, SHAPE_OF(300, 301), -1, 1, r);
    gradc_tensor *c = operand(g, GRADC_F32, PLAIN, SHAPE_OF(300, 301), 0.2, 2, r);
    gradc_requires_grad(p, 1);
    gradc_optim *o = make(&p, 1);
    for (int i = 0; i < 3; i++) {
        record_gradient(p, c);
        assert_int_equal(gradc_step(o), GRADC_OK);
    }
    gradc_optim_free(o);
    return p;
}
