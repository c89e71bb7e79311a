/* clip_grad.c - a gradient scaled down by the norm of all of them, after PyTorch's clip_grad_norm_. */
#include "ops/ops.h"
#include "ops/update.h"

/* in: g, norm [] -> z = g min(1, MAX / (norm + 1e-6)); a NaN stays one.  Where g has 16 bits norm is f32. */

static gradc_status clip_grad_shape(struct record *r)
{
    r->out[0].dtype = r->in[0]->dtype;
    r->out[0].layout = r->in[0]->layout;
    return GRADC_OK;
}

static const struct update clip_grad = UPDATE(clip_grad, 1u << 2, "clip_grad", {""});

const struct op op_clip_grad = {
    .name = "clip_grad",
    .nin = 2,
    .nout = 1,
    .flags = OP_IN_STEP | OP_HALF,
    .shape = clip_grad_shape,
    .cpu = update_cpu,
    .opencl = update_opencl,
    .many = &clip_grad.many,
};
