/* flip.c - z = x with the order along some axes turned round: a strided copy, with strides below zero. */
#include "ops/ops.h"
#include "ops/strided.h"

/* ints: how many axes, and they. */
static gradc_status flip_shape(struct record *r)
{
    const struct layout *x = &r->in[0]->layout;
    unsigned seen = 0;

    if (x->ndim == 0 && r->ints[0] > 0)
        return record_fail(r, GRADC_E_SHAPE, "x [] has no axis");
    for (int i = 1; i <= r->ints[0]; i++) {
        int axis = record_axis(r, r->ints[i], x->ndim);

        if (axis < 0)
            return GRADC_E_ARG;
        if (seen & 1u << axis)
            return record_fail(r, GRADC_E_ARG, "axis %d comes twice", axis);
        seen |= 1u << axis;
        r->ints[i] = axis;
    }
    r->out[0].dtype = r->in[0]->dtype;
    r->out[0].layout = *x;
    return GRADC_OK;
}

/* x from its last elements on. */
static struct view flipped(const struct launch *l)
{
    struct view x = l->in[0];

    for (int i = 1; i <= l->ints[0]; i++) {
        int64_t axis = l->ints[i];

        x.layout.offset += (x.layout.shape[axis] - 1) * x.layout.stride[axis];
        x.layout.stride[axis] = -x.layout.stride[axis];
    }
    return x;
}

static gradc_status flip_cpu(const struct launch *l, struct failure *f)
{
    struct view x = flipped(l);

    (void)f;
    copy_cpu(l->device, &l->out[0], &x);
    return GRADC_OK;
}

static gradc_status flip_opencl(const struct launch *l, struct failure *f)
{
    struct view x = flipped(l);

    return copy_opencl(l, &l->out[0], &x, f);
}

static gradc_tensor *flip(gradc_tensor *x, const int64_t *ints)
{
    return op_record(&op_flip, 1, &x, &(struct attributes){.nints = (int)ints[0] + 1, .ints = ints});
}

static void flip_gradient(struct gradient *d)
{
    d->dx[0] = flip(d->dz[0], d->ints);
}

const struct op op_flip = {.name = "flip",
                           .nin = 1,
                           .nout = 1,
                           .flags = OP_HALF,
                           .shape = flip_shape,
                           .cpu = flip_cpu,
                           .opencl = flip_opencl,
                           .gradient = flip_gradient};

gradc_tensor *gradc_flip(gradc_tensor *x, int naxes, const int *axes)
{
    const struct tensor *t = op_operand(x, "flip");
    int64_t ints[1 + GRADC_MAX_NDIM] = {naxes};

    if (!t)
        return NULL;
    if (naxes < 0 || naxes > GRADC_MAX_NDIM || (naxes && !axes)) {
        context_fail(t->g, GRADC_E_ARG, "flip: %d axes for x %s", naxes, SHAPE(&t->layout));
        return NULL;
    }
    for (int i = 0; i < naxes; i++)
        ints[1 + i] = axes[i];
    return flip(x, ints);
}
