/* safetensors.c - a fuzzing target: any bytes are a safetensors file that is read wholly, or refused with a sentence.
 * What is taken from memory is taken through the file system too, and read into tensors.
 *
 * make fuzz builds it for libFuzzer; test/corpus.c runs the corpus through it in every build. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gradc.h"
#include "io/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void require(int holds)
{
    if (!holds)
        abort();
}

/* ---- The target ---- */

/* Every name, shape and byte; a sum, so that none is left out. */
static unsigned touch(const gradc_file *file)
{
    unsigned sum = 0;
    for (int i = 0; i < gradc_file_count(file); i++) {
        int64_t shape[GRADC_MAX_NDIM], bytes, count = 1;
        gradc_dtype dtype;
        int ndim;
        const char *name = gradc_file_name(file, i);
        const unsigned char *data = gradc_file_data(file, i, &bytes);
        require(gradc_file_find(file, name) == i);
        require(gradc_file_info(file, i, &dtype, &ndim, shape) == GRADC_OK && ndim >= 0 && ndim <= GRADC_MAX_NDIM);
        for (int axis = 0; axis < ndim; axis++) {
            require(shape[axis] >= 0);
            count = bytes == 0 ? 0 : count * shape[axis];
        }
        require(count * (int64_t)gradc_dtype_size(dtype) == bytes);
        sum += (unsigned)strlen(name);
        for (int64_t k = 0; k < bytes; k++)
            sum = sum * 31 + data[k];
    }
    for (int i = 0; i < gradc_file_metadata_count(file); i++) {
        const char *key = gradc_file_metadata_key(file, i), *value = gradc_file_metadata(file, key);
        require(value != NULL);
        sum = sum * 31 + (unsigned)(strlen(key) + strlen(value));
    }
    return sum;
}

/* The same bytes through gradc_file_open. */
static void open_by_path(const uint8_t *bytes, size_t size, unsigned sum)
{
    char path[64];
    const int fd = memfd_create("safetensors", MFD_CLOEXEC);
    if (fd < 0)
        return;
    require(write(fd, bytes, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    gradc_file *file = gradc_file_open(path);
    require(file != NULL && touch(file) == sum);
    gradc_file_close(file);
    close(fd);
}

static void read_tensors(const gradc_file *file)
{
    static gradc_context *g;
    if (g == NULL) {
        g = gradc_open("cpu");
        gradc_set(g, "threads", "1");
    }
    for (int i = 0; i < gradc_file_count(file) && i < 16; i++) {
        int64_t shape[GRADC_MAX_NDIM];
        gradc_dtype dtype;
        int ndim;
        gradc_file_info(file, i, &dtype, &ndim, shape);
        gradc_tensor *t =
            gradc_new(g, dtype == GRADC_F16 || dtype == GRADC_BF16 ? GRADC_F32 : dtype, ndim, shape);
        gradc_file_read(file, i, t);
        gradc_release(t);
        gradc_recover(g);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct failure f = {0};
    gradc_file *file = safetensors_open_memory(bytes, size, &f);
    if (file == NULL) {
        require(f.status != GRADC_OK && strncmp(f.text, "memory: ", 8) == 0);
        return 0;
    }
    open_by_path(bytes, size, touch(file));
    read_tensors(file);
    gradc_file_close(file);
    return 0;
}

/* ---- A mutation that keeps the header's length right ---- */

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
size_t LLVMFuzzerMutate(uint8_t *bytes, size_t size, size_t most);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t most, unsigned seed);

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t most, unsigned seed)
{
    size = LLVMFuzzerMutate(bytes, size, most);
    size_t end = size;
    while (end > 8 && bytes[end - 1] != '}')
        end--;
    if (seed % 8 == 0 || end <= 8)
        return size;
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)((end - 8) >> (8 * i));
    return size;
}
#endif
