/* idx.c - reads IDX files, the format of MNIST and its kin, gzip or not.
 *
 * A file is two zero bytes, a type, the number of axes, a big-endian 32-bit size for each axis, and the elements,
 * big-endian.  Nothing in a header is believed: memory grows with what the file really holds. */
#include <errno.h>
#include <string.h>
#include <zlib.h>

#include "base/failure.h"
#include "base/host.h"
#include "base/os.h"

enum { IDX_CHUNK = 1 << 20 };

struct idx {
    const char *path;
    gzFile file;
    gradc_dtype dtype;
    int ndim;
    int64_t shape[GRADC_MAX_NDIM];
    size_t bytes;
    unsigned char *data;
};

/* The types of an IDX file; those with size 0 have no dtype here. */
static const struct idx_type {
    unsigned char code;
    gradc_dtype dtype;
    size_t size;
} idx_types[] = {{0x08, GRADC_U8, 1},  {0x09, 0, 0},         {0x0B, 0, 0},
                 {0x0C, GRADC_I32, 4}, {0x0D, GRADC_F32, 4}, {0x0E, GRADC_F64, 8}};

static const struct idx_type *idx_find_type(unsigned char code)
{
    for (size_t i = 0; i < sizeof idx_types / sizeof idx_types[0]; i++)
        if (idx_types[i].code == code)
            return &idx_types[i];
    return NULL;
}

/* Why the last read stopped early. */
static gradc_status idx_cut(const struct idx *x)
{
    int code = Z_OK;
    const char *why = gzerror(x->file, &code);
    if (code == Z_DATA_ERROR)
        return fail_thread(GRADC_E_IO, "read_idx: damaged data: %s", why);
    if (code == Z_ERRNO) {
        char text[128];
        return fail_thread(GRADC_E_IO, "read_idx: %s: %s", x->path, os_error(errno, text, sizeof text));
    }
    if (code == Z_MEM_ERROR)
        return fail_thread(GRADC_E_MEMORY, "read_idx: no memory to read %s", x->path);
    return fail_thread(GRADC_E_IO, "read_idx: %s is cut short", x->path);
}

/* Fills `to`, or says what is wrong with the file. */
static gradc_status idx_fill(const struct idx *x, unsigned char *to, size_t bytes)
{
    size_t got = 0;
    while (got < bytes) {
        size_t want = bytes - got < IDX_CHUNK ? bytes - got : IDX_CHUNK;
        int n = gzread(x->file, to + got, (unsigned)want);
        if (n <= 0)
            return idx_cut(x);
        got += (size_t)n;
    }
    return GRADC_OK;
}

static gradc_status idx_axes(struct idx *x, size_t size)
{
    size_t count = 1;
    for (int axis = 0; axis < x->ndim; axis++) {
        unsigned char b[4];
        gradc_status status = idx_fill(x, b, sizeof b);
        if (status != GRADC_OK)
            return status;
        x->shape[axis] = (int64_t)b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3];
        size_t length = (size_t)x->shape[axis];
        if (length != 0 && count > (size_t)PTRDIFF_MAX / size / length)
            return fail_thread(GRADC_E_IO, "read_idx: %s announces more elements than memory can hold", x->path);
        count *= length;
    }
    x->bytes = count * size;
    return GRADC_OK;
}

static gradc_status idx_header(struct idx *x, size_t *size)
{
    unsigned char magic[4];
    gradc_status status = idx_fill(x, magic, sizeof magic);
    if (status != GRADC_OK)
        return status;
    const struct idx_type *type = idx_find_type(magic[2]);
    if (magic[0] != 0 || magic[1] != 0 || type == NULL)
        return fail_thread(GRADC_E_IO, "read_idx: %s is not an IDX file", x->path);
    if (type->size == 0)
        return fail_thread(GRADC_E_UNSUPPORTED, "read_idx: %s holds 8- or 16-bit signed integers", x->path);
    if (magic[3] > GRADC_MAX_NDIM)
        return fail_thread(GRADC_E_IO, "read_idx: %s announces %d axes; at most %d are possible", x->path,
                           magic[3], GRADC_MAX_NDIM);
    x->dtype = type->dtype;
    x->ndim = magic[3];
    *size = type->size;
    return idx_axes(x, type->size);
}

/* Memory doubles as the file keeps its word. */
static gradc_status idx_elements(struct idx *x)
{
    size_t got = 0, room = x->bytes < IDX_CHUNK ? x->bytes : IDX_CHUNK;
    x->data = host_alloc(room > 0 ? room : 1);
    while (x->data != NULL && got < x->bytes) {
        gradc_status status = idx_fill(x, x->data + got, room - got);
        if (status != GRADC_OK)
            return status;
        got = room;
        if (got == x->bytes)
            break;
        room = x->bytes - room < room ? x->bytes : 2 * room;
        unsigned char *more = host_resize(x->data, room);
        if (more == NULL)
            return fail_thread(GRADC_E_MEMORY, "read_idx: no memory for the %zu bytes of %s", x->bytes, x->path);
        x->data = more;
    }
    return x->data != NULL ? GRADC_OK : fail_thread(GRADC_E_MEMORY, "read_idx: no memory to read %s", x->path);
}

/* Nothing may follow; asking also makes zlib compare the checksum. */
static gradc_status idx_end(const struct idx *x)
{
    unsigned char more;
    int n = gzread(x->file, &more, 1);
    if (n > 0)
        return fail_thread(GRADC_E_IO, "read_idx: %s goes on behind the %zu bytes that it announces", x->path,
                           x->bytes);
    int code = Z_OK;
    gzerror(x->file, &code);
    return n < 0 || code != Z_OK ? idx_cut(x) : GRADC_OK;
}

/* From big-endian to this machine's order, in place. */
static void idx_order(struct idx *x, size_t size)
{
    for (size_t at = 0; size > 1 && at < x->bytes; at += size) {
        uint64_t value = 0;
        for (size_t i = 0; i < size; i++)
            value = value << 8 | x->data[at + i];
        uint32_t half = (uint32_t)value;
        memcpy(x->data + at, size == 8 ? (const void *)&value : (const void *)&half, size);
    }
}

static gradc_status idx_read(struct idx *x)
{
    size_t size = 1;
    gradc_status status = idx_header(x, &size);
    if (status == GRADC_OK)
        status = idx_elements(x);
    if (status == GRADC_OK)
        status = idx_end(x);
    if (status == GRADC_OK)
        idx_order(x, size);
    return status;
}

gradc_status gradc_read_idx(const char *path, gradc_dtype *dtype, int *ndim, int64_t *shape, void **data)
{
    if (data != NULL)
        *data = NULL;
    if (path == NULL || dtype == NULL || ndim == NULL || shape == NULL || data == NULL)
        return fail_thread(GRADC_E_ARG, "read_idx: path and results must not be NULL");
    struct idx x = {.path = path};
    errno = 0;
    x.file = gzopen(path, "rbe");
    if (x.file == NULL) {
        char text[128];
        int code = errno;
        return code == 0 ? fail_thread(GRADC_E_MEMORY, "read_idx: no memory to read %s", path)
                         : fail_thread(GRADC_E_IO, "read_idx: %s: %s", path, os_error(code, text, sizeof text));
    }
    gradc_status status = idx_read(&x);
    gzclose(x.file);
    if (status != GRADC_OK) {
        host_free(x.data);
        return status;
    }
    *dtype = x.dtype;
    *ndim = x.ndim;
    memcpy(shape, x.shape, (size_t)x.ndim * sizeof *shape);
    *data = x.data;
    return GRADC_OK;
}
