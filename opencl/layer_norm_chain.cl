/* layer_norm_chain.cl - layer_norm.cl, with a chain that takes up each element of z (finish.cl). */
#include "rows.cl"
#include "cast_to.cl"
#include "draw.cl"
#include "layer_norm.cl"
