/* threads.c - many contexts in many threads: the same bits everywhere, releases from anywhere, contexts that open and
 * close side by side, handles of contexts that are gone.  For ThreadSanitizer too (on the CPU: OpenCL implementations
 * are not clean under it). */
#include <pthread.h>
#include <stdatomic.h>

#include "support/support.h"

enum {
    THREADS = 6,
    TURNS = 4,
    STEPS = 5,
    BATCH = 16,
    SIDE = 12,
    CLASSES = 4,
    WIDTH = 8 * 6 * 6,
    LOSSES = STEPS
};

/* In a thread other than the test's, cmocka's assertions can't be used: what went wrong is kept. */
struct job {
    const struct fixture *f;
    int at;
    char wrong[512];
    double loss[LOSSES];
    float weights[CLASSES * WIDTH];
};

static void wrong(struct job *j, const gradc_context *g, const char *what)
{
    if (!j->wrong[0])
        snprintf(j->wrong, sizeof j->wrong, "thread %d, %s: %s: %.300s", j->at, what,
                 gradc_status_name(gradc_check(g)), gradc_message(g));
}

static gradc_context *job_open(struct job *j)
{
    gradc_context *g = gradc_open(j->f->device);
    if (!g || gradc_set(g, "eager", j->f->eager ? "1" : "0"))
        wrong(j, g, "open");
    return g;
}

static void in_threads(const struct fixture *f, void *(*run)(void *), struct job *jobs)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        memset(&jobs[i], 0, sizeof jobs[i]);
        jobs[i].f = f;
        jobs[i].at = i;
        assert_int_equal(pthread_create(&threads[i], NULL, run, &jobs[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < THREADS; i++)
        if (jobs[i].wrong[0])
            fail_msg("%s", jobs[i].wrong);
}

/* ---- Training ---- */

static double one_step(gradc_tensor *images, gradc_tensor *labels, gradc_tensor *const *param, gradc_optim *adam)
{
    gradc_tensor *z = gradc_max_pool2d(gradc_relu(gradc_conv2d(images, param[0], param[1], 1, 1)), 2, 2);
    z = gradc_linear(gradc_dropout(gradc_flatten(z, 1, -1), 0.25), param[2], param[3]);
    gradc_tensor *loss = gradc_cross_entropy(z, labels);
    gradc_backward(loss);
    gradc_step(adam);
    return gradc_item(loss);
}

static void train(struct job *j, gradc_context *g)
{
    int64_t label[BATCH];
    gradc_tensor *images = gradc_randn(g, 4, (const int64_t[]){BATCH, 1, SIDE, SIDE}), *labels;
    gradc_tensor *param[4] = {gradc_param(g, GRADC_KAIMING, 4, (const int64_t[]){8, 1, 3, 3}),
                              gradc_param(g, GRADC_ZEROS, 1, (const int64_t[]){8}),
                              gradc_param(g, GRADC_XAVIER, 2, (const int64_t[]){CLASSES, WIDTH}),
                              gradc_param(g, GRADC_ZEROS, 1, (const int64_t[]){CLASSES})};
    gradc_optim *adam = gradc_adam(param, 4, 0.01);
    gradc_retain(images);
    labels = gradc_new(g, GRADC_I64, 1, (const int64_t[]){BATCH});
    for (int i = 0; i < BATCH; i++)
        label[i] = i * 7 % CLASSES;
    gradc_write(labels, label, sizeof label);
    for (int k = 0; k < STEPS; k++) {
        j->loss[k] = one_step(images, labels, param, adam);
        gradc_tape_clear(g);
    }
    gradc_read(param[2], j->weights, sizeof j->weights);
    if (gradc_check(g))
        wrong(j, g, "training");
    for (int i = 0; i < 4; i++)
        gradc_release(param[i]);
    gradc_release(images);
    gradc_release(labels);
    gradc_optim_free(adam);
}

static void *train_alone(void *arg)
{
    struct job *j = arg;
    gradc_context *g = job_open(j);
    if (g)
        train(j, g);
    gradc_close(g);
    return NULL;
}

static void many_train_alike(struct fixture *f)
{
    static struct job jobs[THREADS], alone;
    alone = (struct job){.f = f};
    train_alone(&alone);
    assert_string_equal(alone.wrong, "");
    assert_true(alone.loss[STEPS - 1] > 0 && alone.loss[STEPS - 1] < alone.loss[0]);
    in_threads(f, train_alone, jobs);
    for (int i = 0; i < THREADS; i++) {
        assert_memory_equal(jobs[i].loss, alone.loss, sizeof alone.loss);
        assert_memory_equal(jobs[i].weights, alone.weights, sizeof alone.weights);
    }
}

/* ---- One context, handed from thread to thread ---- */

struct relay {
    struct job job;
    gradc_context *g;
    gradc_tensor *x;
};

static void *one_turn(void *arg)
{
    struct relay *r = arg;
    if (gradc_assign(r->x, gradc_add_scalar(r->x, 1)) || gradc_sync(r->g))
        wrong(&r->job, r->g, "a turn");
    return NULL;
}

static void a_context_changes_hands(struct fixture *f)
{
    static struct relay r;
    memset(&r, 0, sizeof r);
    r.g = f->g;
    r.x = leaf_f32(f->g, 2, (const float[]){1, 2});
    for (int i = 0; i < 2 * TURNS; i++) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, one_turn, &r), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_string_equal(r.job.wrong, "");
    }
    assert_f32(r.x, 2, (const float[]){1 + 2 * TURNS, 2 + 2 * TURNS});
    gradc_release(r.x);
}

/* ---- Releases from other threads ---- */

enum { SHARED = 64 };

static struct {
    _Atomic(gradc_tensor *) slot[SHARED];
    atomic_int done;
} shared;

/* Releases what the owner puts out, while the owner works. */
static void *release_all(void *arg)
{
    (void)arg;
    while (!atomic_load(&shared.done))
        for (int i = 0; i < SHARED; i++)
            gradc_release(atomic_exchange(&shared.slot[i], NULL));
    return NULL;
}

static void put_out(gradc_tensor *t, int i)
{
    gradc_release(atomic_exchange(&shared.slot[i % SHARED], t));
}

static void releases_from_other_threads(struct fixture *f)
{
    pthread_t threads[2];
    int64_t before = 0, after = -1;
    atomic_store(&shared.done, 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, release_all, NULL), 0);
    gradc_memory_info(f->g, &before, NULL, NULL);
    for (int i = 0; i < 400; i++) {
        gradc_tensor *x = tensor_f32(f->g, SHAPE_OF(2), (const float[]){1, 2});
        gradc_tensor *y = gradc_retain(gradc_add(x, x));
        assert_non_null(y);
        put_out(x, 2 * i);
        if (i % 3 == 0)
            assert_f32(y, 2, (const float[]){2, 4});
        put_out(y, 2 * i + 1);
        if (i % 10 == 9)
            gradc_tape_clear(f->g);
        assert_works(f->g);
    }
    atomic_store(&shared.done, 1);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < SHARED; i++)
        put_out(NULL, i);
    gradc_tape_clear(f->g);
    gradc_memory_info(f->g, &after, NULL, NULL);
    assert_true(after <= before + (1 << 12)); /* the arena may stay */
    gradc_recover(NULL);
}

/* The last handle goes after its context was closed, in one of many threads. */
static void a_closed_context_goes_with_its_last_handle(struct fixture *f)
{
    pthread_t threads[2];
    for (int k = 0; k < 20; k++) {
        gradc_context *g = test_open(f->device);
        atomic_store(&shared.done, 0);
        for (int i = 0; i < 2; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, release_all, NULL), 0);
        for (int i = 0; i < 8; i++)
            put_out(gradc_new(g, GRADC_F32, 1, (const int64_t[]){3}), i);
        gradc_tensor *mine = gradc_new(g, GRADC_F32, 1, (const int64_t[]){3});
        gradc_close(g);
        assert_int_equal(gradc_write(mine, (const float[]){1, 2, 3}, 12), GRADC_E_ARG);
        gradc_release(mine);
        atomic_store(&shared.done, 1);
        for (int i = 0; i < 2; i++)
            assert_int_equal(pthread_join(threads[i], NULL), 0);
        for (int i = 0; i < 8; i++)
            put_out(NULL, i);
        assert_cleared(mine);
        assert_null(gradc_neg(mine));
        assert_failed_here(GRADC_E_CLEARED, NULL);
        gradc_release(mine); /* once too often */
    }
    gradc_recover(NULL);
}

/* ---- Open and close side by side ---- */

static void *open_and_close(void *arg)
{
    struct job *j = arg;
    for (int k = 0; k < 5 * TURNS; k++) {
        gradc_context *g = job_open(j);
        float got = 0;
        int64_t one = 1;
        if (!g)
            return NULL;
        gradc_tensor *x = gradc_new(g, GRADC_F32, 1, &one);
        gradc_read(gradc_add_scalar(x, j->at), &got, sizeof got);
        if (gradc_check(g) || got != (float)j->at)
            wrong(j, g, "a small context");
        gradc_release(k % 2 ? x : NULL);
        gradc_close(g);
        gradc_release(k % 2 ? NULL : x);
        if (gradc_check(NULL) != GRADC_OK)
            wrong(j, NULL, "release");
        if (!gradc_open("no such device"))
            gradc_recover(NULL); /* its error is this thread's */
    }
    return NULL;
}

static void contexts_open_and_close(struct fixture *f)
{
    static struct job jobs[THREADS];
    gradc_recover(NULL);
    in_threads(f, open_and_close, jobs);
    assert_int_equal(gradc_check(NULL), GRADC_OK);
}

/* ---- The number of threads ---- */

/* Numbers of threads change nothing, nor do contexts that share the pool at the same time. */
static void *train_with_threads(void *arg)
{
    struct job *j = arg;
    char number[8];
    gradc_context *g = job_open(j);
    snprintf(number, sizeof number, "%d", 1 + j->at % 3);
    if (g && gradc_set(g, "threads", number))
        wrong(j, g, "threads");
    if (g)
        train(j, g);
    gradc_close(g);
    return NULL;
}

static void numbers_of_threads_agree(struct fixture *f)
{
    static struct job jobs[THREADS];
    in_threads(f, train_with_threads, jobs);
    for (int i = 1; i < THREADS; i++)
        assert_memory_equal(jobs[i].weights, jobs[0].weights, sizeof jobs[0].weights);
}

int main(void)
{
    static const struct test tests[] = {
        {"many contexts train alike", many_train_alike},
        {"a context changes hands", a_context_changes_hands},
        {"other threads release", releases_from_other_threads},
        {"a closed context goes with its last handle", a_closed_context_goes_with_its_last_handle},
        {"contexts open and close side by side", contexts_open_and_close},
        {"any number of threads", numbers_of_threads_agree},
    };
    return RUN_SUITE("threads", tests);
}
