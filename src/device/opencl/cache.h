/* cache.h - compiled programs on disk.  Private to device/opencl. */
#ifndef GRADC_OPENCL_CACHE_H
#define GRADC_OPENCL_CACHE_H

#include <stddef.h>

/* A program as it was stored: `binary` lies inside `file`, which is host_free'd. */
struct cached {
    char *file;
    const unsigned char *binary;
    size_t bytes;
};

/* What was stored under this key (a text of everything that the program depends on): 1, or 0 if there is
 * nothing or it is not what was stored. */
int cache_read(const char *folder, const char *key, size_t key_bytes, struct cached *out);

/* Stores a program, instead of one that may be there.  What goes wrong is only logged, once per process. */
void cache_write(const char *folder, const char *key, size_t key_bytes, const void *binary, size_t bytes);

#endif
