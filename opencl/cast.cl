/* cast.cl - z = x in another dtype, x strided, z contiguous.  Grid-stride.
 *
 *   -DFROM=f32 -DTO=i32     dtypes; TO=truth for bool
 *   -DCAST=FLOAT_TO_i32     the conversion of cast_to.cl */
#include "strided.cl"
#include "cast_to.cl"

__kernel void cast(COUNT(n), RESULT(TYPE(TO), z), OPERAND(TYPE(FROM), x))
{
    GRID(i, n)
    {
        TYPE(FROM) value = AT(x);
        AT(z) = CAST(value);
    }
}
