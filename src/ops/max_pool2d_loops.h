/* max_pool2d_loops.h - the loops of max_pool2d_isa.c for one scalar type: `real`, and NAME(x) for their names.
 * Included once for each; no guard. */

/* n windows of 2x2 side by side: the rows a and b, a[0] at position `first` of the plane. */
static APART void NAME(windows_2x2)(const real *restrict a, const real *restrict b, int32_t first,
                                    int32_t width, int32_t n, real *restrict z, int32_t *restrict index)
{
    for (int32_t j = 0; j < n; j++) {
        real m = a[2 * j], right = a[2 * j + 1], low = b[2 * j], last = b[2 * j + 1];
        int32_t at = 0, take = (right > m) | (right != right);
        m = take ? right : m;
        at = take ? 1 : at;
        take = (low > m) | (low != low);
        m = take ? low : m;
        at = take ? width : at;
        take = (last > m) | (last != last);
        z[j] = take ? last : m;
        index[j] = (take ? width + 1 : at) + first + 2 * j;
    }
}

/* Output row i of 2x2 windows. */
static void NAME(row_2x2)(const struct pool *p, const real *x, int64_t i, real *z, int32_t *index)
{
    int32_t width = (int32_t)p->width, n = (int32_t)p->out_width, first = (int32_t)(2 * i) * width;
    const real *a = x + first, *b = a + width;
    int32_t block = block_of(n), j = n - block, whole = n - n % block;
    NAME(windows_2x2)(a, b, first, width, whole, z, index);
    if (whole < n)
        NAME(windows_2x2)(a + 2 * j, b + 2 * j, first + 2 * j, width, block, z + j, index + j);
}

/* One place of the window for n windows `step` apart: x[at], x[at + step], ... */
static inline void NAME(tap)(const real *restrict x, int32_t at, int32_t step, int32_t n, real *restrict z,
                             int32_t *restrict index)
{
    for (int32_t j = 0; j < n; j++) {
        real v = x[at + j * step];
        int32_t take = (v > z[j]) | (v != v);
        z[j] = take ? v : z[j];
        index[j] = take ? at + j * step : index[j];
    }
}

/* The windows j of a row whose place q lies inside the plane are first .. last-1. */
static inline void NAME(inside)(const struct pool *p, int64_t q, int64_t *first, int64_t *last)
{
    int64_t left = p->padding_w - q, room = p->width + left;
    *first = left > 0 ? (left + p->stride_w - 1) / p->stride_w : 0;
    *last = room > 0 ? (room + p->stride_w - 1) / p->stride_w : 0;
    if (*last > p->out_width)
        *last = p->out_width;
}

/* Output row i of any windows: one place of the window after the other, in row-major order, so that the first
 * maximum stays; of several NaN the last. */
static void NAME(row)(const struct pool *p, const real *x, int64_t i, real *restrict z, int32_t *restrict index)
{
    int64_t top = i * p->stride_h - p->padding_h, bottom = top + p->size_h;
    top = top < 0 ? 0 : top;
    bottom = bottom > p->height ? p->height : bottom;
    for (int64_t j = 0; j < p->out_width; j++) {
        int64_t left = j * p->stride_w - p->padding_w;
        z[j] = -(real)INFINITY;
        index[j] = (int32_t)(top * p->width + (left < 0 ? 0 : left));
    }
    for (int64_t y = top; y < bottom; y++)
        for (int64_t q = 0; q < p->size_w; q++) {
            int64_t first, last;
            NAME(inside)(p, q, &first, &last);
            int32_t at = (int32_t)(y * p->width + first * p->stride_w - p->padding_w + q),
                    n = (int32_t)(last - first);
            if (n <= 0)
                continue;
            if (p->stride_w == 1)
                NAME(tap)(x, at, 1, n, z + first, index + first);
            else if (p->stride_w == 2)
                NAME(tap)(x, at, 2, n, z + first, index + first);
            else
                NAME(tap)(x, at, (int32_t)p->stride_w, n, z + first, index + first);
        }
}

static int NAME(is_2x2)(const struct pool *p)
{
    return p->size_h == 2 && p->size_w == 2 && p->stride_h == 2 && p->stride_w == 2 && p->padding_h == 0 &&
           p->padding_w == 0;
}

static void NAME(forward)(const struct pool *p, const void *x, void *z, int32_t *index, int64_t first, int64_t last)
{
    int plain = NAME(is_2x2)(p);
    for (int64_t r = first; r < last; r++) {
        const real *plane = (const real *)x + r / p->out_height * p->height * p->width;
        real *out = (real *)z + r * p->out_width;
        if (plain)
            NAME(row_2x2)(p, plane, r % p->out_height, out, index + r * p->out_width);
        else
            NAME(row)(p, plane, r % p->out_height, out, index + r * p->out_width);
    }
}

/* One row of dx under n windows of 2x2: dz where the maximum was in this row, else 0. */
static APART void NAME(spread_windows)(const real *restrict dz, const int32_t *restrict index, int32_t first,
                                       int32_t n, real *restrict dx)
{
    for (int32_t j = 0; j < n; j++) {
        int32_t at = index[j] - first - 2 * j;
        real d = dz[j];
        dx[2 * j] = at == 0 ? d : 0;
        dx[2 * j + 1] = at == 1 ? d : 0;
    }
}

static void NAME(spread_row)(const struct pool *p, const real *dz, const int32_t *index, int32_t first, real *dx)
{
    int32_t n = (int32_t)p->out_width, block = block_of(n), j = n - block, whole = n - n % block;
    NAME(spread_windows)(dz, index, first, whole, dx);
    if (whole < n)
        NAME(spread_windows)(dz + j, index + j, first + 2 * j, block, dx + 2 * j);
    for (int64_t c = 2 * p->out_width; c < p->width; c++)
        dx[c] = 0;
}

/* The two rows of dx under row i of 2x2 windows. */
static void NAME(spread_2x2)(const struct pool *p, const real *dz, const int32_t *index, int64_t i, real *dx)
{
    int32_t first = (int32_t)(2 * i * p->width), width = (int32_t)p->width;
    NAME(spread_row)(p, dz, index, first, dx + first);
    NAME(spread_row)(p, dz, index, first + width, dx + first + width);
}

static void NAME(backward)(const struct pool *p, const void *dz, const int32_t *index, void *dx,
                           int64_t first, int64_t last)
{
    int64_t in = p->height * p->width, out = p->out_height * p->out_width;
    int plain = NAME(is_2x2)(p);
    for (int64_t k = first; k < last; k++) {
        const real *from = (const real *)dz + k * out;
        const int32_t *at = index + k * out;
        real *to = (real *)dx + k * in;
        int64_t done = plain ? 2 * p->out_height * p->width : 0;
        memset(to + done, 0, (size_t)(in - done) * sizeof(real));
        for (int64_t i = 0; plain && i < p->out_height; i++)
            NAME(spread_2x2)(p, from + i * p->out_width, at + i * p->out_width, i, to);
        for (int64_t i = 0; !plain && i < out; i++)
            to[at[i]] += from[i];
    }
}

static void NAME(gather)(const struct pool *p, const void *x, const int32_t *index, void *z, int64_t first,
                         int64_t last)
{
    int64_t in = p->height * p->width, out = p->out_height * p->out_width;
    for (int64_t k = first; k < last; k++) {
        const real *from = (const real *)x + k * in;
        for (int64_t i = k * out; i < (k + 1) * out; i++)
            ((real *)z)[i] = from[index[i]];
    }
}
