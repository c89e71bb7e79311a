/* train.c - gradc train: the training loop.  The device is named once, in open_context; the rest is the same on all. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

static const char help[] =
    "usage: gradc train [options]\n"
    "  --data fashion-mnist[:FOLDER]  the data; FOLDER: $FASHION_MNIST or /usr/share/datasets/fashion-mnist\n"
    "  --model mlp|lenet              784-128-10, or two 3x3 convolutions and two linear layers (lenet)\n"
    "  --device D                     cpu, gpu, opencl, opencl:1, opencl:NVIDIA, auto ($GRADC_DEVICE or auto)\n"
    "  --epochs N                     rounds through the training images (3)\n"
    "  --batch N                      images in a step (64)\n"
    "  --optimizer sgd|adam           sgd has a momentum of 0.9 (adam)\n"
    "  --lr X                         learning rate, which falls to 0 in a straight line (adam 0.001, sgd 0.05)\n"
    "  --seed N                       of the parameters and the order of the images (1)\n"
    "  --save F.safetensors           writes the trained parameters\n"
    "  --steps N                      stops after N steps, without a test\n"
    "  --losses F                     writes the loss of each step, one a line\n"
    "  --threads N                    CPU threads (all)\n";

/* Images in one step of the test. */
enum { TEST_BATCH = 250 };

struct training {
    struct options options;
    struct dataset data;
    gradc_context *g;
    struct model model;
    gradc_optim *optim;
    int64_t batch, per_epoch, total; /* images in a step; steps */
    gradc_tensor *x, *y;             /* the images and labels of a step, of a test step */
    gradc_tensor *test_x, *test_y;
    gradc_tensor *loss_sum, *hits; /* since the last line of progress, kept on the device */
    float *images;                 /* one batch on the host */
    int64_t *labels, *order;
    FILE *losses;
    double accuracy; /* of the last test; -1: none yet */
};

static int open_context(struct training *t)
{
    const struct options *o = &t->options;
    t->g = gradc_open(o->device);
    if (t->g == NULL)
        return tool_failed(NULL, "");
    if (o->threads != NULL && gradc_set(t->g, "threads", o->threads) != GRADC_OK)
        return tool_failed(t->g, "--threads");
    char name[160] = "?";
    gradc_device_info(gradc_context_device(t->g), "name", name, sizeof name);
    printf("training %s on %s\n", o->model, name);
    return TOOL_OK;
}

static int make_tensors(struct training *t)
{
    const struct options *o = &t->options;
    gradc_seed(t->g, o->seed);
    if (model_new(&t->model, t->g, o->model) != GRADC_OK)
        return tool_failed(t->g, "");
    t->optim = strcmp(o->optimizer, "sgd") == 0 ? gradc_sgd(t->model.params, t->model.n, o->lr, 0.9)
                                                : gradc_adam(t->model.params, t->model.n, o->lr);
    t->x = gradc_new(t->g, GRADC_F32, GRADC_SHAPE(t->batch, 1, IMAGE_SIDE, IMAGE_SIDE));
    t->y = gradc_new(t->g, GRADC_I64, GRADC_SHAPE(t->batch));
    t->test_x = gradc_new(t->g, GRADC_F32, GRADC_SHAPE(TEST_BATCH, 1, IMAGE_SIDE, IMAGE_SIDE));
    t->test_y = gradc_new(t->g, GRADC_I64, GRADC_SHAPE(TEST_BATCH));
    t->loss_sum = gradc_new(t->g, GRADC_F32, 0, NULL);
    t->hits = gradc_new(t->g, GRADC_F32, 0, NULL);
    return gradc_check(t->g) == GRADC_OK ? TOOL_OK : tool_failed(t->g, "");
}

static int make_buffers(struct training *t)
{
    size_t most = (size_t)(t->batch > TEST_BATCH ? t->batch : TEST_BATCH);
    t->images = malloc(most * IMAGE_PIXELS * sizeof *t->images);
    t->labels = malloc(most * sizeof *t->labels);
    t->order = malloc((size_t)t->data.train.count * sizeof *t->order);
    if (t->images == NULL || t->labels == NULL || t->order == NULL) {
        fputs("gradc: there is no memory for the images\n", stderr);
        return TOOL_FAILED;
    }
    if (t->options.losses != NULL && (t->losses = fopen(t->options.losses, "w")) == NULL) {
        fprintf(stderr, "gradc: %s: %s\n", t->options.losses, strerror(errno));
        return TOOL_FAILED;
    }
    return TOOL_OK;
}

static int prepare(struct training *t)
{
    const struct options *o = &t->options;
    int status = dataset_read(&t->data, o->folder);
    if (status != TOOL_OK)
        return status;
    if (o->batch > t->data.train.count)
        return tool_usage("--batch must be at most %lld, the number of training images",
                          (long long)t->data.train.count);
    t->batch = o->batch;
    t->per_epoch = t->data.train.count / t->batch;
    t->total = o->epochs * t->per_epoch;
    if (o->steps > 0 && o->steps < t->total)
        t->total = o->steps;
    status = make_buffers(t);
    if (status == TOOL_OK)
        status = open_context(t);
    return status == TOOL_OK ? make_tensors(t) : status;
}

/* How many of the labels the logits meet: a scalar. */
static gradc_tensor *count_hits(gradc_tensor *logits, gradc_tensor *labels)
{
    gradc_tensor *guess = gradc_argmax(logits, 1, (const int[]){1}, 0);
    return gradc_sum(gradc_cast(gradc_eq(guess, labels), GRADC_F32), 0, NULL, 0);
}

static void write_batch(struct training *t, const struct images *s, const int64_t *order, int64_t first,
                        int64_t n, gradc_tensor *x, gradc_tensor *y)
{
    images_gather(s, order, first, n, t->images, t->labels);
    gradc_write(x, t->images, (size_t)n * IMAGE_PIXELS * sizeof *t->images);
    gradc_write(y, t->labels, (size_t)n * sizeof *t->labels);
}

/* One step, number 1 .. total; the context has the error if one happens. */
static gradc_status train_step(struct training *t, int64_t step)
{
    const int64_t *order = t->order + (step - 1) % t->per_epoch * t->batch;
    int64_t planned = t->options.epochs * t->per_epoch;
    write_batch(t, &t->data.train, order, 0, t->batch, t->x, t->y);
    gradc_tensor *logits = model_forward(&t->model, t->x);
    gradc_tensor *loss = gradc_cross_entropy(logits, t->y);
    gradc_assign(t->loss_sum, gradc_add(t->loss_sum, loss));
    gradc_assign(t->hits, gradc_add(t->hits, count_hits(logits, t->y)));
    gradc_backward(loss);
    gradc_optim_set(t->optim, "lr", t->options.lr * (double)(planned - step + 1) / (double)planned);
    gradc_step(t->optim);
    if (t->losses != NULL)
        fprintf(t->losses, "%.9g\n", gradc_item(loss));
    gradc_tape_clear(t->g);
    return gradc_check(t->g);
}

/* Reads the sums and starts them again. */
static void show(struct training *t, struct progress *p, int64_t step)
{
    const float zero = 0;
    int64_t images = (step - p->seen) * t->batch;
    double loss = gradc_item(t->loss_sum) * (double)t->batch / (double)images;
    double accuracy = gradc_item(t->hits) / (double)images;
    gradc_write(t->loss_sum, &zero, sizeof zero);
    gradc_write(t->hits, &zero, sizeof zero);
    progress_show(p, step, loss, accuracy);
}

static gradc_status test_model(struct training *t)
{
    const struct images *s = &t->data.test;
    double right = 0;
    gradc_record(t->g, 0);
    for (int64_t first = 0; first < s->count && gradc_check(t->g) == GRADC_OK; first += TEST_BATCH) {
        int64_t n = s->count - first < TEST_BATCH ? s->count - first : TEST_BATCH;
        gradc_tensor *x = n < TEST_BATCH ? gradc_slice(t->test_x, 0, 0, n, 1) : t->test_x;
        gradc_tensor *y = n < TEST_BATCH ? gradc_slice(t->test_y, 0, 0, n, 1) : t->test_y;
        write_batch(t, s, NULL, first, n, x, y);
        right += gradc_item(count_hits(model_forward(&t->model, x), y));
        gradc_tape_clear(t->g);
    }
    gradc_record(t->g, 1);
    t->accuracy = right / (double)s->count;
    return gradc_check(t->g);
}

/* From step `first` to the end of its epoch or of the training. */
static gradc_status train_epoch(struct training *t, struct progress *p, int64_t first)
{
    int64_t epoch = (first - 1) / t->per_epoch;
    double start = now();
    shuffle(t->order, t->data.train.count, t->options.seed, (uint64_t)epoch);
    for (int64_t step = first; step <= t->total && (step - 1) / t->per_epoch == epoch; step++) {
        gradc_status status = train_step(t, step);
        if (status != GRADC_OK)
            return status;
        if (progress_due(p, step))
            show(t, p, step);
    }
    if (t->options.steps > 0) {
        progress_keep(p);
        return gradc_check(t->g);
    }
    double trained = now();
    gradc_status status = test_model(t);
    progress_clear(p);
    if (status == GRADC_OK)
        printf("epoch %" PRId64 ": test accuracy %.4f  trained in %.1f s, tested in %.1f s\n", epoch + 1,
               t->accuracy, trained - start, now() - trained);
    fflush(stdout);
    return status;
}

static int save_model(const struct training *t)
{
    const struct options *o = &t->options;
    char accuracy[32] = "";
    if (t->accuracy >= 0)
        snprintf(accuracy, sizeof accuracy, "%.4f", t->accuracy);
    const char *keys[] = {"model", "data", "library", "test_accuracy"};
    const char *values[] = {o->model, "fashion-mnist", gradc_version(), accuracy};
    if (gradc_save(o->save, t->model.n, t->model.names, t->model.params, accuracy[0] != '\0' ? 4 : 3, keys,
                   values) != GRADC_OK)
        return tool_failed(t->g, "");
    printf("saved %s\n", o->save);
    return TOOL_OK;
}

static int train(struct training *t)
{
    struct progress p;
    progress_start(&p, t->total, t->per_epoch, t->batch);
    double start = now();
    for (int64_t first = 1; first <= t->total; first += t->per_epoch)
        if (train_epoch(t, &p, first) != GRADC_OK)
            return tool_failed(t->g, "");
    if (gradc_sync(t->g) != GRADC_OK)
        return tool_failed(t->g, "");
    printf("%" PRId64 " steps in %.1f s, %.0f images/s\n", t->total, now() - start,
           (double)(t->total * t->batch) / (now() - start));
    if (t->losses != NULL && (ferror(t->losses) || fflush(t->losses) != 0)) {
        fprintf(stderr, "gradc: %s could not be written\n", t->options.losses);
        return TOOL_FAILED;
    }
    return t->options.save != NULL ? save_model(t) : TOOL_OK;
}

static void finish(struct training *t)
{
    gradc_tensor *owned[] = {t->x, t->y, t->test_x, t->test_y, t->loss_sum, t->hits};
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++)
        gradc_release(owned[i]);
    gradc_optim_free(t->optim);
    model_free(&t->model);
    gradc_close(t->g);
    dataset_free(&t->data);
    free(t->images);
    free(t->labels);
    free(t->order);
    if (t->losses != NULL)
        fclose(t->losses);
}

int command_train(int argc, char **argv)
{
    struct training t = {.accuracy = -1};
    int asked = 0;
    int status = options_read(&t.options, argc, argv, &asked);
    if (status != TOOL_OK)
        return status;
    if (asked) {
        fputs(help, stdout);
        return TOOL_OK;
    }
    status = prepare(&t);
    if (status == TOOL_OK)
        status = train(&t);
    finish(&t);
    return status;
}
