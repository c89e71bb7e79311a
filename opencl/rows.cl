/* rows.cl - the rows of elementwise.def as functions of `real`: f_add(x, y), f_relu(x), f_clamp(x, a, b); and, where
 * `real` is not a byte itself, those that bool takes as functions of bytes: b_eq(x, y), b_where(c, x, y). */
#include "math.cl"
#include "math_more.cl"
#include "math_trig.cl"

#if defined(REAL_IS_F32) || defined(REAL_IS_F64)
#define IF_FLOAT(text) text
#define SCALAR real
#else
#define IF_FLOAT(text)
#define SCALAR long
#endif
#define IF_NUMBER(text) text

/* x is kept where it is NaN. */
#define MOST(x, a) ((x) < (a) ? (a) : (x))
#define LEAST(x, a) ((x) > (a) ? (a) : (x))

#define EW1(name, kind, f, keeps, dx, low, high) \
    IF_##kind(static inline real f_##name(real x) { return (real)(f); })
#define EW1A(name, kind, f, keeps, dx, low, high) \
    IF_##kind(static inline real f_##name(real x, real a) { return (real)(f); })
#define EW1B(name, kind, f, keeps, dx, low, high) \
    IF_##kind(static inline real f_##name(real x, real a, real b) { return (real)(f); })
#define EW2(name, kind, f, keeps, dx, dy, low, high) \
    IF_##kind(static inline real f_##name(real x, real y) { return (real)(f); })
#define EWT(name, f) \
    static inline uchar f_##name(real x) { return (uchar)(f); } \
    static inline uchar b_##name(uchar x) { return (uchar)(f); }
#define EWC(name, f) \
    static inline uchar f_##name(real x, real y) { return (uchar)(f); } \
    static inline uchar b_##name(uchar x, uchar y) { return (uchar)(f); }
#define EW3(name, f, keeps, dx, dy, low, high) \
    static inline real f_##name(uchar c, real x, real y) { return f; } \
    static inline uchar b_##name(uchar c, uchar x, uchar y) { return f; }
#include "elementwise.def"
