/* strided.cl - operands over one shape, for kernels of elementwise ops, casts, copies and assigns (src/ops/strided.c
 * gives the arguments).  No kernel is defined here.
 *
 * Element i lies at PLACE(x), for LOAD and STORE; AT(x) is what is stored there.
 * Without AXES each operand is contiguous or one element: its step is 1 or 0.  With AXES it has strides.
 *   __kernel void copy(COUNT(n), OPERAND(real, x), RESULT(real, z))
 *   {
 *       GRID(i, n)
 *           AT(z) = AT(x);
 *   } */
#define RESULT(T, z) OPERAND_OF(__global T, z)
#define OPERAND(T, x) OPERAND_OF(__global const T, x)

#ifdef AXES
#define COUNT(n) long n, SIZES(n)
#define OPERAND_OF(T, x) T *x, ulong x##0, STRIDES(x)
#define PLACE(x) (x##0 + (ulong)STRIDED(i, n, x))
#else
#define COUNT(n) long n
#define OPERAND_OF(T, x) T *x, ulong x##0, long x##_step
#define PLACE(x) (x##0 + (ulong)(i * (index_t)x##_step))
#endif
#define AT(x) x[PLACE(x)]
