/* transform.c - from an image's bytes to the numbers of a batch. */
#include "data/transform.h"

#include <math.h>
#include <string.h>

uint64_t split_mix(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* length scaled as from becomes to, at least 1. */
static int64_t scaled(int64_t length, int64_t to, int64_t from)
{
    const int64_t result = (int64_t)floor((double)length * (double)to / (double)from);
    return result < 1 ? 1 : result;
}

/* Smaller images stay as they are, larger ones shrink until they fit; zeros around. */
static gradc_status pad(const struct transform *t, const struct image *image, struct image *out,
                        struct failure *f)
{
    int64_t height = image->height, width = image->width;
    if (height > t->height || width > t->width) {
        const int tall = (double)height * (double)t->width > (double)width * (double)t->height;
        height = tall ? t->height : scaled(image->height, t->width, image->width);
        width = tall ? scaled(image->width, t->height, image->height) : t->width;
    }
    struct image inside = *image;
    inside.own = NULL;
    gradc_status status = GRADC_OK;
    if (height != image->height || width != image->width) {
        status = image_new(&inside, height, width, image->channels, f);
        if (!status)
            status = image_resize(image, (struct window){height, 0, height}, (struct window){width, 0, width},
                                  inside.own, f);
    }
    if (!status) {
        const int64_t top = (t->height - height) / 2, left = (t->width - width) / 2;
        const size_t bytes = (size_t)(width * image->channels);
        memset(out->own, 0, (size_t)(t->height * t->width * image->channels));
        for (int64_t y = 0; y < height; y++)
            memcpy(out->own + ((top + y) * t->width + left) * image->channels,
                   inside.pixels + (size_t)y * bytes, bytes);
    }
    image_free(&inside);
    return status;
}

/* Shrinks or grows until the wanted size is just covered, and takes the middle. */
static gradc_status cover(const struct transform *t, const struct image *image, uint8_t *out, struct failure *f)
{
    struct window rows = {t->height, 0, t->height}, columns = {t->width, 0, t->width};
    if ((double)image->height * (double)t->width < (double)image->width * (double)t->height)
        columns.full = scaled(image->width, t->height, image->height);
    else
        rows.full = scaled(image->height, t->width, image->width);
    rows.full = rows.full < rows.count ? rows.count : rows.full;
    columns.full = columns.full < columns.count ? columns.count : columns.full;
    rows.from = (rows.full - rows.count) / 2;
    columns.from = (columns.full - columns.count) / 2;
    return image_resize(image, rows, columns, out, f);
}

static gradc_status fit(const struct transform *t, const struct image *image, struct image *out,
                        struct failure *f)
{
    if (image->height == t->height && image->width == t->width) {
        *out = *image;
        out->own = NULL;
        return GRADC_OK;
    }
    if (t->mode == RESIZE_NONE)
        return fail(
            f, GRADC_E_SHAPE, "the image has %lld x %lld pixels, not %lld x %lld: image=N gives all one size",
            (long long)image->height, (long long)image->width, (long long)t->height, (long long)t->width);
    gradc_status status = image_new(out, t->height, t->width, image->channels, f);
    if (status)
        return status;
    if (t->mode == RESIZE_PAD)
        return pad(t, image, out, f);
    if (t->mode == RESIZE_CROP)
        return cover(t, image, out->own, f);
    return image_resize(image, (struct window){t->height, 0, t->height},
                        (struct window){t->width, 0, t->width}, out->own, f);
}

/* Where augmentation moves an image: `down` and `right` count from the first row and column of the result. */
struct shift {
    int64_t down, right;
    int mirrored;
};

/* A shift of up to an eighth of the size each way, and a mirror image with probability 1/2. */
static struct shift augment(const struct transform *t, uint64_t key)
{
    struct shift s = {0};
    const uint64_t high = (uint64_t)(t->height / 8), wide = (uint64_t)(t->width / 8);
    const uint64_t down = split_mix(&key), right = split_mix(&key), mirror = split_mix(&key);
    if (t->crop) {
        s.down = (int64_t)(down % (2 * high + 1)) - (int64_t)high;
        s.right = (int64_t)(right % (2 * wide + 1)) - (int64_t)wide;
    }
    s.mirrored = t->flip && mirror >> 63;
    return s;
}

/* One row of one channel; row NULL: zeros. */
static void put_row(const float *table, const uint8_t *row, int channels, int64_t width, struct shift s,
                    float *out)
{
    const int64_t begin = s.right > 0 ? s.right : 0, end = s.right < 0 ? width + s.right : width;
    for (int64_t x = 0; x < (row ? begin : width); x++)
        out[x] = table[0];
    if (!row)
        return;
    if (s.mirrored)
        for (int64_t x = begin; x < end; x++)
            out[x] = table[row[(width - 1 + s.right - x) * channels]];
    else
        for (int64_t x = begin; x < end; x++)
            out[x] = table[row[(x - s.right) * channels]];
    for (int64_t x = end; x < width; x++)
        out[x] = table[0];
}

gradc_status transform_run(const struct transform *t, const struct image *image, uint64_t key, float *out,
                           struct failure *f)
{
    struct image sized = {0};
    gradc_status status = fit(t, image, &sized, f);
    if (!status) {
        const struct shift s = augment(t, key);
        const int64_t row_bytes = t->width * t->channels;
        for (int c = 0; c < t->channels; c++)
            for (int64_t y = 0; y < t->height; y++) {
                const int64_t from = y - s.down;
                const uint8_t *row = from < 0 || from >= t->height ? NULL : sized.pixels + from * row_bytes + c;
                put_row(t->table[c], row, t->channels, t->width, s, out + (c * t->height + y) * t->width);
            }
    }
    image_free(&sized);
    return status;
}
