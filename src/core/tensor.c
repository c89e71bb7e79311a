/* tensor.c - bodies of tensors: made, counted, kept, freed; and the public facts about them. */
#include "core/run.h"
#include "core/tape.h"

#include <math.h>
#include <string.h>

#include "base/half.h"
#include "base/host.h"
#include "base/os.h"

enum { CHUNK_BODIES = 64 };

static int bodies_grow(gradc_context *g)
{
    struct tensor *chunk = host_zalloc(CHUNK_BODIES, sizeof *chunk);
    if (!chunk || list_push(&g->bodies, chunk)) {
        host_free(chunk);
        return -1;
    }
    for (int i = CHUNK_BODIES - 1; i >= 0; i--) {
        chunk[i].next = g->free_bodies;
        g->free_bodies = &chunk[i];
    }
    return 0;
}

static struct tensor *body_new(gradc_context *g, gradc_dtype dtype, const struct layout *l)
{
    if (!g->free_bodies && bodies_grow(g))
        return NULL;
    struct tensor *t = g->free_bodies;
    g->free_bodies = t->next;
    host_clear(t, sizeof *t);
    t->g = g;
    t->dtype = dtype;
    t->refs = 1;
    t->layout = *l;
    return t;
}

struct tensor *tensor_new(gradc_context *g, gradc_dtype dtype, const struct layout *l)
{
    struct tensor *t = body_new(g, dtype, l);
    if (t)
        t->root = t;
    return t;
}

struct tensor *tensor_view_of(struct tensor *root, gradc_dtype dtype, const struct layout *l)
{
    struct tensor *t = body_new(root->g, dtype, l);
    if (t) {
        t->root = root;
        tensor_ref(root);
    }
    return t;
}

void tensor_ref(struct tensor *t)
{
    t->refs++;
}

static void gradient_unbind(struct tensor **slot)
{
    struct tensor *t = *slot;
    *slot = NULL;
    if (!t)
        return;
    tensor_unkeep(t);
    tensor_unref(t);
}

void tensor_unref(struct tensor *t)
{
    if (!t || --t->refs > 0)
        return;
    gradc_context *g = t->g;
    gradient_unbind(&t->bound);
    tensor_unref(t->before);
    if (t->grad) {
        if (t->grad->handle)
            handle_end(t->grad->handle, HANDLE_CLEARED);
        tensor_unref(t->grad);
    }
    if (t->root != t)
        tensor_unref(t->root);
    else
        tensor_drop_memory(t);
    t->g = NULL;
    t->next = g->free_bodies;
    g->free_bodies = t;
}

void tensor_adopt(struct tensor *root, struct buffer *b)
{
    root->buffer = b;
    root->at = b->at;
    root->next = root->g->roots;
    if (root->next)
        root->next->link = &root->next;
    root->link = &root->g->roots;
    root->g->roots = root;
}

void tensor_drop_memory(struct tensor *root)
{
    if (root->link) {
        *root->link = root->next;
        if (root->next)
            root->next->link = root->link;
        root->link = NULL;
    }
    buffer_release(root->buffer);
    root->buffer = NULL;
    root->at.slab = NULL;
}

void tensor_keep(struct tensor *t)
{
    t->kept++;
    t->root->root_kept++;
}

void tensor_unkeep(struct tensor *t)
{
    struct tensor *root = t->root;
    t->kept--;
    root->root_kept--;
    /* With work waiting, the next run's sweep frees it; else nobody can need it but by computing it again. */
    if (root->root_kept == 0 && root->buffer && !root->owned && root->g->tape.ran == root->g->tape.count &&
        !root->g->busy && root->g->depth == 0)
        tensor_drop_memory(root);
}

void tensor_close(struct tensor *t)
{
    if (!t->open)
        return;
    t->open = 0;
    tensor_unkeep(t);
}

size_t tensor_bytes(const struct tensor *t)
{
    return (size_t)layout_numel(&t->layout) * gradc_dtype_size(t->dtype);
}

struct tensor *tensor_value(struct tensor *t)
{
    return t->is_gradient ? t->bound : t;
}

gradc_tensor *tensor_new_owned(gradc_context *g, gradc_dtype dtype, const struct layout *l, const char *op)
{
    if (dtype == GRADC_F64 && !g->device->info.f64) {
        context_fail(g, GRADC_E_UNSUPPORTED, "%s: %s has no f64", op, g->device->info.name);
        return NULL;
    }
    struct layout contiguous = *l;
    layout_contiguous(&contiguous);
    struct tensor *t = tensor_new(g, dtype, &contiguous);
    gradc_tensor *h = t ? handle_new(g, t) : NULL;
    if (!h) {
        tensor_unref(t);
        context_no_memory(g, op);
        return NULL;
    }
    tensor_unref(t); /* the handle holds it */
    t->owned = 1;
    struct failure f;
    failure_clear(&f);
    t->buffer = buffer_new(g->memory, tensor_bytes(t), &f);
    if (!t->buffer) {
        handle_end(h, HANDLE_CLEARED);
        context_fail(g, f.status, "%s: %s", op, f.text);
        return NULL;
    }
    t->at = t->buffer->at;
    t->owners = 1;
    g->owned++;
    return h;
}

gradc_status context_layout(gradc_context *g, const char *op, gradc_dtype dtype, int ndim,
                            const int64_t *shape, struct layout *l)
{
    if (!dtype_known(dtype))
        return context_fail(g, GRADC_E_DTYPE, "%s: no tensors of dtype %s", op, gradc_dtype_name(dtype));
    if (ndim < 0 || ndim > GRADC_MAX_NDIM || (ndim > 0 && !shape))
        return context_fail(g, GRADC_E_SHAPE, "%s: ndim %d is not in 0..%d", op, ndim, GRADC_MAX_NDIM);
    memset(l, 0, sizeof *l);
    l->ndim = ndim;
    int64_t left = INT64_MAX / 16;
    for (int i = 0; i < ndim; i++) {
        if (shape[i] < 0)
            return context_fail(g, GRADC_E_SHAPE, "%s: size %lld of axis %d is negative", op,
                                (long long)shape[i], i);
        if (shape[i] > 0 && (left /= shape[i]) == 0)
            return context_fail(g, GRADC_E_SHAPE, "%s: the shape has too many elements", op);
        l->shape[i] = shape[i];
    }
    layout_contiguous(l);
    return GRADC_OK;
}

gradc_tensor *gradc_new(gradc_context *g, gradc_dtype dtype, int ndim, const int64_t *shape)
{
    struct layout l;
    if (context_enter(g, "new") || context_layout(g, "new", dtype, ndim, shape, &l))
        return NULL;
    gradc_tensor *h = tensor_new_owned(g, dtype, &l, "new");
    if (!h)
        return NULL;
    struct failure f;
    failure_clear(&f);
    if (tensor_bytes(h->body) && g->device->table->zero(g->device, h->body->at, tensor_bytes(h->body), &f)) {
        context_fail(g, f.status, "new: %s", f.text);
        gradc_release(h);
        return NULL;
    }
    return h;
}

gradc_tensor *context_constant(gradc_context *g, gradc_dtype dtype, int one)
{
    struct tensor **slot = one ? &g->one[dtype] : &g->zero[dtype];
    if (!*slot) {
        struct layout scalar = {0};
        gradc_tensor *h = tensor_new_owned(g, dtype, &scalar, "gradient");
        if (!h)
            return NULL;
        const float f32 = (float)one;
        const double f64 = one;
        const uint16_t f16 = f16_narrow(f32), bf16 = bf16_narrow(f32);
        const void *const values[] = {
            [GRADC_F32] = &f32, [GRADC_F64] = &f64, [GRADC_F16] = &f16, [GRADC_BF16] = &bf16};
        struct failure f;
        failure_clear(&f);
        struct tensor *t = h->body;
        g->owned--; /* the context's own: it must not keep itself alive */
        if (g->device->table->write(g->device, t->at, values[dtype], gradc_dtype_size(dtype), &f)) {
            context_fail(g, f.status, "gradient: %s", f.text);
            handle_end(h, HANDLE_CLEARED);
            return NULL;
        }
        *slot = t;
    }
    return (*slot)->handle;
}

/* ---- Owners ---- */

/* A gradient's value now, under a handle of its own. */
static gradc_tensor *snapshot(struct tensor *gradient)
{
    struct tensor *v = gradient->bound;
    gradc_context *g = gradient->g;
    if (!v) {
        context_fail(g, GRADC_E_GONE, "retain: the gradient was used up by a step");
        return NULL;
    }
    struct tensor *s = tensor_view_of(v->root, v->dtype, &v->layout);
    gradc_tensor *h = s ? handle_new(g, s) : NULL;
    tensor_unref(s);
    if (!h) {
        context_no_memory(g, "retain");
        return NULL;
    }
    s->owners = 1;
    g->owned++;
    tensor_keep(s);
    return h;
}

gradc_tensor *gradc_retain(gradc_tensor *h)
{
    gradc_status status;
    struct tensor *t = context_enter_by(h, "retain", &status);
    if (!t)
        return NULL;
    if (t->is_gradient)
        return snapshot(t);
    struct failure f;
    failure_clear(&f);
    if (tensor_stands(t, "retain", &f) == GRADC_E_GONE) {
        context_fail(t->g, f.status, "%s", f.text);
        return NULL;
    }
    if (run_kept(t))
        return NULL;
    if (t->owners++ == 0)
        t->g->owned++;
    if (!t->root->owned || t->root != t)
        tensor_keep(t);
    return h;
}

/* ---- Facts ---- */

static const struct tensor *facts(const gradc_tensor *h)
{
    return h && handle_state(h) == HANDLE_LIVE ? h->body : NULL;
}

gradc_context *gradc_context_of(const gradc_tensor *h)
{
    const struct tensor *t = facts(h);
    return t ? t->g : NULL;
}

gradc_dtype gradc_dtype_of(const gradc_tensor *h)
{
    const struct tensor *t = facts(h);
    return t ? t->dtype : -1;
}

int gradc_ndim(const gradc_tensor *h)
{
    const struct tensor *t = facts(h);
    return t ? t->layout.ndim : -1;
}

int64_t gradc_size(const gradc_tensor *h, int axis)
{
    const struct tensor *t = facts(h);
    if (!t || axis < -t->layout.ndim || axis >= t->layout.ndim)
        return -1;
    return t->layout.shape[axis < 0 ? axis + t->layout.ndim : axis];
}

int64_t gradc_numel(const gradc_tensor *h)
{
    const struct tensor *t = facts(h);
    return t ? layout_numel(&t->layout) : -1;
}

int64_t gradc_bytes(const gradc_tensor *h)
{
    const struct tensor *t = facts(h);
    return t ? (int64_t)tensor_bytes(t) : -1;
}

int gradc_wants_grad(const gradc_tensor *h)
{
    const struct tensor *t = facts(h);
    return t ? t->wants_grad : 0;
}

gradc_status gradc_requires_grad(gradc_tensor *h, int on)
{
    gradc_status status;
    struct tensor *t = context_enter_by(h, "requires_grad", &status);
    if (!t)
        return status;
    if (!t->owned)
        return context_fail(t->g, GRADC_E_ARG, "requires_grad: only a tensor of yours can require a gradient");
    if (!dtype_is_float(t->dtype))
        return context_fail(t->g, GRADC_E_DTYPE, "requires_grad: a tensor of %s has no gradient",
                            gradc_dtype_name(t->dtype));
    t->wants_grad = on != 0;
    return GRADC_OK;
}
