/* limit.c - steps under a memory limit, and checkpoints: values are made again, and come to the same bits. */
#include "support/plans.h"

/* ---- A memory limit ---- */

enum { DEEP = 10, WIDE = 64, ROWS = 2048 };

/* A deep network of small weights: what a step needs is its activations. */
struct deep {
    gradc_context *g;
    gradc_tensor *x, *w[DEEP];
    gradc_optim *o;
};

static void deep_make(struct deep *d, gradc_context *g)
{
    struct random r = {test_seed()};
    d->g = g;
    assert_int_equal(gradc_seed(g, test_seed()), GRADC_OK);
    d->x = tensor_random(g, GRADC_F32, SHAPE_OF(ROWS, WIDE), -1, 1, &r);
    for (int i = 0; i < DEEP; i++) {
        d->w[i] = tensor_random(g, GRADC_F32, SHAPE_OF(WIDE, WIDE), -0.3, 0.3, &r);
        assert_int_equal(gradc_requires_grad(d->w[i], 1), GRADC_OK);
    }
    d->o = gradc_adam(d->w, DEEP, 0.01);
}

static void deep_free(struct deep *d)
{
    gradc_optim_free(d->o);
    gradc_release(d->x);
    for (int i = 0; i < DEEP; i++)
        gradc_release(d->w[i]);
}

/* checkpoint: so many layers are given up together; 0: none. */
static gradc_status deep_step_with(struct deep *d, int checkpoint)
{
    gradc_tensor *x = d->x;
    for (int i = 0; i < DEEP; i++) {
        if (checkpoint && i % checkpoint == 0)
            assert_int_equal(gradc_checkpoint_begin(d->g), GRADC_OK);
        x = gradc_dropout(gradc_gelu(gradc_matmul(x, d->w[i])), 0.1);
        if (checkpoint && i % checkpoint == checkpoint - 1)
            assert_int_equal(gradc_checkpoint_end(d->g), GRADC_OK);
    }
    gradc_status status = gradc_backward(gradc_mean(gradc_square(x), 0, NULL, 0));
    if (!status)
        status = gradc_step(d->o);
    gradc_tape_clear(d->g);
    return status;
}

static gradc_status deep_step(struct deep *d)
{
    return deep_step_with(d, 0);
}

/* The limit that leaves so much for the step: what is held now, and that. */
static void leave(struct deep *d, int64_t bytes)
{
    char text[32];
    int64_t live = 0;
    assert_int_equal(gradc_memory_info(d->g, &live, NULL, NULL), GRADC_OK);
    snprintf(text, sizeof text, "%lld", (long long)(live + bytes));
    set(d->g, "memory_limit", text);
}

/* With about half of the memory, steps take more launches and come to the same bits. */
static void a_limit_changes_no_bit(struct fixture *f)
{
    gradc_context *free_one = test_open(f->device), *tight = test_open(f->device);
    struct deep a, b;
    if (!f->eager) {
        deep_make(&a, free_one);
        deep_make(&b, tight);
        set(tight, "plan.recompute", "1");
        assert_int_equal(deep_step(&a), GRADC_OK);
        int64_t needs = memory(free_one), plain = launches(free_one), peak = 0, live = 0;
        assert_int_equal(gradc_memory_info(tight, &live, NULL, NULL), GRADC_OK);
        leave(&b, needs / 2 + (4 << 20)); /* the optimiser's state is made in the first step, in slabs of 2 MiB */
        for (int i = 0; i < 3; i++) {
            assert_int_equal(deep_step(&b), GRADC_OK);
            assert_true(i == 2 || deep_step(&a) == GRADC_OK);
        }
        assert_true(memory(tight) < needs * 3 / 4);
        assert_true(launches(tight) > plain);
        assert_int_equal(gradc_memory_info(tight, NULL, &peak, NULL), GRADC_OK);
        assert_true(peak <= live + needs / 2 + (4 << 20));
        for (int i = 0; i < DEEP; i++)
            assert_same_bits(a.w[i], b.w[i], "weight", i);
        deep_free(&a);
        deep_free(&b);
    }
    gradc_close(free_one);
    gradc_close(tight);
}

/* What can't fit is refused before anything ran, with the bytes that are missing. */
static void a_limit_that_is_too_tight(struct fixture *f)
{
    struct deep d;
    size_t bytes;
    if (f->eager)
        return;
    deep_make(&d, f->g);
    void *before = bits_of(d.w[0], &bytes);
    leave(&d, 3 << 20);
    assert_int_equal(deep_step(&d), GRADC_E_MEMORY);
    assert_non_null(strstr(gradc_message(f->g), "are missing"));
    gradc_recover(f->g);
    void *after = bits_of(d.w[0], &bytes);
    assert_memory_equal(before, after, bytes);
    set(f->g, "memory_limit", "0");
    assert_int_equal(deep_step(&d), GRADC_OK);
    free(before);
    free(after);
    deep_free(&d);
}

/* ---- Checkpoints ---- */

/* Layers given up by twos: less memory, the same bits; a loop with and without them has two plans. */
static void checkpoints_change_no_bit(struct fixture *f)
{
    gradc_context *other = test_open(f->device);
    struct deep a, b;
    deep_make(&a, f->g);
    deep_make(&b, other);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(deep_step_with(&a, i == 1 ? 0 : 2), GRADC_OK);
        assert_int_equal(deep_step(&b), GRADC_OK);
    }
    for (int i = 0; i < DEEP; i++)
        assert_same_bits(a.w[i], b.w[i], "weight", i);
    if (!f->eager) {
        assert_int_equal(deep_step_with(&a, 2), GRADC_OK);
        int64_t with = memory(f->g);
        assert_int_equal(deep_step(&b), GRADC_OK);
        assert_true(with < memory(other) * 2 / 3);
    }
    deep_free(&a);
    deep_free(&b);
    gradc_close(other);
}

enum { LONG_WAY = 200000 };

/* What a value comes from is followed for a few nodes, not through all of a long region: no stack would hold that. */
static void a_long_region_is_not_followed(struct fixture *f)
{
    if (f->eager || strcmp(f->device, "cpu") != 0)
        return;
    gradc_tensor *w = gradc_param(f->g, GRADC_ONES, 2, (const int64_t[]){2, 3});
    gradc_tensor *ones = gradc_param(f->g, GRADC_ONES, 2, (const int64_t[]){2, 3}), *x = ones;
    assert_int_equal(gradc_requires_grad(ones, 0), GRADC_OK);
    set(f->g, "pending", "1000000");
    assert_int_equal(gradc_checkpoint_begin(f->g), GRADC_OK);
    for (int i = 0; i < LONG_WAY; i++)
        x = gradc_contiguous(gradc_transpose(x, 0, 1));
    gradc_tensor *loss = gradc_sum(gradc_linear(x, w, NULL), 0, NULL, 0);
    assert_int_equal(gradc_checkpoint_end(f->g), GRADC_OK);
    assert_int_equal(gradc_backward(loss), GRADC_OK);
    assert_f32(gradc_grad(w), 6, (const float[]){2, 2, 2, 2, 2, 2});
    gradc_release(ones);
    gradc_release(w);
}

static void checkpoints_come_in_pairs(struct fixture *f)
{
    assert_int_equal(gradc_checkpoint_end(f->g), GRADC_E_ARG);
    assert_failed(f->g, GRADC_E_ARG, "none has begun");
    assert_int_equal(gradc_checkpoint_begin(f->g), GRADC_OK);
    assert_int_equal(gradc_checkpoint_begin(f->g), GRADC_E_ARG);
    assert_failed(f->g, GRADC_E_ARG, "has not ended");
    gradc_tape_clear(f->g);
    assert_int_equal(gradc_checkpoint_begin(f->g), GRADC_OK);
    assert_int_equal(gradc_checkpoint_end(f->g), GRADC_OK);
    assert_int_equal(gradc_checkpoint_begin(NULL), GRADC_E_ARG);
    assert_failed_here(GRADC_E_ARG, "checkpoint_begin");
}

int main(void)
{
    static const struct test tests[] = {
        {"a limit changes no bit", a_limit_changes_no_bit},
        {"a limit that is too tight", a_limit_that_is_too_tight},
        {"checkpoints change no bit", checkpoints_change_no_bit},
        {"a long region is not followed", a_long_region_is_not_followed},
        {"checkpoints come in pairs", checkpoints_come_in_pairs},
    };
    return RUN_SUITE("limit", tests);
}
