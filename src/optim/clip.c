/* clip.c - the norm of all gradients together, and gradients scaled down by it. */
#include "base/host.h"
#include "core/run.h"
#include "optim/optim.h"

/* f64 if one gradient is. */
static gradc_dtype norm_dtype(gradc_tensor *const *params, int n)
{
    for (int i = 0; i < n; i++)
        if (gradc_grad(params[i]) && gradc_dtype_of(params[i]) == GRADC_F64)
            return GRADC_F64;
    return GRADC_F32;
}

/* x in another dtype; itself if it has that already. */
static gradc_tensor *in_dtype(gradc_tensor *x, gradc_dtype dtype)
{
    return gradc_dtype_of(x) == dtype ? x : gradc_cast(x, dtype);
}

static gradc_tensor *record_norm(gradc_context *g, gradc_tensor *const *params, int n)
{
    gradc_dtype dtype = norm_dtype(params, n);
    gradc_tensor *total = NULL;
    for (int i = 0; i < n; i++) {
        gradc_tensor *dx = gradc_grad(params[i]);
        if (!dx)
            continue;
        gradc_tensor *squares = in_dtype(gradc_sum(gradc_mul(dx, dx), 0, NULL, 0), dtype);
        total = total ? gradc_add(total, squares) : squares;
    }
    return gradc_sqrt(total ? total : context_constant(g, dtype, 0));
}

/* Two rounds, as backward has them: all are recorded, then all are bound.  `scaled` holds the first round's. */
static gradc_status scale_gradients(gradc_tensor *const *params, int n, gradc_tensor *factor, gradc_tensor **scaled)
{
    gradc_context *g = gradc_context_of(factor);
    for (int i = 0; i < n; i++) {
        gradc_tensor *dx = gradc_grad(params[i]);
        if (dx && !(scaled[i] = gradc_mul(dx, in_dtype(factor, gradc_dtype_of(dx)))))
            return gradc_check(g);
    }
    for (int i = 0; i < n; i++)
        if (scaled[i])
            gradient_bind(tensor_of(params[i])->grad, tensor_of(scaled[i]));
    return GRADC_OK;
}

/* min(1, max_norm / (norm + 1e-6)); NaN stays NaN. */
static gradc_tensor *record_factor(gradc_tensor *norm, double max_norm)
{
    gradc_tensor *one = context_constant(gradc_context_of(norm), gradc_dtype_of(norm), 1);
    return gradc_minimum(gradc_div(gradc_mul_scalar(one, max_norm), gradc_add_scalar(norm, 1e-6)), one);
}

static gradc_tensor *clip(gradc_context *g, gradc_tensor *const *params, int n, double max_norm,
                          gradc_tensor **scaled)
{
    call_begin(g, 0);
    gradc_tensor *norm = record_norm(g, params, n), *factor = norm ? record_factor(norm, max_norm) : NULL;
    if (!factor || scale_gradients(params, n, factor, scaled)) {
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
