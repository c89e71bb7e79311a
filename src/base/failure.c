/* failure.c - statuses, their names and texts, and how a failure is filled in.
 *
 * Not here: a context's sticky error, which is the core's. */
#include "base/failure.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name, *text;
} statuses[] = {
#define STATUS(name, text) [-(name)] = {#name, text},
#include "base/status.def"
#undef STATUS
};

static int status_row(gradc_status status)
{
    const int count = (int)(sizeof statuses / sizeof statuses[0]);
    return status > 0 || status <= -count ? -1 : -status;
}

const char *gradc_status_name(gradc_status status)
{
    const int row = status_row(status);
    return row < 0 ? "no gradc status" : statuses[row].name;
}

/* A message that can't be formatted, or is empty, becomes the status's own text: a failure always says
 * something. */
static void fill(struct failure *f, gradc_status status, const char *format, va_list list)
{
    char text[FAILURE_TEXT]; /* an argument may point into f */
    const int row = status_row(status);
    const int length = vsnprintf(text, sizeof text, format, list);
    const char *from = text;
    if (length <= 0)
        from = row < 0 ? gradc_status_name(status) : statuses[row].text;
    const size_t bytes = strlen(from);
    memcpy(f->text, from, bytes + 1);
    f->status = status;
}

gradc_status fail(struct failure *f, gradc_status status, const char *format, ...)
{
    if (!f || f->status)
        return status;
    va_list list;
    va_start(list, format);
    fill(f, status, format, list);
    va_end(list);
    return status;
}

struct failure *thread_failure(void)
{
    static _Thread_local struct failure failure;
    return &failure;
}

gradc_status fail_thread(gradc_status status, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    fill(thread_failure(), status, format, list);
    va_end(list);
    return status;
}
