/* steps.cl - the functions that a chain's text (src/ops/chain.c) calls.  It stands in front of every program that has
 * one, between prelude.cl and that text. */
#include "rows.cl"
#include "cast_to.cl"
#include "draw.cl"
