/* bench.h - what the cases share: a context, tensors, a clock.  bench.c runs one case; the rows are in train.c,
 * overhead.c, ops.c and losses.c. */
#ifndef BENCH_H
#define BENCH_H

#include <gradc.h>
#include <stddef.h>
#include <stdint.h>

enum { BENCH_TENSORS = 16, BENCH_SIZES = 6 };

struct bench_case;

struct bench {
    const struct bench_case *row;
    gradc_context *g;
    gradc_tensor *t[BENCH_TENSORS]; /* owned: bench_close releases them */
    int n;
    gradc_optim *optim;
    float *images; /* host data of the training cases */
    int64_t *labels, *order;
    float *batch;
    int64_t *batch_labels;
    int64_t at; /* the next batch */
};

struct bench_case {
    const char *name, *unit; /* unit: ns, us, ms, s */
    double per;              /* what is counted in one round, such as 1000 nodes */
    int64_t rounds;          /* rounds in a sample; 0: as many as take long enough */
    void (*setup)(struct bench *b);
    double (*run)(struct bench *b, int64_t rounds); /* seconds that the rounds took */
    int64_t size[BENCH_SIZES];
    const void *extra; /* the function under test, say */
};

/* Ended by a row without a name. */
extern const struct bench_case train_cases[], overhead_cases[], op_cases[], loss_cases[];

double bench_seconds(void);

/* Owned tensors of numbers in [-1, 1), put into b->t; a parameter wants a gradient. */
gradc_tensor *bench_tensor(struct bench *b, int ndim, const int64_t *shape);
gradc_tensor *bench_param(struct bench *b, int ndim, const int64_t *shape);

/* A number in [-1, 1), the same sequence in each process. */
float bench_random(uint64_t *state);

/* Memory from the C library, or the end of the program. */
void *bench_memory(size_t count, size_t size);

#endif
