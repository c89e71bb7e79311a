/* reduce_loops.h - the loops of a fold for one element type.  Included by reduce_types.h once per type, with
 *   ELEMENT, RESULT     the types of x and z
 *   OF(x, o, m, p)      what is folded of element x, with the output's first element o, its shift m, and the
 *                       number p: a RESULT
 *   FOLD(a, x)          a, x of type RESULT
 *   START               the fold of nothing
 *   NAME(name)          name with the type's and the fold's suffix
 *   SHORT               rows of up to so many elements are folded by few lanes
 * ELEMENT and NAME are undefined again here. */

/* The fold of n neighbours by LANES lanes and a tree. */
static RESULT NAME(block)(const ELEMENT *x, int64_t n, ELEMENT o, ELEMENT m, ELEMENT p)
{
    RESULT lane[LANES];

    for (int j = 0; j < LANES; j++)
        lane[j] = START;
    for (; n >= LANES; n -= LANES, x += LANES)
        for (int j = 0; j < LANES; j++)
            lane[j] = FOLD(lane[j], OF(x[j], o, m, p));
    for (int j = 0; j < n; j++)
        lane[j] = FOLD(lane[j], OF(x[j], o, m, p));
    for (int half = LANES / 2; half; half /= 2)
        for (int j = 0; j < half; j++)
            lane[j] = FOLD(lane[j], lane[j + half]);
    return lane[0];
}

/* The fold of n elements a stride apart, n small. */
static RESULT NAME(strided)(const ELEMENT *x, int64_t n, int64_t stride, ELEMENT o, ELEMENT m, ELEMENT p)
{
    RESULT z = START;

    for (int64_t i = 0; i < n; i++)
        z = FOLD(z, OF(x[i * stride], o, m, p));
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
static RESULT NAME(row)(const ELEMENT *x, const struct reduction *r, int64_t start, int64_t end, ELEMENT o,
                        ELEMENT m, ELEMENT p)
{
    struct NAME(parts) parts;
    struct walk w = walk_start(r, start);
    RESULT z = START;

    parts.blocks = 0;
    while (start < end) {
        int64_t n = walk_run(&w, end - start, w.stride == 1 ? BLOCK : LANES);

        NAME(push)
        (&parts,
         w.stride == 1 ? NAME(block)(x + w.at, n, o, m, p) : NAME(strided)(x + w.at, n, w.stride, o, m, p));
        walk_next(&w, n);
        start += n;
    }
    for (int i = 0; parts.blocks >> i; i++)
        if (parts.blocks >> i & 1)
            z = FOLD(parts.part[i], z);
    return z;
}

/* The fold of n neighbours, n small, by few lanes. */
static RESULT NAME(short_row)(const ELEMENT *x, int64_t n, ELEMENT o, ELEMENT m, ELEMENT p)
{
    RESULT lane[FEW];

    for (int j = 0; j < FEW; j++)
        lane[j] = START;
    for (; n >= FEW; n -= FEW, x += FEW)
        for (int j = 0; j < FEW; j++)
            lane[j] = FOLD(lane[j], OF(x[j], o, m, p));
    for (int j = 0; j < n; j++)
        lane[j] = FOLD(lane[j], OF(x[j], o, m, p));
    for (int j = 0; j < FEW / 2; j++)
        lane[j] = FOLD(lane[j], lane[j + FEW / 2]);
    return FOLD(FOLD(lane[0], lane[1]), FOLD(lane[2], lane[3]));
}

static void NAME(rows)(const void *from, const struct reduction *r, int64_t start, int64_t end, int64_t width,
                       const struct reduce_map *map, void *to)
{
    const ELEMENT *x = from, *shift = map->shift;
    RESULT *z = to;
    int64_t step = r->kept_stride[r->nkept - 1];
    int is_short = r->nreduced == 1 && r->stride[0] == 1 && end - start <= SHORT;
    ELEMENT p = (ELEMENT)map->number;

    for (int64_t j = 0; j < width; j++) {
        ELEMENT o = r->count ? x[j * step] : 0, m = shift ? shift[j] : 0;

        z[j] = is_short ? NAME(short_row)(x + j * step + start, end - start, o, m, p)
                        : NAME(row)(x + j * step, r, start, end, o, m, p);
    }
}

/* z[j] = FOLD(z[j], OF x[i * stride + j * step]) for i < n, w columns. */
static inline void NAME(spread_lanes)(RESULT *restrict z, const ELEMENT *restrict x, int64_t n,
                                      int64_t stride, int64_t step, int w, const ELEMENT *restrict o,
                                      const ELEMENT *restrict m, ELEMENT p)
{
    RESULT lane[LANES];

    for (int j = 0; j < w; j++)
        lane[j] = z[j];
    for (int64_t i = 0; i < n; i++)
        for (int j = 0; j < w; j++)
            lane[j] = FOLD(lane[j], OF(x[i * stride + j * step], o[j], m[j], p));
    for (int j = 0; j < w; j++)
        z[j] = lane[j];
}

static void NAME(add_spread)(RESULT *restrict z, const ELEMENT *restrict x, int64_t n, int64_t stride,
                             int64_t step, int64_t width, const ELEMENT *o, const ELEMENT *m, ELEMENT p)
{
    for (; width >= LANES; width -= LANES, z += LANES, o += LANES, m += LANES, x += LANES * step)
        NAME(spread_lanes)(z, x, n, stride, step, LANES, o, m, p);
    if (width)
        NAME(spread_lanes)(z, x, n, stride, step, (int)width, o, m, p);
}

/* The same where step is 1. */
static void NAME(add_rows)(RESULT *restrict z, const ELEMENT *restrict x, int64_t n, int64_t stride,
                           int64_t width, const ELEMENT *restrict o, const ELEMENT *restrict m, ELEMENT p)
{
    int64_t j = 0;

    for (; j + LANES <= width; j += LANES) {
        RESULT lane[LANES];

        for (int k = 0; k < LANES; k++)
            lane[k] = z[j + k];
        for (int64_t i = 0; i < n; i++)
            for (int k = 0; k < LANES; k++)
                lane[k] = FOLD(lane[k], OF(x[i * stride + j + k], o[j + k], m[j + k], p));
        for (int k = 0; k < LANES; k++)
            z[j + k] = lane[k];
    }
    if (j < width)
        for (int64_t i = 0; i < n; i++)
            for (int64_t k = j; k < width; k++)
                z[k] = FOLD(z[k], OF(x[i * stride + k], o[k], m[k], p));
}

/* Rows are folded in groups of RADIX, groups in groups of RADIX, and so on: level[0] is the running group. */
struct NAME(levels) {
    int64_t rows; /* folded so far */
    int64_t step; /* from column to column */
    int used;
    ELEMENT p;
    ELEMENT o[REDUCE_WIDTH], m[REDUCE_WIDTH]; /* a first element and a shift a column */
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
        NAME(add_rows)(s->level[0], x, n, stride, width, s->o, s->m, s->p);
    else
        NAME(add_spread)(s->level[0], x, n, stride, s->step, width, s->o, s->m, s->p);
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
                          int64_t width, const struct reduce_map *map, void *to)
{
    const ELEMENT *x = from, *shift = map->shift;
    RESULT *z = to;
    struct NAME(levels) s;
    struct walk w = walk_start(r, start);
    int64_t fold = walk_fold(r, width), wide = width * fold, left;

    s.rows = 0;
    s.step = r->kept_stride[r->nkept - 1];
    s.used = 1;
    s.p = (ELEMENT)map->number;
    for (int64_t j = 0; j < wide; j++) {
        s.level[0][j] = START;
        s.o[j] = r->count ? x[j % width * s.step] : 0;
        s.m[j] = shift ? shift[j % width] : 0;
    }
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
        NAME(add_rows)(last, x + w.at, 1, 0, left * width, s.o, s.m, s.p);
    for (int64_t j = 0; j < width; j++)
        z[j] = last[j];
    for (int64_t j = width; j < wide; j++)
        z[j % width] = FOLD(z[j % width], last[j]);
}

#undef ELEMENT
#undef NAME
