/* page.h - text for a caller's buffer: all is counted, what fits is kept, ended by NUL. */
#ifndef GRADC_PAGE_H
#define GRADC_PAGE_H

#include <stddef.h>

#include "base/failure.h"

struct page {
    char *at; /* may be NULL where size is 0 */
    size_t size, used;
};

void page_put(struct page *p, const char *format, ...) GRADC_PRINTF(2, 3);

#endif
