/* elementwise_isa.c - the CPU loops of elementwise.def: each row's expression, per dtype.  Compiled once per
 * instruction set; all give the same bits. */
#include "device/cpu/isa.h"
#include "ops/elementwise.h"
#include "ops/math.h"

#define R(x) ((real)(x))

/* x is kept where it is NaN. */
#define MOST(x, a) ((x) < (a) ? (a) : (x))
#define LEAST(x, a) ((x) > (a) ? (a) : (x))

#define START(T, Z)                        \
    typedef T real;                        \
    Z *zs = (Z *)(void *)p[0];             \
    const T *xs = (const T *)(void *)p[1]; \
    const int64_t sx = step[1]

/* One value for all. */
#define FILL(Z, f)                  \
    const Z one = (Z)(f);           \
    for (int64_t i = 0; i < n; i++) \
        zs[i] = one;

#define LOOP1_OF(name, suffix, T, Z, f)                                                              \
    static void name##_##suffix(int64_t n, char *const *p, const int64_t *step, const double *reals) \
    {                                                                                                \
        START(T, Z);                                                                                 \
        const real a = (real)reals[0], b = (real)reals[1];                                           \
        (void)a, (void)b;                                                                            \
        if (sx == 1)                                                                                 \
            for (int64_t i = 0; i < n; i++) {                                                        \
                const real x = xs[i];                                                                \
                zs[i] = (Z)(f);                                                                      \
            }                                                                                        \
        else if (sx == 0) {                                                                          \
            const real x = xs[0];                                                                    \
            FILL(Z, f)                                                                               \
        } else                                                                                       \
            for (int64_t i = 0; i < n; i++) {                                                        \
                const real x = xs[i * sx];                                                           \
                zs[i] = (Z)(f);                                                                      \
            }                                                                                        \
    }

#define LOOP2(name, suffix, T, Z, f)                                                                 \
    static void name##_##suffix(int64_t n, char *const *p, const int64_t *step, const double *reals) \
    {                                                                                                \
        START(T, Z);                                                                                 \
        const real *ys = (const real *)(void *)p[2];                                                 \
        const int64_t sy = step[2];                                                                  \
        (void)reals;                                                                                 \
        if (sx == 1 && sy == 1)                                                                      \
            for (int64_t i = 0; i < n; i++) {                                                        \
                const real x = xs[i], y = ys[i];                                                     \
                zs[i] = (Z)(f);                                                                      \
            }                                                                                        \
        else if (sx == 1 && sy == 0) {                                                               \
            const real y = ys[0];                                                                    \
            for (int64_t i = 0; i < n; i++) {                                                        \
                const real x = xs[i];                                                                \
                zs[i] = (Z)(f);                                                                      \
            }                                                                                        \
        } else if (sx == 0 && sy == 1) {                                                             \
            const real x = xs[0];                                                                    \
            for (int64_t i = 0; i < n; i++) {                                                        \
                const real y = ys[i];                                                                \
                zs[i] = (Z)(f);                                                                      \
            }                                                                                        \
        } else if (sx == 0 && sy == 0) {                                                             \
            const real x = xs[0], y = ys[0];                                                         \
            FILL(Z, f)                                                                               \
        } else                                                                                       \
            for (int64_t i = 0; i < n; i++) {                                                        \
                const real x = xs[i * sx], y = ys[i * sy];                                           \
                zs[i] = (Z)(f);                                                                      \
            }                                                                                        \
    }

#define LOOP3(name, suffix, T, f)                                                                    \
    static void name##_##suffix(int64_t n, char *const *p, const int64_t *step, const double *reals) \
    {                                                                                                \
        const uint8_t *cs = (const uint8_t *)p[1];                                                   \
        const T *xs = (const T *)(void *)p[2], *ys = (const T *)(void *)p[3];                        \
        T *zs = (T *)(void *)p[0];                                                                   \
        const int64_t sc = step[1], sx = step[2], sy = step[3];                                      \
        (void)reals;                                                                                 \
        if (sc == 1 && sx == 1 && sy == 1)                                                           \
            for (int64_t i = 0; i < n; i++) {                                                        \
                const T c = (T)cs[i], x = xs[i], y = ys[i];                                          \
                zs[i] = (T)(f);                                                                      \
            }                                                                                        \
        else if (sc == 1 && sx == 0 && sy == 1) {                                                    \
            const T x = xs[0];                                                                       \
            for (int64_t i = 0; i < n; i++) {                                                        \
                const T c = (T)cs[i], y = ys[i];                                                     \
                zs[i] = (T)(f);                                                                      \
            }                                                                                        \
        } else if (sc == 1 && sx == 1 && sy == 0) {                                                  \
            const T y = ys[0];                                                                       \
            for (int64_t i = 0; i < n; i++) {                                                        \
                const T c = (T)cs[i], x = xs[i];                                                     \
                zs[i] = (T)(f);                                                                      \
            }                                                                                        \
        } else                                                                                       \
            for (int64_t i = 0; i < n; i++) {                                                        \
                const T c = (T)cs[i * sc], x = xs[i * sx], y = ys[i * sy];                           \
                zs[i] = (T)(f);                                                                      \
            }                                                                                        \
    }

#define FOR_FLOAT(loop, name, f) loop(name, f32, float, f) loop(name, f64, double, f)
#define FOR_INTEGER(loop, name, f) \
    loop(name, i64, int64_t, f) loop(name, i32, int32_t, f) loop(name, u8, uint8_t, f)
#define FOR_NUMBER(loop, name, f) FOR_FLOAT(loop, name, f) FOR_INTEGER(loop, name, f)
#define LOOP1(name, suffix, T, f) LOOP1_OF(name, suffix, T, T, f)
#define LOOP1_BOOL(name, suffix, T, f) LOOP1_OF(name, suffix, T, uint8_t, f)
#define LOOP2_REAL(name, suffix, T, f) LOOP2(name, suffix, T, T, f)
#define LOOP2_BOOL(name, suffix, T, f) LOOP2(name, suffix, T, uint8_t, f)

/* c ? x : y only moves bits: one loop for each size of element. */
#define EW1(name, kind, f, keeps, dx, low, high) FOR_##kind(LOOP1, name, f)
#define EW1A(name, kind, f, keeps, dx, low, high) FOR_##kind(LOOP1, name, f)
#define EW1B(name, kind, f, keeps, dx, low, high) FOR_##kind(LOOP1, name, f)
#define EW2(name, kind, f, keeps, dx, dy, low, high) FOR_##kind(LOOP2_REAL, name, f)
#define EWT(name, f) FOR_NUMBER(LOOP1_BOOL, name, f)
#define EWC(name, f) FOR_NUMBER(LOOP2_BOOL, name, f)
#define EW3(name, f, keeps, dx, dy, low, high) FOR_INTEGER(LOOP3, name, f)
#include "ops/elementwise.def"

#define LIST_FLOAT(name) [GRADC_F32] = name##_f32, [GRADC_F64] = name##_f64
#define LIST_INTEGER(name) [GRADC_I64] = name##_i64, [GRADC_I32] = name##_i32, [GRADC_U8] = name##_u8
#define LIST_NUMBER(name) LIST_FLOAT(name), LIST_INTEGER(name)

const struct elementwise_loops ISA_NAME(elementwise_loops) = {{
#define EW1(name, kind, f, keeps, dx, low, high) [EW_##name] = {LIST_##kind(name)},
#define EW1A(name, kind, f, keeps, dx, low, high) [EW_##name] = {LIST_##kind(name)},
#define EW1B(name, kind, f, keeps, dx, low, high) [EW_##name] = {LIST_##kind(name)},
#define EW2(name, kind, f, keeps, dx, dy, low, high) [EW_##name] = {LIST_##kind(name)},
#define EWT(name, f) [EW_##name] = {LIST_NUMBER(name), [GRADC_BOOL] = name##_u8},
#define EWC(name, f) [EW_##name] = {LIST_NUMBER(name), [GRADC_BOOL] = name##_u8},
#define EW3(name, f, keeps, dx, dy, low, high) \
    [EW_##name] = {                            \
        [GRADC_F32] = name##_i32, [GRADC_F64] = name##_i64, LIST_INTEGER(name), [GRADC_BOOL] = name##_u8},
#include "ops/elementwise.def"
}};
