/* matrix_unit.cl - the matrix unit as kernels use it: what TEAM neighbouring items do together.  No kernel is defined
 * here.
 *
 *   C[16, 16] += A[16, depth] B[depth, 16], f32 sums
 *
 * Operands are words of 4 bytes along the depth, an f32 or two 16-bit numbers; a step of the unit is 8 words deep.
 *   UNIT_TF32   8 deep: f32, rounded to tf32 by unit_round
 *   UNIT_BF16   16 deep: two bf16 (unit_pair makes them of two f32)
 *   UNIT_F16    16 deep: two f16
 *   UNIT_F32    8 deep: f32, not rounded
 * An item holds UNIT_WORDS words of each operand, which unit_rows_of or unit_columns_of takes from a tile in local
 * memory, and SUMS sums, where sum e is at row UNIT_ROW(lane, e), column UNIT_COLUMN(lane, e).
 * Every item of a group calls these functions, all with the same control flow.
 *
 *   UNIT_MMA    NVIDIA's, from sm_80 on, in PTX: matrix_mma.cl, matrix_ptx.cl
 *   UNIT_WMMA   AMD's, from gfx11 on, by the compiler's built-ins; no tf32: matrix_wmma.cl
 *   UNIT_MFMA   AMD's data-centre GPUs', from gfx908 on, by the compiler's built-ins; no tf32, but f32: matrix_mfma.cl
 *   UNIT_DPAS   Intel's, by cl_intel_subgroup_matrix_multiply_accumulate; tf32 in teams of 16: matrix_dpas.cl
 * With MATRIX_EMULATED all are plain OpenCL C, by the definitions of their instructions, for machines without the
 * unit. */

/* What a unit asks of a kernel, and the item's number, by which teams are neighbours. */
#if defined(UNIT_DPAS) && !defined(MATRIX_EMULATED)
#define UNIT_KERNEL __attribute__((intel_reqd_sub_group_size(TEAM)))
#define UNIT_ITEM (get_sub_group_id() * TEAM + get_sub_group_local_id())
#else
#define UNIT_KERNEL
#define UNIT_ITEM get_local_id(0)
#endif

static inline float f16_number(uint bits)
{
    const ushort x = (ushort)bits;
    return vload_half(0, (const half *)&x);
}

#if !defined(UNIT_MMA) || defined(MATRIX_EMULATED)
#include "matrix_plain.cl"
#endif
#ifdef UNIT_MMA
#ifdef MATRIX_EMULATED
#include "matrix_emulated.cl"
#else
#include "matrix_ptx.cl"
#endif
#include "matrix_mma.cl"
#elif defined(UNIT_WMMA)
#include "matrix_wmma.cl"
#elif defined(UNIT_MFMA)
#include "matrix_mfma.cl"
#else
#include "matrix_dpas.cl"
#endif
