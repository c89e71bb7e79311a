/* safetensors.c - names of dtypes, the order of bytes, and names in messages: what writer and reader share. */
#include "io/safetensors.h"

#include <string.h>

static const char *const dtype_names[] = {
    [GRADC_F32] = "F32", [GRADC_F64] = "F64", [GRADC_F16] = "F16", [GRADC_BF16] = "BF16",
    [GRADC_I64] = "I64", [GRADC_I32] = "I32", [GRADC_U8] = "U8",   [GRADC_BOOL] = "BOOL"};
enum { DTYPES = sizeof dtype_names / sizeof *dtype_names };

const char *safetensors_dtype_name(gradc_dtype dtype)
{
    return dtype_names[dtype];
}

gradc_dtype safetensors_dtype(const char *name)
{
    for (gradc_dtype dtype = 0; dtype < DTYPES; dtype++)
        if (strcmp(name, dtype_names[dtype]) == 0)
            return dtype;
    return -1;
}

int safetensors_in_order(void)
{
    const uint16_t one = 1;
    return *(const unsigned char *)&one == 1;
}

void safetensors_order(unsigned char *data, int64_t bytes, size_t size)
{
    if (safetensors_in_order())
        return;
    for (int64_t at = 0; at < bytes; at += (int64_t)size)
        for (size_t low = 0, high = size - 1; low < high; low++, high--) {
            unsigned char keep = data[at + (int64_t)low];
            data[at + (int64_t)low] = data[at + (int64_t)high];
            data[at + (int64_t)high] = keep;
        }
}

const char *safetensors_label(char label[SAFETENSORS_LABEL], const char *name)
{
    size_t n = 0;
    label[n++] = '"';
    while (name[n - 1] != '\0' && n < SAFETENSORS_LABEL - 5) {
        const unsigned char c = (unsigned char)name[n - 1];
        label[n++] = c < 0x20 || c == 0x7f ? '?' : (char)c;
    }
    strcpy(label + n, name[n - 1] != '\0' ? "...\"" : "\"");
    return label;
}
