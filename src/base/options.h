/* options.h - texts of settings, "image=32 shuffle=1" or "cosine,warmup=500": words and key=value pairs, separated by
 * spaces or commas, read into a struct by a table of keys.  Numbers have a point whatever the locale. */
#ifndef GRADC_OPTIONS_H
#define GRADC_OPTIONS_H

#include "base/failure.h"

enum { OPTION_TEXT = 64, OPTION_VALUES = 8 };

/* Where a key's value goes: an int64_t, a double, a char[OPTION_TEXT], or a struct option_list. */
enum option_kind { OPTION_WHOLE, OPTION_REAL, OPTION_WORD, OPTION_REALS };

/* The numbers of a value such as 0.5/0.4/0.4. */
struct option_list {
    int n;
    double value[OPTION_VALUES];
};

struct option {
    const char *key;
    enum option_kind kind;
    size_t offset;      /* into the struct */
    double least, most; /* of a number */
};

/* Reads text (NULL: nothing) into the struct `to`, which holds the defaults.  A first word without "=" goes to `name`,
 * char[OPTION_TEXT], unless that is NULL.  GRADC_E_ARG with a sentence that begins with what: an unknown key names
 * those that there are. */
gradc_status options_read(const char *what, const char *text, const struct option *table, int n, void *to,
                          char *name, struct failure *f);

/* The whole of text as a finite number; 0, or -1 where it is none. */
int option_number(const char *text, double *value);

#endif
