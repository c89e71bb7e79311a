/* transforms.c - what a loader does to an image: moves and mirrors, channels, other sizes, each against a judge. */
#include <math.h>

#include "support/batches.h"

/* ---- Augmentation ---- */

/* Whether x is the image moved by (down, right), mirrored or not, zeros outside. */
static int is_moved(const float *x, const uint8_t *pixels, int down, int right, int mirrored)
{
    for (int y = 0; y < HEIGHT; y++)
        for (int c = 0; c < WIDTH; c++) {
            const int from_y = y - down, from_x = (mirrored ? WIDTH - 1 - c + right : c - right);
            const int inside = from_y >= 0 && from_y < HEIGHT && from_x >= 0 && from_x < WIDTH;
            if (x[y * WIDTH + c] != batch_number(inside ? pixels[from_y * WIDTH + from_x] : 0, 0.3f, 0.4f))
                return 0;
        }
    return 1;
}

static void augmentation(struct fixture *f)
{
    static struct batch b;
    gradc_dataset *d = batch_source("mnist", "idx", NULL);
    gradc_loader *l = batch_loader(d, "batch=8 shuffle=0 augment=crop/flip mean=0.3 std=0.4");
    int moves[5][5] = {{0}}, mirrors = 0, images = 0;
    batch_new(&b, f->g, BATCH, 1, HEIGHT, WIDTH);
    for (int epoch = 0; epoch < 12; epoch++)
        while (batch_next(&b, l) > 0)
            for (int64_t k = 0; k < b.n; k++, images++) {
                int64_t height, width;
                uint8_t *pixels;
                int found = 0;
                gradc_dataset_image(d, images % IMAGES, 1, &height, &width, &pixels);
                for (int way = 0; way < 50 && !found; way++) {
                    found = is_moved(b.values + k * PIXELS, pixels, way / 10 - 2, way / 2 % 5 - 2, way % 2);
                    if (found) {
                        moves[way / 10][way / 2 % 5]++;
                        mirrors += way % 2;
                    }
                }
                assert_true(found);
                gradc_free(pixels);
            }
    assert_int_equal(images, 12 * IMAGES);
    assert_in_range(mirrors, 12 * IMAGES * 2 / 5, 12 * IMAGES * 3 / 5);
    for (int way = 0; way < 25; way++)
        assert_in_range(moves[way / 5][way % 5], 5, 50);
    gradc_loader_free(l);
    gradc_dataset_free(d);
    batch_free(&b);
}

/* Colours in planes, with a mean and a deviation for each; gray repeated; colours made gray. */
static void channels(struct fixture *f)
{
    static struct batch b, gray;
    gradc_dataset *d = batch_source("cifar10", "cifar", NULL);
    gradc_loader *l = batch_loader(d, "batch=4 shuffle=0 mean=0.1/0.2/0.3 std=0.5/0.6/0.7");
    gradc_loader *m = batch_loader(d, "batch=4 shuffle=0 channels=1");
    batch_new(&b, f->g, 4, 3, 32, 32);
    batch_new(&gray, f->g, 4, 1, 32, 32);
    assert_int_equal(batch_next(&b, l), 4);
    assert_int_equal(batch_next(&gray, m), 4);
    for (int64_t i = 0; i < 4; i++) {
        int64_t height, width;
        uint8_t *pixels;
        gradc_dataset_image(d, i, 3, &height, &width, &pixels);
        for (int p = 0; p < 1024; p++) {
            const uint8_t *rgb = pixels + 3 * p;
            assert_true(b.values[i * 3072 + p] == batch_number(rgb[0], 0.1f, 0.5f));
            assert_true(b.values[i * 3072 + 1024 + p] == batch_number(rgb[1], 0.2f, 0.6f));
            assert_true(b.values[i * 3072 + 2048 + p] == batch_number(rgb[2], 0.3f, 0.7f));
            const int luma = (int)(0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2] + 0.5);
            assert_float_equal(gray.values[i * 1024 + p], (float)luma / 255.0f, 1.01 / 255);
        }
        gradc_free(pixels);
    }
    gradc_loader_free(l);
    gradc_loader_free(m);
    gradc_dataset_free(d);
    batch_free(&b);
    batch_free(&gray);
    l = small_loader("batch=4 channels=3");
    batch_new(&b, f->g, 4, 3, HEIGHT, WIDTH);
    assert_int_equal(batch_next(&b, l), 4);
    assert_memory_equal(b.values, b.values + PIXELS, PIXELS * sizeof(float));
    assert_memory_equal(b.values, b.values + 2 * PIXELS, PIXELS * sizeof(float));
    gradc_loader_free(l);
    batch_free(&b);
}

/* ---- Sizes ---- */

/* One output of a bilinear resize from `length` to `full`, as weights of all inputs. */
static void naive_weights(int length, int full, int at, double *weights)
{
    const double scale = (double)length / full, support = scale > 1 ? scale : 1, middle = (at + 0.5) * scale;
    double sum = 0;
    for (int i = 0; i < length; i++) {
        const double away = fabs(i + 0.5 - middle) / support;
        weights[i] = away < 1 ? 1 - away : 0;
        sum += weights[i];
    }
    for (int i = 0; i < length; i++)
        weights[i] /= sum;
}

static double naive_pixel(const uint8_t *pixels, int height, int y, int width, int x)
{
    double down[HEIGHT], across[WIDTH], sum = 0;
    naive_weights(HEIGHT, height, y, down);
    naive_weights(WIDTH, width, x, across);
    for (int i = 0; i < HEIGHT; i++)
        for (int k = 0; k < WIDTH; k++)
            sum += down[i] * across[k] * pixels[i * WIDTH + k];
    return sum;
}

/* Where the small set's images go: scaled to height x width, which begins at (top, left) of the result. */
static void resized(struct fixture *f, const char *options, int side, int height, int width, int top, int left)
{
    static struct batch b;
    char text[128];
    gradc_dataset *d = batch_source("mnist", "idx", NULL);
    snprintf(text, sizeof text, "batch=2 shuffle=0 image=%d %s", side, options);
    gradc_loader *l = batch_loader(d, text);
    batch_new(&b, f->g, 2, 1, side, side);
    assert_int_equal(batch_next(&b, l), 2);
    for (int64_t i = 0; i < 2; i++) {
        int64_t natural[2];
        uint8_t *pixels;
        gradc_dataset_image(d, i, 1, &natural[0], &natural[1], &pixels);
        for (int y = 0; y < side; y++)
            for (int x = 0; x < side; x++) {
                const int inside = y >= top && y < top + height && x >= left && x < left + width;
                const double value = inside ? naive_pixel(pixels, height, y - top, width, x - left) : 0;
                assert_float_equal(b.values[i * side * side + y * side + x] * 255, value, 0.502);
            }
        gradc_free(pixels);
    }
    gradc_loader_free(l);
    gradc_dataset_free(d);
    batch_free(&b);
}

static void sizes(struct fixture *f)
{
    resized(f, "resize=stretch", 7, 7, 7, 0, 0);
    resized(f, "resize=stretch", 31, 31, 31, 0, 0);
    resized(f, "resize=stretch", 1, 1, 1, 0, 0);
    resized(f, "resize=pad", 32, 18, 16, 7, 8);
    resized(f, "resize=pad", 18, 18, 16, 0, 1);
    resized(f, "resize=pad", 17, 17, 15, 0, 1);
    resized(f, "resize=pad", 9, 9, 8, 0, 0);
    resized(f, "resize=crop", 16, 18, 16, -1, 0);
    resized(f, "", 8, 9, 8, 0, 0);
    resized(f, "", 24, 27, 24, -1, 0);
}

int main(void)
{
    small_set_begin();
    static const struct test tests[] = {{"augmentation", augmentation}, {"channels", channels}, {"sizes", sizes}};
    const int failed = RUN_SUITE("transforms", tests);
    files_end();
    return failed;
}
