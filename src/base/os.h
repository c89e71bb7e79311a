/* os.h - the operating system, all of it: memory, threads, files, libraries, the clock, fork.
 * os.c, os_file.c and os_folder.c are the only files of the library that call it (C's own locks and the math library
 * apart). */
#ifndef GRADC_OS_H
#define GRADC_OS_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

/* Pages from the system, zeroed, aligned to 2 MiB and on huge pages where `bytes` is large; NULL on failure. */
void *os_pages(size_t bytes);
void os_pages_free(void *pages, size_t bytes);

int os_cpu_count(void); /* the CPUs that this process may use (affinity, cgroup quota rounded up), at least 1 */

/* Whether the system describes its hardware (Linux: /sys is mounted), as drivers need. */
int os_describes_hardware(void);

int64_t os_memory_left(void); /* bytes: the least of what the cgroup leaves and MemAvailable; INT64_MAX if unknown */
int64_t os_memory_total(void);

/* Starts a thread with all signals blocked; 0, or -1 if it can't be started.
 * os_fail_threads(n): for tests: the n-th start from now and all after it fail; 0: none. */
int os_thread_start(pthread_t *thread, void *(*run)(void *), void *arg);
void os_thread_join(pthread_t thread);
void os_fail_threads(int n);
void os_pause(void); /* a spin-wait hint */
void os_yield(void); /* lets another thread have this CPU */

/* How often this process is a fork of the one that loaded the library: 0, 1, ...  Cheap. */
int os_forks(void);

double os_seconds(void); /* monotonic */
const char *os_environment(const char *name);

/* Shared libraries: NULL if it or the symbol is not there.  name NULL: what the process has loaded itself. */
void *os_library(const char *name);
void *os_symbol(void *library, const char *name);
void os_library_close(void *library);

/* Whole files.  read: *data is host_alloc'd, 0-terminated behind *bytes; 0, or an errno value.
 * replace: temporary file beside it, fsync, rename, fsync of the folder; 0 or an errno value.
 * mkdirs: with mode 0700. */
int os_file_read(const char *path, char **data, size_t *bytes);
int os_file_replace(const char *path, const void *data, size_t bytes);

/* A file's bytes, read-only: mapped, or read where it can't be mapped (a pipe, /proc).  0 or an errno value; unmap
 * takes {0} too.  A mapped file that someone shortens takes its pages away: touching them ends the process (SIGBUS). */
struct os_map {
    const unsigned char *bytes;
    size_t size;
    int mapped;
};
int os_file_map(const char *path, struct os_map *map);
void os_file_unmap(struct os_map *map);

/* Replacing in pieces: nobody sees the file before commit, which frees `file` whether it succeeds or not; drop leaves
 * an existing file as it was.  What is there and no regular file (a device, a folder) is not replaced: EINVAL, EISDIR.
 * 0 or an errno value; drop(NULL) does nothing. */
struct os_file;
int os_file_begin(const char *path, struct os_file **file);
int os_file_append(struct os_file *file, const void *data, size_t bytes);
int os_file_commit(struct os_file *file);
void os_file_drop(struct os_file *file);

int os_file_remove(const char *path);

/* What a folder holds, "." and ".." apart, in the order of strcmp; links count as what they lead to.
 * 0 or an errno value; freed by os_folder_free, which takes NULL. */
struct os_entry {
    char *name;
    int is_folder, is_file;
};
int os_folder_list(const char *path, struct os_entry **entries, int64_t *n);
void os_folder_free(struct os_entry *entries, int64_t n);
int os_is_file(const char *path); /* 1 or 0; links count as what they lead to */

int os_mkdirs(const char *path);
const char *os_error(int code, char *text, size_t size); /* strerror_r */

/* The folder of the user's caches, without a slash at the end: $XDG_CACHE_HOME or $HOME/.cache.
 * 0, or -1 if there is none or text is too short. */
int os_cache_folder(char *text, size_t size);

#endif
