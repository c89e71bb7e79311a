/* lanes.cl - LANES numbers (1, 4, 8 or 16) that an item works on at once: processors want them, an item of a GPU takes
 * one.  And counting in digits.  No kernel is defined here. */
#define JOIN2(a, b) a##b
#define JOIN(a, b) JOIN2(a, b)
#ifdef REAL_IS_F64
#define LANES_OF double
#else
#define LANES_OF float
#endif
#if LANES == 1
typedef LANES_OF lanes;
#define LANES_LOAD(p) (*(p))
#define LANES_STORE(value, p) (*(p) = (value))
#else
typedef JOIN(LANES_OF, LANES) lanes;
#define LANES_LOAD(p) JOIN(vload, LANES)(0, p)
#define LANES_STORE(value, p) JOIN(vstore, LANES)(value, 0, p)
#endif

/* The last digit of n in base `size`, taken off n.  (Oclgrind can't run what LLVM makes of / beside %.) */
static index_t last_digit(index_t *n, index_t size)
{
    index_t all = *n;

    *n = (index_t)((uindex_t)all / (uindex_t)size);
    return all - *n * size;
}
