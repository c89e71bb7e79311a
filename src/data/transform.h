/* transform.h - from an image's bytes to the numbers of a batch: size, augmentation, mean and deviation. */
#ifndef GRADC_TRANSFORM_H
#define GRADC_TRANSFORM_H

#include "data/image.h"

enum resize_mode { RESIZE_NONE, RESIZE_CROP, RESIZE_PAD, RESIZE_STRETCH };

struct transform {
    enum resize_mode mode;
    int channels;
    int64_t height, width; /* of the result */
    int flip, crop;
    float table[3][256]; /* the number for each byte of each channel */
};

/* SplitMix64: the next of the numbers that follow from *state. */
uint64_t split_mix(uint64_t *state);

/* Writes channels x height x width numbers; `key` decides the augmentation, and it alone. */
gradc_status transform_run(const struct transform *t, const struct image *image, uint64_t key, float *out,
                           struct failure *f);

#endif
