/* options.c - texts of settings: words and key=value pairs. */
#include "base/options.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 2 * OPTION_TEXT }; /* key=value */

/* strtod reads the locale's decimal point. */
int option_number(const char *text, double *value)
{
    char local[64], *end = NULL;
    const char *point = localeconv()->decimal_point;
    size_t n = 0, length = strlen(point);
    for (; *text && n + length < sizeof local; text++) {
        if (!strchr("0123456789+-eE.", *text))
            return -1;
        if (*text == '.') {
            memcpy(local + n, point, length);
            n += length;
        } else {
            local[n++] = *text;
        }
    }
    local[n] = 0;
    if (*text || n == 0)
        return -1;
    *value = strtod(local, &end);
    return *end || !isfinite(*value) ? -1 : 0;
}

/* The next piece of *at: 1, 0 at the end, -1 where it is too long. */
static int next_piece(const char **at, char piece[PIECE])
{
    const char *start = *at + strspn(*at, " ,\t\n");
    size_t length = strcspn(start, " ,\t\n");
    *at = start + length;
    if (length >= PIECE)
        return -1;
    memcpy(piece, start, length);
    piece[length] = 0;
    return length > 0;
}

static gradc_status unknown_key(const char *what, const char *key, const struct option *table, int n,
                                struct failure *f)
{
    char known[512] = "";
    size_t used = 0;
    for (int i = 0; i < n && used < sizeof known; i++)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", table[i].key);
    return fail(f, GRADC_E_ARG, "%s: there is no option \"%s\"; there are %s", what, key, n ? known : "none");
}

static gradc_status read_list(const char *what, const struct option *o, char *value, void *to, struct failure *f)
{
    struct option_list list = {0};
    for (char *at = value; at;) {
        char *end = strchr(at, '/');
        if (end)
            *end = 0;
        if (list.n == OPTION_VALUES || option_number(at, &list.value[list.n++]))
            return fail(f, GRADC_E_ARG, "%s: %s takes up to %d numbers, such as 0.5/0.4/0.4", what, o->key,
                        OPTION_VALUES);
        at = end ? end + 1 : NULL;
    }
    memcpy((char *)to + o->offset, &list, sizeof list);
    return GRADC_OK;
}

static gradc_status read_number(const char *what, const struct option *o, const char *value, void *to,
                                struct failure *f)
{
    double number = 0;
    int whole = o->kind == OPTION_WHOLE;
    if (option_number(value, &number) || number < o->least || number > o->most ||
        (whole && (number != floor(number) || fabs(number) > 0x1p53)))
        return fail(f, GRADC_E_ARG, "%s: %s must be a %s from %.15g to %.15g, not \"%s\"", what, o->key,
                    whole ? "whole number" : "number", o->least, o->most, value);
    int64_t integer = whole ? (int64_t)number : 0;
    memcpy((char *)to + o->offset, whole ? (const void *)&integer : (const void *)&number, 8);
    return GRADC_OK;
}

static gradc_status read_value(const char *what, const struct option *o, char *value, void *to, struct failure *f)
{
    if (o->kind == OPTION_REALS)
        return read_list(what, o, value, to, f);
    if (o->kind != OPTION_WORD)
        return read_number(what, o, value, to, f);
    if (strlen(value) >= OPTION_TEXT)
        return fail(f, GRADC_E_ARG, "%s: %s is longer than %d characters", what, o->key, OPTION_TEXT - 1);
    strcpy((char *)to + o->offset, value);
    return GRADC_OK;
}

gradc_status options_read(const char *what, const char *text, const struct option *table, int n, void *to,
                          char *name, struct failure *f)
{
    char piece[PIECE];
    int found, first = 1;
    while ((found = text ? next_piece(&text, piece) : 0) != 0) {
        char *equals = found > 0 ? strchr(piece, '=') : NULL;
        int i = 0;
        if (found > 0 && !equals && first && name && strlen(piece) < OPTION_TEXT) {
            strcpy(name, piece);
            first = 0;
            continue;
        }
        first = 0;
        if (!equals)
            return fail(f, GRADC_E_ARG, "%s: options are key=value, separated by spaces or commas", what);
        *equals = 0;
        while (i < n && strcmp(table[i].key, piece) != 0)
            i++;
        gradc_status status =
            i < n ? read_value(what, &table[i], equals + 1, to, f) : unknown_key(what, piece, table, n, f);
        if (status)
            return status;
    }
    return GRADC_OK;
}
