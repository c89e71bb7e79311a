/* pieces.cl - the table of pieces of many tensors (src/ops/pieces.h), as kernels see it.  No kernel is defined here. */

#define SLABS \
    __global stored *s0, __global stored *s1, __global stored *s2, __global stored *s3, __global stored *s4, \
        __global stored *s5, __global stored *s6, __global stored *s7

/* Where a tensor begins: the slab in the lowest 3 bits, the first element above them. */
static inline __global stored *tensor_at(long where, SLABS)
{
    __global stored *slab = s0;
    switch (where & 7) {
    case 1: slab = s1; break;
    case 2: slab = s2; break;
    case 3: slab = s3; break;
    case 4: slab = s4; break;
    case 5: slab = s5; break;
    case 6: slab = s6; break;
    case 7: slab = s7; break;
    }
    return slab + (where >> 3);
}
