/* predict.c - gradc predict: the likeliest classes of images, as bars, as CSV, as a sheet of pictures. */
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "sheet.h"

struct predict_options {
    const char *device, *data, *csv, *sheet, *bad_images;
    int64_t batch, threads, count;
};

#define OPTION(member) offsetof(struct predict_options, member)

static const struct option table[] = {
    {"--device", "D", "as for gradc train", OPTION_TEXT, OPTION(device), 0, 0},
    {"--csv", "F",
     "writes a table: path, and the three best classes with their probabilities; - is the screen, and what "
     "a folder gets without this",
     OPTION_TEXT, OPTION(csv), 0, 0},
    {"--sheet", "F.png", "writes the pictures with what was seen in them", OPTION_TEXT, OPTION(sheet), 0, 0},
    {"--data", "DATA", "takes the first test images of a data set, as gradc train names them, instead of files",
     OPTION_TEXT, OPTION(data), 0, 0},
    {"--count", "N", "how many of these (10)", OPTION_COUNT, OPTION(count), 1, 1e9},
    {"--batch", "N", "images at once (64)", OPTION_COUNT, OPTION(batch), 1, 1 << 16},
    {"--bad-images", "HOW", "fail or skip: what a broken image does (fail)", OPTION_TEXT, OPTION(bad_images),
     0, 0},
    {"--threads", "N", "CPU threads (all)", OPTION_COUNT, OPTION(threads), 1, 4096},
};

static const struct command command = {
    .name = "predict",
    .usage = "[options] MODEL.safetensors IMAGE|FOLDER...",
    .about = "Says what a trained model sees in images (PNG, JPEG).",
    .options = table,
    .noptions = sizeof table / sizeof *table,
    .operands = -1,
};

struct prediction {
    struct predict_options o;
    struct files files;
    struct model model;
    gradc_dataset *images;
    struct results results;
};

/* ---- What is shown ---- */

enum { BAR = 30 };

static const char *path_of(const struct prediction *p, int64_t i, char text[32])
{
    const char *path = gradc_dataset_path(p->images, i);
    if (path != NULL)
        return path;
    snprintf(text, 32, "image %lld", (long long)i);
    return text;
}

static void print_bars(const struct prediction *p, int64_t i)
{
    char text[32];
    const struct guess *g = &p->results.guess[i];
    int64_t label = p->results.label[i];
    printf("%s", path_of(p, i, text));
    if (label >= 0)
        printf(" (%s)", name_of(&p->model.names, (int)label, text));
    putchar('\n');
    for (int k = 0; k < BEST && g->class[k] >= 0; k++) {
        int length = g->probability[k] > 0 ? (int)(g->probability[k] * BAR + 0.5f) : 0; /* NAN: none */
        fputs("  ", stdout);
        print_column(name_of(&p->model.names, g->class[k], text), 20, 60);
        printf(" %5.1f %%  ", 100 * (double)g->probability[k]);
        for (int c = 0; c < length; c++)
            fputs("█", stdout);
        putchar('\n');
    }
}

/* RFC 4180: quoted where it must be. */
static void write_field(FILE *f, const char *text)
{
    if (strpbrk(text, ",\"\r\n") == NULL) {
        fputs(text, f);
        return;
    }
    putc('"', f);
    for (; *text != '\0'; text++) {
        if (*text == '"')
            putc('"', f);
        putc(*text, f);
    }
    putc('"', f);
}

static void write_table(const struct prediction *p, FILE *f)
{
    char text[32];
    fputs("path,class,probability,class2,probability2,class3,probability3\r\n", f);
    for (int64_t i = 0; i < p->results.count; i++) {
        const struct guess *g = &p->results.guess[i];
        write_field(f, path_of(p, i, text));
        for (int k = 0; k < BEST; k++) {
            putc(',', f);
            if (g->class[k] >= 0)
                write_field(f, name_of(&p->model.names, g->class[k], text));
            putc(',', f);
            if (g->class[k] >= 0)
                fprintf(f, "%.6f", (double)g->probability[k]);
        }
        fputs("\r\n", f);
    }
}

static int write_csv(const struct prediction *p, const char *path)
{
    if (strcmp(path, "-") == 0) {
        write_table(p, stdout);
        return TOOL_OK;
    }
    struct draft draft;
    int status = draft_open(&draft, path);
    if (status != TOOL_OK)
        return status;
    write_table(p, draft.f);
    status = draft_close(&draft, TOOL_OK);
    if (status == TOOL_OK)
        printf("saved %s\n", path);
    return status;
}

static int write_sheet(const struct prediction *p)
{
    struct sheet s;
    int status = sheet_start(&s, p->results.count);
    for (int64_t i = 0; i < p->results.count && status == TOOL_OK; i++) {
        char text[32];
        const struct guess *g = &p->results.guess[i];
        int64_t label = p->results.label[i];
        struct caption c = {.text = name_of(&p->model.names, g->class[0], text),
                            .probability = (double)g->probability[0],
                            .verdict = label < 0              ? 0
                                       : label == g->class[0] ? 1
                                                              : -1};
        status = sheet_add(&s, p->images, i, &c);
    }
    if (status == TOOL_OK)
        status = sheet_write(&s, p->o.sheet);
    sheet_free(&s);
    return status;
}

static int show(const struct prediction *p)
{
    const char *csv = p->o.csv != NULL ? p->o.csv : p->files.folders > 0 && p->o.sheet == NULL ? "-" : NULL;
    int status = csv != NULL ? write_csv(p, csv) : TOOL_OK;
    if (csv == NULL && (p->o.sheet == NULL || p->files.folders == 0))
        for (int64_t i = 0; i < p->results.count; i++)
            print_bars(p, i);
    return status == TOOL_OK && p->o.sheet != NULL ? write_sheet(p) : status;
}

/* ---- What is looked at ---- */

static int open_images(struct prediction *p, int nwords, char **words)
{
    char options[64];
    snprintf(options, sizeof options, "bad=%s", p->o.bad_images);
    if (p->o.data != NULL) {
        char *source = data_source(p->o.data);
        if (source == NULL)
            return tool_no_memory();
        p->images = gradc_dataset_open(source, "test", options);
        free(source);
        return p->images != NULL ? TOOL_OK : tool_failed(NULL, "--data");
    }
    int status = TOOL_OK;
    for (int i = 1; i < nwords && status == TOOL_OK; i++)
        status = files_add(&p->files, words[i]);
    if (status != TOOL_OK)
        return status;
    p->images = gradc_dataset_files(p->files.n, (const char *const *)p->files.path, options);
    return p->images != NULL ? TOOL_OK : tool_failed(NULL, "");
}

/* How many images are looked at. */
static int64_t count_of(const struct prediction *p)
{
    int64_t count = gradc_dataset_count(p->images);
    return p->o.data != NULL && p->o.count < count ? p->o.count : count;
}

static int predict(struct prediction *p, int nwords, char **words)
{
    if (nwords < 1 || (nwords < 2 && p->o.data == NULL))
        return tool_usage(
            "gradc predict takes a model's file and images: gradc predict model.safetensors picture.jpg");
    if (nwords > 1 && p->o.data != NULL)
        return tool_usage("gradc predict takes images or --data, not both");
    const char *csv = p->o.csv != NULL && strcmp(p->o.csv, "-") != 0 ? p->o.csv : NULL;
    int status = check_bad_images(p->o.bad_images);
    if (status == TOOL_OK)
        status = check_outputs(2, (const struct output[]){{"--csv", csv}, {"--sheet", p->o.sheet}});
    if (status == TOOL_OK)
        status = model_open(&p->model, words[0], p->o.device, p->o.threads);
    if (status == TOOL_OK)
        status = open_images(p, nwords, words);
    if (status == TOOL_OK && p->o.sheet != NULL)
        status = sheet_check(count_of(p));
    if (status == TOOL_OK)
        status = evaluate(p->model.module, p->images, &p->model.input, &p->model.names, p->o.batch,
                          count_of(p), &p->results);
    return status == TOOL_OK ? show(p) : status;
}

int command_predict(int argc, char **argv)
{
    struct prediction p = {.o = {.batch = 64, .count = 10, .bad_images = "fail"}};
    int nwords = 0, help = 0;
    int status = options_read(&command, &p.o, argc, argv, &nwords, &help);
    if (status == TOOL_OK && !help)
        status = predict(&p, nwords, argv);
    results_free(&p.results);
    gradc_dataset_free(p.images);
    model_close(&p.model);
    files_free(&p.files);
    return status;
}
