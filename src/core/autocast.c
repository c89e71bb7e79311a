/* autocast.c - casts of operands at the record.  Which op wants what, its flags say: OP_LOW the low dtype, OP_SINGLE
 * f32, OP_WIDEST one dtype for all, the widest; an op without forms for 16 bits gets f32.  What the library records
 * itself (gradients, steps) is left alone.
 *
 * The cast of a parameter (an owned tensor that wants a gradient) is kept for later ops, as long as the parameter's
 * version stands, until the tape is cleared or rewound. */
#include "core/autocast.h"

#include "base/host.h"

struct kept_cast {
    struct tensor *from, *to;
    int64_t version; /* of from */
    int recording;   /* whether its gradient was recorded */
};

/* ---- Kept casts ---- */

static int is_parameter(const struct tensor *t)
{
    return t->root == t && t->owned && t->wants_grad;
}

static struct kept_cast *kept(const gradc_context *g, const struct tensor *from)
{
    struct kept_cast *all = g->casts;
    for (int64_t i = 0; i < g->ncasts; i++)
        if (all[i].from == from)
            return &all[i];
    return NULL;
}

/* NULL: no memory; then the cast is made again. */
static struct kept_cast *kept_new(gradc_context *g, struct tensor *from)
{
    void *memory = g->casts;
    if (host_grow(&memory, &g->casts_capacity, g->ncasts + 1, sizeof(struct kept_cast)))
        return NULL;
    g->casts = memory;
    struct kept_cast *k = &((struct kept_cast *)memory)[g->ncasts++];
    *k = (struct kept_cast){.from = from};
    tensor_ref(from);
    return k;
}

void autocast_clear(gradc_context *g)
{
    struct kept_cast *all = g->casts;
    for (int64_t i = 0; i < g->ncasts; i++) {
        tensor_unref(all[i].from);
        tensor_unref(all[i].to);
    }
    g->ncasts = 0;
}

static gradc_tensor *cast_parameter(gradc_context *g, gradc_tensor *x, gradc_dtype dtype)
{
    struct tensor *t = x->body;
    struct kept_cast *k = kept(g, t);
    if (k && k->to && k->version == t->version && k->to->dtype == dtype && k->recording == g->recording)
        return tensor_handle(k->to);
    gradc_tensor *z = gradc_cast(x, dtype);
    k = k ? k : kept_new(g, t);
    if (!z || !k)
        return z;
    tensor_ref(z->body);
    tensor_unref(k->to);
    k->to = z->body;
    k->version = t->version;
    k->recording = g->recording;
    return z;
}

/* ---- Operands ---- */

static int is_on(const struct tensor *t)
{
    return t->g->autocast != GRADC_F32 && t->g->depth == 0 && !t->g->failure.status;
}

/* The dtype that op wants its floats in; -1: as they are. */
static gradc_dtype wanted(const struct op *op, int nin, gradc_tensor *const *in)
{
    const gradc_dtype low = in[0]->body->g->autocast;
    if (op->flags & (OP_VIEW | OP_CASTS))
        return -1;
    if (op->flags & OP_LOW)
        return low;
    if ((op->flags & OP_SINGLE) || !(op->flags & OP_HALF))
        return GRADC_F32;
    if (!(op->flags & OP_WIDEST))
        return -1;
    for (int i = 0; i < nin; i++)
        if (in[i]->body->dtype == GRADC_F32)
            return GRADC_F32;
    return -1;
}

static gradc_tensor *cast_one(gradc_tensor *x, gradc_dtype dtype)
{
    const struct tensor *t = x->body;
    if (t->dtype == dtype || (t->dtype != GRADC_F32 && !dtype_is_half(t->dtype)))
        return x;
    return dtype_is_half(dtype) && is_parameter(t) ? cast_parameter(t->g, x, dtype) : gradc_cast(x, dtype);
}

gradc_tensor *const *autocast_operands(const struct op *op, int nin, gradc_tensor *const *in,
                                       gradc_tensor *cast[AUTOCAST_OPERANDS])
{
    if (nin < 1 || nin > AUTOCAST_OPERANDS)
        return in;
    for (int i = 0; i < nin; i++)
        if (!in[i] || !in[i]->body || in[i]->body->g != in[0]->body->g)
            return in;
    if (!is_on(in[0]->body))
        return in;
    const gradc_dtype dtype = wanted(op, nin, in);
    if (dtype < 0)
        return in;
    for (int i = 0; i < nin; i++)
        cast[i] = cast_one(in[i], dtype);
    return cast;
}

gradc_tensor *autocast_single(gradc_tensor *x)
{
    const int halved = x && x->body && dtype_is_half(x->body->dtype) && is_on(x->body);
    return halved ? gradc_cast(x, GRADC_F32) : x;
}

/* ---- Public ---- */

gradc_status gradc_autocast(gradc_context *g, gradc_dtype dtype)
{
    gradc_status status = context_enter(g, "autocast");
    if (status)
        return status;
    if (dtype != GRADC_F32 && !dtype_is_half(dtype))
        return context_fail(g, GRADC_E_DTYPE, "autocast: %s is not f16, bf16 or f32 (off)",
                            gradc_dtype_name(dtype));
    g->autocast = dtype;
    return GRADC_OK;
}
