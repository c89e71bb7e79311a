/* reduce.cl - folds over axes: the sum, the mean (-DMEAN), the maximum (-DMAX, NaN wins).
 *
 * x: any strides.  The kept axes k (sizes k_*, strides kx_*) and the reduced axes n (sizes n_*, strides nx_*)
 * are padded with size 1 in front to AXES each.  z [segments, outputs], contiguous, of dtype RESULT: segment
 * s folds the reduced elements s * segment .. up to count, in row-major order; with -DMEAN the fold is
 * divided.  The order of additions depends on the shape alone. */

#include "math.cl"

typedef TYPE(RESULT) result;

#ifdef MAX
#define FOLD(a, x) (((x) > (a) || IS_NAN(x)) ? (x) : (a))
#if defined(REAL_IS_F32) || defined(REAL_IS_F64)
#define START (-INFINITY)
#elif defined(REAL_IS_I64)
#define START LONG_MIN
#elif defined(REAL_IS_I32)
#define START INT_MIN
#else
#define START 0
#endif
#else
#define FOLD(a, x) ((a) + (x))
#define START 0
#endif

#ifdef MEAN
#define DIVISOR , real divisor
#define FINISH(z) ((z) / divisor)
#else
#define DIVISOR
#define FINISH(z) (z)
#endif

enum { GROUP = 256, BLOCK = 32 };

/* The fold of elements i, i + step, ... below end, in blocks of BLOCK. */
static result fold(__global const real *x, index_t i, index_t end, index_t step, SIZES(n), STRIDES(nx))
{
    result total = START, part = START;
    int left = BLOCK;
    index_t at = i < end ? STRIDED(i, n, nx) : 0;
#if AXES == 2
    /* Two axes are walked without a division: each step moves `rows` rows and `columns` columns on. */
    index_t column = i % (index_t)n_1, rows = step / (index_t)n_1, columns = step - rows * (index_t)n_1;
    index_t move = rows * (index_t)nx_0 + columns * (index_t)nx_1;
    index_t carry = (index_t)nx_0 - (index_t)n_1 * (index_t)nx_1;
#endif

    while (i < end) {
        part = FOLD(part, (result)x[at]);
        if (--left == 0) {
            total = FOLD(total, part);
            part = START;
            left = BLOCK;
        }
        if (end - i <= step)
            break;
        i += step;
#if AXES == 1
        at += step * (index_t)nx_0;
#elif AXES == 2
        at += move;
        column += columns;
        if (column >= (index_t)n_1) {
            column -= (index_t)n_1;
            at += carry;
        }
#else
        at = STRIDED(i, n, nx);
#endif
    }
    return FOLD(total, part);
}

#define ALL_SIZES(n) AXES_LIST(AXES)(AXIS_NAME, n)

/* One item makes one element of z. */
__kernel void reduce_items(__global const real *x, ulong x_first, __global result *z, ulong z_first, long outputs,
                           long count, long segments, long segment, SIZES(k), STRIDES(kx), SIZES(n),
                           STRIDES(nx) DIVISOR)
{
    x += x_first;
    z += z_first;
    GRID(i, outputs * segments) {
        index_t s = i / (index_t)outputs, o = i - s * (index_t)outputs, start = s * (index_t)segment;
        index_t end = (index_t)min((long)start + segment, count);
        result value = fold(x + STRIDED(o, k, kx), start, end, 1, ALL_SIZES(n), ALL_SIZES(nx));

        z[i] = FINISH(value);
    }
}

/* One group of GROUP items makes one element of z. */
__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1)))
void reduce_groups(__global const real *x, ulong x_first, __global result *z, ulong z_first, long outputs, long count,
                   long segments, long segment, SIZES(k), STRIDES(kx), SIZES(n), STRIDES(nx) DIVISOR)
{
    __local result lane[GROUP];
    int id = (int)get_local_id(0);

    x += x_first;
    z += z_first;
    for (long i = (long)get_group_id(0); i < outputs * segments; i += (long)get_num_groups(0)) {
        long s = i / outputs;
        index_t o = (index_t)(i - s * outputs), start = (index_t)(s * segment);
        index_t end = (index_t)min((long)start + segment, count);

        lane[id] = fold(x + STRIDED(o, k, kx), start + id, end, GROUP, ALL_SIZES(n), ALL_SIZES(nx));
        for (int reach = GROUP / 2; reach; reach /= 2) {
            barrier(CLK_LOCAL_MEM_FENCE);
            if (id < reach)
                lane[id] = FOLD(lane[id], lane[id + reach]);
        }
        if (id == 0)
            z[i] = FINISH(lane[0]);
        barrier(CLK_LOCAL_MEM_FENCE);
    }
}
