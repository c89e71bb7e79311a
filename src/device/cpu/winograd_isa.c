/* winograd_isa.c - the transforms of winograd.h, compiled once per instruction set.
 *
 * A square is transformed by one rule along its columns and then along its rows.  The rules are those of Lavin and Gray
 * for the points 0, 1, -1 (m 2) and 2, -2 (m 4), and infinity; each sum is written out once. */
#include <string.h>

#include "base/half.h"
#include "device/cpu/isa.h"
#include "device/cpu/vector.h"
#include "device/cpu/winograd.h"

enum { LANES = LANES_F32 };
#define FMA FMA_F32
#define SPLAT SPLAT_F32

enum { AHEAD = 128 /* bytes: two cache lines */ };

typedef vec_f32 vec;

INLINE vec load(const float *p)
{
    return (vec)(*(const loose_f32 *)p);
}

INLINE void store(float *p, vec x)
{
    *(loose_f32 *)p = x;
}

/* ---- As many 16-bit words as a vector has lanes: the first `count`, the others 0 or left alone ---- */

#if defined(__AVX512F__)
INLINE void load_words(uint16_t *to, const uint16_t *p, int64_t count)
{
    _mm256_storeu_si256((__m256i *)(void *)to, _mm256_maskz_loadu_epi16((__mmask16)((1U << count) - 1), p));
}

INLINE void store_words(uint16_t *p, int64_t count, const uint16_t *x)
{
    _mm256_mask_storeu_epi16(p, (__mmask16)((1U << count) - 1),
                             _mm256_loadu_si256((const __m256i *)(const void *)x));
}
#else
INLINE void store_words(uint16_t *p, int64_t count, const uint16_t *x)
{
    foreach (i, 4) /* sizes that the compiler knows: no calls */
        if (count & LANES >> i) {
            memcpy(p, x, (LANES >> i) * sizeof *p);
            p += LANES >> i;
            x += LANES >> i;
        }
}

INLINE void load_words(uint16_t *to, const uint16_t *p, int64_t count)
{
    memset(to, 0, LANES * sizeof *to);
    store_words(to, count, p);
}
#endif

/* ---- Rules ---- */

/* n pixels of a line, m = n - 2. */
INLINE void input_2(vec *to, const vec *d)
{
    to[0] = d[0] - d[2];
    to[1] = d[1] + d[2];
    to[2] = d[2] - d[1];
    to[3] = d[1] - d[3];
}

INLINE void input_4(vec *to, const vec *d)
{
    const vec two = SPLAT(2.0f), four = SPLAT(4.0f), five = SPLAT(5.0f);
    vec even = FMA(-four, d[2], d[4]), odd = FMA(-four, d[1], d[3]);
    vec apart = d[4] - d[2], turn = d[3] - d[1];
    to[0] = FMA(four, d[0], FMA(-five, d[2], d[4]));
    to[1] = even + odd;
    to[2] = even - odd;
    to[3] = FMA(two, turn, apart);
    to[4] = FMA(-two, turn, apart);
    to[5] = FMA(four, d[1], FMA(-five, d[3], d[5]));
}

/* n products to m results. */
INLINE void output_2(vec *to, const vec *x)
{
    to[0] = x[0] + x[1] + x[2];
    to[1] = x[1] - x[2] - x[3];
}

INLINE void output_4(vec *to, const vec *x)
{
    const vec two = SPLAT(2.0f), four = SPLAT(4.0f), eight = SPLAT(8.0f);
    vec sum = x[1] + x[2], difference = x[1] - x[2], far = x[3] + x[4], turn = x[3] - x[4];
    to[0] = x[0] + sum + far;
    to[1] = FMA(two, turn, difference);
    to[2] = FMA(four, far, sum);
    to[3] = FMA(eight, turn, difference) + x[5];
}

/* n products to the 3 elements of a filter's line. */
INLINE void weight_2(vec *to, const vec *x)
{
    to[0] = x[0] + x[1] + x[2];
    to[1] = x[1] - x[2];
    to[2] = x[1] + x[2] - x[3];
}

INLINE void weight_4(vec *to, const vec *x)
{
    const vec two = SPLAT(2.0f), four = SPLAT(4.0f);
    vec sum = x[1] + x[2], far = x[3] + x[4];
    to[0] = x[0] + sum + far;
    to[1] = FMA(two, x[3] - x[4], x[1] - x[2]);
    to[2] = FMA(four, far, sum) + x[5];
}

INLINE void filter_2(vec *to, const vec *w)
{
    const vec half = SPLAT(0.5f);
    vec ends = w[0] + w[2];
    to[0] = w[0];
    to[1] = half * (ends + w[1]);
    to[2] = half * (ends - w[1]);
    to[3] = w[2];
}

INLINE void filter_4(vec *to, const vec *w)
{
    const vec four = SPLAT(4.0f), quarter = SPLAT(0.25f), sixth = SPLAT(1.0f / 6), part = SPLAT(1.0f / 24);
    vec ends = w[0] + w[2], far = FMA(four, w[2], w[0]), middle = w[1] + w[1];
    to[0] = quarter * w[0];
    to[1] = -sixth * (ends + w[1]);
    to[2] = -sixth * (ends - w[1]);
    to[3] = part * (far + middle);
    to[4] = part * (far - middle);
    to[5] = w[2];
}

/* m flows of a line: filters of m elements, in a way. */
INLINE void flow_2(vec *to, const vec *z)
{
    const vec half = SPLAT(0.5f);
    to[0] = z[0];
    to[1] = half * (z[0] + z[1]);
    to[2] = half * (z[0] - z[1]);
    to[3] = z[1];
}

INLINE void flow_4(vec *to, const vec *z)
{
    const vec four = SPLAT(4.0f), quarter = SPLAT(0.25f), sixth = SPLAT(1.0f / 6), part = SPLAT(1.0f / 24);
    vec even = z[0] + z[2], odd = z[1] + z[3];
    vec far = FMA(four, z[2], z[0]), turn = FMA(four, z[3], z[1]);
    turn += turn;
    to[0] = quarter * z[0];
    to[1] = -sixth * (even + odd);
    to[2] = -sixth * (even - odd);
    to[3] = part * (far + turn);
    to[4] = part * (far - turn);
    to[5] = z[3];
}

/* ---- Squares ---- */

/* Each column of `in` vectors becomes one of `out`, then each row. */
INLINE void square(const struct squares *s, const int in, const int out, void (*rule)(vec *to, const vec *from))
{
    const float *from = s->from;
    float *to = s->to;
    for (int64_t i = 0; i < s->count; i++, from += s->from_step, to += s->to_step) {
        vec half[6][6];
        foreach (x, in) {
            vec line[6], z[6];
            foreach (y, in)
                line[y] = load(from + y * s->from_row + x * s->from_column);
            rule(z, line);
            foreach (y, out)
                half[y][x] = z[y];
        }
        foreach (y, out) {
            vec z[6];
            rule(z, half[y]);
            foreach (x, out)
                store(to + y * s->to_row + x * s->to_column, z[x]);
        }
    }
}

#define SQUARE(name, in, out)                          \
    static void square_##name(const struct squares *s) \
    {                                                  \
        square(s, in, out, name);                      \
    }
SQUARE(input_2, 4, 4)
SQUARE(input_4, 6, 6)
SQUARE(output_2, 4, 2)
SQUARE(output_4, 6, 4)
SQUARE(filter_2, 3, 4)
SQUARE(filter_4, 3, 6)
SQUARE(flow_2, 2, 4)
SQUARE(flow_4, 4, 6)
SQUARE(weight_2, 4, 3)
SQUARE(weight_4, 6, 3)
#undef SQUARE

/* ---- Channels side by side, and apart ---- */

TRANSPOSE(transpose, vec, LANES_F32)

static void gather_f32(float *to, const void *pixels, int64_t plane, int64_t channels, int64_t n)
{
    const float *from = pixels;
    for (int64_t j = 0; j < n; j += LANES, to += LANES * LANES) {
        const int64_t count = tile_min(LANES, n - j);
        vec x[LANES];
        foreach (c, LANES) /* so many short rows are no streams to the processor */
            __builtin_prefetch((const char *)(from + c * plane + j) + AHEAD);
        if (channels == LANES && count == LANES)
            foreach (c, LANES)
                x[c] = load(from + c * plane + j);
        else
            foreach (c, LANES)
                x[c] = c < channels ? load_first_f32(from + c * plane + j, count) : (vec){0};
        transpose(x);
        foreach (c, LANES)
            store(to + c * LANES, x[c]);
    }
}

static void scatter_f32(void *pixels, int64_t plane, const float *from, int64_t channels, int64_t n,
                        const float *bias)
{
    float *to = pixels;
    for (int64_t j = 0; j < n; j += LANES, from += LANES * LANES) {
        const int64_t count = tile_min(LANES, n - j);
        vec x[LANES];
        foreach (c, LANES)
            x[c] = load(from + c * LANES);
        transpose(x);
        if (bias)
            foreach (c, LANES)
                if (c < channels)
                    x[c] += SPLAT(bias[c]);
        if (channels == LANES && count == LANES)
            foreach (c, LANES)
                store(to + c * plane + j, x[c]);
        else
            foreach (c, LANES)
                if (c < channels)
                    store_first_f32(to + c * plane + j, count, x[c]);
    }
}

/* ---- The same of 16 bits: squares of them go through f32 in the first cache ---- */

/* A whole square is converted in one loop: the compiler unrolls one of LANES before it could make vectors of it. */
INLINE void gather(float *to, const uint16_t *from, int64_t plane, int64_t channels, int64_t n,
                   float (*widen)(uint16_t h))
{
    for (int64_t j = 0; j < n; j += LANES, to += LANES * LANES) {
        float wide[LANES * LANES];
        uint16_t narrow[LANES * LANES];
        for (int64_t c = 0; c < channels; c++) {
            const uint16_t *row = from + c * plane + j;
            __builtin_prefetch((const char *)row + AHEAD);
            load_words(narrow + c * LANES, row, tile_min(LANES, n - j));
        }
        for (int64_t i = 0; i < channels * LANES; i++)
            wide[i] = widen(narrow[i]);
        gather_f32(to, wide, LANES, channels, LANES);
    }
}

INLINE void scatter(uint16_t *to, int64_t plane, const float *from, int64_t channels, int64_t n,
                    const float *bias, uint16_t (*round)(float x))
{
    for (int64_t j = 0; j < n; j += LANES, from += LANES * LANES) {
        float wide[LANES * LANES];
        uint16_t narrow[LANES * LANES];
        scatter_f32(wide, LANES, from, channels, LANES, bias);
        for (int64_t i = 0; i < channels * LANES; i++)
            narrow[i] = round(wide[i]);
        for (int64_t c = 0; c < channels; c++)
            store_words(to + c * plane + j, tile_min(LANES, n - j), narrow + c * LANES);
    }
}

#define HALF(dtype)                                                                                      \
    static void gather_##dtype(float *to, const void *from, int64_t plane, int64_t channels, int64_t n)  \
    {                                                                                                    \
        gather(to, from, plane, channels, n, dtype##_widen);                                             \
    }                                                                                                    \
    static void scatter_##dtype(void *to, int64_t plane, const float *from, int64_t channels, int64_t n, \
                                const float *bias)                                                       \
    {                                                                                                    \
        scatter(to, plane, from, channels, n, bias, dtype##_narrow);                                     \
    }
HALF(f16)
HALF(bf16)
#undef HALF

static void add_up(float *sum, const float *from, int64_t pitch, int64_t rows, int64_t columns)
{
    vec total = load(sum);
    for (int64_t row = 0; row < rows; row++, from += pitch) {
        vec s = {0};
        for (int64_t j = 0; j < columns; j++)
            s += load(from + j * LANES);
        total += s;
    }
    store(sum, total);
}

extern const struct winograd_set ISA_NAME(winograd_set);

/* clang-format off */
#define RULES(m)                                                                    \
    {                                                                               \
        [WINOGRAD_INPUT] = square_input_##m, [WINOGRAD_OUTPUT] = square_output_##m, \
        [WINOGRAD_FILTER] = square_filter_##m, [WINOGRAD_FLOW] = square_flow_##m,   \
        [WINOGRAD_WEIGHT] = square_weight_##m,                                      \
    }
/* clang-format on */

const struct winograd_set ISA_NAME(winograd_set) = {
    .lanes = LANES,
    .transform = {[WINOGRAD_2] = RULES(2), [WINOGRAD_4] = RULES(4)},
    .gather = {gather_f32, gather_f16, gather_bf16},
    .scatter = {scatter_f32, scatter_f16, scatter_bf16},
    .add_up = add_up};
