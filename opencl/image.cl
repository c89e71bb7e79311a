/* image.cl - images as the right side of a product: where a column and a depth lie, and the pixel at both (conv.cl says
 * what these are).  No kernel is defined here. */

/* Where a column or a depth lies: s0 first element in the image, s1 y, s2 x, s3 offset in C or A. */
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
    locate(n, limit, a##_area, a##_width, a##_image, a##_other, a##_y, a##_x, a##_step_y, a##_step_x)

static where_t locate(index_t n, index_t limit, index_t area, index_t width, index_t image, index_t other,
                      index_t y, index_t x, index_t step_y, index_t step_x)
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
    at.s0 = outer * image;
    at.s1 = y + i * step_y;
    at.s2 = x + j * step_x;
    at.s3 = outer * other + inside;
    return at;
}

/* The pixel's place in the image; -1: outside, 0.  With STRIDED y and x count before the stride: what the stride
 * does not divide is 0. */
static index_t pixel_place(where_t column, where_t depth, index_t height, index_t width, index_t stride_y,
                           index_t stride_x)
{
    index_t y = column.s1 + depth.s1, x = column.s2 + depth.s2;

#ifdef STRIDED
    if (y < 0 || x < 0)
        return -1;
    index_t line = (uindex_t)y / (uindex_t)stride_y, at = (uindex_t)x / (uindex_t)stride_x;
    if (line * stride_y != y || at * stride_x != x)
        return -1;
    y = line;
    x = at;
#endif
    if ((uindex_t)y >= (uindex_t)height || (uindex_t)x >= (uindex_t)width)
        return -1;
    return column.s0 + depth.s0 + y * width + x;
}
