/* page.c - text that goes on counting where it no longer fits. */
#include "base/page.h"

#include <stdarg.h>
#include <stdio.h>

void page_put(struct page *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = p->used < p->size ? vsnprintf(p->at + p->used, p->size - p->used, format, args)
                              : vsnprintf(NULL, 0, format, args);
    va_end(args);
    p->used += n > 0 ? (size_t)n : 0;
}
