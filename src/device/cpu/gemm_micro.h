/* gemm_micro.h - the loops of struct tile_set for one real type R; included by gemm_isa.c alone, once per type.
 * It needs R, INTEGER (as wide as R), NAME(), FMA(), SPLAT(), SQUARE(), foreach, INLINE, VECTOR_BYTES, ROWS. */

typedef INTEGER NAME(mask) __attribute__((vector_size(VECTOR_BYTES)));
enum { NAME(LANES) = VECTOR_BYTES / sizeof(R) };

/* Four elements, in every set. */
typedef R NAME(four) __attribute__((vector_size(4 * sizeof(R))));
typedef R NAME(loose_four) __attribute__((vector_size(4 * sizeof(R)), aligned(sizeof(R)), may_alias));

#define VEC NAME(vec)
#define LANES NAME(LANES)
#define LOAD(p) ((VEC)(*(const NAME(loose) *)(p)))
#define STORE(p, x) (*(NAME(loose) *)(p) = (x))

#define FOUR NAME(four)
#define LOAD_FOUR(p) ((FOUR)(*(const NAME(loose_four) *)(p)))
#define STORE_FOUR(p, x) (*(NAME(loose_four) *)(p) = (x))

/* `count` lanes from p, step apart; the others 0. */
static VEC NAME(load_part)(const R *p, int64_t step, int64_t count)
{
    union {
        VEC v;
        R x[LANES];
    } u = {.v = {0}};
    for (int64_t j = 0; j < count; j++)
        u.x[j] = p[j * step];
    return u.v;
}

static void NAME(store_part)(R *p, int64_t step, int64_t count, VEC v)
{
    union {
        VEC v;
        R x[LANES];
    } u = {.v = v};
    for (int64_t j = 0; j < count; j++)
        p[j * step] = u.x[j];
}

/* ---- tile ---- */

/* The lanes of column vector v for rows i .. i + mr, where not all of them are stored or they lie apart. */
static void NAME(tile_scatter)(const struct tile *t, const VEC *acc, int64_t i, int mr, int v)
{
    const R *init = t->init[v], *bias = t->row_bias;
    R *c = (R *)t->c[v] + i * t->c_row;
    for (int r = 0; r < mr; r++, c += t->c_row) {
        VEC z = acc[r * TILE_VECTORS + v];
        if (bias)
            z += SPLAT(bias[i + r]);
        if (init)
            z += NAME(load_part)(init + (i + r) * t->init_row, t->init_step, t->width[v]);
        NAME(store_part)(c, t->c_step, t->width[v], z);
    }
}

/* Not inlined: beside this code the compilers would not keep all accumulators in registers. */
static __attribute__((noinline)) void NAME(tile_finish)(const struct tile *t, const VEC *acc, int64_t i,
                                                        int mr, int nv)
{
    const R *bias = t->row_bias;
    for (int v = 0; v < nv; v++) {
        const R *init = t->init[v];
        R *c = (R *)t->c[v] + i * t->c_row;
        if (t->width[v] != LANES || t->c_step != 1 || (init && t->init_step != 1)) {
            NAME(tile_scatter)(t, acc, i, mr, v);
            continue;
        }
        for (int r = 0; r < mr; r++, c += t->c_row) {
            VEC z = acc[r * TILE_VECTORS + v];
            if (bias)
                z += SPLAT(bias[i + r]);
            if (init)
                z += LOAD(init + (i + r) * t->init_row);
            STORE(c, z);
        }
    }
}

/* Rows i .. i + mr of the tile; a is their panel. */
INLINE void NAME(tile_panel)(const struct tile *t, const R *a, int64_t i, const int mr, const int nv)
{
    VEC acc[ROWS][TILE_VECTORS];
    foreach (r, mr)
        foreach (v, nv)
            acc[r][v] = (VEC){0};
    const R *b[TILE_VECTORS];
    int whole = t->c_step == 1; /* vectors are stored as they are */
    foreach (v, nv) {
        b[v] = t->b[v];
        whole = whole && t->width[v] == LANES && !t->init[v];
    }
    const int32_t *offset = t->offset, *end = offset + t->k;
    for (; offset < end; offset++, a += mr) {
        int64_t at = *offset;
        VEC y[TILE_VECTORS];
        foreach (v, nv)
            y[v] = LOAD(b[v] + at);
        foreach (r, mr) {
            VEC x = SPLAT(a[r]);
            foreach (v, nv)
                acc[r][v] = FMA(x, y[v], acc[r][v]);
        }
    }
    if (whole) {
        const R *bias = t->row_bias;
        R *c[TILE_VECTORS];
        foreach (v, nv)
            c[v] = (R *)t->c[v] + i * t->c_row;
        if (bias)
            foreach (r, mr)
                foreach (v, nv)
                    acc[r][v] += SPLAT(bias[i + r]);
        if (t->stream)
            foreach (r, mr)
                foreach (v, nv)
                    STREAM(c[v] + r * t->c_row, acc[r][v]);
        else
            foreach (r, mr)
                foreach (v, nv)
                    STORE(c[v] + r * t->c_row, acc[r][v]);
        return;
    }
    VEC out[ROWS * TILE_VECTORS];
    foreach (r, mr)
        foreach (v, nv)
            out[r * TILE_VECTORS + v] = acc[r][v];
    NAME(tile_finish)(t, out, i, mr, nv);
}

/* clang-format off */
#define PANEL(mr, nv)                                                              \
    static void NAME(tile_##mr##nv)(const struct tile *t, const R *a, int64_t i)   \
    {                                                                              \
        NAME(tile_panel)(t, a, i, mr, nv);                                         \
    }
PANEL(1, 1) PANEL(1, 2) PANEL(1, 3) PANEL(2, 1) PANEL(2, 2) PANEL(2, 3)
PANEL(3, 1) PANEL(3, 2) PANEL(3, 3) PANEL(4, 1) PANEL(4, 2) PANEL(4, 3)
#if defined(MANY_REGISTERS)
PANEL(5, 1) PANEL(5, 2) PANEL(5, 3) PANEL(6, 1) PANEL(6, 2) PANEL(6, 3)
PANEL(7, 1) PANEL(7, 2) PANEL(7, 3) PANEL(8, 1) PANEL(8, 2) PANEL(8, 3)
#endif
#undef PANEL

#define PANELS(mr) {NAME(tile_##mr##1), NAME(tile_##mr##2), NAME(tile_##mr##3)}
static void (*const NAME(tile_panels)[ROWS][TILE_VECTORS])(const struct tile *t, const R *a, int64_t i) = {
    PANELS(1), PANELS(2), PANELS(3), PANELS(4),
#if defined(MANY_REGISTERS)
    PANELS(5), PANELS(6), PANELS(7), PANELS(8),
#endif
};
#undef PANELS
/* clang-format on */

static void NAME(tile)(const struct tile *t)
{
    const R *a = t->a;
    for (int64_t i = 0; i < t->m; i += ROWS)
        NAME(tile_panels)[tile_min(ROWS, t->m - i) - 1][t->vectors - 1](t, a + i * t->k, i);
}

/* ---- outer ---- */

INLINE void NAME(outer_panel)(const struct outer *t, int64_t i, const int mr, const int nv)
{
    VEC acc[ROWS][TILE_VECTORS];
    foreach (r, mr)
        foreach (v, nv)
            acc[r][v] = (VEC){0};
    const R *a[ROWS], *b = t->b;
    foreach (r, mr)
        a[r] = (const R *)t->a + t->row[i + r];
    const int32_t *at = t->at, *end = at + t->k;
    for (; at < end; at++, b += nv * LANES) {
        int64_t k = *at;
        VEC y[TILE_VECTORS];
        foreach (v, nv)
            y[v] = LOAD(b + v * LANES);
        foreach (r, mr) {
            VEC x = SPLAT(a[r][k]);
            foreach (v, nv)
                acc[r][v] = FMA(x, y[v], acc[r][v]);
        }
    }
    foreach (r, mr)
        foreach (v, nv) {
            R *c = (R *)t->c + (i + r) * t->c_row + v * LANES;
            STORE(c, t->fresh ? acc[r][v] : LOAD(c) + acc[r][v]);
        }
}

/* clang-format off */
#define PANEL(mr, nv)                                                   \
    static void NAME(outer_##mr##nv)(const struct outer *t, int64_t i)  \
    {                                                                   \
        NAME(outer_panel)(t, i, mr, nv);                                \
    }
PANEL(1, 1) PANEL(1, 2) PANEL(1, 3) PANEL(2, 1) PANEL(2, 2) PANEL(2, 3)
PANEL(3, 1) PANEL(3, 2) PANEL(3, 3) PANEL(4, 1) PANEL(4, 2) PANEL(4, 3)
#if defined(MANY_REGISTERS)
PANEL(5, 1) PANEL(5, 2) PANEL(5, 3) PANEL(6, 1) PANEL(6, 2) PANEL(6, 3)
PANEL(7, 1) PANEL(7, 2) PANEL(7, 3) PANEL(8, 1) PANEL(8, 2) PANEL(8, 3)
#endif
#undef PANEL

#define PANELS(mr) {NAME(outer_##mr##1), NAME(outer_##mr##2), NAME(outer_##mr##3)}
static void (*const NAME(outer_panels)[ROWS][TILE_VECTORS])(const struct outer *t, int64_t i) = {
    PANELS(1), PANELS(2), PANELS(3), PANELS(4),
#if defined(MANY_REGISTERS)
    PANELS(5), PANELS(6), PANELS(7), PANELS(8),
#endif
};
#undef PANELS
/* clang-format on */

/* Nine rows of a 3x3 filter over one channel are 3 + 3 + 3, not 4 + 4 + 1: panels of equal size keep the vector
 * units busier. */
static void NAME(outer)(const struct outer *t)
{
    int64_t panel = tile_even(t->rows, ROWS, 1);
    for (int64_t i = 0; i < t->rows; i += panel)
        NAME(outer_panels)[tile_min(panel, t->rows - i) - 1][t->vectors - 1](t, i);
}

/* ---- dots ---- */

SQUARE(NAME(square), VEC)

/* The sums of the lanes of LANES vectors, side by side; halves first: one order whatever the compiler. */
INLINE VEC NAME(lane_sums)(VEC *v)
{
    NAME(square)(v);
    for (int half = LANES / 2; half > 0; half /= 2)
        foreach (j, half)
            v[j] += v[j + half];
    return v[0];
}

static R NAME(lane_sum)(VEC v)
{
    VEC all[LANES] = {v};
    return NAME(lane_sums)(all)[0];
}

/* The first `count` lanes set. */
static NAME(mask) NAME(lane_mask)(int64_t count)
{
    union {
        NAME(mask) v;
        INTEGER x[LANES];
    } u = {.v = {0}};
    for (int64_t j = 0; j < count; j++)
        u.x[j] = -1;
    return u.v;
}

/* Of `outputs` planes of z and so many taps: each vector of either is read once for all of the other.  Meanwhile
 * `ahead` planes from `next` on are fetched from memory to the second cache. */
INLINE void NAME(dots_group)(const struct dots *t, const int32_t *offset, const R *z, R *sum, const R *next,
                             int64_t ahead, const int outputs, const int taps)
{
    VEC acc[DOT_TAPS][DOT_OUTPUTS];
    foreach (i, taps)
        foreach (o, outputs)
            acc[i][o] = (VEC){0};
    int64_t whole = t->columns / LANES * LANES, rest = t->columns - whole;
    NAME(mask) mask = NAME(lane_mask)(rest);
    for (int64_t row = 0; row < t->rows; row++, z += t->z_row, next += t->z_row) {
        const R *x = (const R *)t->x + row * t->x_row;
        VEC y[DOT_OUTPUTS];
        for (int64_t j = 0; j < whole; j += LANES) {
            for (int64_t o = 0; o < ahead; o++)
                __builtin_prefetch(next + o * t->z_output + j, 0, 2);
            foreach (o, outputs)
                y[o] = LOAD(z + o * t->z_output + j);
            foreach (i, taps) {
                VEC v = LOAD(x + offset[i] + j);
                IN_REGISTER(v);
                foreach (o, outputs)
                    acc[i][o] = FMA(v, y[o], acc[i][o]);
            }
        }
        if (rest == 0)
            continue;
        foreach (o, outputs)
            y[o] = NAME(load_part)(z + o * t->z_output + whole, 1, rest);
        foreach (i, taps) { /* masked: 0 * Inf of a pixel that does not count would be NaN */
            VEC v = (VEC)((NAME(mask))LOAD(x + offset[i] + whole) & mask);
            foreach (o, outputs)
                acc[i][o] = FMA(v, y[o], acc[i][o]);
        }
    }
    const int count = outputs * taps;
    foreach (part, (count + LANES - 1) / LANES) {
        VEC some[LANES];
        foreach (k, LANES) {
            const int n = part * LANES + k;
            some[k] = n < count ? acc[n / outputs][n % outputs] : (VEC){0};
        }
        VEC s = NAME(lane_sums)(some);
        for (int n = part * LANES; n < count && n < (part + 1) * LANES; n++) {
            R *to = sum + n / outputs * t->sum_step + n % outputs;
            *to = t->fresh ? s[n % LANES] : *to + s[n % LANES];
        }
    }
}

/* clang-format off */
#define GROUP(outputs, taps)                                                                           \
    static void NAME(dots_##outputs##taps)(const struct dots *t, const int32_t *offset, const R *z,    \
                                           R *sum, const R *next, int64_t ahead)                       \
    {                                                                                                  \
        NAME(dots_group)(t, offset, z, sum, next, ahead, outputs, taps);                               \
    }
GROUP(1, 1) GROUP(1, 2) GROUP(1, 3) GROUP(1, 4) GROUP(2, 1) GROUP(2, 2) GROUP(2, 3) GROUP(2, 4)
GROUP(3, 1) GROUP(3, 2) GROUP(3, 3) GROUP(3, 4)
#if defined(MANY_REGISTERS)
GROUP(1, 5) GROUP(1, 6) GROUP(1, 7) GROUP(1, 8) GROUP(1, 9) GROUP(2, 5) GROUP(2, 6) GROUP(2, 7) GROUP(2, 8)
GROUP(2, 9) GROUP(3, 5) GROUP(3, 6) GROUP(3, 7) GROUP(3, 8) GROUP(3, 9)
#define GROUPS(n) {NAME(dots_##n##1), NAME(dots_##n##2), NAME(dots_##n##3), NAME(dots_##n##4), NAME(dots_##n##5), \
                   NAME(dots_##n##6), NAME(dots_##n##7), NAME(dots_##n##8), NAME(dots_##n##9)}
#else
#define GROUPS(n) {NAME(dots_##n##1), NAME(dots_##n##2), NAME(dots_##n##3), NAME(dots_##n##4)}
#endif
static void (*const NAME(dots_groups)[DOT_OUTPUTS][DOT_TAPS])(const struct dots *t, const int32_t *offset, const R *z,
                                                              R *sum, const R *next, int64_t ahead) = {
    GROUPS(1), GROUPS(2), GROUPS(3)};
#undef GROUPS
#undef GROUP
/* clang-format on */

/* Each pass over some outputs fetches its share of the outputs that come next: the first pass alone would wait for
 * memory, and the others leave it idle. */
static void NAME(dots)(const struct dots *t)
{
    const int64_t group = tile_even(t->taps, DOT_TAPS, 1), each = tile_blocks(DOT_OUTPUTS * group, t->taps);
    for (int64_t o = 0; o < t->outputs; o += DOT_OUTPUTS) {
        const R *z = (const R *)t->z + o * t->z_output;
        const int64_t outputs = tile_min(DOT_OUTPUTS, t->outputs - o);
        const R *next = o + DOT_OUTPUTS < t->outputs ? z + DOT_OUTPUTS * t->z_output : t->next;
        int64_t left = DOT_OUTPUTS;
        for (int64_t i = 0; i < t->taps; i += group) {
            const int64_t taps = tile_min(group, t->taps - i), ahead = tile_min(each, left);
            R *sum = (R *)t->sum + i * t->sum_step + o;
            NAME(dots_groups)[outputs - 1][taps - 1](t, t->offset + i, z, sum, next, ahead);
            next += ahead * t->z_output;
            left -= ahead;
        }
    }
}

/* ---- filter ---- */

/* Vectors j .. j + n of row r.  A whole vector may be stored where what lies behind the row is stored later. */
INLINE void NAME(filter_vectors)(const struct filter *t, int64_t r, int64_t j, const int n)
{
    VEC acc[4];
    const R *a = t->a, *x = (const R *)t->x + r * t->x_row + j;
    R *z = (R *)t->z + r * t->z_row + j * t->z_step;
    foreach (v, n)
        acc[v] = (VEC){0};
    for (int64_t k = 0; k < t->k; k++) {
        VEC s = SPLAT(a[k]);
        foreach (v, n)
            acc[v] = FMA(s, LOAD(x + t->offset[k] + v * LANES), acc[v]);
    }
    const int64_t end = (t->rows - 1) * t->z_row + t->columns - r * t->z_row;
    foreach (v, n) {
        const int64_t at = j + v * LANES, count = tile_min(LANES, t->columns - at);
        VEC y = t->bias ? acc[v] + SPLAT(*(const R *)t->bias) : acc[v];
        if (t->z_step == 1 && (count == LANES || (t->columns == t->z_row && at + LANES <= end)))
            STORE(z + v * LANES, y);
        else
            NAME(store_part)(z + v * LANES * t->z_step, t->z_step, count, y);
    }
}

static void NAME(filter)(const struct filter *t)
{
    for (int64_t r = 0; r < t->rows; r++)
        for (int64_t j = 0; j < t->columns; j += 4 * LANES) {
            const int64_t n = tile_min(4, tile_blocks(t->columns - j, LANES));
            if (n == 4)
                NAME(filter_vectors)(t, r, j, 4);
            else if (n == 3)
                NAME(filter_vectors)(t, r, j, 3);
            else if (n == 2)
                NAME(filter_vectors)(t, r, j, 2);
            else
                NAME(filter_vectors)(t, r, j, 1);
        }
}

/* ---- stage ---- */

/* Vector stores may run past `count`: what lies there is written later. */
INLINE void NAME(clear_row)(R *to, int64_t count)
{
    for (int64_t j = 0; j < count; j += LANES)
        STORE(to + j, (VEC){0});
}

INLINE void NAME(copy_four)(R *to, const R *from)
{
    STORE_FOUR(to, LOAD_FOUR(from));
}

/* Reads and writes exactly `count` elements; the end of a row overlaps what comes before it. */
INLINE void NAME(copy_row)(R *to, const R *from, int64_t count)
{
    int64_t j = 0;
    for (; j + LANES <= count; j += LANES)
        STORE(to + j, LOAD(from + j));
    if (j == count)
        return;
    if (count > LANES) {
        STORE(to + count - LANES, LOAD(from + count - LANES));
    } else if (count >= 4 && count <= 8) {
        NAME(copy_four)(to, from);
        NAME(copy_four)(to + count - 4, from + count - 4);
    } else {
        for (; j < count; j++)
            to[j] = from[j];
    }
}

/* Rows q0 .. q1 of a plane as wide as the image: one piece of it, in which what belongs to the rows beside is then
 * cleared.  `count` columns from `first` on lie in the image. */
static void NAME(stage_piece)(const struct stage *t, R *to, const R *from, int64_t q0, int64_t q1,
                              int64_t first, int64_t count)
{
    const int64_t pitch = t->pitch;
    NAME(clear_row)(to, q0 * pitch);
    NAME(copy_row)(to + q0 * pitch + first, from, (q1 - q0 - 1) * pitch + count);
    for (int64_t q = q0; q < q1; q++) {
        for (int64_t j = 0; j < first; j++)
            to[q * pitch + j] = 0;
        for (int64_t j = first + count; j < pitch; j++)
            to[q * pitch + j] = 0;
    }
    NAME(clear_row)(to + q1 * pitch, (t->rows - q1) * pitch);
}

/* How many of `count` elements start, start + step ... are less than end. */
static int64_t NAME(below)(int64_t start, int64_t step, int64_t count, int64_t end)
{
    return start < end ? tile_min(tile_blocks(end - start, step), count) : 0;
}

static void NAME(stage_plane)(const struct stage *t, R *to, const R *from, int64_t top, int64_t left)
{
    const int64_t step = t->step_w, first = NAME(below)(left, step, t->pitch, 0);
    const int64_t count = NAME(below)(left, step, t->pitch, t->width) - first;
    const int64_t q0 = NAME(below)(top, t->step_h, t->rows, 0),
                  q1 = NAME(below)(top, t->step_h, t->rows, t->height);
    if (count <= 0 || q1 <= q0) {
        NAME(clear_row)(to, t->rows * t->pitch);
        return;
    }
    const R *row = from + (top + q0 * t->step_h) * t->width + left + first * step;
    if (t->pitch == t->width && step == 1 && t->step_h == 1) {
        NAME(stage_piece)(t, to, row, q0, q1, first, count);
        return;
    }
    NAME(clear_row)(to, q0 * t->pitch);
    to += q0 * t->pitch;
    for (int64_t q = q0; q < q1; q++, to += t->pitch, row += t->step_h * t->width) {
        NAME(clear_row)(to, first);
        if (step == 1)
            NAME(copy_row)(to + first, row, count);
        else
            for (int64_t j = 0; j < count; j++)
                to[first + j] = row[j * step];
        NAME(clear_row)(to + first + count, t->pitch - first - count);
    }
    NAME(clear_row)(to, (t->rows - q1) * t->pitch);
}

static void NAME(stage)(const struct stage *t)
{
    R *to = t->to;
    for (int64_t channel = 0; channel < t->channels; channel++) {
        const R *from = (const R *)t->from + channel * t->channel_size;
        for (int64_t ph = 0; ph < t->phases_h; ph++)
            for (int64_t pw = 0; pw < t->phases_w; pw++) {
                NAME(stage_plane)(t, to, from, t->top + ph, t->left + pw * t->turn_w);
                to += t->rows * t->pitch;
            }
    }
}

/* ---- gemv ---- */

/* Four products of contiguous rows at a time. */
INLINE void NAME(gemv_dots)(const struct gemv *t, int64_t j, const int count)
{
    VEC acc[4][2];
    const R *a = t->a, *b[4], *bias = t->bias;
    foreach (i, count) {
        b[i] = (const R *)t->b + (j + i) * t->b_col;
        acc[i][0] = acc[i][1] = (VEC){0};
    }
    int64_t k = 0;
    for (; k + 2 * LANES <= t->k; k += 2 * LANES) {
        VEC x = LOAD(a + k), y = LOAD(a + k + LANES);
        foreach (i, count) {
            acc[i][0] = FMA(x, LOAD(b[i] + k), acc[i][0]);
            acc[i][1] = FMA(y, LOAD(b[i] + k + LANES), acc[i][1]);
        }
    }
    for (; k < t->k; k += LANES) {
        int64_t rest = tile_min(LANES, t->k - k);
        VEC x = NAME(load_part)(a + k, 1, rest);
        foreach (i, count)
            acc[i][0] = FMA(x, NAME(load_part)(b[i] + k, 1, rest), acc[i][0]);
    }
    foreach (i, count)
        ((R *)t->z)[j + i] = NAME(lane_sum)(acc[i][0] + acc[i][1]) + (bias ? bias[(j + i) * t->bias_step] : 0);
}

/* z += a[0] b[0] + ... + a[rows-1] b[rows-1], in that order. */
INLINE void NAME(gemv_rows)(R *z, int64_t n, const R *a, const R *b, int64_t b_row, const int rows)
{
    int64_t j = 0;
    for (; j + LANES <= n; j += LANES) {
        VEC acc = LOAD(z + j);
        foreach (i, rows)
            acc = FMA(SPLAT(a[i]), LOAD(b + i * b_row + j), acc);
        STORE(z + j, acc);
    }
    if (j == n)
        return;
    VEC acc = NAME(load_part)(z + j, 1, n - j);
    foreach (i, rows)
        acc = FMA(SPLAT(a[i]), NAME(load_part)(b + i * b_row + j, 1, n - j), acc);
    NAME(store_part)(z + j, 1, n - j, acc);
}

static void NAME(gemv)(const struct gemv *t)
{
    int64_t j = 0, k = 0;
    if (t->b_row == 1) {
        for (; j + 4 <= t->n; j += 4)
            NAME(gemv_dots)(t, j, 4);
        for (; j < t->n; j++)
            NAME(gemv_dots)(t, j, 1);
        return;
    }
    const R *a = t->a, *b = t->b, *bias = t->bias;
    R *z = t->z;
    for (; j < t->n; j++)
        z[j] = bias ? bias[j * t->bias_step] : 0;
    for (; k + 4 <= t->k; k += 4)
        NAME(gemv_rows)(z, t->n, a + k, b + k * t->b_row, t->b_row, 4);
    for (; k < t->k; k++)
        NAME(gemv_rows)(z, t->n, a + k, b + k * t->b_row, t->b_row, 1);
}
