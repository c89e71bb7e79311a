/* pixel_rows.cl - LANES neighbours in a row of pixels, for the kernels that convolve planes.  No kernel is defined
 * here. */
#define JOIN2(a, b) a##b
#define JOIN(a, b) JOIN2(a, b)
#ifdef REAL_IS_F64
#define LANES_OF double
#else
#define LANES_OF float
#endif
#if LANES == 1
typedef LANES_OF row_t;
#define STORE_LANES(value, p) ((p)[0] = (value))
#define LOAD_LANES(p) ((p)[0])
#else
typedef JOIN(LANES_OF, LANES) row_t;
#define STORE_LANES(value, p) JOIN(vstore, LANES)(value, 0, p)
#define LOAD_LANES(p) JOIN(vload, LANES)(0, p)
#endif

/* row[x], row[x + step] ..; 0 outside of 0 .. width - 1. */
static inline row_t load_row(__global const stored *row, index_t x, index_t step, index_t width)
{
    real line[LANES];

    if (LANES > 1 && step == 1 && x >= 0 && x + LANES <= width) /* so that it is one load */
        for (int j = 0; j < LANES; j++)
            line[j] = LOAD(row, x + j);
    else
        for (int j = 0; j < LANES; j++)
            line[j] = (uindex_t)(x + j * step) < (uindex_t)width ? LOAD(row, x + j * step) : 0;
    return LOAD_LANES(line);
}

/* The last digit of n in base `size`, taken off n.  (Oclgrind can't run what LLVM makes of / beside %.) */
static index_t last_digit(index_t *n, index_t size)
{
    index_t all = *n;

    *n = (index_t)((uindex_t)all / (uindex_t)size);
    return all - *n * size;
}
