/* assign.c - x = y: writes into a tensor that someone owns, or a view of one; y broadcasts to x.
 * The core sees to a y that lies in x's memory. */
#include "ops/ops.h"
#include "ops/strided.h"

static gradc_status assign_shape(struct record *r)
{
    const struct tensor *x = r->in[0], *y = r->in[1];
    struct layout both;
    if (x->dtype != y->dtype)
        return record_fail(r, GRADC_E_DTYPE, "dst is %s but src is %s", gradc_dtype_name(x->dtype),
                           gradc_dtype_name(y->dtype));
    if (layout_broadcast(&x->layout, &y->layout, &both) || !layout_same_shape(&both, &x->layout))
        return record_fail(r, GRADC_E_SHAPE, "src %s does not broadcast to dst %s", SHAPE(&y->layout),
                           SHAPE(&x->layout));
    for (int axis = 0; axis < x->layout.ndim; axis++)
        if (x->layout.stride[axis] == 0 && x->layout.shape[axis] > 1)
            return record_fail(r, GRADC_E_ARG, "dst %s repeats elements along axis %d", SHAPE(&x->layout), axis);
    return GRADC_OK;
}

static gradc_status assign_cpu(const struct launch *l, struct failure *f)
{
    (void)f;
    const int64_t *word = place_host(l->word);
    if (word[WORD_CODE])
        return GRADC_OK;
    const struct view *const views[] = {&l->in[0], &l->in[1]};
    strided_run(l->device, 2, views, strided_copy(l->in[0].dtype), NULL);
    return GRADC_OK;
}

static gradc_status assign_opencl(const struct launch *l, struct failure *f)
{
    const struct view *const views[] = {&l->in[0], &l->in[1]};
    struct kernel_call k;
    struct strided s;
    kernel_start(&k, "assign", "assign", strided_bits(l->in[0].dtype));
    strided_start(&s, &k, 2, views);
    kernel_place(&k, l->word);
    strided_sizes(&k, &s);
    strided_operand(&k, &s, 0);
    strided_operand(&k, &s, 1);
    strided_range(&k, &s);
    return launch_kernel(l, &k, f);
}

const struct op op_assign = {
    .name = "assign",
    .nin = 2,
    .flags = OP_HALF,
    .writes = 1,
    .shape = assign_shape,
    .cpu = assign_cpu,
    .opencl = assign_opencl,
};

gradc_status gradc_assign(gradc_tensor *dst, gradc_tensor *src)
{
    return op_record_assign(&op_assign, 2, (gradc_tensor *[]){dst, src}, NULL);
}
