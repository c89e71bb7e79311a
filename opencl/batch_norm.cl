/* batch_norm.cl - batch normalisation of x [outer, channels, inner] without gaps, its gradient, and the update of
 * running statistics.
 *
 * Statistics: a group of GROUP items for each channel and segment (any number of groups) makes two numbers, its part,
 * in parts [channels, segments, 2]; the next kernel's groups put a channel's parts together in their order.  Segment s
 * of the n = outer * inner numbers of a channel begins at segment_start.  Vectors of channels are a buffer, a first
 * element and a stride.  The order of additions depends on the shape alone.  A chain may make x or dz (take.cl), or
 * take up z or dx (finish.cl). */
#include "finish.cl"
#include "group_sum.cl"
#include "take.cl"

static inline long segment_start(long n, long segments, long s)
{
    return n / segments * s + n % segments * s / segments;
}

/* Number i of a channel. */
static inline index_t place(index_t i, index_t channel, index_t channels, index_t inner)
{
    index_t row = i / inner;

    return (row * channels + channel) * inner + (i - row * inner);
}

/* A part: the mean, and the sum of (x - mean)^2; both about a rough mean first, so that little is lost. */
__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1)))
void batch_norm_moments(long outer, long channels, long inner, __global real *parts, ulong parts0, long segments,
                        __global const stored *x, ulong x0 TAKE_PARAMS)
{
    __local real lane[GROUP];
    int id = (int)get_local_id(0);
    long n = outer * inner;

    x += x0;
    parts += parts0;
    for (long i = (long)get_group_id(0); i < channels * segments; i += (long)get_num_groups(0)) {
        long channel = i / segments, s = i - channel * segments;
        index_t from = (index_t)segment_start(n, segments, s), end = (index_t)segment_start(n, segments, s + 1);
        real count = (real)(end - from), sum = 0, squares = 0;

        for (index_t k = from + id; k < end; k += GROUP)
            sum += TAKE(x, place(k, (index_t)channel, (index_t)channels, (index_t)inner));
        real about = group_sum(lane, id, sum) / count;
        sum = 0;
        for (index_t k = from + id; k < end; k += GROUP) {
            real d = LOAD(x, place(k, (index_t)channel, (index_t)channels, (index_t)inner)) - about;
            sum += d;
            squares += d * d;
        }
        sum = group_sum(lane, id, sum);
        squares = group_sum(lane, id, squares);
        if (id == 0) {
            parts[2 * i] = about + sum / count;
            parts[2 * i + 1] = max(squares - sum * (sum / count), R(0));
        }
    }
}

/* z by the batch's own statistics, which each group puts together from the parts; a channel's first writes them. */
__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1)))
void batch_norm_normalise(long outer, long channels, long inner, __global const real *parts, ulong parts0,
                          long segments, __global const stored *x, ulong x0, __global const real *weight,
                          ulong weight0, long weight1, __global const real *bias, ulong bias0, long bias1,
                          __global real *mean, ulong mean0, __global real *invstd, ulong invstd0,
                          __global real *var, ulong var0, real eps, RESULT_PARAMS)
{
    int id = (int)get_local_id(0);
    long n = outer * inner;

    parts += parts0;
    x += x0;
    RESULT_START(c_first);
    for (long i = (long)get_group_id(0); i < channels * segments; i += (long)get_num_groups(0)) {
        long channel = i / segments, s = i - channel * segments;
        index_t end = (index_t)segment_start(n, segments, s + 1);
        real count = 0, m = 0, m2 = 0;

        for (long k = 0; k < segments; k++) {
            __global const real *part = parts + 2 * (channel * segments + k);
            real more = (real)(segment_start(n, segments, k + 1) - segment_start(n, segments, k));
            real delta = part[0] - m, share = more / (count + more);

            m = k == 0 ? part[0] : m + delta * share;
            m2 = k == 0 ? part[1] : m2 + (part[1] + delta * delta * (count * share));
            count += more;
        }
        real r = R(1) / sqrt(m2 / (real)n + eps), scale = r * weight[weight0 + channel * weight1];
        real shift = bias[bias0 + channel * bias1];
        if (s == 0 && id == 0) {
            mean[mean0 + channel] = m;
            var[var0 + channel] = m2 / (real)n;
            invstd[invstd0 + channel] = r;
        }
        for (index_t k = (index_t)segment_start(n, segments, s) + id; k < end; k += GROUP) {
            index_t at = place(k, (index_t)channel, (index_t)channels, (index_t)inner);

            RESULT(at, (LOAD(x, at) - m) * scale + shift);
        }
    }
}

/* z by given statistics. */
__kernel void batch_norm_eval(long outer, long channels, long inner, __global const stored *x, ulong x0,
                              __global const real *weight, ulong weight0, long weight1, __global const real *bias,
                              ulong bias0, long bias1, __global const real *mean, ulong mean0, long mean1,
                              __global const real *var, ulong var0, long var1, real eps, RESULT_PARAMS)
{
    x += x0;
    RESULT_START(c_first);
    GRID(i, outer * channels * inner) {
        index_t channel = i / (index_t)inner % (index_t)channels;
        real scale = R(1) / sqrt(var[var0 + channel * var1] + eps);

        real centred = LOAD(x, i) - mean[mean0 + channel * mean1];

        RESULT(i, centred * (scale * weight[weight0 + channel * weight1]) + bias[bias0 + channel * bias1]);
    }
}

/* A part: the sums of dz and of dz (x - mean). */
__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1)))
void batch_norm_sums(long outer, long channels, long inner, __global real *parts, ulong parts0, long segments,
                     __global const stored *dz, ulong dz0, __global const stored *x, ulong x0,
                     __global const real *mean, ulong mean0, long mean1 TAKE_PARAMS)
{
    __local real lane[GROUP];
    int id = (int)get_local_id(0);
    long n = outer * inner;

    dz += dz0;
    x += x0;
    parts += parts0;
    for (long i = (long)get_group_id(0); i < channels * segments; i += (long)get_num_groups(0)) {
        long channel = i / segments, s = i - channel * segments;
        index_t from = (index_t)segment_start(n, segments, s), end = (index_t)segment_start(n, segments, s + 1);
        real m = mean[mean0 + channel * mean1], flow = 0, product = 0;

        for (index_t k = from + id; k < end; k += GROUP) {
            index_t at = place(k, (index_t)channel, (index_t)channels, (index_t)inner);
            const real term = TAKE(dz, at);

            flow += term;
            product += term * (LOAD(x, at) - m);
        }
        flow = group_sum(lane, id, flow);
        product = group_sum(lane, id, product);
        if (id == 0) {
            parts[2 * i] = flow;
            parts[2 * i + 1] = product;
        }
    }
}

/* dx = weight invstd (dz - dbias / n - (x - mean) invstd dweight / n).  Each group puts dbias and dweight together from
 * the parts; the first of a channel writes them. */
__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1)))
void batch_norm_backward(long outer, long channels, long inner, __global const real *parts, ulong parts0, long segments,
                         __global const stored *dz, ulong dz0, __global const stored *x, ulong x0,
                         __global const real *weight, ulong weight0, long weight1, __global const real *mean,
                         ulong mean0, long mean1, __global const real *invstd, ulong invstd0, long invstd1,
                         __global real *dbias, ulong dbias0, __global real *dweight, ulong dweight0, RESULT_PARAMS)
{
    int id = (int)get_local_id(0);
    long all = outer * inner;
    real n = (real)all;

    parts += parts0;
    dz += dz0;
    x += x0;
    RESULT_START(c_first);
    for (long i = (long)get_group_id(0); i < channels * segments; i += (long)get_num_groups(0)) {
        long channel = i / segments, s = i - channel * segments;
        index_t end = (index_t)segment_start(all, segments, s + 1);
        real r = invstd[invstd0 + channel * invstd1], m = mean[mean0 + channel * mean1], flow = 0, product = 0;

        for (long k = 0; k < segments; k++) {
            flow += parts[2 * (channel * segments + k)];
            product += parts[2 * (channel * segments + k) + 1];
        }
        product *= r;
        if (s == 0 && id == 0) {
            dbias[dbias0 + channel] = flow;
            dweight[dweight0 + channel] = product;
        }
        real scale = weight[weight0 + channel * weight1] * r;
        for (index_t k = (index_t)segment_start(all, segments, s) + id; k < end; k += GROUP) {
            index_t at = place(k, (index_t)channel, (index_t)channels, (index_t)inner);

            RESULT(at, scale * (LOAD(dz, at) - flow / n - (LOAD(x, at) - m) * r * (product / n)));
        }
    }
}

/* mean and var move by `momentum` towards the batch's; keep is 1 - momentum, unbiased n / (n - 1). */
__kernel void batch_norm_running(__global const long *word, long channels, __global stored *mean, ulong mean0,
                                 long mean1, __global stored *var, ulong var0, long var1,
                                 __global const real *batch_mean, ulong batch_mean0, long batch_mean1,
                                 __global const real *batch_var, ulong batch_var0, long batch_var1, real momentum,
                                 real keep, real unbiased)
{
    if (!word_clear(word))
        return;
    GRID(c, channels) {
        index_t m = c * (index_t)mean1, v = c * (index_t)var1;

        STORE(mean, mean0 + m, keep * LOAD(mean, mean0 + m) + momentum * batch_mean[batch_mean0 + c * batch_mean1]);
        STORE(var, var0 + v,
              keep * LOAD(var, var0 + v) + momentum * (batch_var[batch_var0 + c * batch_var1] * unbiased));
    }
}
