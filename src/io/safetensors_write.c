/* safetensors_write.c - writes named tensors to a safetensors file.
 *
 * Tensors with larger elements come first and the header is padded to a multiple of 8, so that each is aligned. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/host.h"
#include "base/os.h"
#include "core/op.h"
#include "io/json.h"
#include "io/safetensors.h"

struct entry {
    const char *name;
    gradc_tensor *tensor;
    size_t size; /* of an element */
    int64_t bytes;
};

struct save {
    gradc_context *g; /* NULL when there are no tensors */
    const char *path;
    int n, nmeta;
    struct entry *entries;
    const char *const *keys, *const *values;
};

static gradc_status save_fail(const struct save *s, gradc_status status, const char *what, const char *detail)
{
    return s->g != NULL ? context_fail(s->g, status, "save: %s%s", what, detail)
                        : fail_thread(status, "save: %s%s", what, detail);
}

static int compare_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int compare_entries(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->size != y->size)
        return x->size > y->size ? -1 : 1;
    return strcmp(x->name, y->name);
}

/* Names are UTF-8, each once. */
static gradc_status check_names(const struct save *s, int n, const char *const *names)
{
    for (int i = 0; i < n; i++)
        if (names == NULL || names[i] == NULL || !json_is_utf8(names[i]))
            return save_fail(s, GRADC_E_ARG, "a name is NULL or not UTF-8", "");
    if (n < 2)
        return GRADC_OK;
    const char **sorted = host_zalloc((size_t)n, sizeof *sorted);
    if (sorted == NULL)
        return save_fail(s, GRADC_E_MEMORY, "no memory for the names", "");
    memcpy(sorted, names, (size_t)n * sizeof *sorted);
    qsort(sorted, (size_t)n, sizeof *sorted, compare_text);
    gradc_status status = GRADC_OK;
    for (int i = 1; i < n && status == GRADC_OK; i++)
        if (strcmp(sorted[i - 1], sorted[i]) == 0)
            status = save_fail(s, GRADC_E_ARG, "there are two of the name ", sorted[i]);
    host_free(sorted);
    return status;
}

/* Values take a name twice, unlike keys. */
static gradc_status check_metadata(const struct save *s)
{
    for (int i = 0; i < s->nmeta; i++)
        if (s->values == NULL || s->values[i] == NULL || !json_is_utf8(s->values[i]))
            return save_fail(s, GRADC_E_ARG, "a metadata value is NULL or not UTF-8", "");
    return check_names(s, s->nmeta, s->keys);
}

/* Fills the entries, in the order of the file. */
static gradc_status collect(struct save *s, const char *const *names, gradc_tensor *const *tensors)
{
    s->entries = host_zalloc((size_t)s->n + 1, sizeof *s->entries);
    if (s->entries == NULL)
        return save_fail(s, GRADC_E_MEMORY, "no memory for the header", "");
    for (int i = 0; i < s->n; i++) {
        gradc_tensor *t = tensors[i];
        if (strcmp(names[i], "__metadata__") == 0)
            return save_fail(s, GRADC_E_ARG, "a tensor can't be named __metadata__", "");
        if (op_operand(t, "save") == NULL)
            return t == NULL ? save_fail(s, GRADC_E_ARG, "no tensor for ", names[i]) : gradc_check(s->g);
        if (gradc_context_of(t) != s->g)
            return save_fail(s, GRADC_E_ARG, "the tensors are of two contexts: ", names[i]);
        s->entries[i] = (struct entry){names[i], t, gradc_dtype_size(gradc_dtype_of(t)), gradc_bytes(t)};
    }
    qsort(s->entries, (size_t)s->n, sizeof *s->entries, compare_entries);
    return GRADC_OK;
}

static void write_metadata(const struct save *s, struct json *j)
{
    json_raw(j, "\"__metadata__\":{");
    for (int i = 0; i < s->nmeta; i++) {
        json_raw(j, i > 0 ? "," : "");
        json_string(j, s->keys[i]);
        json_raw(j, ":");
        json_string(j, s->values[i]);
    }
    json_raw(j, "}");
}

static void write_entry(const struct entry *e, int64_t offset, struct json *j)
{
    json_string(j, e->name);
    json_raw(j, ":{\"dtype\":\"");
    json_raw(j, safetensors_dtype_name(gradc_dtype_of(e->tensor)));
    json_raw(j, "\",\"shape\":[");
    for (int axis = 0; axis < gradc_ndim(e->tensor); axis++) {
        json_raw(j, axis > 0 ? "," : "");
        json_integer(j, gradc_size(e->tensor, axis));
    }
    json_raw(j, "],\"data_offsets\":[");
    json_integer(j, offset);
    json_raw(j, ",");
    json_integer(j, offset + e->bytes);
    json_raw(j, "]}");
}

/* Eight bytes for the length, then the header and its padding. */
static void write_header(const struct save *s, struct json *j)
{
    int64_t offset = 0;
    json_raw(j, "????????{");
    if (s->nmeta > 0)
        write_metadata(s, j);
    for (int i = 0; i < s->n; i++) {
        json_raw(j, i > 0 || s->nmeta > 0 ? "," : "");
        write_entry(&s->entries[i], offset, j);
        offset += s->entries[i].bytes;
    }
    json_raw(j, "}");
    while (!j->failed && j->size % 8 != 0)
        json_raw(j, " ");
    for (int i = 0; !j->failed && i < 8; i++)
        j->text[i] = (char)((uint64_t)(j->size - 8) >> (8 * i) & 0xff);
}

static gradc_status io_fail(const struct save *s, int code)
{
    char text[160];
    const gradc_status status = code == ENOMEM ? GRADC_E_MEMORY : GRADC_E_IO;
    if (s->g == NULL)
        return fail_thread(status, "save: %s: %s", s->path, os_error(code, text, sizeof text));
    return context_fail(s->g, status, "save: %s: %s", s->path, os_error(code, text, sizeof text));
}

/* One tensor at a time passes through host memory. */
static gradc_status append_tensors(const struct save *s, struct os_file *file)
{
    int64_t most = 0;
    for (int i = 0; i < s->n; i++)
        most = s->entries[i].bytes > most ? s->entries[i].bytes : most;
    unsigned char *data = host_alloc((size_t)most + 1);
    if (data == NULL)
        return save_fail(s, GRADC_E_MEMORY, "no memory to read the tensors", "");
    gradc_status status = GRADC_OK;
    for (int i = 0; i < s->n && status == GRADC_OK; i++) {
        const struct entry *e = &s->entries[i];
        status = gradc_read(e->tensor, data, (size_t)e->bytes);
        if (status != GRADC_OK)
            break;
        safetensors_order(data, e->bytes, e->size);
        int code = os_file_append(file, data, (size_t)e->bytes);
        status = code != 0 ? io_fail(s, code) : GRADC_OK;
    }
    host_free(data);
    return status;
}

static gradc_status write_file(const struct save *s, const struct json *header)
{
    struct os_file *file = NULL;
    int code = os_file_begin(s->path, &file);
    if (code == 0)
        code = os_file_append(file, header->text, (size_t)header->size);
    gradc_status status = code != 0 ? io_fail(s, code) : append_tensors(s, file);
    if (status != GRADC_OK) {
        os_file_drop(file);
        return status;
    }
    code = os_file_commit(file);
    return code != 0 ? io_fail(s, code) : GRADC_OK;
}

static gradc_status save(struct save *s, const char *const *names, gradc_tensor *const *tensors)
{
    gradc_status status = s->g != NULL ? gradc_check(s->g) : GRADC_OK;
    if (status == GRADC_OK && (s->path == NULL || s->n < 0 || s->nmeta < 0))
        status = save_fail(s, GRADC_E_ARG, "no path, or a negative count", "");
    if (status == GRADC_OK)
        status = check_names(s, s->n, names);
    if (status == GRADC_OK)
        status = check_metadata(s);
    if (status == GRADC_OK)
        status = collect(s, names, tensors);
    if (status != GRADC_OK)
        return status;
    struct json header = {0};
    write_header(s, &header);
    if (header.failed)
        status = save_fail(s, GRADC_E_MEMORY, "no memory for the header", "");
    else if (header.size > SAFETENSORS_HEADER)
        status = save_fail(s, GRADC_E_ARG, "the header passes the format's 100 MB", "");
    else
        status = write_file(s, &header);
    host_free(header.text);
    return status;
}

gradc_status gradc_save(const char *path, int n, const char *const *names, gradc_tensor *const *tensors,
                        int nmeta, const char *const *keys, const char *const *values)
{
    struct save s = {.path = path, .n = n, .nmeta = nmeta, .keys = keys, .values = values};
    if (n > 0 && tensors == NULL)
        return save_fail(&s, GRADC_E_ARG, "no tensors", "");
    for (int i = 0; i < n && s.g == NULL; i++)
        s.g = gradc_context_of(tensors[i]);
    gradc_status status = save(&s, names, tensors);
    host_free(s.entries);
    return status;
}
