/* layer_norm_loops.h - the loops of layer_norm_isa.c for one scalar type: `real`, and NAME(x) for their names.
 * Included once for each; no guard. */

/* ---- Sums along a row ---- */

/* lane[j] += the differences of x to `about`, square[j] += their squares. */
static inline void NAME(lanes_about)(const real *x, int64_t n, int lanes, real about, real *lane, real *square)
{
    for (; n >= lanes; n -= lanes, x += lanes)
        for (int j = 0; j < lanes; j++) {
            real d = x[j] - about;
            lane[j] += d;
            square[j] += d * d;
        }
    for (int64_t j = 0; j < n; j++) {
        real d = x[j] - about;
        lane[j] += d;
        square[j] += d * d;
    }
}

static inline real NAME(tree)(real *lane, int lanes)
{
    for (int half = lanes / 2; half; half /= 2)
        for (int j = 0; j < half; j++)
            lane[j] += lane[j + half];
    return lane[0];
}

/* The sums of n differences to `about` and of their squares, added in double. */
static void NAME(sums_about)(const real *x, int64_t n, real about, double *sum, double *squares)
{
    *sum = *squares = 0;
    if (n < SHORT) {
        real lane[FEW] = {0}, square[FEW] = {0};
        NAME(lanes_about)(x, n, FEW, about, lane, square);
        *sum = (double)NAME(tree)(lane, FEW);
        *squares = (double)NAME(tree)(square, FEW);
        return;
    }
    for (int64_t block; n > 0; n -= block, x += block) {
        real lane[LANES] = {0}, square[LANES] = {0};
        block = n < BLOCK ? n : BLOCK;
        NAME(lanes_about)(x, block, LANES, about, lane, square);
        *sum += (double)NAME(tree)(lane, LANES);
        *squares += (double)NAME(tree)(square, LANES);
    }
}

/* A row's mean and biased variance: about a rough mean, so that a large one costs no digits. */
static void NAME(row_moments)(const real *x, int64_t n, double *mean, double *var)
{
    double sum, squares;
    NAME(sums_about)(x, n, x[0], &sum, &squares);
    real about = (real)((double)x[0] + sum / (double)n);
    NAME(sums_about)(x, n, about, &sum, &squares);
    double d = sum / (double)n, v = squares / (double)n - d * d;
    *mean = (double)about + d;
    *var = v < 0 ? 0 : v;
}

/* ---- Forward ---- */

/* z = weight ((x - mean) r - d) + bias, by element. */
static void NAME(apply_elements)(const real *restrict x, const real *restrict weight, const real *restrict bias,
                                 real *restrict z, int64_t n, real mean, real r, real d)
{
    for (int64_t j = 0; j < n; j++)
        z[j] = ((x[j] - mean) * r - d) * weight[j] + bias[j];
}

static void NAME(apply_run)(const real *restrict x, real *restrict z, int64_t n, real mean, real scale, real shift)
{
    for (int64_t j = 0; j < n; j++)
        z[j] = (x[j] - mean) * scale + shift;
}

static void NAME(forward)(const struct layer_rows *s, const void *from, void *to, void *means, void *invstds,
                          int64_t first, int64_t last)
{
    int64_t n = s->channels * s->inner;
    for (int64_t i = first; i < last; i++) {
        const real *x = (const real *)from + i * n,
                   *weight = (const real *)s->weight + i % s->groups * s->channels,
                   *bias = (const real *)s->bias + i % s->groups * s->channels;
        real *z = (real *)to + i * n;
        double mean, var;
        NAME(row_moments)(x, n, &mean, &var);
        double invstd = 1 / sqrt(var + s->eps);
        const real m = (real)mean, r = (real)invstd, d = (real)((mean - (double)m) * invstd);
        ((real *)means)[i] = m;
        ((real *)invstds)[i] = r;
        if (s->inner == 1)
            NAME(apply_elements)(x, weight, bias, z, n, m, r, d);
        for (int64_t c = 0; s->inner > 1 && c < s->channels; c++)
            NAME(apply_run)
        (x + c * s->inner, z + c * s->inner, s->inner, m, r * weight[c], bias[c] - d * weight[c]);
    }
}

/* ---- Backward ---- */

/* lane[j] += g, product[j] += g (x - mean), with g = dz weight, or dz where there is no weight. */
static inline void NAME(lanes_flow)(const real *dz, const real *x, const real *weight, int64_t n, int lanes,
                                    real mean, real *lane, real *product)
{
    while (n > 0) {
        int64_t w = n < lanes ? n : lanes;
        for (int64_t j = 0; j < w; j++) {
            real g = weight ? dz[j] * weight[j] : dz[j];
            lane[j] += g;
            product[j] += g * (x[j] - mean);
        }
        n -= w;
        dz += w;
        x += w;
        weight = weight ? weight + w : NULL;
    }
}

static void NAME(flows)(const real *dz, const real *x, const real *weight, int64_t n, real mean, double *sum,
                        double *products)
{
    *sum = *products = 0;
    for (int64_t at = 0, block; at < n; at += block) {
        real lane[LANES] = {0}, product[LANES] = {0};
        int lanes = n < SHORT ? FEW : LANES;
        block = n - at < BLOCK ? n - at : BLOCK;
        if (weight)
            NAME(lanes_flow)(dz + at, x + at, weight + at, block, lanes, mean, lane, product);
        else
            NAME(lanes_flow)(dz + at, x + at, NULL, block, lanes, mean, lane, product);
        *sum += (double)NAME(tree)(lane, lanes);
        *products += (double)NAME(tree)(product, lanes);
    }
}

/* dx = r dz weight + slope (x - mean) + shift; the sums of the weights go on. */
static void NAME(back_elements)(const real *restrict dz, const real *restrict x, const real *restrict weight,
                                real *restrict dx, int64_t n, real mean, real r, real slope, real shift,
                                double *restrict dbias, double *restrict dweight)
{
    for (int64_t j = 0; j < n; j++) {
        real y = x[j] - mean, d = dz[j];
        dx[j] = r * (d * weight[j]) + (slope * y + shift);
        dbias[j] += (double)d;
        dweight[j] += (double)(d * (y * r));
    }
}

static void NAME(back_run)(const real *restrict dz, const real *restrict x, real *restrict dx, int64_t n,
                           real mean, real flow, real slope, real shift)
{
    for (int64_t j = 0; j < n; j++)
        dx[j] = flow * dz[j] + (slope * (x[j] - mean) + shift);
}

/* One row of runs: the sums of each run make the row's. */
static void NAME(back_runs)(const struct layer_rows *s, const real *dz, const real *x, const real *weight,
                            real *dx, real mean, real r, double *dbias, double *dweight)
{
    double sum = 0, products = 0, n = (double)(s->channels * s->inner);
    for (int64_t c = 0; c < s->channels; c++) {
        double flow, product;
        NAME(flows)(dz + c * s->inner, x + c * s->inner, NULL, s->inner, mean, &flow, &product);
        dbias[c] += flow;
        dweight[c] += product * (double)r;
        sum += flow * (double)weight[c];
        products += product * (double)weight[c];
    }
    const real slope = (real)(-products / n * (double)r * (double)r * (double)r),
               shift = (real)(-sum / n * (double)r);
    for (int64_t c = 0; c < s->channels; c++)
        NAME(back_run)
    (dz + c * s->inner, x + c * s->inner, dx + c * s->inner, s->inner, mean, r * weight[c], slope, shift);
}

static void NAME(backward)(const struct layer_rows *s, const void *flow, const void *from, const void *means,
                           const void *invstds, void *to, double *const sums[2], int64_t first, int64_t last)
{
    int64_t n = s->channels * s->inner;
    for (int64_t i = first; i < last; i++) {
        int64_t channel = i % s->groups * s->channels;
        const real *dz = (const real *)flow + i * n, *x = (const real *)from + i * n,
                   *weight = (const real *)s->weight + channel;
        const real mean = ((const real *)means)[i], r = ((const real *)invstds)[i];
        real *dx = (real *)to + i * n;
        double sum, products, cube = (double)r * (double)r * (double)r;
        if (s->inner > 1) {
            NAME(back_runs)(s, dz, x, weight, dx, mean, r, sums[0] + channel, sums[1] + channel);
            continue;
        }
        NAME(flows)(dz, x, weight, n, mean, &sum, &products);
        NAME(back_elements)
        (dz, x, weight, dx, n, mean, r, (real)(-products / (double)n * cube),
         (real)(-sum / (double)n * (double)r), sums[0] + channel, sums[1] + channel);
    }
}
