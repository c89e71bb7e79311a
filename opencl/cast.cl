/* cast.cl - z = x in another dtype, x strided, z contiguous.  Grid-stride.
 *
 *   -DFROM=f32 -DTO=i32     dtypes; TO=truth for bool
 *   -DCAST=FLOAT_TO_i32     the conversion of cast_to.cl */
#include "strided.cl"
#include "cast_to.cl"

/* An element of each dtype as it is computed, and the way back. */
#define GET_f16(p, i) f16_load(p, i)
#define GET_bf16(p, i) bf16_load(p, i)
#define GET_f32(p, i) (p)[i]
#define GET_f64(p, i) (p)[i]
#define GET_i64(p, i) (p)[i]
#define GET_i32(p, i) (p)[i]
#define GET_u8(p, i) (p)[i]
#define GET_bool(p, i) (p)[i]
#define PUT_f16(p, i, value) f16_store(p, i, value)
#define PUT_bf16(p, i, value) bf16_store(p, i, value)
#define PUT_f32(p, i, value) (p)[i] = value
#define PUT_f64(p, i, value) (p)[i] = value
#define PUT_i64(p, i, value) (p)[i] = value
#define PUT_i32(p, i, value) (p)[i] = value
#define PUT_u8(p, i, value) (p)[i] = value
#define PUT_truth(p, i, value) (p)[i] = value
#define VALUE_f16 float
#define VALUE_bf16 float
#define VALUE_f32 float
#define VALUE_f64 double
#define VALUE_i64 long
#define VALUE_i32 int
#define VALUE_u8 uchar
#define VALUE_bool uchar
#define OF_JOIN(name, dtype) name##dtype
#define OF(name, dtype) OF_JOIN(name, dtype)

__kernel void cast(COUNT(n), RESULT(TYPE(TO), z), OPERAND(TYPE(FROM), x))
{
    GRID(i, n)
    {
        OF(VALUE_, FROM) value = OF(GET_, FROM)(x, PLACE(x));
        OF(PUT_, TO)(z, PLACE(z), CAST(value));
    }
}
