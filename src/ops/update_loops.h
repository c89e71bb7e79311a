/* update_loops.h - the loops of update_isa.c for one scalar type: `real`, its root m_sqrt, and NAME(x) for names.
 * Included once for each; no guard. */

static void NAME(sgd)(void *const *operand, int64_t first, int64_t last, const double *numbers, int variant)
{
    real *p = operand[0];
    const real *g = operand[1];
    const real lr = (real)numbers[SGD_LR], decay = (real)numbers[SGD_DECAY];
    (void)variant;
    for (int64_t i = first; i < last; i++) {
        real d = decay == 0 ? g[i] : g[i] + decay * p[i];
        p[i] -= lr * d;
    }
}

static void NAME(sgd_momentum)(void *const *operand, int64_t first, int64_t last, const double *numbers,
                               int variant)
{
    real *p = operand[0], *v = operand[2];
    const real *g = operand[1];
    const real lr = (real)numbers[SGD_LR], decay = (real)numbers[SGD_DECAY],
               momentum = (real)numbers[SGD_MOMENTUM];
    const real keep = (real)numbers[SGD_KEEP], nesterov = (real)numbers[SGD_NESTEROV];
    (void)variant;
    for (int64_t i = first; i < last; i++) {
        real d = decay == 0 ? g[i] : g[i] + decay * p[i];
        real u = momentum * v[i] + keep * d;
        v[i] = u;
        p[i] -= lr * (nesterov == 0 ? u : d + nesterov * u);
    }
}

static void NAME(adam)(void *const *operand, int64_t first, int64_t last, const double *numbers, int variant)
{
    real *p = operand[0], *m = operand[2], *v = operand[3];
    const real *g = operand[1];
    const real step = (real)numbers[ADAM_STEP], eps = (real)numbers[ADAM_EPS], root = (real)numbers[ADAM_ROOT];
    const real beta1 = (real)numbers[ADAM_BETA1], keep1 = (real)numbers[ADAM_KEEP1];
    const real beta2 = (real)numbers[ADAM_BETA2], keep2 = (real)numbers[ADAM_KEEP2];
    const real coupled = variant ? 0 : (real)numbers[ADAM_DECAY],
               shrink = variant ? (real)numbers[ADAM_DECAY] : 1;
    for (int64_t i = first; i < last; i++) {
        real d = coupled == 0 ? g[i] : g[i] + coupled * p[i];
        real a = beta1 * m[i] + keep1 * d;
        real b = beta2 * v[i] + keep2 * d * d;
        m[i] = a;
        v[i] = b;
        p[i] = shrink * p[i] - step * a / (m_sqrt(b) / root + eps);
    }
}

static void NAME(rmsprop)(void *const *operand, int64_t first, int64_t last, const double *numbers, int variant)
{
    real *p = operand[0], *s = operand[2];
    const real *g = operand[1];
    const real lr = (real)numbers[RMSPROP_LR], decay = (real)numbers[RMSPROP_DECAY];
    const real alpha = (real)numbers[RMSPROP_ALPHA], keep = (real)numbers[RMSPROP_KEEP];
    const real eps = (real)numbers[RMSPROP_EPS], momentum = (real)numbers[RMSPROP_MOMENTUM];
    const int centered = variant & 1, heavy = variant >> 1;
    real *v = operand[3], *m = operand[heavy ? 4 : 3];
    for (int64_t i = first; i < last; i++) {
        real d = decay == 0 ? g[i] : g[i] + decay * p[i];
        real a = alpha * s[i] + keep * d * d;
        s[i] = a;
        if (centered) {
            real b = alpha * m[i] + keep * d;
            m[i] = b;
            a -= b * b;
            a = a < 0 ? 0 : a;
        }
        real u = d / (m_sqrt(a) + eps);
        if (heavy) {
            u = momentum * v[i] + u;
            v[i] = u;
        }
        p[i] -= lr * u;
    }
}

static void NAME(clip_grad)(void *const *operand, int64_t first, int64_t last, const double *numbers, int variant)
{
    real *z = operand[0];
    const real *g = operand[1], *norm = operand[2];
    const real share = (real)numbers[CLIP_MAX] / (*norm + (real)1e-6), factor = share > 1 ? 1 : share;
    (void)variant;
    for (int64_t i = first; i < last; i++)
        z[i] = g[i] * factor;
}
