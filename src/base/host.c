/* host.c - the host's allocator and log, numbers as text, and the library's version.
 *
 * Not here: device memory (core/alloc.c) and the operating system (base/os.c). */
#include "base/host.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *system_resize(void *payload, void *old, size_t bytes)
{
    (void)payload;
    if (bytes)
        return realloc(old, bytes);
    free(old);
    return NULL;
}

/* Written before the first gradc_open only, so read without a lock. */
static void *(*host_resizer)(void *payload, void *old, size_t bytes) = system_resize;
static void *host_payload;
static atomic_int frozen;

gradc_status gradc_set_allocator(void *(*resize)(void *payload, void *old, size_t bytes), void *payload)
{
    if (atomic_load(&frozen))
        return fail_thread(GRADC_E_BUSY, "set_allocator: call it before the first gradc_open");
    host_resizer = resize ? resize : system_resize;
    host_payload = resize ? payload : NULL;
    return GRADC_OK;
}

void host_freeze(void)
{
    atomic_store(&frozen, 1);
}

void *host_alloc(size_t bytes)
{
    return bytes ? host_resizer(host_payload, NULL, bytes) : NULL;
}

void *host_zalloc(size_t count, size_t size)
{
    if (size && count > SIZE_MAX / size)
        return NULL;
    void *p = host_alloc(count * size);
    if (p)
        memset(p, 0, count * size);
    return p;
}

void *host_resize(void *old, size_t bytes)
{
    if (bytes)
        return host_resizer(host_payload, old, bytes);
    host_free(old);
    return NULL;
}

void host_free(void *p)
{
    if (p)
        host_resizer(host_payload, p, 0);
}

void gradc_free(void *data)
{
    host_free(data);
}

char *host_strdup(const char *text)
{
    const size_t bytes = strlen(text) + 1;
    char *copy = host_alloc(bytes);
    return copy ? memcpy(copy, text, bytes) : NULL;
}

void host_clear(void *p, size_t bytes)
{
    memset(p, 0, bytes);
}

int host_grow(void *items, int64_t *capacity, int64_t need, size_t size)
{
    if (need <= *capacity)
        return 0;
    int64_t count = *capacity < 8 ? 8 : *capacity;
    while (count < need)
        count = count > INT64_MAX / 2 ? need : count * 2;
    if ((uint64_t)count > SIZE_MAX / (size ? size : 1))
        return -1;
    void *old;
    memcpy(&old, items, sizeof old); /* `items` points to a pointer of any type */
    void *p = host_resize(old, (size_t)count * size);
    if (!p)
        return -1;
    memcpy(items, &p, sizeof p);
    *capacity = count;
    return 0;
}

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static void (*log_line)(void *payload, const char *line);
static void *log_payload;

void gradc_set_log(void (*log)(void *payload, const char *line), void *payload)
{
    pthread_mutex_lock(&log_lock);
    log_line = log;
    log_payload = payload;
    pthread_mutex_unlock(&log_lock);
}

void host_log(const char *format, ...)
{
    pthread_mutex_lock(&log_lock);
    void (*const log)(void *, const char *) = log_line;
    void *const payload = log_payload;
    pthread_mutex_unlock(&log_lock);
    if (!log)
        return;
    char line[1024];
    va_list list;
    va_start(list, format);
    const int length = vsnprintf(line, sizeof line, format, list);
    va_end(list);
    if (length < 0)
        return;
    for (char *c = line; *c; c++)
        if (*c == '\n')
            *c = ' ';
    log(payload, line);
}

/* The decimal point is the only thing in "%g" that the locale changes; it may be several bytes. */
char *host_number(char *text, size_t size, int digits, double value)
{
    char local[64];
    const int length = snprintf(local, sizeof local, "%.*g", digits < 40 ? digits : 40, value);
    const int finite = value - value == 0;
    size_t n = 0;
    int point = 0;
    for (int i = 0; i < length && n + 1 < size; i++) {
        if (!finite || strchr("0123456789+-e", local[i])) {
            text[n++] = local[i];
        } else if (!point) {
            text[n++] = '.';
            point = 1;
        }
    }
    if (size)
        text[n] = 0;
    return text;
}

#define TEXT2(x) #x
#define TEXT(x) TEXT2(x)

const char *gradc_version(void)
{
    return TEXT(GRADC_VERSION_MAJOR) "." TEXT(GRADC_VERSION_MINOR) "." TEXT(GRADC_VERSION_PATCH);
}
