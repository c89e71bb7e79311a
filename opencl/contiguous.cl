/* contiguous.cl - z = x, x strided, z contiguous; stored is an integer as wide as an element.  Grid-stride. */
#include "strided.cl"

__kernel void contiguous(COUNT(n), RESULT(stored, z), OPERAND(stored, x))
{
    GRID(i, n)
        AT(z) = AT(x);
}
