/* limit.c - the pass that makes values again where memory is limited.
 *
 * As long as the entry with the most temporaries has more than the limit leaves, one value that lives there unused is
 * given up and made again in front of its next reader, with what it comes from: the one with the fewest operations for
 * each byte.  Only entries without updates and reports run again, from operands that are there and were not
 * overwritten; at most MOST of them for one value, and TIMES as many as there were in all; and never where that would
 * need as much memory somewhere else.  So every round leaves less, and the results are the same bits.  It does not look
 * for the least work over all.  A plan without an explicit memory_limit is left alone, but for regions that the caller
 * gives up (gradc_checkpoint_begin). */
#include "core/plan/plan.h"

#include <string.h>

#include "base/host.h"

enum { MOST = 24, TIMES = 3, TRIES = 8 };

struct limiting {
    gradc_context *g;
    struct plan *p;
    int64_t *alive;      /* by entry: bytes of temporaries */
    int64_t *made;       /* by root: the entry that makes it first */
    int64_t capacity;    /* of alive */
    int64_t peak, where; /* the most of alive, and its entry */
};

/* What has to run again for a value. */
struct again {
    int64_t reader; /* in front of this entry */
    int64_t entries[MOST];
    int32_t count, depth; /* depth: makers that wait for their operands; they will be entries, too */
    double flop;
    int64_t bytes; /* of their results and workspaces */
};

/* ---- What is alive where ---- */

/* Counts a value from entry `made` to its last use. */
static void count(struct limiting *s, const struct plan_root *r, int64_t made)
{
    for (int64_t e = made; r->kind == ROOT_ARENA && e <= r->last; e++)
        s->alive[e] += (int64_t)r->bytes;
}

static int look(struct limiting *s)
{
    struct plan *p = s->p;
    if (host_grow(&s->alive, &s->capacity, p->nentries + 1, sizeof *s->alive))
        return -1;
    for (int64_t e = 0; e < p->nentries; e++)
        s->alive[e] = (int64_t)p->entries[e].workspace.bytes;
    for (int64_t e = 0; e < p->nentries; e++)
        for (int32_t m = 0; !p->entries[e].again && m < p->entries[e].count; m++) {
            const struct node *n = plan_node(s->g, p, &p->entries[e], m);
            for (int o = 0; o < n->nout; o++)
                s->made[n->out[o]->number] = e;
        }
    plan_last_uses(s->g, p);
    for (int64_t k = 0; k < p->nroots; k++)
        count(s, &p->roots[k], s->made[k]);
    for (int64_t k = 0; k < p->nagain; k++)
        count(s, &p->again[k].place, p->again[k].entry);
    s->peak = 0;
    for (int64_t e = 0; e < p->nentries; e++)
        if (s->alive[e] > s->peak) {
            s->peak = s->alive[e];
            s->where = e;
        }
    return 0;
}

/* ---- What would have to run again ---- */

/* Whether entry e reads the root, and does not make it itself. */
static int reads(const struct limiting *s, int64_t e, int32_t root)
{
    const struct plan_entry *entry = &s->p->entries[e];
    for (int32_t m = 0; m < entry->count; m++) {
        const struct node *n = plan_node(s->g, s->p, entry, m);
        for (int i = 0; i < n->nin; i++)
            if (n->in[i]->root->number == root)
                return !plan_makes(s->g, s->p, entry, n->in[i]->root);
    }
    return 0;
}

static int is_overwritten(const struct limiting *s, int32_t root, int64_t from, int64_t to)
{
    for (int64_t e = from + 1; e < to; e++)
        for (int32_t m = 0; m < s->p->entries[e].count; m++) {
            const struct node *n = plan_node(s->g, s->p, &s->p->entries[e], m);
            for (int i = 0; n->op->writes && i < n->nin; i++)
                if (node_writes(n->op, i) && n->in[i]->root->number == root)
                    return 1;
        }
    return 0;
}

/* Whether an entry may run twice: it updates and reports nothing, and nothing that it makes outlives the run. */
static int may_repeat(const struct limiting *s, const struct plan_entry *e)
{
    for (int32_t m = 0; m < e->count; m++) {
        const struct node *n = plan_node(s->g, s->p, e, m);
        if (n->op->writes || (n->op->flags & OP_REPORTS))
            return 0;
        for (int o = 0; o < n->nout; o++)
            if (s->p->roots[n->out[o]->number].kind == ROOT_SURVIVOR)
                return 0;
    }
    return 1;
}

static int64_t bytes_made(const struct limiting *s, const struct plan_entry *e)
{
    int64_t bytes = (int64_t)e->workspace.bytes;
    for (int32_t m = 0; m < e->count; m++) {
        const struct node *n = plan_node(s->g, s->p, e, m);
        for (int o = 0; o < n->nout; o++)
            if (s->p->roots[n->out[o]->number].kind == ROOT_ARENA)
                bytes += (int64_t)s->p->roots[n->out[o]->number].bytes;
    }
    return bytes;
}

static int add_maker(const struct limiting *s, struct again *a, int32_t root);

/* Sees to it that the operand is there in front of the reader. */
static int provide(const struct limiting *s, struct again *a, int32_t root, int64_t maker)
{
    const struct plan_root *r = plan_value(s->p, root, a->reader, 1);
    if (r->kind == ROOT_EXTERNAL)
        return !is_overwritten(s, root, maker, a->reader);
    if (r->kind == ROOT_SURVIVOR || s->made[root] == maker) /* a step of the same chain makes it */
        return 1;
    return r->last >= a->reader || add_maker(s, a, root);
}

/* Adds the entry that makes the root, behind those of its operands. */
static int add_maker(const struct limiting *s, struct again *a, int32_t root)
{
    const int64_t maker = s->made[root];
    const struct plan_entry *e = &s->p->entries[maker];
    for (int32_t k = 0; k < a->count; k++)
        if (a->entries[k] == maker)
            return 1;
    if (!may_repeat(s, e) || a->count + a->depth >= MOST)
        return 0;
    a->depth++;
    for (int32_t m = 0; m < e->count; m++) {
        const struct node *n = plan_node(s->g, s->p, e, m);
        for (int i = 0; i < n->nin; i++)
            if (!provide(s, a, n->in[i]->root->number, maker))
                return 0;
    }
    a->depth--;
    a->entries[a->count++] = maker;
    a->flop += e->flop;
    a->bytes += bytes_made(s, e);
    return 1;
}

/* What giving up the root at the peak would take; 0: it can't be, or does not help. */
static int weigh(const struct limiting *s, int32_t root, struct again *a)
{
    const struct plan_root *r = plan_value(s->p, root, s->where, 0);
    if (r->kind != ROOT_ARENA || r->last <= s->where || s->made[root] >= s->where || reads(s, s->where, root))
        return 0;
    *a = (struct again){.reader = s->where + 1};
    while (!reads(s, a->reader, root))
        a->reader++;
    return add_maker(s, a, root) && s->alive[a->reader] + a->bytes - (int64_t)r->bytes < s->peak;
}

/* ---- Changing the plan ---- */

static int add_again(struct limiting *s, const struct plan_entry *e, int64_t at)
{
    struct plan *p = s->p;
    for (int32_t m = 0; m < e->count; m++) {
        const struct node *n = plan_node(s->g, p, e, m);
        for (int o = 0; o < n->nout; o++) {
            const int32_t root = n->out[o]->number;
            int64_t k = p->nagain;
            if (p->roots[root].kind != ROOT_ARENA)
                continue;
            if (host_grow(&p->again, &p->again_capacity, p->nagain + 1, sizeof *p->again))
                return -1;
            for (; k > 0 && p->again[k - 1].entry > at; k--)
                p->again[k] = p->again[k - 1];
            p->again[k] = (struct plan_again){root, at, {.kind = ROOT_ARENA, .bytes = p->roots[root].bytes}};
            p->nagain++;
        }
    }
    return 0;
}

static int insert(struct limiting *s, const struct again *a)
{
    struct plan *p = s->p;
    if (host_grow(&p->entries, &p->entries_capacity, p->nentries + a->count, sizeof *p->entries))
        return -1;
    memmove(p->entries + a->reader + a->count, p->entries + a->reader,
            (size_t)(p->nentries - a->reader) * sizeof *p->entries);
    p->nentries += a->count;
    for (int64_t k = 0; k < p->nagain; k++)
        p->again[k].entry += p->again[k].entry >= a->reader ? a->count : 0;
    for (int32_t k = 0; k < a->count; k++) { /* all of them stand in front of the reader */
        struct plan_entry *e = &p->entries[a->reader + k];
        *e = p->entries[a->entries[k]];
        e->again = 1;
        if (add_again(s, e, a->reader + k))
            return -1;
    }
    return 0;
}

/* One round: -1 no memory, 0 nothing helps, 1 there is less at the peak. */
static int give_up_one(struct limiting *s)
{
    struct again best = {0}, a;
    double least = 0;
    for (int32_t root = 0; root < s->p->nroots; root++) {
        if (!weigh(s, root, &a))
            continue;
        const double price = (a.flop + 1) / (double)s->p->roots[root].bytes;
        if (best.count == 0 || price < least) {
            best = a;
            least = price;
        }
    }
    if (best.count == 0)
        return 0;
    return insert(s, &best) || look(s) ? -1 : 1;
}

/* ---- What the caller gives up ---- */

/* The region of an entry; -1: it is part of a backward pass or an update. */
static int64_t region_of(const struct limiting *s, int64_t e)
{
    const struct node *n = plan_node(s->g, s->p, &s->p->entries[e], 0);
    return n->own ? -1 : n->region;
}

/* A value that one region alone made and read, until the backward pass reads it; 0: the root is none. */
static int is_given_up(const struct limiting *s, int32_t root, struct again *a)
{
    const int64_t made = s->made[root], region = region_of(s, made), last = s->p->roots[root].last;
    if (s->p->roots[root].kind != ROOT_ARENA || region <= 0)
        return 0;
    for (int64_t e = made + 1; e <= last; e++) {
        if (!reads(s, e, root))
            continue;
        if (!s->p->entries[e].again && region_of(s, e) >= 0) {
            if (region_of(s, e) != region)
                return 0;
            continue;
        }
        *a = (struct again){.reader = e};
        return e - made > 1 && add_maker(s, a, root);
    }
    return 0;
}

/* From the last root to the first, as the backward pass comes to them: what is made again for one is there for those
 * that it came from. */
static gradc_status give_up_regions(struct limiting *s, struct failure *f)
{
    const int64_t most = (1 + TIMES) * s->p->nentries;
    int bad = look(s);
    for (int64_t k = s->p->nroots - 1; !bad && k >= 0 && s->p->nentries <= most; k--) {
        struct again a;
        if (s->made[k] >= 0 && is_given_up(s, (int32_t)k, &a))
            bad = insert(s, &a) || look(s);
    }
    return bad ? fail(f, GRADC_E_MEMORY, "no memory on the host") : GRADC_OK;
}

/* ---- The passes ---- */

static gradc_status begin(struct limiting *s, gradc_context *g, struct plan *p, struct failure *f)
{
    *s = (struct limiting){.g = g, .p = p, .made = host_alloc((size_t)(p->nroots + 1) * sizeof *s->made)};
    if (!s->made)
        return fail(f, GRADC_E_MEMORY, "no memory on the host");
    for (int64_t k = 0; k < p->nroots; k++)
        s->made[k] = -1;
    return GRADC_OK;
}

static void end(struct limiting *s)
{
    host_free(s->alive);
    host_free(s->made);
}

gradc_status plan_checkpoint(gradc_context *g, struct plan *p, struct failure *f)
{
    int any = 0;
    struct limiting s;
    for (int64_t k = 0; k < g->run_nodes.count; k++)
        any |= ((const struct node *)g->run_nodes.items[k])->region != 0;
    if (!any || g->isolate)
        return GRADC_OK;
    gradc_status status = begin(&s, g, p, f);
    if (!status)
        status = give_up_regions(&s, f);
    end(&s);
    return status;
}

/* What the limit leaves for temporaries; -1: there is no limit. */
static int64_t budget_of(const gradc_context *g, const struct plan *p)
{
    int64_t left = allocator_left(g->memory, g->arena, ARENAS);
    if (left < 0)
        return -1;
    for (int64_t k = 0; k < p->nroots; k++)
        if (p->roots[k].kind == ROOT_SURVIVOR && !((struct tensor *)g->run_roots.items[k])->buffer)
            left -= (int64_t)p->roots[k].bytes;
    return left > 0 ? left : 0;
}

static int64_t placed(const struct plan *p)
{
    int64_t bytes = 0;
    for (int a = 0; a < p->narenas; a++)
        bytes += (int64_t)p->arena[a];
    return bytes;
}

/* Places within the budget; gaps between values may ask for a lower aim. */
static gradc_status fit(struct limiting *s, int64_t budget, struct failure *f)
{
    int64_t aim = budget;
    const int64_t most = (1 + TIMES) * s->p->nentries;
    for (int tries = 0; tries < TRIES; tries++) {
        int more = 1;
        if (look(s))
            return fail(f, GRADC_E_MEMORY, "no memory on the host");
        while (s->peak > aim && more > 0 && s->p->nentries <= most && (s->g->passes & PASS_RECOMPUTE))
            more = give_up_one(s);
        if (more < 0)
            return fail(f, GRADC_E_MEMORY, "no memory on the host");
        if (plan_place(s->g, s->p, f) || placed(s->p) <= budget)
            return f->status;
        if (s->peak > aim)
            break;
        aim -= placed(s->p) - budget;
    }
    return fail(f, GRADC_E_MEMORY,
                "it needs %lld bytes for temporaries and memory_limit leaves %lld: %lld are missing; a smaller batch "
                "or a larger limit would help",
                (long long)placed(s->p), (long long)budget, (long long)(placed(s->p) - budget));
}

/* Whether the arenas need no memory that is not there already. */
static int is_there(const gradc_context *g, const struct plan *p)
{
    for (int a = 0; a < p->narenas; a++)
        if (!(g->arena[a] && g->arena[a]->bytes >= p->arena[a]) && !allocator_has(g->memory, p->arena[a]))
            return 0;
    return 1;
}

gradc_status plan_limit(gradc_context *g, struct plan *p, struct failure *f)
{
    const int64_t budget = g->isolate ? -1 : budget_of(g, p);
    if (budget < 0 || placed(p) <= budget || is_there(g, p))
        return GRADC_OK;
    struct limiting s;
    gradc_status status = begin(&s, g, p, f);
    if (!status)
        status = fit(&s, budget, f);
    end(&s);
    return status;
}
