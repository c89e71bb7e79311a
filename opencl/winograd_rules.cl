/* winograd_rules.cl - the transforms of Winograd's minimal filtering for 3x3 filters, after Lavin and Gray, "Fast
 * Algorithms for Convolutional Neural Networks" (2015), for the points 0, 1, -1 (TILE 2) and 2, -2 (TILE 4), and
 * infinity.  No kernel is defined here.
 *
 * A square of values is transformed by one rule along its columns and then along its rows, LANES squares side by side.
 *   x_rule(to, step, from, pitch)   elements of both lie so far apart
 *   x_square(to, from)              row-major squares; flows' lines are SIDE apart */

/* From the host: TILE (2 or 4): a tile has TILE x TILE results; LANES. */
#include "lanes.cl"

#define SIDE (TILE + 2)       /* of a transformed square */
#define POINTS (SIDE * SIDE)
#define FILTER 3

#define SPLAT(x) ((lanes)R(x))
#define INSIDE static inline __attribute__((always_inline))

/* A square's points, `step` apart. */
INSIDE void load_points(lanes *to, __global const real *from, index_t step)
{
#pragma unroll
    for (int point = 0; point < POINTS; point++)
        to[point] = LANES_LOAD(from + point * step);
}

/* ---- SIDE pixels of a line ---- */

INSIDE void pixel_rule(lanes *to, int step, const lanes *d, int pitch)
{
#if TILE == 2
    lanes d0 = d[0], d1 = d[pitch], d2 = d[2 * pitch], d3 = d[3 * pitch];
    to[0] = d0 - d2;
    to[step] = d1 + d2;
    to[2 * step] = d2 - d1;
    to[3 * step] = d1 - d3;
#else
    lanes d0 = d[0], d1 = d[pitch], d2 = d[2 * pitch], d3 = d[3 * pitch], d4 = d[4 * pitch], d5 = d[5 * pitch];
    lanes even = fma(SPLAT(-4), d2, d4), odd = fma(SPLAT(-4), d1, d3), apart = d4 - d2, turn = d3 - d1;
    to[0] = fma(SPLAT(4), d0, fma(SPLAT(-5), d2, d4));
    to[step] = even + odd;
    to[2 * step] = even - odd;
    to[3 * step] = fma(SPLAT(2), turn, apart);
    to[4 * step] = fma(SPLAT(-2), turn, apart);
    to[5 * step] = fma(SPLAT(4), d1, fma(SPLAT(-5), d3, d5));
#endif
}

/* ---- SIDE products to TILE results ---- */

INSIDE void result_rule(lanes *to, int step, const lanes *x, int pitch)
{
#if TILE == 2
    lanes x1 = x[pitch], x2 = x[2 * pitch];
    to[0] = x[0] + x1 + x2;
    to[step] = x1 - x2 - x[3 * pitch];
#else
    lanes x1 = x[pitch], x2 = x[2 * pitch], x3 = x[3 * pitch], x4 = x[4 * pitch];
    lanes sum = x1 + x2, difference = x1 - x2, far = x3 + x4, turn = x3 - x4;
    to[0] = x[0] + sum + far;
    to[step] = fma(SPLAT(2), turn, difference);
    to[2 * step] = fma(SPLAT(4), far, sum);
    to[3 * step] = fma(SPLAT(8), turn, difference) + x[5 * pitch];
#endif
}

/* ---- SIDE products to the elements of a filter's line ---- */

INSIDE void weight_rule(lanes *to, int step, const lanes *x, int pitch)
{
#if TILE == 2
    lanes x1 = x[pitch], x2 = x[2 * pitch];
    to[0] = x[0] + x1 + x2;
    to[step] = x1 - x2;
    to[2 * step] = x1 + x2 - x[3 * pitch];
#else
    lanes x1 = x[pitch], x2 = x[2 * pitch], x3 = x[3 * pitch], x4 = x[4 * pitch];
    lanes sum = x1 + x2, far = x3 + x4;
    to[0] = x[0] + sum + far;
    to[step] = fma(SPLAT(2), x3 - x4, x1 - x2);
    to[2 * step] = fma(SPLAT(4), far, sum) + x[5 * pitch];
#endif
}

/* ---- A filter's line ---- */

INSIDE void filter_rule(lanes *to, int step, const lanes *w, int pitch)
{
    lanes w0 = w[0], w1 = w[pitch], w2 = w[2 * pitch], ends = w0 + w2;
#if TILE == 2
    to[0] = w0;
    to[step] = SPLAT(0.5) * (ends + w1);
    to[2 * step] = SPLAT(0.5) * (ends - w1);
    to[3 * step] = w2;
#else
    lanes far = fma(SPLAT(4), w2, w0), middle = w1 + w1;
    to[0] = SPLAT(0.25) * w0;
    to[step] = SPLAT(R(-1) / 6) * (ends + w1);
    to[2 * step] = SPLAT(R(-1) / 6) * (ends - w1);
    to[3 * step] = SPLAT(R(1) / 24) * (far + middle);
    to[4 * step] = SPLAT(R(1) / 24) * (far - middle);
    to[5 * step] = w2;
#endif
}

/* ---- TILE flows of a line: a filter of so many elements, in a way ---- */

INSIDE void flow_rule(lanes *to, int step, const lanes *z, int pitch)
{
#if TILE == 2
    lanes z0 = z[0], z1 = z[pitch];
    to[0] = z0;
    to[step] = SPLAT(0.5) * (z0 + z1);
    to[2 * step] = SPLAT(0.5) * (z0 - z1);
    to[3 * step] = z1;
#else
    lanes z0 = z[0], z1 = z[pitch], z2 = z[2 * pitch], z3 = z[3 * pitch];
    lanes even = z0 + z2, odd = z1 + z3, far = fma(SPLAT(4), z2, z0), turn = fma(SPLAT(4), z3, z1);
    turn += turn;
    to[0] = SPLAT(0.25) * z0;
    to[step] = SPLAT(R(-1) / 6) * (even + odd);
    to[2 * step] = SPLAT(R(-1) / 6) * (even - odd);
    to[3 * step] = SPLAT(R(1) / 24) * (far + turn);
    to[4 * step] = SPLAT(R(1) / 24) * (far - turn);
    to[5 * step] = z3;
#endif
}

/* ---- Squares ---- */

INSIDE void pixel_square(lanes *to, const lanes *from)
{
    lanes half_way[SIDE * SIDE];
#pragma unroll
    for (int x = 0; x < SIDE; x++)
        pixel_rule(half_way + x, SIDE, from + x, SIDE);
#pragma unroll
    for (int y = 0; y < SIDE; y++)
        pixel_rule(to + y * SIDE, 1, half_way + y * SIDE, 1);
}

INSIDE void result_square(lanes *to, const lanes *from)
{
    lanes half_way[TILE * SIDE];
#pragma unroll
    for (int x = 0; x < SIDE; x++)
        result_rule(half_way + x, SIDE, from + x, SIDE);
#pragma unroll
    for (int y = 0; y < TILE; y++)
        result_rule(to + y * TILE, 1, half_way + y * SIDE, 1);
}

INSIDE void weight_square(lanes *to, const lanes *from)
{
    lanes half_way[FILTER * SIDE];
#pragma unroll
    for (int x = 0; x < SIDE; x++)
        weight_rule(half_way + x, SIDE, from + x, SIDE);
#pragma unroll
    for (int y = 0; y < FILTER; y++)
        weight_rule(to + y * FILTER, 1, half_way + y * SIDE, 1);
}

INSIDE void filter_square(lanes *to, const lanes *from)
{
    lanes half_way[SIDE * FILTER];
#pragma unroll
    for (int x = 0; x < FILTER; x++)
        filter_rule(half_way + x, FILTER, from + x, FILTER);
#pragma unroll
    for (int y = 0; y < SIDE; y++)
        filter_rule(to + y * SIDE, 1, half_way + y * FILTER, 1);
}

INSIDE void flow_square(lanes *to, const lanes *from)
{
    lanes half_way[SIDE * TILE];
#pragma unroll
    for (int x = 0; x < TILE; x++)
        flow_rule(half_way + x, TILE, from + x, SIDE);
#pragma unroll
    for (int y = 0; y < SIDE; y++)
        flow_rule(to + y * SIDE, 1, half_way + y * TILE, 1);
}
