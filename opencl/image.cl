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

static where_t locate(index_t n, index_t limit, index_t image_width, index_t area, index_t width, index_t image,
                      index_t other, index_t y, index_t x, index_t step_y, index_t step_x)
{
    where_t at;

    if (n >= limit) {
        at.s0 = 0;
        at.s1 = OUTSIDE;
        at.s2 = 0;
        at.s3 = 0;
        return at;
    }
    index_t outer = n, inside = last_digit(&outer, area);
    index_t i = inside, j = last_digit(&i, width);
    at.s1 = y + i * step_y;
    at.s2 = x + j * step_x;
    at.s0 = outer * image;
#ifndef STRIDED
    at.s0 += at.s1 * image_width + at.s2;
#endif
    at.s3 = outer * other + inside;
    return at;
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
