/* cross_entropy.cl - the mean over rows of log(s) - (x[label] - m), with m the row's maximum and s = sum e^(x
 * - m), and its gradient.
 *
 * x [rows,n], labels [rows] of dtype LABEL, stats [rows,2] = {m, s}, all contiguous.  First rows_items (an item a row)
 * or rows_groups (a group a row), then, if there was more than one group, loss.  Groups have GROUP items.  Sums go in a
 * fixed order.  A chain may make x (take.cl), or take up dx (finish.cl). */
#include "finish.cl"
#include "math.cl"
#include "take.cl"

typedef TYPE(LABEL) label_t;

enum { GROUP = 256 };

/* Lane 0 becomes the sum of all lanes. */
static void tree_sum(__local real *lane, int id)
{
    for (int reach = GROUP / 2; reach; reach /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (id < reach)
            lane[id] += lane[id + reach];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
}

static void tree_max(__local real *lane, int id)
{
    for (int reach = GROUP / 2; reach; reach /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (id < reach)
            lane[id] = lane[id + reach] > lane[id] ? lane[id + reach] : lane[id];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
}

/* The loss of a row whose maximum is m.  A label out of range is reported, and makes the loss and the row's s NaN. */
static real row_loss(__global long *word, long serial, __global const stored *x, __global real *stats, long row, long n,
                     long label, real m, real sum)
{
    int good = label >= 0 && label < n;

    stats[2 * row] = m;
    stats[2 * row + 1] = good ? sum : (real)NAN;
    if (good)
        return m_log(sum) - (LOAD(x, row * n + label) - m);
    report(word, serial, row, label);
    return NAN;
}

/* part[group] = the sum of the losses of the group's rows; of the only group: their mean. */
static void give_part(__global real *part, real sum, long rows)
{
    part[get_group_id(0)] = get_num_groups(0) == 1 ? sum / (real)rows : sum;
}

__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1)))
void rows_items(__global long *word, long serial, __global const stored *x, ulong x_first,
                __global const label_t *labels, ulong labels_first, __global real *stats, ulong stats_first,
                __global real *part, ulong part_first, long rows, long n TAKE_PARAMS)
{
    __local real lane[GROUP];
    int id = (int)get_local_id(0);
    real losses = 0;

    x += x_first;
    for (long row = (long)get_global_id(0); row < rows; row += (long)get_global_size(0)) {
        __global const stored *from = x + row * n;
        real m = -INFINITY, sum = 0;

        for (index_t k = 0; k < (index_t)n; k++) {
            const real value = TAKE(x, (index_t)(row * n) + k);

            m = value > m ? value : m;
        }
        for (index_t k = 0; k < (index_t)n; k++)
            sum += m_exp(LOAD(from, k) - m);
        losses += row_loss(word, serial, x, stats + stats_first, row, n, labels[labels_first + row], m, sum);
    }
    lane[id] = losses;
    tree_sum(lane, id);
    if (id == 0)
        give_part(part + part_first, lane[0], rows);
}

__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1)))
void rows_groups(__global long *word, long serial, __global const stored *x, ulong x_first,
                 __global const label_t *labels, ulong labels_first, __global real *stats, ulong stats_first,
                 __global real *part, ulong part_first, long rows, long n TAKE_PARAMS)
{
    __local real lane[GROUP];
    int id = (int)get_local_id(0);
    real losses = 0;

    x += x_first;
    for (long row = (long)get_group_id(0); row < rows; row += (long)get_num_groups(0)) {
        __global const stored *from = x + row * n;
        real m = -INFINITY, sum = 0;

        for (index_t k = id; k < n; k += GROUP) {
            const real value = TAKE(x, (index_t)(row * n) + k);

            m = value > m ? value : m;
        }
        lane[id] = m;
        barrier(CLK_GLOBAL_MEM_FENCE); /* item 0 will read the label's element */
        tree_max(lane, id);
        m = lane[0];
        for (index_t k = id; k < n; k += GROUP)
            sum += m_exp(LOAD(from, k) - m);
        barrier(CLK_LOCAL_MEM_FENCE);
        lane[id] = sum;
        tree_sum(lane, id);
        if (id == 0)
            losses += row_loss(word, serial, x, stats + stats_first, row, n, labels[labels_first + row], m,
                               lane[0]);
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    if (id == 0)
        give_part(part + part_first, losses, rows);
}

/* z = the sum of the parts / rows: NaN for no rows. */
__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1)))
void loss(__global const real *part, ulong part_first, __global stored *z, ulong z_first, long parts, long rows)
{
    __local real lane[GROUP];
    int id = (int)get_local_id(0);
    real sum = 0;

    for (long k = id; k < parts; k += GROUP)
        sum += part[part_first + k];
    lane[id] = sum;
    tree_sum(lane, id);
    if (id == 0)
        STORE(z, z_first, rows ? lane[0] / (real)rows : (real)NAN);
}

/* dx = dz / rows * (e^(x - m) / s - onehot(label)). */
__kernel void cross_entropy_backward(__global const stored *x, ulong x_first, __global const label_t *labels,
                                     ulong labels_first, __global const real *stats, ulong stats_first,
                                     __global const stored *dz, ulong dz_first, long rows, long n, RESULT_PARAMS)
{
    real scale = LOAD(dz, dz_first) / (real)rows;

    x += x_first;
    labels += labels_first;
    stats += stats_first;
    RESULT_START(c_first);
    GRID(i, rows * n) {
        index_t row = i / (index_t)n, column = i - row * (index_t)n;
        real value = m_exp(LOAD(x, i) - stats[2 * row]) * (scale / stats[2 * row + 1]);

        RESULT(i, (long)labels[row] == (long)column ? value - scale : value);
    }
}
