/* tape.c - nodes and their memory, clearing and rewinding, and what is GONE. */
#include "core/tape.h"

#include <string.h>

#include "base/host.h"

enum { CLASS_BYTES = 64, CHUNK_BYTES = 64 * 1024, SWEEP_FIRST = 16384, WARN_NODES = 200000 };

/* ---- Memory: free lists by size class, cut from chunks ---- */

static void *node_memory(gradc_context *g, int class)
{
    void *p = g->free_nodes[class];
    if (p) {
        memcpy(&g->free_nodes[class], p, sizeof p);
        return p;
    }
    size_t bytes = (size_t) class * CLASS_BYTES;
    if (g->chunk_left < bytes) {
        char *chunk = host_alloc(CHUNK_BYTES);
        if (!chunk || list_push(&g->node_chunks, chunk)) {
            host_free(chunk);
            return NULL;
        }
        g->chunk_at = chunk;
        g->chunk_left = CHUNK_BYTES;
    }
    p = g->chunk_at;
    g->chunk_at += bytes;
    g->chunk_left -= bytes;
    return p;
}

/* Class 0: too large for the lists, the host's own. */
static void node_memory_free(gradc_context *g, void *p, int class)
{
    if (class == 0) {
        host_free(p);
        return;
    }
    memcpy(p, &g->free_nodes[class], sizeof p);
    g->free_nodes[class] = p;
}

struct node *node_new(const struct record *r)
{
    size_t nin = (size_t)r->nin, nints = (size_t)r->nints, nreals = (size_t)r->nreals;
    size_t bytes = sizeof(struct node) + nin * (sizeof(void *) + sizeof(int64_t)) + nints * sizeof(int64_t) +
                   nreals * sizeof(double);
    size_t class = (bytes + CLASS_BYTES - 1) / CLASS_BYTES;
    if (class >= NODE_CLASSES)
        class = 0;
    struct node *n = class ? node_memory(r->g, (int)class) : host_alloc(bytes);
    if (!n)
        return NULL;
    host_clear(n, sizeof *n);
    n->op = r->op;
    n->class = (int32_t) class;
    n->nin = r->nin;
    n->nout = r->nout;
    n->nints = r->nints;
    n->nreals = r->nreals;
    n->versions = (int64_t *)(void *)(n + 1);
    n->ints = n->versions + nin;
    n->reals = (double *)(void *)(n->ints + nints);
    n->in = (struct tensor **)(void *)(n->reals + nreals);
    if (nints)
        memcpy(n->ints, r->ints, nints * sizeof(int64_t));
    if (nreals)
        memcpy(n->reals, r->reals, nreals * sizeof(double));
    memcpy(n->bound, r->bound, sizeof n->bound);
    for (size_t i = 0; i < nin; i++) {
        n->in[i] = r->in[i];
        n->versions[i] = r->in[i]->root->version;
        tensor_ref(n->in[i]);
    }
    return n;
}

void node_done(struct node *n)
{
    if (!n->saved)
        return;
    n->saved = 0;
    for (int i = 0; i < n->nin; i++)
        if (op_keeps(n->op, i) && !n->in[i]->root->owned)
            tensor_unkeep(n->in[i]);
    for (int i = 0; i < n->nout; i++)
        if (n->op->keeps & KEEP_OUT(i))
            tensor_unkeep(n->out[i]);
}

void node_free(gradc_context *g, struct node *n)
{
    node_done(n);
    if (n->loss)
        tensor_unkeep(n->out[0]);
    for (int i = 0; i < n->nout; i++) {
        struct tensor *t = n->out[i];
        if (!t)
            continue;
        t->maker = NULL;
        t->wants_grad = 0; /* who retained it has the value, without its history */
        tensor_close(t);
        if (t->handle && t->owners == 0)
            handle_end(t->handle, HANDLE_CLEARED);
        tensor_unref(t);
    }
    for (int i = 0; i < n->nin; i++)
        tensor_unref(n->in[i]);
    node_memory_free(g, n, n->class);
}

/* ---- The tape ---- */

int tape_reserve(gradc_context *g)
{
    return host_grow(&g->tape.nodes, &g->tape.capacity, g->tape.count + 1, sizeof *g->tape.nodes);
}

void tape_push(gradc_context *g, struct node *n)
{
    n->serial = ++g->serial;
    n->region = g->depth == 0 ? g->region : 0;
    n->own = g->depth > 0;
    g->tape.nodes[g->tape.count++] = n;
}

void tape_cut(gradc_context *g, int64_t serial)
{
    struct tape *tape = &g->tape;
    while (tape->count > 0 && tape->nodes[tape->count - 1]->serial > serial) {
        struct node *n = tape->nodes[--tape->count];
        if (tape->ran > tape->count)
            tape->ran = tape->count;
        node_free(g, n);
    }
}

int node_writes(const struct op *op, int i)
{
    return i < 16 && (op->writes >> i & 1u);
}

void tape_drop(gradc_context *g, int64_t from, int undone)
{
    struct tape *tape = &g->tape;
    for (int64_t i = tape->count - 1; i >= from; i--) {
        struct node *n = tape->nodes[i];
        n->dropped = 1;
        for (int k = 0; k < n->nin; k++)
            if (undone && node_writes(n->op, k))
                n->in[k]->root->version--;
    }
    tape->ran = tape->count;
    g->epoch++;
}

/* A node goes when nothing of it can be used any more. */
static int node_is_past(struct node *n)
{
    if (n->saved || n->loss)
        return 0;
    for (int o = 0; o < n->nout; o++)
        if (n->out[o]->kept > 0 || n->out[o]->root_kept > 0 || n->out[o]->owners > 0 ||
            tensor_gone(n->out[o]) != 1)
            return 0;
    return 1;
}

static void node_stub(gradc_context *g, struct node *n)
{
    for (int o = 0; o < n->nout; o++)
        if (n->out[o]->handle)
            handle_end(n->out[o]->handle, HANDLE_GONE);
    node_free(g, n);
}

void tape_sweep(gradc_context *g)
{
    struct tape *tape = &g->tape;
    if (tape->sweep_at == 0)
        tape->sweep_at = SWEEP_FIRST;
    if (tape->count < tape->sweep_at)
        return;
    /* From the last to the first: a GONE node's users are GONE or kept on their own. */
    for (int64_t i = tape->count - 1; i >= 0; i--)
        if (node_is_past(tape->nodes[i])) {
            node_stub(g, tape->nodes[i]); /* operands go with it, and are looked at next */
            tape->nodes[i] = NULL;
        }
    int64_t count = 0;
    g->first_mark = g->serial; /* marks up to here may have lost their node */
    for (int64_t i = 0; i < tape->count; i++)
        if (tape->nodes[i])
            tape->nodes[count++] = tape->nodes[i];
    tape->count = tape->ran = count;
    tape->sweep_at = count * 2 > SWEEP_FIRST ? count * 2 : SWEEP_FIRST;
    if (count > WARN_NODES && !tape->warned) {
        tape->warned = 1;
        host_log("the tape holds %lld nodes: call gradc_tape_clear once a step", (long long)count);
    }
}

/* ---- GONE ---- */

/* What t's own facts say: 1 GONE, 0 it stands, -1 its operands decide. */
static int gone_at_once(const struct tensor *t)
{
    const struct tensor *root = t->root;
    const gradc_context *g = t->g;
    if (root->owned)
        return 0;
    if (root->maker ? root->maker->dropped : !root->at.slab) /* never computed, and never will be */
        return 1;
    if (t->kept > 0 || t->checked == g->epoch || t->checked == g->gone_walk)
        return 0;
    return t->maker ? -1 : 1;
}

/* Looks at t's operands: 1 GONE, 0 all stand, else the first undecided one goes onto the stack: 2, or -1.
 * leans: one of them stands only as long as something is kept. */
static int gone_by_operands(struct tensor *t, struct list *stack, int *leans)
{
    const struct node *n = t->maker;
    *leans = 0;
    for (int i = 0; i < n->nin; i++) {
        struct tensor *x = n->in[i];
        if (x->root->owned) {
            if (n->versions[i] != x->root->version && !(n->op->flags & OP_VIEW))
                return 1;
            continue;
        }
        int gone = gone_at_once(x);
        if (gone == 1)
            return 1;
        if (gone < 0)
            return list_push(stack, x) ? -1 : 2;
        *leans |= x->checked != x->g->epoch;
    }
    return 0;
}

int tensor_gone(struct tensor *t)
{
    gradc_context *g = t->g;
    g->gone_walk--;
    int gone = gone_at_once(t), leans;
    if (gone >= 0)
        return gone;
    struct list *stack = &g->stack;
    int64_t base = stack->count;
    if (list_push(stack, t))
        return -1;
    while (stack->count > base) {
        struct tensor *x = stack->items[stack->count - 1];
        gone = gone_by_operands(x, stack, &leans);
        if (gone == 2)
            continue;
        if (gone != 0)
            break; /* whatever comes from it is GONE too, or no memory */
        x->checked = leans ? g->gone_walk : g->epoch;
        stack->count--;
    }
    stack->count = base;
    return gone;
}

gradc_status tensor_stands(struct tensor *t, const char *op, struct failure *f)
{
    struct tensor *v = tensor_value(t);
    if (!v)
        return fail(f, GRADC_E_GONE, "%s: the gradient was used up by a step; read or retain it before", op);
    int gone = tensor_gone(v);
    if (gone < 0)
        return fail(f, GRADC_E_MEMORY, "%s: no memory on the host", op);
    if (gone)
        return fail(
            f, GRADC_E_GONE,
            "%s: the tensor %s is gone: what it came from has changed since; retain it, or read it before the step",
            op, SHAPE(&v->layout));
    if (v->root->lost)
        return fail(f, GRADC_E_LOST, "%s: an update of the tensor %s was cut off; write it to make it valid",
                    op, SHAPE(&v->layout));
    return GRADC_OK;
}

/* ---- Public ---- */

void gradc_record(gradc_context *g, int on)
{
    if (context_enter(g, "record") == GRADC_OK)
        g->recording = on != 0;
}
