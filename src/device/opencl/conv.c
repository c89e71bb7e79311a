/* conv.c - convolutions on OpenCL: which form computes one. */
#include <string.h>

#include "device/opencl/matrix.h"
#include "device/opencl/trial.h"

const struct conv_form *const conv_forms[] = {&conv_form_depthwise, &conv_matrix, &conv_form_fused,
                                              &conv_form_winograd,  &conv_direct, NULL};

int conv_may_run(struct device *d, const struct conv *p, const struct conv_form *form)
{
    return form->applies(d, p) && (!(form->flags & FORM_NEEDS_TEST) || opencl_trusts_conv(d, p, form));
}

/* What pays is asked before what a form's first test costs. */
static int is_default(struct device *d, const struct conv *p, const struct conv_form *form)
{
    return form->applies(d, p) && (!form->pays || form->pays(d, p)) && conv_may_run(d, p, form);
}

static const struct conv_form *form_of(struct device *d, const struct conv *p)
{
    const struct choice *choice = tuning_of_conv(d, p);
    const struct conv_form *const *form = conv_forms;

    while (choice && *form && (strcmp((*form)->name, choice->form) != 0 || !conv_may_run(d, p, *form)))
        form++;
    if (choice && *form)
        return *form;
    for (form = conv_forms; !is_default(d, p, *form);)
        form++;
    return *form;
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
    if (is_empty(p))
        return GRADC_OK;
    const struct conv_form *form = form_of(d, p);
    if (prepare)
        opencl_first_use_of_conv(d, p, form);
    return form->run(d, p, prepare, f);
}
