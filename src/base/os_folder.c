/* os_folder.c - the operating system: what folders hold. */
#include "base/host.h"
#include "base/os.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int by_name(const void *x, const void *y)
{
    return strcmp(((const struct os_entry *)x)->name, ((const struct os_entry *)y)->name);
}

static int entry_read(DIR *folder, const struct dirent *found, struct os_entry *entry)
{
    struct stat s;
    const int known = !fstatat(dirfd(folder), found->d_name, &s, 0); /* a link may lead nowhere */
    entry->is_folder = known && S_ISDIR(s.st_mode);
    entry->is_file = known && S_ISREG(s.st_mode);
    entry->name = host_strdup(found->d_name);
    return entry->name ? 0 : ENOMEM;
}

/* The next entry that is neither the folder nor the one above; NULL at the end or with *error. */
static const struct dirent *next_entry(DIR *folder, int *error)
{
    const struct dirent *found;
    do {
        errno = 0;
        found = readdir(folder);
    } while (found && (!strcmp(found->d_name, ".") || !strcmp(found->d_name, "..")));
    *error = found ? 0 : errno;
    return found;
}

int os_folder_list(const char *path, struct os_entry **entries, int64_t *n)
{
    *entries = NULL;
    *n = 0;
    DIR *folder = opendir(path);
    if (!folder)
        return errno;
    int64_t room = 0;
    int error = 0;
    const struct dirent *found;
    while (!error && (found = next_entry(folder, &error))) {
        error = host_grow(entries, &room, *n + 1, sizeof **entries)
                    ? ENOMEM
                    : entry_read(folder, found, &(*entries)[*n]);
        *n += !error;
    }
    closedir(folder);
    if (error) {
        os_folder_free(*entries, *n);
        *entries = NULL;
        *n = 0;
    } else if (*n) {
        qsort(*entries, (size_t)*n, sizeof **entries, by_name);
    }
    return error;
}

void os_folder_free(struct os_entry *entries, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        host_free(entries[i].name);
    host_free(entries);
}
