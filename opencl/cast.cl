/* cast.cl - z = x in another dtype, x strided, z contiguous.  Grid-stride.
 *
 *   -DFROM=f32 -DTO=i32     dtypes; TO=truth for bool
 *   -DFROM_FLOAT=0|1        whether FROM is a float: truncated and saturated to an integer, NaN to 0 */
#include "strided.cl"

#define TYPE_truth uchar
#define TO_f32(x) convert_float(x)
#define TO_f64(x) convert_double(x)
#define TO_truth(x) (uchar)((x) != 0)
#if FROM_FLOAT
#define TO_i64(x) ((x) != (x) ? 0 : convert_long_sat(x))
#define TO_i32(x) ((x) != (x) ? 0 : convert_int_sat(x))
#define TO_u8(x) (uchar)((x) != (x) ? 0 : convert_uchar_sat(x))
#else
#define TO_i64(x) (long)(x)
#define TO_i32(x) (int)(x)
#define TO_u8(x) (uchar)(x)
#endif
#define TO_JOIN(name) TO_##name
#define CONVERT_TO(name) TO_JOIN(name)

__kernel void cast(COUNT(n), RESULT(TYPE(TO), z), OPERAND(TYPE(FROM), x))
{
    GRID(i, n)
    {
        TYPE(FROM) value = AT(x);
        AT(z) = CONVERT_TO(TO)(value);
    }
}
