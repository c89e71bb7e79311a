/* take.cl - how a kernel first reads an operand without gaps that it reads again: as it lies there, or made by a chain,
 * which stores it there.
 *
 *   TAKE_PARAMS     behind the kernel's own parameters: the chain's
 *   TAKE(x, i)      element i, counted from x, the operand's first
 *
 * A chain's text (src/ops/chain.c) stands in front of the program.  An item may read again what it took itself; others
 * may behind a barrier for global memory, or in the next kernel. */
#ifdef CHAIN_VALUE
#define TAKE_PARAMS CHAIN_PARAMS
static inline real taken(index_t i CHAIN_PARAMS)
{
    CHAIN_BODY
    return CHAIN_VALUE;
}
#define TAKE(x, i) taken(i CHAIN_NAMES)
#else
#define TAKE_PARAMS
#define TAKE(x, i) LOAD(x, i)
#endif
