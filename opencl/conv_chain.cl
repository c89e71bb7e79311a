/* conv_chain.cl - conv.cl, with a chain that takes up each finished element (finish.cl). */
#include "rows.cl"
#include "cast_to.cl"
#include "draw.cl"
#include "conv.cl"
