/* host.h - the host's allocator and log, as the program that embeds us gave them. */
#ifndef GRADC_HOST_H
#define GRADC_HOST_H

#include <stddef.h>
#include <stdint.h>

#include "base/failure.h"

/* As malloc, calloc, realloc and free, through gradc_set_allocator's function; NULL when there is no memory
 * or count * size overflows.  host_alloc(0) is NULL. */
void *host_alloc(size_t bytes);
void *host_zalloc(size_t count, size_t size);
void *host_resize(void *old, size_t bytes);
void host_free(void *p);
char *host_strdup(const char *text);

/* Sets bytes to 0, by a call to the C library: for a small structure of known size gcc writes `rep stos`, which takes
 * longer than the rest of making a tensor. */
void host_clear(void *p, size_t bytes);

/* Makes *items (capacity *capacity, of `size` bytes each) hold at least `need`, doubling.  0 or -1 (unchanged). */
int host_grow(void *items, int64_t *capacity, int64_t need, size_t size);

/* Sends one line to gradc_set_log's function. */
void host_log(const char *format, ...) GRADC_PRINTF(1, 2);

/* From here on gradc_set_allocator is refused: called by the first gradc_open. */
void host_freeze(void);

/* "%.*g" with a point whatever the locale; size at least 32.  Returns text. */
char *host_number(char *text, size_t size, int digits, double value);

#endif
