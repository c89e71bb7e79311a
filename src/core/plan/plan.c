/* plan.c - the key of a plan, the cache of plans, and the passes that a new one goes through. */
#include "core/plan/plan.h"

#include <string.h>

#include "base/host.h"

enum { PLANS = 64 };

/* ---- The key: everything that a plan depends on, in words ---- */

static int key_room(gradc_context *g, int64_t words)
{
    return host_grow(&g->key, &g->key_capacity, g->key_count + words, sizeof *g->key);
}

static void key_word(gradc_context *g, int64_t word)
{
    g->key[g->key_count++] = word;
}

static void key_layout(gradc_context *g, const struct tensor *t)
{
    const struct layout *l = &t->layout;
    key_word(g, (int64_t)t->dtype << 32 | l->ndim);
    key_word(g, l->offset);
    for (int i = 0; i < l->ndim; i++) {
        key_word(g, l->shape[i]);
        key_word(g, l->stride[i]);
    }
}

/* Numbers a root at its first appearance. */
static int key_root(gradc_context *g, struct tensor *root)
{
    if (root->seen != g->pass) {
        root->seen = g->pass;
        root->number = (int32_t)g->run_roots.count;
        if (list_push(&g->run_roots, root))
            return -1;
    }
    key_word(g, root->number);
    return 0;
}

/* before: the region of the node in front of it. */
static int key_node(gradc_context *g, const struct node *n, int64_t before)
{
    if (key_room(g, 9 + n->nints + (int64_t)(n->nin + n->nout) * (4 + 2 * GRADC_MAX_NDIM)))
        return -1;
    key_word(g, (int64_t)(intptr_t)n->op);
    key_word(g, (int64_t)n->nin << 32 | n->nints);
    key_word(g, (n->region != 0) | (n->region != before) << 1 | n->own << 2);
    for (int i = 0; i < n->nints; i++)
        key_word(g, n->ints[i]);
    for (int i = 0; i < n->nin; i++) {
        if (key_root(g, n->in[i]->root))
            return -1;
        key_layout(g, n->in[i]);
    }
    for (int o = 0; o < n->nout; o++) {
        if (key_root(g, n->out[o]))
            return -1;
        key_word(g, n->out[o]->root_kept > 0);
        key_layout(g, n->out[o]);
    }
    return 0;
}

static uint64_t hash_words(const int64_t *words, int64_t n)
{
    uint64_t h = 0x9e3779b97f4a7c15u ^ (uint64_t)n;
    for (int64_t i = 0; i < n; i++) {
        h = (h ^ (uint64_t)words[i]) * 0xff51afd7ed558ccdu;
        h ^= h >> 32;
    }
    return h;
}

/* ---- The cache: a short list, the last used in front ---- */

static void plan_free(struct plan *p)
{
    if (!p)
        return;
    for (int64_t e = 0; e < p->nentries; e++) {
        if (!p->entries[e].again)
            chain_free(p->entries[e].chain);
        host_free(p->entries[e].scratch);
        buffer_release(p->entries[e].table);
    }
    host_free(p->key);
    host_free(p->roots);
    host_free(p->entries);
    host_free(p->members);
    host_free(p->ops);
    host_free(p->again);
    host_free(p);
}

void plans_close(gradc_context *g)
{
    while (g->plans) {
        struct plan *p = g->plans;
        g->plans = p->next;
        plan_free(p);
    }
    g->nplans = 0;
}

static struct plan *plan_find(gradc_context *g, uint64_t hash)
{
    for (struct plan **at = &g->plans; *at; at = &(*at)->next) {
        struct plan *p = *at;
        if (p->hash != hash || p->nkey != g->key_count ||
            memcmp(p->key, g->key, (size_t)p->nkey * sizeof *p->key) != 0)
            continue;
        *at = p->next;
        p->next = g->plans;
        g->plans = p;
        return p;
    }
    return NULL;
}

static void plan_insert(gradc_context *g, struct plan *p)
{
    p->next = g->plans;
    g->plans = p;
    if (++g->nplans <= PLANS)
        return;
    struct plan **at = &g->plans;
    while ((*at)->next)
        at = &(*at)->next;
    plan_free(*at);
    *at = NULL;
    g->nplans--;
}

/* ---- A new plan ---- */

static size_t round_up(size_t bytes)
{
    return bytes == 0 ? 256 : (bytes + 255) / 256 * 256;
}

/* A node's workspace, if it has one, and its cost. */
static gradc_status look_at(gradc_context *g, struct plan_entry *e, const struct node *n, struct failure *f)
{
    struct launch l;
    if (host_grow(&g->views, &g->views_capacity, n->nin + n->nout, sizeof *g->views))
        return fail(f, GRADC_E_MEMORY, "no memory on the host");
    launch_of(g, n, g->views, &l);
    plan_cost(e, &l);
    size_t bytes = n->op->workspace ? n->op->workspace(&l) : 0;
    e->workspace.kind = ROOT_ARENA;
    if (bytes)
        e->workspace.bytes = round_up(bytes);
    e->kernels = !g->device->opencl && layout_numel(&e->shape) > 0;
    return GRADC_OK;
}

/* Whether what member m makes needs no memory.  A chain's steps are its members; on the CPU what another op makes, or
 * takes, is in memory in between. */
static int is_inside(const gradc_context *g, const struct plan_entry *e, int32_t m)
{
    const struct chain *c = e->chain;
    return c && c->step[m].output < 0 && m != c->taker && (g->device->opencl || (m != c->made && m != c->taken));
}

/* Bytes and kind of every root and workspace; offsets come from plan_place. */
static gradc_status plan_sizes(gradc_context *g, struct plan *p, struct failure *f)
{
    for (int64_t i = 0; i < p->nentries; i++) {
        struct plan_entry *e = &p->entries[i];
        for (int32_t m = 0; m < e->count; m++) {
            const struct node *n = plan_node(g, p, e, m);
            for (int o = 0; o < n->nout; o++) {
                struct plan_root *r = &p->roots[n->out[o]->number];
                r->kind = n->out[o]->root_kept > 0       ? ROOT_SURVIVOR
                          : o == 0 && is_inside(g, e, m) ? ROOT_INSIDE
                                                         : ROOT_ARENA;
                r->bytes = round_up(tensor_bytes(n->out[o]));
            }
            p->ops[p->members[e->first + m]] = n->op;
            if (look_at(g, e, n, f))
                return f->status;
        }
        if (e->chain)
            plan_cost_chain(g, e);
    }
    return GRADC_OK;
}

static gradc_status run_passes(gradc_context *g, struct plan *p, struct failure *f)
{
    struct graph q;
    gradc_status status = GRADC_OK;
    if (graph_make(&q, g, p->nroots))
        status = fail(f, GRADC_E_MEMORY, "no memory on the host");
    if (!status && (g->passes & PASS_FUSE))
        plan_fuse(&q);
    if (!status && (g->passes & PASS_EPILOGUE))
        plan_epilogue(&q);
    if (!status && (g->passes & PASS_PROLOGUE))
        plan_prologue(&q);
    if (!status && (g->passes & PASS_UPDATES))
        plan_updates(&q);
    if (!status)
        status = plan_order(&q, p, f);
    graph_free(&q);
    if (!status)
        status = plan_sizes(g, p, f);
    if (!status)
        status = plan_checkpoint(g, p, f);
    if (!status)
        status = plan_place(g, p, f);
    return status ? status : plan_limit(g, p, f);
}

int plan_pass(const char *name)
{
    static const char *const names[] = {"fuse",      "updates",  "order",   "inplace",
                                        "recompute", "epilogue", "prologue"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return 1 << i;
    return 0;
}

static struct plan *plan_make(gradc_context *g, uint64_t hash, struct failure *f)
{
    struct plan *p = host_zalloc(1, sizeof *p);
    if (p) {
        p->hash = hash;
        p->nkey = g->key_count;
        p->nnodes = g->run_nodes.count;
        p->nroots = g->run_roots.count;
        p->key = host_alloc((size_t)p->nkey * sizeof *p->key);
        p->roots = host_zalloc((size_t)p->nroots + 1, sizeof *p->roots);
        p->entries = host_zalloc((size_t)p->nnodes + 1, sizeof *p->entries);
        p->entries_capacity = p->nnodes + 1;
        p->members = host_alloc(((size_t)p->nnodes + 1) * sizeof *p->members);
        p->ops = host_alloc(((size_t)p->nnodes + 1) * sizeof *p->ops);
    }
    if (!p || !p->key || !p->roots || !p->entries || !p->members || !p->ops) {
        plan_free(p);
        fail(f, GRADC_E_MEMORY, "no memory on the host");
        return NULL;
    }
    memcpy(p->key, g->key, (size_t)p->nkey * sizeof *p->key);
    if (run_passes(g, p, f)) {
        plan_free(p);
        return NULL;
    }
    g->planned++;
    plan_insert(g, p);
    return p;
}

struct plan *plan_for(gradc_context *g, struct failure *f)
{
    g->pass++;
    g->key_count = 0;
    g->run_roots.count = 0;
    for (int64_t k = 0, region = 0; k < g->run_nodes.count; k++) {
        const struct node *n = g->run_nodes.items[k];
        if (key_node(g, n, region)) {
            fail(f, GRADC_E_MEMORY, "no memory on the host");
            return NULL;
        }
        region = n->region;
    }
    uint64_t hash = hash_words(g->key, g->key_count);
    struct plan *p = plan_find(g, hash);
    if (!p)
        return plan_make(g, hash, f);
    g->replayed++;
    return p;
}
