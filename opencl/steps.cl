/* steps.cl - the functions that a chain's text (src/ops/chain.c) calls.  It stands in front of every program that has
 * one, between prelude.cl and that text. */
#include "rows.cl"
#include "cast_to.cl"
#include "draw.cl"

/* What is neither of the chain's dtype nor a 16-bit float. */
#define AS_IT_IS(p, i) (p)[i]
#define PUT_AS_IT_IS(p, i, value) (p)[i] = (value)
