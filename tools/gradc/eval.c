/* eval.c - gradc eval: a trained model on labelled images. */
#include <stdlib.h>

#include "tool.h"

struct eval_options {
    const char *device, *data, *bad_images;
    int64_t batch, threads;
};

#define OPTION(member) offsetof(struct eval_options, member)

static const struct option table[] = {
    {"--data", "DATA",
     "the test images of this data set, as gradc train names it (what the model was trained with)",
     OPTION_TEXT, OPTION(data), 0, 0},
    {"--device", "D", "as for gradc train", OPTION_TEXT, OPTION(device), 0, 0},
    {"--batch", "N", "images at once (250)", OPTION_COUNT, OPTION(batch), 1, 1 << 16},
    {"--bad-images", "HOW", "fail or skip: what a broken image does (fail)", OPTION_TEXT, OPTION(bad_images),
     0, 0},
    {"--threads", "N", "CPU threads (all)", OPTION_COUNT, OPTION(threads), 1, 4096},
};

static const struct command command = {
    .name = "eval",
    .usage = "[options] MODEL.safetensors",
    .about = "Tests a trained model: accuracy, loss, and which class it takes for which.",
    .options = table,
    .noptions = sizeof table / sizeof *table,
    .operands = -1,
};

static int open_images(const struct eval_options *o, const struct model *m, gradc_dataset **images)
{
    char options[64];
    const char *data = o->data != NULL ? o->data : gradc_file_metadata(m->file, "data");
    if (data == NULL)
        return tool_usage("the model does not say what it was trained with: --data names the images");
    char *source = data_source(data);
    if (source == NULL)
        return tool_no_memory();
    snprintf(options, sizeof options, "bad=%s", o->bad_images);
    *images = gradc_dataset_open(source, "test", options);
    free(source);
    return *images != NULL ? TOOL_OK : tool_failed(NULL, "--data");
}

static void show(const struct results *r, const struct names *names)
{
    printf("%lld images, accuracy %.4f, loss %.4f, %.0f images/s\n\n", (long long)r->labelled,
           (double)r->right / (double)(r->labelled > 0 ? r->labelled : 1), r->loss,
           (double)r->count / (r->seconds > 0 ? r->seconds : 1e-9));
    confusion_print(r, names);
}

int command_eval(int argc, char **argv)
{
    struct eval_options o = {.batch = 250, .bad_images = "fail"};
    struct model m = {0};
    struct results r = {0};
    gradc_dataset *images = NULL;
    int nwords = 0, help = 0;
    int status = options_read(&command, &o, argc, argv, &nwords, &help);
    if (status == TOOL_OK && !help) {
        status = nwords == 1 ? check_bad_images(o.bad_images)
                             : tool_usage("gradc eval takes one model's file: gradc eval model.safetensors");
        if (status == TOOL_OK)
            status = model_open(&m, argv[0], o.device, o.threads);
        if (status == TOOL_OK)
            status = open_images(&o, &m, &images);
        if (status == TOOL_OK)
            status = evaluate(m.module, images, &m.input, &m.names, o.batch, 0, &r);
        if (status == TOOL_OK)
            show(&r, &m.names);
    }
    results_free(&r);
    gradc_dataset_free(images);
    model_close(&m);
    return status;
}
