/* embedding.cl - z[i,:] = weight[indices[i],:], and its gradient.
 *
 * indices [n] of dtype INDEX, weight and dweight [rows,width], z and dz [n,width], all contiguous.
 * The gradient sorts the positions i by their index, in the workspace: starts [rows + 1], where each row's
 * positions begin; fill [rows]; places [n], sorted by row but not within one; order [n], in order within each
 * row too.  Counts use integer atomics, whose results do not depend on the order of work-items; sums go in
 * the order of i.  A position whose index is out of range is nowhere. */

typedef TYPE(INDEX) position_t;

__kernel void embedding(__global long *word, long serial, __global const position_t *indices, ulong indices_first,
                        __global const real *weight, ulong weight_first, __global real *z, ulong z_first, long n,
                        long rows, long width)
{
    indices += indices_first;
    weight += weight_first;
    z += z_first;
    GRID(k, n * width) {
        index_t i = k / (index_t)width, column = k - i * (index_t)width;
        long row = indices[i];

        if (row >= 0 && row < rows) {
            z[k] = weight[row * width + column];
            continue;
        }
        z[k] = 0;
        if (column == 0)
            report(word, serial, i, row);
    }
}

/* What every step of the gradient is given. */
#define STEP \
    __global const position_t *indices, ulong indices_first, __global int *work, ulong work_first, long n, long rows
#define STARTS (work + work_first)
#define FILL (STARTS + rows + 1)
#define PLACES (FILL + rows)
#define ORDER (PLACES + n)

__kernel void backward_zero(STEP)
{
    GRID(row, rows + 1) {
        STARTS[row] = 0;
        if (row < rows)
            FILL[row] = 0;
    }
}

/* starts[row + 1] = how often row occurs. */
__kernel void backward_count(STEP)
{
    GRID(i, n) {
        long row = indices[indices_first + i];

        if (row >= 0 && row < rows)
            atomic_inc((volatile __global int *)&STARTS[row + 1]);
    }
}

enum { GROUP = 256 };

/* Running sums over starts.  One group of GROUP items, each with a stretch of its own. */
__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1)))
void backward_starts(STEP)
{
    __local int before[GROUP];
    int id = (int)get_local_id(0), sum = 0;
    index_t stretch = (index_t)((rows + GROUP) / GROUP), first = id * stretch;
    index_t end = (index_t)min((long)first + stretch, rows + 1);

    for (index_t row = first; row < end; row++)
        sum += STARTS[row];
    before[id] = sum;
    barrier(CLK_LOCAL_MEM_FENCE);
    sum = 0;
    for (int k = 0; k < id; k++)
        sum += before[k];
    for (index_t row = first; row < end; row++) {
        sum += STARTS[row];
        STARTS[row] = sum;
    }
}

__kernel void backward_places(STEP)
{
    GRID(i, n) {
        long row = indices[indices_first + i];

        if (row >= 0 && row < rows)
            PLACES[STARTS[row] + atomic_inc((volatile __global int *)&FILL[row])] = (int)i;
    }
}

/* Each place's rank among those of its row. */
__kernel void backward_order(STEP)
{
    int used = STARTS[rows];

    GRID(k, used) {
        int i = PLACES[k], rank = 0;
        long row = indices[indices_first + i];
        int start = STARTS[row], end = STARTS[row + 1];

        for (int other = start; other < end; other++)
            rank += PLACES[other] < i;
        ORDER[start + rank] = i;
    }
}

__kernel void backward_sum(STEP, __global const real *dz, ulong dz_first, __global real *dw, ulong dw_first, long width)
{
    dz += dz_first;
    dw += dw_first;
    GRID(k, rows * width) {
        index_t row = k / (index_t)width, column = k - row * (index_t)width;
        int end = STARTS[row + 1];
        real sum = 0;

        for (int place = STARTS[row]; place < end; place++)
            sum += dz[(index_t)ORDER[place] * (index_t)width + column];
        dw[k] = sum;
    }
}
