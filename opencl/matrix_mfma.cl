/* matrix_mfma.cl - the matrix unit of AMD's data-centre GPUs, gfx908, gfx90a and later in waves of 64, by the
 * compiler's built-ins, and its emulation.  It has f32 as well, exact as fma.
 *
 * Item i of a team holds words 2 (i / 16) and the next of row i % 16 of A (column of B); f32 are two instructions of 4
 * in depth, and so are bf16 on gfx908, of 8: a word of each item's an instruction.  c[e] is C[4 (i / 16) + e, i % 16].
 * Which words are which depths is no matter, as long as A and B agree. */

#define UNIT_WORDS 2
#define UNIT_UNROLL UNROLL
#define UNIT_AHEAD 1 /* pieces of A are taken before any is multiplied */
#define UNIT_ROW(lane, e) ((lane) / 16 * 4 + (e))
#define UNIT_COLUMN(lane, e) ((lane) % 16)

INLINE void unit_rows_of(uint x[2], __local const uint *tile, uint row, uint step, int turned, int item,
                         __local uint *exchange)
{
    const uint line = row + item % 16, part = item % TEAM / 16;

#if PAIRS
    const uint4 words = vload4(word_place(line, 4 * part) / 4, tile);
    x[0] = unit_pair(words.s0, words.s1);
    x[1] = unit_pair(words.s2, words.s3);
#else
    const uint2 words = vload2(word_place(line, step * 8 + 2 * part) / 2, tile);
    x[0] = words.s0;
    x[1] = words.s1;
#endif
}

INLINE void unit_columns_of(uint x[2], __local const uint *tile, uint size, uint row, uint step, int turned, int item,
                            __local uint *exchange)
{
    const uint line = row + item % 16, part = item % TEAM / 16;

    UNROLL
    for (int w = 0; w < 2; w++) {
        const uint word = step * 8 + 2 * part + w;
#if PAIRS
        x[w] = unit_pair(tile[2 * word * PITCH(size) + line], tile[(2 * word + 1) * PITCH(size) + line]);
#elif PER_WORD == 2
        __local const uint *from = tile + word * PITCH(size) + line / 2;
        const uint shift = line % 2 * 16;
        x[w] = (from[0] >> shift & 0xffff) | from[PITCH(size) / 2] >> shift << 16;
#else
        x[w] = tile[word * PITCH(size) + line];
#endif
    }
}

#ifdef MATRIX_EMULATED
#define UNIT_LOCAL(name) __local uint name[4 * GROUP]

INLINE void unit_piece(float c[4], const uint a[2], const uint b[2], int item, __local uint *exchange)
{
    const int lane = item % TEAM;
    __local uint *left = exchange + (item - lane) * 4, *right = left + 2 * TEAM;

    for (int w = 0; w < 2; w++) {
        left[2 * lane + w] = a[w];
        right[2 * lane + w] = b[w];
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int e = 0; e < 4; e++) {
        float sum = c[e];
        for (int word = 0; word < 8; word++) {
            const int holders = word / 2 * 16;
            const uint x = left[2 * (holders + lane / 16 * 4 + e) + word % 2];
            const uint y = right[2 * (holders + lane % 16) + word % 2];
            sum = fma(unit_number(x, 0), unit_number(y, 0), sum);
#ifndef UNIT_F32
            sum = fma(unit_number(x, 1), unit_number(y, 1), sum);
#endif
        }
        c[e] = sum;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
}
#else
#define UNIT_LOCAL(name) __local uint *const name = 0

#ifdef UNIT_F16
#pragma OPENCL EXTENSION cl_khr_fp16 : enable
#endif

INLINE void unit_piece(float c[4], const uint a[2], const uint b[2], int item, __local uint *exchange)
{
    float4 z = (float4)(c[0], c[1], c[2], c[3]);

#if defined(UNIT_F16)
    z = __builtin_amdgcn_mfma_f32_16x16x16f16(as_half4((uint2)(a[0], a[1])), as_half4((uint2)(b[0], b[1])), z, 0, 0, 0);
#elif defined(UNIT_F32)
    z = __builtin_amdgcn_mfma_f32_16x16x4f32(as_float(a[0]), as_float(b[0]), z, 0, 0, 0);
    z = __builtin_amdgcn_mfma_f32_16x16x4f32(as_float(a[1]), as_float(b[1]), z, 0, 0, 0);
#elif defined(__gfx908__)
    z = __builtin_amdgcn_mfma_f32_16x16x8bf16(as_short2(a[0]), as_short2(b[0]), z, 0, 0, 0);
    z = __builtin_amdgcn_mfma_f32_16x16x8bf16(as_short2(a[1]), as_short2(b[1]), z, 0, 0, 0);
#else
    z = __builtin_amdgcn_mfma_f32_16x16x16bf16_1k(as_short4((uint2)(a[0], a[1])), as_short4((uint2)(b[0], b[1])), z, 0,
                                                  0, 0);
#endif
    c[0] = z.s0;
    c[1] = z.s1;
    c[2] = z.s2;
    c[3] = z.s3;
}
#endif
