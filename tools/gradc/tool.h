/* tool.h - what the files of the gradc command share.  Statuses are those of the process: 0 well, 1 it failed, 2 the
 * options are wrong; whoever returns one but 0 has told why on stderr. */
#ifndef GRADC_TOOL_H
#define GRADC_TOOL_H

#include <stdint.h>

#include "gradc.h"

enum { TOOL_OK = 0, TOOL_FAILED = 1, TOOL_USAGE = 2 };

/* ---- Options (options.c) ---- */

struct options {
    const char *data, *folder; /* the data set, and where its files are */
    const char *model, *device, *optimizer;
    const char *save, *losses; /* NULL: no such file */
    const char *threads;       /* NULL: all */
    int64_t epochs, batch;
    int64_t steps; /* 0: all of the epochs' */
    double lr;
    uint64_t seed;
};

/* From the words behind "gradc train".  *help is 1 where they ask for it. */
int options_read(struct options *o, int argc, char **argv, int *help);

int tool_usage(const char *format, ...);                   /* prints "gradc: ..." and returns TOOL_USAGE */
int tool_failed(const gradc_context *g, const char *what); /* prints the library's message, returns TOOL_FAILED */

/* ---- Data (dataset.c) ---- */

/* Images as bytes [count, 28, 28] and their classes. */
struct images {
    int64_t count;
    unsigned char *pixels, *labels;
};

struct dataset {
    struct images train, test;
};

enum { IMAGE_SIDE = 28, IMAGE_PIXELS = 28 * 28, IMAGE_CLASSES = 10 };

int dataset_read(struct dataset *d, const char *folder);
void dataset_free(struct dataset *d);

/* Gathers images order[0..n) (NULL: first .. first + n) as normalised floats [n, 1, 28, 28] and labels [n]. */
void images_gather(const struct images *s, const int64_t *order, int64_t first, int64_t n, float *x,
                   int64_t *labels);

/* Puts 0 .. n-1 into an order that the seed and the round decide, the same on every machine. */
void shuffle(int64_t *order, int64_t n, uint64_t seed, uint64_t round);

/* ---- Models (model.c) ---- */

enum { MODEL_PARAMS = 8 };

struct model {
    const struct model_kind *kind;
    int n;
    gradc_tensor *params[MODEL_PARAMS];
    const char *names[MODEL_PARAMS];
};

/* Whether there is a model of this name: 1 or 0. */
int model_known(const char *name);

/* Parameters start as the context's seed says.  On failure the context has the error. */
gradc_status model_new(struct model *m, gradc_context *g, const char *name);
void model_free(struct model *m);

/* Logits [batch, 10] of images [batch, 1, 28, 28]. */
gradc_tensor *model_forward(const struct model *m, gradc_tensor *x);

/* ---- Progress (progress.c) ---- */

struct progress {
    int terminal;
    int64_t total, batch, per_epoch;
    double start, shown;
    int64_t seen; /* the steps at `shown` */
};

double now(void); /* seconds */
void progress_start(struct progress *p, int64_t total, int64_t per_epoch, int64_t batch);

/* Whether it is time to show something after this many steps. */
int progress_due(const struct progress *p, int64_t step);
void progress_show(struct progress *p, int64_t step, double loss, double accuracy);
void progress_clear(const struct progress *p); /* the line on a terminal, so that another can be printed */
void progress_keep(const struct progress *p);  /* the same line, above another */

/* ---- Commands ---- */

int command_train(int argc, char **argv);
int command_devices(int argc, char **argv);

#endif
