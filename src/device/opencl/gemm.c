/* gemm.c - matrix products on OpenCL: which form computes one. */
#include "device/opencl/engines.h"
#include "device/opencl/matrix.h"

/* The first that applies; the last always does. */
static const struct gemm_form *const forms[] = {
    &gemm_matrix,
    &gemm_tiled,
};

static const struct gemm_form *form_of(const struct device *d, const struct gemm *p)
{
    size_t i = 0;

    while (!forms[i]->applies(d, p))
        i++;
    return forms[i];
}

static int is_empty(const struct gemm *p)
{
    for (int32_t i = 0; i < p->nbatch; i++)
        if (p->batch[i] == 0)
            return 1;
    return p->m == 0 || p->n == 0;
}

size_t opencl_gemm_workspace(struct device *d, const struct gemm *p)
{
    return is_empty(p) ? 0 : form_of(d, p)->workspace(d, p);
}

gradc_status opencl_gemm(struct device *d, const struct gemm *p, struct place workspace, int prepare,
                         struct failure *f)
{
    return is_empty(p) ? GRADC_OK : form_of(d, p)->run(d, p, workspace, prepare, f);
}
