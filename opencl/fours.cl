/* fours.cl - vectors of `real`, and four elements of a tensor at once.  No kernel is defined here. */
#define JOIN2(a, b) a##b
#define JOIN(a, b) JOIN2(a, b)
#ifdef REAL_IS_F64
#define REALS(n) JOIN(double, n)
#else
#define REALS(n) JOIN(float, n)
#endif

/* Four elements from an aligned place. */
#if defined(REAL_IS_F16)
#define LOAD4(p, i) vloada_half4(0, (__global const half *)((p) + (i)))
#elif defined(REAL_IS_BF16)
#define LOAD4(p, i) as_float4(convert_uint4(*(__global const ushort4 *)((p) + (i))) << 16)
#else
#define LOAD4(p, i) (*(__global const REALS(4) *)((p) + (i)))
#endif
