/* corpus.c - what fuzzing found worth keeping runs through the targets again, in every build. */
#include <dirent.h>

#include "fuzz/safetensors.c"
#include "support/support.h"

static const char folder[] = "test/fuzz/corpus/safetensors";

/* The bytes lie at the end of their block, so that a sanitizer sees a read past them. */
static void run_file(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    const size_t size = (size_t)ftell(f);
    rewind(f);
    uint8_t *bytes = malloc(size > 0 ? size : 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, size, f), size);
    fclose(f);
    assert_int_equal(LLVMFuzzerTestOneInput(bytes, size), 0);
    free(bytes);
}

static void test_safetensors(void **state)
{
    (void)state;
    int files = 0;
    DIR *d = opendir(folder);
    assert_non_null(d); /* programs of the tests run in the repository's root */
    for (const struct dirent *entry = readdir(d); entry != NULL; entry = readdir(d)) {
        if (entry->d_name[0] == '.')
            continue;
        run_file(entry->d_name);
        files++;
    }
    closedir(d);
    print_message("%d files\n", files);
    assert_true(files > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_safetensors)};
    return cmocka_run_group_tests_name("corpus", tests, NULL, NULL);
}
