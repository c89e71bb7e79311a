/* max_pool2d_chain.cl - max_pool2d.cl, with a chain that takes up each element of dx (finish.cl). */
#include "rows.cl"
#include "cast_to.cl"
#include "draw.cl"
#include "max_pool2d.cl"
