/* chart.c - line charts as SVG, bars and the confusion matrix as HTML. */
#include <math.h>
#include <string.h>

#include "page.h"

/* ---- Lines ---- */

/* Of the drawing, in its own units. */
enum { WIDTH = 460, HEIGHT = 250, LEFT = 46, RIGHT = 12, TOP = 10, BOTTOM = 34, TICKS = 5 };

struct axis {
    double low, high, step;
};

/* Limits at round numbers, about TICKS of them. */
static struct axis axis_of(double low, double high)
{
    double range = high > low ? high - low : fabs(high) > 0 ? fabs(high) : 1;
    double rough = range / TICKS, power = pow(10, floor(log10(rough)));
    double step = rough / power <= 1   ? power
                  : rough / power <= 2 ? 2 * power
                  : rough / power <= 5 ? 5 * power
                                       : 10 * power;
    struct axis a = {floor(low / step + 1e-9) * step, ceil(high / step - 1e-9) * step, step};
    if (!(a.high > a.low))
        a.high = a.low + step;
    return a;
}

static void limits(int nseries, const struct series *series, double *x0, double *x1, double *y0, double *y1)
{
    *x0 = *y0 = INFINITY;
    *x1 = *y1 = -INFINITY;
    for (int s = 0; s < nseries; s++)
        for (int i = 0; i < series[s].n; i++) {
            if (!isfinite(series[s].y[i]))
                continue;
            *x0 = fmin(*x0, series[s].x[i]);
            *x1 = fmax(*x1, series[s].x[i]);
            *y0 = fmin(*y0, series[s].y[i]);
            *y1 = fmax(*y1, series[s].y[i]);
        }
    if (!(*x1 >= *x0))
        *x0 = *y0 = 0, *x1 = *y1 = 1;
}

static double place(const struct axis *a, double value, double from, double to)
{
    return from + (value - a->low) / (a->high - a->low) * (to - from);
}

static void draw_axes(struct page *p, const struct axis *x, const struct axis *y, const char *x_name)
{
    for (int i = 0; y->low + i * y->step <= y->high + y->step / 2; i++) {
        double value = y->low + i * y->step, at = place(y, value, HEIGHT - BOTTOM, TOP);
        fprintf(p->f, "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>", LEFT,
                WIDTH - RIGHT, at, at);
        fprintf(p->f, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.4g</text>\n", LEFT - 6, at + 4,
                fabs(value) < y->step / 1e6 ? 0 : value);
    }
    for (int i = 0; x->low + i * x->step <= x->high + x->step / 2; i++) {
        double value = x->low + i * x->step;
        fprintf(p->f, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%.4g</text>\n",
                place(x, value, LEFT, WIDTH - RIGHT), HEIGHT - BOTTOM + 16, value);
    }
    fprintf(p->f, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">", WIDTH - RIGHT, HEIGHT - 4);
    page_escaped(p, x_name);
    fputs("</text>\n", p->f);
}

static void draw_line(struct page *p, const struct axis *x, const struct axis *y, const struct series *s)
{
    int points = 0;
    double last_x = 0, last_y = 0;
    fprintf(p->f, "<polyline class=\"line s%d\" points=\"", s->colour);
    for (int i = 0; i < s->n; i++) {
        if (!isfinite(s->y[i]))
            continue;
        last_x = place(x, s->x[i], LEFT, WIDTH - RIGHT);
        last_y = place(y, s->y[i], HEIGHT - BOTTOM, TOP);
        fprintf(p->f, "%.1f,%.1f ", last_x, last_y);
        points++;
    }
    fputs("\"/>\n", p->f);
    if (points > 0)
        fprintf(p->f, "<circle class=\"line s%d\" cx=\"%.1f\" cy=\"%.1f\" r=\"2.5\"/>\n", s->colour, last_x,
                last_y);
}

void chart_lines(struct page *p, const char *title, const char *x_name, int nseries,
                 const struct series *series, int zero)
{
    double x0, x1, y0, y1;
    limits(nseries, series, &x0, &x1, &y0, &y1);
    struct axis x = axis_of(x0 < x1 / 4 ? 0 : x0, x1), y = axis_of(zero && y0 > 0 ? 0 : y0, y1);
    x.high = x1 > x.low ? x1 : x.high; /* no empty strip at the end */
    fputs("<div class=\"card\"><h3>", p->f);
    page_escaped(p, title);
    fprintf(p->f, "</h3>\n<svg viewBox=\"0 0 %d %d\" role=\"img\">\n", WIDTH, HEIGHT);
    draw_axes(p, &x, &y, x_name);
    for (int s = 0; s < nseries; s++)
        draw_line(p, &x, &y, &series[s]);
    fputs("</svg>\n<div class=\"legend\">", p->f);
    for (int s = 0; s < nseries; s++) {
        fprintf(p->f, "<span><i class=\"f%d\"></i>", series[s].colour);
        page_escaped(p, series[s].name);
        fputs("</span>", p->f);
    }
    fputs("</div></div>\n", p->f);
}

void charts_begin(struct page *p)
{
    fputs("<div class=\"charts\">\n", p->f);
}

void charts_end(struct page *p)
{
    fputs("</div>\n", p->f);
}

/* ---- Bars ---- */

void chart_bars(struct page *p, const char *title, int n, const struct bar *bars)
{
    double most = 0;
    for (int i = 0; i < n; i++)
        most = bars[i].value > most ? bars[i].value : most;
    fputs("<div class=\"card\"><h3>", p->f);
    page_escaped(p, title);
    fputs("</h3><div class=\"bars\">\n", p->f);
    for (int i = 0; i < n; i++) {
        fputs("<span>", p->f);
        page_escaped(p, bars[i].name);
        fprintf(p->f,
                "</span><div class=\"bar\"><i class=\"f%d\" style=\"width:calc((100%% - 88px)*%.4f)\"></i><b>",
                bars[i].colour, most > 0 ? bars[i].value / most : 0);
        page_escaped(p, bars[i].text);
        fputs("</b></div>\n", p->f);
    }
    fputs("</div></div>\n", p->f);
}

/* ---- Confusion ---- */

static void confusion_row(struct page *p, const struct results *r, const struct names *names, int c)
{
    char text[32];
    int64_t all = 0;
    for (int k = 0; k < r->classes; k++)
        all += r->confusion[(int64_t)c * r->classes + k];
    fputs("<tr><th>", p->f);
    page_escaped(p, name_of(names, c, text));
    fputs("</th>", p->f);
    for (int k = 0; k < r->classes; k++) {
        int64_t n = r->confusion[(int64_t)c * r->classes + k];
        double share = all > 0 ? (double)n / (double)all : 0;
        if (n == 0)
            fputs("<td class=\"empty\">0</td>", p->f);
        else
            fprintf(p->f, "<td style=\"background:color-mix(in srgb,var(--c%d) %.0f%%,var(--card))\">%lld</td>",
                    k == c ? 0 : 1, 8 + 62 * sqrt(share), (long long)n);
    }
    fputs("</tr>\n", p->f);
}

void chart_confusion(struct page *p, const struct results *r, const struct names *names)
{
    char text[32];
    fputs("<div class=\"card scroll\"><table><tr><th>true \\ guessed</th>", p->f);
    for (int c = 0; c < r->classes; c++) {
        fputs("<th>", p->f);
        page_escaped(p, name_of(names, c, text));
        fputs("</th>", p->f);
    }
    fputs("</tr>\n", p->f);
    for (int c = 0; c < r->classes; c++)
        confusion_row(p, r, names, c);
    fputs("</table></div>\n", p->f);
}
