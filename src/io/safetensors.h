/* safetensors.h - the file format: what the writer and the reader share, and a file that was read.
 *
 * The format: the header's length as a little-endian 64-bit number; the header, JSON, padded with spaces; the tensors,
 * row-major, little-endian, without gaps.  In the header each tensor's name leads to its dtype, shape and data_offsets
 * [begin, end), counted from the header's end; "__metadata__" leads to an object of strings. */
#ifndef GRADC_SAFETENSORS_H
#define GRADC_SAFETENSORS_H

#include <stddef.h>
#include <stdint.h>

#include "base/failure.h"
#include "base/os.h"

/* Readers refuse longer headers. */
enum { SAFETENSORS_HEADER = 100000000, SAFETENSORS_LABEL = 80 };

/* The name of a dtype in a header; dtype -1 if it is none of ours. */
const char *safetensors_dtype_name(gradc_dtype dtype);
gradc_dtype safetensors_dtype(const char *name);

/* Elements of `size` bytes between this machine's order and the file's, in place. */
void safetensors_order(unsigned char *data, int64_t bytes, size_t size);
int safetensors_in_order(void); /* 1: the two are the same */

struct file_tensor {
    const char *name;
    gradc_dtype dtype;
    int ndim;
    int64_t shape[GRADC_MAX_NDIM];
    int64_t begin, end;
};

struct file_pair {
    const char *key, *value;
};

struct gradc_file {
    char *path;
    struct os_map map;
    const unsigned char *data; /* behind the header */
    int count, nmeta;
    struct file_tensor *tensors;       /* in the order of the data */
    const struct file_tensor **sorted; /* by name */
    struct file_pair *metadata;        /* by key */
    char *strings;                     /* all names, keys and values */
};

/* Fills all of file but path and map from these bytes, which must outlive it.  GRADC_E_IO, GRADC_E_UNSUPPORTED (dtype),
 * GRADC_E_MEMORY: file is then to be freed with what it has. */
gradc_status safetensors_read(struct gradc_file *file, const unsigned char *bytes, size_t size,
                              struct failure *f);

/* As gradc_file_open, of a file or of bytes that the caller keeps; f says why it is NULL. */
struct gradc_file *safetensors_open(const char *path, struct failure *f);
struct gradc_file *safetensors_open_memory(const void *bytes, size_t size, struct failure *f);

/* Whether gradc_file_read can put tensor i, which is there, into t: shape, dtype, and bools that are. */
struct tensor;
gradc_status safetensors_fits(const struct gradc_file *file, int i, const struct tensor *t, struct failure *f);

/* A name as messages have it: in quotes, without control characters, cut off where it is long. */
const char *safetensors_label(char label[SAFETENSORS_LABEL], const char *name);

#endif
