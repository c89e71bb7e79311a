/* alloc.h - device memory: buffers cut from slabs, with best fit, coalescing, a limit and statistics.
 *
 * A slab is one allocation of the device (at least 2 MiB, growing by what is used; no larger than the device's
 * largest buffer).  Freed buffers are kept for reuse.  Every buffer starts at a multiple of 256 bytes. */
#ifndef GRADC_ALLOC_H
#define GRADC_ALLOC_H

#include "device/device.h"

struct allocator;

struct buffer {
    struct place at;
    size_t bytes; /* rounded up to 256; isolated: as asked for, at least 1 */
    int32_t refs;
    struct allocator *owner;
    struct block *block;
};

/* isolate 1: one slab per buffer, freed at once, so that a kernel's bounds error can't hide. */
struct allocator *allocator_open(struct device *d, int isolate, struct failure *f);
void allocator_close(struct allocator *a); /* with everything still in it */

/* bytes 0 is a buffer too.  GRADC_E_MEMORY names the bytes asked for, in use, and the limit.  Slabs that hold nothing
 * are given back before a new one is refused. */
struct buffer *buffer_new(struct allocator *a, size_t bytes, struct failure *f);
void buffer_retain(struct buffer *b);
void buffer_release(struct buffer *b); /* NULL does nothing */

/* Gives slabs that hold nothing back to the device. */
void allocator_trim(struct allocator *a);

/* 0: the default: no limit on a device that refuses by itself; on the CPU 95% of what os_memory_left says when a slab
 * is added, plus what is held. */
void allocator_limit(struct allocator *a, int64_t bytes);

/* Whether bytes are free in one piece, so that no slab is needed for them. */
int allocator_has(const struct allocator *a, size_t bytes);

/* What an explicit limit leaves for new slabs, if the n buffers (NULL: none) were released and empty slabs given back;
 * -1: there is no limit. */
int64_t allocator_left(const struct allocator *a, struct buffer *const *released, int n);

/* What an explicit limit leaves for new slabs as things stand; -1: there is no limit. */
int64_t allocator_room(const struct allocator *a);

void allocator_info(const struct allocator *a, int64_t *live, int64_t *peak, int64_t *cached);

#endif
