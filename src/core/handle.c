/* handle.c - handles: tagged, from chunks of the process that are never freed, quarantined before reuse.
 *
 * A handle that was released or cleared is told from a live one as long as it waits; it is used again only after
 * QUARANTINE others. */
#include "base/host.h"
#include "base/os.h"
#include "core/context.h"

enum { CHUNK_HANDLES = 512, QUARANTINE = 1024 };

struct handle_chunk {
    struct handle_chunk *next;
    struct gradc_tensor handles[CHUNK_HANDLES];
};

/* Chunks of contexts that are gone: the process's, oldest at the front. */
static pthread_mutex_t spare_lock = PTHREAD_MUTEX_INITIALIZER;
static struct handle_chunk *spare_first, *spare_last;

static struct handle_chunk *chunk_take(void)
{
    pthread_mutex_lock(&spare_lock);
    struct handle_chunk *c = spare_first;
    if (c) {
        spare_first = c->next;
        if (!spare_first)
            spare_last = NULL;
    }
    pthread_mutex_unlock(&spare_lock);
    return c ? c : host_zalloc(1, sizeof *c);
}

static void wait_at_end(struct handles *hs, gradc_tensor *h)
{
    if (h->waiting)
        return;
    h->waiting = 1;
    h->next_free = NULL;
    if (hs->last)
        hs->last->next_free = h;
    else
        hs->first = h;
    hs->last = h;
    hs->count++;
}

static gradc_tensor *take_first(struct handles *hs)
{
    gradc_tensor *h = hs->first;
    hs->first = h->next_free;
    if (!hs->first)
        hs->last = NULL;
    hs->count--;
    h->waiting = 0;
    return h;
}

static int handles_grow(gradc_context *g)
{
    struct handle_chunk *c = chunk_take();
    if (!c)
        return -1;
    c->next = g->handles.chunks;
    g->handles.chunks = c;
    for (int i = 0; i < CHUNK_HANDLES; i++) {
        gradc_tensor *h = &c->handles[i];
        h->g = g;
        h->waiting = 1;
        h->next_free = g->handles.first; /* fresh ones go to the front: they need not wait */
        g->handles.first = h;
        if (!g->handles.last)
            g->handles.last = h;
    }
    g->handles.count += CHUNK_HANDLES;
    return 0;
}

static int is_fresh(const gradc_tensor *h)
{
    return atomic_load_explicit(&h->state, memory_order_relaxed) == HANDLE_FREE;
}

gradc_tensor *handle_new(gradc_context *g, struct tensor *body)
{
    struct handles *hs = &g->handles;
    gradc_tensor *h;
    do {
        if (!hs->first || (hs->count <= QUARANTINE && !is_fresh(hs->first)))
            if (handles_grow(g) && !hs->first)
                return NULL;
        h = take_first(hs);
    } while (atomic_load(&h->releases)); /* it waits in the other queue, and comes back from there */
    h->body = body;
    tensor_ref(body);
    body->handle = h;
    atomic_store(&h->state, HANDLE_LIVE);
    return h;
}

void handle_end(gradc_tensor *h, int state)
{
    struct tensor *t = h->body;
    atomic_store(&h->state, state);
    h->body = NULL;
    if (t)
        t->handle = NULL;
    if (state == HANDLE_CLEARED)
        wait_at_end(&((gradc_context *)h->g)->handles, h);
    if (t)
        tensor_unref(t);
}

/* ---- Releases: queued by any thread, applied by the context's ---- */

enum { RELEASE_LOCKS = 16 };

static pthread_mutex_t release_locks[RELEASE_LOCKS] = {
    PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
    PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
    PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
    PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
    PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
    PTHREAD_MUTEX_INITIALIZER};

pthread_mutex_t *release_lock(const gradc_context *g)
{
    return &release_locks[((uintptr_t)g >> 6) % RELEASE_LOCKS];
}

void gradc_release(gradc_tensor *h)
{
    if (!h)
        return;
    gradc_context *g = h->g;
    if (!g) {
        fail_thread(GRADC_E_CLEARED, "release: the tensor was released, or its tape was cleared");
        return;
    }
    pthread_mutex_t *lock = release_lock(g);
    int destroy = 0;
    pthread_mutex_lock(lock);
    if (h->g == g && atomic_load(&h->state) != HANDLE_CLEARED) {
        if (atomic_fetch_add(&h->releases, 1) == 0) {
            h->next_release = atomic_load_explicit(&g->releases, memory_order_relaxed);
            atomic_store(&g->releases, h);
        }
        if (atomic_load(&g->closed)) {
            context_drain_locked(g);
            destroy = g->owned == 0;
        }
        if (destroy)
            context_destroy(g); /* under the lock: nobody else may find it half gone */
    } else {
        fail_thread(GRADC_E_CLEARED, "release: the tensor was released, or its tape was cleared");
    }
    pthread_mutex_unlock(lock);
}

static void apply_releases(gradc_context *g, gradc_tensor *h, int n)
{
    struct tensor *t = h->body;
    if (atomic_load(&h->state) != HANDLE_LIVE) {
        if (t == NULL)
            handle_end(h, HANDLE_CLEARED);
        return;
    }
    if (t->is_gradient) /* the leaf's own: only the leaf ends it */
        return;
    for (; n > 0 && t->owners > 0; n--) {
        t->owners--;
        if (!t->root->owned || t->root != t)
            tensor_unkeep(t);
        if (t->owners == 0)
            g->owned--;
    }
    if (t->owners > 0 || (n == 0 && t->maker)) /* with its owners gone, a result is the tape's again */
        return;
    tensor_close(t);
    handle_end(h, HANDLE_CLEARED);
}

void context_drain_locked(gradc_context *g)
{
    gradc_tensor *h = atomic_exchange(&g->releases, NULL);
    g->releases_taken |= h != NULL;
    while (h) {
        gradc_tensor *next = h->next_release;
        apply_releases(g, h, atomic_exchange(&h->releases, 0));
        h = next;
    }
}

void context_drain(gradc_context *g)
{
    if (!atomic_load_explicit(&g->releases, memory_order_relaxed))
        return;
    pthread_mutex_lock(release_lock(g));
    context_drain_locked(g);
    pthread_mutex_unlock(release_lock(g));
}

void handles_close(gradc_context *g)
{
    struct handle_chunk *c = g->handles.chunks, *next;
    pthread_mutex_lock(&spare_lock);
    for (; c; c = next) {
        next = c->next;
        for (int i = 0; i < CHUNK_HANDLES; i++) {
            gradc_tensor *h = &c->handles[i];
            h->body = NULL;
            h->waiting = 0;
            atomic_store(&h->releases, 0);
            if (atomic_load(&h->state) != HANDLE_FREE)
                atomic_store(&h->state, HANDLE_CLEARED);
            h->g = NULL;
        }
        c->next = NULL;
        if (spare_last)
            spare_last->next = c;
        else
            spare_first = c;
        spare_last = c;
    }
    pthread_mutex_unlock(&spare_lock);
    g->handles.chunks = NULL;
}

gradc_tensor *tensor_handle(struct tensor *t)
{
    if (t->handle)
        return t->handle;
    gradc_tensor *h = handle_new(t->g, t);
    if (!h) {
        context_no_memory(t->g, "gradient");
        return NULL;
    }
    if (list_push(&t->g->temporary, h)) {
        handle_end(h, HANDLE_CLEARED);
        context_no_memory(t->g, "gradient");
        return NULL;
    }
    return h;
}

int handle_state(const gradc_tensor *h)
{
    int state = atomic_load_explicit(&h->state, memory_order_acquire);
    if (state != HANDLE_LIVE || !atomic_load_explicit(&h->releases, memory_order_relaxed))
        return state;
    gradc_context *g = h->g;
    if (g->busy || g->depth > 0 || atomic_load(&g->closed) || os_forks() != g->forks)
        return state;
    context_drain(g);
    return atomic_load(&h->state);
}

struct tensor *handle_body(gradc_tensor *h, const char *op)
{
    int state = handle_state(h);
    if (state == HANDLE_LIVE)
        return h->body;
    gradc_status status = state == HANDLE_GONE ? GRADC_E_GONE : GRADC_E_CLEARED;
    const char *why =
        state == HANDLE_GONE
            ? "a tensor is gone: it was freed and what it came from has changed; retain it, or read it earlier"
            : "a tensor was released, or its tape was cleared";
    gradc_context *g = h->g;
    if (g && !atomic_load(&g->closed))
        context_fail(g, status, "%s: %s", op, why);
    else
        fail_thread(status, "%s: %s", op, why);
    return NULL;
}

struct tensor *op_operand(gradc_tensor *t, const char *op)
{
    return t ? handle_body(t, op) : NULL;
}

struct tensor *tensor_of(const gradc_tensor *t)
{
    return t->body;
}

struct tensor *context_enter_by(gradc_tensor *h, const char *op, gradc_status *status)
{
    struct tensor *t = op_operand(h, op);
    *status = h ? GRADC_E_CLEARED : GRADC_E_ARG;
    if (!t || (*status = context_enter(t->g, op)))
        return NULL;
    /* Entering takes up releases: the handle may have ended by that. */
    if (!(t = handle_body(h, op)))
        *status = GRADC_E_CLEARED;
    return t;
}
