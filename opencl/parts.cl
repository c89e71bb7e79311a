/* parts.cl - what a product that may be split along its depth does with its results, and counting in digits.  It stands
 * behind finish.cl.  No kernel is defined here. */
#include "digits.cl"

/* A product's results, in the manner of RESULT: with PARTS they are `real` in a workspace, whatever the tensors are
 * made of, and a second kernel adds them up; else they are finished.  Row sums go where `part`s do. */
#ifdef PARTS
typedef real part;
#define PART_STORE(p, i, value) ((p)[i] = (value))
#define PART_PARAMS __global real *c, ulong c_first
#define PART_START(first) c += first
#define PART(at, value) c[at] = value
#else
typedef stored part;
#define PART_STORE(p, i, value) STORE(p, i, value)
#define PART_PARAMS RESULT_PARAMS
#define PART_START(first) RESULT_START(first)
#define PART(at, value) RESULT(at, value)
#endif

/* An element of a split result: its parts, `step` apart, added in their order. */
static real sum_of_parts(__global const real *parts, index_t at, index_t step, long splits)
{
    real sum = parts[at];

    for (index_t s = 1; s < splits; s++)
        sum += parts[s * step + at];
    return sum;
}
