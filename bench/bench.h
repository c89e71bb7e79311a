/* bench.h - what the cases share: a context, tensors, a clock, and the runs that most of them are.
 *
 * bench.c runs one case.  The rows, a file a group: train.c, models.c, nets.c, overhead.c, ops.c, norms.c,
 * elementwise.c, reductions.c, indexing.c, losses.c.  peer.py has a case of the same name for each. */
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
    int wanted;       /* the first so many of t want a gradient: bench_both's */
    gradc_tensor *dz; /* one of t, the gradient that it starts from; NULL: ones */
    gradc_optim *optim;
    gradc_module *module;
    gradc_tensor *(*forward)(struct bench *b); /* of a net, on t[0]: bench_train's and bench_infer's */
    float *images;                             /* host data of the training cases */
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
    gradc_tensor *(*record)(gradc_tensor *const *t); /* the call that bench_forward and bench_both time */
    int large; /* for a GPU: elsewhere only where it is asked for by name */
};

/* Ended by a row without a name. */
extern const struct bench_case train_cases[], model_cases[], net_cases[], overhead_cases[], op_cases[],
    norm_cases[], elementwise_cases[], reduction_cases[], indexing_cases[], loss_cases[];

/* The call of a row, an expression of t, and the row of a single call. */
#define BENCH_RECORD(op, call)                               \
    static gradc_tensor *record_##op(gradc_tensor *const *t) \
    {                                                        \
        return call;                                         \
    }
/* clang-format off */
#define BENCH_ROW(title, in, prepare, work, op, ...)                                \
    {.name = title, .unit = in, .per = 1, .setup = prepare, .run = work, .record = op, .size = {__VA_ARGS__}}
/* clang-format on */

/* The row of a net, whose batch is its size. */
/* clang-format off */
#define BENCH_NET(title, prepare, work, batch, gpu) \
    {.name = title, .unit = "ms", .per = 1, .setup = prepare, .run = work, .size = {batch}, .large = gpu}
/* clang-format on */

/* Runs of a net: a training step on t[0] and its labels t[1]; inference. */
double bench_train(struct bench *b, int64_t rounds);
double bench_infer(struct bench *b, int64_t rounds);

/* Runs of a case with a `record`: forward, or forward and backward; recorded, run, and taken back. */
double bench_forward(struct bench *b, int64_t rounds);
double bench_both(struct bench *b, int64_t rounds);

double bench_seconds(void);

/* Owned tensors, put into b->t: of numbers in [-1, 1); of whole numbers below `limit`, i64; a parameter, which wants a
 * gradient. */
gradc_tensor *bench_tensor(struct bench *b, int ndim, const int64_t *shape);
gradc_tensor *bench_index(struct bench *b, int ndim, const int64_t *shape, int64_t limit);
gradc_tensor *bench_param(struct bench *b, int ndim, const int64_t *shape);

/* The first n of b->t want a gradient. */
void bench_want(struct bench *b, int n);

/* Runs what was recorded, and takes it back. */
void bench_finish(struct bench *b);

/* A number in [-1, 1), the same sequence in each process. */
float bench_random(uint64_t *state);

/* Memory from the C library, or the end of the program. */
void *bench_memory(size_t count, size_t size);

#endif
