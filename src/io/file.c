/* file.c - a safetensors file that is open: its tensors, its metadata, and how they get into tensors. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/half.h"
#include "base/host.h"
#include "core/context.h"
#include "io/safetensors.h"

/* ---- Open and close ---- */

static gradc_file *file_new(const char *path, struct failure *f)
{
    gradc_file *file = host_zalloc(1, sizeof *file);
    if (file != NULL && (file->path = host_strdup(path)) != NULL)
        return file;
    gradc_file_close(file);
    fail(f, GRADC_E_MEMORY, "no memory to open %s", path);
    return NULL;
}

/* Reads the header, or frees the file. */
static gradc_file *file_read(gradc_file *file, const unsigned char *bytes, size_t size, struct failure *f)
{
    struct failure why = {0};
    if (safetensors_read(file, bytes, size, &why) == GRADC_OK)
        return file;
    fail(f, why.status, "%s: %s", file->path, why.text);
    gradc_file_close(file);
    return NULL;
}

gradc_file *safetensors_open(const char *path, struct failure *f)
{
    char text[160];
    if (path == NULL) {
        fail(f, GRADC_E_ARG, "no path");
        return NULL;
    }
    gradc_file *file = file_new(path, f);
    if (file == NULL)
        return NULL;
    int code = os_file_map(path, &file->map);
    if (code == 0)
        return file_read(file, file->map.bytes, file->map.size, f);
    fail(f, code == ENOMEM ? GRADC_E_MEMORY : GRADC_E_IO, "%s: %s", path, os_error(code, text, sizeof text));
    gradc_file_close(file);
    return NULL;
}

gradc_file *safetensors_open_memory(const void *bytes, size_t size, struct failure *f)
{
    gradc_file *file = file_new("memory", f);
    return file != NULL ? file_read(file, bytes, size, f) : NULL;
}

gradc_file *gradc_file_open(const char *path)
{
    struct failure f = {0};
    gradc_file *file = safetensors_open(path, &f);
    if (file == NULL)
        fail_thread(f.status, "file_open: %s", f.text);
    return file;
}

void gradc_file_close(gradc_file *file)
{
    if (file == NULL)
        return;
    os_file_unmap(&file->map);
    host_free(file->tensors);
    host_free(file->sorted);
    host_free(file->metadata);
    host_free(file->strings);
    host_free(file->path);
    host_free(file);
}

/* ---- What is in it ---- */

static const struct file_tensor *tensor_at(const gradc_file *file, int i)
{
    return file != NULL && i >= 0 && i < file->count ? &file->tensors[i] : NULL;
}

int gradc_file_count(const gradc_file *file)
{
    return file != NULL ? file->count : -1;
}

const char *gradc_file_name(const gradc_file *file, int i)
{
    const struct file_tensor *t = tensor_at(file, i);
    return t != NULL ? t->name : NULL;
}

static int compare_name(const void *name, const void *element)
{
    const struct file_tensor *const *t = element;
    return strcmp(name, (*t)->name);
}

int gradc_file_find(const gradc_file *file, const char *name)
{
    if (file == NULL || name == NULL)
        return -1;
    const struct file_tensor **found =
        bsearch(name, file->sorted, (size_t)file->count, sizeof *file->sorted, compare_name);
    return found != NULL ? (int)(*found - file->tensors) : -1;
}

gradc_status gradc_file_info(const gradc_file *file, int i, gradc_dtype *dtype, int *ndim, int64_t *shape)
{
    const struct file_tensor *t = tensor_at(file, i);
    if (t == NULL)
        return fail_thread(GRADC_E_ARG, "file_info: there is no tensor %d", i);
    if (dtype != NULL)
        *dtype = t->dtype;
    if (ndim != NULL)
        *ndim = t->ndim;
    if (shape != NULL)
        memcpy(shape, t->shape, (size_t)t->ndim * sizeof *shape);
    return GRADC_OK;
}

const void *gradc_file_data(const gradc_file *file, int i, int64_t *bytes)
{
    const struct file_tensor *t = tensor_at(file, i);
    if (bytes != NULL)
        *bytes = t != NULL ? t->end - t->begin : 0;
    return t != NULL ? file->data + t->begin : NULL;
}

static int compare_key(const void *key, const void *element)
{
    const struct file_pair *pair = element;
    return strcmp(key, pair->key);
}

const char *gradc_file_metadata(const gradc_file *file, const char *key)
{
    if (file == NULL || key == NULL || file->nmeta == 0)
        return NULL;
    const struct file_pair *pair =
        bsearch(key, file->metadata, (size_t)file->nmeta, sizeof *file->metadata, compare_key);
    return pair != NULL ? pair->value : NULL;
}

int gradc_file_metadata_count(const gradc_file *file)
{
    return file != NULL ? file->nmeta : -1;
}

const char *gradc_file_metadata_key(const gradc_file *file, int i)
{
    return file != NULL && i >= 0 && i < file->nmeta ? file->metadata[i].key : NULL;
}

/* ---- Into tensors ---- */

static uint16_t load16(const unsigned char *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static gradc_status read_widened(const unsigned char *data, gradc_dtype from, int64_t count, gradc_tensor *t)
{
    uint32_t *wide = host_alloc((size_t)count * sizeof *wide + 1);
    if (wide == NULL)
        return context_no_memory(gradc_context_of(t), "file_read");
    for (int64_t i = 0; i < count; i++)
        wide[i] =
            bits_of_f32(from == GRADC_F16 ? f16_widen(load16(data + 2 * i)) : bf16_widen(load16(data + 2 * i)));
    gradc_status status = gradc_write(t, wide, (size_t)count * sizeof *wide);
    host_free(wide);
    return status;
}

static gradc_status read_same(const unsigned char *data, int64_t bytes, size_t size, gradc_tensor *t)
{
    if (size == 1 || safetensors_in_order())
        return gradc_write(t, data, (size_t)bytes);
    unsigned char *turned = host_alloc((size_t)bytes + 1);
    if (turned == NULL)
        return context_no_memory(gradc_context_of(t), "file_read");
    memcpy(turned, data, (size_t)bytes);
    safetensors_order(turned, bytes, size);
    gradc_status status = gradc_write(t, turned, (size_t)bytes);
    host_free(turned);
    return status;
}

static int is_widened(gradc_dtype from, gradc_dtype to)
{
    return to == GRADC_F32 && (from == GRADC_F16 || from == GRADC_BF16);
}

gradc_status safetensors_fits(const gradc_file *file, int i, const struct tensor *t, struct failure *f)
{
    const struct file_tensor *from = &file->tensors[i];
    char label[SAFETENSORS_LABEL];
    struct layout stored = {.ndim = from->ndim};
    memcpy(stored.shape, from->shape, sizeof from->shape);
    safetensors_label(label, from->name);
    if (!layout_same_shape(&stored, &t->layout))
        return fail(f, GRADC_E_SHAPE, "%s in %s has the shape %s, the tensor %s", label, file->path,
                    SHAPE(&stored), SHAPE(&t->layout));
    if (from->dtype != t->dtype && !is_widened(from->dtype, t->dtype))
        return fail(f, GRADC_E_DTYPE, "%s in %s is %s, the tensor %s", label, file->path,
                    gradc_dtype_name(from->dtype), gradc_dtype_name(t->dtype));
    const unsigned char *data = file->data + from->begin;
    for (int64_t k = 0; from->dtype == GRADC_BOOL && k < from->end - from->begin; k++)
        if (data[k] > 1)
            return fail(f, GRADC_E_IO, "%s in %s holds the byte %d, which is no bool", label, file->path,
                        data[k]);
    return GRADC_OK;
}

gradc_status gradc_file_read(const gradc_file *file, int i, gradc_tensor *t)
{
    const struct file_tensor *from = tensor_at(file, i);
    struct failure f = {0};
    gradc_status status;
    const struct tensor *to = context_enter_by(t, "file_read", &status);
    if (to == NULL)
        return status;
    if (from == NULL)
        return context_fail(to->g, GRADC_E_ARG, "file_read: there is no tensor %d", i);
    if (safetensors_fits(file, i, to, &f) != GRADC_OK)
        return context_fail(to->g, f.status, "file_read: %s", f.text);
    const unsigned char *data = file->data + from->begin;
    if (is_widened(from->dtype, to->dtype))
        return read_widened(data, from->dtype, (from->end - from->begin) / 2, t);
    return read_same(data, from->end - from->begin, gradc_dtype_size(from->dtype), t);
}
