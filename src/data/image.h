/* image.h - pixels in host memory, and the files that they come from. */
#ifndef GRADC_IMAGE_H
#define GRADC_IMAGE_H

#include "base/failure.h"

/* Rows of interleaved bytes. */
struct image {
    int64_t height, width;
    int channels;
    const uint8_t *pixels;
    uint8_t *own; /* the same, where they are this image's to free; else NULL */
};

void image_free(struct image *image);

/* Room for height x width x channels; GRADC_E_MEMORY. */
gradc_status image_new(struct image *image, int64_t height, int64_t width, int channels, struct failure *f);

/* To 1 or 3 channels: gray is repeated, RGB becomes 0.299 R + 0.587 G + 0.114 B. */
gradc_status image_channels(struct image *image, int channels, struct failure *f);

/* GRADC_E_UNSUPPORTED where the library was built without images. */
gradc_status image_available(struct failure *f);

/* A PNG or JPEG file, by its content; channels 1 or 3, or 0: as the file has them.  Sentences name the file. */
gradc_status image_read(const char *path, int channels, struct image *image, struct failure *f);

/* Size and channels of the file's image (its pixels stay NULL). */
gradc_status image_look(const char *path, struct image *image, struct failure *f);

/* ---- resize.c ---- */

/* Where an axis goes: it is scaled to `full` and of that from .. from+count-1 is wanted. */
struct window {
    int64_t full, from, count;
};

/* Bilinear, over all pixels that an output covers where it shrinks.  out: rows.count x columns.count x channels. */
gradc_status image_resize(const struct image *image, struct window rows, struct window columns, uint8_t *out,
                          struct failure *f);

#endif
