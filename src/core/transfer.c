/* transfer.c - elements between host memory, contexts and text. */
#include <math.h>
#include <string.h>

#include "base/half.h"
#include "base/host.h"
#include "core/print.h"
#include "core/run.h"
#include "core/tape.h"

/* ---- Read ---- */

/* Whether the elements lie row-major without gaps, so that one copy moves them. */
static struct place place_of(const struct tensor *t)
{
    struct place at = t->root->at;
    at.offset += (size_t)t->layout.offset * gradc_dtype_size(t->dtype);
    return at;
}

/* A contiguous copy of t that lies outside the tape; NULL on failure. */
static struct tensor *gathered(struct tensor *t, const char *op)
{
    gradc_context *g = t->g;
    struct layout l = t->layout;
    layout_contiguous(&l);
    struct tensor *copy = tensor_new(g, t->dtype, &l);
    struct failure f;
    failure_clear(&f);
    struct buffer *b = copy ? buffer_new(g->memory, tensor_bytes(copy), &f) : NULL;
    if (!b) {
        tensor_unref(copy);
        context_fail(g, GRADC_E_MEMORY, "%s: %s", op, copy ? f.text : "no memory on the host");
        return NULL;
    }
    tensor_adopt(copy, b);
    if (op_run_now(g, &op_contiguous, 1, &t, 1, &copy, NULL)) {
        tensor_unref(copy);
        return NULL;
    }
    return copy;
}

static gradc_status fetch(struct tensor *t, void *dst, const char *op)
{
    gradc_context *g = t->g;
    size_t bytes = tensor_bytes(t);
    struct failure f;
    failure_clear(&f);
    if (bytes == 0)
        return GRADC_OK;
    struct tensor *copy = NULL, *from = t;
    if (!layout_is_contiguous(&t->layout)) {
        if (!(copy = gathered(t, op)))
            return g->failure.status;
        from = copy;
    }
    gradc_status status = g->device->table->read(g->device, dst, place_of(from), bytes, &f);
    tensor_unref(copy);
    return status ? context_fail(g, status, "%s: %s", op, f.text) : GRADC_OK;
}

/* Runs what waits and copies t to dst.  GONE and LOST are answered, left in f, and do not stick. */
static gradc_status read_value(struct tensor *t, void *dst, const char *op, struct failure *f)
{
    gradc_context *g = t->g;
    gradc_status status = tensor_stands(t, op, f);
    if (status)
        return status;
    struct tensor *v = tensor_value(t);
    tensor_ref(v);
    tensor_keep(v);
    status = run_pending(g, v);
    if (!status && v->root->lost)
        status = tensor_stands(v, op, f);
    if (!status)
        status = fetch(v, dst, op);
    if (!status && g->device->opencl)
        status = run_check_word(g);
    tensor_unkeep(v);
    tensor_unref(v);
    return status;
}

gradc_status gradc_read(gradc_tensor *h, void *dst, size_t bytes)
{
    gradc_status status;
    struct tensor *t = context_enter_by(h, "read", &status);
    if (!t)
        return status;
    if (bytes != tensor_bytes(t) || (bytes > 0 && !dst))
        return context_fail(t->g, GRADC_E_ARG, "read: %zu bytes were given for %s %s, which has %zu", bytes,
                            gradc_dtype_name(t->dtype), SHAPE(&t->layout), tensor_bytes(t));
    struct failure f;
    failure_clear(&f);
    status = read_value(t, dst, "read", &f);
    if (f.status && !t->g->failure.status)
        fail_thread(f.status, "%s", f.text);
    return status;
}

/* ---- Numbers of any dtype ---- */

static double number(gradc_dtype dtype, const void *p)
{
    union {
        float f32;
        double f64;
        int64_t i64;
        int32_t i32;
        uint8_t u8;
        uint16_t half;
    } u;
    memcpy(&u, p, gradc_dtype_size(dtype));
    switch (dtype) {
    case GRADC_F32: return (double)u.f32;
    case GRADC_F64: return u.f64;
    case GRADC_F16: return (double)f16_widen(u.half);
    case GRADC_BF16: return (double)bf16_widen(u.half);
    case GRADC_I64: return (double)u.i64;
    case GRADC_I32: return (double)u.i32;
    default: return (double)u.u8;
    }
}

double gradc_item(gradc_tensor *h)
{
    char element[8];
    struct failure f;
    failure_clear(&f);
    gradc_status status;
    struct tensor *t = context_enter_by(h, "item", &status);
    if (!t)
        return NAN;
    if (layout_numel(&t->layout) != 1) {
        context_fail(t->g, GRADC_E_SHAPE, "item: the tensor %s does not have one element", SHAPE(&t->layout));
        return NAN;
    }
    if (read_value(t, element, "item", &f)) {
        if (f.status)
            context_fail(t->g, f.status, "%s", f.text);
        return NAN;
    }
    return number(t->dtype, element);
}

/* ---- Write ---- */

/* Whether work that waits touches root: it must see the old value, so it runs before the write.  Nodes from before the
 * window that would be computed again count as touching. */
static int waits_for(const gradc_context *g, const struct tensor *root)
{
    for (int64_t i = g->tape.ran; i < g->tape.count; i++) {
        const struct node *n = g->tape.nodes[i];
        for (int k = 0; k < n->nin; k++) {
            const struct tensor *r = n->in[k]->root;
            if (r == root ||
                (!r->owned && !r->at.slab && r->maker && r->maker->serial < g->tape.nodes[g->tape.ran]->serial))
                return 1;
        }
    }
    return 0;
}

/* Into a strided view: by way of a contiguous copy on the device. */
static gradc_status scatter(struct tensor *t, const void *src, size_t bytes, struct failure *f)
{
    gradc_context *g = t->g;
    struct layout l = t->layout;
    layout_contiguous(&l);
    struct tensor *copy = tensor_new(g, t->dtype, &l);
    struct buffer *b = copy ? buffer_new(g->memory, bytes, f) : NULL;
    if (!b) {
        tensor_unref(copy);
        return fail(f, GRADC_E_MEMORY, "no memory on the host");
    }
    tensor_adopt(copy, b);
    struct tensor *in[2] = {t, copy};
    gradc_status status = g->device->table->write(g->device, copy->at, src, bytes, f);
    if (!status && (status = op_run_now(g, &op_assign, 2, in, 0, NULL, NULL)))
        fail(f, status, "%s", g->failure.text);
    tensor_unref(copy);
    return status;
}

static gradc_status write_value(struct tensor *t, const void *src, size_t bytes)
{
    gradc_context *g = t->g;
    struct tensor *root = t->root;
    gradc_status status = waits_for(g, root) ? run_pending(g, NULL) : GRADC_OK;
    if (status)
        return status;
    int whole = layout_is_contiguous(&t->layout) && layout_numel(&t->layout) == layout_numel(&root->layout);
    struct failure f;
    failure_clear(&f);
    if (bytes == 0)
        return GRADC_OK;
    root->version++;
    g->epoch++;
    if (layout_is_contiguous(&t->layout))
        status = g->device->table->write(g->device, place_of(t), src, bytes, &f);
    else
        status = scatter(t, src, bytes, &f);
    if (status) {
        root->lost = 1;
        return context_fail(g, status, "write: %s", f.text);
    }
    if (whole)
        root->lost = 0;
    return GRADC_OK;
}

gradc_status gradc_write(gradc_tensor *h, const void *src, size_t bytes)
{
    gradc_status status;
    struct tensor *t = context_enter_by(h, "write", &status);
    if (!t)
        return status;
    if (!t->root->owned || t->is_gradient)
        return context_fail(t->g, GRADC_E_ARG, "write: %s is an op's result, which can't be written",
                            SHAPE(&t->layout));
    if (bytes != tensor_bytes(t) || (bytes > 0 && !src))
        return context_fail(t->g, GRADC_E_ARG, "write: %zu bytes were given for %s %s, which has %zu", bytes,
                            gradc_dtype_name(t->dtype), SHAPE(&t->layout), tensor_bytes(t));
    return write_value(t, src, bytes);
}

/* ---- Other contexts, text ---- */

/* All elements in host memory; NULL on failure, with t's context's error set. */
static void *host_copy(struct tensor *t, const char *op)
{
    size_t bytes = tensor_bytes(t);
    void *data = host_alloc(bytes ? bytes : 1);
    if (!data) {
        context_no_memory(t->g, op);
        return NULL;
    }
    struct failure f;
    failure_clear(&f);
    if (read_value(t, data, op, &f)) {
        if (f.status)
            context_fail(t->g, f.status, "%s", f.text);
        host_free(data);
        return NULL;
    }
    return data;
}

gradc_tensor *gradc_to(gradc_tensor *h, gradc_context *g)
{
    gradc_status status;
    struct tensor *t = context_enter_by(h, "to", &status);
    if (!t || (g != t->g && context_enter(g, "to")))
        return NULL;
    struct layout l = t->layout;
    gradc_dtype dtype = t->dtype;
    size_t bytes = tensor_bytes(t);
    void *data = host_copy(t, "to");
    gradc_tensor *copy = data ? tensor_new_owned(g, dtype, &l, "to") : NULL;
    if (copy && gradc_write(copy, data, bytes)) {
        gradc_release(copy);
        copy = NULL;
    }
    host_free(data);
    return copy;
}

int64_t gradc_print(gradc_tensor *h, char *text, size_t size)
{
    gradc_status status;
    struct tensor *t = context_enter_by(h, "print", &status);
    if (text && size > 0)
        text[0] = 0;
    if (!t)
        return -1;
    struct layout l = t->layout;
    gradc_dtype dtype = t->dtype;
    void *data = host_copy(t, "print");
    if (!data)
        return -1;
    int64_t bytes = print_array(dtype, &l, data, text, size);
    host_free(data);
    return bytes;
}
