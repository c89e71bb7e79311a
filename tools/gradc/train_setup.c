/* train_setup.c - everything that a training needs, made before its first step: device, data, model, optimiser. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "train.h"

/* The input of models that are not torchvision's for 224x224 and three channels. */
static const struct {
    const char *model;
    int64_t image;
} small_models[] = {{"mlp", 28}, {"lenet", 28}, {"vgg16-bn-32", 32}};

static int64_t small_image(const char *model)
{
    for (size_t i = 0; i < sizeof small_models / sizeof *small_models; i++)
        if (strcmp(small_models[i].model, model) == 0)
            return small_models[i].image;
    return 0;
}

/* ---- Data ---- */

/* The names of the classes, one a line. */
static int join_classes(struct training *t)
{
    for (int i = 0; i < gradc_dataset_classes(t->images); i++) {
        const char *name = gradc_dataset_class_name(t->images, i);
        if (strchr(name, '\n') != NULL)
            return tool_usage("--data %s: the name of class %d is of several lines; rename its folder",
                              t->o.data, i);
        char *longer = i == 0 ? text_format("%s", name) : text_format("%s\n%s", t->classes, name);
        free(t->classes);
        t->classes = longer;
        if (longer == NULL)
            return tool_no_memory();
    }
    return TOOL_OK;
}

static int open_data(struct training *t)
{
    char options[32];
    snprintf(options, sizeof options, "bad=%s", t->o.bad_images);
    t->source = data_source(t->o.data);
    if (t->source == NULL)
        return tool_no_memory();
    t->images = gradc_dataset_open(t->source, "train", options);
    t->test_images = t->images != NULL ? gradc_dataset_open(t->source, "test", options) : NULL;
    if (t->test_images == NULL) {
        const char *hint = strcmp(t->o.data, "fashion-mnist") == 0
                               ? " (Debian: apt-get install dataset-fashion-mnist, or name the folder of its files: "
                                 "--data fashion-mnist:DIR)"
                               : "";
        return tool_usage("--data %s: %s%s", t->o.data, gradc_message(NULL), hint);
    }
    if (gradc_dataset_classes(t->test_images) > gradc_dataset_classes(t->images))
        return tool_usage("--data %s: there are test images of classes that are not trained", t->o.data);
    int64_t skipped = gradc_dataset_skipped(t->images) + gradc_dataset_skipped(t->test_images);
    if (skipped > 0)
        printf("%" PRId64 " broken images are left out\n", skipped);
    return join_classes(t);
}

/* "0.2860/0.4465/0.1" */
static void join(char *text, size_t size, int n, const double *values)
{
    size_t used = 0;
    for (int i = 0; i < n; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%.4f", i > 0 ? "/" : "", values[i]);
}

static int data_normalisation(struct training *t)
{
    double mean[3], std[3];
    if (gradc_dataset_statistics(t->images, t->input.channels, mean, std) != GRADC_OK)
        return tool_failed(NULL, "");
    for (int i = 0; i < t->input.channels; i++)
        std[i] = std[i] > 1e-4 ? std[i] : 1; /* images of one colour */
    join(t->input.mean, sizeof t->input.mean, t->input.channels, mean);
    join(t->input.std, sizeof t->input.std, t->input.channels, std);
    return TOOL_OK;
}

/* Whether there is a number for each channel, or one for all. */
static int fits(const char *numbers, int channels)
{
    int n = 1;
    for (const char *p = numbers; *p != '\0'; p++)
        n += *p == '/';
    return n == 1 || n == channels;
}

/* The pixels' mean and deviation: those that the weights to start from are for, or the data's own. */
static int choose_normalisation(struct training *t)
{
    gradc_file *pretrained = NULL;
    if (t->from == NULL && t->o.pretrained != NULL && (pretrained = gradc_file_open(t->o.pretrained)) == NULL)
        return tool_usage("--pretrained: %s", gradc_message(NULL));
    const gradc_file *f = t->from != NULL ? t->from : pretrained;
    const char *mean = f != NULL ? gradc_file_metadata(f, "mean") : NULL;
    const char *deviation = f != NULL ? gradc_file_metadata(f, "std") : NULL;
    int status = TOOL_OK;
    if (mean != NULL && deviation != NULL && fits(mean, t->input.channels) && fits(deviation, t->input.channels)) {
        snprintf(t->input.mean, sizeof t->input.mean, "%s", mean);
        snprintf(t->input.std, sizeof t->input.std, "%s", deviation);
    } else if (f != NULL && t->input.channels == 3) { /* torchvision's, for ImageNet */
        snprintf(t->input.mean, sizeof t->input.mean, "0.485/0.456/0.406");
        snprintf(t->input.std, sizeof t->input.std, "0.229/0.224/0.225");
    } else {
        status = data_normalisation(t);
    }
    gradc_file_close(pretrained);
    return status;
}

static int choose_input(struct training *t)
{
    int channels = 0;
    int64_t height = 0, width = 0, small = small_image(t->o.model);
    if (gradc_dataset_size(t->images, &channels, &height, &width) != GRADC_OK)
        return tool_failed(NULL, "");
    int64_t side = height > width ? height : width;
    t->input.image = t->o.image > 0 ? t->o.image : small > 0 ? small : 224;
    t->input.channels = t->o.channels > 0 ? (int)t->o.channels : small > 0 ? channels : 3;
    const char *resize = side > 0 && t->input.image >= side && t->input.image <= side + side / 2 ? "pad" : "crop";
    snprintf(t->input.resize, sizeof t->input.resize, "%s", t->o.resize != NULL ? t->o.resize : resize);
    return choose_normalisation(t);
}

static int open_loader(struct training *t)
{
    char more[160];
    int64_t count = gradc_dataset_count(t->images);
    if (t->o.batch > count)
        return tool_usage("--batch must be at most %" PRId64 ", the number of training images", count);
    snprintf(more, sizeof more, "shuffle=1 drop_last=1 seed=%" PRId64 " workers=%" PRId64 "%s%s", t->o.seed,
             t->o.workers, t->o.augment != NULL ? " augment=" : "",
             t->o.augment == NULL                ? ""
             : strchr(t->o.augment, ',') != NULL ? "crop/flip"
                                                 : t->o.augment);
    t->loader = input_loader(&t->input, t->images, t->o.batch, more);
    if (t->loader == NULL)
        return TOOL_FAILED;
    t->batch = t->o.batch;
    t->per_epoch = gradc_loader_batches(t->loader);
    t->planned = t->o.epochs * t->per_epoch;
    t->total = t->o.steps > 0 && t->o.steps < t->planned ? t->o.steps : t->planned;
    return TOOL_OK;
}

/* ---- Model and optimiser ---- */

static int make_model(struct training *t)
{
    char options[160], dropout[48] = "";
    if (t->o.dropout >= 0)
        snprintf(dropout, sizeof dropout, " dropout=%.9g", t->o.dropout);
    snprintf(options, sizeof options, "classes=%d image=%" PRId64 " channels=%d%s",
             gradc_dataset_classes(t->images), t->input.image, t->input.channels, dropout);
    gradc_seed(t->g, (uint64_t)t->o.seed);
    t->module = gradc_model(t->g, t->o.model, options);
    if (t->module == NULL)
        return tool_failed(t->g, "");
    if (t->from == NULL && t->o.pretrained != NULL && gradc_module_load(t->module, t->o.pretrained, 1) != GRADC_OK)
        return tool_failed(t->g, "--pretrained");
    if (t->o.freeze != NULL && gradc_module_freeze(t->module, t->o.freeze, 1) != GRADC_OK)
        return tool_usage("--freeze: %s", gradc_message(t->g));
    int count = gradc_module_count(t->module);
    t->params = calloc((size_t)count + 1, sizeof(gradc_tensor *));
    if (t->params == NULL)
        return tool_no_memory();
    for (int i = 0; i < count; i++)
        if (gradc_wants_grad(gradc_module_tensor(t->module, i)))
            t->params[t->nparams++] = gradc_module_tensor(t->module, i);
    return t->nparams > 0 ? TOOL_OK : tool_usage("--freeze %s leaves nothing to train", t->o.freeze);
}

static int make_optimizer(struct training *t)
{
    struct train_options *o = &t->o;
    int sgd = strcmp(o->optimizer, "sgd") == 0, rmsprop = strcmp(o->optimizer, "rmsprop") == 0;
    if (o->lr <= 0)
        o->lr = sgd ? 0.05 : 0.001;
    if (sgd)
        t->optim = gradc_sgd(t->params, t->nparams, o->lr, o->momentum >= 0 ? o->momentum : 0.9);
    else if (rmsprop)
        t->optim = gradc_rmsprop(t->params, t->nparams, o->lr);
    else if (strcmp(o->optimizer, "adam") == 0)
        t->optim = gradc_adam(t->params, t->nparams, o->lr);
    else
        t->optim = gradc_adamw(t->params, t->nparams, o->lr, 0);
    if (rmsprop && o->momentum > 0)
        gradc_optim_set(t->optim, "momentum", o->momentum);
    if (o->weight_decay > 0)
        gradc_optim_set(t->optim, "weight_decay", o->weight_decay);
    return t->optim != NULL && gradc_check(t->g) == GRADC_OK ? TOOL_OK : tool_failed(t->g, "");
}

static int make_scaler(struct training *t)
{
    const double usual = 65536;
    if (t->o.amp == NULL || strcmp(t->o.amp, "f16") != 0)
        return TOOL_OK;
    t->scaler = gradc_scaler_new(t->g, usual);
    return t->scaler != NULL ? TOOL_OK : tool_failed(t->g, "");
}

static int make_tensors(struct training *t)
{
    t->x = gradc_new(t->g, GRADC_F32, 4,
                     (const int64_t[]){t->batch, t->input.channels, t->input.image, t->input.image});
    t->y = gradc_new(t->g, GRADC_I64, 1, &t->batch);
    t->loss_sum = gradc_new(t->g, GRADC_F32, 0, NULL);
    t->hits = gradc_new(t->g, GRADC_F32, 0, NULL);
    return gradc_check(t->g) == GRADC_OK ? TOOL_OK : tool_failed(t->g, "");
}

/* Leaves the losses of the steps that the checkpoint knows; those after it are made again. */
static int cut_losses(FILE *f, int64_t steps)
{
    int64_t lines = 0;
    rewind(f);
    for (int c = 0; lines < steps && c != EOF; lines += c == '\n')
        c = getc(f);
    return fseek(f, 0, SEEK_CUR) != 0 || ftruncate(fileno(f), ftell(f)) != 0 ? TOOL_FAILED : TOOL_OK;
}

static int open_files(struct training *t)
{
    const char *path = t->o.losses;
    if (path != NULL) {
        t->losses = t->from != NULL ? fopen(path, "r+") : NULL;
        int failed = t->losses != NULL && cut_losses(t->losses, t->step) != TOOL_OK;
        if (t->losses == NULL)
            t->losses = fopen(path, "w");
        if (failed || t->losses == NULL) {
            fprintf(stderr, "gradc: --losses %s: %s\n", path, strerror(errno));
            return TOOL_FAILED;
        }
    }
    if (t->o.log_dir != NULL && (t->events = events_open(t->o.log_dir)) == NULL)
        return TOOL_FAILED;
    return TOOL_OK;
}

int train_setup(struct training *t)
{
    int (*const steps[])(struct training *) = {open_data,    choose_input,    open_loader,
                                               make_model,   make_optimizer,  make_scaler,
                                               make_tensors, load_checkpoint, open_files};
    int status = open_device(t->o.device, t->o.threads, &t->g);
    for (size_t i = 0; i < sizeof steps / sizeof *steps && status == TOOL_OK; i++)
        status = steps[i](t);
    return status;
}

void train_free(struct training *t)
{
    gradc_tensor *owned[] = {t->x, t->y, t->loss_sum, t->hits};
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++)
        gradc_release(owned[i]);
    gradc_optim_free(t->optim);
    gradc_scaler_free(t->scaler);
    gradc_module_free(t->module);
    gradc_loader_free(t->loader);
    gradc_dataset_free(t->images);
    gradc_dataset_free(t->test_images);
    gradc_close(t->g);
    gradc_file_close(t->from);
    history_free(&t->history);
    results_free(&t->results);
    events_close(t->events);
    free(t->params);
    free(t->source);
    free(t->classes);
    free(t->words);
    if (t->losses != NULL)
        fclose(t->losses);
}
