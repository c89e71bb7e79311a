/* tile.cl - what gemm.cl and conv.cl share: the sizes of a work-group's tiles, from the options TILE_M, TILE_N, TILE_K,
 * ITEM_M and ITEM_N, and counting in digits.  No kernel is defined here. */

#define JOIN2(a, b) a##b
#define JOIN(a, b) JOIN2(a, b)
#define STORE_ROW JOIN(vstore, ITEM_N)
#ifdef REAL_IS_F64
#define ROW JOIN(double, ITEM_N)
#else
#define ROW JOIN(float, ITEM_N)
#endif

#define ITEMS_X (TILE_N / ITEM_N)
#define ITEMS (ITEMS_X * (TILE_M / ITEM_M))
#define PITCH_A (TILE_M + 4) /* padded against bank conflicts */
#define PITCH_B (TILE_N + (ITEM_N < 4 ? 4 : ITEM_N))

/* The last digit of n in base `size`, taken off n.  (Oclgrind can't run what LLVM makes of / beside %.) */
static index_t last_digit(index_t *n, index_t size)
{
    index_t all = *n;

    *n = all / size;
    return all - *n * size;
}
