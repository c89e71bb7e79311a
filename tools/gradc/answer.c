/* answer.c - what the figures of gradc compare mean, as a sentence and as a page. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "page.h"

/* Seconds of an epoch that nobody minds, and that nobody waits for. */
static const double fine = 600, too_long = 3600;

/* An H100 trains so many images of vgg16 a second, in 32-bit floats with PyTorch 2.11 and a batch of 16. */
static const double large_gpu = 423;

/* The fastest device of a kind (or of another kind) at a network, or NULL. */
static const struct compared_device *fastest(const struct comparison *c, int network, int gpu)
{
    const struct compared_device *best = NULL;
    for (int i = 0; i < c->n; i++) {
        const struct compared_device *d = &c->devices[i];
        if ((strcmp(d->kind, "gpu") == 0) != gpu || d->model[network].train <= 0)
            continue;
        if (best == NULL || d->model[network].train > best->model[network].train)
            best = d;
    }
    return best;
}

/* "mlp in 3.1 s, lenet in 12 s and vgg16 in 20 h" */
static void epochs_text(const struct comparison *c, int gpu, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (int network = 0; network < COMPARED && used < size; network++) {
        const struct compared_device *d = fastest(c, network, gpu);
        char time[32];
        if (d == NULL)
            continue;
        time_text((double)c->images / d->model[network].train, time, sizeof time);
        used += (size_t)snprintf(text + used, size - used, "%s%.*s in %s",
                                 used == 0                ? ""
                                 : network + 1 < COMPARED ? ", "
                                                          : " and ",
                                 (int)strcspn(compared_models[network], " "), compared_models[network], time);
    }
}

static const char *verdict(double seconds)
{
    return seconds <= fine ? "no GPU is needed for any of them"
           : seconds <= too_long
               ? "a GPU would be pleasant for the largest, not necessary"
               : "the small ones need no GPU; a network as large as vgg16 does, if it is trained from the start";
}

void comparison_answer(const struct comparison *c, char *text, size_t size)
{
    char epochs[256], time[32], time_large[32];
    const struct compared_device *cpu = fastest(c, COMPARED - 1, 0), *gpu = fastest(c, COMPARED - 1, 1);
    const struct compared_device *any = cpu != NULL ? cpu : gpu;
    if (any == NULL) {
        snprintf(text, size, "Nothing could be measured.");
        return;
    }
    epochs_text(c, cpu == NULL, epochs, sizeof epochs);
    double seconds = (double)c->images / any->model[COMPARED - 1].train;
    if (cpu == NULL || gpu == NULL) {
        time_text((double)c->images / large_gpu, time_large, sizeof time_large);
        snprintf(text, size,
                 "%s trains an epoch of %" PRId64 " images of %s: %s. A large GPU (an H100, which trains %.0f images "
                 "a second in 32-bit floats) would take %s for the last.",
                 cpu != NULL ? "This CPU" : any->name, c->images, epochs,
                 cpu != NULL ? verdict(seconds) : "that is the GPU", large_gpu, time_large);
        return;
    }
    time_text((double)c->images / gpu->model[COMPARED - 1].train, time, sizeof time);
    snprintf(text, size,
             "This CPU trains an epoch of %" PRId64 " images of %s: %s. %s, which is here, takes %s for the last: "
             "%.1f times as fast.",
             c->images, epochs, verdict(seconds), gpu->name, time,
             gpu->model[COMPARED - 1].train / cpu->model[COMPARED - 1].train);
}

/* ---- The page ---- */

static void write_bars(const struct comparison *c, struct page *p, int network, int inference)
{
    struct bar *bars = calloc((size_t)c->n + 1, sizeof *bars);
    char title[96];
    int n = 0;
    for (int i = 0; i < c->n && bars != NULL; i++) {
        const struct measured *m = &c->devices[i].model[network];
        double value = inference ? m->infer : m->train;
        if (value <= 0)
            continue;
        bars[n] = (struct bar){c->devices[i].device, inference, value, ""};
        rate_text(value, bars[n].text, sizeof bars[n].text);
        n++;
    }
    snprintf(title, sizeof title, "%s: %s, images a second", compared_models[network],
             inference ? "inference" : "training");
    if (bars != NULL)
        chart_bars(p, title, n, bars);
    free(bars);
}

static void write_row(const struct comparison *c, struct page *p, const struct compared_device *d, int network)
{
    const struct measured *m = &d->model[network];
    char time[32], train[32], infer[32];
    fputs("<tr><th>", p->f);
    page_escaped(p, compared_models[network]);
    fputs("</th><th>", p->f);
    page_escaped(p, d->device);
    fputs(m->estimated ? " (estimated)</th>" : "</th>", p->f);
    if (m->failed[0] != '\0') {
        fputs("<td colspan=\"5\">", p->f);
        page_escaped(p, m->failed);
        fputs("</td></tr>\n", p->f);
        return;
    }
    time_text((double)c->images / m->train, time, sizeof time);
    rate_text(m->train, train, sizeof train);
    rate_text(m->infer, infer, sizeof infer);
    fprintf(p->f, "<td>%" PRId64 "</td><td>%s</td><td>%s</td><td>%s</td><td>%" PRId64 "</td></tr>\n",
            m->batch, train, infer, time, batch_that_fits(m, d->memory));
}

int comparison_page(const struct comparison *c, const char *path)
{
    struct page p;
    char text[1024];
    int status = page_open(&p, path, "Do I need a GPU?", "Three networks on every device of this machine");
    if (status != TOOL_OK)
        return status;
    comparison_answer(c, text, sizeof text);
    page_paragraph(&p, text);
    page_section(&p, "Devices", NULL);
    fputs("<div class=\"card scroll\"><table class=\"wide\"><tr><th>device</th><th>name</th><th>kind</th><th>memory"
          "</th></tr>\n",
          p.f);
    for (int i = 0; i < c->n; i++) {
        fputs("<tr><th>", p.f);
        page_escaped(&p, c->devices[i].device);
        fputs("</th><th>", p.f);
        page_escaped(&p, c->devices[i].name);
        fprintf(p.f, "</th><th>%s</th><td>%.1f GiB</td></tr>\n", c->devices[i].kind,
                c->devices[i].memory / 0x1p30);
    }
    fputs("</table></div>\n", p.f);
    page_section(&p, "Images a second", NULL);
    charts_begin(&p);
    for (int network = 0; network < COMPARED; network++)
        for (int inference = 0; inference < 2; inference++)
            write_bars(c, &p, network, inference);
    charts_end(&p);
    snprintf(text, sizeof text,
             "An epoch is %" PRId64 " images. What fits is the largest batch whose training step fits into the "
             "device's memory, reckoned from the step that was measured.",
             c->images);
    page_section(&p, "Figures", text);
    fputs("<div class=\"card scroll\"><table class=\"wide\"><tr><th>network</th><th>device</th><th>batch</th>"
          "<th>training, images/s</th><th>inference, images/s</th><th>an epoch</th><th>fits</th></tr>\n",
          p.f);
    for (int network = 0; network < COMPARED; network++)
        for (int i = 0; i < c->n; i++)
            write_row(c, &p, &c->devices[i], network);
    fputs("</table></div>\n", p.f);
    return page_close(&p, TOOL_OK);
}
