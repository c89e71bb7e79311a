/* launch.c - an entry of a plan as what its form is handed, and run once. */
#include "core/plan/plan.h"

#include <string.h>

#include "base/host.h"

/* ---- Views ---- */

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

/* ---- Nodes ---- */

static int nothing_to_do(const struct node *n)
{
    if (n->nout == 0)
        return layout_numel(&n->in[0]->layout) == 0;
    for (int o = 0; o < n->nout; o++)
        if (layout_numel(&n->out[o]->layout) > 0)
            return 0;
    return 1;
}

/* The memory that the launch works in; *own: where it has a buffer of its own. */
static gradc_status give_workspace(gradc_context *g, const struct plan_root *w, struct launch *l,
                                   struct buffer **own, struct failure *f)
{
    if (!w->bytes || l->prepare)
        return GRADC_OK;
    if (g->isolate) {
        if (!(*own = buffer_new(g->memory, w->bytes, f)))
            return f->status;
        l->workspace = (*own)->at;
        return GRADC_OK;
    }
    l->workspace.slab = g->arena[w->arena]->at.slab;
    l->workspace.offset = g->arena[w->arena]->at.offset + w->offset;
    return GRADC_OK;
}

static gradc_status launch_node(gradc_context *g, const struct node *n, const struct plan_root *w,
                                int prepare, struct failure *f)
{
    struct launch l;
    struct buffer *workspace = NULL;
    if (nothing_to_do(n))
        return GRADC_OK;
    launch_of(g, n, g->views, &l);
    l.prepare = prepare;
    if (give_workspace(g, w, &l, &workspace, f))
        return f->status;
    gradc_status (*form)(const struct launch *, struct failure *) =
        g->device->opencl ? n->op->opencl : n->op->cpu;
    gradc_status status = form ? form(&l, f) : fail(f, GRADC_E_UNSUPPORTED, "it has no form for this device");
    buffer_release(workspace);
    return status;
}

/* ---- Chains ---- */

/* The launch of a chain: its inputs, outputs and numbers, gathered from its nodes. */
static void launch_of_chain(gradc_context *g, struct chain *c, struct view *views, double *reals,
                            uint64_t *bound, struct launch *l)
{
    host_clear(l, sizeof *l);
    l->device = g->device;
    l->op = &op_chain;
    l->chain = c;
    l->nin = c->ninputs;
    l->nout = c->noutputs;
    l->nreals = c->nreals;
    l->in = views;
    l->out = views + c->ninputs;
    l->reals = reals;
    l->bound = bound;
    for (int32_t i = 0; i < c->ninputs; i++) {
        const struct node *n = g->run_nodes.items[c->input[i].node];
        view_of(n->in[c->input[i].operand], &views[i]);
    }
    for (int32_t s = 0; s < c->nsteps; s++) {
        const struct node *n = g->run_nodes.items[c->step[s].node];
        if (c->step[s].output >= 0)
            view_of(n->out[0], &views[c->ninputs + c->step[s].output]);
        if (!n->op->element)
            continue; /* its launch has its own */
        memcpy(reals + c->step[s].real, n->reals, (size_t)n->nreals * sizeof *reals);
        if (n->nin == 0)
            memcpy(bound + c->step[s].bound, n->bound, sizeof n->bound);
    }
}

static gradc_status launch_chain(gradc_context *g, const struct plan_entry *e, int prepare, struct failure *f)
{
    struct chain *c = e->chain;
    struct view views[CHAIN_INPUTS + CHAIN_OUTPUTS];
    double reals[CHAIN_STEPS * OP_REALS];
    uint64_t bound[CHAIN_STEPS * OP_BOUND];
    const int32_t step = c->made >= 0 ? c->made : c->taker;
    struct launch l, other;
    struct buffer *workspace = NULL;
    launch_of_chain(g, c, views, reals, bound, &l);
    l.prepare = prepare;
    if (step >= 0) {
        launch_of(g, g->run_nodes.items[c->step[step].node], g->views, &other);
        other.prepare = prepare;
        if (give_workspace(g, &e->workspace, &other, &workspace, f))
            return f->status;
        l.other = &other;
    }
    gradc_status status = g->device->opencl ? op_chain.opencl(&l, f) : op_chain.cpu(&l, f);
    buffer_release(workspace);
    return status;
}

/* ---- Many in one ---- */

static int is_many(const gradc_context *g, const struct plan *p, const struct plan_entry *e)
{
    return !e->chain && (e->count > 1 || (plan_node(g, p, e, 0)->op->flags & OP_LIST));
}

/* The launches of an entry's nodes, one behind the other. */
static int launches_of(gradc_context *g, const struct plan *p, const struct plan_entry *e, int prepare)
{
    const struct node *first = plan_node(g, p, e, 0);
    const int64_t each = first->nin + first->nout;
    if (host_grow(&g->launches, &g->launches_capacity, e->count, sizeof *g->launches) ||
        host_grow(&g->views, &g->views_capacity, e->count * each, sizeof *g->views))
        return -1;
    for (int32_t m = 0; m < e->count; m++) {
        launch_of(g, plan_node(g, p, e, m), g->views + m * each, &g->launches[m]);
        g->launches[m].prepare = prepare;
    }
    return 0;
}

gradc_status plan_reserve(gradc_context *g, const struct plan *p, struct plan_entry *e, struct failure *f)
{
    const struct op_many *many = plan_node(g, p, e, 0)->op->many;
    if (!is_many(g, p, e) || (e->scratch && (e->table || !g->device->opencl)))
        return GRADC_OK;
    if (launches_of(g, p, e, 0))
        return fail(f, GRADC_E_MEMORY, "no memory on the host");
    struct launch_many m = {.one = g->launches, .n = e->count};
    if (!e->scratch && !(e->scratch = host_zalloc(many->scratch(&m), 1)))
        return fail(f, GRADC_E_MEMORY, "no memory on the host");
    if (g->device->opencl && !e->table && !(e->table = buffer_new(g->memory, many->table(&m), f)))
        return f->status;
    return GRADC_OK;
}

static gradc_status launch_many(gradc_context *g, const struct plan *p, const struct plan_entry *e,
                                int prepare, struct failure *f)
{
    const struct op_many *many = plan_node(g, p, e, 0)->op->many;
    struct buffer *workspace = NULL;
    if (launches_of(g, p, e, prepare))
        return fail(f, GRADC_E_MEMORY, "no memory on the host");
    if (give_workspace(g, &e->workspace, &g->launches[0], &workspace, f))
        return f->status;
    struct launch_many m = {.one = g->launches, .n = e->count, .scratch = e->scratch};
    if (e->table)
        m.table = e->table->at;
    gradc_status status = g->device->opencl ? many->opencl(&m, f) : many->cpu(&m, f);
    buffer_release(workspace);
    return status;
}

gradc_status plan_launch(gradc_context *g, const struct plan *p, const struct plan_entry *e, int prepare,
                         struct failure *f)
{
    if (e->chain)
        return launch_chain(g, e, prepare, f);
    return is_many(g, p, e) ? launch_many(g, p, e, prepare, f)
                            : launch_node(g, plan_node(g, p, e, 0), &e->workspace, prepare, f);
}
