/* cast_to.cl - conversions between dtypes as cast makes them: FLOAT_TO_i32(x) of a float or double, TO_i32(x) of an
 * integer or bool; to f32, f64, f16, bf16 (a float, not yet rounded) and truth (bool) of any.  A float is truncated and
 * saturated, NaN is 0; an integer wraps. */
#define TYPE_truth uchar
#define TO_f32(x) convert_float(x)
#define TO_f64(x) convert_double(x)
#define TO_truth(x) (uchar)((x) != 0)
#define TO_f16(x) convert_float(x)
#define TO_bf16(x) convert_float(x)
#define TO_i64(x) (long)(x)
#define TO_i32(x) (int)(x)
#define TO_u8(x) (uchar)(x)
#define FLOAT_TO_f32(x) TO_f32(x)
#define FLOAT_TO_f64(x) TO_f64(x)
#define FLOAT_TO_f16(x) TO_f16(x)
#define FLOAT_TO_bf16(x) TO_bf16(x)
#define FLOAT_TO_truth(x) TO_truth(x)
#define FLOAT_TO_i64(x) ((x) != (x) ? 0 : convert_long_sat(x))
#define FLOAT_TO_i32(x) ((x) != (x) ? 0 : convert_int_sat(x))
#define FLOAT_TO_u8(x) (uchar)((x) != (x) ? 0 : convert_uchar_sat(x))
