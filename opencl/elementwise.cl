/* elementwise.cl - z = f(x, ...) for one row of elementwise.def, any strides; grid-stride, any work size.
 *
 *   -DOP=f_NAME     the row's function
 *   -DARITY=1|2|3   its operands; 3: the first is bool
 *   -DSCALARS=0|1|2 its scalars
 *   -DRESULT_TYPE=T the result's type, where it is not real (comparisons, tests) */
#include "math.cl"
#include "math_more.cl"
#include "math_trig.cl"
#include "strided.cl"

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
    static inline uchar f_##name(real x) { return (uchar)(f); }
#define EWC(name, f) \
    static inline uchar f_##name(real x, real y) { return (uchar)(f); }
#define EW3(name, f, keeps, dx, dy, low, high) \
    static inline real f_##name(uchar c, real x, real y) { return f; }
#include "elementwise.def"

#ifndef RESULT_TYPE
#define RESULT_TYPE real
#endif

__kernel void elementwise(COUNT(n), RESULT(RESULT_TYPE, z)
#if ARITY == 3
                          , OPERAND(uchar, c)
#endif
                          , OPERAND(real, x)
#if ARITY >= 2
                          , OPERAND(real, y)
#endif
#if SCALARS >= 1
                          , SCALAR a
#endif
#if SCALARS >= 2
                          , SCALAR b
#endif
)
{
    GRID(i, n)
    {
#if ARITY == 3
        AT(z) = OP(AT(c), AT(x), AT(y));
#elif ARITY == 2
        AT(z) = OP(AT(x), AT(y));
#elif SCALARS == 2
        AT(z) = OP(AT(x), (real)a, (real)b);
#elif SCALARS == 1
        AT(z) = OP(AT(x), (real)a);
#else
        AT(z) = OP(AT(x));
#endif
    }
}
