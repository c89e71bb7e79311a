/* tril.c - the lower and the upper triangle of matrices: z[..., i, j] = x[..., i, j] where j - i <= diagonal (tril) or
 * j - i >= diagonal (triu), else 0. */
#include "ops/ops.h"
#include "ops/strided.h"
#include "ops/window.h"

/* ints: the diagonal. */
static gradc_status tril_shape(struct record *r)
{
    const struct tensor *x = r->in[0];

    if (x->layout.ndim < 2)
        return record_fail(r, GRADC_E_SHAPE, "x %s is no matrix", SHAPE(&x->layout));
    r->out[0].dtype = x->dtype;
    r->out[0].layout = x->layout;
    return GRADC_OK;
}

/* ---- Forms ---- */

struct triangle {
    const struct layout *x;
    int64_t diagonal;
    int upper;
};

static struct triangle triangle_of(const struct launch *l)
{
    return (struct triangle){&l->in[0].layout, l->ints[0], l->op == &op_triu};
}

static struct window triangle_window(const void *arg, int64_t row)
{
    const struct triangle *t = arg;
    const struct layout *x = t->x;
    int last = x->ndim - 1;
    int64_t edge = row % x->shape[last - 1] + t->diagonal;
    struct window w = {.low = t->upper ? edge : 0, .high = t->upper ? x->shape[last] : edge + 1};

    for (int axis = last - 1; axis >= 0; axis--) {
        w.from += row % x->shape[axis] * x->stride[axis];
        row /= x->shape[axis];
    }
    return w;
}

static gradc_status tril_cpu(const struct launch *l, struct failure *f)
{
    struct triangle t = triangle_of(l);
    int last = t.x->ndim - 1;

    (void)f;
    window_copy(l->device, &l->out[0], &l->in[0], t.x->shape[last], t.x->stride[last], 0, triangle_window, &t);
    return GRADC_OK;
}

static gradc_status tril_opencl(const struct launch *l, struct failure *f)
{
    const struct view *const views[] = {&l->out[0], &l->in[0]};
    struct triangle t = triangle_of(l);
    struct kernel_call k;
    struct strided s;

    kernel_start(&k, "tril", "tril", strided_bits(l->out[0].dtype));
    strided_start(&s, &k, 2, views);
    strided_sizes(&k, &s);
    strided_operand(&k, &s, 0);
    strided_operand(&k, &s, 1);
    kernel_i64(&k, t.x->shape[t.x->ndim - 2]);
    kernel_i64(&k, t.x->shape[t.x->ndim - 1]);
    kernel_i64(&k, t.diagonal);
    kernel_i64(&k, t.upper);
    strided_range(&k, &s);
    return launch_kernel(l, &k, f);
}

/* ---- tril and triu ---- */

static void tril_gradient(struct gradient *d)
{
    d->dx[0] = gradc_tril(d->dz[0], (int)d->ints[0]);
}

static void triu_gradient(struct gradient *d)
{
    d->dx[0] = gradc_triu(d->dz[0], (int)d->ints[0]);
}

const struct op op_tril = {.name = "tril",
                           .nin = 1,
                           .nout = 1,
                           .flags = OP_HALF,
                           .shape = tril_shape,
                           .cpu = tril_cpu,
                           .opencl = tril_opencl,
                           .gradient = tril_gradient};

const struct op op_triu = {.name = "triu",
                           .nin = 1,
                           .nout = 1,
                           .flags = OP_HALF,
                           .shape = tril_shape,
                           .cpu = tril_cpu,
                           .opencl = tril_opencl,
                           .gradient = triu_gradient};

gradc_tensor *gradc_tril(gradc_tensor *x, int diagonal)
{
    return op_record(&op_tril, 1, &x, &(struct attributes){.nints = 1, .ints = (const int64_t[]){diagonal}});
}

gradc_tensor *gradc_triu(gradc_tensor *x, int diagonal)
{
    return op_record(&op_triu, 1, &x, &(struct attributes){.nints = 1, .ints = (const int64_t[]){diagonal}});
}
