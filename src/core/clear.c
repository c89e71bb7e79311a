/* clear.c - taking the tape back: clear and rewind. */
#include "core/autocast.h"
#include "core/run.h"
#include "core/tape.h"

/* From the first node behind `serial` on, only what is yours keeps a value; what waits for that runs first. */
static void take_back(gradc_context *g, int64_t serial)
{
    autocast_clear(g);
    for (int64_t i = g->tape.count - 1; i >= 0 && g->tape.nodes[i]->serial > serial; i--) {
        struct node *n = g->tape.nodes[i];
        node_done(n);
        if (n->loss) {
            n->loss = 0;
            tensor_unkeep(n->out[0]);
        }
        for (int o = 0; o < n->nout; o++)
            tensor_close(n->out[o]);
    }
    run_pending(g, NULL); /* a failure is the context's; the tape goes all the same */
    tape_cut(g, serial);
}

void gradc_tape_clear(gradc_context *g)
{
    if (context_enter_failed(g, "tape_clear"))
        return;
    take_back(g, -1);
    g->region = 0;
    g->base = ++g->serial;
    g->first_mark = g->base;
}

/* The marks that are good: an empty tape's, and the serials of nodes that are still there. */
static int is_mark(const gradc_context *g, int64_t mark)
{
    if (mark == g->base || (mark >= g->base && mark < g->first_mark))
        return 1;
    int64_t low = 0, high = g->tape.count;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (g->tape.nodes[middle]->serial < mark)
            low = middle + 1;
        else
            high = middle;
    }
    return low < g->tape.count && g->tape.nodes[low]->serial == mark;
}

gradc_status gradc_checkpoint_begin(gradc_context *g)
{
    gradc_status status = context_enter(g, "checkpoint_begin");
    if (status)
        return status;
    if (g->region)
        return context_fail(g, GRADC_E_ARG, "checkpoint_begin: the last one has not ended");
    g->region = ++g->regions;
    return GRADC_OK;
}

gradc_status gradc_checkpoint_end(gradc_context *g)
{
    gradc_status status = context_enter(g, "checkpoint_end");
    if (status)
        return status;
    if (!g->region)
        return context_fail(g, GRADC_E_ARG, "checkpoint_end: none has begun");
    g->region = 0;
    return GRADC_OK;
}

int64_t gradc_tape_mark(const gradc_context *g)
{
    if (!g)
        return -1;
    return g->tape.count > 0 ? g->tape.nodes[g->tape.count - 1]->serial : g->base;
}

gradc_status gradc_tape_rewind(gradc_context *g, int64_t mark)
{
    gradc_status status = context_enter_failed(g, "tape_rewind");
    if (status)
        return status;
    if (!is_mark(g, mark))
        return context_fail(g, GRADC_E_ARG,
                            "tape_rewind: mark %lld is void: the tape was cleared or rewound behind it",
                            (long long)mark);
    take_back(g, mark);
    return g->failure.status;
}
