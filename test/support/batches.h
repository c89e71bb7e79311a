/* batches.h - what tests of loaders share: a small data set, and tensors for batches. */
#ifndef GRADC_TEST_BATCHES_H
#define GRADC_TEST_BATCHES_H

#include "files.h"

enum { IMAGES = 45, HEIGHT = 18, WIDTH = 16, BATCH = 8, BATCHES = 6, PIXELS = HEIGHT * WIDTH };

/* files_begin, and in its folder "idx", a gray set of IMAGES images with BATCHES batches of BATCH, and "cifar". */
void small_set_begin(void);

/* The train part of kind:name, and a loader; or the test fails with the reason. */
gradc_dataset *batch_source(const char *kind, const char *name, const char *options);
gradc_loader *batch_loader(gradc_dataset *d, const char *options);
gradc_loader *small_loader(const char *options); /* of "idx", which it alone keeps */

/* Tensors for batches of a shape, filled with -7 so that what is not written shows; their values after batch_next. */
struct batch {
    gradc_tensor *x, *labels;
    int64_t n, rows, numbers; /* numbers of an image */
    float values[16 * 3 * 32 * 32];
    int64_t classes[16];
};

void batch_new(struct batch *b, gradc_context *g, int64_t rows, int64_t channels, int64_t height, int64_t width);
int64_t batch_next(struct batch *b, gradc_loader *l); /* as gradc_loader_next */
void batch_free(struct batch *b);

/* What a pixel becomes. */
float batch_number(int pixel, float mean, float std);

#endif
