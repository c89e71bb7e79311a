/* alloc.c - the slab allocator.
 *
 * A slab is cut into blocks that know their neighbours by address; a free block is also in the bin of
 * its size class, and joins its free neighbours at once.  Sizes count in units of 256 bytes: classes are
 * exact up to 31 units, then 16 to each power of two.  An allocation looks for the smallest block that
 * fits in its own class, then in the next class that has one.  Both ways are a few list operations, so
 * that a repeated size needs no cache of its own. The descriptions of blocks are recycled, so that in a
 * steady state the host's allocator is not called either. */
#include "core/alloc.h"

#include "base/host.h"
#include "base/os.h"

#define SLAB_BYTES ((size_t)2 << 20)

enum {
    UNIT = 256,
    SUBCLASSES = 16,
    BINS = 56 * SUBCLASSES,
    BIN_LOOKS = 64, /* blocks of a bin that are looked at for the smallest */
    SPARES = 64     /* block descriptions made at once */
};

struct block {
    struct buffer buffer; /* while it is handed out */
    struct chunk *chunk;
    size_t offset, bytes;
    struct block *before, *after; /* neighbours in the slab */
    struct block *next, **link;   /* in its bin while free; next: among the spares too */
    int free;
};

struct chunk {
    struct slab *slab;
    struct chunk *next, **link;
    struct block *first;
};

struct batch {
    struct batch *next;
    struct block blocks[SPARES];
};

struct allocator {
    struct device *device;
    int isolate;
    int64_t limit; /* 0: the default */
    size_t live, peak, held;
    struct chunk *chunks;
    struct block *spares;
    int nspares;
    struct batch *batches;
    uint64_t filled[BINS / 64]; /* bit: the bin is not empty */
    struct block *bins[BINS];
};

/* ---- Bins ---- */

static int bin_of(size_t bytes)
{
    const uint64_t units = bytes / UNIT;
    if (units < SUBCLASSES)
        return (int)units;
    const int power = 63 - __builtin_clzll(units);
    return (power - 3) * SUBCLASSES + (int)(units >> (power - 4)) % SUBCLASSES;
}

static void bin_add(struct allocator *a, struct block *b)
{
    const int bin = bin_of(b->bytes);
    b->free = 1;
    b->next = a->bins[bin];
    b->link = &a->bins[bin];
    if (b->next)
        b->next->link = &b->next;
    a->bins[bin] = b;
    a->filled[bin / 64] |= (uint64_t)1 << (bin % 64);
}

static void bin_remove(struct allocator *a, struct block *b)
{
    const int bin = bin_of(b->bytes);
    b->free = 0;
    *b->link = b->next;
    if (b->next)
        b->next->link = b->link;
    if (!a->bins[bin])
        a->filled[bin / 64] &= ~((uint64_t)1 << (bin % 64));
}

static struct block *smallest(struct block *first, size_t bytes)
{
    struct block *best = NULL;
    int looks = 0;
    for (struct block *b = first; b && looks < BIN_LOOKS; b = b->next, looks++) {
        if (b->bytes == bytes)
            return b;
        if (b->bytes > bytes && (!best || b->bytes < best->bytes))
            best = b;
    }
    return best;
}

/* The first bin from `bin` on that is not empty, or -1. */
static int bin_from(const struct allocator *a, int bin)
{
    for (int word = bin / 64; word < BINS / 64; word++) {
        uint64_t bits = a->filled[word];
        if (word == bin / 64)
            bits &= ~(uint64_t)0 << (bin % 64);
        if (bits)
            return word * 64 + __builtin_ctzll(bits);
    }
    return -1;
}

static struct block *find(const struct allocator *a, size_t bytes)
{
    const int own = bin_of(bytes);
    struct block *b = smallest(a->bins[own], bytes);
    if (b || own + 1 == BINS)
        return b;
    const int bin = bin_from(a, own + 1);
    return bin < 0 ? NULL : smallest(a->bins[bin], bytes);
}

/* ---- Descriptions ---- */

/* Sees to `count` spares before anything is changed; 0, or -1. */
static int spares_reserve(struct allocator *a, int count)
{
    if (a->nspares >= count)
        return 0;
    struct batch *batch = host_zalloc(1, sizeof *batch);
    if (!batch)
        return -1;
    batch->next = a->batches;
    a->batches = batch;
    for (int i = 0; i < SPARES; i++) {
        batch->blocks[i].next = a->spares;
        a->spares = &batch->blocks[i];
    }
    a->nspares += SPARES;
    return 0;
}

static struct block *spare_take(struct allocator *a)
{
    struct block *b = a->spares;
    a->spares = b->next;
    a->nspares--;
    return b;
}

static void spare_give(struct allocator *a, struct block *b)
{
    b->next = a->spares;
    a->spares = b;
    a->nspares++;
}

/* ---- Slabs ---- */

static void chunk_free(struct allocator *a, struct chunk *c)
{
    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
    a->held -= c->slab->bytes;
    a->device->table->slab_free(a->device, c->slab);
    host_free(c);
}

void allocator_trim(struct allocator *a)
{
    for (struct chunk *c = a->chunks, *next; c; c = next) {
        struct block *b = c->first;
        next = c->next;
        if (!b->free || b->after)
            continue;
        bin_remove(a, b);
        spare_give(a, b);
        chunk_free(a, c);
    }
}

/* A slab with one free block over it, not in a bin.  One spare is taken. */
static struct chunk *chunk_new(struct allocator *a, size_t bytes, struct failure *f)
{
    struct chunk *c = host_zalloc(1, sizeof *c);
    if (!c) {
        fail(f, GRADC_E_MEMORY, "no memory on the host");
        return NULL;
    }
    if (a->device->table->slab_new(a->device, bytes, &c->slab, f)) {
        host_free(c);
        return NULL;
    }
    c->next = a->chunks;
    c->link = &a->chunks;
    if (c->next)
        c->next->link = &c->next;
    a->chunks = c;
    a->held += bytes;
    c->first = spare_take(a);
    *c->first = (struct block){.chunk = c, .bytes = bytes};
    return c;
}

/* What may be held now. */
static size_t limit_now(const struct allocator *a)
{
    if (a->limit > 0)
        return (size_t)a->limit;
    if (a->device->opencl)
        return SIZE_MAX;
    const int64_t left = os_memory_left();
    const size_t share = left == INT64_MAX ? SIZE_MAX : (size_t)left / 100 * 95;
    return share > SIZE_MAX - a->held ? SIZE_MAX : share + a->held;
}

static int within_limit(const struct allocator *a, size_t bytes)
{
    const size_t limit = limit_now(a);
    return a->held <= limit && bytes <= limit - a->held;
}

static size_t largest_slab(const struct allocator *a)
{
    const int64_t largest = a->device->info.largest_buffer;
    return largest > 0 ? (size_t)largest : SIZE_MAX;
}

static size_t round_up(size_t bytes, size_t unit)
{
    return (bytes + unit - 1) / unit * unit;
}

/* The slab that should be added for `bytes`: it grows with what is held, so that there are few. */
static size_t slab_size(const struct allocator *a, size_t bytes)
{
    const size_t largest = largest_slab(a) / UNIT * UNIT, share = round_up(a->held / 4, SLAB_BYTES);
    size_t size = round_up(bytes, SLAB_BYTES);
    size = size > share ? size : share;
    size = size < largest ? size : largest;
    return size > bytes ? size : bytes;
}

static gradc_status refuse(const struct allocator *a, size_t bytes, const struct failure *why, struct failure *f)
{
    const size_t limit = limit_now(a);
    const char *device = a->device->info.device;
    if (limit != SIZE_MAX)
        return fail(f, GRADC_E_MEMORY, "%s: no room for %zu bytes: %zu are in use, the limit is %zu%s%s",
                    device, bytes, a->live, limit, why->status ? "; " : "", why->status ? why->text : "");
    return fail(f, GRADC_E_MEMORY, "%s: no room for %zu bytes: %zu are in use, no limit is set; %s", device,
                bytes, a->live, why->text);
}

/* Tries sizes from the wanted one down to what is needed, then again after giving empty slabs back. */
static struct chunk *grow(struct allocator *a, size_t want, size_t need, struct failure *f)
{
    const size_t sizes[] = {want, need};
    struct failure why = {.status = GRADC_OK};
    for (int round = 0; round < 2; round++) {
        for (int i = want > need ? 0 : 1; i < 2; i++) {
            why.status = GRADC_OK;
            if (!within_limit(a, sizes[i]))
                continue;
            struct chunk *c = chunk_new(a, sizes[i], &why);
            if (c)
                return c;
            if (why.status != GRADC_E_MEMORY) {
                fail(f, why.status, "%s", why.text);
                return NULL;
            }
        }
        if (!round)
            allocator_trim(a);
    }
    refuse(a, need, &why, f);
    return NULL;
}

/* ---- Buffers ---- */

/* Cuts what is not needed off the end of a block that is in no bin. */
static void split(struct allocator *a, struct block *b, size_t bytes)
{
    if (b->bytes - bytes < UNIT)
        return;
    struct block *rest = spare_take(a);
    *rest = (struct block){.chunk = b->chunk, .offset = b->offset + bytes, .bytes = b->bytes - bytes};
    rest->before = b;
    rest->after = b->after;
    if (rest->after)
        rest->after->before = rest;
    b->after = rest;
    b->bytes = bytes;
    bin_add(a, rest);
}

static struct buffer *hand_out(struct allocator *a, struct block *b)
{
    b->buffer = (struct buffer){{b->chunk->slab, b->offset}, b->bytes, 1, a, b};
    a->live += b->bytes;
    a->peak = a->live > a->peak ? a->live : a->peak;
    return &b->buffer;
}

struct buffer *buffer_new(struct allocator *a, size_t bytes, struct failure *f)
{
    const size_t least = bytes ? bytes : 1;
    const size_t need = a->isolate || least > SIZE_MAX / 4 ? least : round_up(least, UNIT);
    if (need > largest_slab(a) || need > SIZE_MAX / 4) {
        fail(f, GRADC_E_MEMORY, "%s: %zu bytes in one piece: the device's largest buffer is %lld",
             a->device->info.device, bytes, (long long)a->device->info.largest_buffer);
        return NULL;
    }
    if (spares_reserve(a, 2)) {
        fail(f, GRADC_E_MEMORY, "%s: no memory on the host to describe %zu bytes", a->device->info.device, bytes);
        return NULL;
    }
    if (a->isolate) {
        struct chunk *c = grow(a, need, need, f);
        return c ? hand_out(a, c->first) : NULL;
    }
    struct block *b = find(a, need);
    if (b) {
        bin_remove(a, b);
    } else {
        struct chunk *c = grow(a, slab_size(a, need), need, f);
        if (!c)
            return NULL;
        b = c->first;
    }
    split(a, b, need);
    return hand_out(a, b);
}

void buffer_retain(struct buffer *b)
{
    b->refs++;
}

/* b takes in the free block behind it. */
static void join(struct allocator *a, struct block *b)
{
    struct block *rest = b->after;
    bin_remove(a, rest);
    b->bytes += rest->bytes;
    b->after = rest->after;
    if (b->after)
        b->after->before = b;
    spare_give(a, rest);
}

void buffer_release(struct buffer *buffer)
{
    if (!buffer || --buffer->refs)
        return;
    struct allocator *a = buffer->owner;
    struct block *b = buffer->block;
    a->live -= b->bytes;
    if (a->isolate) {
        struct chunk *c = b->chunk;
        spare_give(a, b);
        chunk_free(a, c);
        return;
    }
    if (b->after && b->after->free)
        join(a, b);
    if (b->before && b->before->free) {
        struct block *before = b->before;
        bin_remove(a, before);
        b->offset = before->offset;
        b->bytes += before->bytes;
        b->before = before->before;
        if (b->before)
            b->before->after = b;
        else
            b->chunk->first = b;
        spare_give(a, before);
    }
    bin_add(a, b);
}

/* ---- The whole ---- */

struct allocator *allocator_open(struct device *d, int isolate, struct failure *f)
{
    struct allocator *a = host_zalloc(1, sizeof *a);
    if (!a) {
        fail(f, GRADC_E_MEMORY, "%s: no memory on the host for an allocator", d->info.device);
        return NULL;
    }
    a->device = d;
    a->isolate = isolate;
    return a;
}

void allocator_close(struct allocator *a)
{
    if (!a)
        return;
    while (a->chunks)
        chunk_free(a, a->chunks);
    while (a->batches) {
        struct batch *next = a->batches->next;
        host_free(a->batches);
        a->batches = next;
    }
    host_free(a);
}

void allocator_limit(struct allocator *a, int64_t bytes)
{
    a->limit = bytes > 0 ? bytes : 0;
}

int allocator_has(const struct allocator *a, size_t bytes)
{
    return !a->isolate && find(a, round_up(bytes ? bytes : 1, UNIT)) != NULL;
}

/* Whether the chunk holds a buffer that is none of these. */
static int holds_others(const struct chunk *c, struct buffer *const *released, int n)
{
    for (const struct block *b = c->first; b; b = b->after) {
        int other = !b->free;
        for (int i = 0; i < n; i++)
            other &= &b->buffer != released[i];
        if (other)
            return 1;
    }
    return 0;
}

int64_t allocator_left(const struct allocator *a, struct buffer *const *released, int n)
{
    int64_t left = a->limit;
    if (a->limit == 0)
        return -1;
    for (const struct chunk *c = a->chunks; c; c = c->next)
        left -= holds_others(c, released, n) ? (int64_t)c->slab->bytes : 0;
    return left > 0 ? left : 0;
}

int64_t allocator_room(const struct allocator *a)
{
    if (a->limit == 0)
        return -1;
    return a->limit > (int64_t)a->held ? a->limit - (int64_t)a->held : 0;
}

void allocator_info(const struct allocator *a, int64_t *live, int64_t *peak, int64_t *cached)
{
    if (live)
        *live = (int64_t)a->live;
    if (peak)
        *peak = (int64_t)a->peak;
    if (cached)
        *cached = (int64_t)(a->held - a->live);
}
