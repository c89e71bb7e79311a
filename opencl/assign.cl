/* assign.cl - x = y, both strided, y repeated to x's shape; stored is an integer as wide as an element.  Nothing
 * happens once the device word holds an error.  Grid-stride. */
#include "strided.cl"

__kernel void assign(__global const long *word, COUNT(n), RESULT(stored, x), OPERAND(stored, y))
{
    if (!word_clear(word))
        return;
    GRID(i, n)
        AT(x) = AT(y);
}
