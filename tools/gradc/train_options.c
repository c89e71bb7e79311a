/* train_options.c - the options of gradc train, and what can't be meant by them. */
#include <stdlib.h>
#include <string.h>

#include "train.h"

#define OPTION(member) offsetof(struct train_options, member)
#define TEXT(name, value, member, help)                      \
    {                                                        \
        name, value, help, OPTION_TEXT, OPTION(member), 0, 0 \
    }
#define COUNT(name, member, least, most, help)                     \
    {                                                              \
        name, "N", help, OPTION_COUNT, OPTION(member), least, most \
    }
#define NUMBER(name, member, least, most, help)                     \
    {                                                               \
        name, "X", help, OPTION_NUMBER, OPTION(member), least, most \
    }

static const struct option table[] = {
    TEXT("--data", "DATA", data,
         "the images: fashion-mnist[:DIR], mnist:DIR, cifar10:DIR (its binary version), or folder:DIR, a folder of PNG "
         "and JPEG with a folder for each class, under DIR/train and DIR/test where these are (fashion-mnist)"),
    TEXT("--model", "NAME", model, "mlp, lenet, alexnet, vgg11, vgg16, vgg16-bn-32 or resnet18 (lenet)"),
    TEXT("--device", "D", device, "cpu, gpu, opencl, opencl:1, opencl:NVIDIA, auto ($GRADC_DEVICE or auto)"),
    COUNT("--epochs", epochs, 1, 100000, "rounds through the training images (3)"),
    COUNT("--batch", batch, 1, 1 << 20, "images in a step (64)"),
    TEXT("--optimizer", "NAME", optimizer, "sgd, adam, adamw or rmsprop (adam)"),
    NUMBER("--lr", lr, 1e-12, 1e6, "learning rate at its highest (sgd 0.05, others 0.001)"),
    NUMBER("--momentum", momentum, 0, 1, "of sgd and rmsprop (sgd 0.9, rmsprop 0)"),
    NUMBER("--weight-decay", weight_decay, 0, 1e6, "L2 penalty; adamw's decays the weights themselves (0)"),
    NUMBER("--clip-grad-norm", clip, 0, 1e12, "scales the gradients down to this norm (0: does not)"),
    TEXT("--amp", "DTYPE", amp,
         "mixed precision: convolutions and products in bf16 or f16, f16 with a gradient scaler (none: all in f32)"),
    TEXT("--schedule", "S", schedule,
         "how the learning rate goes: constant, linear (to 0), cosine[,min=X], step,size=N[,gamma=0.1], "
         "onecycle[,start=0.3][,div=25][,final=1e4]; each takes warmup=N; N counts steps (linear)"),
    TEXT("--augment", "A", augment, "crop, flip or crop,flip: changes training images at random (none)"),
    COUNT("--image", image, 1, 4096,
          "side of the model's input, in pixels (mlp, lenet 28; vgg16-bn-32 32; others 224)"),
    COUNT("--channels", channels, 1, 3,
          "1 or 3 (mlp, lenet and vgg16-bn-32 as the data has them, others 3, as torchvision's)"),
    TEXT("--resize", "HOW", resize,
         "pad, crop or stretch: how another size becomes the model's (pad where that is at most half as large again, "
         "else crop)"),
    NUMBER("--dropout", dropout, 0, 0.999, "probability (the model's own)"),
    TEXT("--pretrained", "F", pretrained,
         "starts from this safetensors file's weights, where names and shapes fit"),
    TEXT("--freeze", "PREFIX", freeze, "does not train the parameters whose names begin so, such as features."),
    COUNT("--eval-every", eval_every, 1, 100000, "tests after so many epochs, and at the end (1)"),
    TEXT("--save", "F", save, "writes the trained model as safetensors"),
    TEXT("--checkpoint", "F", checkpoint,
         "writes all that is needed to go on: after each epoch, at the end, and on Ctrl-C"),
    COUNT("--checkpoint-every", checkpoint_every, 1, 1e12, "writes it after so many steps, too"),
    TEXT("--resume", "F", resume, "goes on from a checkpoint, with its options where no others are given"),
    TEXT("--report", "F", report, "writes a page: curves, confusion matrix, mistakes, filters, device (HTML)"),
    TEXT("--log-dir", "DIR", log_dir, "writes event files for TensorBoard"),
    COUNT("--seed", seed, 0, 9007199254740992,
          "of the parameters, the order of the images and all else random (1)"),
    COUNT("--steps", steps, 1, 1e12, "stops after N steps, without a test"),
    TEXT("--losses", "F", losses, "writes the loss of each step, one a line"),
    COUNT("--threads", threads, 1, 4096, "CPU threads (all)"),
    COUNT("--workers", workers, 0, 256, "threads that read and change images (1)"),
    TEXT("--bad-images", "HOW", bad_images, "fail or skip: what a broken image does (fail)"),
};

static const struct command command = {
    .name = "train",
    .usage = "[options]",
    .about = "Trains a classifier of images.",
    .options = table,
    .noptions = sizeof table / sizeof *table,
};

static const struct train_options defaults = {.data = "fashion-mnist",
                                              .model = "lenet",
                                              .optimizer = "adam",
                                              .schedule = "linear",
                                              .bad_images = "fail",
                                              .epochs = 3,
                                              .batch = 64,
                                              .seed = 1,
                                              .eval_every = 1,
                                              .workers = 1,
                                              .momentum = -1,
                                              .dropout = -1};

/* ---- What can't be ---- */

static int check_model(const struct train_options *o)
{
    enum { MODELS = 32 };
    const char *names[MODELS + 1] = {NULL};
    for (int i = 0; i < MODELS && gradc_model_name(i) != NULL; i++)
        names[i] = gradc_model_name(i);
    return check_word("--model", o->model, names);
}

static int check_data(const struct train_options *o)
{
    static const char *const kinds[] = {"fashion-mnist", "mnist:", "cifar10:", "folder:", NULL};
    for (int i = 0; kinds[i] != NULL; i++) {
        size_t length = strlen(kinds[i]);
        if (strncmp(o->data, kinds[i], length) != 0)
            continue;
        if (kinds[i][length - 1] == ':'
                ? o->data[length] != '\0'
                : o->data[length] == '\0' || (o->data[length] == ':' && o->data[length + 1]))
            return TOOL_OK;
    }
    return tool_usage(
        "--data must be fashion-mnist, fashion-mnist:DIR, mnist:DIR, cifar10:DIR or folder:DIR, not \"%s\"",
        o->data);
}

static int check_schedule(const struct train_options *o)
{
    if (gradc_schedule(o->schedule, 1, 0, 1000000) >= 0)
        return TOOL_OK;
    return tool_usage("--schedule %s: %s", o->schedule, gradc_message(NULL));
}

static int check_files(const struct train_options *o)
{
    const struct output files[] = {
        {"--save", o->save}, {"--checkpoint", o->checkpoint}, {"--losses", o->losses}, {"--report", o->report}};
    return check_outputs(sizeof files / sizeof *files, files);
}

static int check_options(struct train_options *o)
{
    static const char *const optimizers[] = {"sgd", "adam", "adamw", "rmsprop", NULL};
    static const char *const resizes[] = {"pad", "crop", "stretch", NULL};
    static const char *const augments[] = {"crop", "flip", "crop,flip", "flip,crop", NULL};
    static const char *const dtypes[] = {"bf16", "f16", NULL};
    int status = check_model(o);
    if (status == TOOL_OK)
        status = check_data(o);
    if (status == TOOL_OK)
        status = check_word("--optimizer", o->optimizer, optimizers);
    if (status == TOOL_OK)
        status = check_schedule(o);
    if (status == TOOL_OK && o->resize != NULL)
        status = check_word("--resize", o->resize, resizes);
    if (status == TOOL_OK && o->augment != NULL)
        status = check_word("--augment", o->augment, augments);
    if (status == TOOL_OK && o->amp != NULL)
        status = check_word("--amp", o->amp, dtypes);
    if (status == TOOL_OK)
        status = check_bad_images(o->bad_images);
    if (status == TOOL_OK && o->channels == 2)
        status = tool_usage("--channels must be 1 or 3");
    if (status == TOOL_OK && o->momentum >= 0 && strncmp(o->optimizer, "adam", 4) == 0)
        status = tool_usage("--momentum is of sgd and rmsprop; %s has its own two", o->optimizer);
    if (status == TOOL_OK && o->checkpoint_every > 0 && o->checkpoint == NULL)
        status = tool_usage("--checkpoint-every needs the file: --checkpoint F");
    return status == TOOL_OK ? check_files(o) : status;
}

/* ---- Reading ---- */

static int read_checkpoint_options(struct training *t, const char *path)
{
    t->from = gradc_file_open(path);
    if (t->from == NULL)
        return tool_failed(NULL, "--resume");
    const char *words = gradc_file_metadata(t->from, "gradc.train");
    if (words == NULL)
        return tool_usage("--resume: %s is no checkpoint of gradc train; --pretrained takes a model's weights",
                          path);
    t->words = text_format("%s", words);
    if (t->words == NULL)
        return tool_no_memory();
    t->o = defaults;
    return options_read_text(&command, &t->o, t->words);
}

int train_options_read(struct training *t, int argc, char **argv, int *help)
{
    int operands = 0;
    t->o = defaults;
    int status = options_read(&command, &t->o, argc, argv, &operands, help);
    if (status != TOOL_OK || *help)
        return status;
    const char *resume = t->o.resume;
    if (resume != NULL && t->o.pretrained != NULL)
        return tool_usage("--resume has weights of its own: leave --pretrained out");
    if (resume != NULL) {
        status = read_checkpoint_options(t, resume);
        if (status == TOOL_OK)
            status = options_read(&command, &t->o, argc, argv, &operands, help);
        if (t->o.checkpoint == NULL)
            t->o.checkpoint = resume;
    }
    return status == TOOL_OK ? check_options(&t->o) : status;
}

char *train_options_write(const struct training *t)
{
    static const char *const without[] = {"--resume", NULL};
    return options_write(&command, &t->o, &defaults, without);
}
