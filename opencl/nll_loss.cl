/* nll_loss.cl - the weighted negative log likelihood of the right class, and its gradient.
 *
 * x and dx [batch,classes,inner], labels [batch,inner] of dtype LABEL, weight [classes] (WEIGHTED; else ones); z and
 * dz as labels; all contiguous.  One work-item per label, or per element of dx; any work size. */

typedef TYPE(LABEL) label_t;

#ifdef WEIGHTED
#define SIZES_AND_LABELS                                                                                        \
    long batch, long classes, long inner, long ignore, __global const label_t *labels, ulong labels_first,      \
        __global const stored *weight, ulong weight_first
#define WEIGHT(label) LOAD(weight, weight_first + (label))
#else
#define SIZES_AND_LABELS \
    long batch, long classes, long inner, long ignore, __global const label_t *labels, ulong labels_first
#define WEIGHT(label) R(1)
#endif

#define COUNTS(label) ((label) != ignore && (label) >= 0 && (label) < classes)

/* A label that is ignored: 0.  One out of range is reported, and makes z NaN. */
__kernel void nll_loss(SIZES_AND_LABELS, __global long *word, long serial, __global const stored *x, ulong x_first,
                       __global stored *z, ulong z_first)
{
    labels += labels_first;
    x += x_first;
    z += z_first;
    GRID(i, batch * inner) {
        long label = labels[i];
        real value = 0;

        if (COUNTS(label)) {
            index_t row = i / (index_t)inner, at = i - row * (index_t)inner;
            value = -(WEIGHT(label) * LOAD(x, (row * (index_t)classes + (index_t)label) * (index_t)inner + at));
        } else if (label != ignore) {
            report(word, serial, i, label);
            value = NAN;
        }
        STORE(z, i, value);
    }
}

__kernel void nll_weight(SIZES_AND_LABELS, __global stored *z, ulong z_first)
{
    labels += labels_first;
    z += z_first;
    GRID(i, batch * inner) {
        long label = labels[i];

        STORE(z, i, COUNTS(label) ? WEIGHT(label) : R(0));
    }
}

__kernel void nll_loss_backward(SIZES_AND_LABELS, __global const stored *dz, ulong dz_first, __global stored *dx,
                                ulong dx_first)
{
    labels += labels_first;
    dz += dz_first;
    dx += dx_first;
    GRID(i, batch * classes * inner) {
        index_t line = i / (index_t)inner, row = line / (index_t)classes;
        index_t column = line - row * (index_t)classes, at = row * (index_t)inner + (i - line * (index_t)inner);
        long label = labels[at];

        STORE(dx, i, label == (long)column && label != ignore ? -(WEIGHT(label) * LOAD(dz, at)) : R(0));
    }
}
