/* scatter_add.cl - z = x (or zeros) with elements of src added along the middle axis by indices.
 *
 * x, z [outer, size, inner], src [outer, count, inner], contiguous.  The index, of dtype INDEX, lies as src, or is a
 * list [count]: `list`.  No atomics: sums go in the order of the index.  An index out of range adds nothing.
 *
 * scatter_few: each element of z looks at all indices of its axis; for few of them.
 * sort_*, scatter_runs: positions sorted by destination, which is an element of z, or a row where the index is a list;
 * an index out of range has destination `rows`, behind all.  work: destinations and positions [2][2][n], counts
 * [16][items].  All kernels are grid-stride but sort_starts, one group of GROUP items. */

typedef TYPE(INDEX) position_t;

#define TENSORS                                                                                             \
    __global const real *src, ulong src_first, __global const real *x, ulong x_first, long has_x,           \
        __global real *z, ulong z_first, long elements, long size, long count, long inner, long list
#define PLACE_TENSORS   \
    src += src_first;   \
    x += x_first;       \
    z += z_first

__kernel void scatter_few(__global long *word, long serial, __global const position_t *index, ulong index_first,
                          TENSORS)
{
    PLACE_TENSORS;
    index += index_first;
    GRID(i, elements) {
        index_t rest = i / (index_t)inner, c = i - rest * (index_t)inner;
        index_t plane = rest / (index_t)size, row = rest - plane * (index_t)size;
        index_t from = plane * (index_t)count * (index_t)inner + c;
        real sum = has_x ? x[i] : R(0);

        for (index_t k = 0; k < (index_t)count; k++, from += (index_t)inner) {
            index_t at = list ? k : from;
            long to = index[at];

            if (to == row)
                sum += src[from];
            else if (to < 0 || to >= size)
                report(word, serial, at, to);
        }
        z[i] = sum;
    }
}

#define WORK __global int *work, ulong work_first, long n, long from
#define DESTINATIONS(half) (work + work_first + 2 * (half) * n)
#define POSITIONS(half) (DESTINATIONS(half) + n)
#define COUNTS DESTINATIONS(2)

enum { DIGITS = 16, GROUP = 256 };

__kernel void sort_destinations(__global long *word, long serial, __global const position_t *index, ulong index_first,
                                __global int *work, ulong work_first, long n, long rows, long size, long count,
                                long inner, long list)
{
    GRID(i, n) {
        long to = index[index_first + i], destination = to;

        if (to < 0 || to >= size) {
            report(word, serial, i, to);
            destination = rows;
        } else if (!list) {
            index_t rest = i / (index_t)inner, c = i - rest * (index_t)inner, plane = rest / (index_t)count;

            destination = (plane * size + to) * inner + c;
        }
        DESTINATIONS(0)[i] = (int)destination;
        POSITIONS(0)[i] = (int)i;
    }
}

#define SORT WORK, long shift, long chunk, long items

__kernel void sort_count(SORT)
{
    GRID(item, items) {
        int counts[DIGITS] = {0};
        long end = min((item + 1) * chunk, n);

        for (long i = item * chunk; i < end; i++)
            counts[DESTINATIONS(from)[i] >> shift & (DIGITS - 1)]++;
        for (int digit = 0; digit < DIGITS; digit++)
            COUNTS[digit * items + item] = counts[digit];
    }
}

/* Each count becomes the sum of those before it. */
__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1)))
void sort_starts(SORT)
{
    __local int before[GROUP];
    int id = (int)get_local_id(0), sum = 0;
    long all = DIGITS * items, stretch = (all + GROUP - 1) / GROUP, first = id * stretch;
    long end = min(first + stretch, all);

    for (long i = first; i < end; i++)
        sum += COUNTS[i];
    before[id] = sum;
    barrier(CLK_LOCAL_MEM_FENCE);
    sum = 0;
    for (int i = 0; i < id; i++)
        sum += before[i];
    for (long i = first; i < end; i++) {
        int own = COUNTS[i];

        COUNTS[i] = sum;
        sum += own;
    }
}

__kernel void sort_move(SORT)
{
    GRID(item, items) {
        int starts[DIGITS];
        long end = min((item + 1) * chunk, n);

        for (int digit = 0; digit < DIGITS; digit++)
            starts[digit] = COUNTS[digit * items + item];
        for (long i = item * chunk; i < end; i++) {
            int destination = DESTINATIONS(from)[i], place = starts[destination >> shift & (DIGITS - 1)]++;

            DESTINATIONS(1 - from)[place] = destination;
            POSITIONS(1 - from)[place] = POSITIONS(from)[i];
        }
    }
}

/* The first of n sorted numbers that is not below `least`. */
static inline long first_from(__global const int *sorted, long n, int least)
{
    long low = 0;

    while (low < n) {
        long middle = low + (n - low) / 2;

        if (sorted[middle] < least)
            low = middle + 1;
        else
            n = middle;
    }
    return low;
}

__kernel void scatter_runs(WORK, TENSORS)
{
    PLACE_TENSORS;
    GRID(i, elements) {
        index_t rest = i / (index_t)inner, c = i - rest * (index_t)inner;
        index_t plane = rest / (index_t)size, row = rest - plane * (index_t)size;
        int destination = (int)(list ? row : i);
        real sum = has_x ? x[i] : R(0);

        for (long at = first_from(DESTINATIONS(from), n, destination);
             at < n && DESTINATIONS(from)[at] == destination; at++) {
            index_t k = POSITIONS(from)[at];

            sum += src[list ? (plane * (index_t)count + k) * (index_t)inner + c : k];
        }
        z[i] = sum;
    }
}
