/* image.c - PNG and JPEG files, by their content: the only file that knows libpng and TurboJPEG.
 *
 * What is given out: 8 bits, sRGB.  16-bit images are rounded, palettes looked up, transparency is dropped (the colours
 * stay), CMYK is taken as Adobe writes it, inverted.  Orientation tags are not looked at.  A file that is cut short or
 * whose checksums are wrong is an error, and so is a JPEG that the decoder has a doubt about. */
#include "data/image.h"

#include <string.h>
#include <zlib.h>

#include "base/host.h"
#include "base/os.h"

#ifndef GRADC_NO_IMAGES
#include <png.h>
#include <turbojpeg.h>
#endif

static const int64_t most_pixels = (int64_t)1 << 28;

void image_free(struct image *image)
{
    host_free(image->own);
    *image = (struct image){0};
}

gradc_status image_new(struct image *image, int64_t height, int64_t width, int channels, struct failure *f)
{
    *image = (struct image){height, width, channels, NULL, NULL};
    if (height > most_pixels / width)
        return fail(f, GRADC_E_UNSUPPORTED, "an image of %lld x %lld pixels is larger than 2^28 pixels",
                    (long long)height, (long long)width);
    image->pixels = image->own = host_alloc((size_t)(height * width) * (size_t)channels);
    return image->own ? GRADC_OK
                      : fail(f, GRADC_E_MEMORY, "no memory for an image of %lld x %lld pixels",
                             (long long)height, (long long)width);
}

/* The integers of ITU-R BT.601's luma: 0.299, 0.587 and 0.114 of 65536, which they sum up to. */
static uint8_t luma(const uint8_t *rgb)
{
    return (uint8_t)((19595u * rgb[0] + 38470u * rgb[1] + 7471u * rgb[2] + 32768u) >> 16);
}

gradc_status image_channels(struct image *image, int channels, struct failure *f)
{
    if (channels == 0 || channels == image->channels)
        return GRADC_OK;
    struct image other;
    gradc_status status = image_new(&other, image->height, image->width, channels, f);
    if (status)
        return status;
    const int64_t count = image->height * image->width;
    if (channels == 1)
        for (int64_t i = 0; i < count; i++)
            other.own[i] = luma(image->pixels + 3 * i);
    else
        for (int64_t i = 0; i < count; i++)
            memset(other.own + 3 * i, image->pixels[i], 3);
    image_free(image);
    *image = other;
    return GRADC_OK;
}

#ifndef GRADC_NO_IMAGES

/* A file's bytes, while its image is read. */
struct bytes {
    const char *path;
    const unsigned char *data;
    size_t count;
};

/* Whether the image, of at least one pixel, is not too large. */
static gradc_status size_is_sane(const struct bytes *b, int64_t height, int64_t width, struct failure *f)
{
    if (height > most_pixels / width)
        return fail(f, GRADC_E_UNSUPPORTED, "%s: %lld x %lld pixels are more than 2^28", b->path,
                    (long long)height, (long long)width);
    return GRADC_OK;
}

/* ---- PNG ---- */

static uint32_t png_number(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Walks the chunks to IEND and compares the checksums of those that matter: libpng stops at the last pixel. */
static gradc_status png_is_whole(const struct bytes *b, struct failure *f)
{
    for (size_t at = 8; b->count - at >= 12;) {
        const unsigned char *chunk = b->data + at;
        const size_t length = png_number(chunk);
        if (length > b->count - at - 12)
            break;
        const int critical = !(chunk[4] & 0x20);
        if (critical && crc32(0, chunk + 4, (unsigned)length + 4) != png_number(chunk + 8 + length))
            return fail(f, GRADC_E_IO, "%s: damaged PNG: the checksum of a chunk %.4s is wrong", b->path,
                        (const char *)chunk + 4);
        if (!memcmp(chunk + 4, "IEND", 4))
            return GRADC_OK;
        at += length + 12;
    }
    return fail(f, GRADC_E_IO, "%s: damaged PNG: the file is cut short", b->path);
}

static gradc_status png_failed(const struct bytes *b, png_image *png, struct failure *f)
{
    gradc_status status = fail(f, GRADC_E_IO, "%s: damaged PNG: %s", b->path, png->message);
    png_image_free(png);
    return status;
}

/* To what is in front of each pixel's alpha. */
static void drop_alpha(uint8_t *pixels, int64_t count, int channels)
{
    for (int64_t i = 0; i < count; i++)
        for (int c = 0; c < channels; c++)
            pixels[i * channels + c] = pixels[i * (channels + 1) + c];
}

static gradc_status png_decode(const struct bytes *b, struct image *image, int look, struct failure *f)
{
    png_image png;
    memset(&png, 0, sizeof png);
    png.version = PNG_IMAGE_VERSION;
    if (!png_image_begin_read_from_memory(&png, b->data, b->count))
        return png_failed(b, &png, f);
    const int colour = (png.format & PNG_FORMAT_FLAG_COLOR) != 0,
              alpha = (png.format & PNG_FORMAT_FLAG_ALPHA) != 0;
    const int channels = colour ? 3 : 1;
    gradc_status status = size_is_sane(b, png.height, png.width, f);
    *image = (struct image){png.height, png.width, channels, NULL, NULL};
    if (!status && !look)
        status = png_is_whole(b, f);
    if (!status && !look)
        status = image_new(image, png.height, png.width, channels + alpha, f);
    if (status || look) {
        png_image_free(&png);
        return status;
    }
    png.format = (colour ? PNG_FORMAT_FLAG_COLOR : 0) | (alpha ? PNG_FORMAT_FLAG_ALPHA : 0);
    png.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
    if (!png_image_finish_read(&png, NULL, image->own, 0, NULL))
        return png_failed(b, &png, f);
    if (alpha)
        drop_alpha(image->own, image->height * image->width, channels);
    image->channels = channels;
    return GRADC_OK;
}

/* ---- JPEG ---- */

/* Adobe's CMYK is inverted, so that a product is what is left of each colour. */
static void cmyk_to_rgb(uint8_t *pixels, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        for (int c = 0; c < 3; c++)
            pixels[3 * i + c] = (uint8_t)((pixels[4 * i + c] * pixels[4 * i + 3] + 127) / 255);
}

static gradc_status jpeg_failed(const struct bytes *b, tjhandle jpeg, struct failure *f)
{
    return fail(f, GRADC_E_IO, "%s: damaged JPEG: %s", b->path, tjGetErrorStr2(jpeg));
}

static gradc_status jpeg_pixels(const struct bytes *b, tjhandle jpeg, struct image *image, int cmyk,
                                struct failure *f)
{
    const int channels = cmyk ? 4 : image->channels;
    const int format = channels == 1 ? TJPF_GRAY : cmyk ? TJPF_CMYK : TJPF_RGB;
    int flags = TJFLAG_ACCURATEDCT | TJFLAG_STOPONWARNING;
#ifdef TJFLAG_LIMITSCANS
    flags |= TJFLAG_LIMITSCANS;
#endif
    gradc_status status = image_new(image, image->height, image->width, channels, f);
    if (status)
        return status;
    if (tjDecompress2(jpeg, b->data, (unsigned long)b->count, image->own, (int)image->width, 0,
                      (int)image->height, format, flags))
        return jpeg_failed(b, jpeg, f);
    if (cmyk) {
        cmyk_to_rgb(image->own, image->height * image->width);
        image->channels = 3;
    }
    return GRADC_OK;
}

static gradc_status jpeg_decode(const struct bytes *b, struct image *image, int look, struct failure *f)
{
    tjhandle jpeg = tjInitDecompress();
    if (!jpeg)
        return fail(f, GRADC_E_MEMORY, "%s: no memory for a JPEG decoder", b->path);
    int width = 0, height = 0, sampling = 0, colours = 0;
    gradc_status status = GRADC_OK;
    if (tjDecompressHeader3(jpeg, b->data, (unsigned long)b->count, &width, &height, &sampling, &colours))
        status = jpeg_failed(b, jpeg, f);
    else if (height < 1 || width < 1)
        status = fail(f, GRADC_E_IO, "%s: damaged JPEG: there is no image in it", b->path);
    else
        status = size_is_sane(b, height, width, f);
    *image = (struct image){height, width, colours == TJCS_GRAY ? 1 : 3, NULL, NULL};
    if (!status && !look)
        status = jpeg_pixels(b, jpeg, image, colours == TJCS_CMYK || colours == TJCS_YCCK, f);
    tjDestroy(jpeg);
    return status;
}

/* ---- Either ---- */

static gradc_status decode(const struct bytes *b, struct image *image, int look, struct failure *f)
{
    if (b->count >= 8 && !memcmp(b->data, "\x89PNG\r\n\x1a\n", 8))
        return png_decode(b, image, look, f);
    if (b->count >= 3 && !memcmp(b->data, "\xff\xd8\xff", 3))
        return jpeg_decode(b, image, look, f);
    return fail(f, GRADC_E_IO, "%s is neither a PNG nor a JPEG image", b->path);
}

static gradc_status read_file(const char *path, int channels, struct image *image, int look, struct failure *f)
{
    char *data, text[128];
    size_t count;
    *image = (struct image){0};
    const int error = os_file_read(path, &data, &count);
    if (error)
        return fail(f, GRADC_E_IO, "%s: %s", path, os_error(error, text, sizeof text));
    gradc_status status = decode(&(struct bytes){path, (const unsigned char *)data, count}, image, look, f);
    host_free(data);
    if (!status && !look)
        status = image_channels(image, channels, f);
    if (status)
        image_free(image);
    return status;
}

gradc_status image_available(struct failure *f)
{
    (void)f;
    return GRADC_OK;
}

gradc_status image_read(const char *path, int channels, struct image *image, struct failure *f)
{
    return read_file(path, channels, image, 0, f);
}

gradc_status image_look(const char *path, struct image *image, struct failure *f)
{
    return read_file(path, 0, image, 1, f);
}

static gradc_status png_write(const char *path, png_image *png, const uint8_t *pixels)
{
    png_alloc_size_t bytes = PNG_IMAGE_PNG_SIZE_MAX(*png);
    char text[128], *data = host_alloc(bytes);
    if (!data)
        return fail_thread(GRADC_E_MEMORY, "write_png: no memory for %s", path);
    gradc_status status = GRADC_OK;
    if (!png_image_write_to_memory(png, data, &bytes, 0, pixels, 0, NULL))
        status = fail_thread(GRADC_E_MEMORY, "write_png: %s: %s", path, png->message);
    const int error = status ? 0 : os_file_replace(path, data, bytes);
    if (error)
        status = fail_thread(GRADC_E_IO, "write_png: %s: %s", path, os_error(error, text, sizeof text));
    png_image_free(png);
    host_free(data);
    return status;
}

gradc_status gradc_write_png(const char *path, int64_t height, int64_t width, int channels, const uint8_t *pixels)
{
    if (!path || !pixels)
        return fail_thread(GRADC_E_ARG, "write_png: path and pixels must not be NULL");
    if ((channels != 1 && channels != 3) || height < 1 || width < 1 || height > most_pixels / width)
        return fail_thread(GRADC_E_ARG,
                           "write_png: %lld x %lld pixels with %d channels: there must be 1 or 3 channels "
                           "and 1 to 2^28 pixels",
                           (long long)height, (long long)width, channels);
    png_image png;
    memset(&png, 0, sizeof png);
    png.version = PNG_IMAGE_VERSION;
    png.height = (png_uint_32)height;
    png.width = (png_uint_32)width;
    png.format = channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
    return png_write(path, &png, pixels);
}

#else

gradc_status image_available(struct failure *f)
{
    return fail(f, GRADC_E_UNSUPPORTED, "this libgradc was built without PNG and JPEG (IMAGES=0)");
}

gradc_status image_read(const char *path, int channels, struct image *image, struct failure *f)
{
    (void)path;
    (void)channels;
    *image = (struct image){0};
    return image_available(f);
}

gradc_status image_look(const char *path, struct image *image, struct failure *f)
{
    return image_read(path, 0, image, f);
}

gradc_status gradc_write_png(const char *path, int64_t height, int64_t width, int channels, const uint8_t *pixels)
{
    (void)path;
    (void)height;
    (void)width;
    (void)channels;
    (void)pixels;
    return fail_thread(GRADC_E_UNSUPPORTED, "write_png: this libgradc was built without PNG and JPEG (IMAGES=0)");
}

#endif

gradc_status gradc_read_image(const char *path, int channels, int64_t *height, int64_t *width, uint8_t **pixels)
{
    if (pixels)
        *pixels = NULL;
    if (!path || !height || !width || !pixels)
        return fail_thread(GRADC_E_ARG, "read_image: path and results must not be NULL");
    if (channels != 1 && channels != 3)
        return fail_thread(GRADC_E_ARG, "read_image: channels must be 1 or 3, not %d", channels);
    struct failure f;
    failure_clear(&f);
    struct image image;
    if (image_read(path, channels, &image, &f))
        return fail_thread(f.status, "read_image: %s", f.text);
    *height = image.height;
    *width = image.width;
    *pixels = image.own;
    return GRADC_OK;
}
