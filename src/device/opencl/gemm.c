/* gemm.c - matrix products on OpenCL: which form computes one. */
#include <string.h>

#include "device/opencl/clblast.h"
#include "device/opencl/matrix.h"
#include "device/opencl/trial.h"

/* Behind the tiled one, which always applies, stands what only the store can ask for. */
const struct gemm_form *const gemm_forms[] = {&gemm_skinny, &gemm_matrix, &gemm_tiled, &gemm_clblast, NULL};

int gemm_may_run(struct device *d, const struct gemm *p, const struct gemm_form *form)
{
    return form->applies(d, p) && (!(form->flags & FORM_NEEDS_TEST) || opencl_trusts_gemm(d, p, form));
}

static const struct gemm_form *form_of(struct device *d, const struct gemm *p)
{
    const struct choice *choice = tuning_of_gemm(d, p);
    const struct gemm_form *const *form = gemm_forms;

    while (choice && *form && (strcmp((*form)->name, choice->form) != 0 || !gemm_may_run(d, p, *form)))
        form++;
    if (choice && *form)
        return *form;
    for (form = gemm_forms; !gemm_may_run(d, p, *form);)
        form++;
    return *form;
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
    if (is_empty(p))
        return GRADC_OK;
    const struct gemm_form *form = form_of(d, p);
    if (prepare)
        opencl_first_use_of_gemm(d, p, form);
    return form->run(d, p, workspace, prepare, f);
}
