/* prelude.cl - what stands before every kernel source: scalar and index types, the grid loop, strided
 * operands, the device word.  No kernel is defined here.
 *
 * A program's text is this file and then NAME.cl; in NAME.cl a line  #include "math.cl"  is replaced by that
 * embedded file, once.  Options that the device gives:
 *   -DREAL_IS_F32 | _F64 | _I64 | _I32 | _U8 | _BOOL   what `real` is (none: F32)
 *   -DREAL_IS_F16 | _BF16                              tensors of 16-bit floats: `real` is float, REAL_IS_F32 is set too
 *   -DINDEX_WIDE                                       index_t is long: a tensor has 2^31 elements or more
 *   -DDEVICE_F64                                       the device has f64, whatever `real` is
 * Kernel text holds no shapes: sizes and strides are arguments, long each, outermost axis first.
 *
 * A tensor is two arguments (kernel_tensor in device.h): the buffer, and its first element.
 *   __kernel void copy(long n, __global const real *x, ulong x0, __global real *z, ulong z0)
 *   {
 *       x += x0;
 *       z += z0;
 *       GRID(i, n)
 *           z[i] = x[i];
 *   }
 */
#pragma OPENCL FP_CONTRACT OFF

/* On a CPU without AVX-512, clang would speak of float16's calling convention, which nothing here depends on. */
#ifdef __clang__
#pragma clang diagnostic ignored "-Wpsabi"
#endif

#if defined(REAL_IS_F64) && !defined(DEVICE_F64)
#define DEVICE_F64
#endif
#ifdef DEVICE_F64
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
#endif

#if defined(REAL_IS_F64)
typedef double real;
#elif defined(REAL_IS_I64)
typedef long real;
#elif defined(REAL_IS_I32)
typedef int real;
#elif defined(REAL_IS_U8) || defined(REAL_IS_BOOL)
typedef uchar real;
#else
#ifndef REAL_IS_F32
#define REAL_IS_F32
#endif
typedef float real;
#endif

/* 16-bit floats lie in memory as ushort and are computed as float: f16_load and bf16_load of such a number, and
 * f16_bits and bf16_bits, a float to the nearest, ties to even; NaN stays NaN.  vload_half and vstore_half_rte are
 * OpenCL 1.2's own and need no fp16 of the device. */
#define f16_load(p, i) vload_half(0, (__global const half *)((p) + (i)))
#define f16_store(p, i, value) vstore_half_rte(value, 0, (__global half *)((p) + (i)))
#define bf16_load(p, i) as_float((uint)(p)[i] << 16)
#define bf16_store(p, i, value) ((p)[i] = bf16_bits(value))

static inline ushort bf16_bits(float x)
{
    const uint bits = as_uint(x), rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    return (ushort)(x != x ? 0x7fc0 : rounded);
}

static inline float bf16_round(float x)
{
    return as_float((uint)bf16_bits(x) << 16);
}

static inline float f16_round(float x)
{
    ushort bits = 0;
    vstore_half_rte(x, 0, (half *)&bits);
    return vload_half(0, (const half *)&bits);
}

/* What tensors of the kernel's dtype are made of in memory, and the way from there to `real` and back; ROUNDED(value)
 * is what LOAD gives of a stored value.  p is global memory. */
#if defined(REAL_IS_F16)
typedef ushort stored;
#define LOAD(p, i) f16_load(p, i)
#define STORE(p, i, value) f16_store(p, i, value)
#define ROUNDED(value) f16_round(value)
#elif defined(REAL_IS_BF16)
typedef ushort stored;
#define LOAD(p, i) bf16_load(p, i)
#define STORE(p, i, value) bf16_store(p, i, value)
#define ROUNDED(value) bf16_round(value)
#else
typedef real stored;
#define LOAD(p, i) ((p)[i])
#define STORE(p, i, value) ((p)[i] = (value))
#define ROUNDED(value) (value)
#endif

/* A constant of type real, from a literal with or without a point: R(0.5), R(1). */
#define R(x) ((real)(x))

#ifdef INDEX_WIDE
typedef long index_t;
typedef ulong uindex_t;
#else
typedef int index_t;
typedef uint uindex_t;
#endif

/* for i in 0..n-1, shared among all work-items in dimension 0, whatever the work size.  The step never goes
 * past n, for i + the work size could leave an int. */
#define GRID(i, n) \
    for (index_t i = (index_t)get_global_id(0); i < (index_t)(n); \
         i += min((index_t)(n) - i, (index_t)get_global_size(0)))

/* The element types of tensors, by the names of their dtypes: TYPE(f32) is float.  bool is a byte, 0 or 1.
 * TYPE(X), where X is an option such as -DX=f32, works too. */
#define TYPE_f32 float
#define TYPE_f64 double
#define TYPE_f16 ushort
#define TYPE_bf16 ushort
#define TYPE_i64 long
#define TYPE_i32 int
#define TYPE_u8 uchar
#define TYPE_bool uchar
#define TYPE_JOIN(name) TYPE_##name
#define TYPE(name) TYPE_JOIN(name)

/* Strided operands, with the option -DAXES=1..8 (axes left by layout_collapse; 0-d: one axis of size 1, stride
 * 0).  SIZES(n) and STRIDES(x) are parameter lists, long n_0 .. n_7 and long x_0 .. x_7, the first AXES of them;
 * the host gives them by one kernel_i64 each.  STRIDED(i, n, x) is where element i (row-major) of x lies:
 *   __kernel void gather(long count, SIZES(n), __global const real *x, ulong x0, STRIDES(x),
 *                        __global real *z, ulong z0)
 *   {
 *       GRID(i, count)
 *           z[z0 + i] = x[x0 + STRIDED(i, n, x)];
 *   }
 * Two operands over the same sizes cost one chain of divisions: the compiler shares it. */
#ifdef AXES
#define AXES_1(m, x) m(x, 0)
#define AXES_2(m, x) AXES_1(m, x), m(x, 1)
#define AXES_3(m, x) AXES_2(m, x), m(x, 2)
#define AXES_4(m, x) AXES_3(m, x), m(x, 3)
#define AXES_5(m, x) AXES_4(m, x), m(x, 4)
#define AXES_6(m, x) AXES_5(m, x), m(x, 5)
#define AXES_7(m, x) AXES_6(m, x), m(x, 6)
#define AXES_8(m, x) AXES_7(m, x), m(x, 7)
#define AXES_JOIN(a, n) a##n
#define AXES_LIST(n) AXES_JOIN(AXES_, n)
#define AXIS_NAME(x, k) x##_##k
#define AXIS_LONG(x, k) long x##_##k
#define AXIS_INDEX(x, k) index_t x##_##k
#define SIZES(n) AXES_LIST(AXES)(AXIS_LONG, n)
#define STRIDES(x) AXES_LIST(AXES)(AXIS_LONG, x)
#define STRIDED(i, n, x) strided(i, AXES_LIST(AXES)(AXIS_NAME, n), AXES_LIST(AXES)(AXIS_NAME, x))

/* Takes axis k off the linear index i and adds its part to p.  One division and no %: Oclgrind can't follow what LLVM
 * makes of the pair. */
#define AXIS_STEP(k)                                                   \
    do {                                                               \
        index_t rest = (index_t)((uindex_t)i / (uindex_t)n_##k);       \
        p += (i - rest * n_##k) * s_##k;                               \
        i = rest;                                                      \
    } while (0)

static inline index_t strided(index_t i, AXES_LIST(AXES)(AXIS_INDEX, n), AXES_LIST(AXES)(AXIS_INDEX, s))
{
    index_t p = 0;
#if AXES > 7
    AXIS_STEP(7);
#endif
#if AXES > 6
    AXIS_STEP(6);
#endif
#if AXES > 5
    AXIS_STEP(5);
#endif
#if AXES > 4
    AXIS_STEP(4);
#endif
#if AXES > 3
    AXIS_STEP(3);
#endif
#if AXES > 2
    AXIS_STEP(2);
#endif
#if AXES > 1
    AXIS_STEP(1);
#endif
    return p + i * s_0;
}
#endif

/* The device word (WORD_* in device.h): {code, serial, index, value}, code 0 while all is well.  The kernel
 * of an assign returns at once unless word_clear(word). */
static inline int word_clear(__global const long *word)
{
    return word[0] == 0;
}

/* A data error: label `value` at position `index` of node `serial`.  The first report stays.  A kernel that
 * may report does not ask word_clear: the two would race. */
static inline void report(__global long *word, long serial, long index, long value)
{
    if (atomic_cmpxchg((volatile __global int *)word, 0, 1) != 0)
        return;
    word[1] = serial;
    word[2] = index;
    word[3] = value;
}
