/* softmax.cl - softmax and log_softmax (-DLOG) along the middle axis of [outer, n, inner], and their
 * gradients.
 *
 * All tensors are contiguous; `rows` is outer * inner, n >= 1.  *_items: an item walks a row, any inner.
 * *_groups: a group of GROUP items walks a row, inner is 1, any number of groups.
 * Sums go in a fixed order: item by item, then a tree.  A chain may make x or dz (take.cl), or take up z or dx
 * (finish.cl). */
#include "finish.cl"
#include "group_sum.cl"
#include "math.cl"
#include "take.cl"

/* Where row i begins. */
static inline index_t row_start(index_t i, index_t n, index_t inner)
{
    index_t outer = i / inner;

    return outer * n * inner + (i - outer * inner);
}

/* An item's long sum is cut into blocks of CUT terms: where the next one begins, `end` for none. */
enum { CUT = 32 };

static inline index_t next_block(index_t block, index_t end, index_t inner)
{
    return (end - block) / inner > CUT ? block + CUT * inner : end;
}

/* What the gradients sum. */
#ifdef LOG
#define TERM(z, dz) (dz)
#else
#define TERM(z, dz) ((z) * (dz))
#endif

__kernel void softmax_items(__global const stored *x, ulong x_first, long rows, long n, long inner,
                            RESULT_PARAMS TAKE_PARAMS)
{
    x += x_first;
    RESULT_START(c_first);
    GRID(i, rows) {
        index_t start = row_start(i, n, inner), end = start + (index_t)n * (index_t)inner;
        real m = -INFINITY, sum = 0;

        for (index_t k = start; k < end; k += inner) {
            const real value = TAKE(x, k);

            m = value > m ? value : m;
        }
        for (index_t block = start; block < end; block = next_block(block, end, (index_t)inner)) {
            index_t stop = next_block(block, end, (index_t)inner);
            real part = 0;

            for (index_t k = block; k < stop; k += inner)
                part += m_exp(LOAD(x, k) - m);
            sum += part;
        }
#ifdef LOG
        sum = m_log(sum);
        for (index_t k = start; k < end; k += inner)
            RESULT(k, LOAD(x, k) - m - sum);
#else
        for (index_t k = start; k < end; k += inner)
            RESULT(k, m_exp(LOAD(x, k) - m) / sum);
#endif
    }
}

/* dx = z (dz - sum(z dz)), or with LOG dz - e^z sum(dz). */
__kernel void softmax_backward_items(__global const stored *dz, ulong dz_first, __global const stored *z, ulong z_first,
                                     long rows, long n, long inner, RESULT_PARAMS TAKE_PARAMS)
{
    dz += dz_first;
    z += z_first;
    RESULT_START(c_first);
    GRID(i, rows) {
        index_t start = row_start(i, n, inner), end = start + (index_t)n * (index_t)inner;
        real sum = 0;

        for (index_t block = start; block < end; block = next_block(block, end, (index_t)inner)) {
            index_t stop = next_block(block, end, (index_t)inner);
            real part = 0;

            for (index_t k = block; k < stop; k += inner) {
                const real flow = TAKE(dz, k);

                part += TERM(LOAD(z, k), flow);
            }
            sum += part;
        }
#ifdef LOG
        for (index_t k = start; k < end; k += inner)
            RESULT(k, LOAD(dz, k) - m_exp(LOAD(z, k)) * sum);
#else
        for (index_t k = start; k < end; k += inner)
            RESULT(k, LOAD(z, k) * (LOAD(dz, k) - sum));
#endif
    }
}

/* The maximum of one value of each item, in every item. */
static real group_max(__local real *lane, int id, real value)
{
    barrier(CLK_LOCAL_MEM_FENCE);
    lane[id] = value;
    for (int reach = GROUP / 2; reach; reach /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (id < reach)
            lane[id] = lane[id + reach] > lane[id] ? lane[id + reach] : lane[id];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    return lane[0];
}

__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1)))
void softmax_groups(__global const stored *x, ulong x_first, long rows, long n, long inner, RESULT_PARAMS TAKE_PARAMS)
{
    __local real lane[GROUP];
    int id = (int)get_local_id(0);

    x += x_first;
    RESULT_START(c_first);
    for (long row = (long)get_group_id(0); row < rows; row += (long)get_num_groups(0)) {
        const index_t start = (index_t)(row * n);
        __global const stored *from = x + start;
        real m = -INFINITY, sum = 0;

        for (index_t k = id; k < n; k += GROUP) {
            const real value = TAKE(x, start + k);

            m = value > m ? value : m;
        }
        m = group_max(lane, id, m);
        for (index_t k = id; k < n; k += GROUP)
            sum += m_exp(LOAD(from, k) - m);
        sum = group_sum(lane, id, sum);
#ifdef LOG
        sum = m_log(sum);
        for (index_t k = id; k < n; k += GROUP)
            RESULT(start + k, LOAD(from, k) - m - sum);
#else
        for (index_t k = id; k < n; k += GROUP)
            RESULT(start + k, m_exp(LOAD(from, k) - m) / sum);
#endif
    }
}

__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1)))
void softmax_backward_groups(__global const stored *dz, ulong dz_first, __global const stored *z, ulong z_first,
                             long rows, long n, long inner, RESULT_PARAMS TAKE_PARAMS)
{
    __local real lane[GROUP];
    int id = (int)get_local_id(0);

    dz += dz_first;
    RESULT_START(c_first);
    for (long row = (long)get_group_id(0); row < rows; row += (long)get_num_groups(0)) {
        const index_t start = (index_t)(row * n);
        __global const stored *flow = dz + start, *value = z + z_first + start;
        real sum = 0;

        for (index_t k = id; k < n; k += GROUP) {
            const real term = TAKE(dz, start + k);

            sum += TERM(LOAD(value, k), term);
        }
        sum = group_sum(lane, id, sum);
#ifdef LOG
        for (index_t k = id; k < n; k += GROUP)
            RESULT(start + k, LOAD(flow, k) - m_exp(LOAD(value, k)) * sum);
#else
        for (index_t k = id; k < n; k += GROUP)
            RESULT(start + k, LOAD(value, k) * (LOAD(flow, k) - sum));
#endif
    }
}
