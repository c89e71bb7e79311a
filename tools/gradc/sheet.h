/* sheet.h - a sheet of pictures with captions, as PNG. */
#ifndef GRADC_SHEET_H
#define GRADC_SHEET_H

#include "tool.h"

struct sheet {
    int64_t count, done;
    int64_t columns, width, height; /* pixels */
    unsigned char *pixels;          /* RGB */
};

struct caption {
    const char *text;
    double probability;
    int verdict; /* 1: right, -1: wrong, 0: nobody knows */
};

int sheet_check(int64_t count); /* whether so many pictures are not too many, which is told */
int sheet_start(struct sheet *s, int64_t count);

/* The next picture: image i of the data set. */
int sheet_add(struct sheet *s, const gradc_dataset *d, int64_t i, const struct caption *c);
int sheet_write(const struct sheet *s, const char *path);
void sheet_free(struct sheet *s);

/* font.c: draws text with its upper left corner at x, y, each dot `scale` pixels wide; what does not fit into `columns`
 * characters ends with two points. */
struct canvas {
    int64_t width, height;
    unsigned char *pixels; /* RGB */
};
enum { FONT_WIDTH = 6, FONT_HEIGHT = 8 }; /* with the space to the next */
void draw_text(const struct canvas *c, int64_t x, int64_t y, int scale, int columns,
               const unsigned char colour[3], const char *text);

#endif
