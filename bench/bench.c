/* bench.c - runs one case.  It makes the operands and says "loaded"; at the first line that it is sent it warms up and
 * says "ready", about how many seconds a sample takes, and the flop and bytes of one round; for each line more it takes
 * one sample and prints it.
 *
 * usage: bench --list                       the cases: name, unit, and "large" for those that want a GPU
 *        bench --has DEVICE                 0 if it can be opened; its name and driver
 *        bench --peak DEVICE THREADS        its f32 flop and copied bytes a second (peak.c)
 *        bench --start DEVICE CASE THREADS  what the first round takes beyond a later one, and the programs for it
 *        bench DEVICE CASE THREADS          THREADS 0: all
 *
 * Before "ready" come lines "blas PATH", one for each library with BLAS in its name that the process has mapped. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "peak.h"

static const double warm_seconds = 0.2, sample_seconds = 0.1;

static const struct bench_case *const tables[] = {
    train_cases, model_cases,       net_cases,       overhead_cases, op_cases,
    norm_cases,  elementwise_cases, reduction_cases, indexing_cases, loss_cases,
};

double bench_seconds(void)
{
    struct timespec t;
    clock_gettime(getenv("BENCH_CPU_TIME") ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void check(const gradc_context *g)
{
    if (gradc_check(g) == GRADC_OK)
        return;
    fprintf(stderr, "bench: %s\n", gradc_message(g));
    exit(1);
}

void *bench_memory(size_t count, size_t size)
{
    void *p = calloc(count, size);
    if (!p) {
        fprintf(stderr, "bench: no memory\n");
        exit(1);
    }
    return p;
}

/* A linear congruential generator: Knuth's MMIX constants, the upper bits. */
float bench_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (float)(*state >> 40) / 8388608.0f - 1.0f;
}

static gradc_tensor *put(struct bench *b, gradc_tensor *t)
{
    check(b->g);
    b->t[b->n++] = t;
    return t;
}

gradc_tensor *bench_tensor(struct bench *b, int ndim, const int64_t *shape)
{
    gradc_tensor *t = put(b, gradc_new(b->g, GRADC_F32, ndim, shape));
    int64_t n = gradc_numel(t);
    float *values = bench_memory((size_t)n + 1, sizeof *values);
    uint64_t state = (uint64_t)b->n;
    for (int64_t i = 0; i < n; i++)
        values[i] = bench_random(&state);
    gradc_write(t, values, (size_t)n * sizeof *values);
    free(values);
    check(b->g);
    return t;
}

gradc_tensor *bench_param(struct bench *b, int ndim, const int64_t *shape)
{
    return put(b, gradc_param(b->g, ndim > 1 ? GRADC_KAIMING : GRADC_UNIFORM, ndim, shape));
}

gradc_tensor *bench_index(struct bench *b, int ndim, const int64_t *shape, int64_t limit)
{
    gradc_tensor *t = put(b, gradc_new(b->g, GRADC_I64, ndim, shape));
    int64_t n = gradc_numel(t), *values = bench_memory((size_t)n + 1, sizeof *values);
    uint64_t state = (uint64_t)b->n;
    for (int64_t i = 0; i < n; i++)
        values[i] = (int64_t)(((double)bench_random(&state) + 1) / 2 * (double)limit);
    gradc_write(t, values, (size_t)n * sizeof *values);
    free(values);
    check(b->g);
    return t;
}

void bench_want(struct bench *b, int n)
{
    for (int i = 0; i < n; i++)
        gradc_requires_grad(b->t[i], 1);
    b->wanted = n;
}

void bench_finish(struct bench *b)
{
    gradc_sync(b->g);
    gradc_tape_clear(b->g);
}

double bench_train(struct bench *b, int64_t rounds)
{
    double start = bench_seconds();
    for (int64_t i = 0; i < rounds; i++) {
        gradc_backward(gradc_cross_entropy(b->forward(b), b->t[1]));
        gradc_step(b->optim);
        gradc_tape_clear(b->g);
    }
    gradc_sync(b->g);
    return bench_seconds() - start;
}

double bench_infer(struct bench *b, int64_t rounds)
{
    double start = bench_seconds();
    for (int64_t i = 0; i < rounds; i++) {
        b->forward(b);
        bench_finish(b);
    }
    return bench_seconds() - start;
}

double bench_forward(struct bench *b, int64_t rounds)
{
    double start = bench_seconds();
    for (int64_t i = 0; i < rounds; i++) {
        b->row->record(b->t);
        bench_finish(b);
    }
    return bench_seconds() - start;
}

double bench_both(struct bench *b, int64_t rounds)
{
    double start = bench_seconds();
    for (int64_t i = 0; i < rounds; i++) {
        gradc_tensor *dx[BENCH_TENSORS];
        gradc_gradients(b->row->record(b->t), b->dz, b->wanted, b->t, dx);
        bench_finish(b);
    }
    return bench_seconds() - start;
}

static const struct bench_case *find(const char *name)
{
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        for (const struct bench_case *c = tables[i]; c->name; c++)
            if (strcmp(c->name, name) == 0)
                return c;
    return NULL;
}

static int list(void)
{
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        for (const struct bench_case *c = tables[i]; c->name; c++)
            printf("%s %s%s\n", c->name, c->unit, c->large ? " large" : "");
    return 0;
}

static int peak(const char *device, const char *threads)
{
    struct peak p = {0, 0};
    const int status = bench_peak(device, atoi(threads), &p);
    printf("%.4g %.4g\n", p.flop, p.bytes);
    return status != 0;
}

static int has(const char *device)
{
    gradc_context *g = gradc_open(device);
    const int32_t index = gradc_context_device(g);
    char name[256] = "", driver[256] = "";
    if (g && gradc_device_info(index, "name", name, sizeof name) == GRADC_OK &&
        gradc_device_info(index, "driver", driver, sizeof driver) == GRADC_OK)
        printf("%s%s%s\n", name, *driver ? ", driver " : "", driver);
    gradc_close(g);
    return g == NULL;
}

static double in_unit(const struct bench_case *c, double seconds)
{
    static const struct {
        const char *name;
        double scale;
    } units[] = {{"ns", 1e9}, {"us", 1e6}, {"ms", 1e3}, {"s", 1}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(units[i].name, c->unit) == 0)
            return seconds * units[i].scale;
    return 0;
}

/* The rounds of a sample, and about how long it takes.  A case of seconds runs once, and on a device whose first run
 * builds kernels twice. */
static int64_t warm_up(struct bench *b, double *seconds)
{
    const struct bench_case *c = b->row;
    const int least = gradc_context_device(b->g) == 0 ? 1 : 2;
    const double end = bench_seconds() + warm_seconds;
    int64_t rounds = 1;
    double each = 0;
    for (int runs = 0; runs < least || bench_seconds() < end; runs++) {
        double last = c->run(b, rounds);
        check(b->g);
        each = last / (double)rounds;
        if (last < sample_seconds / 4)
            rounds *= 2;
    }
    double enough = sample_seconds / (each > 0 ? each : sample_seconds);
    rounds = enough < 1 ? 1 : (int64_t)enough;
    if (c->rounds)
        rounds = c->rounds;
    *seconds = each * (double)rounds;
    return rounds;
}

static void print_blas(void)
{
    char line[1024], seen[1024] = "";
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps && fgets(line, sizeof line, maps)) {
        char *path = strchr(line, '/');
        if (!path || !strstr(path, "blas") || !strstr(path, ".so") || strcmp(path, seen) == 0)
            continue;
        printf("blas %s", path);
        strcpy(seen, path);
    }
    if (maps)
        fclose(maps);
}

static void bench_close(struct bench *b)
{
    gradc_tape_clear(b->g);
    gradc_optim_free(b->optim);
    gradc_module_free(b->module);
    for (int i = 0; i < b->n; i++)
        gradc_release(b->t[i]);
    gradc_close(b->g);
    free(b->images);
    free(b->labels);
    free(b->order);
    free(b->batch);
    free(b->batch_labels);
}

/* BENCH_MATH: a value of "math", or amp-bf16 and amp-f16 for autocast. */
static void set_math(gradc_context *g)
{
    const char *math = getenv("BENCH_MATH");
    if (math && strncmp(math, "amp-", 4) == 0)
        gradc_autocast(g, strcmp(math, "amp-f16") == 0 ? GRADC_F16 : GRADC_BF16);
    else if (math)
        gradc_set(g, "math", math);
    check(g);
}

/* Opens the device and makes the operands. */
static void prepare(struct bench *b, const char *device, const char *threads)
{
    b->g = gradc_open(device);
    check(b->g);
    if (strcmp(threads, "0") != 0)
        gradc_set(b->g, "threads", threads);
    set_math(b->g);
    b->row->setup(b);
    check(b->g);
}

/* Seconds until the operands are there, of the first round, and of the fastest of five later ones. */
static void start(struct bench *b, const char *device, const char *threads)
{
    double begin = bench_seconds();
    int64_t built, loaded;
    prepare(b, device, threads);
    gradc_sync(b->g); /* parameters get their values when something runs */
    const double ready = bench_seconds() - begin, first = b->row->run(b, 1);
    double later = first;
    for (int i = 0; i < 5; i++) {
        double seconds = b->row->run(b, 1);
        later = seconds < later ? seconds : later;
    }
    check(b->g);
    gradc_counters(b->g, NULL, NULL, &built, &loaded);
    printf("ready %.3f s, first %.3f s, later %.3f s; programs: %lld built, %lld loaded\n", ready, first,
           later, (long long)built, (long long)loaded);
}

/* Samples, as the comment at the top says. */
static void samples(struct bench *b, const char *device, const char *threads)
{
    char line[64];
    prepare(b, device, threads);
    printf("loaded\n");
    fflush(stdout);
    if (!fgets(line, sizeof line, stdin))
        return;
    double seconds;
    int64_t rounds = warm_up(b, &seconds);
    print_blas();
    double flop = 0;
    int64_t bytes = 0;
    gradc_plan_info(b->g, NULL, NULL, &bytes, &flop);
    printf("ready %.3g %.6g %lld\n", seconds, flop, (long long)bytes);
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        seconds = b->row->run(b, rounds);
        check(b->g);
        printf("%.9g\n", in_unit(b->row, seconds / ((double)rounds * b->row->per)));
        fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--list") == 0)
        return list();
    if (argc == 3 && strcmp(argv[1], "--has") == 0)
        return has(argv[2]);
    if (argc == 4 && strcmp(argv[1], "--peak") == 0)
        return peak(argv[2], argv[3]);
    const int starts = argc == 5 && strcmp(argv[1], "--start") == 0;
    struct bench b = {.row = argc == 4 + starts ? find(argv[2 + starts]) : NULL};
    if (!b.row) {
        fprintf(stderr,
                "usage: bench --list, --has DEVICE, --peak DEVICE THREADS, [--start] DEVICE CASE THREADS\n");
        return 2;
    }
    if (starts)
        start(&b, argv[2], argv[4]);
    else
        samples(&b, argv[1], argv[3]);
    bench_close(&b);
    return 0;
}
