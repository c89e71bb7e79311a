/* json.h - builds JSON text piece by piece.  A failure is remembered: ask once, at the end. */
#ifndef GRADC_JSON_H
#define GRADC_JSON_H

#include <stdint.h>

/* Starts as {0}; text is host_alloc'd and not ended by NUL. */
struct json {
    char *text;
    int64_t size, capacity;
    int failed; /* 1: no memory */
};

void json_raw(struct json *j, const char *text);    /* as it stands */
void json_string(struct json *j, const char *text); /* quoted and escaped; text must be UTF-8 */
void json_integer(struct json *j, int64_t value);

/* Whether text is UTF-8 (no surrogates, no overlong forms): 1 or 0. */
int json_is_utf8(const char *text);

#endif
