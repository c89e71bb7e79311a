/* report.c - what a plan costs, and a plan as text for people. */
#include <inttypes.h>

#include "base/page.h"
#include "core/plan/plan.h"
#include "core/run.h"

/* ---- Cost, noted while a plan is made ---- */

static int64_t most_elements(const struct launch *l)
{
    int64_t most = 0;
    for (int i = 0; i < l->nin + l->nout; i++) {
        int64_t n = layout_numel(i < l->nin ? &l->in[i].layout : &l->out[i - l->nin].layout);
        most = n > most ? n : most;
    }
    return most;
}

static int64_t view_bytes(const struct view *v)
{
    return layout_numel(&v->layout) * (int64_t)gradc_dtype_size(v->dtype);
}

void plan_cost(struct plan_entry *e, const struct launch *l)
{
    e->flop += l->op->flop ? l->op->flop(l) : (double)most_elements(l);
    if (l->nout > 0)
        e->shape = l->out[0].layout;
    else
        e->shape = l->in[0].layout;
    for (int i = 0; !(e->chain && l->op->element) && i < l->nin; i++)
        e->bytes += view_bytes(&l->in[i]) * (1 + node_writes(l->op, i));
    for (int o = 0; !e->chain && o < l->nout; o++)
        e->bytes += view_bytes(&l->out[o]);
}

/* What a chain reads and writes: its values inside cost nothing. */
void plan_cost_chain(gradc_context *g, struct plan_entry *e)
{
    const struct chain *c = e->chain;
    for (int32_t x = 0; x < c->ninputs; x++) {
        const struct node *n = g->run_nodes.items[c->input[x].node];
        const struct tensor *t = n->in[c->input[x].operand];
        e->bytes += (int64_t)tensor_bytes(t);
    }
    for (int32_t o = 0; o < c->noutputs; o++)
        e->bytes += c->n * (int64_t)gradc_dtype_size(c->step[c->output[o]].dtype);
}

/* ---- Text ---- */

static void put_entry(struct page *out, const struct plan *p, const struct plan_entry *e)
{
    page_put(out, "%8d %14" PRId64 " %18.0f  ", (int)e->kernels, e->bytes, e->flop);
    if (e->count > 1 && !e->chain) {
        page_put(out, "%s of %d tensors\n", p->ops[p->members[e->first]]->name, (int)e->count);
        return;
    }
    if (e->again)
        page_put(out, "again: ");
    for (int32_t m = 0; m < e->count; m++)
        page_put(out, "%s%s", m ? "+" : "", p->ops[p->members[e->first + m]]->name);
    page_put(out, " %s\n", SHAPE(&e->shape));
}

struct totals {
    int64_t launches, bytes, temporaries, results;
    double flop;
};

static struct totals totals_of(const struct plan *p)
{
    struct totals t = {0};
    for (int64_t i = 0; p && i < p->nentries; i++) {
        t.launches += p->entries[i].kernels;
        t.bytes += p->entries[i].bytes;
        t.flop += p->entries[i].flop;
    }
    for (int a = 0; p && a < p->narenas; a++)
        t.temporaries += (int64_t)p->arena[a];
    for (int64_t k = 0; p && k < p->nroots; k++)
        if (p->roots[k].kind == ROOT_SURVIVOR)
            t.results += (int64_t)p->roots[k].bytes;
    return t;
}

int64_t gradc_plan_report(gradc_context *g, char *text, size_t size)
{
    const struct plan *p;
    if (text && size > 0)
        text[0] = 0;
    if (context_enter(g, "plan_report") || run_plan(g, &p))
        return -1;
    struct page out = {text, text ? size : 0, 0};
    struct totals t = totals_of(p);
    page_put(&out, "launches          bytes               flop  what\n");
    for (int64_t i = 0; p && i < p->nentries; i++)
        put_entry(&out, p, &p->entries[i]);
    page_put(&out, "%" PRId64 " bytes for temporaries, %" PRId64 " for results\n", t.temporaries, t.results);
    page_put(&out, "%" PRId64 " launches, %" PRId64 " bytes, %.0f flop\n", t.launches, t.bytes, t.flop);
    return (int64_t)out.used;
}

gradc_status gradc_plan_info(gradc_context *g, int64_t *launches, int64_t *memory, int64_t *bytes, double *flop)
{
    const struct plan *p;
    gradc_status status = context_enter(g, "plan_info");
    if (status || (status = run_plan(g, &p)))
        return status;
    struct totals t = totals_of(p);
    if (launches)
        *launches = t.launches;
    if (memory)
        *memory = t.temporaries + t.results;
    if (bytes)
        *bytes = t.bytes;
    if (flop)
        *flop = t.flop;
    return GRADC_OK;
}
