/* resume.c - training that stops and goes on: the state of optimisers and of random numbers, saved and restored, gives
 * the bits of a training that did not stop. */
#include <math.h>

#include "support/support.h"

enum { PARAMS = 2, STATES = 3, BEFORE = 3, AFTER = 4, SIZE = 37 };

struct kind {
    const char *name;
    gradc_optim *(*make)(gradc_tensor *const *params, int n);
    const char *states[STATES + 1];
};

static gradc_optim *sgd(gradc_tensor *const *params, int n)
{
    gradc_optim *o = gradc_sgd(params, n, 0.1, 0.9);
    gradc_optim_set(o, "dampening", 0.3);
    return o;
}

static gradc_optim *plain(gradc_tensor *const *params, int n)
{
    return gradc_sgd(params, n, 0.1, 0);
}

static gradc_optim *adam(gradc_tensor *const *params, int n)
{
    return gradc_adam(params, n, 0.05);
}

static gradc_optim *adamw(gradc_tensor *const *params, int n)
{
    return gradc_adamw(params, n, 0.05, 0.1);
}

static gradc_optim *rmsprop(gradc_tensor *const *params, int n)
{
    return gradc_rmsprop(params, n, 0.01);
}

static gradc_optim *rmsprop_full(gradc_tensor *const *params, int n)
{
    gradc_optim *o = rmsprop(params, n);
    gradc_optim_set(o, "momentum", 0.9);
    gradc_optim_set(o, "centered", 1);
    return o;
}

static const struct kind kinds[] = {
    {"sgd", plain, {NULL}},
    {"sgd", sgd, {"momentum_buffer", NULL}},
    {"adam", adam, {"exp_avg", "exp_avg_sq", NULL}},
    {"adamw", adamw, {"exp_avg", "exp_avg_sq", NULL}},
    {"rmsprop", rmsprop, {"square_avg", NULL}},
    {"rmsprop", rmsprop_full, {"square_avg", "momentum_buffer", "grad_avg", NULL}},
};

enum { KINDS = sizeof kinds / sizeof *kinds };

/* ---- A training ---- */

struct training {
    gradc_tensor *p[PARAMS], *c;
    gradc_optim *o;
};

static struct training start(gradc_context *g, const struct kind *kind)
{
    struct random r = {test_seed()};
    struct training t = {.c = tensor_random(g, GRADC_F32, SHAPE_OF(SIZE), 0.2, 2, &r)};
    for (int i = 0; i < PARAMS; i++) {
        t.p[i] = tensor_random(g, GRADC_F32, SHAPE_OF(SIZE), -1, 1, &r);
        gradc_requires_grad(t.p[i], 1);
    }
    t.o = kind->make(t.p, PARAMS);
    assert_non_null(t.o);
    return t;
}

static void end(struct training *t)
{
    gradc_optim_free(t->o);
    for (int i = 0; i < PARAMS; i++)
        gradc_release(t->p[i]);
    gradc_release(t->c);
}

/* Steps first .. last-1.  The second parameter sits every other one out. */
static void train(struct fixture *f, struct training *t, int first, int last)
{
    for (int step = first; step < last; step++) {
        gradc_tensor *loss = gradc_mul(t->c, gradc_mul(t->p[0], t->p[0]));
        if (step % 2 == 0)
            loss = gradc_add(loss, gradc_mul(t->p[1], gradc_mul(loss, t->p[1])));
        assert_int_equal(gradc_backward(gradc_sum(loss, 0, NULL, 0)), GRADC_OK);
        assert_int_equal(gradc_step(t->o), GRADC_OK);
        gradc_tape_clear(f->g);
    }
}

/* ---- What is saved ---- */

struct saved {
    float p[PARAMS][SIZE], state[PARAMS][STATES][SIZE];
    int64_t steps, updates[PARAMS];
};

static void save(const struct training *t, struct saved *s)
{
    s->steps = gradc_optim_steps(t->o);
    for (int i = 0; i < gradc_optim_count(t->o); i++) {
        assert_int_equal(gradc_read(t->p[i], s->p[i], sizeof s->p[i]), GRADC_OK);
        s->updates[i] = gradc_optim_updates(t->o, i);
        for (int k = 0; gradc_optim_state_name(t->o, k); k++) {
            gradc_tensor *state = gradc_optim_state(t->o, i, gradc_optim_state_name(t->o, k));
            assert_int_equal(gradc_read(state, s->state[i][k], sizeof s->state[i][k]), GRADC_OK);
        }
    }
}

/* The counts first, or last: both must do. */
static void restore(struct training *t, const struct saved *s, int counts_first)
{
    if (counts_first)
        assert_int_equal(gradc_optim_restore(t->o, s->steps, s->updates), GRADC_OK);
    for (int i = 0; i < PARAMS; i++) {
        assert_int_equal(gradc_write(t->p[i], s->p[i], sizeof s->p[i]), GRADC_OK);
        for (int k = 0; gradc_optim_state_name(t->o, k); k++) {
            gradc_tensor *state = gradc_optim_state(t->o, i, gradc_optim_state_name(t->o, k));
            assert_int_equal(gradc_write(state, s->state[i][k], sizeof s->state[i][k]), GRADC_OK);
        }
    }
    if (!counts_first)
        assert_int_equal(gradc_optim_restore(t->o, s->steps, s->updates), GRADC_OK);
}

static void bits_are_the_same(struct fixture *f)
{
    for (int k = 0; k < KINDS; k++) {
        struct saved middle = {0}, want = {0}, got = {0};
        struct training whole = start(f->g, &kinds[k]);
        train(f, &whole, 0, BEFORE);
        save(&whole, &middle);
        train(f, &whole, BEFORE, BEFORE + AFTER);
        save(&whole, &want);
        end(&whole);
        for (int counts_first = 0; counts_first < 2; counts_first++) {
            struct training again = start(f->g, &kinds[k]);
            train(f, &again, 0, counts_first); /* a fresh optimiser, and one in use */
            restore(&again, &middle, counts_first);
            assert_int_equal(gradc_optim_steps(again.o), BEFORE);
            train(f, &again, BEFORE, BEFORE + AFTER);
            save(&again, &got);
            assert_memory_equal(&got, &want, sizeof got);
            end(&again);
        }
        assert_memory_not_equal(&middle, &want, sizeof want);
    }
}

static void names_and_states(struct fixture *f)
{
    for (int k = 0; k < KINDS; k++) {
        struct training t = start(f->g, &kinds[k]);
        float zeros[SIZE] = {0};
        int i = 0;
        assert_string_equal(gradc_optim_kind(t.o), kinds[k].name);
        assert_int_equal(gradc_optim_count(t.o), PARAMS);
        for (; kinds[k].states[i]; i++) {
            assert_string_equal(gradc_optim_state_name(t.o, i), kinds[k].states[i]);
            gradc_tensor *state = gradc_optim_state(t.o, 1, kinds[k].states[i]);
            assert_f32(state, SIZE, zeros);
            assert_ptr_equal(gradc_optim_state(t.o, 1, kinds[k].states[i]), state);
        }
        assert_null(gradc_optim_state_name(t.o, i));
        assert_null(gradc_optim_state_name(t.o, -1));
        train(f, &t, 0, 1);
        assert_int_equal(gradc_optim_updates(t.o, 0), i > 0);
        end(&t);
    }
}

/* A momentum that is written before the first step is what that step goes on from. */
static void a_written_state_is_used(struct fixture *f)
{
    gradc_tensor *p = leaf_f32(f->g, 2, (const float[]){1, 2});
    gradc_optim *o = gradc_sgd(&p, 1, 1, 0.5);
    assert_int_equal(gradc_write(gradc_optim_state(o, 0, "momentum_buffer"), (const float[]){8, 16}, 8),
                     GRADC_OK);
    assert_int_equal(gradc_backward(gradc_sum(p, 0, NULL, 0)), GRADC_OK);
    assert_int_equal(gradc_step(o), GRADC_OK);
    assert_f32(p, 2, (const float[]){-4, -7});
    assert_f32(gradc_optim_state(o, 0, "momentum_buffer"), 2, (const float[]){5, 9});
    gradc_optim_free(o);
    gradc_release(p);
}

static void numbers_are_read_back(struct fixture *f)
{
    gradc_tensor *p = leaf_f32(f->g, 2, (const float[]){1, 2});
    gradc_optim *o = gradc_adamw(&p, 1, 0.25, 0.125);
    assert_true(gradc_optim_get(o, "lr") == 0.25 && gradc_optim_get(o, "weight_decay") == 0.125);
    assert_true(gradc_optim_get(o, "beta2") == 0.999);
    assert_int_equal(gradc_optim_set(o, "beta2", 0.5), GRADC_OK);
    assert_true(gradc_optim_get(o, "beta2") == 0.5);
    assert_true(isnan(gradc_optim_get(o, "momentum")));
    assert_failed(f->g, GRADC_E_ARG, "momentum");
    assert_true(isnan(gradc_optim_get(o, NULL)));
    assert_failed(f->g, GRADC_E_ARG, "adamw");
    gradc_optim_free(o);
    gradc_release(p);
}

static void wrong_arguments(struct fixture *f)
{
    gradc_tensor *p = leaf_f32(f->g, 2, (const float[]){1, 2});
    gradc_optim *o = gradc_sgd(&p, 1, 1, 0);
    assert_null(gradc_optim_state(o, 0, "momentum_buffer"));
    assert_failed(f->g, GRADC_E_ARG, "momentum_buffer");
    gradc_optim_set(o, "momentum", 0.5);
    assert_null(gradc_optim_state(o, 0, "exp_avg"));
    assert_failed(f->g, GRADC_E_ARG, "exp_avg");
    assert_null(gradc_optim_state(o, 0, NULL));
    assert_failed(f->g, GRADC_E_ARG, "sgd");
    assert_null(gradc_optim_state(o, 1, "momentum_buffer"));
    assert_failed(f->g, GRADC_E_ARG, "parameter 1");
    assert_int_equal(gradc_optim_restore(o, -1, (const int64_t[]){0}), GRADC_E_ARG);
    assert_failed(f->g, GRADC_E_ARG, "-1");
    assert_int_equal(gradc_optim_restore(o, 1, (const int64_t[]){-2}), GRADC_E_ARG);
    assert_failed(f->g, GRADC_E_ARG, "-2");
    assert_int_equal(gradc_optim_restore(o, 1, NULL), GRADC_E_ARG);
    assert_failed(f->g, GRADC_E_ARG, "updates");
    assert_int_equal(gradc_optim_updates(o, 1), -1);
    assert_int_equal(gradc_optim_steps(o), 0);
    gradc_optim_free(o);
    gradc_release(p);
    assert_int_equal(gradc_optim_updates(NULL, 0), -1);
    assert_int_equal(gradc_optim_count(NULL), -1);
    assert_null(gradc_optim_kind(NULL));
    assert_null(gradc_optim_state_name(NULL, 0));
    assert_null(gradc_optim_state(NULL, 0, "exp_avg"));
    assert_true(isnan(gradc_optim_get(NULL, "lr")));
    assert_int_equal(gradc_optim_restore(NULL, 0, NULL), GRADC_E_ARG);
    assert_failed_here(GRADC_E_ARG, "restore");
}

static void random_numbers_go_on(struct fixture *f)
{
    uint64_t state[2];
    float want[5], got[5];
    assert_int_equal(gradc_seed(f->g, 42), GRADC_OK);
    gradc_rand(f->g, 1, (const int64_t[]){7});
    assert_int_equal(gradc_rng_state(f->g, state), GRADC_OK);
    assert_int_equal(gradc_read(gradc_randn(f->g, 1, (const int64_t[]){5}), want, sizeof want), GRADC_OK);
    assert_int_equal(gradc_seed(f->g, 1), GRADC_OK);
    gradc_tensor *before = gradc_rand(f->g, 1, (const int64_t[]){5});
    assert_int_equal(gradc_set_rng_state(f->g, state), GRADC_OK);
    assert_int_equal(gradc_read(gradc_randn(f->g, 1, (const int64_t[]){5}), got, sizeof got), GRADC_OK);
    assert_memory_equal(got, want, sizeof got);
    assert_int_equal(gradc_seed(f->g, 1), GRADC_OK);
    assert_int_equal(gradc_read(before, got, sizeof got), GRADC_OK);
    assert_f32(gradc_rand(f->g, 1, (const int64_t[]){5}), 5, got);
    assert_int_equal(gradc_rng_state(f->g, NULL), GRADC_E_ARG);
    assert_failed(f->g, GRADC_E_ARG, "rng_state");
    assert_int_equal(gradc_set_rng_state(f->g, NULL), GRADC_E_ARG);
    assert_failed(f->g, GRADC_E_ARG, "set_rng_state");
    assert_int_equal(gradc_rng_state(NULL, state), GRADC_E_ARG);
    gradc_recover(NULL);
}

int main(void)
{
    static const struct test tests[] = {
        {"bits are the same", bits_are_the_same},
        {"names and states", names_and_states},
        {"a written state is used", a_written_state_is_used},
        {"numbers are read back", numbers_are_read_back},
        {"wrong arguments", wrong_arguments},
        {"random numbers go on", random_numbers_go_on},
    };
    return RUN_SUITE("resume", tests);
}
