/* naive.c - matrix products and convolutions as loops. */
#include "naive.h"

double naive_tolerance(gradc_dtype dtype, int64_t n)
{
    const double last = dtype == GRADC_F16    ? 0x1p-11
                        : dtype == GRADC_BF16 ? 0x1p-8
                                              : 0; /* the one rounding */
    return last + (dtype == GRADC_F64 ? 2.3e-16 : 1.2e-7) * (8 + (double)n);
}

/* ---- Matrix products ---- */

/* Axes in front of the matrix, and its two sizes. */
struct stack {
    struct values batch;
    int64_t rows, cols;
};

static struct stack stack_of(const struct values *x, int column)
{
    struct stack s = {.rows = 1, .cols = 1};
    s.batch.ndim = x->ndim > 2 ? x->ndim - 2 : 0;
    memcpy(s.batch.shape, x->shape, sizeof x->shape);
    if (x->ndim == 1 && column)
        s.rows = x->shape[0];
    else
        s.cols = x->shape[x->ndim - 1];
    if (x->ndim > 1)
        s.rows = x->shape[x->ndim - 2];
    return s;
}

struct values naive_matmul(const struct values *x, const struct values *y)
{
    struct stack a = stack_of(x, 0), b = stack_of(y, 1);
    int deep = a.batch.ndim > b.batch.ndim ? a.batch.ndim : b.batch.ndim, ndim = deep;
    int64_t shape[GRADC_MAX_NDIM];
    for (int i = 1; i <= deep; i++) {
        int64_t one = i <= a.batch.ndim ? a.batch.shape[a.batch.ndim - i] : 1;
        int64_t two = i <= b.batch.ndim ? b.batch.shape[b.batch.ndim - i] : 1;
        shape[deep - i] = one == 1 ? two : one;
    }
    struct values batch = values_new(x->dtype, deep, shape);
    if (x->ndim > 1)
        shape[ndim++] = a.rows;
    if (y->ndim > 1)
        shape[ndim++] = b.cols;
    struct values z = values_new(x->dtype, ndim, shape);
    for (int64_t i = 0; i < batch.n; i++) {
        const double *p = x->at + values_broadcast(&batch, i, &a.batch) * a.rows * a.cols;
        const double *q = y->at + values_broadcast(&batch, i, &b.batch) * b.rows * b.cols;
        double *to = z.at + i * a.rows * b.cols;
        for (int64_t row = 0; row < a.rows; row++)
            for (int64_t k = 0; k < a.cols; k++)
                for (int64_t col = 0; col < b.cols; col++)
                    to[row * b.cols + col] += p[row * a.cols + k] * q[k * b.cols + col];
    }
    values_free(&batch);
    return z;
}

/* ---- Convolutions ---- */

void naive_conv_shape(const struct naive_conv *c, const int64_t *x, const int64_t *w, int64_t *z)
{
    z[0] = x[0];
    z[1] = w[0];
    for (int k = 0; k < 2; k++) {
        int64_t room = x[2 + k] + 2 * c->padding[k] - c->dilation[k] * (w[2 + k] - 1) - 1;
        z[2 + k] = room < 0 ? 0 : room / c->stride[k] + 1;
    }
}

/* All taps of one output pixel; i, j: its place. */
static void naive_pixel(const struct naive_conv *c, enum naive_part to, struct values *x, struct values *w,
                        int64_t image, int64_t out, int64_t i, int64_t j, double *z)
{
    const int64_t *xs = x->shape, *ws = w->shape;
    int64_t first = out / (ws[0] / c->groups) * ws[1]; /* channel of the group */
    for (int64_t channel = 0; channel < ws[1]; channel++)
        for (int64_t p = 0; p < ws[2]; p++)
            for (int64_t q = 0; q < ws[3]; q++) {
                int64_t row = i * c->stride[0] - c->padding[0] + p * c->dilation[0];
                int64_t col = j * c->stride[1] - c->padding[1] + q * c->dilation[1];
                if (row < 0 || row >= xs[2] || col < 0 || col >= xs[3])
                    continue;
                double *a = x->at + ((image * xs[1] + first + channel) * xs[2] + row) * xs[3] + col;
                double *b = w->at + ((out * ws[1] + channel) * ws[2] + p) * ws[3] + q;
                switch (to) {
                case NAIVE_Z: *z += *a * *b; break;
                case NAIVE_X: *a += *z * *b; break;
                case NAIVE_W: *b += *z * *a; break;
                }
            }
}

void naive_conv(const struct naive_conv *c, enum naive_part to, struct values *x, struct values *w,
                struct values *z)
{
    const int64_t *zs = z->shape;
    for (int64_t n = 0; n < z->n; n++) {
        int64_t j = n % zs[3], i = n / zs[3] % zs[2], out = n / zs[3] / zs[2] % zs[1];
        naive_pixel(c, to, x, w, n / zs[3] / zs[2] / zs[1], out, i, j, z->at + n);
    }
}
