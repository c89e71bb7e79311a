/* report.c - the page of gradc train --report: what was trained on what, the curves, what is mistaken for what. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "page.h"
#include "train.h"

enum { MISTAKES = 24, FILTERS = 64, FILTER_SCALE = 12, PICTURE_MOST = 96, CLASSES_MOST = 200 };

/* ---- Facts ---- */

static void device_fact(const struct training *t, const char *key, char *text, size_t size)
{
    if (gradc_device_info(gradc_context_device(t->g), key, text, size) != GRADC_OK)
        snprintf(text, size, "?");
}

static void write_facts(const struct training *t, struct page *p)
{
    double parameters = 0;
    int64_t peak = 0;
    char memory[32];
    struct fact f[8] = {{.name = "Test accuracy"},
                        {.name = "Test loss"},
                        {.name = "Training time"},
                        {.name = "Images a second"},
                        {.name = "Parameters"},
                        {.name = "Device"},
                        {.name = "Device memory used at most"},
                        {.name = "Device memory"}};
    gradc_module_info(t->module, "parameters", 1, &parameters);
    gradc_memory_info(t->g, NULL, &peak, NULL);
    device_fact(t, "name", f[5].value, sizeof f[5].value);
    device_fact(t, "memory", memory, sizeof memory);
    snprintf(f[0].value, sizeof f[0].value, "%.2f %%", 100 * t->accuracy);
    snprintf(f[1].value, sizeof f[1].value, "%.4f", t->results.loss);
    snprintf(f[2].value, sizeof f[2].value, t->seconds < 120 ? "%.1f s" : "%.1f min",
             t->seconds < 120 ? t->seconds : t->seconds / 60);
    snprintf(f[3].value, sizeof f[3].value, "%.0f",
             (double)(t->step * t->batch) / (t->seconds > 0 ? t->seconds : 1));
    snprintf(f[4].value, sizeof f[4].value, "%.0f", parameters);
    snprintf(f[6].value, sizeof f[6].value, "%.2f GiB", (double)peak / 0x1p30);
    snprintf(f[7].value, sizeof f[7].value, "%.1f GiB", strtod(memory, NULL) / 0x1p30);
    page_facts(p, sizeof f / sizeof *f, f);
}

/* ---- Curves ---- */

enum { CURVES = 6 };

static int write_curves(const struct training *t, struct page *p)
{
    const struct history *h = &t->history;
    double *numbers = malloc((size_t)(CURVES * h->n) * sizeof *numbers + 1), *curve[CURVES];
    if (numbers == NULL)
        return tool_no_memory();
    for (int i = 0; i < CURVES; i++)
        curve[i] = numbers + i * h->n;
    for (int i = 0; i < h->n; i++) {
        const struct point *at = &h->points[i];
        curve[0][i] = at->epoch;
        curve[1][i] = at->loss;
        curve[2][i] = at->test_loss;
        curve[3][i] = 100 * at->accuracy;
        curve[4][i] = 100 * at->test_accuracy;
        curve[5][i] = at->rate;
    }
    const struct series loss[] = {{"training", 0, h->n, curve[0], curve[1]},
                                  {"test", 1, h->n, curve[0], curve[2]}};
    const struct series accuracy[] = {{"training", 0, h->n, curve[0], curve[3]},
                                      {"test", 1, h->n, curve[0], curve[4]}};
    const struct series rate[] = {{"learning rate", 2, h->n, curve[0], curve[5]}};
    page_section(p, "Curves", NULL);
    charts_begin(p);
    chart_lines(p, "Loss", "epoch", 2, loss, 1);
    chart_lines(p, "Accuracy, %", "epoch", 2, accuracy, 0);
    chart_lines(p, "Learning rate", "epoch", 1, rate, 1);
    charts_end(p);
    free(numbers);
    return TOOL_OK;
}

static void write_confusion(const struct training *t, struct page *p, const struct names *names)
{
    if (t->results.classes > CLASSES_MOST) {
        page_section(p, "Confusion matrix", "There are too many classes to show.");
        return;
    }
    page_section(p, "Confusion matrix",
                 "How many test images of each class (rows) were taken for which (columns).");
    chart_confusion(p, &t->results, names);
}

/* ---- Mistakes ---- */

/* The wrong guesses, most confident first; returns how many of `most`. */
static int find_mistakes(const struct results *r, int64_t *found, int most)
{
    int n = 0;
    for (int64_t i = 0; i < r->count; i++) {
        const struct guess *g = &r->guess[i];
        if (r->label[i] < 0 || g->class[0] == r->label[i])
            continue;
        int at = n < most ? n++ : most;
        for (; at > 0 && r->guess[found[at - 1]].probability[0] < g->probability[0]; at--)
            if (at < most)
                found[at] = found[at - 1];
        if (at < most)
            found[at] = i;
    }
    return n;
}

/* At most PICTURE_MOST dots high and wide: every so many are left out. */
static void thin_out(unsigned char *pixels, int64_t *height, int64_t *width)
{
    int64_t step = (*height > *width ? *height : *width) / PICTURE_MOST + 1, rows = 0, columns = 0;
    unsigned char *to = pixels;
    for (int64_t v = 0; v < *height; v += step, rows++)
        for (int64_t u = 0; u < *width; u += step, to += 3)
            memmove(to, pixels + 3 * (v * *width + u), 3);
    columns = (*width + step - 1) / step;
    *height = rows;
    *width = columns;
}

static int write_mistake(const struct training *t, struct page *p, const struct names *names, int64_t i)
{
    const struct guess *g = &t->results.guess[i];
    unsigned char *pixels = NULL;
    int64_t height = 0, width = 0;
    char one[32];
    if (gradc_dataset_image(t->test_images, i, 3, &height, &width, &pixels) != GRADC_OK)
        return tool_failed(NULL, "--report");
    thin_out(pixels, &height, &width);
    char *first = text_format("%s %.0f %%", name_of(names, g->class[0], one), 100 * (double)g->probability[0]);
    char *second = text_format("is %s", name_of(names, (int)t->results.label[i], one));
    int status = first == NULL || second == NULL ? tool_no_memory()
                                                 : page_picture(p, height, width, pixels, first, second);
    free(first);
    free(second);
    gradc_free(pixels);
    return status;
}

static int write_mistakes(const struct training *t, struct page *p, const struct names *names)
{
    int64_t found[MISTAKES];
    int n = find_mistakes(&t->results, found, MISTAKES), status = TOOL_OK;
    page_section(p, "The most confident mistakes",
                 n > 0 ? "What the model was surest of and wrong about, with its probability."
                       : "There are none.");
    if (n == 0)
        return TOOL_OK;
    page_pictures_begin(p, 0);
    for (int i = 0; i < n && status == TOOL_OK; i++)
        status = write_mistake(t, p, names, found[i]);
    page_pictures_end(p);
    return status;
}

/* ---- Filters ---- */

/* The first weights that look at pixels: convolutions [out,channels,h,w], or rows of a linear layer over the image. */
static gradc_tensor *first_weights(const struct training *t, int64_t *height, int64_t *width)
{
    for (int i = 0; i < gradc_module_count(t->module); i++) {
        gradc_tensor *w = gradc_module_tensor(t->module, i);
        int64_t image = t->input.image, channels = t->input.channels;
        if (gradc_ndim(w) == 4 && gradc_size(w, 1) == channels) {
            *height = gradc_size(w, 2);
            *width = gradc_size(w, 3);
            return w;
        }
        if (gradc_ndim(w) == 2 && gradc_size(w, 1) == channels * image * image) {
            *height = *width = image;
            return w;
        }
    }
    return NULL;
}

/* One filter [channels,height,width], its largest weight as full contrast around gray, enlarged. */
static int write_filter(struct page *p, const float *w, int channels, int64_t height, int64_t width, int scale)
{
    float most = 1e-12f;
    unsigned char *pixels = malloc((size_t)(height * width * scale * scale) * 3);
    if (pixels == NULL)
        return tool_no_memory();
    for (int64_t i = 0; i < channels * height * width; i++)
        most = isfinite(w[i]) && fabsf(w[i]) > most ? fabsf(w[i]) : most;
    for (int64_t v = 0; v < height * scale; v++)
        for (int64_t u = 0; u < width * scale; u++)
            for (int c = 0; c < 3; c++) {
                int64_t from = (channels == 3 ? c : 0) * height * width + v / scale * width + u / scale;
                float share = isfinite(w[from]) ? w[from] / most : 0; /* a training may have diverged */
                pixels[3 * (v * width * scale + u) + c] = (unsigned char)(127.5f + 127 * share);
            }
    int status = page_picture(p, height * scale, width * scale, pixels, NULL, NULL);
    free(pixels);
    return status;
}

static int write_filters(const struct training *t, struct page *p)
{
    int64_t height = 0, width = 0;
    gradc_tensor *weights = first_weights(t, &height, &width);
    if (weights == NULL)
        return TOOL_OK;
    int64_t count = gradc_size(weights, 0), size = t->input.channels * height * width;
    float *w = malloc((size_t)gradc_bytes(weights));
    if (w == NULL)
        return tool_no_memory();
    int status = TOOL_OK, scale = height < 16 ? FILTER_SCALE : 2;
    if (gradc_read(weights, w, (size_t)gradc_bytes(weights)) != GRADC_OK)
        status = tool_failed(t->g, "--report");
    page_section(p, "First-layer filters",
                 "Gray is zero, white the largest weight of its filter, black its opposite.");
    page_pictures_begin(p, 1);
    for (int64_t i = 0; i < count && i < FILTERS && status == TOOL_OK; i++)
        status = write_filter(p, w + i * size, t->input.channels, height, width, scale);
    page_pictures_end(p);
    free(w);
    return status;
}

/* ---- The page ---- */

int report_write(const struct training *t, const char *path)
{
    struct page p;
    struct names names;
    char subtitle[256], *title = text_format("%s on %s", t->o.model, t->o.data);
    snprintf(subtitle, sizeof subtitle,
             "%" PRId64 " images of %d classes, as %dx%" PRId64 "x%" PRId64 "; epochs: %.4g, of %" PRId64
             " steps of %" PRId64 " images, %s, learning rate %g, schedule %s",
             gradc_dataset_count(t->images), t->results.classes, t->input.channels, t->input.image,
             t->input.image, (double)t->step / (double)t->per_epoch, t->per_epoch, t->batch, t->o.optimizer,
             t->o.lr, t->o.schedule);
    int status = title == NULL ? tool_no_memory() : names_read(&names, t->classes);
    if (status != TOOL_OK) {
        free(title);
        return status;
    }
    status = page_open(&p, path, title, subtitle);
    if (status == TOOL_OK) {
        write_facts(t, &p);
        status = write_curves(t, &p);
        write_confusion(t, &p, &names);
        if (status == TOOL_OK)
            status = write_mistakes(t, &p, &names);
        if (status == TOOL_OK)
            status = write_filters(t, &p);
        status = page_close(&p, status);
    }
    names_free(&names);
    free(title);
    return status;
}
