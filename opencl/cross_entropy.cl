/* cross_entropy.cl - the mean over rows of log(s) - (x[label] - m), with m the row's maximum and s = sum e^(x
 * - m), and its gradient.
 *
 * x [rows,n], labels [rows] of dtype LABEL, stats [rows,2] = {m, s}, all contiguous.  First stats_items (an
 * item a row) or stats_groups (a group a row), then losses (a part of the sum for each group), then loss (one
 * group).  Groups have GROUP items.  Sums go in a fixed order. */
#include "math.cl"

typedef TYPE(LABEL) label_t;

enum { GROUP = 256 };

__kernel void stats_items(__global const real *x, ulong x_first, __global real *stats, ulong stats_first, long rows,
                          long n)
{
    x += x_first;
    stats += stats_first;
    GRID(row, rows) {
        index_t start = row * (index_t)n, end = start + (index_t)n;
        real m = -INFINITY, sum = 0;

        for (index_t k = start; k < end; k++)
            m = x[k] > m ? x[k] : m;
        for (index_t k = start; k < end; k++)
            sum += m_exp(x[k] - m);
        stats[2 * row] = m;
        stats[2 * row + 1] = sum;
    }
}

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

__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1)))
void stats_groups(__global const real *x, ulong x_first, __global real *stats, ulong stats_first, long rows, long n)
{
    __local real lane[GROUP];
    int id = (int)get_local_id(0);

    stats += stats_first;
    for (long row = (long)get_group_id(0); row < rows; row += (long)get_num_groups(0)) {
        __global const real *from = x + x_first + row * n;
        real m = -INFINITY, sum = 0;

        for (index_t k = id; k < n; k += GROUP)
            m = from[k] > m ? from[k] : m;
        lane[id] = m;
        tree_max(lane, id);
        m = lane[0];
        for (index_t k = id; k < n; k += GROUP)
            sum += m_exp(from[k] - m);
        barrier(CLK_LOCAL_MEM_FENCE);
        lane[id] = sum;
        tree_sum(lane, id);
        if (id == 0) {
            stats[2 * row] = m;
            stats[2 * row + 1] = lane[0];
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
}

/* part[group] = the sum of the losses of the rows that the group takes.  A label out of range is reported,
 * and makes the loss and the row's s NaN. */
__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1)))
void losses(__global long *word, long serial, __global const real *x, ulong x_first, __global const label_t *labels,
            ulong labels_first, __global real *stats, ulong stats_first, __global real *part, ulong part_first,
            long rows, long n)
{
    __local real lane[GROUP];
    int id = (int)get_local_id(0);
    real sum = 0;

    x += x_first;
    stats += stats_first;
    for (long row = (long)get_global_id(0); row < rows; row += (long)get_global_size(0)) {
        long label = labels[labels_first + row];

        if (label >= 0 && label < n) {
            sum += m_log(stats[2 * row + 1]) - (x[row * n + label] - stats[2 * row]);
            continue;
        }
        report(word, serial, row, label);
        stats[2 * row + 1] = NAN;
        sum = NAN;
    }
    lane[id] = sum;
    tree_sum(lane, id);
    if (id == 0)
        part[part_first + get_group_id(0)] = lane[0];
}

/* z = the sum of `parts` <= GROUP parts / rows: NaN for no rows. */
__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1)))
void loss(__global const real *part, ulong part_first, __global real *z, ulong z_first, long parts, long rows)
{
    __local real lane[GROUP];
    int id = (int)get_local_id(0);

    lane[id] = id < parts ? part[part_first + id] : 0;
    tree_sum(lane, id);
    if (id == 0)
        z[z_first] = rows ? lane[0] / (real)rows : (real)NAN;
}

/* dx = dz / rows * (e^(x - m) / s - onehot(label)). */
__kernel void cross_entropy_backward(__global const real *x, ulong x_first, __global const label_t *labels,
                                     ulong labels_first, __global const real *stats, ulong stats_first,
                                     __global const real *dz, ulong dz_first, __global real *dx, ulong dx_first,
                                     long rows, long n)
{
    real scale = dz[dz_first] / (real)rows;

    x += x_first;
    labels += labels_first;
    stats += stats_first;
    dx += dx_first;
    GRID(i, rows * n) {
        index_t row = i / (index_t)n, column = i - row * (index_t)n;
        real value = m_exp(x[i] - stats[2 * row]) * (scale / stats[2 * row + 1]);

        dx[i] = (long)labels[row] == (long)column ? value - scale : value;
    }
}
