/* resize.c - images of another size: a triangle as wide as what one output covers, so that shrinking does not alias.
 *
 * Columns first, in f32, for the rows that are needed; then rows. */
#include "base/host.h"
#include "data/image.h"

#include <math.h>

/* The inputs of each output along one axis: n[i] weights from input first[i] on. */
struct taps {
    int64_t count, most;
    int64_t *first, *n;
    float *weights; /* most for each output */
};

static void taps_free(struct taps *t)
{
    host_free(t->first);
    host_free(t->n);
    host_free(t->weights);
}

/* Output i reads what lies within `support` of its middle; weights sum up to 1. */
static void taps_fill(struct taps *t, int64_t i, double middle, double support, int64_t length)
{
    int64_t first = (int64_t)floor(middle - support + 0.5), end = (int64_t)floor(middle + support + 0.5);
    first = first < 0 ? 0 : first;
    end = end > length ? length : end;
    float *weights = t->weights + i * t->most;
    double sum = 0;
    for (int64_t k = first; k < end; k++)
        sum += fmax(0, 1 - fabs((double)k + 0.5 - middle) / support);
    for (int64_t k = first; k < end; k++)
        weights[k - first] = (float)(fmax(0, 1 - fabs((double)k + 0.5 - middle) / support) / sum);
    t->first[i] = first;
    t->n[i] = end - first;
}

static int taps_new(struct taps *t, int64_t length, struct window w)
{
    const double scale = (double)length / (double)w.full, support = scale > 1 ? scale : 1;
    *t = (struct taps){.count = w.count, .most = 2 * (int64_t)ceil(support) + 1};
    t->first = host_zalloc((size_t)w.count, sizeof *t->first);
    t->n = host_zalloc((size_t)w.count, sizeof *t->n);
    t->weights = host_zalloc((size_t)w.count * (size_t)t->most, sizeof *t->weights);
    if (!t->first || !t->n || !t->weights)
        return -1;
    for (int64_t i = 0; i < w.count; i++)
        taps_fill(t, i, ((double)(w.from + i) + 0.5) * scale, support, length);
    return 0;
}

/* The columns of one row, `channels` a constant where it is called. */
static inline void shrink_row(const struct taps *t, const uint8_t *row, int channels, float *out)
{
    for (int64_t i = 0; i < t->count; i++) {
        const uint8_t *from = row + t->first[i] * channels;
        const float *weights = t->weights + i * t->most;
        float sum[3] = {0};
        for (int64_t k = 0; k < t->n[i]; k++)
            for (int c = 0; c < channels; c++)
                sum[c] += weights[k] * (float)from[k * channels + c];
        for (int c = 0; c < channels; c++)
            out[i * channels + c] = sum[c];
    }
}

/* Output row i out of the rows of `between`, which begin with input row `base`. */
static void shrink_column(const struct taps *t, int64_t i, const float *between, int64_t base, int64_t width,
                          float *sum, uint8_t *out)
{
    for (int64_t x = 0; x < width; x++)
        sum[x] = 0;
    for (int64_t k = 0; k < t->n[i]; k++) {
        const float weight = t->weights[i * t->most + k];
        const float *row = between + (t->first[i] + k - base) * width;
        for (int64_t x = 0; x < width; x++)
            sum[x] += weight * row[x];
    }
    for (int64_t x = 0; x < width; x++) {
        const int value = (int)(sum[x] + 0.5f);
        out[x] = (uint8_t)(value > 255 ? 255 : value);
    }
}

static gradc_status resize(const struct image *image, const struct taps *rows, const struct taps *columns,
                           uint8_t *out, struct failure *f)
{
    const int channels = image->channels;
    const int64_t base = rows->first[0], last = rows->first[rows->count - 1] + rows->n[rows->count - 1];
    const int64_t width = columns->count * channels;
    float *between = host_zalloc((size_t)(last - base + 1), (size_t)width * sizeof *between); /* and the sums */
    if (!between)
        return fail(f, GRADC_E_MEMORY, "no memory to resize an image of %lld x %lld pixels",
                    (long long)image->height, (long long)image->width);
    for (int64_t y = base; y < last; y++) {
        const uint8_t *row = image->pixels + y * image->width * channels;
        if (channels == 1)
            shrink_row(columns, row, 1, between + (y - base) * width);
        else
            shrink_row(columns, row, 3, between + (y - base) * width);
    }
    for (int64_t i = 0; i < rows->count; i++)
        shrink_column(rows, i, between, base, width, between + (last - base) * width, out + i * width);
    host_free(between);
    return GRADC_OK;
}

gradc_status image_resize(const struct image *image, struct window rows, struct window columns, uint8_t *out,
                          struct failure *f)
{
    struct taps down = {0}, across = {0};
    gradc_status status = GRADC_OK;
    if (taps_new(&down, image->height, rows) || taps_new(&across, image->width, columns))
        status = fail(f, GRADC_E_MEMORY, "no memory to resize an image of %lld x %lld pixels",
                      (long long)image->height, (long long)image->width);
    else
        status = resize(image, &down, &across, out, f);
    taps_free(&down);
    taps_free(&across);
    return status;
}
