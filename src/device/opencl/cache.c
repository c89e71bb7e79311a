/* cache.c - one file per compiled program, named by a hash of its key.
 *
 * A file is a header, the whole key, the binary.  Key and sizes are compared in full and the contents have a
 * check sum, so that a damaged file, another machine's or another key's with the same hash is never handed
 * to a driver. */
#include "device/opencl/cache.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/host.h"
#include "base/os.h"

struct hash {
    uint64_t low, high;
};

struct header {
    char magic[16]; /* with the layout's version; a machine of the other byte order sees absurd sizes */
    uint64_t key_bytes, bytes;
    struct hash check; /* of all behind the header */
};

static const char magic[16] = "gradc program 1";

static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* 128 bits over the bytes, eight at a time, in two lanes that differ in their constants and in how they
 * turn. */
static struct hash hash_bytes(const char *data, size_t bytes)
{
    struct hash h = {0x9e3779b97f4a7c15u ^ bytes, 0xc2b2ae3d27d4eb4fu + bytes};
    for (size_t at = 0; at < bytes; at += 8) {
        uint64_t word = 0;
        memcpy(&word, data + at, bytes - at < 8 ? bytes - at : 8);
        h.low = (h.low ^ word) * 0x9fb21c651e98df25u;
        h.low ^= h.low >> 29;
        h.high += mix(word ^ 0xd6e8feb86659fd93u);
        h.high = (h.high << 27 | h.high >> 37) * 0xff51afd7ed558ccdu;
    }
    h.low = mix(h.low + (h.high >> 7));
    h.high = mix(h.high ^ h.low);
    return h;
}

/* The path of a key's file: 0, or -1 if it is too long. */
static int file_path(const char *folder, const char *key, size_t key_bytes, char *path, size_t size)
{
    struct hash h = hash_bytes(key, key_bytes);
    int n = snprintf(path, size, "%s/%016" PRIx64 "%016" PRIx64 ".clbin", folder, h.high, h.low);
    return n > 0 && (size_t)n < size ? 0 : -1;
}

/* 1 if the file is whole and was stored for this key. */
static int is_ours(const char *file, size_t size, const char *key, size_t key_bytes, struct header *h)
{
    if (size < sizeof *h)
        return 0;
    memcpy(h, file, sizeof *h);
    const char *rest = file + sizeof *h;
    size -= sizeof *h;
    if (memcmp(h->magic, magic, sizeof magic) != 0 || h->key_bytes != key_bytes || key_bytes > size)
        return 0;
    if (h->bytes == 0 || h->bytes != size - key_bytes || memcmp(rest, key, key_bytes) != 0)
        return 0;
    struct hash check = hash_bytes(rest, size);
    return check.low == h->check.low && check.high == h->check.high;
}

int cache_read(const char *folder, const char *key, size_t key_bytes, struct cached *out)
{
    char path[2048], *file;
    size_t size;
    struct header h;
    if (file_path(folder, key, key_bytes, path, sizeof path) || os_file_read(path, &file, &size))
        return 0;
    if (!is_ours(file, size, key, key_bytes, &h)) {
        host_free(file);
        return 0;
    }
    out->file = file;
    out->binary = (const unsigned char *)file + sizeof h + key_bytes;
    out->bytes = (size_t)h.bytes;
    return 1;
}

static void complain(const char *folder, int code)
{
    static atomic_int complained;
    char text[128];
    if (!atomic_exchange(&complained, 1))
        host_log("compiled OpenCL programs can't be kept in %s: %s", folder, os_error(code, text, sizeof text));
}

void cache_write(const char *folder, const char *key, size_t key_bytes, const void *binary, size_t bytes)
{
    char path[2048];
    struct header h = {.key_bytes = key_bytes, .bytes = bytes};
    if (file_path(folder, key, key_bytes, path, sizeof path) || bytes > SIZE_MAX / 2 - key_bytes)
        return;
    char *file = host_alloc(sizeof h + key_bytes + bytes);
    if (!file)
        return;
    char *rest = file + sizeof h;
    memcpy(rest, key, key_bytes);
    memcpy(rest + key_bytes, binary, bytes);
    memcpy(h.magic, magic, sizeof magic);
    h.check = hash_bytes(rest, key_bytes + bytes);
    memcpy(file, &h, sizeof h);
    int code = os_mkdirs(folder);
    if (!code)
        code = os_file_replace(path, file, sizeof h + key_bytes + bytes);
    if (code)
        complain(folder, code);
    host_free(file);
}
