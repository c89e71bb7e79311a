/* group_sum.cl - a sum over a work-group of GROUP items, a power of two.  No kernel is defined here. */

/* The sum of one value of each item, in every item: by a tree, in a fixed order.  All items of the group must come
 * here; lane is GROUP long. */
static real group_sum(__local real *lane, int id, real value)
{
    barrier(CLK_LOCAL_MEM_FENCE);
    lane[id] = value;
    for (int reach = GROUP / 2; reach; reach /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (id < reach)
            lane[id] += lane[id + reach];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    return lane[0];
}
