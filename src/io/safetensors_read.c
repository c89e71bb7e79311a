/* safetensors_read.c - reads a safetensors header, which may be hostile: nothing in it is believed.
 *
 * The tensors must cover the data without holes or overlaps, each as large as its dtype and shape say.  The data itself
 * is not looked at. */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/host.h"
#include "io/json.h"
#include "io/safetensors.h"

struct reader {
    struct gradc_file *file;
    struct failure *f;
    char *strings;     /* where the next one goes */
    int64_t data_size; /* the bytes behind the header */
    char label[SAFETENSORS_LABEL];
};

/* Dtypes of the format that have no tensors here. */
static const char *const other_dtypes[] = {"I8", "U16",     "I16",     "U32",     "U64",     "C64",
                                           "F4", "F6_E2M3", "F6_E3M2", "F8_E4M3", "F8_E5M2", "F8_E8M0"};

static gradc_status no_memory(struct failure *f)
{
    return fail(f, GRADC_E_MEMORY, "no memory for the header");
}

/* ---- Strings ---- */

/* A string of the JSON, copied behind those before: all together are shorter than the header. */
static const char *keep_string(struct reader *r, const char *text)
{
    const size_t bytes = strlen(text) + 1;
    char *kept = memcpy(r->strings, text, bytes);
    r->strings += bytes;
    return kept;
}

static int compare_pairs(const void *a, const void *b)
{
    const struct file_pair *x = a, *y = b;
    return strcmp(x->key, y->key);
}

static gradc_status read_metadata(struct reader *r, const cJSON *json)
{
    struct gradc_file *file = r->file;
    const cJSON *pair;
    if (file->metadata != NULL)
        return fail(r->f, GRADC_E_IO, "holds __metadata__ twice");
    if (!cJSON_IsObject(json))
        return fail(r->f, GRADC_E_IO, "__metadata__ is not an object of strings");
    file->metadata = host_zalloc((size_t)cJSON_GetArraySize(json) + 1, sizeof *file->metadata);
    if (file->metadata == NULL)
        return no_memory(r->f);
    cJSON_ArrayForEach(pair, json)
    {
        if (!cJSON_IsString(pair))
            return fail(r->f, GRADC_E_IO, "the value of %s in __metadata__ is not a string",
                        safetensors_label(r->label, pair->string));
        const char *key = keep_string(r, pair->string);
        file->metadata[file->nmeta++] = (struct file_pair){key, keep_string(r, pair->valuestring)};
    }
    qsort(file->metadata, (size_t)file->nmeta, sizeof *file->metadata, compare_pairs);
    for (int i = 1; i < file->nmeta; i++)
        if (compare_pairs(&file->metadata[i - 1], &file->metadata[i]) == 0)
            return fail(r->f, GRADC_E_IO, "the key %s is in __metadata__ twice",
                        safetensors_label(r->label, file->metadata[i].key));
    return GRADC_OK;
}

/* ---- A tensor ---- */

/* Fills the numbers of a list, at most `most`; how many there are, or -1 (a list of something else, or too long). */
static int read_numbers(const cJSON *list, int most, int64_t *numbers)
{
    int n = 0;
    const cJSON *number;
    if (!cJSON_IsArray(list))
        return -1;
    cJSON_ArrayForEach(number, list)
    {
        if (n == most || !cJSON_IsNumber(number))
            return -1;
        numbers[n++] = (int64_t)number->valuedouble; /* whole, below 2^53: json_read has seen to it */
    }
    return n;
}

static gradc_status read_dtype(struct reader *r, const cJSON *json, struct file_tensor *t)
{
    char label[SAFETENSORS_LABEL];
    if (!cJSON_IsString(json))
        return fail(r->f, GRADC_E_IO, "the dtype of %s is not a string", r->label);
    t->dtype = safetensors_dtype(json->valuestring);
    if (t->dtype >= 0)
        return GRADC_OK;
    safetensors_label(label, json->valuestring);
    for (size_t i = 0; i < sizeof other_dtypes / sizeof *other_dtypes; i++)
        if (strcmp(json->valuestring, other_dtypes[i]) == 0)
            return fail(r->f, GRADC_E_UNSUPPORTED, "%s has the dtype %s, which this library has not",
                        r->label, label);
    return fail(r->f, GRADC_E_IO, "%s has the dtype %s, which the format does not know", r->label, label);
}

/* The bytes of t by its shape and dtype, or -1 where they pass 2^63. */
static int64_t announced_bytes(const struct file_tensor *t)
{
    int64_t bytes = (int64_t)gradc_dtype_size(t->dtype);
    int empty = 0;
    for (int axis = 0; axis < t->ndim; axis++) {
        empty |= t->shape[axis] == 0;
        if (t->shape[axis] > 0 && bytes > INT64_MAX / t->shape[axis])
            return -1;
        bytes *= t->shape[axis] > 0 ? t->shape[axis] : 1;
    }
    return empty ? 0 : bytes;
}

static gradc_status read_extent(struct reader *r, const cJSON *shape, const cJSON *offsets, struct file_tensor *t)
{
    int64_t range[2];
    t->ndim = read_numbers(shape, GRADC_MAX_NDIM, t->shape);
    if (t->ndim < 0)
        return fail(r->f, GRADC_E_IO, "the shape of %s is not a list of at most %d sizes", r->label,
                    GRADC_MAX_NDIM);
    if (read_numbers(offsets, 2, range) != 2)
        return fail(r->f, GRADC_E_IO, "the data_offsets of %s are not a list of two numbers", r->label);
    t->begin = range[0];
    t->end = range[1];
    if (t->begin > t->end)
        return fail(r->f, GRADC_E_IO, "the data of %s end before they begin, at %" PRId64 " and %" PRId64,
                    r->label, t->end, t->begin);
    if (t->end > r->data_size)
        return fail(r->f, GRADC_E_IO,
                    "the data of %s end at %" PRId64 ", past the %" PRId64 " bytes that are there", r->label,
                    t->end, r->data_size);
    const int64_t bytes = announced_bytes(t);
    if (bytes < 0)
        return fail(r->f, GRADC_E_IO, "the shape of %s makes more elements than can be counted", r->label);
    if (bytes != t->end - t->begin)
        return fail(r->f, GRADC_E_IO, "%s has %" PRId64 " bytes of data, but its dtype and shape make %" PRId64,
                    r->label, t->end - t->begin, bytes);
    return GRADC_OK;
}

/* Keys that the format does not have are passed over. */
static gradc_status read_tensor(struct reader *r, const cJSON *json)
{
    static const char *const keys[3] = {"dtype", "shape", "data_offsets"};
    const cJSON *field[3] = {NULL, NULL, NULL}, *child;
    struct file_tensor *t = &r->file->tensors[r->file->count];
    t->name = keep_string(r, json->string);
    safetensors_label(r->label, t->name);
    if (!cJSON_IsObject(json))
        return fail(r->f, GRADC_E_IO, "%s is not described by an object", r->label);
    cJSON_ArrayForEach(child, json)
    {
        for (int k = 0; k < 3; k++) {
            if (strcmp(child->string, keys[k]) != 0)
                continue;
            if (field[k] != NULL)
                return fail(r->f, GRADC_E_IO, "%s has %s twice", r->label, keys[k]);
            field[k] = child;
        }
    }
    for (int k = 0; k < 3; k++)
        if (field[k] == NULL)
            return fail(r->f, GRADC_E_IO, "%s has no %s", r->label, keys[k]);
    gradc_status status = read_dtype(r, field[0], t);
    if (status == GRADC_OK)
        status = read_extent(r, field[1], field[2], t);
    r->file->count++;
    return status;
}

/* ---- All tensors ---- */

static int compare_places(const void *a, const void *b)
{
    const struct file_tensor *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    if (x->end != y->end)
        return x->end < y->end ? -1 : 1;
    return strcmp(x->name, y->name);
}

static int compare_names(const void *a, const void *b)
{
    const struct file_tensor *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

/* Puts the tensors in the order of their data, which they must cover. */
static gradc_status check_places(struct reader *r)
{
    const struct gradc_file *file = r->file;
    int64_t at = 0;
    qsort(file->tensors, (size_t)file->count, sizeof *file->tensors, compare_places);
    for (int i = 0; i < file->count; i++) {
        const struct file_tensor *t = &file->tensors[i];
        safetensors_label(r->label, t->name);
        if (t->begin < at)
            return fail(r->f, GRADC_E_IO, "the data of %s overlap those of another tensor at %" PRId64,
                        r->label, t->begin);
        if (t->begin > at)
            return fail(r->f, GRADC_E_IO, "there is a hole of %" PRId64 " bytes before the data of %s",
                        t->begin - at, r->label);
        at = t->end;
    }
    if (at != r->data_size)
        return fail(r->f, GRADC_E_IO, "the last %" PRId64 " bytes belong to no tensor", r->data_size - at);
    return GRADC_OK;
}

static gradc_status check_names(struct reader *r)
{
    struct gradc_file *file = r->file;
    file->sorted = host_zalloc((size_t)file->count + 1, sizeof *file->sorted);
    if (file->sorted == NULL)
        return no_memory(r->f);
    for (int i = 0; i < file->count; i++)
        file->sorted[i] = &file->tensors[i];
    qsort(file->sorted, (size_t)file->count, sizeof *file->sorted, compare_names);
    for (int i = 1; i < file->count; i++)
        if (compare_names(&file->sorted[i - 1], &file->sorted[i]) == 0)
            return fail(r->f, GRADC_E_IO, "two tensors have the name %s",
                        safetensors_label(r->label, file->sorted[i]->name));
    return GRADC_OK;
}

static gradc_status read_entries(struct reader *r, const cJSON *json)
{
    const cJSON *entry;
    gradc_status status = GRADC_OK;
    r->file->tensors = host_zalloc((size_t)cJSON_GetArraySize(json) + 1, sizeof *r->file->tensors);
    if (r->file->tensors == NULL)
        return no_memory(r->f);
    cJSON_ArrayForEach(entry, json)
    {
        const int metadata = strcmp(entry->string, "__metadata__") == 0;
        status = metadata ? read_metadata(r, entry) : read_tensor(r, entry);
        if (status != GRADC_OK)
            return status;
    }
    status = check_places(r);
    return status == GRADC_OK ? check_names(r) : status;
}

/* ---- The file ---- */

static gradc_status header_length(const unsigned char *bytes, size_t size, size_t *length, struct failure *f)
{
    uint64_t announced = 0;
    if (size < 8)
        return fail(f, GRADC_E_IO, "%zu bytes are too short for a safetensors file", size);
    for (int i = 7; i >= 0; i--)
        announced = announced << 8 | bytes[i];
    if (announced > SAFETENSORS_HEADER)
        return fail(f, GRADC_E_IO, "announces a header of %" PRIu64 " bytes; the format has at most %d",
                    announced, SAFETENSORS_HEADER);
    if (announced > size - 8)
        return fail(f, GRADC_E_IO, "announces a header of %" PRIu64 " bytes, but only %zu follow", announced,
                    size - 8);
    *length = (size_t)announced;
    return GRADC_OK;
}

gradc_status safetensors_read(struct gradc_file *file, const unsigned char *bytes, size_t size, struct failure *f)
{
    size_t length = 0;
    gradc_status status = header_length(bytes, size, &length, f);
    if (status != GRADC_OK)
        return status;
    cJSON *json = json_read((const char *)bytes + 8, length, f);
    if (json == NULL)
        return f->status;
    file->data = bytes + 8 + length;
    file->strings = host_alloc(length);
    struct reader r = {.file = file, .f = f, .strings = file->strings, .data_size = (int64_t)(size - 8 - length)};
    status = file->strings != NULL ? read_entries(&r, json) : no_memory(f);
    cJSON_Delete(json);
    return status;
}
