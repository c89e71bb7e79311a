/* matrix_copy.cl - copies to local memory as matrix_ptx.cl has them, for devices without asynchronous ones. */

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
