/* nn.c - models: names, shapes, counts, options, modes, freezing, summaries, lifetimes.  Their values are judged by
 * test/oracle/models.py. */
#include "support/support.h"

enum { BATCH = 2, CLASSES = 3, LOGITS = BATCH * CLASSES, TEXT = 16384 };

static gradc_module *model(struct fixture *f, const char *name, const char *options)
{
    gradc_module *m = gradc_model(f->g, name, options);
    if (!m)
        fail_msg("%s: %s", name, gradc_message(f->g));
    return m;
}

static gradc_tensor *images(struct fixture *f, int64_t batch, int64_t channels, int64_t side)
{
    struct random r = {7};
    return tensor_random(f->g, GRADC_F32, SHAPE_OF(batch, channels, side, side), -1, 1, &r);
}

static void read_logits(gradc_module *m, gradc_tensor *x, float logits[LOGITS])
{
    gradc_tensor *z = gradc_module_forward(m, x);
    assert_works(gradc_context_of(x));
    assert_int_equal(gradc_ndim(z), 2);
    assert_int_equal(gradc_size(z, 0), BATCH);
    assert_int_equal(gradc_size(z, 1), CLASSES);
    assert_int_equal(gradc_read(z, logits, sizeof(float) * LOGITS), GRADC_OK);
}

static int64_t counted(gradc_module *m, const char *name)
{
    int64_t n = -1;
    assert_int_equal(gradc_read(gradc_module_find(m, name), &n, sizeof n), GRADC_OK);
    return n;
}

static double info(gradc_module *m, const char *key, int64_t batch)
{
    double value = -1;
    assert_int_equal(gradc_module_info(m, key, batch, &value), GRADC_OK);
    return value;
}

static int is_plain_cpu(const struct fixture *f)
{
    return strcmp(f->device, "cpu") == 0 && !f->eager;
}

/* ---- What there is ---- */

static void models_are_listed(struct fixture *f)
{
    static const char *const names[] = {"mlp",   "lenet",       "alexnet", "vgg11",
                                        "vgg16", "vgg16-bn-32", "resnet18"};
    int n = 0;
    (void)f;
    for (; gradc_model_name(n); n++)
        assert_string_equal(gradc_model_name(n), names[n]);
    assert_int_equal(n, 7);
    assert_null(gradc_model_name(-1));
}

static void parameters_have_names_and_shapes(struct fixture *f)
{
    static const struct {
        const char *name;
        int64_t shape[4];
    } expected[] = {{"conv1.weight", {32, 1, 3, 3}},  {"conv1.bias", {32}},
                    {"conv2.weight", {64, 32, 3, 3}}, {"conv2.bias", {64}},
                    {"fc1.weight", {128, 3136}},      {"fc1.bias", {128}},
                    {"fc2.weight", {10, 128}},        {"fc2.bias", {10}}};
    gradc_module *m = model(f, "lenet", NULL);
    assert_int_equal(gradc_module_count(m), 8);
    for (int i = 0; i < 8; i++) {
        gradc_tensor *t = gradc_module_tensor(m, i);
        assert_string_equal(gradc_module_tensor_name(m, i), expected[i].name);
        assert_ptr_equal(gradc_module_find(m, expected[i].name), t);
        assert_int_equal(gradc_wants_grad(t), 1);
        assert_int_equal(gradc_module_is_buffer(m, i), 0);
        for (int axis = 0; axis < gradc_ndim(t); axis++)
            assert_int_equal(gradc_size(t, axis), expected[i].shape[axis]);
        assert_true(gradc_ndim(t) == 4 || expected[i].shape[gradc_ndim(t)] == 0);
    }
    float bias[10] = {1};
    assert_int_equal(gradc_read(gradc_module_find(m, "fc2.bias"), bias, sizeof bias), GRADC_OK);
    for (int i = 0; i < 10; i++)
        assert_true(bias[i] == 0);
    assert_null(gradc_module_tensor(m, 8));
    assert_null(gradc_module_tensor_name(m, -1));
    assert_int_equal(gradc_module_is_buffer(m, 8), 0);
    assert_null(gradc_module_find(m, "fc3.bias"));
    assert_null(gradc_module_find(m, NULL));
    assert_works(f->g);
    gradc_module_free(m);
}

static void buffers_are_told_from_parameters(struct fixture *f)
{
    gradc_module *m = model(f, "vgg16-bn-32", NULL);
    gradc_tensor *counter = gradc_module_find(m, "features.1.num_batches_tracked");
    int buffers = 0;
    for (int i = 0; i < gradc_module_count(m); i++) {
        int is_buffer = gradc_module_is_buffer(m, i);
        assert_int_equal(gradc_wants_grad(gradc_module_tensor(m, i)), !is_buffer);
        buffers += is_buffer;
    }
    assert_int_equal(buffers, 3 * 13);
    assert_int_equal(gradc_module_count(m), 13 * 7 + 2);
    assert_int_equal(gradc_dtype_of(counter), GRADC_I64);
    assert_int_equal(gradc_ndim(counter), 0);
    assert_int_equal(counted(m, "features.1.num_batches_tracked"), 0);
    assert_int_equal(gradc_write(counter, &(int64_t){41}, sizeof(int64_t)), GRADC_OK);
    assert_int_equal(counted(m, "features.1.num_batches_tracked"), 41);
    assert_int_equal(counted(m, "features.4.num_batches_tracked"), 0);
    assert_true(info(m, "parameters", 1) == 14728266);
    gradc_module_free(m);
}

/* The published counts and costs.  Whole models: on the CPU alone. */
static void models_have_the_published_sizes(struct fixture *f)
{
    static const struct {
        const char *name;
        double parameters, multiply_adds;
    } expected[] = {{"resnet18", 11689512, 1814073344},
                    {"alexnet", 61100840, 714188480},
                    {"vgg11", 132863336, 7609090048},
                    {"vgg16", 138357544, 15470264320}};
    for (int i = 0; i < (is_plain_cpu(f) ? 4 : 1); i++) {
        gradc_module *m = model(f, expected[i].name, NULL);
        assert_true(info(m, "parameters", 1) == expected[i].parameters);
        assert_true(info(m, "flops", 3) == 6 * expected[i].multiply_adds);
        int64_t bytes = 0;
        for (int k = 0; k < gradc_module_count(m); k++)
            bytes += gradc_bytes(gradc_module_tensor(m, k));
        assert_true(info(m, "bytes", 1) == (double)bytes);
        gradc_module_free(m);
    }
}

/* ---- Forward ---- */

static void mlp_is_its_formula(struct fixture *f)
{
    float got[LOGITS], expected[LOGITS];
    gradc_module *m = model(f, "mlp", "classes=3 image=5 channels=2");
    gradc_tensor *x = images(f, BATCH, 2, 5), *const p[] = {gradc_module_tensor(m, 0),
                                                            gradc_module_tensor(m, 1), gradc_module_tensor(m, 2),
                                                            gradc_module_tensor(m, 3)};
    read_logits(m, x, got);
    gradc_tensor *h = gradc_relu(gradc_linear(gradc_flatten(x, 1, -1), p[0], p[1]));
    assert_int_equal(gradc_read(gradc_linear(h, p[2], p[3]), expected, sizeof expected), GRADC_OK);
    assert_memory_equal(got, expected, sizeof got);
    gradc_release(x);
    gradc_module_free(m);
}

static void a_seed_names_the_weights(struct fixture *f)
{
    float a[CLASSES * 128], b[CLASSES * 128];
    for (int i = 0; i < 2; i++) {
        assert_int_equal(gradc_seed(f->g, 5), GRADC_OK);
        gradc_module *m = model(f, "mlp", "classes=3");
        assert_int_equal(gradc_read(gradc_module_find(m, "fc2.weight"), i ? b : a, sizeof a), GRADC_OK);
        gradc_module_free(m);
    }
    assert_memory_equal(a, b, sizeof a);
    assert_true(a[0] != a[1]);
}

/* Evaluation twice, training twice: 1 where the two differ. */
static int twice(gradc_module *m, gradc_tensor *x, int training)
{
    float a[LOGITS], b[LOGITS];
    assert_int_equal(gradc_module_train(m, training), GRADC_OK);
    read_logits(m, x, a);
    read_logits(m, x, b);
    return memcmp(a, b, sizeof a) != 0;
}

static void dropout_draws_in_training_alone(struct fixture *f)
{
    gradc_tensor *x = images(f, BATCH, 3, 32);
    gradc_module *off = model(f, "vgg16-bn-32", "classes=3"),
                 *on = model(f, "vgg16-bn-32", "classes=3 dropout=0.5");
    assert_int_equal(twice(off, x, 1), 0);
    assert_int_equal(twice(on, x, 1), 1);
    assert_int_equal(twice(on, x, 0), 0);
    gradc_module_free(on);
    gradc_module_free(off);
    gradc_release(x);
}

/* 1 where the running mean is not all zeros. */
static int has_moved(gradc_module *m)
{
    float mean[64];
    int moved = 0;
    assert_int_equal(gradc_read(gradc_module_find(m, "bn1.running_mean"), mean, sizeof mean), GRADC_OK);
    for (int i = 0; i < 64; i++)
        moved |= mean[i] != 0;
    return moved;
}

static void statistics_move_in_training_alone(struct fixture *f)
{
    float logits[LOGITS], before[LOGITS];
    gradc_tensor *x = images(f, BATCH, 3, 32);
    gradc_module *m = model(f, "resnet18", "classes=3 image=32");
    gradc_module_train(m, 0);
    read_logits(m, x, before);
    assert_int_equal(has_moved(m), 0);
    assert_int_equal(counted(m, "bn1.num_batches_tracked"), 0);
    gradc_module_train(m, 1);
    assert_int_equal(gradc_module_freeze(m, "", 1), GRADC_OK); /* frozen norms move too */
    for (int i = 1; i <= 2; i++) {
        read_logits(m, x, logits);
        gradc_tape_clear(f->g);
        assert_int_equal(counted(m, "bn1.num_batches_tracked"), i);
        assert_int_equal(counted(m, "layer4.1.bn2.num_batches_tracked"), i);
    }
    assert_int_equal(has_moved(m), 1);
    gradc_module_train(m, 0);
    read_logits(m, x, logits);
    assert_memory_not_equal(logits, before, sizeof logits);
    assert_int_equal(counted(m, "bn1.num_batches_tracked"), 2);
    gradc_module_free(m);
    gradc_release(x);
}

/* A branch whose value no gradient keeps is still there for the sum. */
static void inference_is_the_same_planned_and_eager(struct fixture *f)
{
    float logits[2][LOGITS];
    for (int eager = 0; eager < 2; eager++) {
        assert_int_equal(gradc_set(f->g, "eager", eager ? "1" : "0"), GRADC_OK);
        gradc_seed(f->g, 3);
        gradc_module *m = model(f, "resnet18", "classes=3,image=20");
        gradc_tensor *x = images(f, BATCH, 3, 20);
        gradc_record(f->g, 0);
        gradc_module_train(m, 0);
        read_logits(m, x, logits[eager]);
        gradc_record(f->g, 1);
        gradc_release(x);
        gradc_module_free(m);
        gradc_tape_clear(f->g);
    }
    assert_memory_equal(logits[0], logits[1], sizeof logits[0]);
}

/* Steps of a residual network: the loss falls, and after the first ones no step is planned anew or takes more
 * memory. */
static void training_goes_on_in_one_plan(struct fixture *f)
{
    static const int64_t right[BATCH] = {2, 0};
    int64_t planned[2] = {0}, live[2] = {0};
    double first = 0, last = 0;
    gradc_module *m = model(f, "resnet18", "classes=3 image=16");
    gradc_tensor *x = images(f, BATCH, 3, 16), *labels = tensor_i64(f->g, SHAPE_OF(BATCH), right);
    gradc_tensor *params[80];
    int n = 0;
    for (int i = 0; i < gradc_module_count(m); i++)
        if (!gradc_module_is_buffer(m, i))
            params[n++] = gradc_module_tensor(m, i);
    assert_int_equal(n, 62);
    gradc_optim *o = gradc_sgd(params, n, 0.01, 0);
    for (int step = 0; step < 6; step++) {
        gradc_tensor *loss = gradc_cross_entropy(gradc_module_forward(m, x), labels);
        assert_int_equal(gradc_backward(loss), GRADC_OK);
        assert_int_equal(gradc_step(o), GRADC_OK);
        last = gradc_item(loss);
        first = step ? first : last;
        gradc_tape_clear(f->g);
        if (step > 1) {
            gradc_counters(f->g, &planned[step > 2], NULL, NULL, NULL);
            gradc_memory_info(f->g, &live[step > 2], NULL, NULL);
        }
    }
    assert_true(last < first);
    if (!f->eager) /* else each op is a plan, of more than are kept */
        assert_int_equal(planned[0], planned[1]);
    assert_int_equal(live[0], live[1]);
    gradc_optim_free(o);
    gradc_module_free(m);
    gradc_release(x);
    gradc_release(labels);
}

/* ---- Freezing ---- */

static void frozen_parameters_have_no_gradient(struct fixture *f)
{
    gradc_tensor *x = images(f, BATCH, 1, 8);
    gradc_module *m = model(f, "lenet", "classes=3 image=8");
    assert_int_equal(gradc_module_freeze(m, "conv", 1), GRADC_OK);
    assert_int_equal(gradc_wants_grad(gradc_module_find(m, "conv2.bias")), 0);
    assert_int_equal(gradc_backward(gradc_sum(gradc_module_forward(m, x), 0, NULL, 0)), GRADC_OK);
    assert_null(gradc_grad(gradc_module_find(m, "conv1.weight")));
    assert_non_null(gradc_grad(gradc_module_find(m, "fc1.weight")));
    assert_works(f->g);
    assert_int_equal(gradc_module_freeze(m, "conv1.", 0), GRADC_OK);
    assert_int_equal(gradc_wants_grad(gradc_module_find(m, "conv1.weight")), 1);
    assert_int_equal(gradc_wants_grad(gradc_module_find(m, "conv2.weight")), 0);
    assert_int_equal(gradc_module_freeze(m, "features", 1), GRADC_E_ARG);
    assert_failed(f->g, GRADC_E_ARG, "begins with \"features\"; they begin with conv1., conv2., fc1., fc2.");
    assert_int_equal(gradc_module_freeze(m, NULL, 1), GRADC_E_ARG);
    assert_failed(f->g, GRADC_E_ARG, "conv1.weight");
    gradc_module_free(m);
    gradc_release(x);
}

static void buffers_are_no_parameters_to_freeze(struct fixture *f)
{
    gradc_module *m = model(f, "resnet18", "image=8");
    assert_int_equal(gradc_module_freeze(m, "bn1.running", 1), GRADC_E_ARG);
    assert_failed(f->g, GRADC_E_ARG,
                  "conv1., bn1., layer1., layer2., layer3., layer4., fc., such as conv1.weight");
    gradc_module_free(m);
}

/* ---- Options and errors ---- */

static void options_are_kept(struct fixture *f)
{
    gradc_module *m = model(f, "vgg16-bn-32", "dropout=0.25, classes=7");
    assert_string_equal(gradc_module_option(m, "model"), "vgg16-bn-32");
    assert_string_equal(gradc_module_option(m, "options"), "classes=7 image=32 channels=3 dropout=0.25");
    assert_string_equal(gradc_module_option(m, "classes"), "7");
    assert_string_equal(gradc_module_option(m, "image"), "32");
    assert_string_equal(gradc_module_option(m, "channels"), "3");
    assert_string_equal(gradc_module_option(m, "dropout"), "0.25");
    assert_null(gradc_module_option(m, "colour"));
    assert_null(gradc_module_option(m, NULL));
    gradc_module *again = model(f, "vgg16-bn-32", gradc_module_option(m, "options"));
    assert_string_equal(gradc_module_option(again, "options"), gradc_module_option(m, "options"));
    gradc_module_free(m);
    gradc_module_free(again);
    m = model(f, "mlp", "");
    assert_string_equal(gradc_module_option(m, "options"), "classes=10 image=28 channels=1");
    assert_null(gradc_module_option(m, "dropout"));
    gradc_module_free(m);
}

static void bad_options_are_refused(struct fixture *f)
{
    static const struct {
        const char *name, *options, *text;
    } bad[] = {
        {"vgg17", NULL, "no model \"vgg17\"; there are mlp, lenet, alexnet"},
        {NULL, NULL, "no model \"NULL\""},
        {"mlp", "classes=0", "classes must be a whole number from 1"},
        {"mlp", "classes=2.5", "classes must be"},
        {"mlp", "image=-1", "image must be"},
        {"mlp", "channels=0", "channels must be"},
        {"mlp", "colour=1", "no option \"colour\"; there are classes, image, channels"},
        {"mlp", "classes", "key=value"},
        {"resnet18", "dropout=0.5", "no option \"dropout\""},
        {"vgg11", "dropout=1", "dropout must be below 1"},
        {"vgg11", "dropout=1.5", "dropout must be"},
        {"lenet", "image=3", "image=3 is too small for lenet"},
        {"vgg11", "image=31", "take image=32 or more"},
        {"vgg16", "image=31", "at features.30 a window of 2 does not fit 1x1"},
        {"vgg16-bn-32", "image=31", "take image=32 or more"},
        {"alexnet", "image=62", "take image=63 or more"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_null(gradc_model(f->g, bad[i].name, bad[i].options));
        assert_failed(f->g, GRADC_E_ARG, bad[i].text);
    }
    assert_null(gradc_model(f->g, "mlp", "image=65536 channels=65536"));
    assert_failed(f->g, GRADC_E_MEMORY, NULL);
    assert_null(gradc_model(NULL, "mlp", NULL));
    assert_failed_here(GRADC_E_ARG, "no context");
}

/* The smallest images that messages promise. */
static void the_least_images_work(struct fixture *f)
{
    static const struct {
        const char *name, *options;
        int side, channels;
    } least[] = {{"mlp", "image=1 classes=3", 1, 1},
                 {"lenet", "image=4 classes=3", 4, 1},
                 {"resnet18", "image=1 classes=3 channels=2", 1, 2},
                 {"vgg16-bn-32", "image=32 classes=3", 32, 3},
                 {"alexnet", "image=63 classes=3", 63, 3},
                 {"vgg11", "image=32 classes=3", 32, 3}};
    for (int i = 0; i < (is_plain_cpu(f) ? 6 : 4); i++) {
        float logits[LOGITS];
        gradc_tensor *x = images(f, BATCH, least[i].channels, least[i].side);
        gradc_module *m = model(f, least[i].name, least[i].options);
        gradc_module_train(m, 0);
        read_logits(m, x, logits);
        gradc_module_free(m);
        gradc_release(x);
        gradc_tape_clear(f->g);
    }
}

static void other_inputs_are_refused(struct fixture *f)
{
    gradc_context *other = test_open("cpu");
    gradc_module *m = model(f, "lenet", NULL);
    gradc_tensor *gray = images(f, BATCH, 1, 28), *large = images(f, BATCH, 1, 29),
                 *colour = images(f, BATCH, 3, 28);
    gradc_tensor *elsewhere = gradc_new(other, GRADC_F32, 4, (const int64_t[]){1, 1, 28, 28});
    assert_null(gradc_module_forward(m, large));
    assert_failed(f->g, GRADC_E_SHAPE, "x [2,1,29,29] is not what lenet was made for, [batch,1,28,28]");
    assert_null(gradc_module_forward(m, colour));
    assert_failed(f->g, GRADC_E_SHAPE, "[2,3,28,28]");
    assert_null(gradc_module_forward(m, gradc_flatten(gray, 1, -1)));
    assert_failed(f->g, GRADC_E_SHAPE, "[2,784]");
    assert_null(gradc_module_forward(m, gradc_cast(gray, GRADC_U8)));
    assert_failed(f->g, GRADC_E_DTYPE, "x is u8, lenet takes f32");
    assert_null(gradc_module_forward(m, elsewhere));
    assert_failed(f->g, GRADC_E_ARG, "another context");
    assert_null(gradc_module_forward(m, NULL));
    assert_works(f->g);
    gradc_tensor *empty = gradc_module_forward(m, gradc_slice(gray, 0, 0, 0, 1));
    assert_int_equal(gradc_size(empty, 0), 0);
    assert_int_equal(gradc_size(empty, 1), 10);
    gradc_release(colour);
    assert_null(gradc_module_forward(m, colour));
    assert_failed(f->g, GRADC_E_CLEARED, NULL);
    gradc_release(gray);
    gradc_release(large);
    gradc_release(elsewhere);
    gradc_module_free(m);
    gradc_close(other);
}

static void no_module_is_refused(struct fixture *f)
{
    double value;
    char text[8];
    gradc_tensor *x = images(f, 1, 1, 1);
    assert_null(gradc_module_forward(NULL, x));
    assert_failed_here(GRADC_E_ARG, "the module is NULL");
    assert_int_equal(gradc_module_train(NULL, 1), GRADC_E_ARG);
    assert_int_equal(gradc_module_freeze(NULL, "", 1), GRADC_E_ARG);
    assert_int_equal(gradc_module_info(NULL, "flops", 1, &value), GRADC_E_ARG);
    assert_true(gradc_module_summary(NULL, 1, text, sizeof text) == -1);
    assert_failed_here(GRADC_E_ARG, "summary: the module is NULL");
    assert_int_equal(gradc_module_count(NULL), 0);
    assert_null(gradc_module_tensor(NULL, 0));
    assert_null(gradc_module_find(NULL, "x"));
    assert_null(gradc_module_option(NULL, "model"));
    gradc_module_free(NULL);
    gradc_release(x);
}

/* ---- Summaries ---- */

static void a_summary_counts_without_a_run(struct fixture *f)
{
    static char text[TEXT];
    int64_t before = 0, after = -1;
    gradc_module *m = model(f, "lenet", NULL);
    gradc_sync(f->g);
    gradc_counters(f->g, &before, NULL, NULL, NULL);
    int64_t needed = gradc_module_summary(m, 4, text, sizeof text);
    assert_int_equal(needed, strlen(text));
    static const char *const expected[] = {"lenet: classes=10 image=28 channels=1, a batch of 4",
                                           "conv2d",
                                           "[4,32,28,28]",
                                           "[4,64,7,7]",
                                           "flops",
                                           "421642"};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        if (!strstr(text, expected[i]))
            fail_msg("the summary has no \"%s\":\n%s", expected[i], text);
    gradc_counters(f->g, &after, NULL, NULL, NULL);
    assert_int_equal(before, after);
    char part[11] = "          ";
    assert_int_equal(gradc_module_summary(m, 4, part, sizeof part), needed);
    assert_memory_equal(part, text, 10);
    assert_int_equal(part[10], 0);
    assert_int_equal(gradc_module_summary(m, 4, NULL, 0), needed);
    assert_true(gradc_module_summary(m, 0, text, sizeof text) == -1);
    assert_failed(f->g, GRADC_E_ARG, "batch 0");
    gradc_module_free(m);
}

static void info_adds_up(struct fixture *f)
{
    double value;
    gradc_module *m = model(f, "mlp", NULL);
    assert_true(info(m, "parameters", 9) == 101770);
    assert_true(info(m, "bytes", 9) == 4 * 101770);
    assert_true(info(m, "flops", 9) == 9 * 2 * (784 * 128 + 128 * 10));
    assert_true(info(m, "activations", 9) == 9 * 4 * (128 + 128 + 10));
    assert_int_equal(gradc_module_info(m, "beauty", 1, &value), GRADC_E_ARG);
    assert_failed(f->g, GRADC_E_ARG, "there are parameters, flops, bytes, activations");
    assert_int_equal(gradc_module_info(m, NULL, 1, &value), GRADC_E_ARG);
    assert_failed(f->g, GRADC_E_ARG, NULL);
    assert_int_equal(gradc_module_info(m, "flops", -1, &value), GRADC_E_ARG);
    assert_failed(f->g, GRADC_E_ARG, "batch -1");
    assert_int_equal(gradc_module_info(m, "flops", 1, NULL), GRADC_E_ARG);
    assert_failed(f->g, GRADC_E_ARG, NULL);
    gradc_module_free(m);
}

/* ---- Lifetimes ---- */

static void what_was_recorded_outlives_the_module(struct fixture *f)
{
    float logits[LOGITS];
    gradc_tensor *x = images(f, BATCH, 1, 8);
    gradc_module *m = model(f, "lenet", "classes=3 image=8");
    gradc_tensor *weight = gradc_retain(gradc_module_find(m, "fc2.weight"));
    gradc_tensor *z = gradc_module_forward(m, x);
    gradc_module_free(m);
    assert_int_equal(gradc_backward(gradc_sum(z, 0, NULL, 0)), GRADC_OK);
    assert_int_equal(gradc_read(z, logits, sizeof logits), GRADC_OK);
    assert_int_equal(gradc_numel(gradc_grad(weight)), CLASSES * 128);
    gradc_release(weight);
    gradc_release(x);
}

static void a_module_outlives_its_context(struct fixture *f)
{
    gradc_context *g = test_open(f->device);
    gradc_module *m = gradc_model(g, "vgg16-bn-32", NULL);
    gradc_tensor *x = gradc_new(g, GRADC_F32, 4, (const int64_t[]){1, 3, 32, 32});
    gradc_close(g);
    assert_null(gradc_module_forward(m, x));
    assert_failed_here(GRADC_E_ARG, "closed");
    gradc_release(x);
    gradc_module_free(m);
}

static void many_modules_leave_nothing(struct fixture *f)
{
    int64_t before = 0, after = -1;
    gradc_module *m[40];
    gradc_memory_info(f->g, &before, NULL, NULL);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 40; i++)
            m[i] = model(f, i % 2 ? "mlp" : "lenet", "image=8");
        for (int i = 0; i < 40; i++)
            gradc_module_free(m[i]);
    }
    m[0] = model(f, "resnet18", "image=8");
    gradc_module_free(m[0]);
    gradc_sync(f->g);
    gradc_memory_info(f->g, &after, NULL, NULL);
    assert_int_equal(before, after);
}

int main(void)
{
    static const struct test tests[] = {
        {"models are listed", models_are_listed},
        {"parameters have names and shapes", parameters_have_names_and_shapes},
        {"buffers are told from parameters", buffers_are_told_from_parameters},
        {"models have the published sizes", models_have_the_published_sizes},
        {"mlp is its formula", mlp_is_its_formula},
        {"a seed names the weights", a_seed_names_the_weights},
        {"dropout draws in training alone", dropout_draws_in_training_alone},
        {"statistics move in training alone", statistics_move_in_training_alone},
        {"inference is the same, planned and eager", inference_is_the_same_planned_and_eager},
        {"training goes on in one plan", training_goes_on_in_one_plan},
        {"frozen parameters have no gradient", frozen_parameters_have_no_gradient},
        {"buffers are no parameters to freeze", buffers_are_no_parameters_to_freeze},
        {"options are kept", options_are_kept},
        {"bad options are refused", bad_options_are_refused},
        {"the least images work", the_least_images_work},
        {"other inputs are refused", other_inputs_are_refused},
        {"no module is refused", no_module_is_refused},
        {"a summary counts without a run", a_summary_counts_without_a_run},
        {"info adds up", info_adds_up},
        {"what was recorded outlives the module", what_was_recorded_outlives_the_module},
        {"a module outlives its context", a_module_outlives_its_context},
        {"many modules leave nothing", many_modules_leave_nothing},
    };
    return RUN_SUITE("nn", tests);
}
