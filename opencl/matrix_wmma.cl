/* matrix_wmma.cl - AMD's matrix unit, gfx11 in waves of 32, by the compiler's built-ins, and its emulation.
 *
 * Item i of a team holds row i % 16 of A (column of B), all 16 depths: a word is two of them.  c[e] is C[2 e + i / 16,
 * i % 16]. */

#define UNIT_WORDS 8
#define UNIT_UNROLL _Pragma("nounroll") /* its operands fill the registers */
#define UNIT_AHEAD 1 /* pieces of A are taken before any is multiplied */
#define UNIT_ROW(lane, e) (2 * (e) + (lane) / 16)
#define UNIT_COLUMN(lane, e) ((lane) % 16)

INLINE void unit_rows_of(uint x[8], __local const uint *tile, uint row, uint step, int turned, int item,
                         __local uint *exchange)
{
    const uint line = row + item % 16;

    UNROLL
    for (int j = 0; j < 2; j++) {
#if PAIRS
        const uint4 low = vload4(word_place(line, 8 * j) / 4, tile);
        const uint4 high = vload4(word_place(line, 8 * j + 4) / 4, tile);
        x[4 * j] = unit_pair(low.s0, low.s1);
        x[4 * j + 1] = unit_pair(low.s2, low.s3);
        x[4 * j + 2] = unit_pair(high.s0, high.s1);
        x[4 * j + 3] = unit_pair(high.s2, high.s3);
#else
        const uint4 words = vload4(word_place(line, step * 8 + 4 * j) / 4, tile);
        x[4 * j] = words.s0;
        x[4 * j + 1] = words.s1;
        x[4 * j + 2] = words.s2;
        x[4 * j + 3] = words.s3;
#endif
    }
}

INLINE void unit_columns_of(uint x[8], __local const uint *tile, uint size, uint row, uint step, int turned, int item,
                            __local uint *exchange)
{
    const uint line = row + item % 16;

    UNROLL
    for (int j = 0; j < 8; j++) {
#if PAIRS
        x[j] = unit_pair(tile[2 * j * PITCH(size) + line], tile[(2 * j + 1) * PITCH(size) + line]);
#else
        const uint at = (step * 16 + 2 * j) * PITCH(size) + line, shift = line % 2 * 16;
        x[j] = (tile[at / 2] >> shift & 0xffff) | tile[(at + PITCH(size)) / 2] >> shift << 16;
#endif
    }
}

#ifdef MATRIX_EMULATED
#define UNIT_LOCAL(name) __local uint name[16 * GROUP]

INLINE void unit_piece(float c[8], const uint a[8], const uint b[8], int item, __local uint *exchange)
{
    const int lane = item % TEAM;
    __local uint *left = exchange + (item - lane) * 16, *right = left + 8 * TEAM;

    for (int j = 0; j < 8; j++) {
        left[8 * lane + j] = a[j];
        right[8 * lane + j] = b[j];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int e = 0; e < 8; e++) {
        float sum = c[e];
        for (int word = 0; word < 8; word++) {
            const uint x = left[8 * (2 * e + lane / 16) + word], y = right[8 * (lane % 16) + word];
            sum = fma(unit_number(x, 0), unit_number(y, 0), sum);
            sum = fma(unit_number(x, 1), unit_number(y, 1), sum);
        }
        c[e] = sum;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
}
#else
#define UNIT_LOCAL(name) __local uint *const name = 0

#ifdef UNIT_F16
#pragma OPENCL EXTENSION cl_khr_fp16 : enable
#define UNIT_OPERAND(x) as_half16(x)
#define UNIT_WMMA_CALL __builtin_amdgcn_wmma_f32_16x16x16_f16_w32
#else
#define UNIT_OPERAND(x) as_short16(x)
#define UNIT_WMMA_CALL __builtin_amdgcn_wmma_f32_16x16x16_bf16_w32
#endif

INLINE void unit_piece(float c[8], const uint a[8], const uint b[8], int item, __local uint *exchange)
{
    const uint8 x = (uint8)(a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7]);
    const uint8 y = (uint8)(b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]);
    const float8 z = UNIT_WMMA_CALL(UNIT_OPERAND(x), UNIT_OPERAND(y),
                                    (float8)(c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]));

    c[0] = z.s0;
    c[1] = z.s1;
    c[2] = z.s2;
    c[3] = z.s3;
    c[4] = z.s4;
    c[5] = z.s5;
    c[6] = z.s6;
    c[7] = z.s7;
}
#endif
