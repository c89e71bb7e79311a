/* argmax.cl - the position of the first maximum (-DARGMIN: minimum) over axes, row-major inside them; NaN counts as
 * the one looked for.
 *
 * x: any strides.  The kept axes k (sizes k_*, strides kx_*) and the reduced axes n (sizes n_*, strides nx_*)
 * are padded with size 1 in front to AXES each.  z is contiguous; no reduced axis is empty.
 * argmax_items: an item an output.  argmax_groups: a group of GROUP items a segment of an output, z
 * [segments, outputs]; argmax_segments then takes the best of an output's segments. */

#include "math.cl"

enum { GROUP = 256 };

#ifdef ARGMIN
#define BETTER(x, y) ((x) < (y))
#else
#define BETTER(x, y) ((x) > (y))
#endif

/* Whether x comes before best: better, or NaN where best is not. */
static inline int better(real x, real best)
{
    return BETTER(x, best) || (IS_NAN(x) && !IS_NAN(best));
}

#define AXES_ARGS SIZES(k), STRIDES(kx), SIZES(n), STRIDES(nx)
#define REDUCED AXES_LIST(AXES)(AXIS_NAME, n), AXES_LIST(AXES)(AXIS_NAME, nx)

/* The first of the best among elements i, i + step, ... below end; i itself is there. */
static index_t search(__global const stored *x, index_t i, index_t end, index_t step, SIZES(n), STRIDES(nx))
{
    index_t at = i;
    real best = LOAD(x, STRIDED(i, n, nx));

    while (end - i > step) {
        real value;

        i += step;
        value = LOAD(x, STRIDED(i, n, nx));
        if (better(value, best)) {
            best = value;
            at = i;
        }
    }
    return at;
}

__kernel void argmax_items(__global const stored *x, ulong x_first, __global long *z, ulong z_first, long outputs,
                           long count, long segments, long segment, AXES_ARGS)
{
    x += x_first;
    z += z_first;
    GRID(o, outputs)
        z[o] = search(x + STRIDED(o, k, kx), 0, (index_t)count, 1, REDUCED);
}

__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1)))
void argmax_groups(__global const stored *x, ulong x_first, __global long *z, ulong z_first, long outputs, long count,
                   long segments, long segment, AXES_ARGS)
{
    __local real best[GROUP];
    __local index_t place[GROUP]; /* -1: the item has no element */
    int id = (int)get_local_id(0);

    x += x_first;
    z += z_first;
    for (long i = (long)get_group_id(0); i < outputs * segments; i += (long)get_num_groups(0)) {
        long s = i / outputs;
        index_t o = (index_t)(i - s * outputs), start = (index_t)(s * segment) + id;
        index_t end = (index_t)min((s + 1) * segment, count), at = -1;
        __global const stored *from = x + STRIDED(o, k, kx);

        best[id] = 0;
        if (start < end) {
            at = search(from, start, end, GROUP, REDUCED);
            best[id] = LOAD(from, STRIDED(at, n, nx));
        }
        place[id] = at;
        for (int reach = GROUP / 2; reach; reach /= 2) {
            barrier(CLK_LOCAL_MEM_FENCE);
            if (id < reach && place[id + reach] >= 0) {
                real mine = best[id], other = best[id + reach];
                int equal = !better(mine, other) && place[id + reach] < place[id];

                if (place[id] < 0 || better(other, mine) || equal) {
                    best[id] = other;
                    place[id] = place[id + reach];
                }
            }
        }
        if (id == 0)
            z[i] = place[0];
        barrier(CLK_LOCAL_MEM_FENCE);
    }
}

__kernel void argmax_segments(__global const stored *x, ulong x_first, __global long *z, ulong z_first, long outputs,
                              long count, long segments, long segment, AXES_ARGS, __global const long *part,
                              ulong part_first)
{
    x += x_first;
    z += z_first;
    part += part_first;
    GRID(o, outputs) {
        __global const stored *from = x + STRIDED(o, k, kx);
        index_t at = (index_t)part[o];

        for (index_t s = 1; s < segments; s++) {
            index_t other = (index_t)part[s * outputs + o];

            if (better(LOAD(from, STRIDED(other, n, nx)), LOAD(from, STRIDED(at, n, nx))))
                at = other;
        }
        z[o] = at;
    }
}
