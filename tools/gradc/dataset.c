/* dataset.c - Fashion-MNIST (or another data set in its files' form) in memory, as bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

/* Mean and deviation of Fashion-MNIST's pixels, 0..1. */
static const float pixel_mean = 0.2860f, pixel_deviation = 0.3530f;

/* FOLDER/NAME.gz, or FOLDER/NAME where there is no such file. */
static int read_part(const char *folder, const char *name, int ndim, int64_t *shape, unsigned char **data)
{
    char path[4096];
    void *elements = NULL;
    gradc_dtype dtype;
    int axes;
    int64_t sizes[GRADC_MAX_NDIM];
    for (int plain = 0; plain < 2 && elements == NULL; plain++) {
        int n = snprintf(path, sizeof path, "%s/%s%s", folder, name, plain ? "" : ".gz");
        if (n < 0 || (size_t)n >= sizeof path)
            return tool_usage("the folder's name is too long");
        FILE *f = fopen(path, "rb");
        if (f == NULL)
            continue;
        fclose(f);
        if (gradc_read_idx(path, &dtype, &axes, sizes, &elements) != GRADC_OK)
            return tool_failed(NULL, "");
    }
    if (elements == NULL)
        return tool_usage("%s/%s.gz is not there: install the package dataset-fashion-mnist, or name the folder "
                          "of its files with --data fashion-mnist:FOLDER",
                          folder, name);
    if (dtype != GRADC_U8 || axes != ndim) {
        gradc_free(elements);
        fprintf(stderr, "gradc: %s does not hold %s\n", path, ndim == 3 ? "images" : "labels");
        return TOOL_FAILED;
    }
    memcpy(shape, sizes, (size_t)ndim * sizeof *shape);
    *data = elements;
    return TOOL_OK;
}

static int check_images(const char *folder, const char *part, const struct images *s, const int64_t *shape,
                        int64_t labels)
{
    const char *wrong = NULL;
    if (shape[1] != IMAGE_SIDE || shape[2] != IMAGE_SIDE)
        wrong = "the images are not 28 by 28";
    else if (labels != s->count || s->count == 0)
        wrong = "there must be as many labels as images, and at least one";
    for (int64_t i = 0; wrong == NULL && i < s->count; i++)
        if (s->labels[i] >= IMAGE_CLASSES)
            wrong = "a label is not in 0..9";
    if (wrong == NULL)
        return TOOL_OK;
    fprintf(stderr, "gradc: %s, part %s: %s\n", folder, part, wrong);
    return TOOL_FAILED;
}

static int read_images(struct images *s, const char *folder, const char *part)
{
    char name[64];
    int64_t shape[3], labels[1];
    snprintf(name, sizeof name, "%s-images-idx3-ubyte", part);
    int status = read_part(folder, name, 3, shape, &s->pixels);
    if (status != TOOL_OK)
        return status;
    s->count = shape[0];
    snprintf(name, sizeof name, "%s-labels-idx1-ubyte", part);
    status = read_part(folder, name, 1, labels, &s->labels);
    return status == TOOL_OK ? check_images(folder, part, s, shape, labels[0]) : status;
}

int dataset_read(struct dataset *d, const char *folder)
{
    *d = (struct dataset){0};
    int status = read_images(&d->train, folder, "train");
    if (status == TOOL_OK)
        status = read_images(&d->test, folder, "t10k");
    if (status != TOOL_OK)
        dataset_free(d);
    return status;
}

void dataset_free(struct dataset *d)
{
    gradc_free(d->train.pixels);
    gradc_free(d->train.labels);
    gradc_free(d->test.pixels);
    gradc_free(d->test.labels);
    *d = (struct dataset){0};
}

void images_gather(const struct images *s, const int64_t *order, int64_t first, int64_t n, float *x,
                   int64_t *labels)
{
    for (int64_t i = 0; i < n; i++) {
        int64_t from = order != NULL ? order[i] : first + i;
        const unsigned char *pixels = s->pixels + from * IMAGE_PIXELS;
        for (int64_t k = 0; k < IMAGE_PIXELS; k++)
            x[i * IMAGE_PIXELS + k] = ((float)pixels[k] / 255.0f - pixel_mean) / pixel_deviation;
        labels[i] = s->labels[from];
    }
}

/* Steele, Lea and Flood's SplitMix64. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

void shuffle(int64_t *order, int64_t n, uint64_t seed, uint64_t round)
{
    uint64_t state = seed * 0x2545f4914f6cdd1du + round;
    for (int64_t i = 0; i < n; i++)
        order[i] = i;
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t j = (int64_t)(next_random(&state) % (uint64_t)(i + 1));
        int64_t keep = order[i];
        order[i] = order[j];
        order[j] = keep;
    }
}
