/* pad.c - z = x between elements of one value, or with elements cut off where there are fewer than none.
 *
 * Along an axis, element i of z is element i - before of x. */
#include "base/half.h"
#include "ops/elementwise.h"
#include "ops/ops.h"
#include "ops/strided.h"
#include "ops/window.h"

#include <string.h>

/* ints: their number, then pairs of before and after, from the last axis on.  reals: the value. */
enum { PAD_MOST = 2 * GRADC_MAX_NDIM };

static gradc_status pad_shape(struct record *r)
{
    const struct layout *x = &r->in[0]->layout;
    struct layout *z = &r->out[0].layout;
    const int64_t *pads = r->ints + 1;

    r->out[0].dtype = r->in[0]->dtype;
    *z = *x;
    for (int i = 0; i < r->ints[0]; i += 2) {
        int axis = x->ndim - 1 - i / 2;
        const int64_t most = INT64_MAX / 16;

        if (pads[i] > most || pads[i + 1] > most || pads[i] < -most || pads[i + 1] < -most)
            return record_fail(r, GRADC_E_SHAPE, "%lld and %lld at axis %d of x %s are too many",
                               (long long)pads[i], (long long)pads[i + 1], axis, SHAPE(x));
        z->shape[axis] += pads[i] + pads[i + 1];
        if (z->shape[axis] < 0)
            return record_fail(r, GRADC_E_SHAPE, "%lld and %lld cut more off axis %d of x %s than there is",
                               (long long)-pads[i], (long long)-pads[i + 1], axis, SHAPE(x));
    }
    return GRADC_OK;
}

/* ---- Forms ---- */

/* Of each axis: z's size, how much stands before x, x's size and stride. */
struct padding {
    int ndim;
    int64_t n[GRADC_MAX_NDIM], before[GRADC_MAX_NDIM], size[GRADC_MAX_NDIM], stride[GRADC_MAX_NDIM];
    int empty; /* nothing of x */
};

/* The next axis goes inside the last one if x walks both without a seam and nothing is padded within. */
static void padding_add(struct padding *p, int64_t n, int64_t before, int64_t size, int64_t stride)
{
    int last = p->ndim - 1, whole = before == 0 && n == size;

    if (whole && size == 1)
        return;
    if (whole && last >= 0 && p->stride[last] == stride * size) {
        p->n[last] *= n;
        p->before[last] *= n;
        p->size[last] *= n;
        p->stride[last] = stride;
        return;
    }
    p->n[p->ndim] = n;
    p->before[p->ndim] = before;
    p->size[p->ndim] = size;
    p->stride[p->ndim++] = stride;
}

/* More than z is long, or further back than x, is as far as that, for kernels count in 32 bits. */
static int64_t padding_before(int64_t before, int64_t n, int64_t size)
{
    if (before > n)
        return n;
    return before < -size ? -size : before;
}

/* At least one axis. */
static struct padding padding_of(const struct launch *l)
{
    const struct layout *x = &l->in[0].layout, *z = &l->out[0].layout;
    struct padding p = {.empty = layout_numel(x) == 0};

    for (int axis = 0; axis < x->ndim; axis++) {
        int i = 2 * (x->ndim - 1 - axis);
        int64_t before = i < l->ints[0] ? l->ints[1 + i] : 0;

        padding_add(&p, z->shape[axis], padding_before(before, z->shape[axis], x->shape[axis]),
                    x->shape[axis], x->stride[axis]);
    }
    if (p.ndim == 0) {
        p.ndim = 1;
        p.n[0] = p.size[0] = 1;
    }
    return p;
}

/* The bits of the value in z's dtype. */
static uint64_t pad_bits(const struct launch *l)
{
    gradc_dtype dtype = l->out[0].dtype;
    double value = scalar_round(dtype, l->reals[0]);
    float single = (float)value;
    uint64_t bits;

    if (dtype_is_half(dtype))
        return dtype == GRADC_F16 ? f16_narrow(single) : bf16_narrow(single);
    if (dtype == GRADC_F32)
        return bits_of_f32(single);
    if (dtype != GRADC_F64)
        return (uint64_t)(int64_t)value;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static struct window pad_window(const void *arg, int64_t row)
{
    const struct padding *p = arg;
    int last = p->ndim - 1;
    struct window w = {.low = p->before[last], .high = p->before[last] + p->size[last]};

    w.from = -p->before[last] * p->stride[last];
    for (int axis = last - 1; axis >= 0; axis--) {
        int64_t rest = row / p->n[axis], at = row - rest * p->n[axis] - p->before[axis];

        if (at < 0 || at >= p->size[axis])
            w.high = w.low;
        w.from += at * p->stride[axis];
        row = rest;
    }
    if (p->empty)
        w.high = w.low;
    return w;
}

static gradc_status pad_cpu(const struct launch *l, struct failure *f)
{
    struct padding p = padding_of(l);

    (void)f;
    window_copy(l->device, &l->out[0], &l->in[0], p.n[p.ndim - 1], p.stride[p.ndim - 1], pad_bits(l),
                pad_window, &p);
    return GRADC_OK;
}

/* Programs are made for 1, 2, 4 and 8 axes: whole ones of size 1 in front fill up. */
static gradc_status pad_opencl(const struct launch *l, struct failure *f)
{
    struct padding p = padding_of(l);
    const int64_t *const lists[] = {p.n, p.before, p.size, p.stride};
    const int64_t fill[] = {1, 0, 1, 0};
    struct kernel_call k;
    int axes = 1;

    while (axes < p.ndim)
        axes *= 2;
    kernel_start(&k, "pad", "pad", strided_bits(l->out[0].dtype));
    kernel_option(&k, "-DAXES=%d", axes);
    kernel_i64(&k, layout_numel(&l->out[0].layout));
    kernel_i64(&k, (int64_t)pad_bits(l));
    kernel_tensor(&k, p.empty ? &l->out[0] : &l->in[0]);
    kernel_tensor(&k, &l->out[0]);
    for (int list = 0; list < 4; list++)
        for (int axis = p.ndim - axes; axis < p.ndim; axis++)
            kernel_i64(&k, axis < 0 ? fill[list] : p.empty && list == 2 ? 0 : lists[list][axis]);
    kernel_range(&k, layout_numel(&l->out[0].layout));
    return launch_kernel(l, &k, f);
}

/* ---- pad ---- */

static gradc_tensor *pad(gradc_tensor *x, const int64_t *ints, double value)
{
    return op_record(&op_pad, 1, &x,
                     &(struct attributes){.nints = (int)ints[0] + 1, .ints = ints, .nreals = 1, .reals = &value});
}

/* dx = dz with as much cut off as was padded, and zeros where x was cut off. */
static void pad_gradient(struct gradient *d)
{
    int64_t ints[1 + PAD_MOST] = {d->ints[0]};

    for (int i = 1; i <= d->ints[0]; i++)
        ints[i] = -d->ints[i];
    d->dx[0] = pad(d->dz[0], ints, 0);
}

const struct op op_pad = {.name = "pad",
                          .nin = 1,
                          .nout = 1,
                          .flags = OP_HALF,
                          .shape = pad_shape,
                          .cpu = pad_cpu,
                          .opencl = pad_opencl,
                          .gradient = pad_gradient};

gradc_tensor *gradc_pad(gradc_tensor *x, int n, const int64_t *pads, double value)
{
    const struct tensor *t = op_operand(x, "pad");
    int64_t ints[1 + PAD_MOST] = {n};

    if (!t)
        return NULL;
    if (n < 0 || n % 2 || n > 2 * t->layout.ndim || (n && !pads)) {
        context_fail(t->g, GRADC_E_ARG, "pad: %d pads, not pairs for axes of x %s", n, SHAPE(&t->layout));
        return NULL;
    }
    for (int i = 0; i < n; i++)
        ints[1 + i] = pads[i];
    return pad(x, ints, value);
}
