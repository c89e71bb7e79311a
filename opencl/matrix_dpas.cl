/* matrix_dpas.cl - Intel's matrix unit, by cl_intel_subgroup_matrix_multiply_accumulate, and its emulation.  A team is
 * a sub-group of the least size that the device has, 8 items (Arc A) or 16 (Data Center GPU Max, Arc B).
 *
 * An instruction makes 8 rows by TEAM columns, of 8 words in depth.  Item l of the team holds
 *   B   column l, word by word
 *   C   column l, row by row
 *   A   of 8 rows the l-th part of each: in teams of 8 the l-th word, in teams of 16 the l-th of the 16 numbers, two
 *       rows in a word; of tf32, 8 numbers a row, items 0 to 7 hold rows 0, 2, 4, 6 and items 8 to 15 the others
 * So a piece of 16 x 16 is four or two instructions: sums e and e + 16 are TEAM columns apart.  Which words of a step
 * are which depths is no matter, as long as A and B agree. */

#define UNIT_WORDS (128 / TEAM)
#define UNIT_HALF (UNIT_WORDS / 2) /* words of 8 rows of A */
#define UNIT_UNROLL _Pragma("nounroll")
#define UNIT_AHEAD 0 /* a piece of A is taken when it is its turn */
#define UNIT_ROW(lane, e) ((e) % 16)
#define UNIT_COLUMN(lane, e) ((lane) + (e) / 16 * TEAM)

/* f32 that become bf16: the depths in word w. */
#if TEAM == 8
#define PAIR_LOW(w) (w)
#define PAIR_HIGH(w) ((w) + 8)
#else
#define PAIR_LOW(w) (2 * (w))
#define PAIR_HIGH(w) (2 * (w) + 1)
#endif

#ifdef UNIT_TF32
#define UNIT_WORD(x) unit_round(x)
#else
#define UNIT_WORD(x) (x)
#endif

INLINE void load_words(uint *x, __local const uint *from, int n)
{
    UNROLL
    for (int i = 0; i < n; i += 4) {
        const uint4 words = vload4(i / 4, from);
        x[i] = words.s0;
        x[i + 1] = words.s1;
        x[i + 2] = words.s2;
        x[i + 3] = words.s3;
    }
}

/* ---- Blocks of local memory: x[i] is element i * TEAM + the item's number ---- */

#if defined(cl_intel_subgroup_local_block_io) && !defined(MATRIX_EMULATED)
INLINE void load_block(uint *x, __local const uint *from, int n, int lane)
{
    UNROLL
    for (int i = 0; i < n; i += 4) {
        const uint4 words = intel_sub_group_block_read4(from + i * TEAM);
        x[i] = words.s0;
        x[i + 1] = words.s1;
        x[i + 2] = words.s2;
        x[i + 3] = words.s3;
    }
}

/* 8 elements of 16 bits, two in a word. */
INLINE void load_halves(uint x[4], __local const uint *from, int lane)
{
    const uint4 words = as_uint4(intel_sub_group_block_read_us8((__local const ushort *)from));
    x[0] = words.s0;
    x[1] = words.s1;
    x[2] = words.s2;
    x[3] = words.s3;
}
#else
INLINE void load_block(uint *x, __local const uint *from, int n, int lane)
{
    UNROLL
    for (int i = 0; i < n; i++)
        x[i] = from[i * TEAM + lane];
}

INLINE void load_halves(uint x[4], __local const uint *from, int lane)
{
    const int shift = lane % 2 * 16;

    UNROLL
    for (int i = 0; i < 4; i++)
        x[i] = (from[16 * i + lane / 2] >> shift & 0xffff) | from[16 * i + 8 + lane / 2] >> shift << 16;
}
#endif

/* ---- Operands ---- */

INLINE void first_rows(uint *x, __local const uint *tile, uint row, uint step, int lane)
{
    UNROLL
    for (int i = 0; i < 2; i++) {
        __local const uint *from = tile + word_place(row + 8 * i, step * 8);
#if PAIRS && TEAM == 8
        uint low[8], high[8];
        load_block(low, from, 8, lane);
        load_block(high, tile + word_place(row + 8 * i, 8), 8, lane);
        UNROLL
        for (int m = 0; m < 8; m++)
            x[8 * i + m] = unit_pair(low[m], high[m]);
#elif PAIRS
        uint words[8];
        load_block(words, from, 8, lane);
        UNROLL
        for (int m = 0; m < 4; m++)
            x[4 * i + m] = unit_pair(words[2 * m], words[2 * m + 1]);
#elif TEAM == 16 && PER_WORD == 2
        load_halves(x + 4 * i, from, lane);
#else
        load_block(x + UNIT_HALF * i, from, UNIT_HALF, lane);
#endif
    }
#if PAIRS == 0
    UNROLL
    for (int i = 0; i < UNIT_WORDS; i++)
        x[i] = UNIT_WORD(x[i]);
#endif
}

INLINE void first_columns(uint *x, __local const uint *tile, uint size, uint row, uint step, int lane)
{
#if PER_WORD == 2
    const uint pitch = PITCH(size) / 2;
    __local const uint *from = tile + (step * 16 + 16 / TEAM * lane) * pitch + row / 2;
#if TEAM == 16
    load_words(x, from, 8);
#else
    uint low[8], high[8];
    load_words(low, from, 8);
    load_words(high, from + pitch, 8);
    UNROLL
    for (int i = 0; i < 8; i++) {
        x[2 * i] = (low[i] & 0xffff) | high[i] << 16;
        x[2 * i + 1] = low[i] >> 16 | (high[i] & 0xffff0000);
    }
#endif
#elif PAIRS && TEAM == 8
    uint low[16], high[16];
    load_words(low, tile + lane * PITCH(size) + row, 16);
    load_words(high, tile + (lane + 8) * PITCH(size) + row, 16);
    UNROLL
    for (int m = 0; m < 16; m++)
        x[m] = unit_pair(low[m], high[m]);
#elif PAIRS
    uint words[16];
    load_words(words, tile + lane * PITCH(size) + row, 16);
    UNROLL
    for (int m = 0; m < 8; m++)
        x[m] = unit_pair(words[2 * m], words[2 * m + 1]);
#else
    UNROLL
    for (int i = 0; i < UNIT_WORDS; i++)
        x[i] = UNIT_WORD(tile[(step * 8 + lane % 8) * PITCH(size) + row + 2 * i + lane / 8]);
#endif
}

INLINE void second_rows(uint *x, __local const uint *tile, uint row, uint step, int lane)
{
    UNROLL
    for (int j = 0; j < 16 / TEAM; j++) {
        const uint line = row + TEAM * j + lane;
#if PAIRS
        uint words[16];
        load_words(words, tile + word_place(line, 0), 8);
        load_words(words + 8, tile + word_place(line, 8), 8);
        UNROLL
        for (int w = 0; w < 8; w++)
            x[8 * j + w] = unit_pair(words[PAIR_LOW(w)], words[PAIR_HIGH(w)]);
#else
        load_words(x + 8 * j, tile + word_place(line, step * 8), 8);
        UNROLL
        for (int w = 0; w < 8; w++)
            x[8 * j + w] = UNIT_WORD(x[8 * j + w]);
#endif
    }
}

INLINE void second_columns(uint *x, __local const uint *tile, uint size, uint row, uint step, int lane)
{
    UNROLL
    for (int j = 0; j < 16 / TEAM; j++) {
        __local const uint *from = tile + (row + TEAM * j + lane) / PER_WORD + step * 8 * PITCH(size);
        UNROLL
        for (int w = 0; w < 8; w++) {
#if PAIRS
            x[8 * j + w] = unit_pair(from[PAIR_LOW(w) * PITCH(size)], from[PAIR_HIGH(w) * PITCH(size)]);
#elif PER_WORD == 2
            const uint low = from[w * PITCH(size)], high = from[w * PITCH(size) + PITCH(size) / 2];
            const uint shift = lane % 2 * 16;
            x[8 * j + w] = (low >> shift & 0xffff) | high >> shift << 16;
#else
            x[8 * j + w] = UNIT_WORD(from[w * PITCH(size)]);
#endif
        }
    }
}

INLINE void unit_rows_of(uint x[UNIT_WORDS], __local const uint *tile, uint row, uint step, int turned, int item,
                         __local uint *exchange)
{
    if (turned)
        second_rows(x, tile, row, step, item % TEAM);
    else
        first_rows(x, tile, row, step, item % TEAM);
}

INLINE void unit_columns_of(uint x[UNIT_WORDS], __local const uint *tile, uint size, uint row, uint step, int turned,
                            int item, __local uint *exchange)
{
    if (turned)
        second_columns(x, tile, size, row, step, item % TEAM);
    else
        first_columns(x, tile, size, row, step, item % TEAM);
}

/* ---- The instruction: c[8] += 8 rows, a[UNIT_HALF], by TEAM columns, b[8] ---- */

#ifdef MATRIX_EMULATED
#define UNIT_LOCAL(name) __local uint name[(UNIT_HALF + 8) * GROUP]

/* Number k of A's row m, of all that the team's items hold. */
static float left_number(__local const uint *left, int m, int k)
{
#if TEAM == 8
    return unit_number(left[UNIT_HALF * (k / 2) + m], k % 2);
#elif defined(UNIT_TF32)
    return unit_number(left[UNIT_HALF * (m % 2 * 8 + k) + m / 2], 0);
#else
    return unit_number(left[UNIT_HALF * k + m / 2], m % 2);
#endif
}

static inline void unit_multiply(float *c, const uint *a, const uint *b, int item, __local uint *exchange)
{
    const int lane = item % TEAM;
    __local uint *left = exchange + (item - lane) * (UNIT_HALF + 8), *right = left + UNIT_HALF * TEAM;

    for (int i = 0; i < UNIT_HALF; i++)
        left[UNIT_HALF * lane + i] = a[i];
    for (int i = 0; i < 8; i++)
        right[8 * lane + i] = b[i];
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int m = 0; m < 8; m++) {
        float sum = c[m];
#ifdef UNIT_TF32
        for (int k = 0; k < 8; k++)
            sum = fma(left_number(left, m, k), unit_number(right[8 * lane + k], 0), sum);
#else
        for (int k = 0; k < 16; k++)
            sum = fma(left_number(left, m, k), unit_number(right[8 * lane + k / 2], k % 2), sum);
#endif
        c[m] = sum;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
}
#else
#define UNIT_LOCAL(name) __local uint *const name = 0

/* The extension's own, which not every compiler declares that has them. */
#if defined(UNIT_TF32)
float8 __attribute__((overloadable)) intel_sub_group_tf32_tf32_matrix_mad_k8(float4 a, float8 b, float8 c);
#define UNIT_MAD(a, b, c) intel_sub_group_tf32_tf32_matrix_mad_k8(as_float4(a), as_float8(b), c)
#elif TEAM == 8
float8 __attribute__((overloadable)) intel_sub_group_bf16_bf16_matrix_mad_k16(int8 a, int8 b, float8 c);
float8 __attribute__((overloadable)) intel_sub_group_f16_f16_matrix_mad_k16(int8 a, int8 b, float8 c);
#define UNIT_LEFT(a) as_int8(a)
#else
float8 __attribute__((overloadable)) intel_sub_group_bf16_bf16_matrix_mad_k16(short8 a, int8 b, float8 c);
float8 __attribute__((overloadable)) intel_sub_group_f16_f16_matrix_mad_k16(short8 a, int8 b, float8 c);
#define UNIT_LEFT(a) as_short8(a)
#endif
#if defined(UNIT_F16)
#define UNIT_MAD(a, b, c) intel_sub_group_f16_f16_matrix_mad_k16(UNIT_LEFT(a), as_int8(b), c)
#elif defined(UNIT_BF16)
#define UNIT_MAD(a, b, c) intel_sub_group_bf16_bf16_matrix_mad_k16(UNIT_LEFT(a), as_int8(b), c)
#endif

/* By vectors: what the compiler would count as many instructions, it would not unroll. */
INLINE void unit_multiply(float *c, const uint *a, const uint *b, int item, __local uint *exchange)
{
#if TEAM == 8
    const uint8 x = vload8(0, a);
#else
    const uint4 x = vload4(0, a);
#endif
    vstore8(UNIT_MAD(x, vload8(0, b), vload8(0, c)), 0, c);
}
#endif

INLINE void unit_piece(float c[SUMS], const uint a[UNIT_WORDS], const uint b[UNIT_WORDS], int item,
                       __local uint *exchange)
{
    UNROLL
    for (int part = 0; part < SUMS / 8; part++)
        unit_multiply(c + 8 * part, a + UNIT_HALF * (part % 2), b + 8 * (part / 2), item, exchange);
}
