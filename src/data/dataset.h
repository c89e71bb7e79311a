/* dataset.h - a set of images: what is known of it, and where the pixels come from. */
#ifndef GRADC_DATASET_H
#define GRADC_DATASET_H

#include <pthread.h>
#include <stdatomic.h>

#include "data/image.h"

/* What all the images of files have in common, found when it is first asked for. */
struct natural {
    pthread_mutex_t lock;
    int known, channels;
    int64_t height, width;
};

struct gradc_dataset {
    atomic_int owners; /* the caller and loaders */
    int64_t count;
    int64_t *labels; /* NULL: none, -1 for all */
    int classes;
    char **names;    /* of the classes */
    uint8_t *pixels; /* count images of one size, in memory; or NULL and */
    char **paths;    /* a file for each */
    int channels;    /* of the images in memory */
    int64_t height, width;
    struct natural *natural; /* of files */
    int skipped;
};

/* What gradc_dataset_open was asked for. */
struct request {
    const char *source, *folder;
    int test; /* the part */
    int skip; /* broken images are left out */
};

/* Image i with 1 or 3 channels, or 0: as it is.  It may lie in the data set. */
gradc_status dataset_pixels(const gradc_dataset *d, int64_t i, int channels, struct image *image,
                            struct failure *f);

void dataset_hold(gradc_dataset *d); /* one more owner, for gradc_dataset_free */

/* As gradc_dataset_size, with sentences in f. */
gradc_status dataset_natural(const gradc_dataset *d, struct image *natural, struct failure *f);

/* Calls run(arg, task, thread) for all tasks, in the pool's threads where they can be had. */
void dataset_run(int64_t tasks, void (*run)(void *arg, int64_t task, int thread), void *arg);

/* "folder/name", host_alloc'd; NULL: no memory. */
char *path_join(const char *folder, const char *name);

/* GRADC_E_MEMORY, said the same way everywhere. */
gradc_status dataset_no_memory(struct failure *f);

/* The kinds of sources fill a data set of zeros; what they leave in it on failure is freed by the caller. */
gradc_status packed_fashion_mnist(const struct request *r, gradc_dataset *d, struct failure *f);
gradc_status packed_mnist(const struct request *r, gradc_dataset *d, struct failure *f);
gradc_status packed_cifar10(const struct request *r, gradc_dataset *d, struct failure *f);
gradc_status folder_open(const struct request *r, gradc_dataset *d, struct failure *f);

/* Of files: makes `natural`; with skip decodes them all and leaves the broken ones out. */
gradc_status folder_finish(gradc_dataset *d, int skip, struct failure *f);

#endif
