/* elementwise.cl - z = f(x, ...) for one row of elementwise.def, any strides; grid-stride, any work size.
 *
 *   -DOP=f_NAME     the row's function
 *   -DARITY=1|2|3   its operands; 3: the first is bool
 *   -DSCALARS=0|1|2 its scalars
 *   -DRESULT_TYPE=T the result's type, where it is not real (comparisons, tests) */
#include "rows.cl"
#include "strided.cl"

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
