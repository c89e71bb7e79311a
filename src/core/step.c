/* step.c - calls that record for themselves; gradients bound, used up, restored; steps counted and undone. */
#include "core/step.h"

#include <pthread.h>

#include "base/host.h"
#include "core/run.h"
#include "core/tape.h"

enum { STEPS_UNSETTLED = 256 };

/* ---- Calls that record for themselves ---- */

void call_begin(gradc_context *g, int differentiable)
{
    g->depth++;
    g->differentiable = differentiable;
    g->call_serial = g->serial;
}

void call_end(gradc_context *g)
{
    g->depth--;
    g->differentiable = 1;
    for (int64_t i = 0; i < g->temporary.count; i++) {
        gradc_tensor *h = g->temporary.items[i];
        if (atomic_load(&h->state) == HANDLE_LIVE && h->body->owners == 0 && !h->body->open &&
            !h->body->is_gradient)
            handle_end(h, HANDLE_CLEARED);
    }
    g->temporary.count = 0;
    for (int64_t i = 0; i < g->held.count; i++) {
        tensor_unkeep(g->held.items[i]);
        tensor_unref(g->held.items[i]);
    }
    g->held.count = 0;
}

void call_undo(gradc_context *g)
{
    for (int64_t i = g->tape.count - 1; i >= 0 && g->tape.nodes[i]->serial > g->call_serial; i--) {
        const struct node *n = g->tape.nodes[i];
        for (int k = 0; k < n->nin; k++)
            if (node_writes(n->op, k) && i >= g->tape.ran)
                n->in[k]->root->version--;
    }
    g->epoch++;
    tape_cut(g, g->call_serial);
}

/* ---- Gradients ---- */

static void let_go(struct tensor **slot)
{
    struct tensor *t = *slot;
    *slot = NULL;
    if (t) {
        tensor_unkeep(t);
        tensor_unref(t);
    }
}

struct tensor *gradient_stand_in(struct tensor *leaf)
{
    gradc_context *g = leaf->g;
    if (leaf->grad)
        return leaf->grad;
    struct tensor *s = tensor_new(g, leaf->dtype, &leaf->layout);
    if (!s)
        return NULL;
    s->is_gradient = 1;
    gradc_tensor *h = handle_new(g, s);
    if (!h) {
        tensor_unref(s);
        return NULL;
    }
    s->next = g->gradients;
    if (s->next)
        s->next->link = &s->next;
    s->link = &g->gradients;
    g->gradients = s;
    leaf->grad = s;
    return s;
}

void gradient_bind(struct tensor *s, struct tensor *value)
{
    if (value) {
        tensor_ref(value);
        tensor_keep(value);
    }
    if (!s->changed) {
        s->changed = 1;
        /* A value that no run has made yet goes with the run that fails: nothing to come back to. */
        if (s->bound && s->bound->root->at.slab) {
            s->before = s->bound;
            tensor_ref(s->before);
        }
    }
    let_go(&s->bound);
    s->bound = value;
    s->version = s->g->serial;
}

void gradients_settle(gradc_context *g)
{
    for (struct tensor *s = g->gradients; s; s = s->next) {
        s->changed = 0;
        tensor_unref(s->before);
        s->before = NULL;
    }
}

void gradients_restore(gradc_context *g)
{
    for (struct tensor *s = g->gradients; s; s = s->next) {
        if (!s->changed)
            continue;
        let_go(&s->bound);
        s->bound = s->before && s->before->root->at.slab ? s->before : NULL;
        if (s->bound)
            tensor_keep(s->bound);
        else
            tensor_unref(s->before);
        s->before = NULL;
        s->changed = 0;
    }
}

void gradients_drop_after(gradc_context *g, int64_t serial)
{
    for (struct tensor *s = g->gradients; s; s = s->next)
        if (s->bound && s->version > serial)
            let_go(&s->bound);
}

static struct tensor *leaf_of(gradc_tensor *h, const char *op)
{
    struct tensor *t = op_operand(h, op);
    return t && t->owned ? t : NULL;
}

gradc_tensor *gradc_grad(gradc_tensor *h)
{
    struct tensor *leaf = leaf_of(h, "grad");
    if (!leaf || !leaf->grad || !leaf->grad->bound)
        return NULL;
    return leaf->grad->handle;
}

gradc_status gradc_zero_grad(gradc_tensor *const *params, int n)
{
    for (int i = 0; i < n; i++) {
        gradc_status status;
        struct tensor *leaf = context_enter_by(params[i], "zero_grad", &status);
        if (!leaf)
            return status;
        if (!leaf->owned || !leaf->grad)
            continue;
        gradient_bind(leaf->grad, NULL);
        tensor_unref(leaf->grad->before); /* a run that fails does not bring it back */
        leaf->grad->before = NULL;
    }
    return GRADC_OK;
}

/* ---- Steps ---- */

struct step_entry {
    struct step_listener *listener;
    int64_t serial;
};

static pthread_mutex_t listeners_lock = PTHREAD_MUTEX_INITIALIZER;

void step_listen(gradc_context *g, struct step_listener *l)
{
    pthread_mutex_lock(&listeners_lock);
    l->g = g;
    l->next = g->listeners;
    g->listeners = l;
    pthread_mutex_unlock(&listeners_lock);
}

void step_unlisten(struct step_listener *l)
{
    pthread_mutex_lock(&listeners_lock);
    if (l->g) {
        struct step_listener **at = &l->g->listeners;
        while (*at && *at != l)
            at = &(*at)->next;
        if (*at)
            *at = l->next;
    }
    l->g = NULL;
    pthread_mutex_unlock(&listeners_lock);
}

void listeners_close(gradc_context *g)
{
    pthread_mutex_lock(&listeners_lock);
    for (struct step_listener *l = g->listeners; l; l = l->next)
        l->g = NULL;
    g->listeners = NULL;
    pthread_mutex_unlock(&listeners_lock);
}

/* An optimiser may have been freed since its step. */
static void tell_undo(gradc_context *g, const struct step_listener *listener)
{
    struct step_listener *l = g->listeners;
    while (l && l != listener)
        l = l->next;
    if (l)
        l->undo(l->payload, 1);
}

void steps_undo_after(gradc_context *g, int64_t serial)
{
    pthread_mutex_lock(&listeners_lock);
    int64_t left = 0;
    for (int64_t i = 0; i < g->steps.count; i++) {
        struct step_entry *e = g->steps.items[i];
        if (e->serial <= serial) {
            g->steps.items[left++] = e;
            continue;
        }
        tell_undo(g, e->listener);
        host_free(e);
    }
    g->steps.count = left;
    pthread_mutex_unlock(&listeners_lock);
}

void steps_settle(gradc_context *g)
{
    for (int64_t i = 0; i < g->steps.count; i++)
        host_free(g->steps.items[i]);
    g->steps.count = 0;
}

gradc_status step_begin(gradc_context *g)
{
    gradc_status status = context_enter(g, "step");
    if (status)
        return status;
    call_begin(g, 0);
    g->in_step = 1;
    return GRADC_OK;
}

gradc_tensor *step_gradient(gradc_tensor *param)
{
    gradc_tensor *gradient = gradc_grad(param);
    return gradient ? gradc_contiguous(gradient) : NULL;
}

static gradc_status step_note(gradc_context *g, struct step_listener *listener)
{
    struct step_entry *e = host_alloc(sizeof *e);
    if (e) {
        e->listener = listener;
        e->serial = g->serial;
        if (list_push(&g->steps, e) == 0)
            return GRADC_OK;
    }
    host_free(e);
    return context_no_memory(g, "step");
}

gradc_status step_end(gradc_context *g, gradc_tensor *const *params, int n, struct step_listener *listener)
{
    if (g->failure.status || step_note(g, listener)) {
        call_undo(g);
        call_end(g);
        g->in_step = 0;
        listener->undo(listener->payload, 1);
        return g->failure.status;
    }
    for (int i = 0; i < n; i++) {
        struct tensor *leaf = leaf_of(params[i], "step");
        if (leaf && leaf->grad && leaf->grad->bound)
            gradient_bind(leaf->grad, NULL);
    }
    call_end(g);
    g->in_step = 0;
    gradc_status status = run_pending(g, NULL);
    if (!status && g->steps.count > STEPS_UNSETTLED)
        status = run_check_word(g);
    return status;
}
