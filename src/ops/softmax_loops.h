/* softmax_loops.h - the loops of softmax.h for one element type.  Included by softmax_isa.c with
 *   REAL         the type
 *   WIDE         lanes of a vector, which divide LANES and SHORT
 *   NAME(name)   name with the type's suffix
 *
 * Columns are taken LANES at a time, each a lane of its own; CUT terms are summed before they join the rest.
 * Rows of up to SHORT elements are turned into such columns by way of a tile; longer ones are folded along
 * themselves, LANES elements at a time, in blocks of BLOCK. */

/* The maximum of each of w columns; NaN is left to the sum. */
static inline void NAME(lane_max)(const REAL *x, int64_t n, int64_t stride, int w, REAL *m)
{
    for (int k = 0; k < w; k++)
        m[k] = -(REAL)INFINITY;
    for (int64_t i = 0; i < n; i++)
        for (int k = 0; k < w; k++)
            m[k] = x[i * stride + k] > m[k] ? x[i * stride + k] : m[k];
}

/* The sums of e^(x - m) of each of w columns; the terms go to z where it is not NULL. */
static inline void NAME(lane_exp)(const REAL *x, REAL *z, int64_t n, int64_t stride, int w, const REAL *m,
                                  REAL *s)
{
    for (int k = 0; k < w; k++)
        s[k] = 0;
    for (int64_t start = 0; start < n; start += CUT) {
        int64_t end = n - start < CUT ? n : start + CUT;
        REAL part[LANES] = {0};

        for (int64_t i = start; i < end; i++) {
            REAL e[LANES];

            for (int k = 0; k < w; k++)
                e[k] = m_exp(x[i * stride + k] - m[k]);
            for (int k = 0; k < w; k++)
                part[k] += e[k];
            for (int k = 0; z && k < w; k++)
                z[i * stride + k] = e[k];
        }
        for (int k = 0; k < w; k++)
            s[k] += part[k];
    }
}

/* The sums of x * y, or of x where y is NULL, of each of w columns. */
static inline void NAME(lane_dot)(const REAL *x, const REAL *y, int64_t n, int64_t stride, int w, REAL *s)
{
    for (int k = 0; k < w; k++)
        s[k] = 0;
    for (int64_t start = 0; start < n; start += CUT) {
        int64_t end = n - start < CUT ? n : start + CUT;
        REAL part[LANES] = {0};

        for (int64_t i = start; i < end; i++)
            for (int k = 0; k < w; k++)
                part[k] += y ? x[i * stride + k] * y[i * stride + k] : x[i * stride + k];
        for (int k = 0; k < w; k++)
            s[k] += part[k];
    }
}

static inline void NAME(lane_softmax)(const REAL *x, REAL *z, int64_t n, int64_t stride, int w)
{
    REAL m[LANES], s[LANES];

    NAME(lane_max)(x, n, stride, w, m);
    NAME(lane_exp)(x, z, n, stride, w, m, s);
    for (int64_t i = 0; i < n; i++)
        for (int k = 0; k < w; k++)
            z[i * stride + k] = z[i * stride + k] / s[k];
}

static inline void NAME(lane_log_softmax)(const REAL *x, REAL *z, int64_t n, int64_t stride, int w)
{
    REAL m[LANES], s[LANES];

    NAME(lane_max)(x, n, stride, w, m);
    NAME(lane_exp)(x, NULL, n, stride, w, m, s);
    for (int k = 0; k < w; k++)
        s[k] = m_log(s[k]);
    for (int64_t i = 0; i < n; i++)
        for (int k = 0; k < w; k++)
            z[i * stride + k] = x[i * stride + k] - m[k] - s[k];
}

static inline void NAME(lane_softmax_backward)(const REAL *dz, const REAL *z, REAL *dx, int64_t n,
                                               int64_t stride, int w)
{
    REAL s[LANES];

    NAME(lane_dot)(dz, z, n, stride, w, s);
    for (int64_t i = 0; i < n; i++)
        for (int k = 0; k < w; k++)
            dx[i * stride + k] = z[i * stride + k] * (dz[i * stride + k] - s[k]);
}

static inline void NAME(lane_log_softmax_backward)(const REAL *dz, const REAL *z, REAL *dx, int64_t n,
                                                   int64_t stride, int w)
{
    REAL s[LANES];

    NAME(lane_dot)(dz, NULL, n, stride, w, s);
    for (int64_t i = 0; i < n; i++)
        for (int k = 0; k < w; k++)
            dx[i * stride + k] = dz[i * stride + k] - m_exp(z[i * stride + k]) * s[k];
}

/* Each is called with w = LANES as a constant, which makes vectors of it, or with what is left. */
static void NAME(columns_softmax)(const void *x, const void *y, void *z, int64_t n, int64_t stride, int64_t width)
{
    (void)y;
    for (; width >= LANES; width -= LANES, x = (const REAL *)x + LANES, z = (REAL *)z + LANES)
        NAME(lane_softmax)(x, z, n, stride, LANES);
    if (width)
        NAME(lane_softmax)(x, z, n, stride, (int)width);
}

static void NAME(columns_log_softmax)(const void *x, const void *y, void *z, int64_t n, int64_t stride,
                                      int64_t width)
{
    (void)y;
    for (; width >= LANES; width -= LANES, x = (const REAL *)x + LANES, z = (REAL *)z + LANES)
        NAME(lane_log_softmax)(x, z, n, stride, LANES);
    if (width)
        NAME(lane_log_softmax)(x, z, n, stride, (int)width);
}

static void NAME(columns_softmax_backward)(const void *dz, const void *z, void *dx, int64_t n, int64_t stride,
                                           int64_t width)
{
    const REAL *a = dz, *b = z;
    REAL *c = dx;

    for (; width >= LANES; width -= LANES, a += LANES, b += LANES, c += LANES)
        NAME(lane_softmax_backward)(a, b, c, n, stride, LANES);
    if (width)
        NAME(lane_softmax_backward)(a, b, c, n, stride, (int)width);
}

static void NAME(columns_log_softmax_backward)(const void *dz, const void *z, void *dx, int64_t n,
                                               int64_t stride, int64_t width)
{
    const REAL *a = dz, *b = z;
    REAL *c = dx;

    for (; width >= LANES; width -= LANES, a += LANES, b += LANES, c += LANES)
        NAME(lane_log_softmax_backward)(a, b, c, n, stride, LANES);
    if (width)
        NAME(lane_log_softmax_backward)(a, b, c, n, stride, (int)width);
}

/* ---- Short rows ---- */

/* `count` <= WIDE elements; the other lanes are 0. */
INLINE NAME(vec) NAME(piece_load)(const REAL *p, int64_t count)
{
    return count == WIDE ? (NAME(vec))(*(const NAME(loose) *)p) : NAME(load_first)(p, count);
}

INLINE void NAME(piece_store)(REAL *p, int64_t count, NAME(vec) x)
{
    if (count == WIDE)
        *(NAME(loose) *)p = x;
    else
        NAME(store_first)(p, count, x);
}

/* tile[i][k] = x[k][i] for `rows` <= LANES rows of n; the lanes that are left repeat the last row.  What lies behind
 * in the tile, up to a multiple of WIDE, is overwritten. */
static inline void NAME(tile_load)(REAL *tile, const REAL *x, int64_t rows, int64_t n)
{
    for (int64_t k = 0; k < LANES; k += WIDE)
        for (int64_t i = 0; i < n; i += WIDE) {
            const int64_t count = n - i < WIDE ? n - i : WIDE;
            NAME(vec) v[WIDE];

            foreach (r, WIDE)
                v[r] = NAME(piece_load)(x + (k + r < rows ? k + r : rows - 1) * n + i, count);
            NAME(square)(v);
            foreach (c, WIDE)
                NAME(piece_store)(tile + (i + c) * LANES + k, WIDE, v[c]);
        }
}

static inline void NAME(tile_store)(REAL *z, const REAL *tile, int64_t rows, int64_t n)
{
    for (int64_t k = 0; k < rows; k += WIDE)
        for (int64_t i = 0; i < n; i += WIDE) {
            const int64_t count = n - i < WIDE ? n - i : WIDE;
            NAME(vec) v[WIDE];

            foreach (c, WIDE)
                v[c] = NAME(piece_load)(tile + (i + c) * LANES + k, c < count ? WIDE : 0);
            NAME(square)(v);
            foreach (r, WIDE)
                if (k + r < rows)
                    NAME(piece_store)(z + (k + r) * n + i, count, v[r]);
        }
}

static void NAME(short_rows)(const REAL *x, const REAL *y, REAL *z, int64_t rows, int64_t n,
                             softmax_columns *columns)
{
    REAL tile_x[SHORT * LANES], tile_y[SHORT * LANES], tile_z[SHORT * LANES];

    for (int64_t r = 0; r < rows; r += LANES) {
        int64_t k = rows - r < LANES ? rows - r : LANES;

        NAME(tile_load)(tile_x, x + r * n, k, n);
        if (y)
            NAME(tile_load)(tile_y, y + r * n, k, n);
        columns(tile_x, tile_y, tile_z, n, LANES, LANES);
        NAME(tile_store)(z + r * n, tile_z, k, n);
    }
}

/* ---- Long rows ---- */

static REAL NAME(lane_sum)(REAL *s)
{
    for (int half = LANES / 2; half; half /= 2)
        for (int k = 0; k < half; k++)
            s[k] += s[k + half];
    return s[0];
}

static REAL NAME(row_max)(const REAL *x, int64_t n)
{
    REAL m[LANES], most = -(REAL)INFINITY;

    NAME(lane_max)(x, n / LANES, LANES, LANES, m);
    for (int k = 0; k < LANES; k++)
        most = m[k] > most ? m[k] : most;
    for (int64_t i = n / LANES * LANES; i < n; i++)
        most = x[i] > most ? x[i] : most;
    return most;
}

/* z = e^(x - m) where z is not NULL; returns the sum. */
static inline REAL NAME(row_exp)(const REAL *x, REAL *z, int64_t n, REAL m)
{
    REAL sum = 0;

    for (int64_t start = 0; start < n; start += BLOCK) {
        int64_t end = n - start < BLOCK ? n : start + BLOCK, i = start;
        REAL s[LANES] = {0}, e[LANES];

        for (; i + LANES <= end; i += LANES) {
            for (int k = 0; k < LANES; k++)
                e[k] = m_exp(x[i + k] - m);
            for (int k = 0; k < LANES; k++)
                s[k] += e[k];
            for (int k = 0; z && k < LANES; k++)
                z[i + k] = e[k];
        }
        if (i < end) {
            for (int k = 0; k < LANES; k++)
                e[k] = i + k < end ? x[i + k] : -(REAL)INFINITY; /* adds 0 */
            for (int k = 0; k < LANES; k++)
                e[k] = m_exp(e[k] - m);
            for (int k = 0; k < LANES; k++)
                s[k] += e[k];
            for (int k = 0; z && i + k < end; k++)
                z[i + k] = e[k];
        }
        sum += NAME(lane_sum)(s);
    }
    return sum;
}

/* The sum of x * y, or of x where y is NULL. */
static inline REAL NAME(row_dot)(const REAL *x, const REAL *y, int64_t n)
{
    REAL sum = 0;

    for (int64_t start = 0; start < n; start += BLOCK) {
        int64_t end = n - start < BLOCK ? n : start + BLOCK, i = start;
        REAL s[LANES] = {0};

        for (; i + LANES <= end; i += LANES)
            for (int k = 0; k < LANES; k++)
                s[k] += y ? x[i + k] * y[i + k] : x[i + k];
        for (int k = 0; i + k < end; k++)
            s[k] += y ? x[i + k] * y[i + k] : x[i + k];
        sum += NAME(lane_sum)(s);
    }
    return sum;
}

static void NAME(rows_softmax)(const void *from, const void *y, void *to, int64_t rows, int64_t n)
{
    const REAL *x = from;
    REAL *z = to;

    if (n <= SHORT) {
        NAME(short_rows)(x, y, z, rows, n, NAME(columns_softmax));
        return;
    }
    for (int64_t r = 0; r < rows; r++, x += n, z += n) {
        REAL sum = NAME(row_exp)(x, z, n, NAME(row_max)(x, n));

        for (int64_t i = 0; i < n; i++)
            z[i] = z[i] / sum;
    }
}

static void NAME(rows_log_softmax)(const void *from, const void *y, void *to, int64_t rows, int64_t n)
{
    const REAL *x = from;
    REAL *z = to;

    if (n <= SHORT) {
        NAME(short_rows)(x, y, z, rows, n, NAME(columns_log_softmax));
        return;
    }
    for (int64_t r = 0; r < rows; r++, x += n, z += n) {
        REAL m = NAME(row_max)(x, n), log_sum = m_log(NAME(row_exp)(x, NULL, n, m));

        for (int64_t i = 0; i < n; i++)
            z[i] = x[i] - m - log_sum;
    }
}

static void NAME(rows_softmax_backward)(const void *from, const void *y, void *to, int64_t rows, int64_t n)
{
    const REAL *dz = from, *z = y;
    REAL *dx = to;

    if (n <= SHORT_BACKWARD) {
        NAME(short_rows)(dz, z, dx, rows, n, NAME(columns_softmax_backward));
        return;
    }
    for (int64_t r = 0; r < rows; r++, dz += n, z += n, dx += n) {
        REAL sum = NAME(row_dot)(dz, z, n);

        for (int64_t i = 0; i < n; i++)
            dx[i] = z[i] * (dz[i] - sum);
    }
}

static void NAME(rows_log_softmax_backward)(const void *from, const void *y, void *to, int64_t rows, int64_t n)
{
    const REAL *dz = from, *z = y;
    REAL *dx = to;

    if (n <= SHORT_BACKWARD) {
        NAME(short_rows)(dz, z, dx, rows, n, NAME(columns_log_softmax_backward));
        return;
    }
    for (int64_t r = 0; r < rows; r++, dz += n, z += n, dx += n) {
        REAL sum = NAME(row_dot)(dz, NULL, n);

        for (int64_t i = 0; i < n; i++)
            dx[i] = dz[i] - m_exp(z[i]) * sum;
    }
}

/* ---- What cross_entropy takes ---- */

static void NAME(stats)(const void *from, void *to, int64_t rows, int64_t n)
{
    const REAL *x = from;
    REAL *stats = to, tile[SHORT * LANES], m[LANES], s[LANES];

    for (int64_t r = 0; n <= SHORT && r < rows; r += LANES) {
        int64_t k = rows - r < LANES ? rows - r : LANES;

        NAME(tile_load)(tile, x + r * n, k, n);
        NAME(lane_max)(tile, n, LANES, LANES, m);
        NAME(lane_exp)(tile, NULL, n, LANES, LANES, m, s);
        for (int64_t i = 0; i < k; i++) {
            stats[2 * (r + i)] = m[i];
            stats[2 * (r + i) + 1] = s[i];
        }
    }
    for (int64_t r = 0; n > SHORT && r < rows; r++, x += n) {
        stats[2 * r] = NAME(row_max)(x, n);
        stats[2 * r + 1] = NAME(row_exp)(x, NULL, n, stats[2 * r]);
    }
}

/* Rows are gathered until they fill a block, so that the exponentials of short rows are taken together. */
static void NAME(scaled)(const void *from, const void *of, void *to, int64_t rows, int64_t n, double scale)
{
    const REAL *x = from, *stats = of;
    REAL *z = to;
    int64_t some = n < BLOCK ? BLOCK / n : 1;

    for (int64_t r = 0; r < rows; r += some) {
        int64_t end = rows - r < some ? rows : r + some;

        for (int64_t k = r; k < end; k++)
            for (int64_t i = 0; i < n; i++)
                z[k * n + i] = x[k * n + i] - stats[2 * k];
        for (int64_t i = r * n; i < end * n; i++)
            z[i] = m_exp(z[i]);
        for (int64_t k = r; k < end; k++) {
            REAL factor = (REAL)scale / stats[2 * k + 1];

            for (int64_t i = 0; i < n; i++)
                z[k * n + i] *= factor;
        }
    }
}

#undef REAL
#undef WIDE
#undef NAME
