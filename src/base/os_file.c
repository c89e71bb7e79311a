/* os_file.c - the operating system's files: read and mapped whole, and replaced so that a failure changes nothing. */
#include "base/os.h"

#include "base/host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Reads to the end, whatever the size that the system names: files in /proc name none.  A device may have no end. */
static int read_all(int file, char **data, size_t *bytes)
{
    struct stat s;
    if (fstat(file, &s))
        return errno;
    if (S_ISCHR(s.st_mode) || S_ISBLK(s.st_mode))
        return EINVAL;
    if (s.st_size < 0 || (uint64_t)s.st_size > SIZE_MAX - 2)
        return EFBIG;
    size_t room = (size_t)s.st_size + 2 > 4096 ? (size_t)s.st_size + 2 : 4096, n = 0;
    char *text = host_alloc(room);
    int error = text ? 0 : ENOMEM;
    while (!error) {
        if (n + 1 == room) {
            char *more = room > SIZE_MAX / 2 ? NULL : host_resize(text, room * 2);
            if (!more) {
                error = ENOMEM;
                break;
            }
            text = more;
            room *= 2;
        }
        const ssize_t got = read(file, text + n, room - 1 - n);
        if (!got)
            break;
        if (got > 0)
            n += (size_t)got;
        else if (errno != EINTR)
            error = errno;
    }
    if (error) {
        host_free(text);
        return error;
    }
    text[n] = 0;
    *data = text;
    *bytes = n;
    return 0;
}

int os_file_read(const char *path, char **data, size_t *bytes)
{
    *data = NULL;
    *bytes = 0;
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return errno;
    const int error = read_all(file, data, bytes);
    close(file);
    return error;
}

static int map_file(int file, struct os_map *map)
{
    struct stat s;
    if (fstat(file, &s))
        return errno;
    if (S_ISREG(s.st_mode) && s.st_size > 0 && (uint64_t)s.st_size <= SIZE_MAX) {
        void *bytes = mmap(NULL, (size_t)s.st_size, PROT_READ, MAP_PRIVATE, file, 0);
        if (bytes != MAP_FAILED) {
            *map = (struct os_map){bytes, (size_t)s.st_size, 1};
            return 0;
        }
    }
    char *data = NULL;
    const int error = read_all(file, &data, &map->size);
    map->bytes = (const unsigned char *)data;
    return error;
}

int os_file_map(const char *path, struct os_map *map)
{
    memset(map, 0, sizeof *map);
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return errno;
    const int error = map_file(file, map);
    close(file);
    return error;
}

void os_file_unmap(struct os_map *map)
{
    void *bytes = (void *)(uintptr_t)map->bytes;
    if (map->mapped)
        munmap(bytes, map->size);
    else
        host_free(bytes);
    memset(map, 0, sizeof *map);
}

static int write_all(int file, const char *data, size_t bytes)
{
    while (bytes) {
        const ssize_t put = write(file, data, bytes);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return errno;
        data += put;
        bytes -= (size_t)put;
    }
    return 0;
}

/* A new file beside `path`, named by the process and a counter; its name is put into *name, host_alloc'd. */
static int open_beside(const char *path, char **name, int *file)
{
    static atomic_uint counter;
    const size_t room = strlen(path) + 48;
    *name = host_alloc(room);
    if (!*name)
        return ENOMEM;
    for (int tries = 0; tries < 100; tries++) {
        snprintf(*name, room, "%s.%ld.%u.tmp", path, (long)getpid(), atomic_fetch_add(&counter, 1));
        *file = open(*name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (*file >= 0)
            return 0;
        if (errno != EEXIST && errno != EINTR)
            break;
    }
    return errno;
}

struct os_file {
    int descriptor;
    char *name, *path;
};

/* Writes the folder of path to the disk, so that a rename in it outlives a loss of power.  Some file systems can't, and
 * some folders can't be opened: no error, for the file is there.  A disk that fails is one. */
static int sync_folder(const char *path)
{
    char *folder = host_strdup(path);
    if (!folder)
        return 0;
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = 0;
    const int file = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    host_free(folder);
    if (file < 0)
        return 0;
    const int error = fsync(file) && errno == EIO ? EIO : 0;
    close(file);
    return error;
}

/* Frees the file; the temporary one goes too where there was an error, which it returns. */
static int file_end(struct os_file *file, int error)
{
    if (file->descriptor >= 0 && close(file->descriptor) && !error)
        error = errno;
    if (!error && rename(file->name, file->path))
        error = errno;
    if (error && file->descriptor >= 0)
        unlink(file->name);
    if (!error)
        error = sync_folder(file->path);
    host_free(file->name);
    host_free(file->path);
    host_free(file);
    return error;
}

int os_file_begin(const char *path, struct os_file **file)
{
    *file = NULL;
    struct stat there;
    if (!stat(path, &there) && !S_ISREG(there.st_mode)) /* a rename would put a file in a device's place */
        return S_ISDIR(there.st_mode) ? EISDIR : EINVAL;
    struct os_file *begun = host_zalloc(1, sizeof *begun);
    if (!begun)
        return ENOMEM;
    begun->descriptor = -1;
    begun->path = host_strdup(path);
    int error = begun->path ? open_beside(path, &begun->name, &begun->descriptor) : ENOMEM;
    if (error)
        return file_end(begun, error);
    *file = begun;
    return 0;
}

int os_file_append(struct os_file *file, const void *data, size_t bytes)
{
    return write_all(file->descriptor, data, bytes);
}

int os_file_commit(struct os_file *file)
{
    return file_end(file, fsync(file->descriptor) ? errno : 0);
}

void os_file_drop(struct os_file *file)
{
    if (file)
        file_end(file, ECANCELED);
}

int os_file_replace(const char *path, const void *data, size_t bytes)
{
    struct os_file *file = NULL;
    int error = os_file_begin(path, &file);
    if (error)
        return error;
    error = os_file_append(file, data, bytes);
    if (!error)
        return os_file_commit(file);
    os_file_drop(file);
    return error;
}

int os_file_remove(const char *path)
{
    return unlink(path) ? errno : 0;
}

static int make_folder(const char *path)
{
    struct stat s;
    if (!mkdir(path, 0700))
        return 0;
    const int error = errno;
    return !stat(path, &s) && S_ISDIR(s.st_mode) ? 0 : error;
}

int os_mkdirs(const char *path)
{
    char *part = host_strdup(path);
    if (!part)
        return ENOMEM;
    int error = 0;
    for (char *c = part; *c && !error; c++) {
        if (*c != '/' || c == part)
            continue;
        *c = 0;
        error = make_folder(part);
        *c = '/';
    }
    error = error ? error : make_folder(part);
    host_free(part);
    return error;
}

const char *os_error(int code, char *text, size_t size)
{
    return strerror_r(code, text, size); /* the GNU form: it may answer a text of its own */
}
