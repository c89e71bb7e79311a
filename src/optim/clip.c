/* clip.c - the norm of all gradients together, and gradients scaled down by it. */
#include "base/host.h"
#include "core/run.h"
#include "ops/ops.h"
#include "ops/update.h"
#include "optim/optim.h"

/* x in another dtype; itself if it has that already. */
static gradc_tensor *in_dtype(gradc_tensor *x, gradc_dtype dtype)
{
    return gradc_dtype_of(x) == dtype ? x : gradc_cast(x, dtype);
}

/* Of the gradients of a dtype, or NULL if there are none; list has room for n. */
static gradc_tensor *norm_of(gradc_tensor *const *params, int n, gradc_dtype dtype, gradc_tensor **list)
{
    int count = 0;
    for (int i = 0; i < n; i++)
        if (gradc_grad(params[i]) && gradc_dtype_of(params[i]) == dtype)
            list[count++] = gradc_grad(params[i]);
    return count ? op_record(&op_total_norm, count, list, NULL) : NULL;
}

/* Of two norms, the second of the wider dtype. */
static gradc_tensor *both_norms(gradc_tensor *norm, gradc_tensor *more)
{
    norm = in_dtype(norm, gradc_dtype_of(more));
    return gradc_sqrt(gradc_add(gradc_square(norm), gradc_square(more)));
}

gradc_tensor *optim_total_norm(gradc_context *g, gradc_tensor *const *params, int n, gradc_tensor **list)
{
    static const gradc_dtype dtypes[] = {GRADC_F16, GRADC_BF16, GRADC_F32, GRADC_F64};
    gradc_tensor *norm = NULL;
    for (int d = 0; d < 4; d++) {
        gradc_tensor *more = norm_of(params, n, dtypes[d], list);
        norm = norm && more ? both_norms(norm, more) : norm ? norm : more;
    }
    return norm ? norm : gradc_sqrt(context_constant(g, GRADC_F32, 0)); /* 0, where there are none */
}

/* Two rounds, as backward has them: all are recorded, then all are bound.  `scaled` holds the first round's. */
static gradc_status scale_gradients(gradc_tensor *const *params, int n, gradc_tensor *norm, double max_norm,
                                    gradc_tensor **scaled)
{
    const struct attributes a = {.nreals = CLIP_REALS, .reals = &max_norm};
    gradc_tensor *norms[2] = {NULL, NULL}; /* f32, f64 */
    for (int i = 0; i < n; i++) {
        gradc_tensor *dx = gradc_grad(params[i]);
        scaled[i] = NULL;
        if (!dx)
            continue;
        gradc_tensor **of = &norms[gradc_dtype_of(dx) == GRADC_F64];
        *of = *of ? *of : in_dtype(norm, dtype_computes(gradc_dtype_of(dx)));
        if (!(scaled[i] = op_record(&op_clip_grad, 2, (gradc_tensor *const[]){dx, *of}, &a)))
            return gradc_check(gradc_context_of(norm));
    }
    for (int i = 0; i < n; i++)
        if (scaled[i])
            gradient_bind(tensor_of(params[i])->grad, tensor_of(scaled[i]));
    return GRADC_OK;
}

static gradc_tensor *clip(gradc_context *g, gradc_tensor *const *params, int n, double max_norm,
                          gradc_tensor **scaled) /* [n], for its own use */
{
    call_begin(g, 0);
    gradc_tensor *norm = optim_total_norm(g, params, n, scaled);
    if (gradc_check(g) || scale_gradients(params, n, norm, max_norm, scaled)) {
        call_undo(g);
        norm = NULL;
    } else {
        struct tensor *t = tensor_of(norm);
        t->open = 1;
        tensor_keep(t);
    }
    call_end(g);
    return norm;
}

gradc_tensor *gradc_clip_grad_norm(gradc_tensor *const *params, int n, double max_norm)
{
    gradc_context *g = NULL;
    for (int i = 0; params && i < n && !g; i++)
        g = gradc_context_of(params[i]);
    if (!g) {
        fail_thread(GRADC_E_ARG, "clip_grad_norm: no parameters");
        return NULL;
    }
    if (context_enter(g, "clip_grad_norm"))
        return NULL;
    for (int i = 0; i < n; i++)
        if (optim_check_param(g, params, i, "clip_grad_norm"))
            return NULL;
    if (!(max_norm >= 0)) {
        context_fail(g, GRADC_E_ARG, "clip_grad_norm: max_norm must be a number from 0");
        return NULL;
    }
    gradc_tensor **scaled = host_zalloc((size_t)n, sizeof *scaled);
    if (!scaled) {
        context_no_memory(g, "clip_grad_norm");
        return NULL;
    }
    gradc_tensor *norm = clip(g, params, n, max_norm, scaled);
    host_free(scaled);
    return norm && g->eager && run_pending(g, NULL) ? NULL : norm;
}
