/* gemm_pack.h - the loops of struct tile_set that copy and add, for one real type R: behind gemm_micro.h, whose names
 * it uses and takes back. */

/* ---- pack ---- */

/* Four rows of contiguous columns become four columns. */
static void NAME(pack_four)(R *to, int64_t pitch, const R *from, int64_t row, int64_t columns)
{
    int64_t c = 0;
    for (; c + 4 <= columns; c += 4, to += 4 * pitch) {
        const R *p = from + c;
        FOUR x0 = LOAD_FOUR(p), x1 = LOAD_FOUR(p + row), x2 = LOAD_FOUR(p + 2 * row),
             x3 = LOAD_FOUR(p + 3 * row);
        FOUR y0 = __builtin_shufflevector(x0, x1, 0, 4, 1, 5), y1 = __builtin_shufflevector(x0, x1, 2, 6, 3, 7);
        FOUR y2 = __builtin_shufflevector(x2, x3, 0, 4, 1, 5), y3 = __builtin_shufflevector(x2, x3, 2, 6, 3, 7);
        STORE_FOUR(to, __builtin_shufflevector(y0, y2, 0, 1, 4, 5));
        STORE_FOUR(to + pitch, __builtin_shufflevector(y0, y2, 2, 3, 6, 7));
        STORE_FOUR(to + 2 * pitch, __builtin_shufflevector(y1, y3, 0, 1, 4, 5));
        STORE_FOUR(to + 3 * pitch, __builtin_shufflevector(y1, y3, 2, 3, 6, 7));
    }
    for (; c < columns; c++, to += pitch)
        for (int64_t r = 0; r < 4; r++)
            to[r] = from[r * row + c];
}

/* LANES rows of contiguous columns become LANES columns. */
static void NAME(pack_lanes)(R *to, int64_t pitch, const R *from, int64_t row, int64_t columns)
{
    int64_t c = 0;
    for (; c + LANES <= columns; c += LANES, to += LANES * pitch) {
        VEC x[LANES];
        foreach (r, LANES)
            x[r] = LOAD(from + r * row + c);
        NAME(square)(x);
        foreach (r, LANES)
            STORE(to + r * pitch, x[r]);
    }
    for (; c < columns; c++, to += pitch)
        for (int64_t r = 0; r < LANES; r++)
            to[r] = from[r * row + c];
}

static void NAME(pack)(void *out, int64_t pitch, int64_t padded, const void *in, int64_t row, int64_t column,
                       int64_t rows, int64_t columns)
{
    R *to = out;
    const R *from = in;
    int64_t r = 0;
    if (column == 1 && columns >= LANES)
        for (; r + LANES <= rows; r += LANES)
            NAME(pack_lanes)(to + r, pitch, from + r * row, row, columns);
    if (column == 1 && columns >= 4)
        for (; r + 4 <= rows; r += 4)
            NAME(pack_four)(to + r, pitch, from + r * row, row, columns);
    for (int64_t c = 0; c < columns && r < rows; c++) {
        const R *p = from + r * row + c * column;
        if (row == 1)
            NAME(copy_row)(to + c * pitch + r, p, rows - r);
        else
            for (int64_t i = r; i < rows; i++, p += row)
                to[c * pitch + i] = *p;
    }
    for (int64_t c = 0; c < columns && rows < padded; c++)
        for (int64_t i = rows; i < padded; i++)
            to[c * pitch + i] = 0;
}

/* Four columns of `rows` rows that lie side by side. */
INLINE void NAME(pack_beside)(R *to, const R *from, int64_t column, int64_t rows)
{
    for (int64_t c = 0; c < 4; c++, from += column, to += rows)
        for (int64_t r = 0; r < rows; r += 4)
            NAME(copy_four)(to + r, from + r);
}

/* Where rows lie side by side they are read that way: four columns for all panels, then the next four. */
static void NAME(panels)(void *out, int64_t panel, int64_t unit, const void *in, int64_t row, int64_t column,
                         int64_t m, int64_t k)
{
    const int64_t step = row == 1 ? 4 : k;
    for (int64_t c = 0; c < k; c += step)
        for (int64_t i = 0; i < m; i += panel) {
            int64_t rows = tile_min(panel, m - i), pitch = tile_round(rows, unit);
            R *to = (R *)out + i * k + c * pitch;
            const R *from = (const R *)in + i * row + c * column;
            if (row == 1 && rows % 4 == 0 && rows == pitch && c + 4 <= k)
                NAME(pack_beside)(to, from, column, rows);
            else
                NAME(pack)(to, pitch, pitch, from, row, column, rows, tile_min(step, k - c));
        }
}

/* ---- fill, sum ---- */

static void NAME(fill)(void *out, int64_t n, double value)
{
    for (int64_t i = 0; i < n; i++)
        ((R *)out)[i] = (R)value;
}

static void NAME(sum)(void *out, int64_t z_row, const void *in, int64_t x_row, int64_t x_part, int64_t parts,
                      const void *bias, int64_t rows, int64_t columns)
{
    for (int64_t r = 0; r < rows; r++) {
        R *z = (R *)out + r * z_row;
        const R *x = (const R *)in + r * x_row, *b = bias;
        for (int64_t c = 0; c < columns; c += LANES) {
            int64_t count = tile_min(LANES, columns - c);
            int whole = count == LANES;
            VEC s = whole ? LOAD(x + c) : NAME(load_part)(x + c, 1, count);
            for (int64_t p = 1; p < parts; p++)
                s += whole ? LOAD(x + p * x_part + c) : NAME(load_part)(x + p * x_part + c, 1, count);
            if (b)
                s += whole ? LOAD(b + c) : NAME(load_part)(b + c, 1, count);
            if (whole)
                STORE(z + c, s);
            else
                NAME(store_part)(z + c, 1, count, s);
        }
    }
}

#undef VEC
#undef LANES
#undef LOAD
#undef STORE
#undef FOUR
#undef LOAD_FOUR
#undef STORE_FOUR
