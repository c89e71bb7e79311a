/* run.c - from what waits to what is done: the needed nodes, their memory, their launches, and what failed. */
#include "core/run.h"

#include <stdlib.h>
#include <string.h>

#include "base/host.h"
#include "core/plan/plan.h"
#include "core/step.h"

gradc_status launch_kernel(const struct launch *l, const struct kernel_call *k, struct failure *f)
{
    const struct device_table *table = l->device->table;
    return l->prepare ? table->prepare(l->device, k, f) : table->launch(l->device, k, f);
}

void launch_report(const struct launch *l, int64_t index, int64_t value)
{
    if (!l->word.slab)
        return;
    int64_t *word = place_host(l->word);
    if (word[WORD_CODE])
        return;
    word[WORD_CODE] = 1;
    word[WORD_SERIAL] = l->serial;
    word[WORD_INDEX] = index;
    word[WORD_VALUE] = value;
}

/* ---- Which nodes ---- */

/* Takes root's maker into this pass, if its bytes are not there. */
static int need(gradc_context *g, const struct tensor *root)
{
    struct node *n = root->maker;
    if (root->owned || root->at.slab || !n || n->pass == g->pass)
        return 0;
    n->pass = g->pass;
    return list_push(&g->stack, n);
}

/* Nodes from before the window are needed when their values were freed; they go in front, in their order. */
static int by_serial(const void *x, const void *y)
{
    const struct node *a = *(const struct node *const *)x, *b = *(const struct node *const *)y;
    return (a->serial > b->serial) - (a->serial < b->serial);
}

static int need_closure(gradc_context *g, int64_t window)
{
    while (g->stack.count > 0) {
        struct node *n = g->stack.items[--g->stack.count];
        if (n->serial < window && list_push(&g->run_nodes, n))
            return -1;
        for (int i = 0; i < n->nin; i++)
            if (need(g, n->in[i]->root))
                return -1;
    }
    return 0;
}

/* Operands that are kept must be there after the run that their node is in, whoever freed them before. */
static int need_kept(gradc_context *g, const struct node *n)
{
    for (int i = 0; i < n->nin; i++)
        if (n->in[i]->root->root_kept > 0 && need(g, n->in[i]->root))
            return -1;
    return 0;
}

static int node_is_wanted(const struct node *n)
{
    if (n->op->flags & OP_VIEW)
        return 0;
    for (int o = 0; o < n->nout; o++)
        if (n->out[o]->root_kept > 0 && !n->out[o]->at.slab)
            return 1;
    return n->op->writes != 0;
}

/* g->run_nodes: what must run now, in the order of recording. */
static int collect(gradc_context *g, struct tensor *want)
{
    struct tape *tape = &g->tape;
    int64_t window = tape->ran < tape->count ? tape->nodes[tape->ran]->serial : g->serial + 1;
    g->pass++;
    g->run_nodes.count = 0;
    g->stack.count = 0;
    if (want && need(g, want->root))
        return -1;
    for (int64_t i = tape->ran; i < tape->count; i++) {
        struct node *n = tape->nodes[i];
        int wanted = node_is_wanted(n);
        if (need_kept(g, n))
            return -1;
        if ((n->op->flags & OP_VIEW) && n->out[0]->kept > 0 && need(g, n->out[0]->root))
            return -1;
        if (!wanted || n->pass == g->pass)
            continue;
        n->pass = g->pass;
        if (list_push(&g->stack, n))
            return -1;
    }
    if (need_closure(g, window))
        return -1;
    if (g->run_nodes.count > 1)
        qsort(g->run_nodes.items, (size_t)g->run_nodes.count, sizeof(void *), by_serial);
    for (int64_t i = tape->ran; i < tape->count; i++)
        if (tape->nodes[i]->pass == g->pass && list_push(&g->run_nodes, tape->nodes[i]))
            return -1;
    return 0;
}

/* ---- Memory ---- */

static gradc_status reserve_arenas(gradc_context *g, const struct plan *p, struct failure *f)
{
    for (int a = 0; a < p->narenas; a++) {
        if (g->arena[a] && g->arena[a]->bytes >= p->arena[a])
            continue;
        buffer_release(g->arena[a]);
        if (!(g->arena[a] = buffer_new(g->memory, p->arena[a], f)))
            return f->status;
    }
    return GRADC_OK;
}

static gradc_status reserve_entries(gradc_context *g, struct plan *p, struct failure *f)
{
    for (int64_t e = 0; e < p->nentries; e++)
        if (plan_reserve(g, p, &p->entries[e], f))
            return f->status;
    return GRADC_OK;
}

static gradc_status reserve(gradc_context *g, struct plan *p, struct failure *f)
{
    if ((!g->isolate && reserve_arenas(g, p, f)) || reserve_entries(g, p, f))
        return f->status;
    for (int64_t k = 0; k < p->nroots; k++) {
        const struct plan_root *r = &p->roots[k];
        struct tensor *root = g->run_roots.items[k];
        if (root->buffer) /* it stayed while its node's other outputs were freed, and is made once more */
            continue;
        if (r->kind == ROOT_SURVIVOR || (r->kind == ROOT_ARENA && g->isolate)) {
            struct buffer *b = buffer_new(g->memory, r->bytes, f);
            if (!b)
                return f->status;
            tensor_adopt(root, b);
        } else if (r->kind == ROOT_ARENA) {
            root->at.slab = g->arena[r->arena]->at.slab;
            root->at.offset = g->arena[r->arena]->at.offset + r->offset;
        }
    }
    return GRADC_OK;
}

/* Temporaries are nowhere again; failed: nor is anything that this plan was to make. */
static void let_go(gradc_context *g, const struct plan *p, int failed)
{
    for (int64_t k = 0; k < p->nroots; k++) {
        struct tensor *root = g->run_roots.items[k];
        if (p->roots[k].kind == ROOT_EXTERNAL)
            continue;
        if (p->roots[k].kind != ROOT_SURVIVOR || failed)
            tensor_drop_memory(root);
    }
}

/* Frees results that nothing keeps. */
static void free_unkept(gradc_context *g)
{
    for (struct tensor *root = g->roots, *next; root; root = next) {
        next = root->next;
        if (root->root_kept == 0)
            tensor_drop_memory(root);
    }
}

/* ---- Launches ---- */

/* On the CPU the word is host memory, and updates behind a report are skipped here; OpenCL kernels look themselves. */
static int update_is_barred(const gradc_context *g, const struct node *n)
{
    if (g->device->opencl || !n->op->writes)
        return 0;
    const int64_t *word = place_host(g->word->at);
    return word[WORD_CODE] != 0;
}

/* Builds what the plan needs, so that a failure comes before the first update. */
static gradc_status prepare(gradc_context *g, struct plan *p, struct failure *f)
{
    if (p->prepared || !g->device->opencl)
        return GRADC_OK;
    g->device->room = allocator_room(g->memory);
    for (int64_t e = 0; e < p->nentries; e++) {
        int64_t before = g->device->calls;
        if (plan_launch(g, p, &p->entries[e], 1, f))
            return f->status;
        p->entries[e].kernels = (int32_t)(g->device->calls - before);
    }
    if (g->device->table->prepared(g->device, f))
        return f->status;
    p->prepared = 1;
    return GRADC_OK;
}

/* What entry e makes once more lies elsewhere from now on. */
static void move_again(gradc_context *g, const struct plan *p, int64_t e)
{
    for (int64_t k = 0; k < p->nagain; k++) {
        const struct plan_again *a = &p->again[k];
        if (a->entry != e || g->isolate)
            continue;
        struct tensor *root = g->run_roots.items[a->root];
        root->at.slab = g->arena[a->place.arena]->at.slab;
        root->at.offset = g->arena[a->place.arena]->at.offset + a->place.offset;
    }
}

static gradc_status execute(gradc_context *g, struct plan *p, int *started, const struct node **at,
                            struct failure *f)
{
    for (int64_t e = 0; e < p->nentries; e++) {
        const struct node *n = plan_node(g, p, &p->entries[e], 0);
        *at = n;
        if (n->op->writes) {
            if (update_is_barred(g, n))
                continue;
            *started = 1;
        }
        if (n->op->flags & OP_REPORTS)
            g->reports = 1;
        if (p->entries[e].again)
            move_again(g, p, e);
        if (plan_launch(g, p, &p->entries[e], 0, f))
            return f->status;
        if (n->op == &op_assign && n->in[0]->root == n->in[0])
            n->in[0]->root->lost = 0;
    }
    return g->device->table->flush(g->device, f);
}

/* ---- Failure ---- */

static void mark_lost(gradc_context *g)
{
    for (int64_t k = 0; k < g->run_nodes.count; k++) {
        const struct node *n = g->run_nodes.items[k];
        for (int i = 0; i < n->nin; i++)
            if (node_writes(n->op, i))
                n->in[i]->root->lost = 1;
    }
}

static gradc_status run_failed(gradc_context *g, const struct plan *p, int started, const struct node *at,
                               struct failure *f)
{
    int64_t window = g->tape.ran < g->tape.count ? g->tape.nodes[g->tape.ran]->serial : g->serial + 1;
    if (started) {
        struct failure quiet = {0};
        mark_lost(g);
        g->device->table->finish(g->device, &quiet);
    }
    if (p)
        let_go(g, p, 1);
    context_fail(g, f->status, "%s%s%s; %s", at ? at->op->name : "run", ": ", f->text,
                 started ? "an update was cut off: write the tensors that are lost"
                         : "the waiting work was dropped");
    tape_drop(g, g->tape.ran, !started);
    gradients_restore(g);
    steps_undo_after(g, window - 1);
    free_unkept(g);
    return f->status;
}

/* ---- The run ---- */

static gradc_status run(gradc_context *g, struct tensor *want)
{
    struct failure f;
    failure_clear(&f);
    struct plan *p = NULL;
    const struct node *at = NULL;
    int started = 0;
    if (collect(g, want))
        fail(&f, GRADC_E_MEMORY, "no memory on the host");
    else if (g->device->failed)
        fail(&f, GRADC_E_DEVICE, "the device was lost");
    else if (g->run_nodes.count > 0 && (p = plan_for(g, &f)) && !reserve(g, p, &f) && !prepare(g, p, &f))
        execute(g, p, &started, &at, &f);
    if (f.status)
        return run_failed(g, p, started, at, &f);
    if (p)
        let_go(g, p, 0);
    g->tape.ran = g->tape.count;
    gradients_settle(g);
    free_unkept(g);
    tape_sweep(g);
    return g->device->opencl ? GRADC_OK : run_check_word(g);
}

gradc_status run_pending(gradc_context *g, struct tensor *want)
{
    if (g->tape.ran == g->tape.count && (!want || want->root->at.slab)) {
        gradients_settle(g); /* eager, a gradient is bound behind its run */
        return GRADC_OK;
    }
    g->busy = 1;
    if (want)
        tensor_keep(want);
    gradc_status status = run(g, want);
    g->busy = 0;
    if (want) {
        /* The caller reads it next; what nothing else keeps goes with the next run. */
        want->kept--;
        want->root->root_kept--;
    }
    return status;
}

gradc_status run_plan(gradc_context *g, const struct plan **out)
{
    struct failure f;
    failure_clear(&f);
    struct plan *p = g->plans;
    if (g->tape.ran < g->tape.count) {
        if (collect(g, NULL))
            return context_no_memory(g, "plan");
        if (g->run_nodes.count > 0 && (!(p = plan_for(g, &f)) || reserve_entries(g, p, &f) || prepare(g, p, &f)))
            return context_fail(g, f.status, "plan: %s", f.text);
    }
    *out = p;
    return GRADC_OK;
}

gradc_status run_kept(struct tensor *t)
{
    gradc_context *g = t->g;
    const struct tensor *root = t->root;
    int64_t window = g->tape.ran < g->tape.count ? g->tape.nodes[g->tape.ran]->serial : g->serial + 1;
    if (root->owned || root->at.slab || !root->maker || root->maker->serial >= window)
        return GRADC_OK;
    return run_pending(g, t);
}

/* ---- Data errors ---- */

static const char *name_of_serial(const gradc_context *g, int64_t serial)
{
    for (int64_t i = g->tape.count - 1; i >= 0; i--)
        if (g->tape.nodes[i]->serial == serial)
            return g->tape.nodes[i]->op->name;
    return "an index";
}

gradc_status run_check_word(gradc_context *g)
{
    int64_t word[WORD_COUNT];
    struct failure f;
    failure_clear(&f);
    if (!g->reports) {
        steps_settle(g);
        return GRADC_OK;
    }
    if (g->device->table->read(g->device, word, g->word->at, sizeof word, &f))
        return context_fail(g, f.status, "run: %s", f.text);
    g->reports = 0;
    if (word[WORD_CODE] == 0) {
        steps_settle(g);
        return GRADC_OK;
    }
    gradients_drop_after(g, word[WORD_SERIAL]);
    steps_undo_after(g, word[WORD_SERIAL]);
    return context_fail(
        g, GRADC_E_ARG,
        "%s: the index %lld at position %lld is out of range; updates recorded after it were not made",
        name_of_serial(g, word[WORD_SERIAL]), (long long)word[WORD_VALUE], (long long)word[WORD_INDEX]);
}

/* ---- Outside the tape ---- */

static size_t now_workspace(const struct op *op, const struct launch *l)
{
    return op->workspace ? op->workspace(l) : 0;
}

gradc_status op_run_now(gradc_context *g, const struct op *op, int nin, struct tensor *const *in, int nout,
                        struct tensor *const *out, const struct attributes *a)
{
    struct view views[OP_OUTPUTS + 4];
    struct launch l = {.device = g->device, .op = op, .nin = nin, .nout = nout, .in = views, .out = views + nin};
    struct failure f;
    failure_clear(&f);
    struct buffer *workspace = NULL;
    if (a) {
        l.nints = a->nints;
        l.nreals = a->nreals;
        l.ints = a->ints;
        l.reals = a->reals;
        l.bound = a->bound;
    }
    l.word = g->word->at;
    for (int i = 0; i < nin; i++)
        view_of(in[i], &views[i]);
    for (int o = 0; o < nout; o++)
        view_of(out[o], &views[nin + o]);
    gradc_status (*form)(const struct launch *, struct failure *) = g->device->opencl ? op->opencl : op->cpu;
    size_t bytes = now_workspace(op, &l);
    if (bytes && (workspace = buffer_new(g->memory, bytes, &f)))
        l.workspace = workspace->at;
    g->busy = 1;
    if (!f.status && g->device->opencl) {
        l.prepare = 1;
        if (!form(&l, &f))
            g->device->table->prepared(g->device, &f);
        l.prepare = 0;
    }
    if (!f.status)
        form(&l, &f);
    g->busy = 0;
    buffer_release(workspace);
    return f.status ? context_fail(g, f.status, "%s: %s", op->name, f.text) : GRADC_OK;
}
