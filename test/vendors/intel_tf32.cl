/* intel_tf32.cl - for vendors.sh, in front of programs for Intel's matrix unit in tf32: ocloc 22.43 has the function of
 * cl_intel_subgroup_matrix_multiply_accumulate_tf32 by another name, over the same registers. */
float8 __attribute__((overloadable)) intel_sub_group_tf32_tf32_matrix_mad_k8_f32(short8 a, int8 b, float8 c);

float8 __attribute__((overloadable)) intel_sub_group_tf32_tf32_matrix_mad_k8(float4 a, float8 b, float8 c)
{
    return intel_sub_group_tf32_tf32_matrix_mad_k8_f32(as_short8(a), as_int8(b), c);
}
