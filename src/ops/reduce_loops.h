/* reduce_loops.h - the loops of a fold for one element type.  Included by reduce_isa.c once per type and
 * fold, with
 *   ELEMENT, RESULT     the types of x and z
 *   FOLD(a, x)          a, x of type RESULT
 *   START               the fold of nothing
 *   NAME(name)          name with the type's and the fold's suffix
 *   SHORT               rows of up to so many elements are folded by few lanes */

/* The fold of n neighbours by LANES lanes and a tree. */
static RESULT NAME(block)(const ELEMENT *x, int64_t n)
{
    RESULT lane[LANES];

    for (int j = 0; j < LANES; j++)
        lane[j] = START;
    for (; n >= LANES; n -= LANES, x += LANES)
        for (int j = 0; j < LANES; j++)
            lane[j] = FOLD(lane[j], (RESULT)x[j]);
    for (int j = 0; j < n; j++)
        lane[j] = FOLD(lane[j], (RESULT)x[j]);
    for (int half = LANES / 2; half; half /= 2)
        for (int j = 0; j < half; j++)
            lane[j] = FOLD(lane[j], lane[j + half]);
    return lane[0];
}

/* The fold of n elements a stride apart, n small. */
static RESULT NAME(strided)(const ELEMENT *x, int64_t n, int64_t stride)
{
    RESULT z = START;

    for (int64_t i = 0; i < n; i++)
        z = FOLD(z, (RESULT)x[i * stride]);
    return z;
}

/* Blocks are folded pairwise: part[i] is the fold of 2^i blocks, or empty. */
struct NAME(parts) {
    uint64_t blocks;
    RESULT part[64];
};

static void NAME(push)(struct NAME(parts) * p, RESULT value)
{
    int i = 0;

    for (; p->blocks >> i & 1; i++)
        value = FOLD(p->part[i], value);
    p->part[i] = value;
    p->blocks++;
}

/* The fold of one output by blocks. */
static RESULT NAME(row)(const ELEMENT *x, const struct reduction *r, int64_t start, int64_t end)
{
    struct NAME(parts) parts;
    struct walk w = walk_start(r, start);
    RESULT z = START;

    parts.blocks = 0;
    while (start < end) {
        int64_t n = walk_run(&w, end - start, w.stride == 1 ? BLOCK : LANES);

        NAME(push)(&parts, w.stride == 1 ? NAME(block)(x + w.at, n) : NAME(strided)(x + w.at, n, w.stride));
        walk_next(&w, n);
        start += n;
    }
    for (int i = 0; parts.blocks >> i; i++)
        if (parts.blocks >> i & 1)
            z = FOLD(parts.part[i], z);
    return z;
}

/* The fold of n neighbours, n small, by few lanes. */
static RESULT NAME(short_row)(const ELEMENT *x, int64_t n)
{
    RESULT lane[FEW];

    for (int j = 0; j < FEW; j++)
        lane[j] = START;
    for (; n >= FEW; n -= FEW, x += FEW)
        for (int j = 0; j < FEW; j++)
            lane[j] = FOLD(lane[j], (RESULT)x[j]);
    for (int j = 0; j < n; j++)
        lane[j] = FOLD(lane[j], (RESULT)x[j]);
    for (int j = 0; j < FEW / 2; j++)
        lane[j] = FOLD(lane[j], lane[j + FEW / 2]);
    return FOLD(FOLD(lane[0], lane[1]), FOLD(lane[2], lane[3]));
}

static void NAME(rows)(const void *from, const struct reduction *r, int64_t start, int64_t end, int64_t width,
                       void *to)
{
    const ELEMENT *x = from;
    RESULT *z = to;
    int64_t step = r->kept_stride[r->nkept - 1];
    int is_short = r->nreduced == 1 && r->stride[0] == 1 && end - start <= SHORT;

    for (int64_t j = 0; j < width; j++)
        z[j] = is_short ? NAME(short_row)(x + j * step + start, end - start)
                        : NAME(row)(x + j * step, r, start, end);
}

/* z[j] = FOLD(z[j], x[i * stride + j * step]) for i < n, w columns. */
static inline void NAME(spread_lanes)(RESULT *restrict z, const ELEMENT *restrict x, int64_t n,
                                      int64_t stride, int64_t step, int w)
{
    RESULT lane[LANES];

    for (int j = 0; j < w; j++)
        lane[j] = z[j];
    for (int64_t i = 0; i < n; i++)
        for (int j = 0; j < w; j++)
            lane[j] = FOLD(lane[j], (RESULT)x[i * stride + j * step]);
    for (int j = 0; j < w; j++)
        z[j] = lane[j];
}

static void NAME(add_spread)(RESULT *restrict z, const ELEMENT *restrict x, int64_t n, int64_t stride,
                             int64_t step, int64_t width)
{
    for (; width >= LANES; width -= LANES, z += LANES, x += LANES * step)
        NAME(spread_lanes)(z, x, n, stride, step, LANES);
    if (width)
        NAME(spread_lanes)(z, x, n, stride, step, (int)width);
}

/* The same where step is 1. */
static void NAME(add_rows)(RESULT *restrict z, const ELEMENT *restrict x, int64_t n, int64_t stride, int64_t width)
{
    int64_t j = 0;

    for (; j + LANES <= width; j += LANES) {
        RESULT lane[LANES];

        for (int k = 0; k < LANES; k++)
            lane[k] = z[j + k];
        for (int64_t i = 0; i < n; i++)
            for (int k = 0; k < LANES; k++)
                lane[k] = FOLD(lane[k], (RESULT)x[i * stride + j + k]);
        for (int k = 0; k < LANES; k++)
            z[j + k] = lane[k];
    }
    if (j < width)
        for (int64_t i = 0; i < n; i++)
            for (int64_t k = j; k < width; k++)
                z[k] = FOLD(z[k], (RESULT)x[i * stride + k]);
}

/* Rows are folded in groups of RADIX, groups in groups of RADIX, and so on: level[0] is the running group. */
struct NAME(levels) {
    int64_t rows; /* folded so far */
    int64_t step; /* from column to column */
    int used;
    RESULT level[LEVELS][REDUCE_WIDTH];
};

static void NAME(add_level)(RESULT *restrict z, RESULT *restrict x, int64_t width)
{
    for (int64_t j = 0; j < width; j++) {
        z[j] = FOLD(z[j], x[j]);
        x[j] = START;
    }
}

/* n rows, which do not pass the end of a group. */
static void NAME(add_group)(struct NAME(levels) * s, const ELEMENT *x, int64_t n, int64_t stride, int64_t width)
{
    int i = 0;

    if (s->step == 1)
        NAME(add_rows)(s->level[0], x, n, stride, width);
    else
        NAME(add_spread)(s->level[0], x, n, stride, s->step, width);
    s->rows += n;
    for (int64_t groups = s->rows; groups % RADIX == 0 && i + 1 < LEVELS; groups /= RADIX, i++) {
        if (i + 1 == s->used) {
            for (int64_t j = 0; j < width; j++)
                s->level[s->used][j] = START;
            s->used++;
        }
        NAME(add_level)(s->level[i + 1], s->level[i], width);
    }
}

static void NAME(columns)(const void *from, const struct reduction *r, int64_t start, int64_t end,
                          int64_t width, void *to)
{
    const ELEMENT *x = from;
    RESULT *z = to;
    struct NAME(levels) s;
    struct walk w = walk_start(r, start);
    int64_t fold = walk_fold(r, width), wide = width * fold, left;

    s.rows = 0;
    s.step = r->kept_stride[r->nkept - 1];
    s.used = 1;
    for (int64_t j = 0; j < wide; j++)
        s.level[0][j] = START;
    while (end - start >= fold) {
        int64_t n = walk_run(&w, (end - start) / fold * fold, (RADIX - s.rows % RADIX) * fold);

        NAME(add_group)(&s, x + w.at, n / fold, w.stride * fold, wide);
        walk_next(&w, n);
        start += n;
    }
    left = end - start;
    for (int i = 0; i + 1 < s.used; i++)
        NAME(add_level)(s.level[i + 1], s.level[i], wide);
    RESULT *last = s.level[s.used - 1];
    if (left)
        NAME(add_rows)(last, x + w.at, 1, 0, left * width);
    for (int64_t j = 0; j < width; j++)
        z[j] = last[j];
    for (int64_t j = width; j < wide; j++)
        z[j % width] = FOLD(z[j % width], last[j]);
}

#undef ELEMENT
#undef RESULT
#undef FOLD
#undef START
#undef NAME
