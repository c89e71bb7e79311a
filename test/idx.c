/* idx.c - gradc_read_idx: every type, plain and gzip, and files that lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#include "gradc.h"

static char path[] = "/tmp/gradc-idx-XXXXXX";

static void store(const void *bytes, size_t count)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, count, f), count);
    fclose(f);
}

static void store_gzip(const void *bytes, unsigned count)
{
    gzFile f = gzopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(gzwrite(f, bytes, count), (int)count);
    gzclose(f);
}

/* The file is refused with `status` and a message that holds `text`. */
static void refused(gradc_status status, const char *text)
{
    gradc_dtype dtype;
    int ndim;
    int64_t shape[GRADC_MAX_NDIM];
    void *data = &ndim;
    assert_int_equal(gradc_read_idx(path, &dtype, &ndim, shape, &data), status);
    assert_null(data);
    assert_int_equal(gradc_check(NULL), status);
    if (strstr(gradc_message(NULL), text) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", gradc_message(NULL), text);
    gradc_recover(NULL);
}

static void refuse_bytes(const char *bytes, size_t count, const char *text)
{
    store(bytes, count);
    refused(GRADC_E_IO, text);
}

/* The file holds one axis of `count` elements of this dtype and these bytes. */
static void accepted(gradc_dtype wanted, int64_t count, const void *elements)
{
    gradc_dtype dtype = -1;
    int ndim = -1;
    int64_t shape[GRADC_MAX_NDIM];
    void *data = NULL;
    assert_int_equal(gradc_read_idx(path, &dtype, &ndim, shape, &data), GRADC_OK);
    assert_int_equal(dtype, wanted);
    assert_int_equal(ndim, 1);
    assert_int_equal(shape[0], count);
    assert_memory_equal(data, elements, (size_t)count * gradc_dtype_size(dtype));
    gradc_free(data);
}

static void test_types(void **state)
{
    (void)state;
    store("\0\0\x08\1\0\0\0\3abc", 11);
    accepted(GRADC_U8, 3, "abc");
    store_gzip("\0\0\x08\1\0\0\0\3abc", 11);
    accepted(GRADC_U8, 3, "abc");
    store("\0\0\x0c\1\0\0\0\2\xff\xff\xff\xfe\0\0\1\2", 16);
    accepted(GRADC_I32, 2, (const int32_t[]){-2, 258});
    store("\0\0\x0d\1\0\0\0\1\xbf\xc0\0\0", 12);
    accepted(GRADC_F32, 1, (const float[]){-1.5f});
    store("\0\0\x0e\1\0\0\0\1\x40\x09\x21\xfb\x54\x44\x2d\x18", 16);
    accepted(GRADC_F64, 1, (const double[]){3.141592653589793});
    store("\0\0\x08\1\0\0\0\0", 8);
    accepted(GRADC_U8, 0, "");
    store("\0\0\x09\1\0\0\0\1a", 9);
    refused(GRADC_E_UNSUPPORTED, "signed");
}

static void test_axes(void **state)
{
    (void)state;
    gradc_dtype dtype;
    int ndim;
    int64_t shape[GRADC_MAX_NDIM];
    void *data;
    store("\0\0\x08\3\0\0\0\1\0\0\0\2\0\0\0\2wxyz", 20);
    assert_int_equal(gradc_read_idx(path, &dtype, &ndim, shape, &data), GRADC_OK);
    assert_int_equal(ndim, 3);
    assert_int_equal(shape[0] * 100 + shape[1] * 10 + shape[2], 122);
    gradc_free(data);
    store("\0\0\x08\0z", 5);
    assert_int_equal(gradc_read_idx(path, &dtype, &ndim, shape, &data), GRADC_OK);
    assert_int_equal(ndim, 0);
    gradc_free(data);
}

static void test_lies(void **state)
{
    (void)state;
    refuse_bytes("", 0, "cut short");
    refuse_bytes("\0\0\x08", 3, "cut short");
    refuse_bytes("\0\0\x08\2\0\0\0\3\0", 9, "cut short");
    refuse_bytes("\0\0\x08\1\0\0\0\3ab", 10, "cut short");
    refuse_bytes("\0\0\x08\1\0\0\0\3abcd", 12, "goes on");
    refuse_bytes("\1\0\x08\1\0\0\0\3abc", 11, "not an IDX");
    refuse_bytes("\0\0\x0a\1\0\0\0\3abc", 11, "not an IDX");
    refuse_bytes("\0\0\x08\x09\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1a", 41,
                 "axes");
    refuse_bytes("\0\0\x0e\3\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xffxxxx", 20, "memory");
    refuse_bytes("\0\0\x08\2\x7f\xff\xff\xff\x7f\xff\xff\xffxxxx", 16, "cut short");
}

/* Every way to cut a compressed file, and every byte of it changed: refused or read, never more than that. */
static void test_damaged_gzip(void **state)
{
    (void)state;
    char bytes[3000] = "\0\0\x08\1\0\0\x0b\xb0";
    for (int i = 8; i < 3000; i++)
        bytes[i] = (char)(i * i / 7);
    store_gzip(bytes, sizeof bytes);
    unsigned char whole[4096], changed[4096];
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t count = fread(whole, 1, sizeof whole, f);
    fclose(f);
    for (size_t cut = 1; cut < count; cut += 7) {
        store(whole, cut);
        refused(GRADC_E_IO, "");
    }
    gradc_dtype dtype;
    int ndim, refusals = 0;
    int64_t shape[GRADC_MAX_NDIM];
    for (size_t at = 0; at < count; at += 5) {
        memcpy(changed, whole, count);
        changed[at] ^= 0x55;
        store(changed, count);
        void *data;
        refusals += gradc_read_idx(path, &dtype, &ndim, shape, &data) != GRADC_OK;
        gradc_free(data);
    }
    assert_true(refusals > (int)count / 10);
    gradc_recover(NULL);
}

static void test_arguments(void **state)
{
    (void)state;
    void *data = NULL;
    int ndim;
    int64_t shape[GRADC_MAX_NDIM];
    gradc_dtype dtype;
    assert_int_equal(gradc_read_idx("/nowhere/at/all", &dtype, &ndim, shape, &data), GRADC_E_IO);
    assert_non_null(strstr(gradc_message(NULL), "/nowhere/at/all"));
    assert_int_equal(gradc_read_idx("/", &dtype, &ndim, shape, &data), GRADC_E_IO);
    assert_int_equal(gradc_read_idx(NULL, &dtype, &ndim, shape, &data), GRADC_E_ARG);
    assert_int_equal(gradc_read_idx(path, NULL, &ndim, shape, &data), GRADC_E_ARG);
    assert_int_equal(gradc_read_idx(path, &dtype, &ndim, shape, NULL), GRADC_E_ARG);
    gradc_recover(NULL);
    gradc_free(NULL);
}

int main(void)
{
    int file = mkstemp(path);
    if (file < 0)
        return 1;
    close(file);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),        cmocka_unit_test(test_axes),      cmocka_unit_test(test_lies),
        cmocka_unit_test(test_damaged_gzip), cmocka_unit_test(test_arguments),
    };
    int failed = cmocka_run_group_tests_name("idx", tests, NULL, NULL);
    unlink(path);
    return failed;
}
