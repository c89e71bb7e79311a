/* compare.h - what gradc compare measures: a model on a device. */
#ifndef GRADC_COMPARE_H
#define GRADC_COMPARE_H

#include "tool.h"

enum { COMPARED = 3, FACT = 160 };

struct measured {
    int64_t batch;
    double train, infer; /* images a second; 0: not measured */
    double fixed, each;  /* bytes of a training step: without images, and of each image */
    int estimated;       /* from the network before, by the number of operations */
    char failed[200];    /* why there is nothing, or "" */
};

struct compared_device {
    char device[32], kind[16], name[FACT];
    double memory;                   /* bytes */
    double train_flops, infer_flops; /* a second, of the last network that was measured; 0: none yet */
    struct measured model[COMPARED];
};

struct comparison {
    int n;
    struct compared_device *devices;
    int64_t images; /* of an epoch */
};

extern const char *const compared_models[COMPARED]; /* as they are shown: "vgg16 224x224" */

/* Images a second for people: "85890", "23.4", "0.377". */
void rate_text(double rate, char *text, size_t size);

/* Seconds for people: "0.8 s", "12 min", "1.5 h", "3.2 days". */
void time_text(double seconds, char *text, size_t size);

/* The largest training batch that fits, rounded down to two digits; 0: not known. */
int64_t batch_that_fits(const struct measured *m, double memory);

/* The answer to "do I need a GPU?", in up to `size` bytes. */
void comparison_answer(const struct comparison *c, char *text, size_t size);

int comparison_page(const struct comparison *c, const char *path);

#endif
