/* images.c - PNG and JPEG files of every kind, written here by libpng and TurboJPEG; damaged ones; gradc_write_png. */
#include <sys/stat.h>
#include <unistd.h>

#include "support/files.h"

#ifndef GRADC_NO_IMAGES
#include <png.h>
#include <turbojpeg.h>
#include <zlib.h>

enum { HEIGHT = 5, WIDTH = 7, PIXELS = HEIGHT * WIDTH };

static struct random r;

static void fill(uint8_t *pixels, int count)
{
    for (int i = 0; i < count; i++)
        pixels[i] = (uint8_t)random_below(&r, 256);
}

/* The file's pixels, PIXELS of them. */
static uint8_t *load(const char *name, int channels)
{
    int64_t height = -1, width = -1;
    uint8_t *pixels = NULL;
    if (gradc_read_image(files_path(name), channels, &height, &width, &pixels))
        fail_msg("%s", gradc_message(NULL));
    assert_int_equal(height, HEIGHT);
    assert_int_equal(width, WIDTH);
    return pixels;
}

static void refused(const char *name, gradc_status status, const char *text)
{
    int64_t height, width;
    uint8_t *pixels = (uint8_t *)&height;
    if (gradc_read_image(files_path(name), 3, &height, &width, &pixels) != status)
        fail_msg("%s", gradc_message(NULL));
    assert_null(pixels);
    assert_failed_here(status, name);
    gradc_read_image(files_path(name), 3, &height, &width, &pixels);
    assert_failed_here(status, text);
}

static int luma(const uint8_t *rgb)
{
    return (int)(0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2] + 0.5);
}

/* ---- PNG ---- */

static void round_trips(void **state)
{
    (void)state;
    uint8_t pixels[3 * PIXELS], *back;
    fill(pixels, 3 * PIXELS);
    for (int channels = 1; channels <= 3; channels += 2) {
        assert_int_equal(gradc_write_png(files_path("round.png"), HEIGHT, WIDTH, channels, pixels), GRADC_OK);
        back = load("round.png", channels);
        assert_memory_equal(back, pixels, (size_t)(channels * PIXELS));
        gradc_free(back);
        back = load("round.png", 4 - channels);
        for (int p = 0; p < PIXELS; p++) {
            if (channels == 3)
                assert_in_range(back[p] + 1 - luma(pixels + 3 * p), 0, 2);
            else
                assert_true(back[3 * p] == pixels[p] && back[3 * p + 1] == pixels[p] &&
                            back[3 * p + 2] == pixels[p]);
        }
        gradc_free(back);
    }
}

static void write_png(const char *name, png_uint_32 format, const void *pixels, const void *colours,
                      unsigned ncolours)
{
    png_image png;
    memset(&png, 0, sizeof png);
    png.version = PNG_IMAGE_VERSION;
    png.width = WIDTH;
    png.height = HEIGHT;
    png.format = format;
    png.colormap_entries = ncolours;
    assert_true(png_image_write_to_file(&png, files_path(name), 0, pixels, 0, colours));
}

/* Transparency goes, colours stay. */
static void transparent_png(void **state)
{
    (void)state;
    uint8_t pixels[4 * PIXELS], *back;
    fill(pixels, 4 * PIXELS);
    write_png("alpha.png", PNG_FORMAT_RGBA, pixels, NULL, 0);
    back = load("alpha.png", 3);
    for (int p = 0; p < PIXELS; p++)
        assert_memory_equal(back + 3 * p, pixels + 4 * p, 3);
    gradc_free(back);
    write_png("alpha.png", PNG_FORMAT_GA, pixels, NULL, 0);
    back = load("alpha.png", 1);
    for (int p = 0; p < PIXELS; p++)
        assert_int_equal(back[p], pixels[2 * p]);
    gradc_free(back);
}

static void palette_png(void **state)
{
    (void)state;
    uint8_t pixels[PIXELS], colours[3 * 5], *back;
    fill(colours, 15);
    for (int p = 0; p < PIXELS; p++)
        pixels[p] = (uint8_t)(p % 5);
    write_png("palette.png", PNG_FORMAT_RGB_COLORMAP, pixels, colours, 5);
    back = load("palette.png", 3);
    for (int p = 0; p < PIXELS; p++)
        assert_memory_equal(back + 3 * p, colours + 3 * (p % 5), 3);
    gradc_free(back);
}

/* Written by the library's lower level, since the simple one writes linear light: 257 times a byte, and a bit more. */
static void deep_png(void **state)
{
    (void)state;
    FILE *f = fopen(files_path("deep.png"), "wb");
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    uint8_t rows[HEIGHT][2 * WIDTH];
    assert_non_null(f);
    png_init_io(png, f);
    png_set_IHDR(png, info, WIDTH, HEIGHT, 16, PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (int y = 0; y < HEIGHT; y++) {
        for (int x = 0; x < WIDTH; x++) {
            const int value = 257 * (y * 30 + x) + 100;
            rows[y][2 * x] = (uint8_t)(value >> 8);
            rows[y][2 * x + 1] = (uint8_t)value;
        }
        png_write_row(png, rows[y]);
    }
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    fclose(f);
    uint8_t *back = load("deep.png", 1);
    for (int p = 0; p < PIXELS; p++)
        assert_int_equal(back[p], p / WIDTH * 30 + p % WIDTH);
    gradc_free(back);
}

/* Every cut, and every byte changed: refused, never more than that; what is not looked at may change. */
static void damaged_png(void **state)
{
    (void)state;
    uint8_t pixels[3 * PIXELS];
    size_t count;
    fill(pixels, 3 * PIXELS);
    assert_int_equal(gradc_write_png(files_path("whole.png"), HEIGHT, WIDTH, 3, pixels), GRADC_OK);
    char *bytes = files_load("whole.png", &count);
    for (size_t cut = 0; cut < count; cut++) {
        files_store("damaged.png", bytes, cut);
        refused("damaged.png", GRADC_E_IO, cut < 8 ? "is neither a PNG nor a JPEG image" : "damaged PNG");
    }
    int accepted = 0;
    for (size_t at = 0; at < count; at++) {
        int64_t height, width;
        uint8_t *back;
        bytes[at] ^= 0x20;
        files_store("damaged.png", bytes, count);
        if (!gradc_read_image(files_path("damaged.png"), 3, &height, &width, &back)) {
            accepted++;
            assert_memory_equal(back, pixels, sizeof pixels);
            gradc_free(back);
        }
        bytes[at] ^= 0x20;
    }
    gradc_recover(NULL);
    assert_in_range(accepted, 0, 80); /* chunks that are not needed: gamma, colour space */
    free(bytes);
}

/* ---- JPEG ---- */

/* A smooth picture, as JPEG; returns its bytes. */
static unsigned char *write_jpeg(const char *name, int format, int sampling, unsigned long *bytes)
{
    uint8_t pixels[4 * PIXELS];
    unsigned char *jpeg = NULL;
    tjhandle t = tjInitCompress();
    for (int p = 0; p < PIXELS; p++)
        for (int c = 0; c < tjPixelSize[format]; c++)
            pixels[p * tjPixelSize[format] + c] = (uint8_t)(60 + 10 * (p / WIDTH) + 5 * (p % WIDTH) + 30 * c);
    *bytes = 0;
    assert_int_equal(
        tjCompress2(t, pixels, WIDTH, 0, HEIGHT, format, &jpeg, bytes, sampling, 98, TJFLAG_ACCURATEDCT), 0);
    tjDestroy(t);
    files_store(name, jpeg, *bytes);
    return jpeg;
}

static void jpegs(void **state)
{
    (void)state;
    static const struct {
        int format, sampling;
    } kinds[] = {
        {TJPF_GRAY, TJSAMP_GRAY}, {TJPF_RGB, TJSAMP_444}, {TJPF_RGB, TJSAMP_420}, {TJPF_CMYK, TJSAMP_444}};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        unsigned long bytes;
        tjFree(write_jpeg("x.jpg", kinds[k].format, kinds[k].sampling, &bytes));
        uint8_t *back = load("x.jpg", 3), *gray = load("x.jpg", 1);
        for (int p = 0; p < PIXELS; p++) {
            const int base = 60 + 10 * (p / WIDTH) + 5 * (p % WIDTH), black = base + 90;
            for (int c = 0; c < 3; c++) {
                int value = k == 0 ? base : base + 30 * c;
                if (kinds[k].format == TJPF_CMYK)
                    value = value * black / 255;
                assert_in_range(back[3 * p + c] + 6 - value, 0, 12);
            }
            assert_in_range(gray[p] + 1 - luma(back + 3 * p), 0, 2);
        }
        gradc_free(back);
        gradc_free(gray);
    }
}

/* Every cut is refused, though the decoder only warns of most; a changed byte may show or not. */
static void damaged_jpeg(void **state)
{
    (void)state;
    unsigned long count;
    unsigned char *bytes = write_jpeg("whole.jpg", TJPF_RGB, TJSAMP_420, &count);
    for (size_t cut = 3; cut + 2 < count; cut += 3) {
        files_store("damaged.jpg", bytes, cut);
        refused("damaged.jpg", GRADC_E_IO, "damaged JPEG");
    }
    int refusals = 0;
    for (size_t at = 3; at < count; at++) {
        int64_t height, width;
        uint8_t *back;
        bytes[at] ^= 0x55;
        files_store("damaged.jpg", bytes, count);
        refusals += gradc_read_image(files_path("damaged.jpg"), 3, &height, &width, &back) != GRADC_OK;
        gradc_free(back);
        bytes[at] ^= 0x55;
    }
    gradc_recover(NULL);
    assert_in_range(refusals, 50, count);
    tjFree(bytes);
}

/* ---- Other failures ---- */

static void what_is_no_image(void **state)
{
    (void)state;
    int64_t size;
    uint8_t *pixels;
    refused("nowhere.png", GRADC_E_IO, "No such file or directory");
    assert_int_equal(gradc_read_image("/dev/zero", 3, &size, &size, &pixels), GRADC_E_IO); /* it has no end */
    assert_failed_here(GRADC_E_IO, "/dev/zero: Invalid argument");
    files_store("text.png", "no image at all", 15);
    refused("text.png", GRADC_E_IO, "is neither a PNG nor a JPEG image");
    files_store("empty.jpg", "", 0);
    refused("empty.jpg", GRADC_E_IO, "is neither a PNG nor a JPEG image");
    files_folder("folder.png");
    refused("folder.png", GRADC_E_IO, "Is a directory");
    assert_int_equal(gradc_read_image(NULL, 3, &size, &size, &pixels), GRADC_E_ARG);
    assert_failed_here(GRADC_E_ARG, "read_image: path and results must not be NULL");
    assert_int_equal(gradc_read_image("x", 2, &size, &size, &pixels), GRADC_E_ARG);
    assert_failed_here(GRADC_E_ARG, "read_image: channels must be 1 or 3, not 2");
}

static void store_number(unsigned char *to, unsigned long value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (unsigned char)(value >> (24 - 8 * i));
}

/* Headers that announce more than memory should be asked for. */
static void huge_images(void **state)
{
    (void)state;
    const uint8_t pixel = 0;
    size_t count;
    assert_int_equal(gradc_write_png(files_path("one.png"), 1, 1, 1, &pixel), GRADC_OK);
    unsigned char *bytes = (unsigned char *)files_load("one.png", &count);
    store_number(bytes + 16, 900000);
    store_number(bytes + 20, 900000);
    store_number(bytes + 29, crc32(0, bytes + 12, 17));
    files_store("huge.png", bytes, count);
    refused("huge.png", GRADC_E_UNSUPPORTED, "900000 x 900000 pixels are more than 2^28");
    store_number(bytes + 16, 16384);
    store_number(bytes + 20, 16384);
    store_number(bytes + 29, crc32(0, bytes + 12, 17));
    files_store("huge.png", bytes, count);
    refused("huge.png", GRADC_E_IO, "huge.png");
    free(bytes);
    unsigned long length;
    unsigned char *jpeg = write_jpeg("huge.jpg", TJPF_GRAY, TJSAMP_GRAY, &length);
    for (size_t at = 0; at + 9 < length; at++)
        if (jpeg[at] == 0xff && jpeg[at + 1] == 0xc0)
            memcpy(jpeg + at + 5, "\xff\0\xff\0", 4);
    files_store("huge.jpg", jpeg, length);
    refused("huge.jpg", GRADC_E_UNSUPPORTED, "65280 x 65280 pixels are more than 2^28");
    tjFree(jpeg);
}

static void writing_fails(void **state)
{
    (void)state;
    const uint8_t pixels[12] = {0};
    static const int bad[][3] = {{0, 2, 1}, {2, 0, 1}, {-2, 2, 1},
                                 {2, 2, 2}, {2, 2, 4}, {1 << 20, 1 << 20, 1}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(gradc_write_png(files_path("bad.png"), bad[i][0], bad[i][1], bad[i][2], pixels),
                         GRADC_E_ARG);
        assert_failed_here(GRADC_E_ARG, "write_png: ");
    }
    assert_int_equal(gradc_write_png(NULL, 2, 2, 1, pixels), GRADC_E_ARG);
    assert_int_equal(gradc_write_png(files_path("bad.png"), 2, 2, 1, NULL), GRADC_E_ARG);
    gradc_recover(NULL);
    assert_int_equal(gradc_write_png(files_path("nowhere/bad.png"), 2, 2, 1, pixels), GRADC_E_IO);
    assert_failed_here(GRADC_E_IO, "nowhere/bad.png: No such file");
    files_folder("a-folder");
    assert_int_equal(gradc_write_png(files_path("a-folder"), 2, 2, 1, pixels), GRADC_E_IO);
    assert_failed_here(GRADC_E_IO, "Is a directory");
    assert_int_equal(access(files_path("bad.png"), F_OK), -1);
}

int main(void)
{
    r = (struct random){test_seed()};
    files_begin();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trips),   cmocka_unit_test(transparent_png),  cmocka_unit_test(palette_png),
        cmocka_unit_test(deep_png),      cmocka_unit_test(damaged_png),      cmocka_unit_test(jpegs),
        cmocka_unit_test(damaged_jpeg),  cmocka_unit_test(what_is_no_image), cmocka_unit_test(huge_images),
        cmocka_unit_test(writing_fails),
    };
    const int failed = cmocka_run_group_tests_name("images", tests, NULL, NULL);
    files_end();
    return failed;
}

#else

static void without_images(void **state)
{
    (void)state;
    int64_t size;
    uint8_t pixel = 0, *pixels;
    assert_int_equal(gradc_read_image("x.png", 1, &size, &size, &pixels), GRADC_E_UNSUPPORTED);
    assert_failed_here(GRADC_E_UNSUPPORTED, "built without PNG and JPEG");
    assert_int_equal(gradc_write_png("x.png", 1, 1, 1, &pixel), GRADC_E_UNSUPPORTED);
    assert_failed_here(GRADC_E_UNSUPPORTED, "built without PNG and JPEG");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(without_images)};
    return cmocka_run_group_tests_name("images", tests, NULL, NULL);
}

#endif
