/* files.h - names of image files, found in what was given on the command line. */
#ifndef GRADC_FILES_H
#define GRADC_FILES_H

struct files {
    int n, capacity;
    char **path;
    int folders; /* how many of the words were folders */
};

/* Appends the file, or every PNG and JPEG under the folder, in the order of their names. */
int files_add(struct files *f, const char *path);
void files_free(struct files *f);

#endif
