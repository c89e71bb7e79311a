/* matrix_plain.cl - what matrix_ptx.cl has by instructions, in plain OpenCL C, for all other units: numbers, and copies
 * to local memory, which are not asynchronous. */

/* f32 to the nearest tf32, ties away from zero. */
static inline uint unit_round(uint x)
{
    const uint special = x | (isnan(as_float(x)) ? 0x00400000 : 0);

    return (x & 0x7f800000) == 0x7f800000 ? special : (x + 0x1000) & 0xffffe000;
}

/* Two f32 as bf16; `low` comes first in the depth. */
static inline uint unit_pair(uint low, uint high)
{
#if defined(UNIT_DPAS) && defined(cl_intel_bfloat16_conversions) && !defined(MATRIX_EMULATED)
    return intel_convert_bfloat16_as_ushort(as_float(low)) |
           (uint)intel_convert_bfloat16_as_ushort(as_float(high)) << 16;
#else
    return bf16_bits(as_float(low)) | (uint)bf16_bits(as_float(high)) << 16;
#endif
}

/* The numbers of a word, as a unit reads them: for emulations.  `second`: the one that comes later in the depth. */
#if defined(UNIT_F16)
static float unit_number(uint word, int second)
{
    return f16_number(second ? word >> 16 : word & 0xffff);
}
#elif defined(UNIT_BF16)
static float unit_number(uint word, int second)
{
    return as_float(second ? word & 0xffff0000 : word << 16);
}
#elif defined(UNIT_F32)
static float unit_number(uint word, int second)
{
    return second ? 0 : as_float(word);
}
#else
/* The unit reads 19 bits of a tf32. */
static float unit_number(uint word, int second)
{
    return second ? 0 : as_float(word & 0xffffe000);
}
#endif

/* `bytes` (0 to 16), the rest of the 16 is 0.  from is aligned, and not read for 0. */
static inline void async_copy(__local uint *to, __global const void *from, int bytes)
{
    if (bytes == 16) {
        vstore4(*(__global const uint4 *)from, 0, to);
        return;
    }
    __global const ushort *halves = (__global const ushort *)from;
    for (int i = 0; i < 4; i++) {
        const uint low = 4 * i < bytes ? halves[2 * i] : 0, high = 4 * i + 2 < bytes ? halves[2 * i + 1] : 0;
        to[i] = low | high << 16;
    }
}

static inline void async_mark(void)
{
}

static inline void async_wait(void)
{
}

static inline void async_finish(void)
{
}
