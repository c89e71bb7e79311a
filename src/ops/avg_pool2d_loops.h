/* avg_pool2d_loops.h - the loops of avg_pool2d_isa.c for one scalar type: `real`, and NAME(x) for their names.
 * Included once for each; no guard. */

/* ---- Forward: the rows of a window are added, then its columns ---- */

static void NAME(add_row)(real *restrict row, const real *restrict x, int64_t n)
{
    for (int64_t c = 0; c < n; c++)
        row[c] += x[c];
}

/* row = the sum of n rows of x. */
static void NAME(sum_rows)(real *restrict row, const real *restrict x, int64_t width, int64_t n)
{
    if (n == 0) {
        memset(row, 0, (size_t)width * sizeof *row);
        return;
    }
    if (n == 1) {
        memcpy(row, x, (size_t)width * sizeof *row);
        return;
    }
    for (int64_t c = 0; c < width; c++)
        row[c] = x[c] + x[width + c];
    for (int64_t y = 2; y < n; y++)
        NAME(add_row)(row, x + y * width, width);
}

static inline void NAME(add_steps)(real *restrict z, const real *restrict row, int64_t step, int64_t n)
{
    for (int64_t j = 0; j < n; j++)
        z[j] += row[j * step];
}

/* n windows of `size` columns, `step` apart. */
static void NAME(sum_steps)(real *restrict z, const real *restrict row, int32_t step, int32_t size, int64_t n)
{
    if (size == 2 && step == 2) {
        for (int64_t j = 0; j < n; j++)
            z[j] = row[2 * j] + row[2 * j + 1];
        return;
    }
    for (int64_t j = 0; j < n; j++)
        z[j] = 0;
    for (int32_t q = 0; q < size; q++)
        if (step == 1)
            NAME(add_steps)(z, row + q, 1, n);
        else if (step == 2)
            NAME(add_steps)(z, row + q, 2, n);
        else
            NAME(add_steps)(z, row + q, step, n);
}

static inline real NAME(sum_window)(const real *row, struct avg_window w)
{
    real sum = 0;
    for (int32_t c = w.from; c < w.to; c++)
        sum += row[c];
    return sum;
}

static void NAME(forward)(const struct avg_pool *p, const void *x, void *z, void *scratch, int64_t first,
                          int64_t last)
{
    real *row = scratch;
    for (int64_t r = first; r < last; r++) {
        struct avg_window w = p->rows[r % p->out_height];
        const real *plane = (const real *)x + r / p->out_height * p->height * p->width;
        real *restrict out = (real *)z + r * p->out_width;
        int64_t start = p->step ? p->first : p->out_width, end = p->step ? p->last : p->out_width;
        NAME(sum_rows)(row, plane + w.from * p->width, p->width, w.to - w.from);
        for (int64_t j = 0; j < start; j++)
            out[j] = NAME(sum_window)(row, p->columns[j]) / ((real)w.count * (real)p->columns[j].count);
        if (start < end) {
            const real count = (real)w.count * (real)p->columns[start].count;
            NAME(sum_steps)(out + start, row + p->columns[start].from, p->step, p->size, end - start);
            for (int64_t j = start; j < end; j++)
                out[j] /= count;
        }
        for (int64_t j = end; j < p->out_width; j++)
            out[j] = NAME(sum_window)(row, p->columns[j]) / ((real)w.count * (real)p->columns[j].count);
    }
}

/* ---- Backward: a row of dz is spread over the columns, then over the rows ---- */

/* row = what row i of dz gives to each column. */
static void NAME(spread_columns)(const struct avg_pool *p, const real *restrict dz, int32_t count,
                                 real *restrict row)
{
    int64_t j = 0;
    if (p->step == 2 && p->size == 2 && p->first == 0) {
        const real all = (real)count * (real)p->columns[0].count;
        for (; j < p->last; j++) {
            real d = dz[j] / all;
            row[2 * j] = d;
            row[2 * j + 1] = d;
        }
        memset(row + 2 * j, 0, (size_t)(p->width - 2 * j) * sizeof *row);
    } else {
        memset(row, 0, (size_t)p->width * sizeof *row);
    }
    for (; j < p->out_width; j++) {
        struct avg_window w = p->columns[j];
        real d = dz[j] / ((real)count * (real)w.count);
        for (int32_t c = w.from; c < w.to; c++)
            row[c] += d;
    }
}

/* Rows that no window has reached yet are set, others added to. */
static void NAME(backward)(const struct avg_pool *p, const void *dz, void *dx, void *scratch, int64_t first,
                           int64_t last)
{
    real *row = scratch;
    size_t bytes = (size_t)p->width * sizeof *row;
    for (int64_t k = first; k < last; k++) {
        real *plane = (real *)dx + k * p->height * p->width;
        int64_t done = 0;
        for (int64_t i = 0; i < p->out_height; i++) {
            struct avg_window w = p->rows[i];
            NAME(spread_columns)(p, (const real *)dz + (k * p->out_height + i) * p->out_width, w.count, row);
            for (; done < w.from; done++)
                memset(plane + done * p->width, 0, bytes);
            for (int64_t y = w.from; y < w.to && y < done; y++)
                NAME(add_row)(plane + y * p->width, row, p->width);
            for (; done < w.to; done++)
                memcpy(plane + done * p->width, row, bytes);
        }
        memset(plane + done * p->width, 0, (size_t)(p->height - done) * bytes);
    }
}
