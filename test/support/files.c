/* files.c - a folder for a test's files. */
#include "files.h"

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/gradc-files-XXXXXX";

void files_begin(void)
{
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    assert_non_null(mkdtemp(folder));
}

static int remove_one(const char *path, const struct stat *s, int kind, struct FTW *at)
{
    (void)s;
    (void)kind;
    (void)at;
    return remove(path);
}

void files_end(void)
{
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *files_path(const char *name)
{
    static char paths[16][1024];
    static int next;
    char *path = paths[next++ % 16];
    snprintf(path, sizeof *paths, "%s/%s", folder, name);
    return path;
}

/* The folders in front of the last slash. */
static void make_folders(const char *path)
{
    char part[1024];
    for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
        mkdir(part, 0700);
    }
}

void files_folder(const char *name)
{
    make_folders(files_path(name));
    mkdir(files_path(name), 0700);
}

void files_store(const char *name, const void *bytes, size_t count)
{
    const char *path = files_path(name);
    make_folders(path);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, count, f), count);
    assert_int_equal(fclose(f), 0);
}

char *files_load(const char *name, size_t *count)
{
    FILE *f = fopen(files_path(name), "rb");
    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    *count = (size_t)ftell(f);
    rewind(f);
    char *bytes = malloc(*count + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *count, f), *count);
    fclose(f);
    return bytes;
}

void files_idx(const char *where, const char *part, int count, int height, int width, struct random *r)
{
    const size_t pixels = (size_t)(count * height * width);
    unsigned char *bytes = calloc(1, 16 + pixels);
    char name[256];
    assert_non_null(bytes);
    memcpy(bytes,
           (const unsigned char[]){0, 0, 8, 3, 0, 0, (unsigned char)(count >> 8), (unsigned char)count, 0, 0,
                                   0, (unsigned char)height, 0, 0, 0, (unsigned char)width},
           16);
    for (size_t i = 0; i < pixels; i++)
        bytes[16 + i] = (unsigned char)random_below(r, 256);
    snprintf(name, sizeof name, "%s/%s-images-idx3-ubyte", where, part);
    files_store(name, bytes, 16 + pixels);
    bytes[3] = 1;
    for (int i = 0; i < count; i++)
        bytes[8 + i] = (unsigned char)((i * 7) % 10);
    snprintf(name, sizeof name, "%s/%s-labels-idx1-ubyte", where, part);
    files_store(name, bytes, 8 + (size_t)count);
    free(bytes);
}

void files_cifar(const char *name, int count, struct random *r)
{
    const size_t bytes = (size_t)count * 3073;
    unsigned char *records = malloc(bytes);
    assert_non_null(records);
    for (size_t i = 0; i < bytes; i++)
        records[i] = (unsigned char)(i % 3073 ? random_below(r, 256) : (int64_t)(i / 3073) % 10);
    files_store(name, records, bytes);
    free(records);
}
