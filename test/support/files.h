/* files.h - a folder for a test's files, and data sets in it. */
#ifndef GRADC_TEST_FILES_H
#define GRADC_TEST_FILES_H

#include "support.h"

/* A new folder in /tmp, which files_end removes with all that is in it. */
void files_begin(void);
void files_end(void);

/* The folder's name followed by `name`; good for the next few calls. */
const char *files_path(const char *name);

/* Writes a file, and makes the folders that it lies in. */
void files_store(const char *name, const void *bytes, size_t count);
char *files_load(const char *name, size_t *count); /* free */
void files_folder(const char *name);

/* IDX files of `count` random images, of height x width, under folder/part-images-idx3-ubyte and its labels'. */
void files_idx(const char *folder, const char *part, int count, int height, int width, struct random *r);

/* A file of CIFAR-10's binary version with `count` random images, labels 0, 1, 2, ... */
void files_cifar(const char *name, int count, struct random *r);

#endif
