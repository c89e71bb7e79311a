/* batches.c - what tests of loaders share. */
#include "batches.h"

void small_set_begin(void)
{
    struct random r = {test_seed()};
    files_begin();
    files_idx("idx", "train", IMAGES, HEIGHT, WIDTH, &r);
    for (int i = 1; i <= 5; i++) {
        char name[64];
        snprintf(name, sizeof name, "cifar/data_batch_%d.bin", i);
        files_cifar(name, 3, &r);
    }
}

gradc_dataset *batch_source(const char *kind, const char *name, const char *options)
{
    char source[600];
    snprintf(source, sizeof source, "%s:%s", kind, files_path(name));
    gradc_dataset *d = gradc_dataset_open(source, "train", options);
    if (!d)
        fail_msg("%s: %s", source, gradc_message(NULL));
    return d;
}

gradc_loader *batch_loader(gradc_dataset *d, const char *options)
{
    gradc_loader *l = gradc_loader_new(d, options);
    if (!l)
        fail_msg("%s: %s", options, gradc_message(NULL));
    return l;
}

gradc_loader *small_loader(const char *options)
{
    gradc_dataset *d = batch_source("mnist", "idx", NULL);
    gradc_loader *l = batch_loader(d, options);
    gradc_dataset_free(d);
    return l;
}

void batch_new(struct batch *b, gradc_context *g, int64_t rows, int64_t channels, int64_t height, int64_t width)
{
    b->x = gradc_new(g, GRADC_F32, 4, (const int64_t[]){rows, channels, height, width});
    b->labels = gradc_new(g, GRADC_I64, 1, &rows);
    b->rows = rows;
    b->numbers = channels * height * width;
    for (int64_t i = 0; i < rows * b->numbers; i++)
        b->values[i] = -7;
    for (int64_t i = 0; i < rows; i++)
        b->classes[i] = -7;
    gradc_write(b->x, b->values, (size_t)gradc_bytes(b->x));
    gradc_write(b->labels, b->classes, (size_t)gradc_bytes(b->labels));
    assert_works(g);
}

int64_t batch_next(struct batch *b, gradc_loader *l)
{
    b->n = gradc_loader_next(l, b->x, b->labels);
    if (b->n > 0) {
        assert_int_equal(gradc_read(b->x, b->values, (size_t)gradc_bytes(b->x)), GRADC_OK);
        assert_int_equal(gradc_read(b->labels, b->classes, (size_t)gradc_bytes(b->labels)), GRADC_OK);
    }
    return b->n;
}

void batch_free(struct batch *b)
{
    gradc_release(b->x);
    gradc_release(b->labels);
}

float batch_number(int pixel, float mean, float std)
{
    return ((float)pixel / 255.0f - mean) / std;
}
