/* digits.cl - counting in digits.  No kernel is defined here. */

/* The last digit of n, which is not negative, in base `size`, taken off n.  (Oclgrind can't run what LLVM makes of /
 * beside %.) */
static index_t last_digit(index_t *n, index_t size)
{
    index_t all = *n;

    *n = (index_t)((uindex_t)all / (uindex_t)size);
    return all - *n * size;
}
