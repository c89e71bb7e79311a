/* safetensors.c - files are read as they were written, those of other programs too, and hostile ones are refused with a
 * sentence that names the file and what is wrong with it. */
#include <inttypes.h>
#include <math.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "support/support.h"

static char path[] = "/tmp/gradc-safetensors-XXXXXX";

/* ---- Files made by hand ---- */

static void store(uint64_t length, const char *header, size_t header_bytes, const void *data, size_t bytes)
{
    unsigned char prefix[8];
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    for (int i = 0; i < 8; i++)
        prefix[i] = (unsigned char)(length >> (8 * i));
    assert_int_equal(fwrite(prefix, 1, 8, f), 8);
    assert_int_equal(fwrite(header, 1, header_bytes, f), header_bytes);
    if (bytes > 0)
        assert_int_equal(fwrite(data, 1, bytes, f), bytes);
    assert_int_equal(fclose(f), 0);
}

static void store_text(const char *header, const void *data, size_t bytes)
{
    store(strlen(header), header, strlen(header), data, bytes);
}

static void store_bytes(const void *bytes, size_t count)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, count, f), count);
    assert_int_equal(fclose(f), 0);
}

static gradc_file *opened(void)
{
    gradc_file *file = gradc_file_open(path);
    if (file == NULL)
        fail_msg("%s", gradc_message(NULL));
    return file;
}

/* The file is refused: the message names it and says `text`. */
static void refused(gradc_status status, const char *text)
{
    gradc_recover(NULL);
    gradc_file *file = gradc_file_open(path);
    if (file != NULL)
        fail_msg("a file was taken that should be refused: %s", text);
    assert_non_null(strstr(gradc_message(NULL), path));
    assert_failed_here(status, text);
}

/* ---- Hostile headers ---- */

/* One tensor "a" of eight bytes, with another header. */
static const struct hostile {
    const char *name, *header, *sentence;
} hostile[] = {
    {"not JSON", "{\"a\":", "is not JSON"},
    {"no object", "[1]", "does not begin with {"},
    {"a space first", " {}", "does not begin with {"},
    {"a byte order mark first", "\xef\xbb\xbf{}", "does not begin with {"},
    {"trailing text", "{}x", "more than spaces behind"},
    {"a newline behind", "{}\n", "more than spaces behind"},
    {"two objects", "{}{}", "more than spaces behind"},
    {"a comma at the end", "{\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]},}", "is not JSON"},
    {"a single quote", "{'a':1}", "is not JSON"},
    {"overlap",
     "{\"a\":{\"dtype\":\"U8\",\"shape\":[5],\"data_offsets\":[0,5]},"
     "\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,8]}}",
     "the data of \"b\" overlap those of another tensor at 4"},
    {"the same data twice",
     "{\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]},"
     "\"b\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]}}",
     "overlap"},
    {"an empty tensor inside another",
     "{\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]},"
     "\"b\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[4,4]}}",
     "overlap"},
    {"hole before", "{\"a\":{\"dtype\":\"U8\",\"shape\":[6],\"data_offsets\":[2,8]}}",
     "a hole of 2 bytes before the data of \"a\""},
    {"hole between",
     "{\"a\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]},"
     "\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,8]}}",
     "a hole of 1 bytes before the data of \"b\""},
    {"data behind the last", "{\"a\":{\"dtype\":\"U8\",\"shape\":[6],\"data_offsets\":[0,6]}}",
     "the last 2 bytes belong to no tensor"},
    {"data but no tensor", "{}", "the last 8 bytes belong to no tensor"},
    {"past the end", "{\"a\":{\"dtype\":\"U8\",\"shape\":[9],\"data_offsets\":[0,9]}}",
     "end at 9, past the 8 bytes"},
    {"far past the end", "{\"a\":{\"dtype\":\"U8\",\"shape\":[9],\"data_offsets\":[0,9007199254740991]}}",
     "past the 8 bytes"},
    {"reversed", "{\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[8,0]}}", "end before they begin"},
    {"one offset", "{\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0]}}", "not a list of two numbers"},
    {"three offsets", "{\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8,8]}}",
     "not a list of two numbers"},
    {"offsets of text", "{\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[\"0\",8]}}",
     "not a list of two numbers"},
    {"product overflows", "{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,8]}}",
     "more elements than can be counted"},
    {"product wraps to the size",
     "{\"a\":{\"dtype\":\"U8\",\"shape\":[4294967296,4294967296,8],\"data_offsets\":[0,8]}}",
     "more elements than can be counted"},
    {"too few bytes", "{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}",
     "has 8 bytes of data, but its dtype and shape make 12"},
    {"too many bytes", "{\"a\":{\"dtype\":\"F16\",\"shape\":[],\"data_offsets\":[0,8]}}",
     "has 8 bytes of data, but its dtype and shape make 2"},
    {"empty by one axis", "{\"a\":{\"dtype\":\"U8\",\"shape\":[8,0],\"data_offsets\":[0,8]}}", "make 0"},
    {"nine dimensions", "{\"a\":{\"dtype\":\"U8\",\"shape\":[8,1,1,1,1,1,1,1,1],\"data_offsets\":[0,8]}}",
     "not a list of at most 8 sizes"},
    {"a shape of text", "{\"a\":{\"dtype\":\"U8\",\"shape\":\"8\",\"data_offsets\":[0,8]}}", "not a list"},
    {"a shape of lists", "{\"a\":{\"dtype\":\"U8\",\"shape\":[[8]],\"data_offsets\":[0,8]}}", "not a list"},
    {"negative", "{\"a\":{\"dtype\":\"U8\",\"shape\":[-8],\"data_offsets\":[0,8]}}", "the number -8, which is not"},
    {"negative zero", "{\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[-0,8]}}", "the number -0"},
    {"fraction", "{\"a\":{\"dtype\":\"U8\",\"shape\":[8.5],\"data_offsets\":[0,8]}}", "the number 8.5"},
    {"a fraction that rounds to a whole",
     "{\"a\":{\"dtype\":\"U8\",\"shape\":[7.99999999999999999999],\"data_offsets\":[0,8]}}", "the number 7.99"},
    {"exponent", "{\"a\":{\"dtype\":\"U8\",\"shape\":[8e0],\"data_offsets\":[0,8]}}", "the number 8e0"},
    {"1e400", "{\"a\":{\"dtype\":\"U8\",\"shape\":[1e400],\"data_offsets\":[0,8]}}", "the number 1e400"},
    {"2^53", "{\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,9007199254740992]}}",
     "the number 9007199254740992"},
    {"2^63", "{\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,9223372036854775808]}}",
     "the number 9223372036854775808"},
    {"2^64 + 8", "{\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,18446744073709551624]}}",
     "the number 18446744073709551624"},
    {"a long number",
     "{\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,"
     "888888888888888888888888888888888888888888888888888888888888888888888888888888888888]}}",
     "the number 8888888888888888888888888888888888888888..., which"},
    {"a leading zero", "{\"a\":{\"dtype\":\"U8\",\"shape\":[08],\"data_offsets\":[0,8]}}", "the number 08"},
    {"NaN", "{\"a\":{\"dtype\":\"U8\",\"shape\":[NaN],\"data_offsets\":[0,8]}}", "is not JSON"},
    {"unknown dtype", "{\"a\":{\"dtype\":\"Q8\",\"shape\":[8],\"data_offsets\":[0,8]}}",
     "\"a\" has the dtype \"Q8\", which the format does not know"},
    {"dtype in small letters", "{\"a\":{\"dtype\":\"u8\",\"shape\":[8],\"data_offsets\":[0,8]}}", "does not know"},
    {"dtype a number", "{\"a\":{\"dtype\":8,\"shape\":[8],\"data_offsets\":[0,8]}}",
     "the dtype of \"a\" is not a string"},
    {"no dtype", "{\"a\":{\"shape\":[8],\"data_offsets\":[0,8]}}", "\"a\" has no dtype"},
    {"no shape", "{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,8]}}", "\"a\" has no shape"},
    {"no offsets", "{\"a\":{\"dtype\":\"U8\",\"shape\":[8]}}", "\"a\" has no data_offsets"},
    {"two shapes", "{\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"shape\":[8],\"data_offsets\":[0,8]}}",
     "\"a\" has shape twice"},
    {"a tensor that is a list", "{\"a\":[8]}", "\"a\" is not described by an object"},
    {"a name twice",
     "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
     "\"\\u0061\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,8]}}",
     "two tensors have the name \"a\""},
    {"metadata twice", "{\"__metadata__\":{},\"__metadata__\":{}}", "holds __metadata__ twice"},
    {"metadata a list", "{\"__metadata__\":[]}", "__metadata__ is not an object of strings"},
    {"metadata of numbers", "{\"__metadata__\":{\"k\":1}}", "the value of \"k\" in __metadata__ is not a string"},
    {"a key twice", "{\"__metadata__\":{\"k\":\"1\",\"l\":\"\",\"k\":\"2\"}}",
     "the key \"k\" is in __metadata__ twice"},
    {"invalid UTF-8", "{\"\xff\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]}}", "no UTF-8"},
    {"overlong UTF-8", "{\"\xc0\x80\":1}", "no UTF-8"},
    {"a surrogate in UTF-8", "{\"\xed\xa0\x80\":1}", "no UTF-8"},
    {"UTF-8 cut off by the quote", "{\"\xe2\x82\":1}", "no UTF-8"},
    {"UTF-8 cut off by the end", "{\"\xe2\x82", "no UTF-8"},
    {"half a surrogate pair", "{\"\\ud800\":1}", "is not JSON"},
    {"an escaped NUL", "{\"a\\u0000b\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]}}",
     "a NUL in a string"},
    {"a control character in a string", "{\"a\nb\":1}", "a control character in a string"},
    {"a control character outside", "{\v}", "a character outside of a string"},
    {"a string without an end", "{\"a", "a string without an end"},
    {"a backslash at the end", "{\"a\\", "a string without an end"},
    {"an unknown escape", "{\"\\q\":1}", "is not JSON"},
};

static void test_hostile_headers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        print_message("%s\n", hostile[i].name);
        store_text(hostile[i].header, "12345678", 8);
        refused(GRADC_E_IO, hostile[i].sentence);
    }
}

static void test_hostile_lengths(void **state)
{
    (void)state;
    const char *good = "{\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[0,8]}}";
    const size_t n = strlen(good);
    store_bytes("", 0);
    refused(GRADC_E_IO, "0 bytes are too short");
    store_bytes("\2\0\0\0\0\0\0", 7);
    refused(GRADC_E_IO, "7 bytes are too short");
    store(0, "", 0, NULL, 0);
    refused(GRADC_E_IO, "does not begin with {");
    store(n + 9, good, n, "12345678", 8);
    refused(GRADC_E_IO, "but only 61 follow");
    store((uint64_t)1 << 63, good, n, "12345678", 8);
    refused(GRADC_E_IO, "a header of 9223372036854775808 bytes");
    store(UINT64_MAX, good, n, "12345678", 8);
    refused(GRADC_E_IO, "a header of 18446744073709551615 bytes");
    store(UINT64_MAX - 7, good, n, "12345678", 8);
    refused(GRADC_E_IO, "the format has at most 100000000");
    store(100000000, good, n, "12345678", 8);
    refused(GRADC_E_IO, "but only 61 follow");
    store(n + 3, good, n, "12345678", 8);
    refused(GRADC_E_IO, "is not JSON");
    store(n - 1, good, n, "12345678", 8);
    refused(GRADC_E_IO, "is not JSON");
    store(n, good, n, "1234567", 7);
    refused(GRADC_E_IO, "past the 7 bytes");
    store(8, "{\"a\":1}\0", 8, NULL, 0);
    refused(GRADC_E_IO, "a character outside of a string");
    store(9, "{\"a\0b\":1}", 9, NULL, 0);
    refused(GRADC_E_IO, "a control character in a string");
}

/* Nesting, and more values than memory should pay for. */
static void test_deep_and_wide(void **state)
{
    (void)state;
    enum { DEEP = 1000000, WIDE = 9000000 };
    char *text = malloc(WIDE);
    assert_non_null(text);
    memcpy(text, "{\"a\":", 5);
    memset(text + 5, '[', DEEP - 5);
    store(DEEP, text, DEEP, NULL, 0);
    refused(GRADC_E_IO, "more than 16 deep");
    for (int i = 0; i < DEEP; i += 5)
        memcpy(text + i, "{\"a\":", 5);
    store(DEEP, text, DEEP, NULL, 0);
    refused(GRADC_E_IO, "more than 16 deep");
    memcpy(text, "{\"a\":[", 6);
    for (int i = 6; i < WIDE; i += 2)
        memcpy(text + i, "0,", 2);
    store(WIDE, text, WIDE, NULL, 0);
    refused(GRADC_E_IO, "more than 4000000 values");
    free(text);
}

static void test_other_dtypes(void **state)
{
    (void)state;
    static const char *const names[] = {"I8", "U16", "I16", "U32", "U64", "C64", "F8_E4M3", "F8_E5M2", "F4"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char header[128], sentence[128];
        snprintf(header, sizeof header, "{\"a\":{\"dtype\":\"%s\",\"shape\":[8],\"data_offsets\":[0,8]}}",
                 names[i]);
        snprintf(sentence, sizeof sentence, "\"a\" has the dtype \"%s\", which this library has not", names[i]);
        store_text(header, "12345678", 8);
        refused(GRADC_E_UNSUPPORTED, sentence);
    }
}

/* A terminal sees no control characters of a hostile name, and the sentence stays readable. */
static void test_names_in_messages(void **state)
{
    (void)state;
    store_text("{\"\\u001b[2J\\u007f\":[]}", NULL, 0);
    refused(GRADC_E_IO, "\"?[2J?\" is not described");
    char header[4096] = "{\"";
    memset(header + 2, 'n', 3000);
    memcpy(header + 3002, "\":1}", 5);
    store_text(header, NULL, 0);
    refused(GRADC_E_IO, "nnn...\" is not described");
}

static void test_no_file(void **state)
{
    (void)state;
    assert_null(gradc_file_open("/nowhere/at/all"));
    assert_failed_here(GRADC_E_IO, "/nowhere/at/all: No such file");
    assert_null(gradc_file_open("/dev/zero")); /* which has no end */
    assert_failed_here(GRADC_E_IO, "/dev/zero: Invalid argument");
    assert_null(gradc_file_open("/tmp"));
    assert_failed_here(GRADC_E_IO, "/tmp: ");
    assert_null(gradc_file_open(NULL));
    assert_failed_here(GRADC_E_ARG, "no path");
    assert_null(gradc_file_open("/proc/self/status")); /* a file without a size is read, not mapped */
    assert_failed_here(GRADC_E_IO, "/proc/self/status: announces a header");
    gradc_file_close(NULL);
    assert_int_equal(gradc_file_count(NULL), -1);
    assert_int_equal(gradc_file_metadata_count(NULL), -1);
    assert_null(gradc_file_name(NULL, 0));
    assert_null(gradc_file_metadata(NULL, "k"));
    assert_null(gradc_file_metadata_key(NULL, 0));
    assert_int_equal(gradc_file_find(NULL, "a"), -1);
    assert_int_equal(gradc_file_info(NULL, 0, NULL, NULL, NULL), GRADC_E_ARG);
    gradc_recover(NULL);
}

/* Cut anywhere, or with any byte changed: refused or read, never more than that. */
static void test_damaged(void **state)
{
    (void)state;
    static const char header[] =
        "{\"__metadata__\":{\"k\":\"\\u00e9\"},\"a\":{\"dtype\":\"U8\",\"shape\":[2,2],"
        "\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[4,8]}}  ";
    unsigned char whole[256] = {sizeof header - 1}, changed[256];
    const size_t n = 8 + sizeof header - 1 + 8;
    memcpy(whole + 8, header, sizeof header - 1);
    memcpy(whole + n - 8, "12345678", 8);
    store_bytes(whole, n);
    gradc_file_close(opened());
    for (size_t cut = 0; cut < n; cut++) {
        store_bytes(whole, cut);
        refused(GRADC_E_IO, "");
    }
    int refusals = 0;
    for (size_t at = 0; at < n; at++)
        for (int bit = 0; bit < 8; bit += 3) {
            memcpy(changed, whole, n);
            changed[at] ^= (unsigned char)(1 << bit);
            store_bytes(changed, n);
            gradc_file *file = gradc_file_open(path);
            refusals += file == NULL;
            gradc_file_close(file);
        }
    assert_true(refusals > (int)n);
    gradc_recover(NULL);
}

/* ---- Files of other programs ---- */

/* Not padded, in another order than the data, with spaces between, escapes, and a key that the format does not have. */
static void test_foreign(void **state)
{
    (void)state;
    store_text("{ \"b\\u00e9\\/\\n\" : {\"shape\" : [ 2, 1 ],\t\"x\":[{\"y\":null}], \"data_offsets\":[1,5],\r\n"
               "\"dtype\":\"BF16\"}, \"\":{\"dtype\":\"BOOL\",\"shape\":[],\"data_offsets\":[0,1]},"
               "\"z\":{\"dtype\":\"F64\",\"shape\":[3,0],\"data_offsets\":[1,1]},"
               "\"__metadata__\":{\"z\":\"last\",\"\":\"\",\"a\":\"\\ud83d\\ude00\"}}   ",
               "\1\x80\x3f\0\xc0", 5);
    gradc_file *file = opened();
    assert_int_equal(gradc_file_count(file), 3);
    assert_string_equal(gradc_file_name(file, 0), "");
    assert_string_equal(gradc_file_name(file, 1), "z");
    assert_string_equal(gradc_file_name(file, 2), "b\xc3\xa9/\n");
    assert_null(gradc_file_name(file, 3));
    assert_null(gradc_file_name(file, -1));
    assert_int_equal(gradc_file_find(file, "b\xc3\xa9/\n"), 2);
    assert_int_equal(gradc_file_find(file, "z"), 1);
    assert_int_equal(gradc_file_find(file, ""), 0);
    assert_int_equal(gradc_file_find(file, "a"), -1);
    gradc_dtype dtype;
    int ndim;
    int64_t shape[GRADC_MAX_NDIM], bytes;
    assert_int_equal(gradc_file_info(file, 2, &dtype, &ndim, shape), GRADC_OK);
    assert_int_equal(dtype, GRADC_BF16);
    assert_int_equal(ndim, 2);
    assert_int_equal(shape[0] * 10 + shape[1], 21);
    assert_memory_equal(gradc_file_data(file, 2, &bytes), "\x80\x3f\0\xc0", 4);
    assert_int_equal(bytes, 4);
    assert_non_null(gradc_file_data(file, 1, &bytes));
    assert_int_equal(bytes, 0);
    assert_null(gradc_file_data(file, 3, &bytes));
    assert_int_equal(gradc_file_metadata_count(file), 3);
    assert_string_equal(gradc_file_metadata_key(file, 0), "");
    assert_string_equal(gradc_file_metadata_key(file, 1), "a");
    assert_null(gradc_file_metadata_key(file, 3));
    assert_string_equal(gradc_file_metadata(file, "a"), "\xf0\x9f\x98\x80");
    assert_string_equal(gradc_file_metadata(file, ""), "");
    assert_null(gradc_file_metadata(file, "b"));
    gradc_context *g = test_open("cpu");
    gradc_tensor *t = gradc_new(g, GRADC_F32, 2, (const int64_t[]){2, 1});
    assert_int_equal(gradc_file_read(file, 2, t), GRADC_OK);
    assert_f32(t, 2, (const float[]){1, -2});
    gradc_release(t);
    gradc_close(g);
    gradc_file_close(file);
}

static void test_empty_file(void **state)
{
    (void)state;
    store_text("{}", NULL, 0);
    gradc_file *file = opened();
    assert_int_equal(gradc_file_count(file), 0);
    assert_int_equal(gradc_file_metadata_count(file), 0);
    assert_int_equal(gradc_file_find(file, "a"), -1);
    assert_null(gradc_file_metadata(file, "a"));
    gradc_file_close(file);
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* A header of 100,000 tensors is read well within a second, whatever the order of the names. */
static void test_many_tensors(void **state)
{
    (void)state;
    enum { MANY = 100000 };
    char *header = malloc((size_t)MANY * 100);
    assert_non_null(header);
    size_t n = 0;
    header[n++] = '{';
    for (int i = 0; i < MANY; i++)
        n += (size_t)sprintf(header + n,
                             "%s\"layer.%d\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[%d,%d]}",
                             i > 0 ? "," : "", (i * 7919) % MANY, MANY - 1 - i, MANY - i);
    header[n++] = '}';
    unsigned char *data = calloc(MANY, 1);
    assert_non_null(data);
    store(n, header, n, data, MANY);
    double start = seconds();
    gradc_file *file = opened();
    double took = seconds() - start;
    print_message("%d tensors: %.3f s\n", MANY, took);
    assert_int_equal(gradc_file_count(file), MANY);
    assert_int_equal(gradc_file_find(file, "layer.0"), MANY - 1);
    assert_true(took < 5); /* about 0.1 s; the room is for sanitizers and busy machines */
    gradc_file_close(file);
    free(data);
    free(header);
}

/* Opening does not read the data: a file of 1 TiB, a hole, is opened at once. */
static void test_data_untouched(void **state)
{
    (void)state;
    const char *header =
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[1099511627776],\"data_offsets\":[0,1099511627776]}}";
    store_text(header, NULL, 0);
    if (truncate(path, (off_t)(8 + strlen(header)) + ((off_t)1 << 40)) != 0)
        skip(); /* a file system without holes */
    gradc_file *file = opened();
    int64_t bytes;
    const unsigned char *data = gradc_file_data(file, 0, &bytes);
    assert_int_equal(bytes, (int64_t)1 << 40);
    assert_int_equal(data[bytes - 1], 0);
    gradc_file_close(file);
}

/* ---- Round trips ---- */

static void test_widening(void **state)
{
    (void)state;
    static const uint16_t half[] = {0x0000, 0x8000, 0x3c00, 0xc000, 0x7bff, 0x0001,
                                    0x8001, 0x03ff, 0x0400, 0x7c00, 0xfc00};
    static const float value[] = {0.0f,      -0.0f,        1.0f,     -2.0f,    65504.0f, 0x1p-24f,
                                  -0x1p-24f, 0x1.ff8p-15f, 0x1p-14f, INFINITY, -INFINITY};
    enum { N = sizeof half / sizeof *half };
    unsigned char bytes[2 * N + 2];
    for (int i = 0; i < N; i++) {
        bytes[2 * i] = (unsigned char)(half[i] & 0xff);
        bytes[2 * i + 1] = (unsigned char)(half[i] >> 8);
    }
    memcpy(bytes + 2 * (size_t)N, "\x01\x7e", 2); /* a NaN */
    store_text("{\"h\":{\"dtype\":\"F16\",\"shape\":[12],\"data_offsets\":[0,24]}}", bytes, sizeof bytes);
    gradc_file *file = opened();
    gradc_context *g = test_open("cpu");
    gradc_tensor *t = gradc_new(g, GRADC_F32, 1, (const int64_t[]){N + 1});
    float got[N + 1];
    assert_int_equal(gradc_file_read(file, 0, t), GRADC_OK);
    assert_int_equal(gradc_read(t, got, sizeof got), GRADC_OK);
    assert_memory_equal(got, value, sizeof value);
    assert_true(isnan(got[N]));
    gradc_release(t);
    gradc_close(g);
    gradc_file_close(file);
}

enum { DTYPES = 8, SHAPES = 5 };
static const int64_t shapes[SHAPES][5] = {{-1}, {0, -1}, {7, -1}, {3, 0, 2, -1}, {2, 3, 5, 1, -1}};

/* Random bytes; NULL where the device has no such tensors (f64). */
static gradc_tensor *random_tensor(gradc_context *g, gradc_dtype dtype, const int64_t *shape, struct random *r)
{
    int ndim = 0;
    while (shape[ndim] >= 0)
        ndim++;
    gradc_tensor *t = gradc_new(g, dtype, ndim, shape);
    unsigned char bytes[512];
    if (t == NULL) {
        assert_int_equal(dtype, GRADC_F64);
        gradc_recover(g);
        return NULL;
    }
    const size_t n = (size_t)gradc_bytes(t);
    assert_true(n <= sizeof bytes);
    for (size_t i = 0; i < n; i++)
        bytes[i] = (unsigned char)(dtype == GRADC_BOOL ? random_below(r, 2) : random_below(r, 256));
    assert_int_equal(gradc_write(t, bytes, n), GRADC_OK);
    return t;
}

static void assert_same(gradc_tensor *x, gradc_tensor *y)
{
    unsigned char a[512], b[512];
    const size_t n = (size_t)gradc_bytes(x);
    assert_int_equal(gradc_bytes(y), (int64_t)n);
    assert_int_equal(gradc_read(x, a, n), GRADC_OK);
    assert_int_equal(gradc_read(y, b, n), GRADC_OK);
    assert_memory_equal(a, b, n);
}

/* Every dtype in every shape, and metadata with everything that needs an escape. */
static void round_trip(struct fixture *f)
{
    gradc_tensor *t[DTYPES * SHAPES];
    char name[DTYPES * SHAPES][32];
    const char *names[DTYPES * SHAPES];
    const char *keys[] = {"z", "quote\" back\\ line\n", "\xe2\x82\xac"},
               *values[] = {"", "\x01\x7f\t/", "\xf0\x9f\x98\x80"};
    struct random r = {test_seed()};
    int n = 0;
    for (gradc_dtype dtype = 0; dtype < DTYPES; dtype++)
        for (int s = 0; s < SHAPES; s++) {
            gradc_tensor *made = random_tensor(f->g, dtype, shapes[s], &r);
            if (made == NULL)
                continue;
            snprintf(name[n], sizeof name[n], "%s.%d \"\\", gradc_dtype_name(dtype), s);
            names[n] = name[n];
            t[n++] = made;
        }
    assert_int_equal(gradc_save(path, n, names, t, 3, keys, values), GRADC_OK);
    gradc_file *file = opened();
    assert_int_equal(gradc_file_count(file), n);
    assert_int_equal(gradc_file_metadata_count(file), 3);
    for (int i = 0; i < 3; i++)
        assert_string_equal(gradc_file_metadata(file, keys[i]), values[i]);
    for (int i = 0; i < n; i++) {
        gradc_dtype dtype;
        int ndim;
        int64_t shape[GRADC_MAX_NDIM];
        const int at = gradc_file_find(file, names[i]);
        assert_int_equal(gradc_file_info(file, at, &dtype, &ndim, shape), GRADC_OK);
        assert_int_equal(dtype, gradc_dtype_of(t[i]));
        assert_int_equal(ndim, gradc_ndim(t[i]));
        gradc_tensor *back = gradc_new(f->g, dtype, ndim, shape);
        assert_int_equal(gradc_file_read(file, at, back), GRADC_OK);
        assert_same(t[i], back);
        assert_int_equal((uintptr_t)gradc_file_data(file, at, NULL) % gradc_dtype_size(dtype), 0);
        gradc_release(back);
        gradc_release(t[i]);
    }
    gradc_file_close(file);
}

/* Into a strided view, and into tensors that do not fit. */
static void read_into(struct fixture *f)
{
    store_text("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
               "\"c\":{\"dtype\":\"BOOL\",\"shape\":[2],\"data_offsets\":[8,10]}}",
               "\0\0\x80\x3f\0\0\0\x40\1\2", 10);
    gradc_file *file = opened();
    gradc_tensor *t = gradc_new(f->g, GRADC_F32, 2, (const int64_t[]){2, 2});
    gradc_tensor *view = gradc_squeeze(gradc_slice(t, 1, 1, 2, 1), 1);
    assert_int_equal(gradc_file_read(file, 0, view), GRADC_OK);
    assert_f32(t, 4, (const float[]){0, 1, 0, 2});
    assert_int_equal(gradc_file_read(file, 0, t), GRADC_E_SHAPE);
    assert_failed(f->g, GRADC_E_SHAPE, "has the shape [2], the tensor [2,2]");
    gradc_tensor *whole = gradc_new(f->g, GRADC_I32, 1, (const int64_t[]){2});
    assert_int_equal(gradc_file_read(file, 0, whole), GRADC_E_DTYPE);
    assert_failed(f->g, GRADC_E_DTYPE, "is f32, the tensor i32");
    gradc_tensor *flags = gradc_new(f->g, GRADC_BOOL, 1, (const int64_t[]){2});
    assert_int_equal(gradc_file_read(file, 1, flags), GRADC_E_IO);
    assert_failed(f->g, GRADC_E_IO, "the byte 2, which is no bool");
    assert_int_equal(gradc_file_read(file, 2, flags), GRADC_E_ARG);
    assert_failed(f->g, GRADC_E_ARG, "there is no tensor 2");
    assert_int_equal(gradc_file_read(file, -1, flags), GRADC_E_ARG);
    assert_failed(f->g, GRADC_E_ARG, "there is no tensor -1");
    assert_int_equal(gradc_file_read(NULL, 0, flags), GRADC_E_ARG);
    assert_failed(f->g, GRADC_E_ARG, "there is no tensor 0");
    assert_int_equal(gradc_file_read(file, 0, NULL), GRADC_E_ARG);
    gradc_release(t);
    gradc_release(whole);
    gradc_release(flags);
    gradc_file_close(file);
}

int main(void)
{
    static const struct test tests[] = {{"round trip", round_trip}, {"into tensors", read_into}};
    int made = mkstemp(path);
    if (made < 0)
        return 1;
    close(made);
    const struct CMUnitTest here[] = {
        cmocka_unit_test(test_hostile_headers),   cmocka_unit_test(test_hostile_lengths),
        cmocka_unit_test(test_deep_and_wide),     cmocka_unit_test(test_other_dtypes),
        cmocka_unit_test(test_names_in_messages), cmocka_unit_test(test_no_file),
        cmocka_unit_test(test_damaged),           cmocka_unit_test(test_foreign),
        cmocka_unit_test(test_empty_file),        cmocka_unit_test(test_many_tensors),
        cmocka_unit_test(test_data_untouched),    cmocka_unit_test(test_widening),
    };
    int failed = cmocka_run_group_tests_name("safetensors", here, NULL, NULL);
    failed += RUN_SUITE("safetensors", tests);
    unlink(path);
    return failed;
}
