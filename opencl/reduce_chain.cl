/* reduce_chain.cl - reduce.cl, with a chain that makes the elements of x. */
#include "rows.cl"
#include "cast_to.cl"
#include "draw.cl"
#include "reduce.cl"
