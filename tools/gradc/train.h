/* train.h - one training of the command: its options, what it works on, what it remembers. */
#ifndef GRADC_TRAIN_H
#define GRADC_TRAIN_H

#include "events.h"
#include "tool.h"

struct train_options {
    const char *model, *data, *device, *optimizer, *schedule, *augment, *resize, *bad_images,
        *amp;                                                     /* amp NULL: f32 */
    const char *save, *checkpoint, *resume, *pretrained, *freeze; /* NULL: none */
    const char *losses, *report, *log_dir;
    int64_t epochs, batch, seed;
    int64_t steps;            /* 0: all of the epochs' */
    int64_t eval_every;       /* epochs */
    int64_t checkpoint_every; /* steps; 0: each epoch */
    int64_t image, channels;  /* 0: the model's own */
    int64_t threads, workers;
    double lr;                                    /* 0: the optimiser's usual */
    double momentum, weight_decay, clip, dropout; /* dropout -1: the model's own */
};

struct training {
    struct train_options o;
    char *words;      /* the options as they were given, for the checkpoint */
    gradc_file *from; /* the checkpoint that it goes on from, or NULL */
    gradc_context *g;
    gradc_dataset *images, *test_images;
    gradc_loader *loader;
    gradc_module *module;
    gradc_optim *optim;
    gradc_scaler *scaler;  /* of --amp f16, or NULL */
    gradc_tensor **params; /* those that want gradients */
    int nparams;
    struct input input;
    char *source, *classes;                   /* of the data; the names, one a line */
    int64_t batch, per_epoch, planned, total; /* images in a step; steps */
    int64_t step;                             /* steps done */
    gradc_tensor *x, *y;
    gradc_tensor *loss_sum, *hits; /* since the last point of the history, kept on the device */
    int64_t point_step;            /* the steps at that point */
    struct history history;
    double seconds; /* of training, earlier runs included */
    double started; /* of this run, by the clock */
    FILE *losses;
    struct events *events;  /* for TensorBoard, or NULL */
    struct results results; /* of the last test */
    double accuracy;        /* of the last test; -1: none yet */
};

/* ---- train_options.c ---- */

/* From the words behind "gradc train", and those that the checkpoint of --resume was made with. */
int train_options_read(struct training *t, int argc, char **argv, int *help);

/* The options as text for a checkpoint.  For free(). */
char *train_options_write(const struct training *t);

/* ---- train_setup.c ---- */

/* Opens and makes everything; where it goes on from a checkpoint, reads that. */
int train_setup(struct training *t);
void train_free(struct training *t);

/* ---- train_save.c ---- */

int save_model(const struct training *t);
int save_checkpoint(struct training *t, const char *path);

/* Goes on from t->from, where there is one. */
int load_checkpoint(struct training *t);

/* ---- report.c ---- */

/* A page of its own: curves, confusion matrix, mistakes, filters, device and memory. */
int report_write(const struct training *t, const char *path);

#endif
