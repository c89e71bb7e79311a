/* failures.c - the n-th allocation on the host or the n-th OpenCL call fails, for n = 1, 2, 3 ..., or the device's
 * memory is too small: a status and a sentence, nothing changed before the first update, LOST behind it, and work that
 * goes on.  Not here: what is not there from the start (missing.c).
 *
 * A step is tried in one context while a twin makes the same steps undisturbed; both must agree in every bit. */
#include <stdatomic.h>

#ifndef GRADC_NO_OPENCL
#include "device/opencl/opencl.h"
#endif
#include "support/support.h"

/* ---- The host's allocator: counted, and failing on demand ---- */

enum { HEADER = 64 };

static struct {
    atomic_int armed, left; /* allocations until one fails */
    atomic_int always, struck;
    atomic_llong blocks, bytes;
} host;

static int host_fails(void)
{
    if (!atomic_load(&host.armed))
        return 0;
    int left = atomic_fetch_sub(&host.left, 1);
    if (left > 1 || (left < 1 && !atomic_load(&host.always)))
        return 0;
    atomic_store(&host.struck, 1);
    return 1;
}

static void *resize(void *payload, void *old, size_t bytes)
{
    char *block = old ? (char *)old - HEADER : NULL;
    size_t before = 0;
    (void)payload;
    if (block)
        memcpy(&before, block, sizeof before);
    if (bytes == 0) {
        atomic_fetch_sub(&host.blocks, block != NULL);
        atomic_fetch_sub(&host.bytes, (long long)before);
        free(block);
        return NULL;
    }
    char *after = host_fails() ? NULL : realloc(block, bytes + HEADER);
    if (!after)
        return NULL;
    memcpy(after, &bytes, sizeof bytes);
    atomic_fetch_add(&host.blocks, block == NULL);
    atomic_fetch_add(&host.bytes, (long long)bytes - (long long)before);
    return after + HEADER;
}

/* ---- What can be made to fail ---- */

struct injection {
    const char *name;
    void (*arm)(int n);
    int (*disarm)(void); /* 1: the n-th was reached */
    int opencl;          /* on OpenCL devices only */
};

static void arm_host(int n, int always)
{
    atomic_store(&host.struck, 0);
    atomic_store(&host.always, always);
    atomic_store(&host.left, n);
    atomic_store(&host.armed, 1);
}

static void arm_once(int n)
{
    arm_host(n, 0);
}

static void arm_always(int n)
{
    arm_host(n, 1);
}

static int disarm_host(void)
{
    atomic_store(&host.armed, 0);
    return atomic_load(&host.struck);
}

#ifndef GRADC_NO_OPENCL
static void arm_opencl(int n)
{
    opencl_fail_after(n);
}

static int disarm_opencl(void)
{
    return opencl_fail_after(0) == 0;
}
#endif

static const struct injection injections[] = {
    {"one allocation", arm_once, disarm_host, 0},
    {"all allocations from one on", arm_always, disarm_host, 0},
#ifndef GRADC_NO_OPENCL
    {"an OpenCL call", arm_opencl, disarm_opencl, 1},
#endif
};
enum { INJECTIONS = sizeof injections / sizeof *injections };

static int is_opencl(const struct fixture *f)
{
    return strcmp(f->device, "cpu") != 0;
}

/* ---- A small convolutional net ---- */

enum { PARAMS = 4, BATCH = 2, SIDE = 8, CLASSES = 3, WIDTH = 32, LARGEST = CLASSES * WIDTH };

static const int64_t param_shape[PARAMS][5] = {{2, 1, 3, 3, -1}, {2, -1}, {CLASSES, WIDTH, -1}, {CLASSES, -1}};

struct model {
    gradc_context *g;
    gradc_tensor *param[PARAMS], *images[2], *labels;
    gradc_optim *adam;
};

/* What parameters or gradients hold, and how reading them ended. */
struct contents {
    gradc_status status[PARAMS];
    int there[PARAMS];
    float value[PARAMS][LARGEST];
};

/* Goes on where something fails, as a program that asks for failures once would. */
static void model_open(struct model *m, const char *device, int eager)
{
    static const int64_t labels[BATCH] = {2, 0};
    float image[BATCH * SIDE * SIDE];
    memset(m, 0, sizeof *m);
    m->g = gradc_open(device);
    if (!m->g)
        return;
    gradc_set(m->g, "eager", eager ? "1" : "0");
    for (int i = 0; i < PARAMS; i++) {
        int ndim = 0;
        while (param_shape[i][ndim] >= 0)
            ndim++;
        m->param[i] = gradc_param(m->g, ndim > 1 ? GRADC_KAIMING : GRADC_UNIFORM, ndim, param_shape[i]);
    }
    for (int k = 0; k < 2; k++) {
        for (int i = 0; i < BATCH * SIDE * SIDE; i++)
            image[i] = (float)((i * 7 + k * 5) % 11) / 11.0f;
        m->images[k] = gradc_new(m->g, GRADC_F32, 4, (const int64_t[]){BATCH, 1, SIDE, SIDE});
        gradc_write(m->images[k], image, sizeof image);
    }
    m->labels = gradc_new(m->g, GRADC_I64, 1, (const int64_t[]){BATCH});
    gradc_write(m->labels, labels, sizeof labels);
    m->adam = gradc_adam(m->param, PARAMS, 0.01);
}

static void model_close(struct model *m)
{
    gradc_optim_free(m->adam);
    for (int i = 0; i < PARAMS; i++)
        gradc_release(m->param[i]);
    gradc_release(m->images[0]);
    gradc_release(m->images[1]);
    gradc_release(m->labels);
    gradc_close(m->g);
}

static gradc_status model_backward(struct model *m, int k)
{
    gradc_tensor *z =
        gradc_max_pool2d(gradc_relu(gradc_conv2d(m->images[k], m->param[0], m->param[1], 1, 1)), 2, 2);
    z = gradc_linear(gradc_flatten(z, 1, -1), m->param[2], m->param[3]);
    return gradc_backward(gradc_cross_entropy(z, m->labels));
}

/* The gradients (1) or the parameters (0). */
static void model_read(const struct model *m, int gradients, struct contents *c)
{
    memset(c, 0, sizeof *c);
    for (int i = 0; i < PARAMS; i++) {
        gradc_tensor *t = gradients ? gradc_grad(m->param[i]) : m->param[i];
        c->there[i] = t != NULL;
        if (t)
            c->status[i] = gradc_read(t, c->value[i], (size_t)gradc_bytes(m->param[i]));
        if (c->status[i] == GRADC_E_LOST)
            memset(c->value[i], 0, sizeof c->value[i]);
    }
    gradc_recover(NULL);
}

static int same(const struct contents *a, const struct contents *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

/* ---- A whole program ---- */

static void whole_program(const struct fixture *f, struct contents *c, gradc_status *status, char message[64])
{
    struct model m;
    gradc_recover(NULL);
    model_open(&m, f->device, f->eager);
    if (m.g) {
        model_backward(&m, 0);
        gradc_step(m.adam);
        model_read(&m, 0, c);
    }
    *status = gradc_check(m.g);
    snprintf(message, 64, "%s", gradc_message(m.g));
    model_close(&m);
    gradc_recover(NULL);
}

/* What each failure must leave: a reason or the right values, and nothing that was not there before. */
static int program_attempt(const struct fixture *f, const struct injection *in, int n,
                           const struct contents *right, long long blocks, long long bytes)
{
    struct contents c;
    gradc_status status;
    char message[64];
    in->arm(n);
    whole_program(f, &c, &status, message);
    int struck = in->disarm();
    if (status && !message[0])
        fail_msg("%s, number %d: %s without a message", in->name, n, gradc_status_name(status));
    if (status && (!struck || (status != GRADC_E_MEMORY && status != GRADC_E_DEVICE)))
        fail_msg("%s, number %d: %s: %s", in->name, n, gradc_status_name(status), message);
    if (!status && !same(&c, right))
        fail_msg("%s, number %d: no failure, and another result", in->name, n);
    if (atomic_load(&host.blocks) != blocks || atomic_load(&host.bytes) != bytes)
        fail_msg("%s, number %d: %lld blocks are left, %lld bytes (%s: %s)", in->name, n,
                 atomic_load(&host.blocks) - blocks, atomic_load(&host.bytes) - bytes,
                 gradc_status_name(status), message);
    return struck;
}

/* So many programs until the process has all that it keeps, such as handles that wait. */
enum { SETTLED = 6 };

/* most: how many attempts; they lie closer together at the start. */
static void program_fails(const struct fixture *f, int most)
{
    struct contents right;
    gradc_status status;
    char message[64];
    for (int k = 0; k < SETTLED; k++) {
        whole_program(f, &right, &status, message);
        assert_int_equal(status, GRADC_OK);
    }
    long long blocks = atomic_load(&host.blocks), bytes = atomic_load(&host.bytes);
    for (int k = 0; k < INJECTIONS; k++) {
        if (injections[k].opencl && !is_opencl(f))
            continue;
        int n = 1, attempts = 0, struck = 1;
        for (; struck; attempts++) {
            struck = program_attempt(f, &injections[k], n, &right, blocks, bytes);
            n += attempts < most / 2 ? 1 : 1 + n / most;
        }
        assert_true(attempts > 1);
    }
}

/* The fixture's context keeps the device's programs, so that only the first attempt builds. */
static void a_program_fails(struct fixture *f)
{
    program_fails(f, !is_opencl(f) || test_long() ? 100000 : 100);
}

/* Nothing is kept: programs are built, or loaded, each time. */
static void a_program_fails_from_the_start(struct fixture *f)
{
    gradc_close(f->g);
    f->g = NULL;
    if (is_opencl(f))
        program_fails(f, test_long() ? 400 : 8);
}

/* ---- A step ---- */

struct pair {
    struct model m, twin;
    struct contents params, first, both; /* before the step: parameters; gradients of one batch, and of both */
};

static void assert_agree(struct pair *p, const char *what, int n)
{
    struct contents a, b;
    assert_works(p->m.g);
    assert_works(p->twin.g);
    model_read(&p->m, 0, &a);
    model_read(&p->twin, 0, &b);
    if (!same(&a, &b))
        fail_msg("%s, number %d: afterwards the parameters are not those of an undisturbed run", what, n);
    assert_int_equal(gradc_optim_steps(p->m.adam), gradc_optim_steps(p->twin.adam));
}

/* Both: parameters as before, a new optimiser, and one batch. */
static void start_again(struct model *m, const struct contents *params)
{
    for (int i = 0; i < PARAMS; i++)
        assert_int_equal(gradc_write(m->param[i], params->value[i], (size_t)gradc_bytes(m->param[i])), GRADC_OK);
    assert_int_equal(gradc_zero_grad(m->param, PARAMS), GRADC_OK);
    gradc_optim_free(m->adam);
    m->adam = gradc_adam(m->param, PARAMS, 0.01);
    assert_int_equal(model_backward(m, 1), GRADC_OK);
    assert_int_equal(gradc_step(m->adam), GRADC_OK);
}

/* The same batch and step once more, with the gradients as the failure left them. */
static void repeat_step(struct pair *p, const char *what, int n, const char *message)
{
    struct contents params, gradients;
    model_read(&p->m, 0, &params);
    if (!same(&params, &p->params))
        fail_msg("%s, number %d: a parameter changed, but: %s", what, n, message);
    model_read(&p->m, 1, &gradients);
    if (same(&gradients, &p->first))
        assert_int_equal(model_backward(&p->m, 1), GRADC_OK);
    else if (!same(&gradients, &p->both))
        fail_msg("%s, number %d: the gradients are neither as before nor whole: %s", what, n, message);
    if (gradc_step(p->m.adam))
        fail_msg("%s, number %d: again: %s", what, n, gradc_message(p->m.g));
}

/* After a failure before the first update, or behind it (then the message says so, and the parameters are LOST). */
static void go_on(struct pair *p, const char *what, int n)
{
    struct contents params;
    char message[512];
    gradc_status status = gradc_check(p->m.g);
    snprintf(message, sizeof message, "%s", gradc_message(p->m.g));
    if ((status != GRADC_E_MEMORY && status != GRADC_E_DEVICE) || !message[0])
        fail_msg("%s, number %d: %s: %s", what, n, gradc_status_name(status), message);
    assert_null(gradc_neg(p->m.param[0]));
    assert_int_equal(gradc_step(p->m.adam), status);
    gradc_recover(p->m.g);
    assert_works(p->m.g);
    assert_int_equal(gradc_optim_steps(p->m.adam), gradc_optim_steps(p->twin.adam) - 1);
    if (!strstr(message, "cut off")) {
        repeat_step(p, what, n, message);
        return;
    }
    model_read(&p->m, 0, &params);
    for (int i = 0; i < PARAMS; i++)
        assert_int_equal(params.status[i], GRADC_E_LOST);
    start_again(&p->m, &p->params);
    start_again(&p->twin, &p->params);
}

static int step_attempt(struct pair *p, const struct injection *in, int n)
{
    struct contents c;
    for (int k = 0; k < 2; k++) {
        struct model *m = k ? &p->twin : &p->m;
        assert_int_equal(model_backward(m, 0), GRADC_OK);
        model_read(m, 1, k ? &c : &p->first);
        gradc_tape_clear(m->g);
    }
    assert_true(same(&p->first, &c));
    model_read(&p->twin, 0, &p->params);
    assert_int_equal(model_backward(&p->twin, 1), GRADC_OK);
    model_read(&p->twin, 1, &p->both);
    assert_int_equal(gradc_step(p->twin.adam), GRADC_OK);

    in->arm(n);
    model_backward(&p->m, 1);
    gradc_step(p->m.adam);
    int struck = in->disarm();
    if (gradc_check(p->m.g))
        go_on(p, in->name, n);
    gradc_recover(NULL);
    assert_agree(p, in->name, n);
    gradc_tape_clear(p->m.g);
    gradc_tape_clear(p->twin.g);
    return struck;
}

/* After all attempts the model holds as much device memory as its twin. */
static void step_fails(const struct fixture *f, int replan)
{
    struct pair p;
    model_open(&p.m, f->device, f->eager);
    model_open(&p.twin, f->device, f->eager);
    assert_works(p.m.g);
    for (int k = 0; k < INJECTIONS; k++) {
        const struct injection *in = &injections[k];
        if (in->opencl && !is_opencl(f))
            continue;
        int struck = 1, n = 0;
        while (struck) {
            if (replan)
                assert_int_equal(gradc_set(p.m.g, "pending", "4096"), GRADC_OK); /* forgets the plans */
            struck = step_attempt(&p, in, ++n);
        }
        assert_true(n > 1 || !replan);
    }
    int64_t live, twins;
    assert_true(!gradc_set(p.m.g, "pending", "1") && !gradc_set(p.twin.g, "pending", "1")); /* plans hold tables */
    assert_int_equal(gradc_memory_info(p.m.g, &live, NULL, NULL), GRADC_OK);
    assert_int_equal(gradc_memory_info(p.twin.g, &twins, NULL, NULL), GRADC_OK);
    assert_int_equal(live, twins);
    model_close(&p.m);
    model_close(&p.twin);
}

static void a_step_fails(struct fixture *f)
{
    step_fails(f, 1);
}

static void a_replayed_step_fails(struct fixture *f)
{
    step_fails(f, 0);
}

/* ---- Reads and writes ---- */

static gradc_status read_rows(struct model *m, float *rows)
{
    return gradc_read(gradc_transpose(m->param[2], 0, 1), rows, sizeof(float) * LARGEST);
}

static void a_read_fails(struct fixture *f)
{
    struct model m;
    float right[LARGEST], rows[LARGEST];
    model_open(&m, f->device, f->eager);
    assert_int_equal(read_rows(&m, right), GRADC_OK);
    for (int k = 0; k < INJECTIONS; k++)
        for (int n = 1, struck = !injections[k].opencl || is_opencl(f); struck; n++) {
            injections[k].arm(n);
            gradc_status status = read_rows(&m, rows);
            struck = injections[k].disarm();
            assert_true(struck || status == GRADC_OK);
            gradc_recover(m.g);
            gradc_recover(NULL);
            if (status)
                assert_int_equal(read_rows(&m, rows), GRADC_OK);
            assert_memory_equal(rows, right, sizeof right);
            gradc_tape_clear(m.g);
        }
    model_close(&m);
}

/* Writes every second column: the tensor is as before, or as it should be, or it says that it is lost. */
static void a_write_fails(struct fixture *f)
{
    struct model m;
    float before[LARGEST], after[LARGEST], columns[LARGEST / 2] = {1, 2, 3};
    model_open(&m, f->device, f->eager);
    assert_int_equal(gradc_read(m.param[2], before, sizeof before), GRADC_OK);
    for (int k = 0; k < INJECTIONS; k++)
        for (int n = 1, struck = !injections[k].opencl || is_opencl(f); struck; n++) {
            injections[k].arm(n);
            gradc_write(gradc_slice(m.param[2], 1, 0, INT64_MAX, 2), columns, sizeof columns);
            struck = injections[k].disarm();
            gradc_status failed = gradc_check(m.g);
            assert_true(struck || !failed);
            gradc_recover(m.g);
            gradc_status status = gradc_read(m.param[2], after, sizeof after);
            assert_true(status == GRADC_OK || (failed && status == GRADC_E_LOST));
            if (!status && failed)
                assert_memory_equal(after, before, sizeof before);
            if (!status && !failed)
                assert_true(after[0] == 1 && after[2] == 2 && after[1] == before[1]);
            gradc_recover(NULL);
            assert_int_equal(gradc_write(m.param[2], before, sizeof before), GRADC_OK);
            assert_int_equal(gradc_read(m.param[2], after, sizeof after), GRADC_OK);
            assert_memory_equal(after, before, sizeof before);
            gradc_tape_clear(m.g);
        }
    model_close(&m);
}

/* ---- Models ---- */

/* A model is made, recorded, differentiated and freed; in is NULL: undisturbed.  0: the n-th was not reached. */
static int module_attempt(struct fixture *f, const char *options, const char *name,
                          const struct injection *in, int n)
{
    static const int64_t shape[4] = {2, 1, 8, 8};
    gradc_tensor *x = gradc_new(f->g, GRADC_F32, 4, shape);
    if (in)
        in->arm(n);
    gradc_module *m = gradc_model(f->g, name, options);
    gradc_tensor *z = m ? gradc_module_forward(m, x) : NULL;
    gradc_backward(gradc_sum(z, 0, NULL, 0));
    gradc_status status = gradc_sync(f->g);
    int struck = in && in->disarm();
    if (status ? !struck || !gradc_message(f->g)[0] || (status != GRADC_E_MEMORY && status != GRADC_E_DEVICE)
               : !z)
        fail_msg("%s, number %d: %s: %s", in ? in->name : "nothing", n, gradc_status_name(status),
                 gradc_message(f->g));
    gradc_recover(f->g);
    gradc_recover(NULL);
    gradc_tape_clear(f->g);
    gradc_module_free(m);
    gradc_release(x);
    return struck;
}

/* No block of the device's memory is left behind any attempt. */
static void module_fails(struct fixture *f, const char *name, const char *options, int most)
{
    int64_t live = 0, settled = 0;
    module_attempt(f, options, name, NULL, 0);
    gradc_memory_info(f->g, &settled, NULL, NULL);
    for (int k = 0; k < INJECTIONS; k++)
        for (int n = 1, attempts = 0, struck = !injections[k].opencl || is_opencl(f); struck; attempts++) {
            struck = module_attempt(f, options, name, &injections[k], n);
            module_attempt(f, options, name, NULL, 0);
            gradc_memory_info(f->g, &live, NULL, NULL);
            if (live != settled)
                fail_msg("%s, number %d: %lld bytes are left, not %lld", injections[k].name, n,
                         (long long)live, (long long)settled);
            n += attempts < most / 2 ? 1 : 1 + n / most;
        }
}

/* One with batch norms too, where attempts are cheap. */
static void a_module_fails(struct fixture *f)
{
    int quick = !is_opencl(f) || test_long();
    module_fails(f, "lenet", "classes=3 image=8", quick ? 100 : 20);
    if (quick)
        module_fails(f, "resnet18", "classes=3 image=8 channels=1", test_long() ? 10 : 4);
}

/* ---- Device memory ---- */

enum { TALL = 4096, BROAD = 1024 }; /* TALL x BROAD f32: 16 MiB */

static void too_large_a_tensor(struct fixture *f)
{
    int64_t before = 0, after = -1;
    assert_int_equal(gradc_memory_info(f->g, &before, NULL, NULL), GRADC_OK);
    assert_int_equal(gradc_set(f->g, "memory_limit", "8M"), GRADC_OK);
    assert_null(gradc_new(f->g, GRADC_F32, 2, (const int64_t[]){TALL, BROAD}));
    assert_failed(f->g, GRADC_E_MEMORY, "16777216 bytes");
    assert_null(gradc_param(f->g, GRADC_NORMAL, 2, (const int64_t[]){TALL, BROAD}));
    assert_failed(f->g, GRADC_E_MEMORY, "the limit is 8388608");
    gradc_tensor *x = leaf_f32(f->g, 3, (const float[]){1, 2, 3});
    assert_f32(gradc_neg(x), 3, (const float[]){-1, -2, -3});
    gradc_release(x);
    gradc_tape_clear(f->g);
    assert_int_equal(gradc_memory_info(f->g, &after, NULL, NULL), GRADC_OK);
    assert_int_equal(after, before);
}

/* The plan does not fit: the update that waits is not made, and can be made later.  A gradient that was dropped before
 * stays dropped. */
static void too_large_a_plan(struct fixture *f)
{
    gradc_tensor *x = leaf_f32(f->g, 3, (const float[]){1, 2, 3});
    gradc_tensor *tall = gradc_new(f->g, GRADC_F32, 2, (const int64_t[]){TALL, 1});
    gradc_tensor *broad = gradc_new(f->g, GRADC_F32, 2, (const int64_t[]){1, BROAD});
    assert_int_equal(gradc_backward(gradc_sum(x, 0, NULL, 0)), GRADC_OK);
    assert_f32(gradc_grad(x), 3, (const float[]){1, 1, 1});
    assert_int_equal(gradc_zero_grad(&x, 1), GRADC_OK);
    assert_int_equal(gradc_set(f->g, "memory_limit", "8M"), GRADC_OK);
    gradc_tensor *z = gradc_add(tall, broad);
    gradc_status status = gradc_assign(x, gradc_neg(x)); /* eager, the failure is there already */
    status = status ? status : gradc_sync(f->g);
    assert_int_equal(status, GRADC_E_MEMORY);
    assert_true(!z || gradc_read(z, &status, sizeof status) != GRADC_OK);
    assert_failed(f->g, GRADC_E_MEMORY, "16777216 bytes");
    gradc_recover(NULL);
    assert_f32(x, 3, (const float[]){1, 2, 3});
    assert_null(gradc_grad(x));
    assert_int_equal(gradc_set(f->g, "memory_limit", "0"), GRADC_OK);
    double sum = gradc_item(gradc_sum(gradc_add(tall, broad), 0, NULL, 0));
    assert_true(sum == 0);
    assert_int_equal(gradc_assign(x, gradc_neg(x)), GRADC_OK);
    assert_f32(x, 3, (const float[]){-1, -2, -3});
    gradc_release(x);
    gradc_release(tall);
    gradc_release(broad);
}

int main(void)
{
    static const struct test tests[] = {
        {"a whole program", a_program_fails},
        {"a whole program, from the start", a_program_fails_from_the_start},
        {"a step", a_step_fails},
        {"a replayed step", a_replayed_step_fails},
        {"a read", a_read_fails},
        {"a write", a_write_fails},
        {"a model", a_module_fails},
        {"a tensor is too large", too_large_a_tensor},
        {"a plan is too large", too_large_a_plan},
    };
    if (gradc_set_allocator(resize, NULL) != GRADC_OK)
        return 1;
    return RUN_SUITE("failures", tests);
}
