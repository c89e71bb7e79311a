/* loader.c - batches: the same bits for any number of threads and any prefetch, and after a seek; against a judge that
 * reads the images one by one; failures in their place.  Not here: transforms (transforms.c). */
#include <sys/wait.h>
#include <unistd.h>

#include "base/os.h"
#include "support/batches.h"

/* ---- The same bits ---- */

enum { EPOCHS = 3, NUMBERS = EPOCHS * IMAGES * PIXELS };

struct run {
    float x[NUMBERS];
    int64_t labels[EPOCHS * IMAGES];
};

static const char common[] = "batch=8 seed=5 augment=crop/flip mean=0.3 std=0.4";

/* What all epochs give from (epoch, batch) on, put where it belongs. */
static void collect(struct fixture *f, gradc_loader *l, int epoch, int batch, struct run *run)
{
    static struct batch b;
    batch_new(&b, f->g, BATCH, 1, HEIGHT, WIDTH);
    int64_t at = (int64_t)epoch * IMAGES + batch * BATCH;
    while (epoch < EPOCHS) {
        if (batch_next(&b, l) == 0) {
            epoch++;
            continue;
        }
        assert_true(b.n > 0 && at + b.n <= EPOCHS * IMAGES);
        memcpy(run->x + at * PIXELS, b.values, (size_t)b.n * PIXELS * sizeof *b.values);
        memcpy(run->labels + at, b.classes, (size_t)b.n * sizeof *b.classes);
        at += b.n;
    }
    assert_int_equal(at, EPOCHS * IMAGES);
    batch_free(&b);
}

static struct run wanted, got;

static void threads_change_nothing(struct fixture *f)
{
    static const char *const ways[] = {"workers=0",
                                       "workers=0 prefetch=8",
                                       "workers=1 prefetch=1",
                                       "workers=1 prefetch=8",
                                       "workers=4 prefetch=1",
                                       "workers=4 prefetch=8"};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        char options[256];
        snprintf(options, sizeof options, "%s %s", common, ways[i]);
        gradc_loader *l = small_loader(options);
        assert_int_equal(gradc_loader_batches(l), BATCHES);
        collect(f, l, 0, 0, i ? &got : &wanted);
        assert_true(i == 0 || memcmp(&wanted, &got, sizeof got) == 0);
        gradc_loader_free(l);
    }
    assert_memory_not_equal(wanted.labels, wanted.labels + IMAGES, IMAGES * sizeof(int64_t)); /* epochs differ */
}

static void seek_goes_there(struct fixture *f)
{
    static const int places[][2] = {{0, 0}, {0, 3}, {1, 0}, {1, 5}, {1, 6}, {2, 1}, {0, 6}};
    for (int workers = 0; workers <= 2; workers += 2) {
        char options[256];
        snprintf(options, sizeof options, "%s workers=%d prefetch=3", common, workers);
        gradc_loader *l = small_loader(options);
        collect(f, l, 0, 0, &wanted);
        for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
            int64_t epoch = -1, batch = -1;
            const int first = places[i][1] == BATCHES ? 0 : places[i][1];
            memset(&got, 0, sizeof got);
            assert_int_equal(gradc_loader_seek(l, places[i][0], places[i][1]), GRADC_OK);
            assert_int_equal(gradc_loader_state(l, &epoch, &batch), GRADC_OK);
            assert_int_equal(epoch, places[i][0]);
            assert_int_equal(batch, places[i][1]);
            int from = places[i][0];
            if (places[i][1] == BATCHES) {
                static struct batch b;
                batch_new(&b, f->g, BATCH, 1, HEIGHT, WIDTH);
                assert_int_equal(batch_next(&b, l), 0);
                batch_free(&b);
                from++;
            }
            collect(f, l, from, first, &got);
            const size_t at = (size_t)(from * IMAGES + first * BATCH);
            assert_memory_equal(wanted.x + at * PIXELS, got.x + at * PIXELS,
                                (NUMBERS - at * PIXELS) * sizeof *got.x);
            assert_memory_equal(wanted.labels + at, got.labels + at, (EPOCHS * IMAGES - at) * sizeof *got.labels);
        }
        gradc_loader_free(l);
    }
}

/* The state that is saved in the middle of an epoch sends another loader to the same place. */
static void state_and_seek(struct fixture *f)
{
    static struct batch b, c;
    gradc_loader *l = small_loader(common), *m = small_loader(common);
    batch_new(&b, f->g, BATCH, 1, HEIGHT, WIDTH);
    batch_new(&c, f->g, BATCH, 1, HEIGHT, WIDTH);
    for (int i = 0; i < 4 * BATCHES; i++) {
        int64_t epoch, batch;
        assert_int_equal(gradc_loader_state(l, &epoch, &batch), GRADC_OK);
        assert_int_equal(gradc_loader_seek(m, epoch, batch), GRADC_OK);
        assert_int_equal(batch_next(&b, l), batch_next(&c, m));
        assert_int_equal(b.n == 0, batch == BATCHES);
        assert_memory_equal(b.values, c.values, (size_t)gradc_bytes(b.x));
        if (i % 5 == 0)
            batch_next(&c, m);
    }
    batch_free(&b);
    batch_free(&c);
    gradc_loader_free(l);
    gradc_loader_free(m);
}

static void another_seed_another_order(struct fixture *f)
{
    gradc_loader *l = small_loader("batch=8 seed=6 augment=crop/flip mean=0.3 std=0.4"),
                 *m = small_loader(common);
    collect(f, l, 0, 0, &got);
    collect(f, m, 0, 0, &wanted);
    assert_memory_not_equal(got.labels, wanted.labels, sizeof got.labels);
    gradc_loader_free(l);
    gradc_loader_free(m);
}

static void threads_that_do_not_start(struct fixture *f)
{
    gradc_loader *m = small_loader(common);
    collect(f, m, 0, 0, &wanted);
    gradc_loader_free(m);
    for (int n = 1; n <= 3; n++) {
        char options[256];
        snprintf(options, sizeof options, "%s workers=4", common);
        gradc_loader *l = small_loader(options);
        os_fail_threads(n);
        collect(f, l, 0, 0, &got);
        os_fail_threads(0);
        assert_memory_equal(&wanted, &got, sizeof got);
        gradc_loader_free(l);
    }
}

/* Freed at any time: before the first batch, while threads fill, while they wait for room. */
static void freed_while_threads_run(struct fixture *f)
{
    static struct batch b;
    batch_new(&b, f->g, BATCH, 1, HEIGHT, WIDTH);
    for (int taken = 0; taken < 12; taken++) {
        gradc_loader *l = small_loader("batch=8 workers=3 prefetch=2");
        for (int i = 0; i < taken; i++)
            assert_true(batch_next(&b, l) >= 0);
        if (taken % 2)
            usleep(500);
        gradc_loader_free(l);
    }
    batch_free(&b);
}

/* ---- Against the images themselves ---- */

/* Order, labels, numbers and the rest of a short batch. */
static void batches_hold_the_images(struct fixture *f)
{
    static struct batch b;
    gradc_dataset *d = batch_source("mnist", "idx", NULL);
    gradc_loader *l = batch_loader(d, "batch=8 shuffle=0 mean=0.25 std=0.5");
    batch_new(&b, f->g, BATCH, 1, HEIGHT, WIDTH);
    int64_t i = 0;
    while (batch_next(&b, l) > 0) {
        for (int64_t k = 0; k < b.n; k++, i++) {
            int64_t height, width;
            uint8_t *pixels;
            assert_int_equal(gradc_dataset_image(d, i, 1, &height, &width, &pixels), GRADC_OK);
            assert_int_equal(height * width, PIXELS);
            assert_int_equal(b.classes[k], gradc_dataset_label(d, i));
            for (int p = 0; p < PIXELS; p++)
                assert_true(b.values[k * PIXELS + p] == batch_number(pixels[p], 0.25f, 0.5f));
            gradc_free(pixels);
        }
        if (b.n < BATCH)
            assert_int_equal(b.n, IMAGES % BATCH);
    }
    assert_int_equal(i, IMAGES);
    gradc_loader_free(l);
    batch_free(&b);
    batch_new(&b, f->g, BATCH, 1, HEIGHT, WIDTH);
    l = batch_loader(d, "batch=8 shuffle=0");
    gradc_loader_seek(l, 0, BATCHES - 1);
    assert_int_equal(batch_next(&b, l), IMAGES % BATCH);
    assert_true(b.values[(IMAGES % BATCH) * PIXELS] == -7 && b.classes[IMAGES % BATCH] == -7);
    gradc_loader_free(l);
    l = batch_loader(d, "batch=8 drop_last=1");
    assert_int_equal(gradc_loader_batches(l), IMAGES / BATCH);
    for (int k = 0; k < IMAGES / BATCH; k++)
        assert_int_equal(batch_next(&b, l), BATCH);
    assert_int_equal(batch_next(&b, l), 0);
    assert_int_equal(gradc_loader_next(l, b.x, NULL), BATCH);
    gradc_loader_free(l);
    gradc_dataset_free(d);
    batch_free(&b);
}

/* Every image once an epoch, in an order that is no other. */
static void a_shuffle_is_a_permutation(struct fixture *f)
{
    static struct batch b;
    gradc_dataset *d = batch_source("mnist", "idx", NULL);
    gradc_loader *l = batch_loader(d, "batch=8 workers=2");
    batch_new(&b, f->g, BATCH, 1, HEIGHT, WIDTH);
    int seen[IMAGES] = {0};
    while (batch_next(&b, l) > 0)
        for (int64_t k = 0; k < b.n; k++)
            for (int64_t i = 0; i < IMAGES; i++) {
                int64_t height, width;
                uint8_t *pixels;
                gradc_dataset_image(d, i, 1, &height, &width, &pixels);
                int same = 1;
                for (int p = 0; p < PIXELS && same; p++)
                    same = b.values[k * PIXELS + p] == batch_number(pixels[p], 0, 1);
                seen[i] += same;
                gradc_free(pixels);
            }
    for (int i = 0; i < IMAGES; i++)
        assert_int_equal(seen[i], 1);
    gradc_loader_free(l);
    gradc_dataset_free(d);
    batch_free(&b);
}

/* ---- Failures ---- */

static void refused(gradc_dataset *d, const char *options, const char *text)
{
    assert_null(gradc_loader_new(d, options));
    assert_failed_here(GRADC_E_ARG, text);
}

static void options_are_checked(struct fixture *f)
{
    (void)f;
    gradc_dataset *d = batch_source("mnist", "idx", NULL);
    refused(NULL, NULL, "loader_new: the data set is NULL");
    refused(d, "batches=3", "loader_new: options: there is no option \"batches\"; there are batch, image");
    refused(d, "batch=0", "batch must be a whole number from 1 to 1048576");
    refused(d, "prefetch=0", "prefetch must be a whole number from 1");
    refused(d, "workers=-1", "workers must be a whole number from 0");
    refused(d, "channels=2", "channels must be 1 or 3");
    refused(d, "resize=fit", "resize must be crop, pad or stretch, not \"fit\"");
    refused(d, "augment=crop/rotate", "augment must be none, crop, flip or crop/flip, not \"crop/rotate\"");
    refused(d, "augment=crop/", "augment must be");
    refused(d, "mean=0.1/0.2", "mean and std must have one number, or one for each of the 1 channels");
    refused(d, "std=0", "std must be above 0");
    refused(d, "std=1e-60", "std must be above 0");
    refused(d, "batch=46 drop_last=1", "drop_last=1 leaves no batch of 46 out of 45 images");
    gradc_dataset_free(d);
}

static void tensors_are_checked(struct fixture *f)
{
    gradc_loader *l = small_loader("batch=8");
    gradc_context *g = f->g;
    int64_t epoch, batch;
    gradc_tensor *x = gradc_new(g, GRADC_F32, 4, (const int64_t[]){8, 1, HEIGHT, WIDTH});
    gradc_tensor *wide = gradc_new(g, GRADC_F32, 4, (const int64_t[]){8, 1, WIDTH, HEIGHT});
    gradc_tensor *labels = gradc_new(g, GRADC_I64, 1, (const int64_t[]){8});
    gradc_tensor *small = gradc_new(g, GRADC_I32, 1, (const int64_t[]){8});
    assert_int_equal(gradc_loader_next(l, wide, labels), -1);
    assert_failed(g, GRADC_E_SHAPE, "loader_next: x must be f32 [8,1,18,16], not [8,1,16,18]");
    assert_int_equal(gradc_loader_next(l, labels, labels), -1);
    assert_failed(g, GRADC_E_DTYPE, "loader_next: x must be f32 [8,1,18,16], not i64");
    assert_int_equal(gradc_loader_next(l, x, small), -1);
    assert_failed(g, GRADC_E_DTYPE, "loader_next: labels must be i64 [8], not i32");
    assert_int_equal(gradc_loader_next(l, gradc_relu(x), labels), -1);
    assert_failed(g, GRADC_E_ARG, "write");
    assert_int_equal(gradc_loader_next(l, NULL, labels), -1);
    assert_failed_here(GRADC_E_ARG, "loader_next: the loader and x must not be NULL");
    assert_int_equal(gradc_loader_next(NULL, x, labels), -1);
    assert_failed_here(GRADC_E_ARG, "loader_next");
    gradc_context *other = test_open(f->device);
    gradc_tensor *elsewhere = gradc_new(other, GRADC_I64, 1, (const int64_t[]){8});
    assert_int_equal(gradc_loader_next(l, x, elsewhere), -1);
    assert_failed(g, GRADC_E_ARG, "different contexts");
    gradc_release(elsewhere);
    gradc_close(other);
    assert_int_equal(gradc_loader_state(l, &epoch, &batch), GRADC_OK);
    assert_true(epoch == 0 && batch == 0);
    assert_int_equal(gradc_loader_next(l, x, labels), 8);
    assert_int_equal(gradc_loader_seek(l, 0, BATCHES + 1), GRADC_E_ARG);
    assert_failed_here(GRADC_E_ARG, "loader_seek: epoch 0, batch 7");
    assert_int_equal(gradc_loader_seek(l, -1, 0), GRADC_E_ARG);
    assert_int_equal(gradc_loader_seek(l, INT64_MAX, BATCHES), GRADC_E_ARG);
    assert_int_equal(gradc_loader_seek(NULL, 0, 0), GRADC_E_ARG);
    assert_int_equal(gradc_loader_state(l, NULL, &batch), GRADC_E_ARG);
    assert_int_equal(gradc_loader_batches(NULL), -1);
    gradc_loader_free(NULL);
    gradc_recover(NULL);
    gradc_release(x);
    gradc_release(wide);
    gradc_release(labels);
    gradc_release(small);
    gradc_loader_free(l);
}

/* A child has no threads of ours: it is told so, and nothing waits for them. */
static void a_fork_is_told(struct fixture *f)
{
    static struct batch b;
    if (strcmp(f->device, "cpu") != 0)
        return;
    gradc_loader *l = small_loader("batch=8 workers=2");
    batch_new(&b, f->g, BATCH, 1, HEIGHT, WIDTH);
    assert_int_equal(batch_next(&b, l), 8);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        alarm(20);
        int good = gradc_loader_next(l, b.x, b.labels) == -1 && gradc_loader_seek(l, 0, 0) == GRADC_E_DEVICE;
        gradc_loader_free(l);
        _exit(good ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(batch_next(&b, l), 8);
    gradc_loader_free(l);
    batch_free(&b);
}

#ifndef GRADC_NO_IMAGES

/* Ten images of 6 x 6 pixels, five of class a and five of b: a/0.png ...  The first `broken` of b are cut short. */
static void make_folder(const char *name, int broken)
{
    uint8_t pixels[36];
    char file[64];
    for (int i = 0; i < 10; i++) {
        for (int p = 0; p < 36; p++)
            pixels[p] = (uint8_t)(20 * i + p);
        snprintf(file, sizeof file, "%s/train/%c/%d.png", name, i < 5 ? 'a' : 'b', i % 5);
        files_store(file, "", 0);
        assert_int_equal(gradc_write_png(files_path(file), 6, 6, 1, pixels), GRADC_OK);
        if (i >= 5 && i < 5 + broken) {
            size_t count;
            char *bytes = files_load(file, &count);
            files_store(file, bytes, count - 20);
            free(bytes);
        }
    }
}

/* The batches in front of the broken image come; its own fails as often as it is asked for; a seek goes past it. */
static void a_broken_image_fails_its_batch(struct fixture *f)
{
    static struct batch b;
    make_folder("broken", 1);
    gradc_dataset *d = batch_source("folder", "broken", NULL);
    for (int workers = 0; workers < 3; workers++) {
        char options[64];
        int64_t epoch, batch;
        snprintf(options, sizeof options, "batch=2 shuffle=0 workers=%d", workers);
        gradc_loader *l = batch_loader(d, options);
        batch_new(&b, f->g, 2, 1, 6, 6);
        assert_int_equal(batch_next(&b, l), 2);
        assert_int_equal(batch_next(&b, l), 2);
        for (int i = 0; i < 2; i++) {
            assert_int_equal(batch_next(&b, l), -1);
            assert_failed(f->g, GRADC_E_IO, "broken/train/b/0.png: damaged PNG: the file is cut short");
        }
        assert_int_equal(gradc_loader_state(l, &epoch, &batch), GRADC_OK);
        assert_true(epoch == 0 && batch == 2);
        assert_int_equal(gradc_loader_seek(l, 0, 3), GRADC_OK);
        assert_int_equal(batch_next(&b, l), 2);
        assert_true(b.values[0] == batch_number(120, 0, 1) && b.classes[0] == 1);
        gradc_loader_free(l);
        batch_free(&b);
    }
    gradc_dataset_free(d);
}

static void images_of_many_sizes(struct fixture *f)
{
    static struct batch b;
    const uint8_t pixels[200] = {0};
    files_store("sizes/train/a/0.png", "", 0);
    files_store("sizes/train/b/0.png", "", 0);
    assert_int_equal(gradc_write_png(files_path("sizes/train/a/0.png"), 10, 20, 1, pixels), GRADC_OK);
    assert_int_equal(gradc_write_png(files_path("sizes/train/b/0.png"), 20, 10, 1, pixels), GRADC_OK);
    gradc_dataset *d = batch_source("folder", "sizes", NULL);
    refused(d, "batch=2", "loader_new: the images differ in size: the option image=N makes them N x N");
    gradc_loader *l = batch_loader(d, "batch=2 image=8");
    batch_new(&b, f->g, 2, 1, 8, 8);
    assert_int_equal(batch_next(&b, l), 2);
    gradc_loader_free(l);
    batch_free(&b);
    gradc_dataset_free(d);
    /* A file that changes behind our back. */
    make_folder("same", 0);
    d = batch_source("folder", "same", NULL);
    l = batch_loader(d, "batch=2 shuffle=0");
    assert_int_equal(gradc_write_png(files_path("same/train/a/1.png"), 10, 20, 1, pixels), GRADC_OK);
    batch_new(&b, f->g, 2, 1, 6, 6);
    assert_int_equal(batch_next(&b, l), -1);
    assert_failed(f->g, GRADC_E_SHAPE, "same/train/a/1.png: the image has 10 x 20 pixels, not 6 x 6");
    gradc_loader_free(l);
    batch_free(&b);
    gradc_dataset_free(d);
}

#endif

int main(void)
{
    small_set_begin();
    static const struct test tests[] = {
        {"threads change nothing", threads_change_nothing},
        {"seek goes there", seek_goes_there},
        {"state and seek", state_and_seek},
        {"another seed, another order", another_seed_another_order},
        {"threads that do not start", threads_that_do_not_start},
        {"freed while threads run", freed_while_threads_run},
        {"batches hold the images", batches_hold_the_images},
        {"a shuffle is a permutation", a_shuffle_is_a_permutation},
        {"options are checked", options_are_checked},
        {"tensors are checked", tensors_are_checked},
        {"a fork is told", a_fork_is_told},
#ifndef GRADC_NO_IMAGES
        {"a broken image fails its batch", a_broken_image_fails_its_batch},
        {"images of many sizes", images_of_many_sizes},
#endif
    };
    const int failed = RUN_SUITE("loader", tests);
    files_end();
    return failed;
}
