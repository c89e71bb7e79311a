/* contiguous.cl - z = x, x strided, z contiguous; real is an integer as wide as an element.  Grid-stride. */
#include "strided.cl"

__kernel void contiguous(COUNT(n), RESULT(real, z), OPERAND(real, x))
{
    GRID(i, n)
        AT(z) = AT(x);
}
