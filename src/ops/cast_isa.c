/* cast_isa.c - the CPU loops of cast, for each pair of dtypes.  Compiled once per instruction set. */
#include "device/cpu/isa.h"
#include "ops/cast.h"

/* Float to integer: truncated, saturated, NaN to 0.  `end` is the first number above the type, `low` its least. */
#define FLOAT_TO_INTEGER(name, F, T, low, end, most) \
    static inline T name(F x)                        \
    {                                                \
        F t = x > (F)(low) ? x : (F)(low);           \
        t = t < (F)(end) ? t : (F)0;                 \
        T z = x >= (F)(end) ? (T)(most) : (T)t;      \
        return x != x ? (T)0 : z;                    \
    }
FLOAT_TO_INTEGER(f32_to_i64, float, int64_t, -0x1p63, 0x1p63, INT64_MAX)
FLOAT_TO_INTEGER(f32_to_i32, float, int32_t, -0x1p31, 0x1p31, INT32_MAX)
FLOAT_TO_INTEGER(f32_to_u8, float, uint8_t, 0, 256, UINT8_MAX)
FLOAT_TO_INTEGER(f64_to_i64, double, int64_t, -0x1p63, 0x1p63, INT64_MAX)
FLOAT_TO_INTEGER(f64_to_i32, double, int32_t, -0x1p31, 0x1p31, INT32_MAX)
FLOAT_TO_INTEGER(f64_to_u8, double, uint8_t, 0, 256, UINT8_MAX)

#define CAST_LOOP(from, F, to, T, f)                                                                  \
    static void from##_loop_##to(int64_t n, char *const *p, const int64_t *step, const double *reals) \
    {                                                                                                 \
        (void)reals;                                                                                  \
        T *z = (T *)(void *)p[0];                                                                     \
        const F *xs = (const F *)(void *)p[1];                                                        \
        const int64_t sx = step[1];                                                                   \
        if (sx == 1)                                                                                  \
            for (int64_t i = 0; i < n; i++) {                                                         \
                const F x = xs[i];                                                                    \
                z[i] = (T)(f);                                                                        \
            }                                                                                         \
        else                                                                                          \
            for (int64_t i = 0; i < n; i++) {                                                         \
                const F x = xs[i * sx];                                                               \
                z[i] = (T)(f);                                                                        \
            }                                                                                         \
    }

CAST_LOOP(f32, float, f64, double, x)
CAST_LOOP(f64, double, f32, float, x)
CAST_LOOP(f32, float, i64, int64_t, f32_to_i64(x))
CAST_LOOP(f32, float, i32, int32_t, f32_to_i32(x))
CAST_LOOP(f32, float, u8, uint8_t, f32_to_u8(x))
CAST_LOOP(f64, double, i64, int64_t, f64_to_i64(x))
CAST_LOOP(f64, double, i32, int32_t, f64_to_i32(x))
CAST_LOOP(f64, double, u8, uint8_t, f64_to_u8(x))
CAST_LOOP(i64, int64_t, f32, float, x)
CAST_LOOP(i64, int64_t, f64, double, x)
CAST_LOOP(i64, int64_t, i32, int32_t, (uint32_t)x) /* an integer to a narrower one wraps */
CAST_LOOP(i64, int64_t, u8, uint8_t, x)
CAST_LOOP(i32, int32_t, f32, float, x)
CAST_LOOP(i32, int32_t, f64, double, x)
CAST_LOOP(i32, int32_t, i64, int64_t, x)
CAST_LOOP(i32, int32_t, u8, uint8_t, x)
CAST_LOOP(u8, uint8_t, f32, float, x)
CAST_LOOP(u8, uint8_t, f64, double, x)
CAST_LOOP(u8, uint8_t, i64, int64_t, x)
CAST_LOOP(u8, uint8_t, i32, int32_t, x)
CAST_LOOP(f32, float, bool, uint8_t, x != 0)
CAST_LOOP(f64, double, bool, uint8_t, x != 0)
CAST_LOOP(i64, int64_t, bool, uint8_t, x != 0)
CAST_LOOP(i32, int32_t, bool, uint8_t, x != 0)
CAST_LOOP(u8, uint8_t, bool, uint8_t, x != 0)

/* clang-format off */
#define ROW(f32, f64, i64, i32, u8, truth) \
    {[GRADC_F32] = f32, [GRADC_F64] = f64, [GRADC_I64] = i64, [GRADC_I32] = i32, [GRADC_U8] = u8, [GRADC_BOOL] = truth}

const struct cast_loops ISA_NAME(cast_loops) = {{
    [GRADC_F32] = ROW(NULL, f32_loop_f64, f32_loop_i64, f32_loop_i32, f32_loop_u8, f32_loop_bool),
    [GRADC_F64] = ROW(f64_loop_f32, NULL, f64_loop_i64, f64_loop_i32, f64_loop_u8, f64_loop_bool),
    [GRADC_I64] = ROW(i64_loop_f32, i64_loop_f64, NULL, i64_loop_i32, i64_loop_u8, i64_loop_bool),
    [GRADC_I32] = ROW(i32_loop_f32, i32_loop_f64, i32_loop_i64, NULL, i32_loop_u8, i32_loop_bool),
    [GRADC_U8] = ROW(u8_loop_f32, u8_loop_f64, u8_loop_i64, u8_loop_i32, NULL, u8_loop_bool),
    [GRADC_BOOL] = ROW(u8_loop_f32, u8_loop_f64, u8_loop_i64, u8_loop_i32, NULL, NULL),
}};
/* clang-format on */
