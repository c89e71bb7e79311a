/* flow_sums.cl - the gradient of a convolution's bias where no other kernel sums it.
 *
 * Layout: all operands contiguous, dz as [batch,channels,pixels].
 * Work-groups of flow_sums: GROUP items; group (channel + split * channels) sums `each` images. */
#include "group_sum.cl"

/* From the host: GROUP, a power of two; IN_PARTS: more than one split, z is the workspace [split,channels]. */

#ifdef IN_PARTS
typedef real sum_t;
#define STORE_SUM(p, i, value) ((p)[i] = (value))
#else
typedef stored sum_t;
#define STORE_SUM STORE
#endif

__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1)))
void flow_sums(__global const stored *flow, ulong flow_first, __global sum_t *z, ulong z_first, long batch,
               long channels_, long pixels_, long each)
{
    __local real lane[GROUP];
    index_t channels = channels_, pixels = pixels_, group = get_group_id(0);
    index_t split = group / channels, channel = group - split * channels;
    index_t first = split * each, last = min(first + (index_t)each, (index_t)batch);
    int id = get_local_id(0);
    real sum = 0;

    flow += flow_first;
    for (index_t image = first; image < last; image++) {
        index_t plane = (image * channels + channel) * pixels;
        for (index_t i = id; i < pixels; i += GROUP)
            sum += LOAD(flow, plane + i);
    }
    sum = group_sum(lane, id, sum);
    if (id == 0)
        STORE_SUM(z, z_first + (ulong)group, sum);
}
