/* matrix_emulated.cl - the instructions of matrix_ptx.cl in plain OpenCL C: a team's items hand each other what the
 * unit would read of their registers, through local memory, as the PTX manual defines ldmatrix and mma.  It shows on
 * any device that a kernel's indices and layouts are right; it is no way to compute. */

#define UNIT_LOCAL(name) __local uint name[6 * GROUP]

static inline void unit_rows(uint x[4], __local const uint *tile, uint first, int item, __local uint *exchange)
{
    const int lane = item % TEAM, team = item - lane;

    exchange[item] = first;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int j = 0; j < 4; j++)
        x[j] = tile[exchange[team + 8 * j + lane / 4] + lane % 4];
    barrier(CLK_LOCAL_MEM_FENCE);
}

static inline void unit_columns(uint x[4], __local const uint *tile, uint first, int item, __local uint *exchange)
{
    const int lane = item % TEAM, team = item - lane, shift = lane / 4 % 2 * 16;

    exchange[item] = first;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int j = 0; j < 4; j++) {
        const uint low = tile[exchange[team + 8 * j + lane % 4 * 2] + lane / 8] >> shift;
        const uint high = tile[exchange[team + 8 * j + lane % 4 * 2 + 1] + lane / 8] >> shift;
        x[j] = (low & 0xffff) | high << 16;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
}

static inline void unit_multiply(float c[4], const uint a[4], const uint b[2], int item, __local uint *exchange)
{
    const int lane = item % TEAM, g = lane / 4, t = lane % 4;
    __local uint *left = exchange + (item - lane) * 6, *right = left + 4 * TEAM;

    for (int j = 0; j < 4; j++)
        left[4 * lane + j] = a[j];
    for (int j = 0; j < 2; j++)
        right[2 * lane + j] = b[j];
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int e = 0; e < 4; e++) {
        const int row = g + e / 2 * 8, column = 2 * t + e % 2;
        float sum = c[e];
        for (int word = 0; word < 8; word++) {
            const uint x = left[4 * (row % 8 * 4 + word % 4) + row / 8 + word / 4 * 2];
            const uint y = right[2 * (column * 4 + word % 4) + word / 4];
            sum = fma(unit_number(x, 0), unit_number(y, 0), sum);
            sum = fma(unit_number(x, 1), unit_number(y, 1), sum);
        }
        c[e] = sum;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
}
