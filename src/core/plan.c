/* plan.c - the key of a plan, and the cache of plans. */
#include "core/plan.h"

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

static int key_node(gradc_context *g, const struct node *n)
{
    if (key_room(g, 8 + n->nints + (int64_t)(n->nin + n->nout) * (4 + 2 * GRADC_MAX_NDIM)))
        return -1;
    key_word(g, (int64_t)(intptr_t)n->op);
    key_word(g, (int64_t)n->nin << 32 | n->nints);
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
    host_free(p->key);
    host_free(p->roots);
    host_free(p->workspaces);
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

void view_of(const struct tensor *t, struct view *v)
{
    v->at = t->root->at;
    v->dtype = t->dtype;
    v->layout = t->layout;
}

void launch_of(gradc_context *g, const struct node *n, struct view *views, struct launch *l)
{
    host_clear(l, sizeof *l);
    l->device = g->device;
    l->op = n->op;
    l->nin = n->nin;
    l->nout = n->nout;
    l->nints = n->nints;
    l->nreals = n->nreals;
    l->ints = n->ints;
    l->reals = n->reals;
    l->bound = n->bound;
    l->in = views;
    l->out = views + n->nin;
    l->serial = n->serial;
    if (g->word)
        l->word = g->word->at;
    for (int i = 0; i < n->nin; i++)
        view_of(n->in[i], &views[i]);
    for (int o = 0; o < n->nout; o++)
        view_of(n->out[o], &views[n->nin + o]);
}

/* Bytes and kind of every root and workspace; offsets come from plan_place. */
static gradc_status plan_sizes(gradc_context *g, struct plan *p, struct failure *f)
{
    for (int64_t k = 0; k < p->nnodes; k++) {
        const struct node *n = g->run_nodes.items[k];
        for (int o = 0; o < n->nout; o++) {
            struct plan_root *r = &p->roots[n->out[o]->number];
            r->kind = n->out[o]->root_kept > 0 ? ROOT_SURVIVOR : ROOT_ARENA;
            r->bytes = round_up(tensor_bytes(n->out[o]));
        }
        if (host_grow(&g->views, &g->views_capacity, n->nin + n->nout, sizeof *g->views))
            return fail(f, GRADC_E_MEMORY, "no memory on the host");
        if (n->op->workspace) {
            struct launch l;
            launch_of(g, n, g->views, &l);
            size_t bytes = n->op->workspace(&l);
            p->workspaces[k].kind = ROOT_ARENA;
            p->workspaces[k].bytes = bytes ? round_up(bytes) : 0;
        }
    }
    return GRADC_OK;
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
        p->workspaces = host_zalloc((size_t)p->nnodes + 1, sizeof *p->workspaces);
    }
    if (!p || !p->key || !p->roots || !p->workspaces) {
        plan_free(p);
        fail(f, GRADC_E_MEMORY, "no memory on the host");
        return NULL;
    }
    memcpy(p->key, g->key, (size_t)p->nkey * sizeof *p->key);
    if (plan_sizes(g, p, f) || plan_place(g, p, f)) {
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
    for (int64_t k = 0; k < g->run_nodes.count; k++)
        if (key_node(g, g->run_nodes.items[k])) {
            fail(f, GRADC_E_MEMORY, "no memory on the host");
            return NULL;
        }
    uint64_t hash = hash_words(g->key, g->key_count);
    struct plan *p = plan_find(g, hash);
    if (!p)
        return plan_make(g, hash, f);
    g->replayed++;
    return p;
}
