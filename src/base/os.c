/* os.c - the operating system: memory, threads, libraries, the clock.  Linux, and what else has its calls.
 *
 * Not here: files (os_file.c). */
#include "base/os.h"

#include "base/host.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- Pages ---- */

static const size_t huge_page = (size_t)2 << 20;

static size_t whole_pages(size_t bytes)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return bytes > SIZE_MAX - page ? 0 : (bytes + page - 1) / page * page;
}

void *os_pages(size_t bytes)
{
    const size_t want = whole_pages(bytes);
    const size_t extra = want >= huge_page ? huge_page : 0;
    if (!want || want > SIZE_MAX - extra)
        return NULL;
    char *map = mmap(NULL, want + extra, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED)
        return NULL;
    if (!extra)
        return map;
    const size_t head = (huge_page - (uintptr_t)map % huge_page) % huge_page;
    if (head)
        munmap(map, head);
    if (extra - head)
        munmap(map + head + want, extra - head);
    madvise(map + head, want, MADV_HUGEPAGE); /* a hint: small pages do as well */
    return map + head;
}

void os_pages_free(void *pages, size_t bytes)
{
    if (pages)
        munmap(pages, whole_pages(bytes));
}

/* ---- What the machine and its control groups grant ---- */

/* Reads a small file of the kernel's into text, cut off at `size`; the bytes, or -1. */
static ssize_t read_text(const char *path, char *text, size_t size)
{
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return -1;
    size_t n = 0;
    while (n + 1 < size) {
        const ssize_t got = read(file, text + n, size - 1 - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    close(file);
    text[n] = 0;
    return (ssize_t)n;
}

/* The number behind `key` in a text of lines "key number" or "key: number kB"; 0 if it is not there. */
static int64_t number_after(const char *text, const char *key)
{
    const size_t length = strlen(key);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (!strncmp(line, key, length) && (line[length] == ' ' || line[length] == ':'))
            return strtoll(line + length + 1, NULL, 10);
    }
    return 0;
}

/* A control group of this process: version 1 or 2, its folder, and where the mount ends in it. */
struct group {
    int version;
    size_t root;
    char folder[1024];
};

/* Takes one line of /proc/self/cgroup, "number:controllers:path", if it is about the controller. */
static int group_line(struct group *g, const char *line, const char *controller)
{
    const char *list = strchr(line, ':');
    const char *path = list ? strchr(list + 1, ':') : NULL;
    if (!path)
        return 0;
    const size_t length = strlen(controller);
    int found = 0;
    for (const char *name = list + 1; name < path; name++) {
        const char *end = name + strcspn(name, ",:");
        found |= (size_t)(end - name) == length && !strncmp(name, controller, length);
        name = end;
    }
    const int unified = path == list + 1;
    if (!found && !unified)
        return 0;
    g->version = unified ? 2 : 1;
    const int root = snprintf(g->folder, sizeof g->folder, "/sys/fs/cgroup%s%s", unified ? "" : "/",
                              unified ? "" : controller);
    g->root = (size_t)root;
    const size_t bytes = strcspn(++path, "\n");
    if (bytes > 1 && g->root + bytes < sizeof g->folder)
        snprintf(g->folder + g->root, sizeof g->folder - g->root, "%.*s", (int)bytes, path);
    return 1;
}

/* The least of what each group from this process's own up to the mount answers; INT64_MAX: no limit. */
static int64_t group_least(const char *controller, int64_t (*ask)(const struct group *g))
{
    char lines[8192];
    if (read_text("/proc/self/cgroup", lines, sizeof lines) < 0)
        return INT64_MAX;
    int64_t least = INT64_MAX;
    for (char *line = lines; line && *line;) {
        struct group g;
        if (group_line(&g, line, controller)) {
            for (char *cut = g.folder; cut;) {
                const int64_t value = ask(&g);
                least = value < least ? value : least;
                cut = strrchr(g.folder + g.root, '/');
                if (cut)
                    *cut = 0;
            }
        }
        line = strchr(line, '\n');
        line += line ? 1 : 0;
    }
    return least;
}

/* A file of a group; 0 where it is missing. */
static int group_read(const struct group *g, const char *file, char *text, size_t size)
{
    char path[1200];
    const int length = snprintf(path, sizeof path, "%s/%s", g->folder, file);
    return length > 0 && length < (int)sizeof path && read_text(path, text, size) > 0;
}

static int64_t group_memory_limit(const struct group *g)
{
    char text[64];
    if (!group_read(g, g->version == 2 ? "memory.max" : "memory.limit_in_bytes", text, sizeof text) ||
        *text == 'm')
        return INT64_MAX;
    return strtoll(text, NULL, 10);
}

/* The limit less what is used; pages of files count as free, since the kernel gives them up. */
static int64_t group_memory_left(const struct group *g)
{
    char text[8192];
    const int64_t limit = group_memory_limit(g);
    if (limit == INT64_MAX ||
        !group_read(g, g->version == 2 ? "memory.current" : "memory.usage_in_bytes", text, sizeof text))
        return INT64_MAX;
    int64_t used = strtoll(text, NULL, 10);
    if (group_read(g, "memory.stat", text, sizeof text)) {
        used -= number_after(text, g->version == 2 ? "inactive_file" : "total_inactive_file");
        used -= number_after(text, g->version == 2 ? "active_file" : "total_active_file");
    }
    used = used < 0 ? 0 : used;
    return limit > used ? limit - used : 0;
}

static int64_t group_cpus(const struct group *g)
{
    char text[64], period_text[64];
    const char *period = period_text;
    if (g->version == 2) {
        if (!group_read(g, "cpu.max", text, sizeof text) || *text == 'm')
            return INT64_MAX;
        period = text + strcspn(text, " ");
    } else if (!group_read(g, "cpu.cfs_quota_us", text, sizeof text) ||
               !group_read(g, "cpu.cfs_period_us", period_text, sizeof period_text)) {
        return INT64_MAX;
    }
    const int64_t quota = strtoll(text, NULL, 10), each = strtoll(period, NULL, 10);
    return quota > 0 && each > 0 ? (quota - 1) / each + 1 : INT64_MAX;
}

static int64_t meminfo(const char *key, int64_t otherwise)
{
    char text[8192];
    if (read_text("/proc/meminfo", text, sizeof text) < 0)
        return otherwise;
    const int64_t kib = number_after(text, key);
    return kib > 0 ? kib * 1024 : otherwise;
}

int64_t os_memory_left(void)
{
    const int64_t machine = meminfo("MemAvailable", INT64_MAX);
    const int64_t group = group_least("memory", group_memory_left);
    return machine < group ? machine : group;
}

int64_t os_memory_total(void)
{
    const int64_t machine = meminfo("MemTotal", INT64_MAX);
    const int64_t group = group_least("memory", group_memory_limit);
    return machine < group ? machine : group;
}

/* The CPUs of the affinity mask, in a set that is doubled until the kernel's mask fits. */
static int64_t affinity(void)
{
    for (int most = 1024; most <= 1 << 20; most *= 2) {
        cpu_set_t *set = CPU_ALLOC((size_t)most);
        if (!set)
            return 1;
        const size_t bytes = CPU_ALLOC_SIZE((size_t)most);
        const int got = sched_getaffinity(0, bytes, set);
        const int count = got ? 0 : CPU_COUNT_S(bytes, set);
        CPU_FREE(set);
        if (!got)
            return count;
    }
    return 1;
}

int os_describes_hardware(void)
{
#ifdef __linux__
    return access("/sys/devices/system/cpu", F_OK) == 0;
#else
    return 1;
#endif
}

int os_cpu_count(void)
{
    const int64_t quota = group_least("cpu", group_cpus), mask = affinity();
    const int64_t count = quota < mask ? quota : mask;
    return count < 1 ? 1 : (int)count;
}

/* ---- Threads ---- */

static atomic_int threads_until_failure; /* 0: none fails; 1: the next and all after it */

void os_fail_threads(int n)
{
    atomic_store(&threads_until_failure, n);
}

static int thread_must_fail(void)
{
    const int left = atomic_load(&threads_until_failure);
    if (left > 1)
        atomic_store(&threads_until_failure, left - 1);
    return left == 1;
}

int os_thread_start(pthread_t *thread, void *(*run)(void *), void *arg)
{
    if (thread_must_fail())
        return -1;
    sigset_t all, before;
    sigfillset(&all);
    if (pthread_sigmask(SIG_SETMASK, &all, &before))
        return -1;
    const int failed = pthread_create(thread, NULL, run, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed ? -1 : 0;
}

void os_thread_join(pthread_t thread)
{
    pthread_join(thread, NULL);
}

void os_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
    __asm__ volatile("yield");
#endif
}

void os_yield(void)
{
    sched_yield();
}

static atomic_int forks;

static void count_fork(void)
{
    atomic_fetch_add_explicit(&forks, 1, memory_order_relaxed);
}

/* When the library is loaded, so that no fork after that is missed. */
__attribute__((constructor)) static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, count_fork);
}

int os_forks(void)
{
    return atomic_load_explicit(&forks, memory_order_relaxed);
}

/* ---- Clock, environment, libraries ---- */

double os_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

const char *os_environment(const char *name)
{
    return getenv(name);
}

void *os_library(const char *name)
{
    return dlopen(name, RTLD_NOW | RTLD_LOCAL);
}

void *os_symbol(void *library, const char *name)
{
    return dlsym(library, name);
}

void os_library_close(void *library)
{
    if (library)
        dlclose(library);
}

/* ---- Folders ---- */

int os_cache_folder(char *text, size_t size)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int length = -1;
    if (cache && *cache == '/') /* by the XDG standard another one is to be ignored */
        length = snprintf(text, size, "%s", cache);
    else if (home && *home == '/')
        length = snprintf(text, size, "%s/.cache", home);
    if (length <= 0 || (size_t)length >= size)
        return -1;
    while (length > 1 && text[length - 1] == '/')
        text[--length] = 0;
    return 0;
}
