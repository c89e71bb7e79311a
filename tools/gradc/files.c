/* files.c - image files, also of whole folders. */
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "tool.h"

enum { DEPTH = 32 };

static int push(struct files *f, const char *path)
{
    if (f->n == f->capacity) {
        int capacity = f->capacity > 0 ? 2 * f->capacity : 64;
        char **paths = realloc(f->path, (size_t)capacity * sizeof *paths);
        if (paths == NULL)
            return tool_no_memory();
        f->path = paths;
        f->capacity = capacity;
    }
    f->path[f->n] = text_format("%s", path);
    return f->path[f->n] != NULL ? (f->n++, TOOL_OK) : tool_no_memory();
}

static int is_image(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot != NULL &&
           (strcasecmp(dot, ".png") == 0 || strcasecmp(dot, ".jpg") == 0 || strcasecmp(dot, ".jpeg") == 0);
}

static int add_folder(struct files *f, const char *folder, int depth);

static int add_entry(struct files *f, const char *folder, const char *name, int depth)
{
    struct stat there;
    char *path = text_format("%s/%s", folder, name);
    if (path == NULL)
        return tool_no_memory();
    int status = TOOL_OK;
    if (stat(path, &there) == 0) {
        if (S_ISDIR(there.st_mode) && depth < DEPTH)
            status = add_folder(f, path, depth + 1);
        else if (S_ISREG(there.st_mode) && is_image(name))
            status = push(f, path);
    }
    free(path);
    return status;
}

static int add_folder(struct files *f, const char *folder, int depth)
{
    struct dirent **entries = NULL;
    int n = scandir(folder, &entries, NULL, alphasort), status = TOOL_OK;
    if (n < 0) {
        fprintf(stderr, "gradc: %s: %s\n", folder, strerror(errno));
        return TOOL_FAILED;
    }
    for (int i = 0; i < n; i++) {
        if (status == TOOL_OK && entries[i]->d_name[0] != '.')
            status = add_entry(f, folder, entries[i]->d_name, depth);
        free(entries[i]);
    }
    free(entries);
    return status;
}

int files_add(struct files *f, const char *path)
{
    struct stat there;
    if (stat(path, &there) != 0) {
        fprintf(stderr, "gradc: %s: %s\n", path, strerror(errno));
        return TOOL_FAILED;
    }
    if (!S_ISDIR(there.st_mode))
        return push(f, path);
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    char *folder = text_format("%.*s", (int)length, path);
    if (folder == NULL)
        return tool_no_memory();
    int before = f->n, status = add_folder(f, folder, 0);
    free(folder);
    f->folders++;
    if (status == TOOL_OK && f->n == before) {
        fprintf(stderr, "gradc: %s holds no PNG or JPEG\n", path);
        return TOOL_FAILED;
    }
    return status;
}

void files_free(struct files *f)
{
    for (int i = 0; i < f->n; i++)
        free(f->path[i]);
    free(f->path);
    *f = (struct files){0};
}
