/* checkpoint.c - a run that was saved and goes on elsewhere makes the same bits as one that went through; modules
 * go through files; what does not fit is refused and changes nothing. */
#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>

#include "support/files.h"

enum { SIDE = 28, TRAIN = 40, TEST = 8, BATCH = 8 };

static const char *checkpoint_path(void)
{
    return files_path("run.safetensors");
}

/* ---- A training run ---- */

struct run {
    gradc_context *g;
    gradc_dataset *data;
    gradc_loader *loader;
    gradc_module *m;
    gradc_optim *o;
    gradc_tensor *x, *labels;
};

static gradc_optim *make_optim(gradc_module *m, const char *kind, int skip)
{
    gradc_tensor *params[64];
    gradc_optim *o = NULL;
    int n = 0;
    for (int i = skip; i < gradc_module_count(m); i++)
        if (!gradc_module_is_buffer(m, i))
            params[n++] = gradc_module_tensor(m, i);
    if (strcmp(kind, "nesterov") == 0) {
        o = gradc_sgd(params, n, 0.05, 0.9);
        gradc_optim_set(o, "nesterov", 1);
    } else if (strcmp(kind, "sgd") == 0) {
        o = gradc_sgd(params, n, 0.05, 0.9);
    } else if (strcmp(kind, "adam") == 0) {
        o = gradc_adam(params, n, 0.003);
    } else if (strcmp(kind, "adamw") == 0) {
        o = gradc_adamw(params, n, 0.003, 0.01);
    } else {
        o = gradc_rmsprop(params, n, 0.001);
        gradc_optim_set(o, "momentum", 0.5);
        gradc_optim_set(o, "centered", 1);
    }
    gradc_optim_set(o, "weight_decay", 0.01);
    return o;
}

static void run_open(struct run *r, const char *device, const char *options, const char *kind, const char *loading)
{
    char source[256];
    snprintf(source, sizeof source, "mnist:%s", files_path("data"));
    r->g = test_open(device);
    r->data = gradc_dataset_open(source, "train", NULL);
    if (r->data == NULL)
        fail_msg("%s", gradc_message(NULL));
    r->loader = gradc_loader_new(r->data, loading);
    r->m = gradc_model(r->g, "mlp", options);
    assert_works(r->g);
    r->o = make_optim(r->m, kind, 0);
    r->x = gradc_new(r->g, GRADC_F32, 4, (const int64_t[]){BATCH, 1, SIDE, SIDE});
    r->labels = gradc_new(r->g, GRADC_I64, 1, (const int64_t[]){BATCH});
    assert_non_null(r->loader);
    assert_works(r->g);
}

static void run_close(struct run *r)
{
    gradc_release(r->x);
    gradc_release(r->labels);
    gradc_optim_free(r->o);
    gradc_module_free(r->m);
    gradc_loader_free(r->loader);
    gradc_dataset_free(r->data);
    gradc_close(r->g);
}

static void train(struct run *r, int steps)
{
    while (steps > 0) {
        const int64_t n = gradc_loader_next(r->loader, r->x, r->labels);
        assert_true(n >= 0);
        if (n == 0)
            continue;
        gradc_tensor *logits = gradc_module_forward(r->m, gradc_dropout(r->x, 0.2));
        gradc_backward(gradc_cross_entropy(logits, r->labels));
        gradc_step(r->o);
        gradc_tape_clear(r->g);
        steps--;
    }
    assert_works(r->g);
}

/* All parameters and buffers, one after the other; freed by the caller. */
static unsigned char *weights(const gradc_module *m, size_t *bytes)
{
    *bytes = 0;
    for (int i = 0; i < gradc_module_count(m); i++)
        *bytes += (size_t)gradc_bytes(gradc_module_tensor(m, i));
    unsigned char *all = malloc(*bytes), *at = all;
    assert_non_null(all);
    for (int i = 0; i < gradc_module_count(m); i++) {
        gradc_tensor *t = gradc_module_tensor(m, i);
        assert_int_equal(gradc_read(t, at, (size_t)gradc_bytes(t)), GRADC_OK);
        at += gradc_bytes(t);
    }
    return all;
}

static void assert_same_weights(const gradc_module *x, const gradc_module *y)
{
    size_t a_bytes, b_bytes;
    unsigned char *a = weights(x, &a_bytes), *b = weights(y, &b_bytes);
    assert_int_equal(a_bytes, b_bytes);
    assert_memory_equal(a, b, a_bytes);
    free(a);
    free(b);
}

/* ---- Resume ---- */

static const char loading[] = "batch=8 seed=3 workers=0", with_threads[] = "batch=8 seed=3 workers=2";

static void resume_with(const char *device, const char *kind)
{
    static const char *const keys[] = {"schedule", "epoch"}, *const values[] = {"cosine,warmup=3", "1"};
    struct run first = {0}, second = {0};
    run_open(&first, device, NULL, kind, loading);
    gradc_seed(first.g, 12345678901234567890u);
    train(&first, 7);
    gradc_optim_set(first.o, "lr", 0.01234567890123456789);
    assert_int_equal(gradc_checkpoint_save(checkpoint_path(), first.m, first.o, first.loader, 2, keys, values),
                     GRADC_OK);
    train(&first, 7);
    run_open(&second, device, NULL, kind, with_threads);
    train(&second, 2); /* what is there already must go */
    assert_int_equal(gradc_checkpoint_load(checkpoint_path(), second.m, second.o, second.loader), GRADC_OK);
    assert_true(gradc_optim_get(second.o, "lr") == 0.01234567890123456789);
    assert_int_equal(gradc_optim_steps(second.o), 7);
    assert_int_equal(gradc_optim_updates(second.o, 0), 7);
    train(&second, 7);
    assert_same_weights(first.m, second.m);
    gradc_file *file = gradc_file_open(checkpoint_path());
    assert_non_null(file);
    assert_string_equal(gradc_file_metadata(file, "schedule"), "cosine,warmup=3");
    assert_string_equal(gradc_file_metadata(file, "gradc.steps"), "7");
    assert_string_equal(gradc_file_metadata(file, "gradc.loader"), "1 2 5");
    assert_string_equal(gradc_file_metadata(file, "gradc.updates"), "7 7 7 7");
    assert_int_equal(strlen(gradc_file_metadata(file, "gradc.tuning")), 16);
    assert_int_equal(strncmp(gradc_file_metadata(file, "gradc.rng"), "12345678901234567890 ", 21), 0);
    gradc_file_close(file);
    run_close(&first);
    run_close(&second);
}

static void resume_sgd(struct fixture *f)
{
    resume_with(f->device, "sgd");
    resume_with(f->device, "nesterov");
}

static void resume_adam(struct fixture *f)
{
    resume_with(f->device, "adam");
    resume_with(f->device, "adamw");
}

static void resume_rmsprop(struct fixture *f)
{
    resume_with(f->device, "rmsprop");
}

/* ---- What does not fit ---- */

static int log_lines;

static void count_lines(void *payload, const char *line)
{
    (void)payload;
    (void)line;
    log_lines++;
}

/* Refused with this sentence; the run is as it was. */
static void load_refused(struct run *r, const char *path, gradc_optim *o, gradc_status status, const char *text)
{
    size_t bytes, after_bytes;
    unsigned char *before = weights(r->m, &bytes);
    const double lr = gradc_optim_get(o, "lr");
    assert_int_equal(gradc_checkpoint_load(path, r->m, o, r->loader), status);
    assert_failed(r->g, status, text);
    unsigned char *after = weights(r->m, &after_bytes);
    assert_memory_equal(before, after, bytes);
    assert_true(gradc_optim_get(o, "lr") == lr);
    free(before);
    free(after);
}

static void mismatches(struct fixture *f)
{
    struct run r = {0}, other = {0};
    run_open(&r, f->device, NULL, "sgd", loading);
    train(&r, 3);
    assert_int_equal(gradc_checkpoint_save(checkpoint_path(), r.m, r.o, r.loader, 0, NULL, NULL), GRADC_OK);
    train(&r, 1);
    gradc_optim *adam = make_optim(r.m, "adam", 0), *fewer = make_optim(r.m, "sgd", 1);
    gradc_optim_set(adam, "lr", 0.5);
    load_refused(&r, checkpoint_path(), adam, GRADC_E_ARG, "was saved with the optimiser sgd, not adam");
    load_refused(&r, checkpoint_path(), fewer, GRADC_E_ARG,
                 "was saved with 4 parameters in the optimiser, not 3");
    load_refused(&r, files_path("nothing"), r.o, GRADC_E_IO, "No such file");
    run_open(&other, f->device, "classes=12", "sgd", "batch=4");
    load_refused(&other, checkpoint_path(), other.o, GRADC_E_ARG, "was saved with options \"classes=10");
    run_close(&other);
    run_open(&other, f->device, NULL, "sgd", "batch=4");
    load_refused(&other, checkpoint_path(), other.o, GRADC_E_ARG, "5 batches an epoch, the loader has 10");
    assert_int_equal(gradc_checkpoint_save(checkpoint_path(), other.m, r.o, NULL, 0, NULL, NULL), GRADC_E_ARG);
    assert_failed(other.g, GRADC_E_ARG, "parameter 0 of the optimiser is none of the module's");
    assert_int_equal(gradc_module_save(r.m, files_path("weights"), 0, NULL, NULL), GRADC_OK);
    load_refused(&r, files_path("weights"), r.o, GRADC_E_IO, "has no metadata gradc.rng");
    assert_int_equal(gradc_checkpoint_load(checkpoint_path(), NULL, NULL, NULL), GRADC_E_ARG);
    gradc_recover(NULL);
    gradc_optim_free(adam);
    gradc_optim_free(fewer);
    run_close(&other);
    run_close(&r);
}

/* Metadata that lie, in a file that is right otherwise. */
static void damaged_metadata(struct fixture *f)
{
    static const struct damage {
        const char *key, *value, *sentence;
    } damages[] = {
        {"gradc.rng", "1", "gradc.rng is not 2 whole numbers"},
        {"gradc.rng", "1 18446744073709551616", "gradc.rng is not 2 whole numbers"},
        {"gradc.steps", "-1", "gradc.steps is not 1 whole numbers"},
        {"gradc.steps", "9223372036854775808", "gradc.steps is not 1 whole numbers"},
        {"gradc.updates", "1 1  1", "gradc.updates is not 4 whole numbers"},
        {"gradc.loader", "0 6 5", "behind the end of the epoch"},
        {"gradc.optim", "sgd lr=0.1", "gradc.optim has no weight_decay"},
        {"gradc.optim", "sgd lr=x weight_decay=0 momentum=0 dampening=0 nesterov=0", "gradc.optim"},
        {"gradc.optim", "sgd lr=1 weight_decay=0 momentum=0 dampening=0 nesterov=1", "nesterov"},
        {"gradc.optim", "sgd lr=0.25 weight_decay=0 momentum=0.9 dampening=0 nesterov=0",
         "has no tensor \"optim/momentum_buffer/"},
    };
    const char *keys[] = {"gradc.rng",    "gradc.steps", "gradc.updates",
                          "gradc.loader", "gradc.optim", "gradc.tuning"};
    struct run r = {0};
    run_open(&r, f->device, NULL, "sgd", loading);
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        const char *values[] = {
            "1 2", "1", "1 1 1 1", "0 1 5", "sgd lr=0.1 weight_decay=0 momentum=0 dampening=0 nesterov=0",
            "0"};
        for (int k = 0; k < 6; k++)
            if (strcmp(keys[k], damages[i].key) == 0)
                values[k] = damages[i].value;
        assert_int_equal(gradc_module_save(r.m, checkpoint_path(), 6, keys, values), GRADC_OK);
        assert_int_not_equal(gradc_checkpoint_load(checkpoint_path(), r.m, r.o, r.loader), GRADC_OK);
        if (strstr(gradc_message(r.g), damages[i].sentence) == NULL)
            fail_msg("\"%s\" does not say \"%s\"", gradc_message(r.g), damages[i].sentence);
        gradc_recover(r.g);
        assert_true(gradc_optim_get(r.o, "lr") == 0.05 && gradc_optim_get(r.o, "momentum") == 0.9);
    }
    const char *values[] = {
        "1 2", "1", "1 1 1 1", "0 1 5", "sgd lr=0.1 weight_decay=0 momentum=0 dampening=0 nesterov=0", "0"};
    assert_int_equal(gradc_module_save(r.m, checkpoint_path(), 6, keys, values), GRADC_OK);
    gradc_set_log(count_lines, NULL);
    log_lines = 0;
    assert_int_equal(gradc_checkpoint_load(checkpoint_path(), r.m, r.o, r.loader), GRADC_OK);
    assert_int_equal(log_lines, 1); /* another digest */
    assert_int_equal(gradc_checkpoint_save(checkpoint_path(), r.m, r.o, r.loader, 0, NULL, NULL), GRADC_OK);
    assert_int_equal(gradc_checkpoint_load(checkpoint_path(), r.m, r.o, r.loader), GRADC_OK);
    assert_int_equal(log_lines, 1); /* the same */
    assert_int_equal(gradc_set(r.g, "math", "strict"), GRADC_OK);
    assert_int_equal(gradc_checkpoint_load(checkpoint_path(), r.m, r.o, r.loader), GRADC_OK);
    assert_int_equal(log_lines, 2); /* other sums */
    gradc_set_log(NULL, NULL);
    run_close(&r);
}

/* A file with one state of the two that its numbers ask for: the optimiser, which has had no use for the other one,
 * counts on. */
static void missing_state(struct fixture *f)
{
    static const char *const keys[] = {"gradc.rng",    "gradc.steps", "gradc.updates", "gradc.loader",
                                       "gradc.tuning", "model",       "options",       "gradc.optim"};
    struct run r = {0};
    run_open(&r, f->device, NULL, "rmsprop", loading);
    gradc_optim_set(r.o, "momentum", 0);
    gradc_optim_set(r.o, "centered", 0);
    train(&r, 2);
    const char *values[] = {"1 2",
                            "2",
                            "2 2 2 2",
                            "0 1 5",
                            "0",
                            "mlp",
                            gradc_module_option(r.m, "options"),
                            "rmsprop lr=1 weight_decay=0 alpha=0.5 eps=1 momentum=0.5 centered=0"};
    const char *names[8];
    gradc_tensor *tensors[8];
    const int n = gradc_module_count(r.m);
    for (int i = 0; i < n; i++) {
        names[i] = gradc_module_tensor_name(r.m, i);
        tensors[i] = gradc_module_tensor(r.m, i);
    }
    names[n] = "optim/square_avg/fc1.weight";
    tensors[n] = gradc_optim_state(r.o, 0, "square_avg");
    assert_int_equal(gradc_save(checkpoint_path(), n + 1, names, tensors, 8, keys, values), GRADC_OK);
    load_refused(&r, checkpoint_path(), r.o, GRADC_E_IO, "has no tensor \"optim/momentum_buffer/fc1.weight\"");
    assert_int_equal(gradc_optim_updates(r.o, 0), 2);
    assert_int_equal(gradc_optim_steps(r.o), 2);
    run_close(&r);
}

static int files_in_folder(void)
{
    int n = 0;
    DIR *d = opendir(files_path(""));
    assert_non_null(d);
    while (readdir(d) != NULL)
        n++;
    closedir(d);
    return n;
}

/* A disk that is full half way, and a folder that is not there: the old file stays, and nothing beside it. */
static void failed_save(struct fixture *f)
{
    struct run r = {0};
    run_open(&r, f->device, NULL, "adam", loading);
    train(&r, 1);
    assert_int_equal(gradc_checkpoint_save(checkpoint_path(), r.m, r.o, r.loader, 0, NULL, NULL), GRADC_OK);
    train(&r, 1);
    const int files = files_in_folder();
    struct rlimit before, small;
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 100000;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    const gradc_status status = gradc_checkpoint_save(checkpoint_path(), r.m, r.o, r.loader, 0, NULL, NULL);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(status, GRADC_E_IO);
    assert_failed(r.g, GRADC_E_IO, "run.safetensors");
    assert_int_equal(files_in_folder(), files);
    assert_int_equal(gradc_checkpoint_save("/nowhere/at/all", r.m, r.o, NULL, 0, NULL, NULL), GRADC_E_IO);
    assert_failed(r.g, GRADC_E_IO, "/nowhere/at/all");
    assert_int_equal(gradc_checkpoint_load(checkpoint_path(), r.m, r.o, r.loader), GRADC_OK);
    assert_int_equal(gradc_optim_steps(r.o), 1);
    run_close(&r);
}

/* ---- Modules ---- */

static void modules(struct fixture *f)
{
    static const char *const keys[] = {"classes"}, *const values[] = {"a,b"};
    const char *path = files_path("module");
    gradc_module *m = gradc_model(f->g, "mlp", NULL), *head = gradc_model(f->g, "mlp", "classes=3");
    assert_int_equal(gradc_module_save(m, path, 1, keys, values), GRADC_OK);
    gradc_module *opened = gradc_module_open(f->g, path);
    assert_works(f->g);
    assert_same_weights(m, opened);
    assert_int_equal(gradc_module_load(head, path, 0), GRADC_E_SHAPE);
    assert_failed(f->g, GRADC_E_SHAPE, "module_load: ");
    gradc_set_log(count_lines, NULL);
    log_lines = 0;
    assert_int_equal(gradc_module_load(head, path, 1), GRADC_OK);
    assert_int_equal(log_lines, 2); /* weight and bias of the other head */
    gradc_set_log(NULL, NULL);
    size_t bytes, first = (size_t)gradc_bytes(gradc_module_tensor(m, 0));
    unsigned char *a = weights(m, &bytes), *b = weights(head, &bytes);
    assert_memory_equal(a, b, first);
    free(a);
    free(b);
    gradc_module *lenet = gradc_model(f->g, "lenet", NULL);
    assert_int_equal(gradc_module_load(lenet, path, 0), GRADC_E_IO);
    assert_failed(f->g, GRADC_E_IO, "has no tensor \"");
    const char *name = gradc_module_tensor_name(m, 0);
    gradc_tensor *one = gradc_module_tensor(m, 0);
    assert_int_equal(gradc_save(path, 1, &name, &one, 0, NULL, NULL), GRADC_OK);
    assert_null(gradc_module_open(f->g, path));
    assert_failed(f->g, GRADC_E_IO, "does not name its model");
    assert_null(gradc_module_open(f->g, files_path("nothing")));
    assert_failed(f->g, GRADC_E_IO, "No such file");
    assert_int_equal(gradc_module_save(NULL, path, 0, NULL, NULL), GRADC_E_ARG);
    assert_int_equal(gradc_module_save(m, path, 1, NULL, NULL), GRADC_E_ARG);
    assert_failed(f->g, GRADC_E_ARG, "metadata");
    gradc_recover(NULL);
    gradc_module_free(m);
    gradc_module_free(head);
    gradc_module_free(opened);
    gradc_module_free(lenet);
}

int main(void)
{
    static const struct test tests[] = {
        {"resume with sgd", resume_sgd},         {"resume with adam", resume_adam},
        {"resume with rmsprop", resume_rmsprop}, {"mismatches", mismatches},
        {"damaged metadata", damaged_metadata},  {"missing state", missing_state},
        {"a failed save", failed_save},          {"modules", modules},
    };
    struct random r = {7};
    files_begin();
    files_idx("data", "train", TRAIN, SIDE, SIDE, &r);
    files_idx("data", "t10k", TEST, SIDE, SIDE, &r);
    const int failed = RUN_SUITE("checkpoint", tests);
    files_end();
    return failed;
}
