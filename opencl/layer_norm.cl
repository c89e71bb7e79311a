/* layer_norm.cl - rows of x [batch, groups, channels, inner] normalised by their own mean and variance, and the
 * gradients.  rows is batch * groups, a row is [channels, inner]; weight and bias are [groups, channels]; no gaps.
 *
 * A sum is made by a group of GROUP items (any number of groups), or with -DITEMS by one item (any work size), in an
 * order that depends on the shape alone.  A chain may make x or dz (take.cl), or take up z or dx
 * (finish.cl). */
#include "finish.cl"
#include "take.cl"

#ifdef ITEMS
#define EACH(i, n) GRID(i, n)
#define STEP 1
#define START 0
#define LANES
#define SUM(value) (value)
#define ATTRIBUTE
#else
#define EACH(i, n) for (long i = (long)get_group_id(0); i < (n); i += (long)get_num_groups(0))
#define STEP GROUP
#define START ((int)get_local_id(0))
#define LANES __local real lane[GROUP];
#define SUM(value) group_sum(lane, (int)get_local_id(0), value)
#define ATTRIBUTE __attribute__((reqd_work_group_size(GROUP, 1, 1)))

#include "group_sum.cl"
#endif

/* z = weight (x - mean) invstd + bias.  The moments are taken about a rough mean, so that little is lost. */
__kernel ATTRIBUTE void layer_norm(long rows, long groups, long channels, long inner, __global const stored *x,
                                   ulong x0, __global const real *weight, ulong weight0, __global const real *bias,
                                   ulong bias0, __global real *mean, ulong mean0, __global real *invstd,
                                   ulong invstd0, real eps, RESULT_PARAMS TAKE_PARAMS)
{
    LANES
    RESULT_START(c_first);
    index_t n = (index_t)(channels * inner);
    x += x0;
    EACH(i, rows) {
        const index_t start = (index_t)i * n;
        __global const stored *from = x + start;
        __global const real *w = weight + weight0 + i % groups * channels, *b = bias + bias0 + i % groups * channels;
        real sum = 0, squares = 0;

        for (index_t k = START; k < n; k += STEP)
            sum += TAKE(x, start + k);
        real about = SUM(sum) / (real)n;
        sum = 0;
        for (index_t k = START; k < n; k += STEP) {
            real d = LOAD(from, k) - about;
            sum += d;
            squares += d * d;
        }
        sum = SUM(sum) / (real)n;
        squares = SUM(squares) / (real)n;
        real m = about + sum, r = R(1) / sqrt(max(squares - sum * sum, R(0)) + eps);
        for (index_t k = START; k < n; k += STEP) {
            index_t channel = k / (index_t)inner;
            RESULT(start + k, ((LOAD(from, k) - about) - sum) * r * w[channel] + b[channel]);
        }
        if (START == 0) {
            mean[mean0 + i] = m;
            invstd[invstd0 + i] = r;
        }
    }
}

/* parts [2, segments, groups * channels]: the sums of dz and of dz y, over a segment of the batch and inner. */
__kernel ATTRIBUTE void layer_norm_parts(long rows, long groups, long channels, long inner, long segments,
                                         __global const stored *dz, ulong dz0, __global const stored *x, ulong x0,
                                         __global const real *mean, ulong mean0, __global const real *invstd,
                                         ulong invstd0, __global real *parts, ulong parts0 TAKE_PARAMS)
{
    LANES
    long weights = groups * channels, batch = rows / groups;
    dz += dz0;
    x += x0;
    parts += parts0;
    EACH(i, segments * weights) {
        long s = i / weights, c = i - s * weights, group = c / channels;
        long last = batch / segments * (s + 1) + batch % segments * (s + 1) / segments;
        real flow = 0, product = 0;

        for (long b = batch / segments * s + batch % segments * s / segments; b < last; b++) {
            index_t row = (index_t)(b * groups + group), at = (index_t)((b * weights + c) * inner);
            real m = mean[mean0 + row], r = invstd[invstd0 + row], part = 0, part_product = 0;

            for (index_t k = START; k < inner; k += STEP) {
                const real term = TAKE(dz, at + k);

                part += term;
                part_product += term * ((LOAD(x, at + k) - m) * r);
            }
            flow += part;
            product += part_product;
        }
        flow = SUM(flow);
        product = SUM(product);
        if (START == 0) {
            parts[i] = flow;
            parts[segments * weights + i] = product;
        }
    }
}

/* dbias and dweight of one weight: its parts, in their order. */
static void totals(long c, long weights, long segments, __global const real *parts, __global real *dbias,
                   __global real *dweight)
{
    real flow = 0, product = 0;

    for (long s = 0; s < segments; s++) {
        flow += parts[s * weights + c];
        product += parts[(segments + s) * weights + c];
    }
    dbias[c] = flow;
    dweight[c] = product;
}

/* dx = r (g - sum(g) / n - y sum(g y) / n), g = weight dz, y = (x - mean) r; and then dbias and dweight. */
__kernel ATTRIBUTE void layer_norm_backward(long rows, long groups, long channels, long inner, long segments,
                                            __global const real *parts, ulong parts0, __global const stored *dz,
                                            ulong dz0, __global const stored *x, ulong x0, __global const real *weight,
                                            ulong weight0, __global const real *mean, ulong mean0,
                                            __global const real *invstd, ulong invstd0, __global real *dbias,
                                            ulong dbias0, __global real *dweight, ulong dweight0, RESULT_PARAMS)
{
    LANES
    RESULT_START(c_first);
    index_t n = (index_t)(channels * inner);
    long weights = groups * channels;
    EACH(i, rows) {
        const index_t start = (index_t)i * n;
        __global const stored *flow = dz + dz0 + start, *from = x + x0 + start;
        __global const real *w = weight + weight0 + i % groups * channels;
        real m = mean[mean0 + i], r = invstd[invstd0 + i], sum = 0, products = 0;

        for (index_t k = START; k < n; k += STEP) {
            real g = LOAD(flow, k) * w[k / (index_t)inner];
            sum += g;
            products += g * ((LOAD(from, k) - m) * r);
        }
        sum = SUM(sum) / (real)n;
        products = SUM(products) / (real)n;
        for (index_t k = START; k < n; k += STEP)
            RESULT(start + k, r * (LOAD(flow, k) * w[k / (index_t)inner] - sum - (LOAD(from, k) - m) * r * products));
    }
    GRID(k, weights)
        totals(k, weights, segments, parts + parts0, dbias + dbias0, dweight + dweight0);
}
