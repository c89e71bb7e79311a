/* cpu.c - the CPU's device table: memory, copies, settings and facts; products and convolutions are
 * gemm.c's and conv.c's, the threads pool.c's. */
#include "device/cpu/cpu.h"

#include "base/host.h"
#include "base/os.h"
#include "device/cpu/blas.h"
#include "device/cpu/conv.h"
#include "device/cpu/gemm.h"
#include "device/cpu/pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Threads ---- */

int cpu_threads(const struct device *d)
{
    return d->opencl ? 1 : ((const struct cpu *)d)->threads;
}

int64_t cpu_tasks(int64_t items, int64_t grain)
{
    return items / grain + (items % grain != 0);
}

void cpu_parallel(struct device *d, int64_t tasks, void (*run)(void *arg, int64_t task, int thread), void *arg)
{
    const int most = cpu_threads(d), width = tasks < most ? (int)tasks : most;
    if (width > 1 && pool_run(width, tasks, run, arg))
        return;
    for (int64_t task = 0; task < tasks; task++)
        run(arg, task, 0);
}

enum { EPILOGUE_GRAIN = 16384 };

struct behind {
    const struct epilogue *e;
    int64_t n;
};

static void epilogue_task(void *arg, int64_t task, int thread)
{
    const struct behind *b = arg;
    const int64_t first = task * EPILOGUE_GRAIN, left = b->n - first;
    (void)thread;
    b->e->run(b->e, first, left < EPILOGUE_GRAIN ? left : EPILOGUE_GRAIN);
}

void cpu_epilogue(struct device *d, const struct epilogue *e, int64_t n)
{
    struct behind b = {e, n};
    if (e)
        cpu_parallel(d, cpu_tasks(n, EPILOGUE_GRAIN), epilogue_task, &b);
}

/* ---- Memory ---- */

static gradc_status slab_new(struct device *d, size_t bytes, struct slab **out, struct failure *f)
{
    struct slab *s = host_alloc(sizeof *s);
    void *memory = s ? os_pages(bytes) : NULL;
    if (!memory) {
        host_free(s);
        return fail(f, GRADC_E_MEMORY, "%s: no memory for %zu bytes", d->info.device, bytes);
    }
    *s = (struct slab){memory, bytes};
    *out = s;
    return GRADC_OK;
}

static void slab_free(struct device *d, struct slab *s)
{
    (void)d;
    os_pages_free(s->memory, s->bytes);
    host_free(s);
}

/* One thread copies some 10 GB/s; a piece below this is not worth another thread. */
enum { COPY_GRAIN = 64 << 10 };

struct copy {
    char *to;
    const char *from; /* NULL: zeros */
    size_t bytes;
};

static void copy_task(void *arg, int64_t task, int thread)
{
    const struct copy *c = arg;
    const size_t start = (size_t)task * COPY_GRAIN, left = c->bytes - start;
    const size_t bytes = left < COPY_GRAIN ? left : COPY_GRAIN;
    (void)thread;
    if (c->from)
        memcpy(c->to + start, c->from + start, bytes);
    else
        memset(c->to + start, 0, bytes);
}

static void copy(struct device *d, void *to, const void *from, size_t bytes)
{
    struct copy c = {to, from, bytes};
    if (bytes)
        cpu_parallel(d, cpu_tasks((int64_t)bytes, COPY_GRAIN), copy_task, &c);
}

static gradc_status cpu_write(struct device *d, struct place to, const void *src, size_t bytes, struct failure *f)
{
    (void)f;
    copy(d, place_host(to), src, bytes);
    return GRADC_OK;
}

static gradc_status cpu_read(struct device *d, void *dst, struct place from, size_t bytes, struct failure *f)
{
    (void)f;
    copy(d, dst, place_host(from), bytes);
    return GRADC_OK;
}

static gradc_status cpu_zero(struct device *d, struct place to, size_t bytes, struct failure *f)
{
    (void)f;
    copy(d, place_host(to), NULL, bytes);
    return GRADC_OK;
}

/* Every call is done when it returns. */
static gradc_status cpu_done(struct device *d, struct failure *f)
{
    (void)d;
    (void)f;
    return GRADC_OK;
}

/* ---- Engines ---- */

static gradc_status run_gemm(struct device *d, const struct gemm *p, struct place workspace, int prepare,
                             struct failure *f)
{
    return prepare ? GRADC_OK : cpu_gemm(d, p, workspace, f);
}

static gradc_status run_conv(struct device *d, const struct conv *p, int prepare, struct failure *f)
{
    return prepare ? GRADC_OK : cpu_conv(d, p, f);
}

/* ---- Settings ---- */

static gradc_status set_threads(struct device *d, const char *value, struct failure *f)
{
    char *end = NULL;
    const long count = *value >= '0' && *value <= '9' ? strtol(value, &end, 10) : 0;
    if (count < 1 || *end)
        return fail(f, GRADC_E_ARG, "threads: \"%s\" is not a number from 1 on", value);
    const int most = pool_most();
    ((struct cpu *)d)->threads = count < most ? (int)count : most;
    return GRADC_OK;
}

static gradc_status cpu_set(struct device *d, const char *key, const char *value, struct failure *f)
{
    if (!strcmp(key, "threads"))
        return set_threads(d, value, f);
    if (!strcmp(key, "blas"))
        return cpu_blas_set(d, value, f);
    return GRADC_E_UNSUPPORTED;
}

static void cpu_close(struct device *d)
{
    host_free(d);
}

static const struct device_table cpu_table = {
    .close = cpu_close,
    .slab_new = slab_new,
    .slab_free = slab_free,
    .write = cpu_write,
    .read = cpu_read,
    .zero = cpu_zero,
    .flush = cpu_done,
    .finish = cpu_done,
    .gemm_workspace = cpu_gemm_workspace,
    .gemm = run_gemm,
    .conv_workspace = cpu_conv_workspace,
    .conv = run_conv,
    .set = cpu_set,
};

/* ---- Facts ---- */

/* The first "key : value" of /proc/cpuinfo; text stays as it is if there is none. */
static void cpuinfo(const char *all, const char *key, char *text, size_t size)
{
    const size_t length = strlen(key);
    for (const char *line = all; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        const char *colon = line + strcspn(line, ":\n");
        if (strncmp(line, key, length) ||
            (line[length] != '\t' && line[length] != ' ' && line[length] != ':') || *colon != ':')
            continue;
        colon += 1 + strspn(colon + 1, " \t");
        if (*colon && *colon != '\n')
            snprintf(text, size, "%.*s", (int)strcspn(colon, "\n"), colon);
        return;
    }
}

void cpu_describe(struct device_info *info)
{
    *info = (struct device_info){.device = "cpu", .kind = "cpu", .name = "CPU", .platform = "cpu", .f64 = 1};
    char *text = NULL;
    size_t bytes;
    if (!os_file_read("/proc/cpuinfo", &text, &bytes)) {
        cpuinfo(text, "model name", info->name, sizeof info->name);
        cpuinfo(text, "vendor_id", info->vendor, sizeof info->vendor);
        host_free(text);
    }
    snprintf(info->driver, sizeof info->driver, "%s", cpu_isa_names[cpu_isa()]);
    info->memory = os_memory_total();
    info->largest_buffer = info->memory;
    info->units = os_cpu_count();
}

gradc_status cpu_open(struct device **out, struct failure *f)
{
    struct cpu *c = host_zalloc(1, sizeof *c);
    if (!c)
        return fail(f, GRADC_E_MEMORY, "no memory on the host");
    c->base.table = &cpu_table;
    cpu_describe(&c->base.info);
    c->threads = pool_most();
    pool_hope();
    *out = &c->base;
    return GRADC_OK;
}
