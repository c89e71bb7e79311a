/* tool.h - what the files of the gradc command share.  Statuses are those of the process: 0 well, 1 it failed, 2 the
 * options are wrong; whoever returns one but 0 has told why on stderr. */
#ifndef GRADC_TOOL_H
#define GRADC_TOOL_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "gradc.h"

enum { TOOL_OK = 0, TOOL_FAILED = 1, TOOL_USAGE = 2, TOOL_INTERRUPTED = 130 };

int tool_usage(const char *format, ...);                   /* prints "gradc: ..." and returns TOOL_USAGE */
int tool_failed(const gradc_context *g, const char *what); /* prints the library's message, returns TOOL_FAILED */
int tool_no_memory(void);                                  /* says so and returns TOOL_FAILED */

double now(void); /* seconds, monotonic */

/* A string of its own, or NULL: no memory.  For free(). */
char *text_format(const char *format, ...);

/* ---- Options (options.c) ----
 * A command describes its options in a table; parsing and --help come from it. */

enum option_kind { OPTION_TEXT, OPTION_COUNT, OPTION_NUMBER, OPTION_FLAG };

struct option {
    const char *name;      /* "--epochs" */
    const char *value;     /* in the help: "N"; NULL for a flag */
    const char *help;      /* one sentence, without a full stop */
    enum option_kind kind; /* const char *, int64_t, double, int64_t (1) */
    size_t offset;         /* into the command's struct */
    double least, most;    /* of a number */
};

struct command {
    const char *name;  /* "train" */
    const char *usage; /* behind the name: "[options] MODEL IMAGE..." */
    const char *about; /* a sentence or two */
    const struct option *options;
    int noptions;
    int operands; /* words without "--" that it takes: 0, or -1 for any number */
};

/* Reads the words behind the command's name into `to`, which holds the defaults.  Operands are moved to the front of
 * argv; *operands is their number.  Where the words ask for help it is printed and *help is 1. */
int options_read(const struct command *c, void *to, int argc, char **argv, int *operands, int *help);

/* The options in `from` that are not as in `defaults`, one "--name=value" a line, but for those named in `without`
 * (ended by NULL).  For free(); NULL: no memory. */
char *options_write(const struct command *c, const void *from, const void *defaults, const char *const *without);

/* Reads what options_write wrote; `text` is cut into words and must outlive `to`. */
int options_read_text(const struct command *c, void *to, char *text);

/* Whether text is one of the words, which end with NULL; if not, says what there is. */
int check_word(const char *option, const char *text, const char *const *words);
int check_bad_images(const char *text); /* of --bad-images */

/* Files that can't be written, or of which one would replace another, are better known before the work than after it.
 * A path of NULL is fine. */
struct output {
    const char *option, *path;
};
int check_outputs(int n, const struct output *outputs);

/* A text file that is written beside its place and takes it when it is whole (options.c). */
struct draft {
    FILE *f;
    const char *path;
    char *temporary;
};
int draft_open(struct draft *d, const char *path);
int draft_close(struct draft *d, int status); /* status: of what was written; a draft that failed is removed */

/* Opens the device (NULL: as gradc_open has it), with so many threads (0: all). */
int open_device(const char *device, int64_t threads, gradc_context **g);

/* ---- Data ---- (data.c) */

/* The source for gradc_dataset_open: "fashion-mnist" alone means $FASHION_MNIST or Debian's folder.  For free(). */
char *data_source(const char *data);

/* How images become a model's input: what a model's file remembers of its training. */
struct input {
    int64_t image;
    int channels;
    char mean[64], std[64]; /* numbers separated by '/', as gradc_loader_new takes them */
    char resize[16];
};

/* Reads it from the metadata of a model's file; what the file does not say is PyTorch's for ImageNet. */
int input_of_file(const gradc_file *f, const gradc_module *m, struct input *in);

/* A loader in the data set's order, nothing dropped, or with the options in `more`.  NULL: told why. */
gradc_loader *input_loader(const struct input *in, gradc_dataset *d, int64_t batch, const char *more);

/* Class names of a model's file, one a line; NULL: the file has none. */
struct names {
    int n;
    char *text;
    const char **name;
};
int names_read(struct names *names, const char *lines);
void names_free(struct names *names);
const char *name_of(const struct names *names, int i, char text[32]); /* "class 7" where there is none */

/* Prints so many characters of UTF-8 at most, with spaces behind up to `least`, or before it where that is negative. */
void print_column(const char *text, int least, int most);

/* ---- Models (model.c) ---- */

/* A trained model's file on a device. */
struct model {
    gradc_file *file;
    gradc_context *g;
    gradc_module *module;
    struct input input;
    struct names names;
};

/* The options for gradc_model: `given`, and behind it the numbers that are not 0. */
enum { MODEL_OPTIONS = 512 };
const char *model_options(char text[MODEL_OPTIONS], const char *given, int64_t image, int64_t classes,
                          int64_t channels);

int model_open(struct model *m, const char *path, const char *device, int64_t threads);
void model_close(struct model *m);

/* ---- Evaluation (evaluate.c) ---- */

enum { BEST = 3 };

struct guess {
    int32_t class[BEST]; /* most likely first; -1 where there are fewer classes */
    float probability[BEST];
};

struct results {
    int64_t count, labelled, right;
    int classes;
    double loss;         /* mean over the labelled */
    int64_t *confusion;  /* [classes][classes]: counts by true class, then guessed class */
    struct guess *guess; /* [count], in the data set's order */
    int64_t *label;      /* [count], -1: none */
    int *class_of;       /* [classes of the data]: the model's */
    double seconds;
};

/* Runs the module, in eval mode, over the first `limit` images of the data set, 0: all.  The data's classes are the
 * model's by their names, which may be NULL or none: then by their order. */
int evaluate(gradc_module *m, gradc_dataset *d, const struct input *in, const struct names *names,
             int64_t batch, int64_t limit, struct results *r);
void results_free(struct results *r);

/* Prints the confusion matrix with each class's recall and precision (confusion.c). */
void confusion_print(const struct results *r, const struct names *names);

/* ---- Progress (progress.c) ---- */

struct progress {
    int terminal;
    int64_t total, batch, per_epoch;
    double start, shown;
    int64_t first, seen; /* the steps at `start` and at `shown` */
};

/* total: steps; done: those that an earlier run has done. */
void progress_start(struct progress *p, int64_t total, int64_t done, int64_t per_epoch, int64_t batch);

/* Whether it is time to show something after this many steps. */
int progress_due(const struct progress *p, int64_t step);
void progress_show(struct progress *p, int64_t step, double loss, double accuracy);
void progress_clear(const struct progress *p); /* the line on a terminal, so that another can be printed */
void progress_keep(const struct progress *p);  /* the same line, above another */

/* ---- History (history.c): what a training writes down ---- */

struct point {
    int64_t step;
    double epoch, loss, accuracy, rate; /* since the point before; the learning rate of the last step */
    double test_loss, test_accuracy;    /* NAN: not tested here */
    double seconds;                     /* of training so far */
};

struct history {
    struct point *points;
    int n, capacity;
};

int history_add(struct history *h, const struct point *p); /* TOOL_OK or no memory */
char *history_write(const struct history *h);              /* text for a checkpoint; for free() */
int history_read(struct history *h, const char *text);     /* TOOL_OK, or TOOL_FAILED: it is no such text */
void history_free(struct history *h);

/* ---- Commands ---- */

int command_train(int argc, char **argv);
int command_predict(int argc, char **argv);
int command_eval(int argc, char **argv);
int command_info(int argc, char **argv);
int command_explain(int argc, char **argv);
int command_compare(int argc, char **argv);
int command_tune(int argc, char **argv);
int command_devices(int argc, char **argv);

#endif
