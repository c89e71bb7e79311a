/* channels_loops.h - the loops of channels_isa.c for one scalar type: `real`; `stored` in memory, GET(x) and PUT(x)
 * from there and back; and NAME(x) for their names.
 * Included once for each; no guard. */

/* ---- One channel, along its runs ---- */

static inline real NAME(lanes_sum)(real *lane)
{
    for (int half = LANES / 2; half; half /= 2)
        for (int j = 0; j < half; j++)
            lane[j] += lane[j + half];
    return lane[0];
}

/* The sum of elements from .. to-1 of the span's channel. */
static real NAME(block_sum)(const struct norm_span *s, const stored *x, int64_t from, int64_t to)
{
    real lane[LANES] = {0};
    for (struct run r; from < to; from += r.n) {
        r = run_at(s, from, to);
        const stored *p = x + r.at;
        int64_t n = r.n;
        for (; n >= LANES; n -= LANES, p += LANES)
            for (int j = 0; j < LANES; j++)
                lane[j] += GET(p[j]);
        for (int j = 0; j < n; j++)
            lane[j] += GET(p[j]);
    }
    return NAME(lanes_sum)(lane);
}

static inline void NAME(about_lanes)(const stored *x, int n, real about, real *sum, real *squares)
{
    for (int j = 0; j < n; j++) {
        real d = GET(x[j]) - about;
        sum[j] += d;
        squares[j] += d * d;
    }
}

/* The moments of numbers from their differences d to a rough mean: the sums of d and of d^2. */
static inline struct norm_moments NAME(moments_about)(double n, real about, real sum, real squares)
{
    double d = (double)sum / n, m2 = (double)squares - (double)sum * d;
    return (struct norm_moments){n, (double)about + d, m2 < 0 ? 0 : m2};
}

/* Of elements from .. to-1, about a mean that may be rounded. */
static struct norm_moments NAME(block_moments)(const struct norm_span *s, const stored *x, int64_t from,
                                               int64_t to)
{
    double n = (double)(to - from);
    real about = (real)((double)NAME(block_sum)(s, x, from, to) / n);
    real sum[LANES] = {0}, squares[LANES] = {0};
    while (from < to) {
        struct run r = run_at(s, from, to);
        int64_t j = 0;
        for (; j + LANES <= r.n; j += LANES)
            NAME(about_lanes)(x + r.at + j, LANES, about, sum, squares);
        NAME(about_lanes)(x + r.at + j, (int)(r.n - j), about, sum, squares);
        from += r.n;
    }
    return NAME(moments_about)(n, about, NAME(lanes_sum)(sum), NAME(lanes_sum)(squares));
}

static void NAME(run_moments)(const struct norm_span *s, const stored *x, struct norm_moments *m)
{
    *m = (struct norm_moments){0, 0, 0};
    for (int64_t from = s->from, end; from < s->to; from = end) {
        end = block_end(from, s->to, BLOCK);
        norm_merge(m, NAME(block_moments)(s, x, from, end));
    }
}

static void NAME(run_apply)(const struct norm_span *s, const stored *x, stored *z, const struct norm_affine *a)
{
    const real mean = (real)a->mean, scale = (real)a->scale;
    const real shift = (real)(a->shift - (a->mean - (double)mean) * a->scale);
    for (int64_t i = s->from; i < s->to;) {
        struct run r = run_at(s, i, s->to);
        const stored *restrict p = x + r.at;
        stored *restrict q = z + r.at;
        for (int64_t j = 0; j < r.n; j++)
            q[j] = PUT((GET(p[j]) - mean) * scale + shift);
        i += r.n;
    }
}

static inline void NAME(sum_lanes)(const stored *dz, const stored *x, int n, real mean, real *flow, real *product)
{
    for (int j = 0; j < n; j++) {
        flow[j] += GET(dz[j]);
        product[j] += GET(dz[j]) * (GET(x[j]) - mean);
    }
}

static void NAME(run_sums)(const struct norm_span *s, const stored *dz, const stored *x,
                           const struct norm_affine *a, struct norm_sums *sums)
{
    const real mean = (real)a->mean;
    *sums = (struct norm_sums){0, 0};
    for (int64_t from = s->from, end; from < s->to; from = end) {
        real flow[LANES] = {0}, product[LANES] = {0};
        end = block_end(from, s->to, BLOCK);
        for (int64_t i = from; i < end;) {
            struct run r = run_at(s, i, end);
            int64_t j = 0;
            for (; j + LANES <= r.n; j += LANES)
                NAME(sum_lanes)(dz + r.at + j, x + r.at + j, LANES, mean, flow, product);
            NAME(sum_lanes)(dz + r.at + j, x + r.at + j, (int)(r.n - j), mean, flow, product);
            i += r.n;
        }
        sums->dz += (double)NAME(lanes_sum)(flow);
        sums->dzx += (double)NAME(lanes_sum)(product);
    }
}

static void NAME(run_back)(const struct norm_span *s, const stored *dz, const stored *x, stored *dx,
                           const struct norm_back *b)
{
    const real mean = (real)b->mean, flow = (real)b->flow, slope = (real)b->slope, shift = (real)b->shift;
    for (int64_t i = s->from; i < s->to;) {
        struct run r = run_at(s, i, s->to);
        const stored *restrict p = x + r.at, *restrict d = dz + r.at;
        stored *restrict q = dx + r.at;
        for (int64_t j = 0; j < r.n; j++)
            q[j] = PUT(flow * GET(d[j]) + (slope * (GET(p[j]) - mean) + shift));
        i += r.n;
    }
}

/* ---- Columns: row by row, each column a lane ---- */

/* A rough mean of n rows, and the sums of the differences to it and of their squares; w columns. */
static inline void NAME(column_block)(const stored *x, int64_t stride, int64_t n, int w, real *about,
                                      real *sum, real *squares)
{
    for (int j = 0; j < w; j++)
        about[j] = sum[j] = squares[j] = 0;
    for (int64_t i = 0; i < n; i++)
        for (int j = 0; j < w; j++)
            about[j] += GET(x[i * stride + j]);
    for (int j = 0; j < w; j++)
        about[j] /= (real)n;
    for (int64_t i = 0; i < n; i++)
        for (int j = 0; j < w; j++) {
            real d = GET(x[i * stride + j]) - about[j];
            sum[j] += d;
            squares[j] += d * d;
        }
}

static void NAME(column_moments)(const struct norm_span *s, const stored *x, struct norm_moments *m)
{
    struct norm_moments column[NORM_WIDTH] = {{0, 0, 0}};
    real about[NORM_WIDTH], sum[NORM_WIDTH], squares[NORM_WIDTH];
    int64_t stride = s->all * s->inner;
    int w = (int)(s->channels * s->inner);
    x += s->first * s->inner;
    for (int64_t from = s->from, end; from < s->to; from = end) {
        end = block_end(from, s->to, ROWS);
        if (w == NORM_WIDTH)
            NAME(column_block)(x + from * stride, stride, end - from, NORM_WIDTH, about, sum, squares);
        else
            NAME(column_block)(x + from * stride, stride, end - from, w, about, sum, squares);
        for (int j = 0; j < w; j++)
            norm_merge(&column[j], NAME(moments_about)((double)(end - from), about[j], sum[j], squares[j]));
    }
    for (int64_t c = 0; c < s->channels; c++) {
        m[c] = column[c * s->inner];
        for (int64_t j = 1; j < s->inner; j++)
            norm_merge(&m[c], column[c * s->inner + j]);
    }
}

static void NAME(column_apply)(const struct norm_span *s, const stored *x, stored *z, const struct norm_affine *a)
{
    real mean[NORM_WIDTH], scale[NORM_WIDTH], shift[NORM_WIDTH];
    int64_t stride = s->all * s->inner, w = s->channels * s->inner;
    for (int64_t j = 0; j < w; j++) {
        const struct norm_affine *c = &a[j / s->inner];
        mean[j] = (real)c->mean;
        scale[j] = (real)c->scale;
        shift[j] = (real)(c->shift - (c->mean - (double)mean[j]) * c->scale);
    }
    for (int64_t i = s->from; i < s->to; i++) {
        const stored *restrict p = x + i * stride + s->first * s->inner;
        stored *restrict q = z + i * stride + s->first * s->inner;
        for (int64_t j = 0; j < w; j++)
            q[j] = PUT((GET(p[j]) - mean[j]) * scale[j] + shift[j]);
    }
}

static void NAME(column_sums)(const struct norm_span *s, const stored *dz, const stored *x,
                              const struct norm_affine *a, struct norm_sums *sums)
{
    real mean[NORM_WIDTH];
    int64_t stride = s->all * s->inner, first = s->first * s->inner, w = s->channels * s->inner;
    for (int64_t j = 0; j < w; j++)
        mean[j] = (real)a[j / s->inner].mean;
    for (int64_t c = 0; c < s->channels; c++)
        sums[c] = (struct norm_sums){0, 0};
    for (int64_t from = s->from, end; from < s->to; from = end) {
        real flow[NORM_WIDTH] = {0}, product[NORM_WIDTH] = {0};
        end = block_end(from, s->to, ROWS);
        for (int64_t i = from; i < end; i++) {
            const stored *p = x + i * stride + first, *d = dz + i * stride + first;
            for (int64_t j = 0; j < w; j++) {
                flow[j] += GET(d[j]);
                product[j] += GET(d[j]) * (GET(p[j]) - mean[j]);
            }
        }
        for (int64_t j = 0; j < w; j++) {
            sums[j / s->inner].dz += (double)flow[j];
            sums[j / s->inner].dzx += (double)product[j];
        }
    }
}

static void NAME(column_back)(const struct norm_span *s, const stored *dz, const stored *x, stored *dx,
                              const struct norm_back *b)
{
    real mean[NORM_WIDTH], flow[NORM_WIDTH], slope[NORM_WIDTH], shift[NORM_WIDTH];
    int64_t stride = s->all * s->inner, first = s->first * s->inner, w = s->channels * s->inner;
    for (int64_t j = 0; j < w; j++) {
        const struct norm_back *c = &b[j / s->inner];
        mean[j] = (real)c->mean;
        flow[j] = (real)c->flow;
        slope[j] = (real)c->slope;
        shift[j] = (real)c->shift;
    }
    for (int64_t i = s->from; i < s->to; i++) {
        const stored *restrict p = x + i * stride + first, *restrict d = dz + i * stride + first;
        stored *restrict q = dx + i * stride + first;
        for (int64_t j = 0; j < w; j++)
            q[j] = PUT(flow[j] * GET(d[j]) + (slope[j] * (GET(p[j]) - mean[j]) + shift[j]));
    }
}

/* ---- Either ---- */

static void NAME(moments)(const struct norm_span *s, const void *x, struct norm_moments *m)
{
    if (s->inner < NORM_RUN)
        NAME(column_moments)(s, x, m);
    else
        NAME(run_moments)(s, x, m);
}

static void NAME(apply)(const struct norm_span *s, const void *x, void *z, const struct norm_affine *a)
{
    if (s->inner < NORM_RUN)
        NAME(column_apply)(s, x, z, a);
    else
        NAME(run_apply)(s, x, z, a);
}

static void NAME(sums)(const struct norm_span *s, const void *dz, const void *x, const struct norm_affine *a,
                       struct norm_sums *sums)
{
    if (s->inner < NORM_RUN)
        NAME(column_sums)(s, dz, x, a, sums);
    else
        NAME(run_sums)(s, dz, x, a, sums);
}

static void NAME(back)(const struct norm_span *s, const void *dz, const void *x, void *dx,
                       const struct norm_back *b)
{
    if (s->inner < NORM_RUN)
        NAME(column_back)(s, dz, x, dx, b);
    else
        NAME(run_back)(s, dz, x, dx, b);
}
