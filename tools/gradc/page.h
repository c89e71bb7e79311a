/* page.h - reports as one HTML file that needs no other: headings, facts, charts, tables, pictures. */
#ifndef GRADC_PAGE_H
#define GRADC_PAGE_H

#include "tool.h"

struct page {
    struct draft draft;
    FILE *f; /* the draft's */
};

/* Begins with the title; NULL-safe text is escaped everywhere below. */
int page_open(struct page *p, const char *path, const char *title, const char *subtitle);
int page_close(struct page *p, int status); /* status: of what was written; the page is there only if all is well */

void page_section(struct page *p, const char *heading, const char *text); /* text may be NULL */
void page_paragraph(struct page *p, const char *text);
void page_escaped(struct page *p, const char *text);

/* A row of figures with their names under them. */
struct fact {
    const char *name;
    char value[96];
};
void page_facts(struct page *p, int n, const struct fact *facts);

/* A picture, RGB, in a figure with a caption of up to two lines (NULL: none).  Many stand in a row, small ones more. */
void page_pictures_begin(struct page *p, int small);
int page_picture(struct page *p, int64_t height, int64_t width, const unsigned char *pixels,
                 const char *first, const char *second);
void page_pictures_end(struct page *p);

/* ---- chart.c ---- */

struct series {
    const char *name;
    int colour; /* 0, 1, 2 */
    int n;
    const double *x, *y; /* a NAN is left out */
};

/* Lines over an axis; from 0 on where zero is 1. */
void chart_lines(struct page *p, const char *title, const char *x_name, int nseries,
                 const struct series *series, int zero);
void charts_begin(struct page *p); /* charts stand side by side where there is room */
void charts_end(struct page *p);

struct bar {
    const char *name;
    int colour;
    double value;
    char text[48]; /* beside it */
};
void chart_bars(struct page *p, const char *title, int n, const struct bar *bars);

/* Counts by true class (rows) and guessed class. */
void chart_confusion(struct page *p, const struct results *r, const struct names *names);

#endif
