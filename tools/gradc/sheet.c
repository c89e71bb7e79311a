/* sheet.c - pictures in rows, each with its caption and a bar as long as its probability. */
#include "sheet.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Pixels: a picture's side, the space around, what its caption takes. */
enum { SIDE = 168, GAP = 12, SCALE = 2, LINE = SCALE * FONT_HEIGHT + 4, BAR = 6, CELL = SIDE + GAP };
enum { CELL_HEIGHT = SIDE + 2 * LINE + BAR + GAP, PICTURES_MOST = 5000 };

static const unsigned char paper[3] = {250, 250, 248}, ink[3] = {32, 33, 36}, quiet[3] = {112, 117, 122},
                           track[3] = {225, 227, 230}, blue[3] = {42, 110, 187}, green[3] = {30, 132, 73},
                           red[3] = {192, 57, 43};

int sheet_check(int64_t count)
{
    if (count <= PICTURES_MOST)
        return TOOL_OK;
    return tool_usage("--sheet takes up to %d pictures, not %lld", PICTURES_MOST, (long long)count);
}

int sheet_start(struct sheet *s, int64_t count)
{
    *s = (struct sheet){.count = count};
    s->columns = count < 5 ? count : (int64_t)ceil(sqrt(1.6 * (double)count));
    if (count == 0)
        s->columns = 1;
    int64_t rows = (count + s->columns - 1) / s->columns;
    s->width = s->columns * CELL + GAP;
    s->height = rows * CELL_HEIGHT + GAP;
    s->pixels = malloc((size_t)(s->width * s->height) * 3 + 1);
    if (s->pixels == NULL)
        return tool_no_memory();
    for (int64_t i = 0; i < s->width * s->height; i++)
        memcpy(s->pixels + 3 * i, paper, 3);
    return TOOL_OK;
}

static void fill(struct sheet *s, int64_t x, int64_t y, int64_t width, int64_t height,
                 const unsigned char colour[3])
{
    for (int64_t row = y; row < y + height; row++)
        for (int64_t column = x; column < x + width; column++)
            memcpy(s->pixels + 3 * (row * s->width + column), colour, 3);
}

/* The picture, as large as fits, its dots kept where it grows and averaged where it shrinks. */
static void draw_picture(struct sheet *s, int64_t x, int64_t y, const unsigned char *from, int64_t height,
                         int64_t width)
{
    double scale = (double)SIDE / (double)(height > width ? height : width);
    int64_t wide = (int64_t)((double)width * scale + 0.5), high = (int64_t)((double)height * scale + 0.5);
    wide = wide > 0 ? wide : 1, high = high > 0 ? high : 1;
    x += (SIDE - wide) / 2, y += (SIDE - high) / 2;
    for (int64_t row = 0; row < high; row++)
        for (int64_t column = 0; column < wide; column++) {
            int64_t y0 = row * height / high, y1 = (row + 1) * height / high;
            int64_t x0 = column * width / wide, x1 = (column + 1) * width / wide, sum[3] = {0, 0, 0};
            y1 = y1 > y0 ? y1 : y0 + 1, x1 = x1 > x0 ? x1 : x0 + 1;
            for (int64_t v = y0; v < y1; v++)
                for (int64_t u = x0; u < x1; u++)
                    for (int c = 0; c < 3; c++)
                        sum[c] += from[3 * (v * width + u) + c];
            unsigned char *to = s->pixels + 3 * ((y + row) * s->width + x + column);
            for (int c = 0; c < 3; c++)
                to[c] = (unsigned char)(sum[c] / ((y1 - y0) * (x1 - x0)));
        }
}

int sheet_add(struct sheet *s, const gradc_dataset *d, int64_t i, const struct caption *c)
{
    unsigned char *picture = NULL;
    int64_t height = 0, width = 0;
    int64_t x = GAP + s->done % s->columns * CELL, y = GAP + s->done / s->columns * CELL_HEIGHT;
    const struct canvas canvas = {s->width, s->height, s->pixels};
    const unsigned char *colour = c->verdict > 0 ? green : c->verdict < 0 ? red : blue;
    char percent[32];
    if (gradc_dataset_image(d, i, 3, &height, &width, &picture) != GRADC_OK)
        return tool_failed(NULL, "");
    fill(s, x, y, SIDE, SIDE, track);
    draw_picture(s, x, y, picture, height, width);
    gradc_free(picture);
    y += SIDE + 4;
    draw_text(&canvas, x, y, SCALE, SIDE / (SCALE * FONT_WIDTH), c->verdict < 0 ? red : ink, c->text);
    snprintf(percent, sizeof percent, "%.1f %%", 100 * c->probability);
    y += LINE;
    draw_text(&canvas, x, y, SCALE, SIDE / (SCALE * FONT_WIDTH), quiet, percent);
    y += LINE - 4;
    fill(s, x, y, SIDE, BAR, track);
    if (c->probability > 0) /* not NAN */
        fill(s, x, y, (int64_t)(c->probability * SIDE + 0.5), BAR, colour);
    s->done++;
    return TOOL_OK;
}

int sheet_write(const struct sheet *s, const char *path)
{
    if (gradc_write_png(path, s->height, s->width, 3, s->pixels) != GRADC_OK)
        return tool_failed(NULL, "--sheet");
    printf("saved %s\n", path);
    return TOOL_OK;
}

void sheet_free(struct sheet *s)
{
    free(s->pixels);
    *s = (struct sheet){0};
}
