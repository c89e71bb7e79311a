/* dataset.c - data sets: opening by name, facts, images, statistics.  The kinds are in packed.c and folder.c. */
#include "data/dataset.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/host.h"
#include "base/options.h"
#include "device/cpu/pool.h"

gradc_status dataset_no_memory(struct failure *f)
{
    return fail(f, GRADC_E_MEMORY, "no memory for the data set");
}

char *path_join(const char *folder, const char *name)
{
    const size_t length = strlen(folder), room = length + strlen(name) + 2;
    char *path = host_alloc(room);
    if (path)
        snprintf(path, room, "%s%s%s", folder, length > 0 && folder[length - 1] == '/' ? "" : "/", name);
    return path;
}

void dataset_run(int64_t tasks, void (*run)(void *arg, int64_t task, int thread), void *arg)
{
    if (!pool_run(pool_most(), tasks, run, arg))
        for (int64_t task = 0; task < tasks; task++)
            run(arg, task, 0);
}

/* ---- Opening ---- */

/* What sources are called; folder NULL: it must be given. */
static const struct kind {
    const char *name, *folder;
    gradc_status (*open)(const struct request *r, gradc_dataset *d, struct failure *f);
} kinds[] = {{"fashion-mnist", "/usr/share/datasets/fashion-mnist", packed_fashion_mnist},
             {"mnist", NULL, packed_mnist},
             {"cifar10", NULL, packed_cifar10},
             {"folder", NULL, folder_open}};

static const struct kind *find_kind(const char *source, size_t length)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strlen(kinds[i].name) == length && !strncmp(kinds[i].name, source, length))
            return &kinds[i];
    return NULL;
}

static gradc_status read_options(const char *options, int *skip, struct failure *f)
{
    struct {
        char bad[OPTION_TEXT];
    } o = {"fail"};
    static const struct option table[] = {{.key = "bad", .kind = OPTION_WORD, .offset = 0}};
    gradc_status status = options_read("options", options, table, 1, &o, NULL, f);
    if (!status && strcmp(o.bad, "fail") != 0 && strcmp(o.bad, "skip") != 0)
        status = fail(f, GRADC_E_ARG, "bad must be fail or skip, not \"%s\"", o.bad);
    *skip = !strcmp(o.bad, "skip");
    return status;
}

static gradc_dataset *new_dataset(struct failure *f)
{
    gradc_dataset *d = host_zalloc(1, sizeof *d);
    if (d)
        atomic_init(&d->owners, 1);
    else
        dataset_no_memory(f);
    return d;
}

/* The data set, or NULL with the thread's error. */
static gradc_dataset *opened(const char *op, gradc_dataset *d, gradc_status status, const struct failure *f)
{
    if (d && !status)
        return d;
    fail_thread(f->status, "%s: %s", op, f->text);
    gradc_dataset_free(d);
    return NULL;
}

gradc_dataset *gradc_dataset_open(const char *source, const char *part, const char *options)
{
    if (!source || !part) {
        fail_thread(GRADC_E_ARG, "dataset_open: source and part must not be NULL");
        return NULL;
    }
    const size_t length = strcspn(source, ":");
    const struct kind *kind = find_kind(source, length);
    struct request r = {.source = source, .test = !strcmp(part, "test")};
    r.folder = source[length] == ':' ? source + length + 1 : kind ? kind->folder : NULL;
    if (!kind || !r.folder || !*r.folder) {
        fail_thread(GRADC_E_ARG,
                    "dataset_open: \"%s\" is no source: there are fashion-mnist[:FOLDER], mnist:FOLDER, "
                    "cifar10:FOLDER and folder:FOLDER",
                    source);
        return NULL;
    }
    if (!r.test && strcmp(part, "train") != 0) {
        fail_thread(GRADC_E_ARG, "dataset_open: part must be train or test, not \"%s\"", part);
        return NULL;
    }
    struct failure f;
    failure_clear(&f);
    gradc_dataset *d = NULL;
    gradc_status status = read_options(options, &r.skip, &f);
    if (!status && (d = new_dataset(&f)))
        status = kind->open(&r, d, &f);
    return opened("dataset_open", d, status, &f);
}

static gradc_status take_paths(gradc_dataset *d, int n, const char *const *paths, struct failure *f)
{
    d->paths = host_zalloc((size_t)n, sizeof *d->paths);
    if (!d->paths)
        return dataset_no_memory(f);
    for (; d->count < n; d->count++) {
        if (!paths[d->count])
            return fail(f, GRADC_E_ARG, "path %lld is NULL", (long long)d->count);
        if (!(d->paths[d->count] = host_strdup(paths[d->count])))
            return dataset_no_memory(f);
    }
    return GRADC_OK;
}

gradc_dataset *gradc_dataset_files(int n, const char *const *paths, const char *options)
{
    if (n < 1 || !paths) {
        fail_thread(GRADC_E_ARG, "dataset_files: there must be at least one path, not %d", n);
        return NULL;
    }
    struct failure f;
    failure_clear(&f);
    gradc_dataset *d = NULL;
    int skip = 0;
    gradc_status status = read_options(options, &skip, &f);
    if (!status && (d = new_dataset(&f)))
        status = take_paths(d, n, paths, &f);
    if (d && !status)
        status = folder_finish(d, skip, &f);
    return opened("dataset_files", d, status, &f);
}

void dataset_hold(gradc_dataset *d)
{
    atomic_fetch_add_explicit(&d->owners, 1, memory_order_relaxed);
}

void gradc_dataset_free(gradc_dataset *d)
{
    if (!d || atomic_fetch_sub(&d->owners, 1) != 1)
        return;
    for (int i = 0; d->names && i < d->classes; i++)
        host_free(d->names[i]);
    for (int64_t i = 0; d->paths && i < d->count; i++)
        host_free(d->paths[i]);
    if (d->natural)
        pthread_mutex_destroy(&d->natural->lock);
    host_free(d->natural);
    host_free(d->names);
    host_free(d->paths);
    host_free(d->labels);
    host_free(d->pixels);
    host_free(d);
}

/* ---- Facts ---- */

int64_t gradc_dataset_count(const gradc_dataset *d)
{
    return d ? d->count : -1;
}

int gradc_dataset_classes(const gradc_dataset *d)
{
    return d ? d->classes : -1;
}

const char *gradc_dataset_class_name(const gradc_dataset *d, int i)
{
    return d && i >= 0 && i < d->classes ? d->names[i] : NULL;
}

int64_t gradc_dataset_label(const gradc_dataset *d, int64_t i)
{
    return d && d->labels && i >= 0 && i < d->count ? d->labels[i] : -1;
}

const char *gradc_dataset_path(const gradc_dataset *d, int64_t i)
{
    return d && d->paths && i >= 0 && i < d->count ? d->paths[i] : NULL;
}

int gradc_dataset_skipped(const gradc_dataset *d)
{
    return d ? d->skipped : -1;
}

/* Looks at the files until nothing can change any more: sizes differ and one has colours. */
static gradc_status look(const gradc_dataset *d, struct natural *natural, struct failure *f)
{
    int channels = 1, differ = 0;
    int64_t height = 0, width = 0;
    for (int64_t i = 0; i < d->count && !(differ && channels == 3); i++) {
        struct image image;
        gradc_status status = image_look(d->paths[i], &image, f);
        if (status)
            return status;
        differ |= i > 0 && (image.height != height || image.width != width);
        height = image.height;
        width = image.width;
        channels = image.channels > channels ? image.channels : channels;
    }
    natural->known = 1;
    natural->channels = channels;
    natural->height = differ ? 0 : height;
    natural->width = differ ? 0 : width;
    return GRADC_OK;
}

gradc_status dataset_natural(const gradc_dataset *d, struct image *natural, struct failure *f)
{
    *natural = (struct image){.height = d->height, .width = d->width, .channels = d->channels};
    if (!d->natural)
        return GRADC_OK;
    pthread_mutex_lock(&d->natural->lock);
    gradc_status status = d->natural->known ? GRADC_OK : look(d, d->natural, f);
    natural->height = d->natural->height;
    natural->width = d->natural->width;
    natural->channels = d->natural->channels;
    pthread_mutex_unlock(&d->natural->lock);
    return status;
}

gradc_status gradc_dataset_size(const gradc_dataset *d, int *channels, int64_t *height, int64_t *width)
{
    if (!d || !channels || !height || !width)
        return fail_thread(GRADC_E_ARG, "dataset_size: the data set and results must not be NULL");
    struct failure f;
    failure_clear(&f);
    struct image natural;
    if (dataset_natural(d, &natural, &f))
        return fail_thread(f.status, "dataset_size: %s", f.text);
    *channels = natural.channels;
    *height = natural.height;
    *width = natural.width;
    return GRADC_OK;
}

/* ---- Images ---- */

gradc_status dataset_pixels(const gradc_dataset *d, int64_t i, int channels, struct image *image,
                            struct failure *f)
{
    if (!d->pixels)
        return image_read(d->paths[i], channels, image, f);
    const int64_t bytes = d->height * d->width * d->channels;
    *image = (struct image){d->height, d->width, d->channels, d->pixels + i * bytes, NULL};
    return image_channels(image, channels, f);
}

gradc_status gradc_dataset_image(const gradc_dataset *d, int64_t i, int channels, int64_t *height,
                                 int64_t *width, uint8_t **pixels)
{
    if (pixels)
        *pixels = NULL;
    if (!d || !height || !width || !pixels)
        return fail_thread(GRADC_E_ARG, "dataset_image: the data set and results must not be NULL");
    if (i < 0 || i >= d->count || (channels != 1 && channels != 3))
        return fail_thread(GRADC_E_ARG,
                           "dataset_image: image %lld with %d channels: there are images 0..%lld, with 1 "
                           "or 3 channels",
                           (long long)i, channels, (long long)d->count - 1);
    struct failure f;
    failure_clear(&f);
    struct image image;
    gradc_status status = dataset_pixels(d, i, channels, &image, &f);
    if (!status && !image.own) {
        const uint8_t *inside = image.pixels;
        status = image_new(&image, image.height, image.width, channels, &f);
        if (!status)
            memcpy(image.own, inside, (size_t)(image.height * image.width) * (size_t)channels);
    }
    if (status)
        return fail_thread(status, "dataset_image: %s", f.text);
    *height = image.height;
    *width = image.width;
    *pixels = image.own;
    return GRADC_OK;
}

/* ---- Statistics ---- */

enum { SAMPLES = 10000 };

/* Whole numbers, so that the order of addition does not count. */
struct sums {
    const gradc_dataset *d;
    int64_t samples;
    int channels;
    pthread_mutex_t lock;
    uint64_t pixels, sum[3], squares[3];
    int64_t failed; /* the first image that could not be read, or count */
    struct failure f;
};

static void add_image(void *arg, int64_t task, int thread)
{
    (void)thread;
    struct sums *s = arg;
    const int64_t i = task * s->d->count / s->samples;
    struct failure f;
    failure_clear(&f);
    struct image image;
    uint64_t sum[3] = {0}, squares[3] = {0};
    const gradc_status status = dataset_pixels(s->d, i, s->channels, &image, &f);
    const int64_t n = status ? 0 : image.height * image.width;
    for (int64_t p = 0; p < n; p++)
        for (int c = 0; c < s->channels; c++) {
            const uint64_t value = image.pixels[p * s->channels + c];
            sum[c] += value;
            squares[c] += value * value;
        }
    pthread_mutex_lock(&s->lock);
    s->pixels += (uint64_t)n;
    for (int c = 0; c < s->channels; c++) {
        s->sum[c] += sum[c];
        s->squares[c] += squares[c];
    }
    if (status && i < s->failed) {
        s->failed = i;
        s->f = f;
    }
    pthread_mutex_unlock(&s->lock);
    if (!status)
        image_free(&image);
}

gradc_status gradc_dataset_statistics(gradc_dataset *d, int channels, double *mean, double *std)
{
    if (!d || !mean || !std)
        return fail_thread(GRADC_E_ARG, "dataset_statistics: the data set and results must not be NULL");
    if (channels != 1 && channels != 3)
        return fail_thread(GRADC_E_ARG, "dataset_statistics: channels must be 1 or 3, not %d", channels);
    struct sums s = {.d = d, .channels = channels, .lock = PTHREAD_MUTEX_INITIALIZER, .failed = d->count};
    s.samples = d->count < SAMPLES ? d->count : SAMPLES;
    failure_clear(&s.f);
    dataset_run(s.samples, add_image, &s);
    pthread_mutex_destroy(&s.lock);
    if (s.f.status)
        return fail_thread(s.f.status, "dataset_statistics: %s", s.f.text);
    for (int c = 0; c < channels; c++) {
        const double average = (double)s.sum[c] / (double)s.pixels;
        const double variance = (double)s.squares[c] / (double)s.pixels - average * average;
        mean[c] = average / 255;
        std[c] = sqrt(variance > 0 ? variance : 0) / 255;
    }
    return GRADC_OK;
}
