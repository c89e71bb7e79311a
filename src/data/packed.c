/* packed.c - data sets whose images lie in few files, all of one size: IDX (MNIST and its kin) and CIFAR-10. */
#include "base/host.h"
#include "base/os.h"
#include "data/dataset.h"

#include <stdio.h>
#include <string.h>

enum { CLASSES = 10 };

static gradc_status take_names(gradc_dataset *d, const char *const names[CLASSES], struct failure *f)
{
    d->names = host_zalloc(CLASSES, sizeof *d->names);
    if (!d->names)
        return dataset_no_memory(f);
    d->classes = CLASSES;
    for (int i = 0; i < CLASSES; i++)
        if (!(d->names[i] = host_strdup(names[i])))
            return dataset_no_memory(f);
    return GRADC_OK;
}

/* Whether folder/name can be listed as a file. */
static int has_file(const char *folder, const char *name)
{
    struct os_entry *entries;
    int64_t n;
    int found = 0;
    os_folder_list(folder, &entries, &n);
    for (int64_t i = 0; i < n; i++)
        found |= entries[i].is_file && !strcmp(entries[i].name, name);
    os_folder_free(entries, n);
    return found;
}

/* ---- IDX ---- */

/* An IDX file of bytes with ndim axes, folder/name.gz or folder/name. */
static gradc_status read_bytes(const struct request *r, const char *name, int ndim, int64_t *shape,
                               uint8_t **data, struct failure *f)
{
    char zipped[64];
    snprintf(zipped, sizeof zipped, "%s.gz", name);
    const int is_zipped = has_file(r->folder, zipped);
    if (!is_zipped && !has_file(r->folder, name))
        return fail(f, GRADC_E_IO,
                    "%s/%s is not there, nor %s: the folder must hold the IDX files of the data "
                    "set (Fashion-MNIST's come with Debian's package dataset-fashion-mnist)",
                    r->folder, zipped, name);
    char *path = path_join(r->folder, is_zipped ? zipped : name);
    if (!path)
        return dataset_no_memory(f);
    gradc_dtype dtype = GRADC_U8;
    int axes = 0;
    int64_t sizes[GRADC_MAX_NDIM];
    void *elements = NULL;
    gradc_status status = gradc_read_idx(path, &dtype, &axes, sizes, &elements);
    if (status)
        fail(f, status, "%s", thread_failure()->text);
    else if (dtype != GRADC_U8 || axes != ndim)
        status = fail(f, GRADC_E_IO, "%s does not hold %s: bytes with %d axes", path,
                      ndim == 3 ? "images" : "labels", ndim);
    host_free(path);
    if (status) {
        host_free(elements);
        return status;
    }
    memcpy(shape, sizes, (size_t)ndim * sizeof *shape);
    *data = elements;
    return GRADC_OK;
}

/* Takes a label a byte; each must be a class. */
static gradc_status take_labels(gradc_dataset *d, const struct request *r, const uint8_t *labels,
                                size_t stride, struct failure *f)
{
    for (int64_t i = 0; i < d->count; i++) {
        d->labels[i] = labels[(size_t)i * stride];
        if (d->labels[i] >= CLASSES)
            return fail(f, GRADC_E_IO, "%s: image %lld has the label %lld, which is not in 0..%d", r->source,
                        (long long)i, (long long)d->labels[i], CLASSES - 1);
    }
    return GRADC_OK;
}

static gradc_status idx_open(const struct request *r, const char *const names[CLASSES], gradc_dataset *d,
                             struct failure *f)
{
    const char *part = r->test ? "t10k" : "train";
    char name[64];
    int64_t shape[3] = {0}, nlabels = 0;
    uint8_t *labels = NULL;
    snprintf(name, sizeof name, "%s-images-idx3-ubyte", part);
    gradc_status status = read_bytes(r, name, 3, shape, &d->pixels, f);
    snprintf(name, sizeof name, "%s-labels-idx1-ubyte", part);
    if (!status)
        status = read_bytes(r, name, 1, &nlabels, &labels, f);
    if (!status && (shape[0] != nlabels || shape[0] < 1 || shape[1] < 1 || shape[2] < 1))
        status = fail(f, GRADC_E_IO,
                      "%s: %lld images of %lld x %lld pixels and %lld labels: there must be as many "
                      "labels as images, and at least one",
                      r->source, (long long)shape[0], (long long)shape[1], (long long)shape[2],
                      (long long)nlabels);
    if (!status && !(d->labels = host_zalloc((size_t)nlabels, sizeof *d->labels)))
        status = dataset_no_memory(f);
    if (!status) {
        d->count = shape[0];
        d->height = shape[1];
        d->width = shape[2];
        d->channels = 1;
        status = take_labels(d, r, labels, 1, f);
    }
    host_free(labels);
    return status ? status : take_names(d, names, f);
}

gradc_status packed_fashion_mnist(const struct request *r, gradc_dataset *d, struct failure *f)
{
    static const char *const names[CLASSES] = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                                               "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
    return idx_open(r, names, d, f);
}

gradc_status packed_mnist(const struct request *r, gradc_dataset *d, struct failure *f)
{
    static const char *const names[CLASSES] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
    return idx_open(r, names, d, f);
}

/* ---- CIFAR-10, the binary version: records of a label and 32 x 32 bytes of red, of green and of blue ---- */

enum { SIDE = 32, PLANE = SIDE * SIDE, RECORD = 1 + 3 * PLANE };

/* Appends the records of one file. */
static gradc_status cifar_append(gradc_dataset *d, const struct request *r, const char *path,
                                 const uint8_t *records, size_t bytes, struct failure *f)
{
    if (bytes == 0 || bytes % RECORD)
        return fail(f, GRADC_E_IO,
                    "%s has %zu bytes, which are not a number of images of CIFAR-10's binary version "
                    "(%d bytes each)",
                    path, bytes, RECORD);
    const int64_t more = (int64_t)(bytes / RECORD);
    uint8_t *pixels = host_resize(d->pixels, (size_t)(d->count + more) * 3 * PLANE);
    if (!pixels)
        return dataset_no_memory(f);
    d->pixels = pixels;
    int64_t *labels = host_resize(d->labels, (size_t)(d->count + more) * sizeof *labels);
    if (!labels)
        return dataset_no_memory(f);
    d->labels = labels;
    struct gradc_dataset added = {.count = more, .labels = labels + d->count};
    gradc_status status = take_labels(&added, r, records, RECORD, f);
    if (status)
        return status;
    uint8_t *to = d->pixels + d->count * 3 * PLANE;
    for (int64_t i = 0; i < more; i++)
        for (int p = 0; p < PLANE; p++)
            for (int c = 0; c < 3; c++)
                *to++ = records[i * RECORD + 1 + c * PLANE + p];
    d->count += more;
    return GRADC_OK;
}

static gradc_status cifar_file(gradc_dataset *d, const struct request *r, const char *name, struct failure *f)
{
    char *path = path_join(r->folder, name), *data = NULL, text[128];
    size_t bytes = 0;
    if (!path)
        return dataset_no_memory(f);
    const int error = os_file_read(path, &data, &bytes);
    gradc_status status = GRADC_OK;
    if (error)
        status = fail(f, GRADC_E_IO,
                      "%s: %s: the folder must hold data_batch_1.bin .. data_batch_5.bin and "
                      "test_batch.bin of CIFAR-10's binary version",
                      path, os_error(error, text, sizeof text));
    else
        status = cifar_append(d, r, path, (const uint8_t *)data, bytes, f);
    host_free(data);
    host_free(path);
    return status;
}

/* A class name a line. */
static gradc_status cifar_read_names(gradc_dataset *d, const char *path, char *text, struct failure *f)
{
    const char *names[CLASSES];
    int n = 0;
    for (char *line = text; *line;) {
        char *end = line + strcspn(line, "\r\n"), *next = end + strspn(end, "\r\n");
        *end = 0;
        if (*line && n == CLASSES)
            return fail(f, GRADC_E_IO, "%s names more than %d classes", path, CLASSES);
        if (*line)
            names[n++] = line;
        line = next;
    }
    if (n != CLASSES)
        return fail(f, GRADC_E_IO, "%s names %d classes, not %d", path, n, CLASSES);
    return take_names(d, names, f);
}

static gradc_status cifar_names(gradc_dataset *d, const struct request *r, struct failure *f)
{
    static const char *const names[CLASSES] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                               "dog",      "frog",       "horse", "ship", "truck"};
    static const char file[] = "batches.meta.txt";
    if (!has_file(r->folder, file))
        return take_names(d, names, f);
    char *path = path_join(r->folder, file), *data = NULL, text[128];
    size_t bytes = 0;
    const int error = path ? os_file_read(path, &data, &bytes) : 0;
    gradc_status status = GRADC_OK;
    if (!path)
        status = dataset_no_memory(f);
    else if (error)
        status = fail(f, GRADC_E_IO, "%s: %s", path, os_error(error, text, sizeof text));
    else
        status = cifar_read_names(d, path, data, f);
    host_free(data);
    host_free(path);
    return status;
}

gradc_status packed_cifar10(const struct request *r, gradc_dataset *d, struct failure *f)
{
    d->height = d->width = SIDE;
    d->channels = 3;
    gradc_status status = cifar_names(d, r, f);
    if (r->test)
        return status ? status : cifar_file(d, r, "test_batch.bin", f);
    for (int i = 1; i <= 5 && !status; i++) {
        char name[32];
        snprintf(name, sizeof name, "data_batch_%d.bin", i);
        status = cifar_file(d, r, name, f);
    }
    return status;
}
