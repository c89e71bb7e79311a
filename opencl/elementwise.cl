/* elementwise.cl - z = f(x, ...) for one row of elementwise.def, any strides; grid-stride, any work size.
 *
 *   -DOP=f_NAME     the row's function
 *   -DARITY=1|2|3   its operands; 3: the first is bool
 *   -DSCALARS=0|1|2 its scalars
 *   -DRESULT_TYPE=T the result's type, where it is not real (comparisons, tests) */
#include "rows.cl"
#include "strided.cl"

#ifdef RESULT_TYPE
#define PUT(z, value) AT(z) = value
#else
#define RESULT_TYPE stored
#define PUT(z, value) STORE(z, PLACE(z), value)
#endif
#define GET(x) LOAD(x, PLACE(x))

__kernel void elementwise(COUNT(n), RESULT(RESULT_TYPE, z)
#if ARITY == 3
                          , OPERAND(uchar, c)
#endif
                          , OPERAND(stored, x)
#if ARITY >= 2
                          , OPERAND(stored, y)
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
        PUT(z, OP(AT(c), GET(x), GET(y)));
#elif ARITY == 2
        PUT(z, OP(GET(x), GET(y)));
#elif SCALARS == 2
        PUT(z, OP(GET(x), (real)a, (real)b));
#elif SCALARS == 1
        PUT(z, OP(GET(x), (real)a));
#else
        PUT(z, OP(GET(x)));
#endif
    }
}
