/* reduce.cl - folds over axes.
 *
 * x: any strides; a chain may make its elements.  The kept axes k (sizes k_*, strides kx_*) and the
 * reduced axes n (sizes n_*, strides nx_*) are padded with size 1 in front to AXES each.  z [segments, outputs],
 * contiguous, of dtype RESULT (-DPUT=f16_store, bf16_store: rounded to that): segment s folds the reduced elements
 * s * segment .. up to count, in row-major order.
 * -DFOLD_ is the kind and -DFINISH_ what a result goes through, as src/ops/reduce.h has them; -DSHIFT: each output has
 * a shift; -DNUMBER: they need a number.  The order of the fold depends on the shape alone. */

#include "math.cl"

typedef TYPE(RESULT) result;
#ifdef PUT
typedef ushort put_t;
#else
typedef result put_t;
#define PUT(p, i, value) (p)[i] = (value)
#endif

#if defined(FOLD_MAX) || defined(FOLD_MAX_ABS)
#define FOLD(a, x) (((x) > (a) || IS_NAN(x)) ? (x) : (a))
#elif defined(FOLD_MIN) || defined(FOLD_MIN_ABS)
#define FOLD(a, x) (((x) < (a) || IS_NAN(x)) ? (x) : (a))
#elif defined(FOLD_ANY)
#define FOLD(a, x) ((a) | (x))
#elif defined(FOLD_ALL)
#define FOLD(a, x) ((a) & (x))
#elif defined(FOLD_PROD)
#define FOLD(a, x) ((a) * (x))
#else
#define FOLD(a, x) ((a) + (x))
#endif

#if defined(REAL_IS_F32) || defined(REAL_IS_F64)
#define LOWEST (-INFINITY)
#define HIGHEST INFINITY
#elif defined(REAL_IS_I64)
#define LOWEST LONG_MIN
#define HIGHEST LONG_MAX
#elif defined(REAL_IS_I32)
#define LOWEST INT_MIN
#define HIGHEST INT_MAX
#else
#define LOWEST 0
#define HIGHEST UCHAR_MAX
#endif

#if defined(FOLD_MAX)
#define START LOWEST
#elif defined(FOLD_MIN) || defined(FOLD_MIN_ABS)
#define START HIGHEST
#elif defined(FOLD_PROD) || defined(FOLD_ALL)
#define START 1
#else
#define START 0
#endif

/* What is folded of an element; o is the output's first element, m its shift, p the number. */
#if defined(FOLD_APART)
#define OF(x) ((x)-o)
#elif defined(FOLD_SPREAD)
#define OF(x) (((x)-o - m) * ((x)-o - m))
#elif defined(FOLD_SQUARES)
#define OF(x) ((x) * (x))
#elif defined(FOLD_EXPS)
#define OF(x) m_exp((x)-m)
#elif defined(FOLD_POWERS)
#define OF(x) m_exp(p *m_log(fabs(x)))
#elif defined(FOLD_ABS) || defined(FOLD_MAX_ABS) || defined(FOLD_MIN_ABS)
#define OF(x) fabs(x)
#elif defined(FOLD_ANY) || defined(FOLD_ALL) || defined(FOLD_COUNT)
#define OF(x) (result)((x) != 0)
#else
#define OF(x) (result)(x)
#endif

#if defined(FINISH_DIVIDE)
#define FINISH(z) ((z) / number)
#elif defined(FINISH_ROOT)
#define FINISH(z) sqrt((z) / number)
#elif defined(FINISH_POWER)
#define FINISH(z) m_exp(m_log(z) / number)
#elif defined(FINISH_FINITE)
#define FINISH(z) (isinf(z) ? 0 : (z))
#elif defined(FINISH_LOG)
#define FINISH(z) (m_log(z) + m)
#else
#define FINISH(z) (z)
#endif

#ifdef SHIFT
#define SHIFT_ARGS , __global const real *shift, ulong shift_first
#define SHIFT_OF(o) shift[shift_first + (o)]
#else
#define SHIFT_ARGS
#define SHIFT_OF(o) 0
#endif
#ifdef NUMBER
#define NUMBER_ARG , real number
#else
#define NUMBER_ARG
#define number 1
#endif

/* Element `at` of x, counted from its first: read, or made by a chain (src/ops/chain.c), which may store it, too. */
#ifdef CHAIN_BODY
#define X_PARAMS CHAIN_PARAMS
#define X_NAMES CHAIN_NAMES
static inline real element(index_t i CHAIN_PARAMS)
{
    CHAIN_BODY
    return CHAIN_VALUE;
}
#define X(at) element(at CHAIN_NAMES)
#else
#define X_PARAMS , __global const stored *x, ulong x_first
#define X_NAMES , x, x_first
#define X(at) LOAD(x, x_first + (ulong)(at))
#endif

/* The output's first element, where it is asked for. */
#if defined(FOLD_APART) || defined(FOLD_SPREAD)
#define FIRST(at) (count ? X(at) : 0)
#else
#define FIRST(at) 0
#endif

enum { GROUP = 256, BLOCK = 32 };

/* The fold of elements i, i + step, ... below end, in blocks of BLOCK. */
static result fold(index_t from, index_t i, index_t end, index_t step, real o, real m, real p, SIZES(n),
                   STRIDES(nx) X_PARAMS)
{
    result total = START, part = START;
    int left = BLOCK;
    index_t at = i < end ? STRIDED(i, n, nx) : 0;
#if AXES == 2
    /* Two axes are walked without a division: each step moves `rows` rows and `columns` columns on. */
    index_t column = i % (index_t)n_1, rows = step / (index_t)n_1, columns = step - rows * (index_t)n_1;
    index_t move = rows * (index_t)nx_0 + columns * (index_t)nx_1;
    index_t carry = (index_t)nx_0 - (index_t)n_1 * (index_t)nx_1;
#endif

    while (i < end) {
        const real value = X(from + at);
        part = FOLD(part, OF(value));
        if (--left == 0) {
            total = FOLD(total, part);
            part = START;
            left = BLOCK;
        }
        if (end - i <= step)
            break;
        i += step;
#if AXES == 1
        at += step * (index_t)nx_0;
#elif AXES == 2
        at += move;
        column += columns;
        if (column >= (index_t)n_1) {
            column -= (index_t)n_1;
            at += carry;
        }
#else
        at = STRIDED(i, n, nx);
#endif
    }
    return FOLD(total, part);
}

#define ALL_SIZES(n) AXES_LIST(AXES)(AXIS_NAME, n)

/* One item makes one element of z. */
__kernel void reduce_items(__global put_t *z, ulong z_first, long outputs, long count, long segments, long segment,
                           SIZES(k), STRIDES(kx), SIZES(n), STRIDES(nx) SHIFT_ARGS NUMBER_ARG X_PARAMS)
{
    z += z_first;
    GRID(i, outputs * segments) {
        index_t s = i / (index_t)outputs, o = i - s * (index_t)outputs, start = s * (index_t)segment;
        index_t end = (index_t)min((long)start + segment, count);
        real m = SHIFT_OF(o);
        index_t from = STRIDED(o, k, kx);
        result value = fold(from, start, end, 1, FIRST(from), m, number, ALL_SIZES(n), ALL_SIZES(nx) X_NAMES);

        PUT(z, i, FINISH(value));
    }
}

/* One group of GROUP items makes one element of z. */
__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1)))
void reduce_groups(__global put_t *z, ulong z_first, long outputs, long count, long segments, long segment, SIZES(k),
                   STRIDES(kx), SIZES(n), STRIDES(nx) SHIFT_ARGS NUMBER_ARG X_PARAMS)
{
    __local result lane[GROUP];
    int id = (int)get_local_id(0);

    z += z_first;
    for (long i = (long)get_group_id(0); i < outputs * segments; i += (long)get_num_groups(0)) {
        long s = i / outputs;
        index_t o = (index_t)(i - s * outputs), start = (index_t)(s * segment);
        index_t end = (index_t)min((long)start + segment, count);
        real m = SHIFT_OF(o);
        index_t from = STRIDED(o, k, kx);

        lane[id] = fold(from, start + id, end, GROUP, FIRST(from), m, number, ALL_SIZES(n), ALL_SIZES(nx) X_NAMES);
        for (int reach = GROUP / 2; reach; reach /= 2) {
            barrier(CLK_LOCAL_MEM_FENCE);
            if (id < reach)
                lane[id] = FOLD(lane[id], lane[id + reach]);
        }
        if (id == 0)
            PUT(z, i, FINISH(lane[0]));
        barrier(CLK_LOCAL_MEM_FENCE);
    }
}
