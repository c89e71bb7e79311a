/* tril.cl - z[..., i, j] = x[..., i, j] where j - i <= diagonal, `upper`: where j - i >= diagonal; else 0.
 *
 * x strided, z contiguous, of matrices [rows, columns]; stored is an integer as wide as an element.  Grid-stride. */
#include "strided.cl"

__kernel void tril(COUNT(n), RESULT(stored, z), OPERAND(stored, x), long rows, long columns, long diagonal, long upper)
{
    GRID(i, n) {
        index_t row = i / (index_t)columns, column = i - row * (index_t)columns;
        long off = (long)column - (long)(row - row / (index_t)rows * (index_t)rows);

        AT(z) = (upper ? off >= diagonal : off <= diagonal) ? AT(x) : (stored)0;
    }
}
