/* matrix_unit.cl - the matrix unit as kernels use it: what 32 neighbouring items, a team, do together.  No kernel is
 * defined here.
 *
 *   C[16, 8] += A[16, depth] B[depth, 8], f32 sums
 *
 * Operands are words of 4 bytes along the depth: 8 of them in a step.  A word is an f32 or two 16-bit numbers:
 *   UNIT_TF32   8 deep: f32, rounded to tf32 by unit_round
 *   UNIT_BF16   16 deep: two bf16 (unit_pair makes them of two f32)
 *   UNIT_F16    16 deep: two f16
 * Where they lie, item = 4 g + t of the team:
 *   a[0..3]   A[g, word t], A[g + 8, t], A[g, t + 4], A[g + 8, t + 4]
 *   b[0..1]   B[word t, g], B[t + 4, g]
 *   c[0..3]   C[g, 2 t], C[g, 2 t + 1], C[g + 8, 2 t], C[g + 8, 2 t + 1]
 * Every item of a group calls these functions, all with the same control flow.
 *
 * Two implementations: NVIDIA's, from sm_80 on, in PTX; and, with MATRIX_EMULATED, one in plain OpenCL C by the definitions
 * of the PTX instructions, for machines without the unit. */

#define TEAM 32

static inline float f16_number(uint bits)
{
    const ushort x = (ushort)bits;
    return vload_half(0, (const half *)&x);
}

#ifdef MATRIX_EMULATED
#include "matrix_emulated.cl"
#else
#include "matrix_ptx.cl"
#endif
