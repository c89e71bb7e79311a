/* program.c - random programs: made from a seed, run into a text. */
#include "machine.h"

#include <math.h>

static const char *const passes[] = {"plan.fuse",      "plan.updates",  "plan.order",   "plan.inplace",
                                     "plan.recompute", "plan.epilogue", "plan.prologue"};

enum { CHAINS_ONE_IN = 8, PASSES = sizeof passes / sizeof *passes };

/* ---- Text ---- */

void say(struct text *out, const char *format, ...)
{
    va_list args;
    if (out->capacity - out->count < 512) {
        size_t capacity = 2 * out->capacity + 4096;
        char *bytes = realloc(out->bytes, capacity);
        if (!bytes)
            abort();
        out->bytes = bytes;
        out->capacity = capacity;
    }
    va_start(args, format);
    int n = vsnprintf(out->bytes + out->count, 500, format, args);
    va_end(args);
    out->count += n < 0 ? 0 : n >= 500 ? 499 : (size_t)n;
}

void say_bytes(struct text *out, const void *data, size_t bytes)
{
    const unsigned char *at = data;
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ at[i]) * UINT64_C(1099511628211);
    say(out, " <%016llx>", (unsigned long long)hash);
}

void say_facts(struct text *out, const gradc_tensor *t)
{
    if (!t) {
        say(out, " NULL");
        return;
    }
    say(out, " %s[", gradc_dtype_name(gradc_dtype_of(t)));
    for (int i = 0; i < gradc_ndim(t); i++)
        say(out, "%s%d", i ? "," : "", (int)gradc_size(t, i));
    say(out, "]%s", gradc_wants_grad(t) ? "'" : "");
}

void say_status(struct text *out, gradc_status status)
{
    say(out, " %s", gradc_status_name(status));
}

/* ---- Slots ---- */

int find(struct machine *m, uint32_t start, fits *fit, const gradc_tensor *other)
{
    int from = (int)(start % SLOTS);
    for (int k = 0; k < SLOTS; k++) {
        int i = (from + k) % SLOTS;
        if (m->slot[i] && (m->now->wild || fit(m->slot[i], other, m->facts[i]))) {
            say(m->out, " %%%d%s", i / 2, i & 1 ? "b" : "");
            return i;
        }
    }
    return -1;
}

gradc_tensor *take(struct machine *m, uint32_t start, fits *fit, const gradc_tensor *other)
{
    int i = find(m, start, fit, other);
    return i < 0 ? NULL : m->slot[i];
}

void put(struct machine *m, int second, gradc_tensor *t, int facts)
{
    m->slot[2 * m->at + second] = t;
    m->facts[2 * m->at + second] = facts;
    say(m->out, " ->");
    say_facts(m->out, t);
}

void own(struct machine *m, gradc_tensor *t)
{
    if (t && m->mines < MINE)
        m->mine[m->mines++] = t;
    else
        gradc_release(t);
}

uint32_t choose(struct machine *m, uint32_t n)
{
    return (uint32_t)random_below(&m->random, n);
}

/* Which NaN an operation makes of two of them is nobody's promise. */
static void same_nans(gradc_dtype dtype, void *data, int64_t bytes)
{
    float *f = data;
    double *d = data;
    uint16_t *h = data;
    for (int64_t i = 0; dtype == GRADC_F32 && i < bytes / 4; i++)
        f[i] = f[i] != f[i] ? (float)NAN : f[i];
    for (int64_t i = 0; dtype == GRADC_F64 && i < bytes / 8; i++)
        d[i] = d[i] != d[i] ? (double)NAN : d[i];
    for (int64_t i = 0; (dtype == GRADC_F16 || dtype == GRADC_BF16) && i < bytes / 2; i++) {
        const unsigned infinite = dtype == GRADC_F16 ? 0x7c00 : 0x7f80;
        h[i] = (h[i] & 0x7fffu) > infinite ? 0x7fff : h[i];
    }
}

void look(struct machine *m, gradc_tensor *t)
{
    double few[512];
    int64_t bytes = gradc_bytes(t);
    void *data = bytes <= (int64_t)sizeof few ? few : malloc((size_t)bytes);
    if (!data)
        abort();
    gradc_status status = gradc_read(t, data, bytes < 0 ? 0 : (size_t)bytes);
    say_facts(m->out, t);
    say_status(m->out, status);
    if (status == GRADC_OK) {
        same_nans(gradc_dtype_of(t), data, bytes);
        say_bytes(m->out, data, (size_t)bytes);
    }
    if (data != few)
        free(data);
}

/* ---- Making ---- */

static int choose_kind(struct random *r)
{
    int total = 0, k = 0;
    for (int i = 0; i < program_kind_count; i++)
        total += program_kinds[i].weight;
    int64_t at = random_below(r, total);
    while ((at -= program_kinds[k].weight) >= 0)
        k++;
    return k;
}

/* Near the operation itself more often than far from it. */
static uint32_t choose_slot(struct random *r, int at)
{
    int64_t back = random_below(r, 4) ? random_below(r, 12) : random_below(r, SLOTS);
    return (uint32_t)((2 * at - back + 2 * SLOTS) % SLOTS);
}

void program_make(struct program *p, uint64_t seed)
{
    struct random r = {seed * UINT64_C(0x2545f4914f6cdd1d) + 1};
    memset(p, 0, sizeof *p);
    p->seed = seed;
    p->count = 12 + (int)random_below(&r, PROGRAM_OPERATIONS - 12);
    p->again_from = (int)random_below(&r, p->count);
    p->again_to = p->again_from + (int)random_below(&r, p->count - p->again_from + 1);
    p->times = random_below(&r, 3) ? 1 : 2 + (int)random_below(&r, 3);
    p->pending = random_below(&r, 3) ? 0 : 1 + (int)random_below(&r, 12);
    int wild_one_in = random_below(&r, 3) ? 40 : 8;
    for (int i = 0; i < p->count; i++) {
        struct operation *o = &p->operations[i];
        o->kind = i < 4 ? i % 2 : choose_kind(&r);
        o->x = choose_slot(&r, i);
        o->y = choose_slot(&r, i);
        o->w = choose_slot(&r, i);
        o->pick = (uint32_t)random_next(&r);
        o->wild = random_below(&r, wild_one_in) == 0;
        o->sticks = random_below(&r, 20) == 0;
    }
}

/* ---- Running ---- */

static void say_failures(struct machine *m, int sticks)
{
    if (gradc_check(m->g) != GRADC_OK)
        say(m->out, " ! %s", gradc_message(m->g));
    if (gradc_check(NULL) != GRADC_OK)
        say(m->out, " !! %s", gradc_message(NULL));
    gradc_recover(NULL);
    if (!sticks)
        gradc_recover(m->g);
}

static void do_operation(struct machine *m, int at, int turn)
{
    const struct operation *o = &m->p->operations[at];
    if (o->kind < 0)
        return;
    m->at = at;
    m->now = o;
    m->random.state = o->pick + ((uint64_t)turn << 32);
    say(m->out, "%%%d %s", at, program_kinds[o->kind].name);
    program_kinds[o->kind].run(m);
    say_failures(m, o->sticks);
    say(m->out, "\n");
}

/* What every slot holds at the end, and the leaves' gradients. */
static void look_at_all(struct machine *m)
{
    for (int i = 0; i < SLOTS; i++) {
        if (!m->slot[i] || gradc_dtype_of(m->slot[i]) < 0)
            continue;
        say(m->out, "end %%%d%s", i / 2, i & 1 ? "b" : "");
        look(m, m->slot[i]);
        say_failures(m, 0);
        if (is_leaf(m->slot[i], NULL, m->facts[i])) {
            gradc_tensor *gradient = gradc_grad(m->slot[i]);
            say(m->out, " gradient");
            if (gradient)
                look(m, gradient);
            say_failures(m, 0);
        }
        say(m->out, "\n");
    }
}

static void setting(struct machine *m, const char *key, int value)
{
    char text[16];
    snprintf(text, sizeof text, "%d", value);
    if (gradc_set(m->g, key, text) != GRADC_OK)
        say_failures(m, 0);
}

/* In the long form, too: what is compiled behind a product or in front of a sum takes OpenCL on a CPU seconds. */
static void alone_on_opencl(struct machine *m, const char *device)
{
    if (strcmp(device, "cpu") == 0)
        return;
    setting(m, "plan.epilogue", 0);
    setting(m, "plan.prologue", 0);
}

void program_run(const struct program *p, const char *device, int eager, struct text *out)
{
    struct machine *m = calloc(1, sizeof *m);
    if (!m)
        abort();
    out->count = 0;
    m->p = p;
    m->out = out;
    m->g = gradc_open(device);
    if (!m->g)
        say(out, "gradc_open: %s\n", gradc_message(NULL));
    setting(m, "eager", eager);
    if (p->seed % CHAINS_ONE_IN) {
        (void)test_without_chains(m->g, device);
        alone_on_opencl(m, device);
    }
    if (!eager && p->seed % (PASSES + 1) < PASSES) /* each pass alone is left out in its turn */
        (void)gradc_set(m->g, passes[p->seed % (PASSES + 1)], "0");
    if (!eager && p->pending)
        setting(m, "pending", p->pending);
    for (int i = 0; m->g && i < p->count; i++) {
        do_operation(m, i, 0);
        for (int turn = 1; i + 1 == p->again_to && turn < p->times; turn++)
            for (int k = p->again_from; k < p->again_to; k++)
                do_operation(m, k, turn);
    }
    gradc_recover(m->g);
    look_at_all(m);
    gradc_tape_clear(m->g);
    for (int i = 0; i < OPTIMS; i++)
        gradc_optim_free(m->optim[i]);
    if (p->seed & 1)
        gradc_close(m->g);
    for (int i = 0; i < m->mines; i++)
        gradc_release(m->mine[i]);
    if (!(p->seed & 1))
        gradc_close(m->g);
    gradc_recover(NULL);
    free(m);
}
