/* finish.cl - what a kernel does with a finished element of its result: store it, or hand it to a chain.
 *
 *   RESULT_PARAMS         the kernel's last parameters
 *   RESULT_START(first)   a statement: places count from here on
 *   RESULT(at, value)     a statement: the element at this place is finished
 *
 * A chain's text (src/ops/chain.c) stands in front of the program.  It counts the result's elements row-major: `done`
 * of them lie in front of RESULT_START(0); `c_first` is 0. */
#if defined(CHAIN_BODY) && !defined(CHAIN_VALUE)
#define RESULT_PARAMS long done CHAIN_PARAMS
#define RESULT_START(first) const ulong c_first = 0; const index_t result = (index_t)(done + (long)(first))
#define RESULT(at, value) \
    do { \
        const index_t result_at = result + (at); \
        const real made = ROUNDED(value); \
        const index_t i = result_at; \
        CHAIN_BODY \
    } while (0)
#else
#define RESULT_PARAMS __global stored *c, ulong c_first
#define RESULT_START(first) c += first
#define RESULT(at, value) STORE(c, at, value)
#endif
