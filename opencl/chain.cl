/* chain.cl - a chain of elementwise steps as one kernel: element i of all its outputs from element i of its inputs.
 * Grid-stride, any work size.  src/ops/chain.c makes the text in front of this file:
 *
 *   CHAIN_PARAMS   , and the kernel's further parameters
 *   CHAIN_BODY     statements for element i */

__kernel void chain(long n CHAIN_PARAMS)
{
    GRID(i, n)
    {
        CHAIN_BODY
    }
}
