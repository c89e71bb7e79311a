/* folder.c - data sets of files: a folder for each class, PNG and JPEG images in it.
 *
 * Classes and images are taken in the order of their names.  Where FOLDER holds train and test (or val), they are the
 * parts and hold the classes; else every fifth image of a class is in the test part. */
#include "base/host.h"
#include "base/os.h"
#include "data/dataset.h"

#include <string.h>

enum { TEST_EVERY = 5 };

struct listing {
    struct os_entry *entries;
    int64_t n;
};

static gradc_status list(const char *path, struct listing *l, struct failure *f)
{
    char text[128];
    const int error = os_folder_list(path, &l->entries, &l->n);
    return error ? fail(f, GRADC_E_IO, "%s: %s", path, os_error(error, text, sizeof text)) : GRADC_OK;
}

static int is_class(const struct os_entry *e)
{
    return e->is_folder && e->name[0] != '.';
}

static int has_folder(const struct listing *l, const char *name)
{
    for (int64_t i = 0; i < l->n; i++)
        if (l->entries[i].is_folder && !strcmp(l->entries[i].name, name))
            return 1;
    return 0;
}

static int is_image(const struct os_entry *e)
{
    static const char *const ends[] = {"png", "jpg", "jpeg"};
    const char *dot = strrchr(e->name, '.');
    if (!e->is_file || e->name[0] == '.' || !dot)
        return 0;
    for (size_t k = 0; k < sizeof ends / sizeof *ends; k++) {
        size_t i = 0;
        while (ends[k][i] && (dot[1 + i] | 0x20) == ends[k][i])
            i++;
        if (!ends[k][i] && !dot[1 + i])
            return 1;
    }
    return 0;
}

/* ---- Classes ---- */

static gradc_status take_classes(gradc_dataset *d, const char *path, const struct listing *l, struct failure *f)
{
    for (int64_t i = 0; i < l->n; i++)
        d->classes += is_class(&l->entries[i]);
    if (d->classes < 2)
        return fail(f, GRADC_E_IO,
                    "%s holds %d folders: it must hold a folder of PNG and JPEG images for each class, "
                    "and at least two of them",
                    path, d->classes);
    d->names = host_zalloc((size_t)d->classes, sizeof *d->names);
    for (int64_t i = 0, n = 0; d->names && i < l->n; i++)
        if (is_class(&l->entries[i]) && !(d->names[n++] = host_strdup(l->entries[i].name)))
            return dataset_no_memory(f);
    return d->names ? GRADC_OK : dataset_no_memory(f);
}

static int class_of(const gradc_dataset *d, const char *name)
{
    for (int i = 0; i < d->classes; i++)
        if (!strcmp(d->names[i], name))
            return i;
    return -1;
}

/* ---- Images ---- */

/* A data set that grows. */
struct growing {
    gradc_dataset *d;
    int64_t paths, labels; /* the room that there is */
};

static int append(struct growing *g, char *path, int64_t label)
{
    gradc_dataset *d = g->d;
    if (!path || host_grow(&d->paths, &g->paths, d->count + 1, sizeof *d->paths) ||
        host_grow(&d->labels, &g->labels, d->count + 1, sizeof *d->labels))
        return -1;
    d->paths[d->count] = path;
    d->labels[d->count++] = label;
    return 0;
}

/* part -1: all images; else those of the train (0) or test part (1). */
static gradc_status take_images(struct growing *g, const char *path, int label, int part, struct failure *f)
{
    struct listing l = {0};
    gradc_status status = list(path, &l, f);
    int64_t seen = 0;
    for (int64_t i = 0; i < l.n && !status; i++) {
        if (!is_image(&l.entries[i]))
            continue;
        const int test = seen++ % TEST_EVERY == TEST_EVERY - 1;
        if (part >= 0 && test != part)
            continue;
        char *file = path_join(path, l.entries[i].name);
        if (append(g, file, label)) {
            host_free(file);
            status = dataset_no_memory(f);
        }
    }
    os_folder_free(l.entries, l.n);
    return status;
}

static gradc_status take_folders(gradc_dataset *d, const char *path, int part, struct failure *f)
{
    struct listing l = {0};
    struct growing g = {.d = d};
    gradc_status status = list(path, &l, f);
    for (int64_t i = 0; i < l.n && !status; i++) {
        if (!is_class(&l.entries[i]))
            continue;
        const int label = class_of(d, l.entries[i].name);
        if (label < 0) {
            status = fail(f, GRADC_E_IO, "%s/%s is a class that the train part does not have", path,
                          l.entries[i].name);
            break;
        }
        char *folder = path_join(path, l.entries[i].name);
        status = folder ? take_images(&g, folder, label, part, f) : dataset_no_memory(f);
        host_free(folder);
    }
    os_folder_free(l.entries, l.n);
    if (!status && d->count == 0)
        status = fail(f, GRADC_E_IO, "%s: no image (.png, .jpg, .jpeg) for this part is in its class folders%s",
                      path, part == 1 ? ": every fifth of a class is in the test part" : "");
    return status;
}

/* The classes are those of the train part, whichever part is asked for. */
static gradc_status open_parts(const struct request *r, gradc_dataset *d, const char *part, struct failure *f)
{
    struct listing l = {0};
    char *train = path_join(r->folder, "train"), *path = path_join(r->folder, part);
    gradc_status status = train && path ? list(train, &l, f) : dataset_no_memory(f);
    if (!status)
        status = take_classes(d, train, &l, f);
    if (!status)
        status = take_folders(d, path, -1, f);
    os_folder_free(l.entries, l.n);
    host_free(train);
    host_free(path);
    return status;
}

gradc_status folder_open(const struct request *r, gradc_dataset *d, struct failure *f)
{
    struct listing l = {0};
    gradc_status status = list(r->folder, &l, f);
    if (!status && has_folder(&l, "train")) {
        const char *test = has_folder(&l, "test") ? "test" : has_folder(&l, "val") ? "val" : NULL;
        status = r->test && !test ? fail(f, GRADC_E_IO, "%s holds train, but neither test nor val", r->folder)
                                  : open_parts(r, d, r->test ? test : "train", f);
    } else if (!status) {
        status = take_classes(d, r->folder, &l, f);
        if (!status)
            status = take_folders(d, r->folder, r->test, f);
    }
    os_folder_free(l.entries, l.n);
    return status ? status : folder_finish(d, r->skip, f);
}

/* ---- Broken images ---- */

/* Sentences of the broken images, by number; NULL where the image is good. */
struct check {
    gradc_dataset *d;
    char **reasons;
    atomic_int no_memory;
};

static void check_image(void *arg, int64_t task, int thread)
{
    (void)thread;
    struct check *c = arg;
    struct failure f;
    failure_clear(&f);
    struct image image;
    const gradc_status status = image_read(c->d->paths[task], 0, &image, &f);
    image_free(&image);
    if (status && status != GRADC_E_MEMORY)
        c->reasons[task] = host_strdup(f.text);
    if (status && !c->reasons[task])
        atomic_store(&c->no_memory, 1);
}

/* Closes the gaps that broken images leave, and says which they were. */
static void leave_out(gradc_dataset *d, char **reasons)
{
    int64_t kept = 0;
    for (int64_t i = 0; i < d->count; i++) {
        if (reasons[i]) {
            host_log("dataset: left out: %s", reasons[i]);
            host_free(d->paths[i]);
            continue;
        }
        d->paths[kept] = d->paths[i];
        if (d->labels)
            d->labels[kept] = d->labels[i];
        kept++;
    }
    d->skipped = (int)(d->count - kept);
    d->count = kept;
}

static gradc_status check_images(gradc_dataset *d, struct failure *f)
{
    struct check c = {.d = d, .reasons = host_zalloc((size_t)d->count, sizeof *c.reasons)};
    if (!c.reasons)
        return dataset_no_memory(f);
    const int64_t count = d->count;
    dataset_run(count, check_image, &c);
    gradc_status status = atomic_load(&c.no_memory) ? dataset_no_memory(f) : GRADC_OK;
    if (!status)
        leave_out(d, c.reasons);
    if (!status && d->count == 0)
        status = fail(f, GRADC_E_IO, "all %lld images are broken, the first one: %s", (long long)count,
                      c.reasons[0]);
    for (int64_t i = 0; i < count; i++)
        host_free(c.reasons[i]);
    host_free(c.reasons);
    return status;
}

gradc_status folder_finish(gradc_dataset *d, int skip, struct failure *f)
{
    gradc_status status = image_available(f);
    if (status)
        return status;
    d->natural = host_zalloc(1, sizeof *d->natural);
    if (!d->natural)
        return dataset_no_memory(f);
    pthread_mutex_init(&d->natural->lock, NULL);
    return skip ? check_images(d, f) : GRADC_OK;
}
