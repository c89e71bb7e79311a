/* skinny.cl - products with a side of at most ROWS: C[row, line] = sum_d T[row,d] W[line,d] + bias, one pass over W.
 *
 * T is the thin operand, W the other one, either of them A: C's element lies at row * c_row + line * c_line.
 * DEEP: W's depths are neighbours: a group of GROUP items makes LINES lines, an item every GROUP-th depth (or four)
 * of each; else its lines are: a group makes ACROSS lines, an item every DOWN-th depth of one.  Then the items'
 * sums are added up in an order of their own.  Any strides, any depth. */

/* From the host: ROWS (1, 2, 4, 8), DEEP, ACROSS (a power of two), FOURS: T and W are read by fours along the depth,
 * all aligned and whole; BIAS: a bias with the stride bias_row or bias_line.  A chain may take up what is finished. */

#include "finish.cl"
#include "fours.cl"

enum { LINES = 4 };

#define GROUP 256
#define DOWN (GROUP / ACROSS)
#define AHEAD 4 /* depths of W on their way at once */
#ifdef BIAS
#define BIAS_PARAMS __global const stored *bias, ulong bias_first, long bias_row, long bias_line,
#define WITH_BIAS(value, row, line) ((value) + LOAD(bias, bias_first + (row) * bias_row + (line) * bias_line))
#else
#define BIAS_PARAMS
#define WITH_BIAS(value, row, line) (value)
#endif

#ifdef DEEP
/* sum[row][line] += an item's part of LINES lines from `first` on. */
static inline __attribute__((always_inline))
void sum_deep(real *sum, __global const stored *t, __global const stored *w, index_t first, index_t rows, index_t lines,
              index_t depth, long t_row, long t_depth, long w_line, long w_depth, int item)
{
#ifdef FOURS
    for (index_t d = 4 * item; d < depth; d += 4 * GROUP) {
        REALS(4) line[LINES];
#pragma unroll
        for (int l = 0; l < LINES; l++)
            line[l] = LOAD4(w, min(first + l, lines - 1) * w_line + d);
#pragma unroll
        for (int r = 0; r < ROWS; r++) {
            const REALS(4) thin = LOAD4(t, min((index_t)r, rows - 1) * t_row + d);
#pragma unroll
            for (int l = 0; l < LINES; l++) {
                real s = sum[r * LINES + l];
                s = fma(thin.s0, line[l].s0, s);
                s = fma(thin.s1, line[l].s1, s);
                s = fma(thin.s2, line[l].s2, s);
                sum[r * LINES + l] = fma(thin.s3, line[l].s3, s);
            }
        }
    }
#else
    for (index_t d = item; d < depth; d += GROUP) {
        real line[LINES];
#pragma unroll
        for (int l = 0; l < LINES; l++)
            line[l] = LOAD(w, min(first + l, lines - 1) * w_line + d * w_depth);
#pragma unroll
        for (int r = 0; r < ROWS; r++) {
            const real thin = LOAD(t, min((index_t)r, rows - 1) * t_row + d * t_depth);
#pragma unroll
            for (int l = 0; l < LINES; l++)
                sum[r * LINES + l] = fma(thin, line[l], sum[r * LINES + l]);
        }
    }
#endif
}

__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1)))
void skinny(__global const stored *t, ulong t_first, __global const stored *w, ulong w_first, BIAS_PARAMS
            long rows_, long lines_, long depth_, long t_row, long t_depth, long w_line, long w_depth, long c_row,
            long c_line, RESULT_PARAMS)
{
    const int item = get_local_id(0);
    const index_t rows = rows_, lines = lines_, depth = depth_;
    const index_t first = (index_t)get_group_id(0) * LINES;
    __local REALS(4) lane[GROUP];
    __local const real *all = (__local const real *)lane;
    real sum[ROWS * LINES];
    RESULT_START(c_first);
#pragma unroll
    for (int i = 0; i < ROWS * LINES; i++)
        sum[i] = 0;
    sum_deep(sum, t + t_first, w + w_first, first, rows, lines, depth, t_row, t_depth, w_line, w_depth, item);
#pragma unroll
    for (int r = 0; r < ROWS; r++) {
        barrier(CLK_LOCAL_MEM_FENCE);
        lane[item] = (REALS(4))(sum[r * LINES], sum[r * LINES + 1], sum[r * LINES + 2], sum[r * LINES + 3]);
        for (int reach = GROUP / 2; reach; reach /= 2) {
            barrier(CLK_LOCAL_MEM_FENCE);
            if (item < reach)
                lane[item] += lane[item + reach];
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        if (item < LINES && r < rows && first + item < lines)
            RESULT(r * c_row + (first + item) * c_line, WITH_BIAS(all[item], r, first + item));
    }
}
#else
__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1)))
void skinny(__global const stored *t, ulong t_first, __global const stored *w, ulong w_first, BIAS_PARAMS
            long rows_, long lines_, long depth_, long t_row, long t_depth, long w_line, long w_depth, long c_row,
            long c_line, RESULT_PARAMS)
{
    const int item = get_local_id(0);
    const index_t rows = rows_, lines = lines_, depth = depth_;
    RESULT_START(c_first);
    __local real lane[GROUP];
    const index_t line = (index_t)get_group_id(0) * ACROSS + item % ACROSS;
    __global const stored *own = w + w_first + min(line, lines - 1) * w_line;
    real sum[ROWS];
    t += t_first;
#pragma unroll
    for (int r = 0; r < ROWS; r++)
        sum[r] = 0;
    for (index_t first = item / ACROSS; first < depth; first += AHEAD * DOWN) {
        real value[AHEAD];
#pragma unroll
        for (int i = 0; i < AHEAD; i++)
            value[i] = LOAD(own, min(first + i * DOWN, depth - 1) * w_depth);
#pragma unroll
        for (int i = 0; i < AHEAD; i++) {
            const index_t d = first + i * DOWN;
            if (d < depth)
#pragma unroll
                for (int r = 0; r < ROWS; r++)
                    sum[r] = fma(LOAD(t, min((index_t)r, rows - 1) * t_row + d * t_depth), value[i], sum[r]);
        }
    }
#pragma unroll
    for (int r = 0; r < ROWS; r++) {
        barrier(CLK_LOCAL_MEM_FENCE);
        lane[item] = sum[r];
        barrier(CLK_LOCAL_MEM_FENCE);
        if (item < ACROSS && r < rows && line < lines) {
            real all = lane[item];
            for (int i = item + ACROSS; i < GROUP; i += ACROSS)
                all += lane[i];
            RESULT(r * c_row + line * c_line, WITH_BIAS(all, r, line));
        }
    }
}
#endif
