/* image.cl - images as the right side of a product: where a column and a depth lie, and the element at both.
 * conv.cl says what these are, and the options STRIDED and POINTWISE.  It stands behind parts.cl.  No kernel is
 * defined here. */

/* Where a column or a depth lies: s0 element of the image (STRIDED: of its plane), s1 y, s2 x, s3 offset in C or A. */
#ifdef INDEX_WIDE
typedef long4 where_t;
#else
typedef int4 where_t;
#endif

/* Added to any other coordinate it stays below 0; twice it is still an index_t. */
#define OUTSIDE (-((index_t)1 << (8 * sizeof(index_t) - 2)))

/* The digits of n are (outer, i, j): i * width + j below area. */
#define AXIS(a) \
    long a##_area, long a##_width, long a##_image, long a##_other, long a##_y, long a##_x, long a##_step_y, \
        long a##_step_x
#define LOCATE(a, n, limit) \
    locate(n, limit, image_width, a##_area, a##_width, a##_image, a##_other, a##_y, a##_x, a##_step_y, a##_step_x)

/* Of a number whose digits are known; is_there 0: none, which lies outside of every image. */
#define PLACE(a, digits, is_there) \
    place(&(digits), is_there, image_width, a##_width, a##_image, a##_other, a##_y, a##_x, a##_step_y, a##_step_x)

typedef struct {
    index_t outer, i, j;
} digits_t;

/* By pointer: Oclgrind can't run what LLVM makes of a function that returns a struct and is inlined. */
static void digits_of(digits_t *d, index_t n, index_t area, index_t width)
{
    d->outer = n;
    d->i = last_digit(&d->outer, area);
    d->j = last_digit(&d->i, width);
}

/* The digits of a sum, of i below `height`; GPUs take some 30 steps for each division. */
static void digits_add(digits_t *d, const digits_t *more, index_t height, index_t width)
{
    d->j += more->j;
    d->i += more->i;
    d->outer += more->outer;
    if (d->j >= width) {
        d->j -= width;
        d->i++;
    }
    if (d->i >= height) {
        d->i -= height;
        d->outer++;
    }
}

static where_t place(const digits_t *d, int is_there, index_t image_width, index_t width, index_t image, index_t other,
                     index_t y, index_t x, index_t step_y, index_t step_x)
{
    where_t at;

    if (!is_there) {
        at.s0 = 0;
        at.s1 = OUTSIDE;
        at.s2 = 0;
        at.s3 = 0;
        return at;
    }
    at.s1 = y + d->i * step_y;
    at.s2 = x + d->j * step_x;
    at.s0 = d->outer * image;
#ifndef STRIDED
    at.s0 += at.s1 * image_width + at.s2;
#endif
    at.s3 = d->outer * other + d->i * width + d->j;
    return at;
}

static where_t locate(index_t n, index_t limit, index_t image_width, index_t area, index_t width, index_t image,
                      index_t other, index_t y, index_t x, index_t step_y, index_t step_x)
{
    digits_t d;

    digits_of(&d, n, area, width);
    return place(&d, n < limit, image_width, width, image, other, y, x, step_y, step_x);
}

/* Whether IMAGE[column, depth] is an element of the image, and which. */
static inline __attribute__((always_inline))
int is_inside(where_t column, where_t depth, index_t height, index_t width, index_t stride_y, index_t stride_x,
              index_t *at)
{
    index_t y = column.s1 + depth.s1;
#ifdef POINTWISE
    *at = column.s0 + depth.s0;
    return y >= 0;
#else
    index_t x = column.s2 + depth.s2;
#ifdef STRIDED
    if (y < 0 || x < 0)
        return 0;
    index_t line = (uindex_t)y / (uindex_t)stride_y, place = (uindex_t)x / (uindex_t)stride_x;
    *at = column.s0 + depth.s0 + line * width + place;
    return line * stride_y == y && place * stride_x == x && line < height && place < width;
#else
    *at = column.s0 + depth.s0;
    return (uindex_t)y < (uindex_t)height && (uindex_t)x < (uindex_t)width;
#endif
#endif
}
