/* conv.c - convolutions on OpenCL: which form computes one. */
#include "device/opencl/engines.h"
#include "device/opencl/matrix.h"

/* The first that applies; the last always does. */
static const struct conv_form *const forms[] = {
    &conv_matrix,
    &conv_direct,
};

static const struct conv_form *form_of(const struct device *d, const struct conv *p)
{
    size_t i = 0;

    while (!forms[i]->applies(d, p))
        i++;
    return forms[i];
}

/* The shape rule leaves only the batch to be 0, and then the weights' gradient has elements. */
static int is_empty(const struct conv *p)
{
    return p->batch == 0 && p->kind != CONV_WEIGHT;
}

size_t opencl_conv_workspace(struct device *d, const struct conv *p)
{
    return is_empty(p) ? 0 : form_of(d, p)->workspace(d, p);
}

gradc_status opencl_conv(struct device *d, const struct conv *p, int prepare, struct failure *f)
{
    return is_empty(p) ? GRADC_OK : form_of(d, p)->run(d, p, prepare, f);
}
