/* batch_norm_chain.cl - batch_norm.cl, with a chain that takes up each element of z (finish.cl). */
#include "rows.cl"
#include "cast_to.cl"
#include "draw.cl"
#include "batch_norm.cl"
