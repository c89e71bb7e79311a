/* pad.cl - z = x between elements of one value; along an axis, element i of z is element i - before of x.
 *
 * z contiguous, x strided; stored is an integer as wide as an element, fill the value's bits.  AXES axes: sizes n of z,
 * before b, sizes m and strides s of x.  Grid-stride. */

/* Takes axis k off the linear index. */
#define PAD_AXIS(k)                                                                    \
    do {                                                                               \
        index_t more = (index_t)((uindex_t)rest / (uindex_t)n_##k);                    \
        index_t at = rest - more * (index_t)n_##k - (index_t)b_##k;                    \
        inside &= at >= 0 && at < (index_t)m_##k;                                      \
        from += at * (index_t)s_##k;                                                   \
        rest = more;                                                                   \
    } while (0)

__kernel void pad(long n, long fill, __global const stored *x, ulong x_first, __global stored *z, ulong z_first,
                  SIZES(n), STRIDES(b), STRIDES(m), STRIDES(s))
{
    x += x_first;
    z += z_first;
    GRID(i, n) {
        index_t rest = i, from = 0;
        int inside = 1;

#if AXES > 7
        PAD_AXIS(7);
        PAD_AXIS(6);
        PAD_AXIS(5);
        PAD_AXIS(4);
#endif
#if AXES > 3
        PAD_AXIS(3);
        PAD_AXIS(2);
#endif
#if AXES > 1
        PAD_AXIS(1);
#endif
        PAD_AXIS(0);
        if (inside)
            z[i] = x[from];
        else
            z[i] = (stored)fill;
    }
}
