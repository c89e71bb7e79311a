/* data.c - data sets: what they hold, the rules of folders, and what is said where files are missing or broken. */
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/files.h"

static struct random r;

static const char *source_of(const char *kind, const char *name)
{
    static char source[1200];
    snprintf(source, sizeof source, "%s:%s", kind, files_path(name));
    return source;
}

static gradc_dataset *opened(const char *kind, const char *name, const char *part, const char *options)
{
    gradc_dataset *d = gradc_dataset_open(source_of(kind, name), part, options);
    if (!d)
        fail_msg("%s: %s", name, gradc_message(NULL));
    return d;
}

static void refused(const char *kind, const char *name, const char *part, gradc_status status, const char *text)
{
    assert_null(gradc_dataset_open(source_of(kind, name), part, NULL));
    assert_failed_here(status, text);
}

static void assert_size(const gradc_dataset *d, int channels, int64_t height, int64_t width)
{
    int c = -1;
    int64_t h = -1, w = -1;
    assert_int_equal(gradc_dataset_size(d, &c, &h, &w), GRADC_OK);
    assert_int_equal(c, channels);
    assert_int_equal(h, height);
    assert_int_equal(w, width);
}

/* ---- Sources ---- */

static void sources(void **state)
{
    (void)state;
    static const char *const bad[] = {"imagenet:/tmp", "",        ":/tmp",   "mnist",
                                      "mnist:",        "cifar10", "folder:", "fashion"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_null(gradc_dataset_open(bad[i], "train", NULL));
        assert_failed_here(GRADC_E_ARG, "there are fashion-mnist[:FOLDER], mnist:FOLDER, cifar10:FOLDER");
    }
    assert_null(gradc_dataset_open(NULL, "train", NULL));
    assert_failed_here(GRADC_E_ARG, "must not be NULL");
    assert_null(gradc_dataset_open("mnist:/tmp", NULL, NULL));
    assert_failed_here(GRADC_E_ARG, "must not be NULL");
    assert_null(gradc_dataset_open("mnist:/tmp", "val", NULL));
    assert_failed_here(GRADC_E_ARG, "part must be train or test, not \"val\"");
    assert_null(gradc_dataset_open("mnist:/tmp", "test", "bad=ignore"));
    assert_failed_here(GRADC_E_ARG, "bad must be fail or skip, not \"ignore\"");
    assert_null(gradc_dataset_open("mnist:/tmp", "test", "worse=skip"));
    assert_failed_here(GRADC_E_ARG, "there is no option \"worse\"; there are bad");
}

static void nothing_is_asked_of_nothing(void **state)
{
    (void)state;
    int channels;
    int64_t size;
    double mean[3];
    uint8_t *pixels;
    gradc_dataset_free(NULL);
    assert_int_equal(gradc_dataset_count(NULL), -1);
    assert_int_equal(gradc_dataset_classes(NULL), -1);
    assert_int_equal(gradc_dataset_skipped(NULL), -1);
    assert_int_equal(gradc_dataset_label(NULL, 0), -1);
    assert_null(gradc_dataset_path(NULL, 0));
    assert_null(gradc_dataset_class_name(NULL, 0));
    assert_int_equal(gradc_dataset_size(NULL, &channels, &size, &size), GRADC_E_ARG);
    assert_int_equal(gradc_dataset_image(NULL, 0, 1, &size, &size, &pixels), GRADC_E_ARG);
    assert_int_equal(gradc_dataset_statistics(NULL, 1, mean, mean), GRADC_E_ARG);
    gradc_recover(NULL);
}

/* ---- IDX ---- */

static void idx_sets(void **state)
{
    (void)state;
    files_idx("idx", "train", 30, 5, 7, &r);
    files_idx("idx", "t10k", 11, 5, 7, &r);
    gradc_dataset *d = opened("mnist", "idx", "train", NULL),
                  *test = opened("fashion-mnist", "idx", "test", NULL);
    assert_int_equal(gradc_dataset_count(d), 30);
    assert_int_equal(gradc_dataset_count(test), 11);
    assert_int_equal(gradc_dataset_classes(d), 10);
    assert_string_equal(gradc_dataset_class_name(d, 7), "7");
    assert_string_equal(gradc_dataset_class_name(test, 0), "T-shirt/top");
    assert_string_equal(gradc_dataset_class_name(test, 9), "Ankle boot");
    assert_null(gradc_dataset_class_name(test, 10));
    assert_null(gradc_dataset_class_name(test, -1));
    assert_null(gradc_dataset_path(d, 0));
    assert_int_equal(gradc_dataset_skipped(d), 0);
    assert_size(d, 1, 5, 7);
    size_t count;
    unsigned char *bytes = (unsigned char *)files_load("idx/train-images-idx3-ubyte", &count);
    for (int64_t i = 0; i < 30; i++) {
        int64_t height, width;
        uint8_t *gray, *colours;
        assert_int_equal(gradc_dataset_label(d, i), i * 7 % 10);
        assert_int_equal(gradc_dataset_image(d, i, 1, &height, &width, &gray), GRADC_OK);
        assert_int_equal(gradc_dataset_image(d, i, 3, &height, &width, &colours), GRADC_OK);
        assert_true(height == 5 && width == 7);
        assert_memory_equal(gray, bytes + 16 + i * 35, 35);
        for (int p = 0; p < 105; p++)
            assert_int_equal(colours[p], gray[p / 3]);
        gradc_free(gray);
        gradc_free(colours);
    }
    free(bytes);
    int64_t size;
    uint8_t *pixels = (uint8_t *)&size;
    assert_int_equal(gradc_dataset_image(d, 30, 1, &size, &size, &pixels), GRADC_E_ARG);
    assert_null(pixels);
    assert_failed_here(GRADC_E_ARG, "image 30 with 1 channels: there are images 0..29");
    assert_int_equal(gradc_dataset_image(d, 0, 2, &size, &size, &pixels), GRADC_E_ARG);
    gradc_recover(NULL);
    gradc_dataset_free(d);
    gradc_dataset_free(test);
}

static void idx_sets_that_lie(void **state)
{
    (void)state;
    size_t count, labels;
    refused("mnist", "nowhere", "train", GRADC_E_IO, "train-images-idx3-ubyte.gz is not there, nor");
    files_idx("lies", "train", 30, 5, 7, &r);
    refused("mnist", "lies", "test", GRADC_E_IO, "lies/t10k-images-idx3-ubyte.gz is not there, nor t10k-images");
    char *bytes = files_load("lies/train-images-idx3-ubyte", &count);
    char *classes = files_load("lies/train-labels-idx1-ubyte", &labels);
    files_store("lies/train-images-idx3-ubyte", bytes, count - 1);
    refused("mnist", "lies", "train", GRADC_E_IO, "cut short");
    files_store("lies/train-images-idx3-ubyte", classes, labels);
    refused("mnist", "lies", "train", GRADC_E_IO, "does not hold images");
    files_store("lies/train-images-idx3-ubyte", bytes, count);
    files_store("lies/train-labels-idx1-ubyte", bytes, count);
    refused("mnist", "lies", "train", GRADC_E_IO, "does not hold labels");
    classes[7]--;
    files_store("lies/train-labels-idx1-ubyte", classes, labels - 1);
    refused("mnist", "lies", "train", GRADC_E_IO, "30 images of 5 x 7 pixels and 29 labels");
    classes[7]++;
    classes[8 + 17] = 10;
    files_store("lies/train-labels-idx1-ubyte", classes, labels);
    refused("mnist", "lies", "train", GRADC_E_IO, "image 17 has the label 10, which is not in 0..9");
    free(bytes);
    free(classes);
}

/* Debian's files, where they are. */
static void fashion_mnist(void **state)
{
    (void)state;
    if (access("/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz", R_OK) != 0)
        skip();
    double mean, std;
    gradc_dataset *d = gradc_dataset_open("fashion-mnist", "train", NULL);
    assert_non_null(d);
    assert_int_equal(gradc_dataset_count(d), 60000);
    assert_int_equal(gradc_dataset_label(d, 0), 9);
    assert_size(d, 1, 28, 28);
    assert_int_equal(gradc_dataset_statistics(d, 1, &mean, &std), GRADC_OK);
    assert_true(fabs(mean - 0.286) < 0.003); /* of all 60,000: 0.2860 and 0.3530 */
    assert_true(fabs(std - 0.353) < 0.003);
    gradc_dataset_free(d);
}

/* ---- CIFAR-10 ---- */

static void cifar_parts(const char *folder)
{
    char name[64];
    for (int i = 1; i <= 5; i++) {
        snprintf(name, sizeof name, "%s/data_batch_%d.bin", folder, i);
        files_cifar(name, i, &r);
    }
    snprintf(name, sizeof name, "%s/test_batch.bin", folder);
    files_cifar(name, 12, &r);
}

static void cifar(void **state)
{
    (void)state;
    static const char names[] = "zero\none\r\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\n\n";
    cifar_parts("cifar");
    gradc_dataset *d = opened("cifar10", "cifar", "train", NULL),
                  *test = opened("cifar10", "cifar", "test", NULL);
    assert_int_equal(gradc_dataset_count(d), 15);
    assert_int_equal(gradc_dataset_count(test), 12);
    assert_string_equal(gradc_dataset_class_name(d, 9), "truck");
    assert_size(d, 3, 32, 32);
    size_t count;
    unsigned char *bytes = (unsigned char *)files_load("cifar/data_batch_3.bin", &count);
    int64_t height, width;
    uint8_t *pixels;
    assert_int_equal(gradc_dataset_image(d, 5, 3, &height, &width, &pixels), GRADC_OK); /* the third of batch 3 */
    assert_int_equal(gradc_dataset_label(d, 5), 2);
    for (int p = 0; p < 1024; p++)
        for (int c = 0; c < 3; c++)
            assert_int_equal(pixels[3 * p + c], bytes[2 * 3073 + 1 + c * 1024 + p]);
    free(bytes);
    gradc_free(pixels);
    gradc_dataset_free(d);
    gradc_dataset_free(test);
    files_store("cifar/batches.meta.txt", names, sizeof names - 1);
    d = opened("cifar10", "cifar", "test", NULL);
    assert_string_equal(gradc_dataset_class_name(d, 1), "one");
    gradc_dataset_free(d);
}

static void cifar_that_lies(void **state)
{
    (void)state;
    refused("cifar10", "nowhere", "train", GRADC_E_IO, "data_batch_1.bin: No such file");
    cifar_parts("broken");
    files_store("broken/batches.meta.txt", "one\ntwo\n", 8);
    refused("cifar10", "broken", "train", GRADC_E_IO, "batches.meta.txt names 2 classes, not 10");
    files_store("broken/batches.meta.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\n", 22);
    refused("cifar10", "broken", "train", GRADC_E_IO, "names more than 10 classes");
    assert_int_equal(unlink(files_path("broken/batches.meta.txt")), 0);
    size_t count;
    char *bytes = files_load("broken/data_batch_4.bin", &count);
    files_store("broken/data_batch_4.bin", bytes, count - 1);
    refused("cifar10", "broken", "train", GRADC_E_IO,
            "data_batch_4.bin has 12291 bytes, which are not a number of");
    files_store("broken/data_batch_4.bin", "", 0);
    refused("cifar10", "broken", "train", GRADC_E_IO, "data_batch_4.bin has 0 bytes");
    bytes[3073] = 10;
    files_store("broken/data_batch_4.bin", bytes, count);
    refused("cifar10", "broken", "train", GRADC_E_IO, "has the label 10, which is not in 0..9");
    free(bytes);
}

#ifndef GRADC_NO_IMAGES

/* ---- Folders ---- */

/* A PNG of height x width pixels of one value. */
static void picture(const char *name, int64_t height, int64_t width, int channels, int value)
{
    uint8_t pixels[3072];
    assert_true(height * width * channels <= (int64_t)sizeof pixels);
    memset(pixels, value, sizeof pixels);
    files_store(name, "", 0);
    assert_int_equal(gradc_write_png(files_path(name), height, width, channels, pixels), GRADC_OK);
}

static void assert_file(const gradc_dataset *d, int64_t i, const char *name, int64_t label)
{
    assert_string_equal(gradc_dataset_path(d, i), files_path(name));
    assert_int_equal(gradc_dataset_label(d, i), label);
}

/* Every fifth image of each class is in the test part; names in order; other files are not looked at. */
static void folders(void **state)
{
    (void)state;
    char name[64];
    for (int i = 11; i >= 0; i--) {
        snprintf(name, sizeof name, "folder/cat/%02d.%s", i, i % 3 ? "png" : i % 2 ? "JPG" : "jPeG");
        picture(name, 4, 4, 1, i);
    }
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "folder/Bird/%d.PNG", i);
        picture(name, 4, 4, 1, 100 + i);
    }
    files_store("folder/cat/notes.txt", "no image", 8);
    files_store("folder/cat/png", "no image", 8);
    files_store("folder/cat/.hidden.png", "no image", 8);
    files_store("folder/cat/x.pngs", "no image", 8);
    files_store("folder/readme.md", "no class", 8);
    files_folder("folder/.git");
    files_folder("folder/cat/deeper.png");
    gradc_dataset *d = opened("folder", "folder", "train", NULL),
                  *test = opened("folder", "folder", "test", NULL);
    assert_int_equal(gradc_dataset_classes(d), 2);
    assert_string_equal(gradc_dataset_class_name(d, 0), "Bird");
    assert_string_equal(gradc_dataset_class_name(test, 1), "cat");
    assert_int_equal(gradc_dataset_count(d), 4 + 10);
    assert_int_equal(gradc_dataset_count(test), 2);
    assert_file(d, 0, "folder/Bird/0.PNG", 0);
    assert_file(d, 4, "folder/cat/00.jPeG", 1);
    assert_file(d, 8, "folder/cat/05.png", 1);
    assert_file(test, 0, "folder/cat/04.png", 1);
    assert_file(test, 1, "folder/cat/09.JPG", 1);
    assert_size(d, 1, 4, 4);
    int64_t height, width;
    uint8_t *pixels;
    assert_int_equal(gradc_dataset_image(d, 8, 1, &height, &width, &pixels), GRADC_OK);
    assert_int_equal(pixels[7], 5);
    gradc_free(pixels);
    gradc_dataset_free(d);
    gradc_dataset_free(test);
}

static void folders_of_parts(void **state)
{
    (void)state;
    picture("parts/train/a/0.png", 4, 4, 1, 1);
    picture("parts/train/b/0.png", 4, 4, 3, 2);
    picture("parts/train/c/0.png", 4, 4, 1, 3);
    refused("folder", "parts", "test", GRADC_E_IO, "parts holds train, but neither test nor val");
    picture("parts/val/c/0.png", 4, 4, 1, 4);
    gradc_dataset *d = opened("folder", "parts", "test", NULL);
    assert_int_equal(gradc_dataset_classes(d), 3);
    assert_int_equal(gradc_dataset_count(d), 1);
    assert_file(d, 0, "parts/val/c/0.png", 2);
    gradc_dataset_free(d);
    picture("parts/test/b/0.png", 4, 4, 1, 5);
    d = opened("folder", "parts", "test", NULL);
    assert_file(d, 0, "parts/test/b/0.png", 1);
    assert_size(d, 1, 4, 4);
    gradc_dataset_free(d);
    d = opened("folder", "parts", "train", NULL);
    assert_size(d, 3, 4, 4); /* one has colours */
    gradc_dataset_free(d);
    picture("parts/test/d/0.png", 4, 4, 1, 5);
    refused("folder", "parts", "test", GRADC_E_IO, "parts/test/d is a class that the train part does not have");
}

static void folders_that_do_not_do(void **state)
{
    (void)state;
    refused("folder", "nowhere", "train", GRADC_E_IO, "nowhere: No such file or directory");
    files_store("file", "x", 1);
    refused("folder", "file", "train", GRADC_E_IO, "file: Not a directory");
    files_folder("empty");
    refused("folder", "empty", "train", GRADC_E_IO,
            "empty holds 0 folders: it must hold a folder of PNG and JPEG");
    files_folder("empty/a");
    refused("folder", "empty", "train", GRADC_E_IO, "empty holds 1 folders");
    files_folder("empty/b");
    refused("folder", "empty", "train", GRADC_E_IO, "empty: no image (.png, .jpg, .jpeg)");
    picture("empty/a/0.png", 2, 2, 1, 0);
    refused("folder", "empty", "test", GRADC_E_IO, "every fifth of a class is in the test part");
    files_folder("train-only/train/a");
    refused("folder", "train-only", "train", GRADC_E_IO, "train-only/train holds 1 folders");
    if (geteuid() == 0)
        return; /* root reads everything */
    files_folder("closed/a");
    files_folder("closed/b");
    assert_int_equal(chmod(files_path("closed/b"), 0), 0);
    refused("folder", "closed", "train", GRADC_E_IO, "closed/b: Permission denied");
    assert_int_equal(chmod(files_path("closed/b"), 0700), 0);
}

/* ---- Broken images ---- */

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static char logged[2048];

static void take_line(void *payload, const char *line)
{
    (void)payload;
    pthread_mutex_lock(&log_lock);
    strncat(logged, line, sizeof logged - strlen(logged) - 2);
    strcat(logged, "\n");
    pthread_mutex_unlock(&log_lock);
}

static void broken_images(void **state)
{
    (void)state;
    char name[64];
    for (int i = 0; i < 12; i++) {
        snprintf(name, sizeof name, "bad/train/%c/%02d.png", i % 2 ? 'b' : 'a', i);
        picture(name, 4, 4, 1, i);
    }
    files_store("bad/train/a/02.png", "no image", 8);
    files_store("bad/train/b/05.png", "\x89PNG\r\n\x1a\n", 8);
    double mean, std;
    gradc_dataset *d = opened("folder", "bad", "train", "bad=fail");
    assert_int_equal(gradc_dataset_count(d), 12);
    assert_int_equal(gradc_dataset_statistics(d, 1, &mean, &std), GRADC_E_IO);
    assert_failed_here(GRADC_E_IO, "bad/train/a/02.png is neither a PNG nor a JPEG image");
    int channels;
    int64_t size;
    assert_int_equal(gradc_dataset_size(d, &channels, &size, &size), GRADC_E_IO);
    assert_failed_here(GRADC_E_IO, "dataset_size: ");
    gradc_dataset_free(d);
    gradc_set_log(take_line, NULL);
    d = opened("folder", "bad", "train", "bad=skip");
    gradc_set_log(NULL, NULL);
    assert_int_equal(gradc_dataset_count(d), 10);
    assert_int_equal(gradc_dataset_skipped(d), 2);
    assert_file(d, 1, "bad/train/a/04.png", 0);
    assert_file(d, 7, "bad/train/b/07.png", 1);
    assert_int_equal(gradc_dataset_statistics(d, 1, &mean, &std), GRADC_OK);
    assert_true(fabs(mean - 5.9 / 255) < 1e-9);
    const char *first = strstr(logged, "a/02.png"), *second = strstr(logged, "b/05.png");
    assert_true(first && second && first < second);
    gradc_dataset_free(d);
    files_store("allbad/train/a/0.png", "x", 1);
    files_store("allbad/train/b/0.png", "x", 1);
    assert_null(gradc_dataset_open(source_of("folder", "allbad"), "train", "bad=skip"));
    assert_failed_here(GRADC_E_IO, "all 2 images are broken, the first one: ");
}

/* ---- Files ---- */

static void files(void **state)
{
    (void)state;
    picture("loose/1.png", 3, 5, 1, 9);
    picture("loose/2.png", 5, 3, 3, 9);
    files_store("loose/3.png", "no", 2);
    const char *const paths[] = {files_path("loose/2.png"), files_path("loose/3.png"), files_path("loose/1.png")};
    gradc_dataset *d = gradc_dataset_files(3, paths, NULL);
    assert_non_null(d);
    assert_int_equal(gradc_dataset_count(d), 3);
    assert_int_equal(gradc_dataset_classes(d), 0);
    assert_int_equal(gradc_dataset_label(d, 0), -1);
    gradc_dataset_free(d);
    d = gradc_dataset_files(3, paths, "bad=skip");
    assert_int_equal(gradc_dataset_count(d), 2);
    assert_file(d, 1, "loose/1.png", -1);
    assert_size(d, 3, 0, 0);
    gradc_dataset_free(d);
    assert_null(gradc_dataset_files(0, paths, NULL));
    assert_failed_here(GRADC_E_ARG, "dataset_files: there must be at least one path, not 0");
    assert_null(gradc_dataset_files(2, (const char *const[]){paths[0], NULL}, NULL));
    assert_failed_here(GRADC_E_ARG, "path 1 is NULL");
    assert_null(gradc_dataset_files(3, paths, "bad=maybe"));
    assert_failed_here(GRADC_E_ARG, "bad must be fail or skip");
}

static void colours_have_statistics(void **state)
{
    (void)state;
    double mean[3], std[3];
    picture("two/train/a/0.png", 2, 3, 3, 0);
    picture("two/train/b/0.png", 4, 3, 3, 255);
    gradc_dataset *d = opened("folder", "two", "train", NULL);
    assert_int_equal(gradc_dataset_statistics(d, 3, mean, std), GRADC_OK);
    for (int c = 0; c < 3; c++) {
        assert_true(fabs(mean[c] - 2.0 / 3) < 1e-12);
        assert_true(fabs(std[c] - 0.4714045207910317) < 1e-12);
    }
    assert_int_equal(gradc_dataset_statistics(d, 2, mean, std), GRADC_E_ARG);
    assert_failed_here(GRADC_E_ARG, "channels must be 1 or 3, not 2");
    gradc_dataset_free(d);
}

#else

static void without_images(void **state)
{
    (void)state;
    files_folder("folder/a");
    files_folder("folder/b");
    files_store("folder/a/0.png", "x", 1);
    refused("folder", "folder", "train", GRADC_E_UNSUPPORTED, "built without PNG and JPEG");
    assert_null(gradc_dataset_files(1, (const char *const[]){"x.png"}, NULL));
    assert_failed_here(GRADC_E_UNSUPPORTED, "built without PNG and JPEG");
}

#endif

/* ---- No memory ---- */

static atomic_int blocks, left; /* blocks: in use; left: allocations until one fails, once; 0: none does */

static void *resize(void *payload, void *old, size_t bytes)
{
    (void)payload;
    if (bytes == 0) {
        atomic_fetch_sub(&blocks, old != NULL);
        free(old);
        return NULL;
    }
    if (atomic_load(&left) > 0 && atomic_fetch_sub(&left, 1) == 1)
        return NULL;
    void *block = realloc(old, bytes);
    atomic_fetch_add(&blocks, !old && block);
    return block;
}

/* What needs memory: opening, statistics and a loader. */
static gradc_status use(const char *kind, const char *name, const char *options)
{
    double mean[3], std[3];
    gradc_loader *l = NULL;
    gradc_dataset *d = gradc_dataset_open(source_of(kind, name), "train", options);
    if (d && !gradc_dataset_statistics(d, 3, mean, std))
        l = gradc_loader_new(d, "image=5 batch=2");
    gradc_status status = l ? GRADC_OK : gradc_check(NULL);
    if (d && options) /* nothing was taken for broken */
        assert_int_equal(gradc_dataset_skipped(d), 0);
    gradc_dataset_free(d);
    gradc_loader_free(l);
    return status;
}

/* Each allocation fails in its turn: the failure says so, and nothing stays behind. */
static void memory_runs_out(const char *kind, const char *name, const char *options)
{
    int reached = 1;
    assert_int_equal(use(kind, name, options), GRADC_OK); /* what is made once is there */
    const int before = atomic_load(&blocks);
    for (int n = 1; reached; n++) {
        atomic_store(&left, n);
        const gradc_status status = use(kind, name, options);
        reached = atomic_exchange(&left, 0) <= 0; /* below 0: threads allocated at the same time */
        if (status != (reached ? GRADC_E_MEMORY : GRADC_OK))
            fail_msg("%s, allocation %d: %s: %s", kind, n, gradc_status_name(status), gradc_message(NULL));
        assert_int_equal(atomic_load(&blocks), before);
        gradc_recover(NULL);
    }
}

static void no_memory(void **state)
{
    (void)state;
    files_idx("memory/idx", "train", 30, 5, 7, &r);
    memory_runs_out("mnist", "memory/idx", NULL);
    cifar_parts("memory/cifar");
    memory_runs_out("cifar10", "memory/cifar", NULL);
#ifndef GRADC_NO_IMAGES
    picture("memory/folder/train/a/0.png", 3, 5, 1, 9);
    picture("memory/folder/train/a/1.png", 3, 5, 3, 9);
    picture("memory/folder/train/b/0.png", 3, 5, 1, 9);
    memory_runs_out("folder", "memory/folder", "bad=skip");
#endif
}

int main(void)
{
    gradc_set_allocator(resize, NULL);
    r = (struct random){test_seed()};
    files_begin();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sources),
        cmocka_unit_test(nothing_is_asked_of_nothing),
        cmocka_unit_test(idx_sets),
        cmocka_unit_test(idx_sets_that_lie),
        cmocka_unit_test(fashion_mnist),
        cmocka_unit_test(cifar),
        cmocka_unit_test(cifar_that_lies),
        cmocka_unit_test(no_memory),
#ifndef GRADC_NO_IMAGES
        cmocka_unit_test(folders),
        cmocka_unit_test(folders_of_parts),
        cmocka_unit_test(folders_that_do_not_do),
        cmocka_unit_test(broken_images),
        cmocka_unit_test(files),
        cmocka_unit_test(colours_have_statistics),
#else
        cmocka_unit_test(without_images),
#endif
    };
    const int failed = cmocka_run_group_tests_name("data", tests, NULL, NULL);
    files_end();
    return failed;
}
