/* context.c - contexts: opened, set, asked, closed. */
#include "core/context.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/host.h"
#include "base/os.h"
#include "core/autocast.h"
#include "core/plan/plan.h"
#include "core/run.h"
#include "core/step.h"
#include "core/tape.h"

enum { PENDING_DEFAULT = 4096 };

int list_push(struct list *l, void *item)
{
    if (l->count == l->capacity && host_grow(&l->items, &l->capacity, l->count + 1, sizeof *l->items))
        return -1;
    l->items[l->count++] = item;
    return 0;
}

/* ---- Failure ---- */

gradc_status context_fail(gradc_context *g, gradc_status status, const char *format, ...)
{
    if (g->failure.status)
        return status;
    va_list args;
    va_start(args, format);
    vsnprintf(g->failure.text, sizeof g->failure.text, format, args);
    va_end(args);
    g->failure.status = status;
    return status;
}

gradc_status context_no_memory(gradc_context *g, const char *op)
{
    return context_fail(g, GRADC_E_MEMORY, "%s: no memory on the host", op);
}

gradc_status gradc_check(const gradc_context *g)
{
    return g ? g->failure.status : thread_failure()->status;
}

const char *gradc_message(const gradc_context *g)
{
    const struct failure *f = g ? &g->failure : thread_failure();
    return f->status ? f->text : "";
}

void gradc_recover(gradc_context *g)
{
    if (!g) {
        thread_failure()->status = GRADC_OK;
        return;
    }
    if (context_enter_failed(g, "recover"))
        return;
    struct failure f = {0};
    g->failure.status = GRADC_OK;
    if (!g->device->failed && g->device->table->zero(g->device, g->word->at, WORD_COUNT * sizeof(int64_t), &f))
        context_fail(g, f.status, "recover: %s", f.text);
}

/* ---- The way in ---- */

gradc_status context_enter_failed(gradc_context *g, const char *op)
{
    if (!g)
        return fail_thread(GRADC_E_ARG, "%s: no context", op);
    if (g->busy)
        return fail_thread(GRADC_E_BUSY, "%s: the context is inside a call", op);
    if (atomic_load_explicit(&g->closed, memory_order_relaxed))
        return fail_thread(GRADC_E_ARG, "%s: the context is closed", op);
    if (os_forks() != g->forks)
        return fail_thread(GRADC_E_DEVICE, "%s: the context belongs to the process before fork", op);
    if (g->depth == 0) /* what a call of ours works on stays until its end */
        context_drain(g);
    return GRADC_OK;
}

gradc_status context_enter(gradc_context *g, const char *op)
{
    gradc_status status = context_enter_failed(g, op);
    return status ? status : g->failure.status;
}

/* ---- Open and close ---- */

static int is_on(const char *value)
{
    return value && strcmp(value, "1") == 0;
}

/* All passes but those that the text names: "-fuse-order". */
static unsigned passes_of(const char *text)
{
    unsigned passes = PASSES_ALL;
    char name[16];
    for (const char *at = text; at && *at == '-';) {
        size_t length = strcspn(++at, "-");
        snprintf(name, sizeof name, "%.*s", (int)length, at);
        passes &= ~(unsigned)plan_pass(name);
        at += length;
    }
    return passes;
}

/* -1: neither value of "tune". */
static int first_use_of(const char *value)
{
    if (value && strcmp(value, "first-use") == 0)
        return 1;
    return value && strcmp(value, "off") == 0 ? 0 : -1;
}

static gradc_status context_start(gradc_context *g, const char *device, struct failure *f)
{
#ifdef GRADC_DEBUG
    g->isolate = 1;
#else
    g->isolate = is_on(os_environment("GRADC_ISOLATE"));
#endif
    g->eager = is_on(os_environment("GRADC_EAGER"));
    g->passes = passes_of(os_environment("GRADC_PLAN"));
    g->forks = os_forks();
    g->recording = g->differentiable = 1;
    g->epoch = 1; /* no tensor was checked yet */
    g->pending_limit = PENDING_DEFAULT;
    if (device_open(device, &g->device, f))
        return f->status;
    const int first_use = first_use_of(os_environment("GRADC_TUNE"));
    if (first_use >= 0)
        g->device->first_use = first_use;
    if (!(g->memory = allocator_open(g->device, g->isolate, f)))
        return f->status;
    if (!(g->word = buffer_new(g->memory, WORD_COUNT * sizeof(int64_t), f)))
        return f->status;
    return g->device->table->zero(g->device, g->word->at, WORD_COUNT * sizeof(int64_t), f);
}

gradc_context *gradc_open(const char *device)
{
    host_freeze();
    if (!device)
        device = os_environment("GRADC_DEVICE");
    gradc_context *g = host_zalloc(1, sizeof *g);
    if (!g) {
        fail_thread(GRADC_E_MEMORY, "open: no memory on the host");
        return NULL;
    }
    struct failure f = {0};
    if (context_start(g, device && device[0] ? device : "auto", &f)) {
        fail_thread(f.status, "open: %s", f.text);
        context_destroy(g);
        return NULL;
    }
    return g;
}

static void list_free(struct list *l, int items_too)
{
    for (int64_t i = 0; items_too && i < l->count; i++)
        host_free(l->items[i]);
    host_free(l->items);
}

void context_destroy(gradc_context *g)
{
    struct failure quiet = {0};
    if (g->device)
        g->device->table->finish(g->device, &quiet);
    listeners_close(g);
    plans_close(g);
    handles_close(g);
    if (g->memory)
        allocator_close(g->memory);
    if (g->device)
        g->device->table->close(g->device);
    list_free(&g->bodies, 1);
    list_free(&g->node_chunks, 1);
    list_free(&g->temporary, 0);
    list_free(&g->held, 0);
    list_free(&g->steps, 1);
    list_free(&g->stack, 0);
    list_free(&g->run_nodes, 0);
    list_free(&g->run_roots, 0);
    host_free(g->tape.nodes);
    host_free(g->casts);
    host_free(g->key);
    host_free(g->views);
    host_free(g->launches);
    host_free(g);
}

void gradc_close(gradc_context *g)
{
    if (!g || context_enter_failed(g, "close"))
        return;
    autocast_clear(g);
    g->tape.ran = g->tape.count; /* what waits is nobody's any more */
    tape_cut(g, -1);
    pthread_mutex_t *lock = release_lock(g);
    pthread_mutex_lock(lock);
    atomic_store(&g->closed, 1);
    context_drain_locked(g);
    if (g->owned == 0)
        context_destroy(g);
    pthread_mutex_unlock(lock);
}

/* ---- Settings and facts ---- */

/* "1900M" to bytes; -1 if it is not that. */
static int64_t parse_bytes(const char *text)
{
    int64_t n = 0;
    const char *p = text;
    for (; *p >= '0' && *p <= '9'; p++) {
        if (n > (INT64_MAX >> 30) / 10 - 1)
            return -1;
        n = n * 10 + (*p - '0');
    }
    if (p == text)
        return -1;
    int shift = *p == 'K' ? 10 : *p == 'M' ? 20 : *p == 'G' ? 30 : 0;
    if (shift)
        p++;
    if (*p || n > INT64_MAX >> shift)
        return -1;
    return n << shift;
}

static gradc_status bad_value(gradc_context *g, const char *key, const char *value)
{
    return context_fail(g, GRADC_E_ARG, "set: \"%s\" is no value for \"%s\"", value, key);
}

static gradc_status set_device(gradc_context *g, const char *key, const char *value)
{
    struct failure f = {0};
    gradc_status (*set)(struct device *, const char *, const char *, struct failure *) = g->device->table->set;
    gradc_status status = set ? set(g->device, key, value, &f) : GRADC_E_UNSUPPORTED;
    if (status == GRADC_E_UNSUPPORTED)
        return GRADC_OK; /* known, and means nothing on this device */
    return status ? context_fail(g, status, "set: %s", f.text) : GRADC_OK;
}

static gradc_status set_math(gradc_context *g, const char *value)
{
    for (int i = 0; i < MATHS; i++) {
        if (strcmp(value, math_names[i]) == 0) {
            g->device->math = (enum math)i;
            return GRADC_OK;
        }
    }
    return context_fail(
        g, GRADC_E_ARG,
        "set: \"%s\" is no value for \"math\", which is \"fast\", \"strict\", \"tf32\" or \"bf16\"", value);
}

gradc_status gradc_set(gradc_context *g, const char *key, const char *value)
{
    gradc_status status = context_enter(g, "set");
    if (status)
        return status;
    if (!key || !value)
        return context_fail(g, GRADC_E_ARG, "set: no key or no value");
    int64_t number = parse_bytes(value);
    if ((status = run_pending(g, NULL)))
        return status;
    plans_close(g);
    int pass = strncmp(key, "plan.", 5) == 0 ? plan_pass(key + 5) : 0;
    if (pass || strcmp(key, "eager") == 0) {
        if (!is_on(value) && strcmp(value, "0") != 0)
            return bad_value(g, key, value);
        if (!pass)
            g->eager = is_on(value);
        else
            g->passes = is_on(value) ? g->passes | (unsigned)pass : g->passes & ~(unsigned)pass;
        return GRADC_OK;
    }
    if (strcmp(key, "pending") == 0) {
        if (number < 1)
            return bad_value(g, key, value);
        g->pending_limit = number;
        return GRADC_OK;
    }
    if (strcmp(key, "memory_limit") == 0) {
        if (number < 0)
            return bad_value(g, key, value);
        allocator_limit(g->memory, number);
        return GRADC_OK;
    }
    if (strcmp(key, "threads") == 0 && number < 1) /* also where the device has no use for it */
        return bad_value(g, key, value);
    if (strcmp(key, "math") == 0)
        return set_math(g, value);
    if (strcmp(key, "tune") == 0) {
        if (first_use_of(value) < 0)
            return bad_value(g, key, value);
        g->device->first_use = first_use_of(value);
        return GRADC_OK;
    }
    if (strcmp(key, "threads") == 0 || strcmp(key, "blas") == 0)
        return set_device(g, key, value);
    return context_fail(g, GRADC_E_ARG, "set: there is no setting \"%s\"", key);
}

gradc_status gradc_seed(gradc_context *g, uint64_t seed)
{
    gradc_status status = context_enter(g, "seed");
    if (status)
        return status;
    g->seed = seed;
    g->random_offset = 0;
    return GRADC_OK;
}

gradc_status gradc_rng_state(gradc_context *g, uint64_t *state)
{
    gradc_status status = context_enter(g, "rng_state");
    if (!status && !state)
        status = context_fail(g, GRADC_E_ARG, "rng_state: no room for the state");
    if (status)
        return status;
    state[0] = g->seed;
    state[1] = g->random_offset;
    return GRADC_OK;
}

gradc_status gradc_set_rng_state(gradc_context *g, const uint64_t *state)
{
    gradc_status status = context_enter(g, "set_rng_state");
    if (!status && !state)
        status = context_fail(g, GRADC_E_ARG, "set_rng_state: no state");
    if (status)
        return status;
    g->seed = state[0];
    g->random_offset = state[1];
    return GRADC_OK;
}

void context_random(gradc_context *g, int64_t count, uint64_t bound[OP_BOUND])
{
    bound[0] = g->seed;
    bound[1] = g->random_offset;
    g->random_offset += ((uint64_t)count + 3) / 4;
}

int32_t gradc_context_device(const gradc_context *g)
{
    return g ? g->device->index : -1;
}

gradc_status gradc_sync(gradc_context *g)
{
    gradc_status status = context_enter(g, "sync");
    if (status || (status = run_pending(g, NULL)) || (status = run_check_word(g)))
        return status;
    struct failure f = {0};
    if (g->device->table->finish(g->device, &f))
        return context_fail(g, f.status, "sync: %s", f.text);
    return GRADC_OK;
}

gradc_status gradc_memory_info(gradc_context *g, int64_t *live, int64_t *peak, int64_t *cached)
{
    int64_t ignored;
    gradc_status status = context_enter_failed(g, "memory_info");
    if (status)
        return status;
    allocator_info(g->memory, live ? live : &ignored, peak ? peak : &ignored, cached ? cached : &ignored);
    return GRADC_OK;
}

gradc_status gradc_counters(gradc_context *g, int64_t *planned, int64_t *replayed, int64_t *built, int64_t *loaded)
{
    int64_t b = 0, l = 0;
    gradc_status status = context_enter_failed(g, "counters");
    if (status)
        return status;
    if (g->device->table->counters)
        g->device->table->counters(g->device, &b, &l);
    if (planned)
        *planned = g->planned;
    if (replayed)
        *replayed = g->replayed;
    if (built)
        *built = b;
    if (loaded)
        *loaded = l;
    return GRADC_OK;
}
