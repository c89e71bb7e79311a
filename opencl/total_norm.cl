/* total_norm.cl - the root of the sum of the squares of many tensors: a part of the sum for each piece of them, in the
 * table's order, then all parts.  Work-groups have GROUP items. */
enum { GROUP = 256 };
#include "group_sum.cl"
#include "pieces.cl"

__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1)))
void squares(long first, long last, __global const long *table, ulong table_0, SLABS, __global real *parts,
             ulong parts_0)
{
    __local real lane[GROUP];
    int id = (int)get_local_id(0);

    for (long row = first + (long)get_group_id(0); row < last; row += (long)get_num_groups(0)) {
        __global const long *at = table + table_0 + (ulong)row * 2;
        __global const stored *x = tensor_at(at[1], s0, s1, s2, s3, s4, s5, s6, s7);
        real sum = 0;

        for (index_t i = id; i < (index_t)at[0]; i += GROUP)
            sum += LOAD(x, i) * LOAD(x, i);
        sum = group_sum(lane, id, sum);
        if (id == 0)
            parts[parts_0 + (ulong)row] = sum;
    }
}

__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1)))
void total_norm(__global const real *parts, ulong parts_0, long rows, __global real *z, ulong z_0)
{
    __local real lane[GROUP];
    int id = (int)get_local_id(0);
    real sum = 0;

    for (long row = id; row < rows; row += GROUP)
        sum += parts[parts_0 + (ulong)row];
    sum = group_sum(lane, id, sum);
    if (id == 0)
        z[z_0] = sqrt(sum);
}
