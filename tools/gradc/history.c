/* history.c - the points of a training's curves, and their form in a checkpoint: a line each, numbers with spaces. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"

enum { LINE = 256, NUMBERS = 7 };

int history_add(struct history *h, const struct point *p)
{
    if (h->n == h->capacity) {
        int capacity = h->capacity > 0 ? 2 * h->capacity : 64;
        struct point *points = realloc(h->points, (size_t)capacity * sizeof *points);
        if (points == NULL)
            return tool_no_memory();
        h->points = points;
        h->capacity = capacity;
    }
    h->points[h->n++] = *p;
    return TOOL_OK;
}

char *history_write(const struct history *h)
{
    char *text = malloc((size_t)h->n * LINE + 1), *at = text;
    if (text == NULL)
        return NULL;
    *at = '\0';
    for (int i = 0; i < h->n; i++) {
        const struct point *p = &h->points[i];
        at += snprintf(at, LINE, "%" PRId64 " %.9g %.9g %.9g %.9g %.9g %.9g %.9g\n", p->step, p->epoch,
                       p->loss, p->accuracy, p->rate, p->test_loss, p->test_accuracy, p->seconds);
    }
    return text;
}

/* One line; NULL: it is none, else behind it. */
static const char *read_point(const char *text, struct point *p)
{
    char *end = NULL;
    double numbers[NUMBERS];
    p->step = strtoll(text, &end, 10);
    for (int i = 0; i < NUMBERS; i++) {
        const char *start = end;
        numbers[i] = strtod(start, &end);
        if (end == start)
            return NULL;
    }
    p->epoch = numbers[0], p->loss = numbers[1], p->accuracy = numbers[2], p->rate = numbers[3];
    p->test_loss = numbers[4], p->test_accuracy = numbers[5], p->seconds = numbers[6];
    return *end == '\n' ? end + 1 : NULL;
}

int history_read(struct history *h, const char *text)
{
    h->n = 0;
    while (*text != '\0') {
        struct point p;
        text = read_point(text, &p);
        if (text == NULL)
            return TOOL_FAILED;
        int status = history_add(h, &p);
        if (status != TOOL_OK)
            return status;
    }
    return TOOL_OK;
}

void history_free(struct history *h)
{
    free(h->points);
    *h = (struct history){0};
}
